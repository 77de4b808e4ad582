"""From cleaned frames to better and better snapshots within a time; see `tacit.pipeline.anytime`.

Texts that the cache of vectors does not hold are read first only if that is quick: otherwise the first
snapshots have no texts, and those after them have.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tacit.core.executor import Executor
from tacit.core.progress import SILENT, Progress
from tacit.core.seeds import Streams, generator
from tacit.core.types import Json
from tacit.data.catalogue import Catalogue
from tacit.encoders.encoder import Caches, TextEncoder
from tacit.engine.snapshot import Snapshot
from tacit.engine.train import Prepared, encoded, snapshot_of, worded_texts
from tacit.pipeline.anytime import Step, steps, without_texts
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import Fits
from tacit.pipeline.text_encoder import NO_ENCODER, encoder_from
from tacit.rankers.ranker import OnEpoch

_TEXTS_A_SECOND = 250
"""How many texts a language model reads in a second on two cores."""
_TEXTS_SHARE = 0.25
"""Texts are read before anything is fitted if it takes at most this share of the time that is left."""
_INDEXED_A_SECOND = 2_000
"""Items whose closest texts are listed in a second."""
_INDEX_SHARE = 0.1
"""Lists of closest texts are made before the last step if they take at most this share of the time left."""
_WORSE = 0.99
"""A step that measures less than this share of the best before it is not kept, but for the complete one."""


@dataclass(frozen=True)
class Reached:
    """A snapshot on the way.

    Attributes
    ----------
    snapshot : Snapshot or None
        None for a step that measures worse than one before it: that one stays.
    seconds : float
        Since the start.
    ndcg : float or None
        NDCG@10 of lists in the last fold; see `tacit.pipeline.anytime.Step`.
    complete : bool
        Whether it is what a fit without a limit gives.
    what : str
        What it holds, in words.
    kept : bool
        Whether it is complete, or measures about as well as the best before it, or better.
    """

    snapshot: Snapshot | None
    seconds: float
    ndcg: float | None
    complete: bool
    what: str
    kept: bool = False

    def to_json(self) -> dict[str, Json]:
        """Return the step without its snapshot as JSON."""
        return {
            "seconds": round(self.seconds, 2),
            "ndcg@10": self.ndcg,
            "what": self.what,
            "kept": self.kept,
            "complete": self.complete,
        }


def train_within(
    given: Prepared,
    seconds: float,
    clock: Callable[[], float],
    *,
    progress: Progress = SILENT,
    on_epoch: OnEpoch | None = None,
    executor: Executor | None = None,
) -> Iterator[Reached]:
    """Yield snapshots, each better than those before, until about so many seconds are over; at least one.

    Parameters
    ----------
    given : Prepared
    seconds : float
        For the whole fit; a step is begun only where it is expected to end in time.
    clock : callable
        Returns the seconds since the start of the fit, the reading of the log included.
    progress : Progress
    on_epoch : callable, optional
    executor : Executor, optional
        As in `tacit.engine.train.train`.
    """
    run = _Run(given, seconds, clock, progress, on_epoch)
    config, textless = given.config, without_texts(given.config)
    late = textless is not None and run.seconds_of_texts() > _TEXTS_SHARE * run.left()
    if late and textless is not None:
        fits = _fits(textless, given, given.catalogue, executor)
        yield from run.steps(textless, fits, given.catalogue, None)
        if run.seconds_of_texts() > run.left():
            return
        encoder, catalogue = encoded(given.catalogue, given.source, progress=progress)
        yield from run.steps(config, fits.with_texts(config, catalogue), catalogue, encoder)
    else:
        encoder, catalogue = encoded(given.catalogue, given.source, progress=progress)
        yield from run.steps(config, _fits(config, given, catalogue, executor), catalogue, encoder)


def _fits(config: Config, given: Prepared, catalogue: Catalogue, executor: Executor | None) -> Fits:
    streams = Streams.of(generator(config.seed, "fit"))
    return Fits(config, given.interactions, catalogue, protocol=None, streams=streams, executor=executor)


class _Run:
    """One fit within a time; see `train_within` for the arguments."""

    def __init__(
        self,
        given: Prepared,
        seconds: float,
        clock: Callable[[], float],
        progress: Progress,
        on_epoch: OnEpoch | None,
    ) -> None:
        self._given, self._seconds, self._clock = given, seconds, clock
        self._progress, self._on_epoch = progress, on_epoch
        self._history: list[Reached] = []

    def left(self) -> float:
        """Return the seconds that are left."""
        return self._seconds - self._clock()

    def seconds_of_texts(self) -> float:
        """Return about how many seconds a language model takes for the texts that are not in the cache."""
        given = self._given
        if given.source == NO_ENCODER or not given.catalogue.has_text.any():
            return 0.0
        texts = worded_texts(given.catalogue)
        encoder = encoder_from(given.source, texts)
        new = encoder.absent(texts) if isinstance(encoder, Caches) else texts
        return len(set(new)) / _TEXTS_A_SECOND

    def steps(
        self, config: Config, fits: Fits, catalogue: Catalogue, encoder: TextEncoder | None
    ) -> Iterator[Reached]:
        """Yield what the steps of a configuration reach."""
        for step in steps(
            config,
            fits,
            seed=lambda: generator(config.seed, "fit"),
            left=self.left,
            progress=self._progress,
            on_epoch=self._on_epoch,
        ):
            if config != self._given.config:  # texts are missing
                step = replace(step, complete=False)
            yield self._reached(step, catalogue, encoder)

    def _reached(self, step: Step, catalogue: Catalogue, encoder: TextEncoder | None) -> Reached:
        best = max((one.ndcg for one in self._history if one.kept and one.ndcg is not None), default=0.0)
        here = Reached(None, self._clock(), step.ndcg, step.complete, step.what)
        if step.complete or step.ndcg is None or step.ndcg >= _WORSE * best:
            here = replace(here, kept=True)
        self._history.append(here)
        if not here.kept:
            return here
        pipeline = step.pipeline
        if step.complete or len(catalogue) / _INDEXED_A_SECOND <= _INDEX_SHARE * self.left():
            pipeline = pipeline.indexed()
        facts: dict[str, Json] = {"steps": [one.to_json() for one in self._history]}
        return replace(here, snapshot=snapshot_of(self._given, pipeline, catalogue, encoder, facts))
