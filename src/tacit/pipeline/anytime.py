"""A fit within a time: cheap retrievers first, a better recommender with each step.

A step is the fit of a smaller configuration: some of the retrievers, fewer folds, no ranker. Steps share the
fits of their retrievers, so that each costs what it adds. Retrievers come in the order of their worth
(`costs.by_worth`), in groups that each cost about as much as all before them: stopped at any moment, a fit
has spent about half of its time on what it has. Last come the ranker and the other folds: that step is the
configuration itself, the same as a fit without a limit.

While time is short a retriever serves as it was fitted for the last fold, on all but the last stretch of the
log: it reads whole histories too. Where not even that is expected to end in time, one whose time grows with
the third power of its items learns fewer of them, the most popular ones.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.data.gain import ndcg_of_scores
from tacit.models.protocol import Recommender
from tacit.pipeline import costs
from tacit.pipeline.blend import Blend
from tacit.pipeline.config import Config, needs, with_retrievers
from tacit.pipeline.costs import STEP_LISTS, Size, most_items
from tacit.pipeline.firststage import WHOLE, FirstStage, Fits, Fold
from tacit.pipeline.text_encoder import NO_ENCODER
from tacit.pipeline.twostage import TwoStage
from tacit.rankers.ranker import OnEpoch, Ranker

_SPARE = 1.25
"""A part is begun if so many times its expected seconds are left."""
_FIRST_SECONDS = 3.5
"""Retrievers of so many seconds together are one group: the first, which is to be there soon."""

_Part = tuple[str, Recommender]

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
    for group in climb.groups():
        known = climb.knows(group)
        if not climb.add(group):
            break
        if not known:
            yield climb.step()
    if climb.time_for_whole():
        yield climb.whole()
    elif climb.time_for_ranker():
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
        self._kept: dict[str, Recommender] = {}
        self._size = Size.of(fits.interactions, fits.catalogue)
        self._pace = _Pace()
        self._last = next(reversed(fits.windows), WHOLE)

    def groups(self) -> list[list[Recommender]]:
        """Return the retrievers in the groups in which they come."""
        ordered = self._fits.interactions.timing != "none"
        return groups(self._config.retrievers, self._size, ordered=ordered)

    def knows(self, group: Sequence[Recommender]) -> bool:
        """Return whether all of a group were fitted before."""
        return all(self._fits.has(self._last, one) for one in group)

    def add(self, group: Sequence[Recommender]) -> bool:
        """Fit those of a group for which time is left, before the last fold and on the whole log."""
        least = [] if self._kept else [(self._last, one) for one in self._least(group)]
        twice = self._affordable([(log, one) for one in group for log in (self._last, WHOLE)], least)
        once = self._affordable([(self._last, one) for one in group], least, or_less=True)
        # Better all of the group as fitted for the fold than a part of it as fitted on the whole log.
        parts = once if {one.name for _, one in once} > {one.name for _, one in twice} else twice
        self._fit(parts)
        known = [one for one in (*group, *self._needed()) if self._fits.has(self._last, one)]
        self._kept |= {one.name: one for one in (*known, *(one for _, one in parts))}
        return bool(parts)

    def _least(self, group: Sequence[Recommender]) -> list[Recommender]:
        """Return what the first step is never without, however little time there is."""
        cheap = [one for one in group[1:] if costs.is_always_fitted(one, self._size)]
        return [group[0], *cheap, *self._needed()]

    def _needed(self) -> list[Recommender]:
        """Return the retrievers that no part of the configuration is without."""
        return [one for one in self._config.retrievers if needs(one, "repeats")]

    def step(self, ranker: Ranker | None = None) -> Step:
        """Return the recommender of what is there, from the last fold."""
        kept = [self._kept[one.name] for one in self._config.retrievers if one.name in self._kept]
        part = replace(with_retrievers(self._config, kept), ranker=ranker, rerank=None, windows=1)
        return self._fitted(part, self._fits.first_stage(kept, [self._last], STEP_LISTS), complete=False)

    def whole(self) -> Step:
        """Return the recommender of the whole configuration."""
        retrievers, config = self._config.retrievers, self._config
        self._fit([(log, one) for log in self._fits.logs for one in retrievers])
        first = self._fits.first_stage(retrievers, [*self._fits.windows], config.max_users)
        return self._fitted(config, first, complete=True)

    def time_for_whole(self) -> bool:
        """Return whether time is left for the whole configuration."""
        every = [(log, one) for log in self._fits.logs for one in self._config.retrievers]
        return self._time_for(self._expected(every) + self._learning([*self._fits.windows]))

    def time_for_ranker(self) -> bool:
        """Return whether time is left for a ranker of what is there."""
        return self._config.ranker is not None and self._time_for(self._learning([self._last]))

    def _affordable(self, parts: list[_Part], least: list[_Part], *, or_less: bool = False) -> list[_Part]:
        """Return those of some fits for which time is left, of both logs or of none; at least some.

        ``or_less``: with fewer items before the last fold, where that is all that can be done.
        """
        found = list(least)
        for one in {part[1].name: part[1] for part in parts}.values():
            more = found + [part for part in parts if part[1] is one and part not in found]
            if self._time_for(self._expected(more)):
                found = more
            elif or_less and (self._last, one) not in found and (less := self._smaller(one, found)):
                found.append((self._last, less))
        return found

    def _smaller(self, one: Recommender, others: Sequence[_Part]) -> Recommender | None:
        """Return a retriever of as many items as can be fitted beside others in the time that is left."""
        size = self._size.shorter(len(self._fits.logs[self._last]))
        taken = self._expected(others) + costs.list_seconds(len(others) + 1, STEP_LISTS)
        return costs.smaller(one, size, self._left() / self._pace(_SPARE) - taken)

    def _fit(self, parts: Sequence[_Part]) -> None:
        expected, before = self._expected(parts), self._left()
        with self._progress.task("fitting retrievers", total=len(parts)) as task:
            self._fits.fit(parts, task.advance)
        self._pace.measured(expected, before - self._left())

    def _expected(self, parts: Sequence[_Part]) -> float:
        """Return about how many seconds fits that were not made yet take."""
        sizes = {log: self._size.shorter(len(events)) for log, events in self._fits.logs.items()}
        missing = [(log, one) for log, one in parts if not self._fits.has(log, one)]
        return sum(costs.fit_seconds(one, sizes[log]) for log, one in missing)

    def _learning(self, folds: Sequence[str]) -> float:
        """Return about how many seconds it takes to learn from the lists of some folds."""
        lists = sum(min(len(self._fits.windows[name].queries), self._config.max_users) for name in folds)
        seconds = costs.list_seconds(len(self._config.retrievers), lists)
        return seconds + costs.ranker_seconds(self._config.ranker, lists)

    def _time_for(self, expected: float) -> bool:
        return _SPARE * self._pace(expected) <= self._left()

    def _fitted(self, config: Config, first: FirstStage, *, complete: bool) -> Step:
        pipeline = TwoStage(config, protocol=self._fits.wanted, first=first, on_epoch=self._on_epoch)
        pipeline = pipeline.showing(self._progress)
        pipeline.fit(self._fits.interactions, self._fits.catalogue, rng=self._seed())
        ndcg = pipeline.fold_ndcg_
        if config.ranker is None and first.folds:
            ndcg = _cross_fitted_ndcg(first.folds[-1], len(config.retrievers), pipeline.second_.blend)
        what = ", ".join(self._in_words(one) for one in config.retrievers)
        ranker = f"; ranker {config.ranker.name}" if config.ranker else ""
        return Step(pipeline, ndcg, complete, what + ranker)

    def _in_words(self, one: Recommender) -> str:
        most = most_items(one)
        if one in self._config.retrievers or most is None:
            return one.name
        return f"{one.name} of {min(most, self._size.items):,} items"


def without_texts(config: Config) -> Config | None:
    """Return a configuration without what needs texts; None if nothing is left."""
    kept = [one for one in config.retrievers if not needs(one, "text")]
    return replace(with_retrievers(config, kept), encoder=NO_ENCODER, rerank=None) if kept else None


def groups(retrievers: Sequence[Recommender], size: Size, *, ordered: bool) -> list[list[Recommender]]:
    """Return retrievers by their worth, in groups that each cost at most what all before them do.

    A group holds at least one retriever. ``ordered``: whether the log has times or an order.
    """
    found: list[list[Recommender]] = []
    spent = here = 0.0
    for one in costs.by_worth(retrievers, size, ordered=ordered):
        seconds = costs.step_seconds(one, size)
        if not found or here + seconds > max(spent, _FIRST_SECONDS):
            found.append([])
            spent, here = spent + here, 0.0
        found[-1].append(one)
        here += seconds
    return found


def _cross_fitted_ndcg(fold: Fold, retrievers: int, whole: Blend) -> float:
    """Return NDCG@10 of a blend that each half of the users leaves to the other; ``whole`` is that of all."""
    labelled, half = fold.labelled, fold.window.queries.user % 2
    scores = np.empty(labelled.labels.shape, dtype=np.float32)
    for here in (0, 1):
        own, others = np.flatnonzero(half == here), np.flatnonzero(half != here)
        blend = Blend().fit([labelled.take(others)], retrievers, whole)
        scores[own] = blend.score(labelled.take(own).candidates)
    return float(ndcg_of_scores(scores, labelled.labels, labelled.totals).mean())
