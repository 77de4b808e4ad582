"""A fit within a time: cheap retrievers first, a better recommender with each step.

A step is the fit of a smaller configuration: some of the retrievers, fewer folds, no ranker. Steps share the
fits of their retrievers, so that each costs what it adds. Retrievers come in the order of their worth
(`costs.by_worth`), in groups that each cost about as much as all before them: stopped at any moment, a fit
has spent about half of its time on what it has. Last come the ranker and the other folds: that step is the
configuration itself, the same as a fit without a limit.

While time is short a retriever serves as it was fitted for the last fold, on all but the last stretch of the
log: it reads whole histories too.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.seeds import Streams
from tacit.data.catalogue import Catalogue
from tacit.data.gain import ndcg_of_scores
from tacit.data.interactions import Interactions
from tacit.data.splits import DEFAULT, Protocol
from tacit.models.protocol import Recommender, fitted
from tacit.pipeline import costs, register
from tacit.pipeline.blend import Blend, LabelledCandidates
from tacit.pipeline.config import Config, needs, with_retrievers
from tacit.pipeline.costs import Size
from tacit.pipeline.firststage import FirstStage, Fold, assign_parts
from tacit.pipeline.retrieval import collect
from tacit.pipeline.secondstage import fit_projection
from tacit.pipeline.text_encoder import NO_ENCODER
from tacit.pipeline.twostage import TwoStage
from tacit.pipeline.windows import Window, rank_windows, sampled_users
from tacit.rankers.ranker import OnEpoch, Ranker

_LISTS = 1_000
"""Lists of the last fold that steps before the last learn from and are measured on."""
_SPARE = 1.25
"""A part is begun if so many times its expected seconds are left."""
_FIRST_SECONDS = 1.0
"""Retrievers of so many seconds together are one group: the first, which is to be there soon."""
_WHOLE = "whole"

Left = Callable[[], float]
"""Returns the seconds that are left."""


@dataclass(frozen=True)
class Step:
    """A fitted recommender on the way to the whole configuration.

    Attributes
    ----------
    pipeline : TwoStage
        Of a smaller configuration, or of the whole one.
    ndcg : float or None
        NDCG@10 of lists in the last fold, by parts fitted before it, which did not learn from the list; None
        where the log has no fold.
    complete : bool
        Whether it is the whole configuration.
    what : str
        What it holds, in words.
    """

    pipeline: TwoStage
    ndcg: float | None
    complete: bool
    what: str


class _Pace:
    """How much slower this machine is than the expected seconds say: known from what was done already."""

    def __init__(self) -> None:
        self._expected, self._taken = 1.0, 1.0  # as before the first measurement: as expected

    def __call__(self, expected: float) -> float:
        """Return the seconds that a part will take here."""
        return expected * self._taken / self._expected

    def measured(self, expected: float, taken: float) -> None:
        """Learn from a part that took so many seconds."""
        self._expected += expected
        self._taken += taken


class Fits:
    """The folds of a log, and the fits of retrievers on the whole log and before each fold: each made once.

    They are those of `tacit.pipeline.firststage.fit_first_stage`, from the same streams.
    """

    def __init__(
        self,
        config: Config,
        interactions: Interactions,
        catalogue: Catalogue,
        *,
        protocol: Protocol | None,
        streams: Streams,
    ) -> None:
        self.interactions, self.catalogue = interactions, catalogue
        self.wanted = protocol
        self.protocol = protocol or DEFAULT[interactions.timing]
        self._config, self._streams = config, streams
        sampled = sampled_users(interactions, config.max_events, streams.stream("users"))
        windows = rank_windows(
            sampled,
            self.protocol,
            count=config.windows,
            share=config.share,
            repeats=config.repeats,
            rng=streams.stream("windows"),
        )
        self.windows = list(windows)
        self._projection = fit_projection(self.windows[0].train if self.windows else interactions, catalogue)
        self._part = assign_parts(interactions.n_users, streams.stream("parts"))
        self._fitted: dict[tuple[str, str], Recommender] = {}
        self.size = Size.of(interactions, catalogue)
        self.pace = _Pace()

    @property
    def last(self) -> str:
        """Name of the last fold."""
        return _fold(len(self.windows) - 1)

    def names(self) -> list[str]:
        """Return the names of all logs that a configuration is fitted on: the folds and the whole log."""
        return [*map(_fold, range(len(self.windows))), _WHOLE]

    def has(self, log: str, one: Recommender) -> bool:
        """Return whether a retriever was fitted on a log."""
        return (log, one.name) in self._fitted

    def expected(self, log: str, one: Recommender) -> float:
        """Return about how many seconds it takes until a retriever is fitted on a log."""
        return 0.0 if self.has(log, one) else self.pace(costs.fit_seconds(one, self._size_of(log)))

    def fit(self, log: str, one: Recommender, left: Left) -> None:
        """Fit a retriever on a log, unless it was fitted there before."""
        if self.has(log, one):
            return
        before = left()
        rng = self._streams.stream("retriever", log, one.name)
        events = self.interactions if log == _WHOLE else self._window(log).train
        self._fitted[log, one.name] = fitted(copy.copy(one), events, self.catalogue, rng=rng)
        self.pace.measured(costs.fit_seconds(one, self._size_of(log)), before - left())

    def first(self, retrievers: Sequence[Recommender], folds: int, lists: int) -> FirstStage:
        """Return the first stage of some retrievers with the last folds, of at most so many lists each.

        A retriever that was not fitted on the whole log serves as fitted for the last fold.
        """
        serving = tuple(
            self._fitted.get((_WHOLE, one.name)) or self._fitted[self.last, one.name] for one in retrievers
        )
        numbers = range(len(self.windows) - folds, len(self.windows))
        kept = tuple(self._labelled(number, retrievers, lists) for number in numbers)
        return FirstStage(serving, kept, self._projection, self._part, self.protocol)

    def with_texts(self, config: Config, catalogue: Catalogue) -> "Fits":
        """Return the fits of a configuration with texts, for the catalogue with vectors.

        What reads no text stays as it was fitted.
        """
        other = copy.copy(self)
        other._config, other.catalogue = config, catalogue
        start = self.windows[0].train if self.windows else self.interactions
        other._projection = fit_projection(start, catalogue)
        other._fitted = {key: one for key, one in self._fitted.items() if not _reads_texts(one)}
        return other

    def lists(self, folds: int) -> int:
        """Return how many lists the last folds have."""
        most = self._config.max_users
        return sum(min(len(one.queries), most) for one in self.windows[len(self.windows) - folds :])

    def _labelled(self, number: int, retrievers: Sequence[Recommender], lists: int) -> Fold:
        name = _fold(number)
        window = self.windows[number].sample(lists, self._streams.stream("queries", name))
        own = tuple(self._fitted[name, one.name] for one in retrievers)
        found = collect(own, window.queries, self._config.candidates, self.catalogue.available)
        labelled = LabelledCandidates(found, window.labels(found.items), np.diff(window.target_offsets))
        return Fold(window, own, labelled, self._part[window.queries.user])

    def _window(self, log: str) -> Window:
        return next(one for number, one in enumerate(self.windows) if _fold(number) == log)

    def _size_of(self, log: str) -> Size:
        return self.size if log == _WHOLE else self.size.shorter(len(self._window(log).train))


def steps(
    config: Config,
    fits: Fits,
    *,
    seed: Callable[[], np.random.Generator],
    left: Left,
    progress: Progress = SILENT,
    on_epoch: OnEpoch | None = None,
) -> Iterator[Step]:
    """Yield better and better recommenders while time is left; at least one, however little time there is.

    Parameters
    ----------
    config : Config
        The whole configuration.
    fits : Fits
        Of this configuration, or of one with more retrievers; extended here.
    seed : callable
        Returns the generator of a fit, a new one for each call, always in the same state.
    left : callable
    progress : Progress
    on_epoch : callable, optional
        As in `tacit.pipeline.twostage.TwoStage`.
    """
    climb = _Climb(config, fits, seed, left, progress, on_epoch)
    if not fits.windows:
        yield climb.whole()
        return
    ordered = fits.interactions.timing != "none"
    for group in groups(config.retrievers, fits.size, ordered=ordered):
        known = all(fits.has(fits.last, one) for one in group)
        if not climb.add(group):
            break
        if not known:
            yield climb.step()
    if climb.whole_fits():
        yield climb.whole()
    elif climb.ranker_fits():
        yield climb.step(config.ranker)


class _Climb:
    """What was reached so far on the way to a configuration; see `steps` for the arguments."""

    def __init__(
        self,
        config: Config,
        fits: Fits,
        seed: Callable[[], np.random.Generator],
        left: Left,
        progress: Progress,
        on_epoch: OnEpoch | None,
    ) -> None:
        self._config, self._fits, self._seed, self._left = config, fits, seed, left
        self._progress, self._on_epoch = progress, on_epoch
        self._kept: list[Recommender] = []

    def add(self, group: Sequence[Recommender]) -> bool:
        """Fit those of a group for which time is left, before the last fold and on the whole log."""
        with self._progress.task("fitting retrievers", total=2 * len(group)) as task:
            new: list[Recommender] = []
            for one in group:
                if (self._kept or new) and not self._time_for(self._expected(self._fits.last, [one])):
                    break
                self._fits.fit(self._fits.last, one, self._left)
                new.append(one)
                task.advance()
            for one in new:
                if self._time_for(self._expected(_WHOLE, [one])):
                    self._fits.fit(_WHOLE, one, self._left)
                task.advance()
        self._kept += new
        return bool(new)

    def step(self, ranker: Ranker | None = None) -> Step:
        """Return the recommender of what is there, from the last fold."""
        kept = [one for one in self._config.retrievers if one in self._kept]
        part = replace(with_retrievers(self._config, kept), ranker=ranker, rerank=None, windows=1)
        return self._fitted(part, self._fits.first(kept, 1, _LISTS), complete=False)

    def whole(self) -> Step:
        """Return the recommender of the whole configuration."""
        every = [(log, one) for log in self._fits.names() for one in self._config.retrievers]
        with self._progress.task("fitting retrievers", total=len(every)) as task:
            for log, one in every:
                self._fits.fit(log, one, self._left)
                task.advance()
        folds = len(self._fits.windows)
        first = self._fits.first(self._config.retrievers, folds, self._config.max_users)
        return self._fitted(self._config, first, complete=True)

    def whole_fits(self) -> bool:
        """Return whether time is left for the whole configuration."""
        logs = self._fits.names()
        missing = sum(self._fits.expected(log, one) for log in logs for one in self._config.retrievers)
        return self._time_for(missing + self._learning(len(self._fits.windows)))

    def ranker_fits(self) -> bool:
        """Return whether time is left for a ranker of what is there."""
        return self._config.ranker is not None and self._time_for(self._learning(1))

    def _learning(self, folds: int) -> float:
        lists = self._fits.lists(folds)
        seconds = costs.list_seconds(len(self._config.retrievers), lists)
        return self._fits.pace(seconds + costs.ranker_seconds(self._config.ranker, lists))

    def _expected(self, log: str, retrievers: Sequence[Recommender]) -> float:
        return sum(self._fits.expected(log, one) for one in retrievers)

    def _time_for(self, seconds: float) -> bool:
        return _SPARE * seconds <= self._left()

    def _fitted(self, config: Config, first: FirstStage, *, complete: bool) -> Step:
        pipeline = TwoStage(config, protocol=self._fits.wanted, first=first, on_epoch=self._on_epoch)
        pipeline = pipeline.showing(self._progress)
        pipeline.fit(self._fits.interactions, self._fits.catalogue, rng=self._seed())
        ndcg = pipeline.fold_ndcg_
        if config.ranker is None and first.folds:
            ndcg = _cross_fitted_ndcg(first.folds[-1], len(config.retrievers))
        what = ", ".join(one.name for one in config.retrievers)
        return Step(
            pipeline, ndcg, complete, what + (f"; ranker {config.ranker.name}" if config.ranker else "")
        )


def without_texts(config: Config) -> Config | None:
    """Return a configuration without what needs texts; None if nothing is left."""
    kept = [one for one in config.retrievers if not needs(one, "text")]
    return replace(with_retrievers(config, kept), encoder=NO_ENCODER, rerank=None) if kept else None


def _reads_texts(one: Recommender) -> bool:
    """Return whether a fit of a retriever depends on the vectors of the texts."""
    entry = register.entry_of("retriever", one)
    return entry is None or "text" in entry.needs or entry.name == "textprior"


def groups(retrievers: Sequence[Recommender], size: Size, *, ordered: bool) -> list[list[Recommender]]:
    """Return retrievers by their worth, in groups that each cost at most what all before them do.

    A group holds at least one retriever. ``ordered``: whether the log has times or an order.
    """
    found: list[list[Recommender]] = []
    spent = here = 0.0
    for one in costs.by_worth(retrievers, size, ordered=ordered):
        seconds = costs.fit_seconds(one, size)
        if not found or here + seconds > max(spent, _FIRST_SECONDS):
            found.append([])
            spent, here = spent + here, 0.0
        found[-1].append(one)
        here += seconds
    return found


def _cross_fitted_ndcg(fold: Fold, retrievers: int) -> float:
    """Return NDCG@10 of a blend that each half of the users leaves to the other."""
    labelled, half = fold.labelled, fold.window.queries.user % 2
    scores = np.empty(labelled.labels.shape, dtype=np.float32)
    for here in (0, 1):
        own, others = np.flatnonzero(half == here), np.flatnonzero(half != here)
        blend = Blend().fit([labelled.take(others)], retrievers)
        scores[own] = blend.score(labelled.take(own).candidates)
    return float(ndcg_of_scores(scores, labelled.labels, labelled.totals).mean())


def _fold(number: int) -> str:
    return f"fold {number}"
