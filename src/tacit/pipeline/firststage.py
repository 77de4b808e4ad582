"""The first stage, fitted in time order: retrievers on the whole log, and folds on stretches of it.

A fold is a window with retrievers fitted on its training events and their candidates: the blend and any
ranker learn from it. This is the expensive part of a fit, and one first stage can serve many rankers.

One fit of one retriever on one log is a part for an executor, and so are the candidates of some queries. Each
part has its own stream of randomness, so that the result is the same wherever and in whatever order they are
computed.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tacit.core.executor import LOCAL, Executor, side_by_side
from tacit.core.progress import Progress
from tacit.core.seeds import Streams
from tacit.core.types import Array, Bool
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.splits import DEFAULT, Protocol
from tacit.encoders.projection import Projection
from tacit.features.candidates import Candidates
from tacit.models.checks import is_ours
from tacit.models.protocol import Recommender, batch_size, fitted
from tacit.pipeline.blend import LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.retrieval import collect, held_at_once, joined_candidates
from tacit.pipeline.secondstage import fit_projection
from tacit.pipeline.windows import Window, rank_windows, sampled_users

TRAIN, VALID, TEST = 0, 1, 2
_PART_SIZES = (0.7, 0.2, 0.1)

_WHOLE = "whole"
_SIDE_BY_SIDE = 5_000_000
"""Logs with more events are fitted by one retriever after the other: two at once need the memory of two."""
_NETWORKS = "tacit.models.transformer"
"""Networks are trained with the one random state of PyTorch that all threads of a process share."""


@dataclass(frozen=True)
class Fold:
    """A window with the candidates of its retrievers.

    Attributes
    ----------
    window : Window
    retrievers : tuple of Recommender
        Fitted on its training events.
    labelled : LabelledCandidates
        Their candidates for each query, and which of them were chosen.
    part : int[n]
        TRAIN, VALID or TEST of each query; a user is in the same part in all windows.
    """

    window: Window
    retrievers: tuple[Recommender, ...]
    labelled: LabelledCandidates
    part: Array


@dataclass(frozen=True)
class FirstStage:
    """The fitted retrievers, and the folds that blend and rankers learn from.

    Attributes
    ----------
    retrievers : tuple of Recommender
        Fitted on the whole log, with their indexes for requests.
    folds : tuple of Fold
        The earliest first.
    projection : Projection or None
        Projection of the catalogue's vectors, fitted on the earliest window: features mean the same in each.
    part : int[users]
        TRAIN, VALID or TEST of each user.
    protocol : {"time", "leave-one-out", "random"}
        How the stretches were cut off.
    """

    retrievers: tuple[Recommender, ...]
    folds: tuple[Fold, ...]
    projection: Projection | None
    part: Array
    protocol: Protocol


def fit_first_stage(
    config: Config,
    interactions: Interactions,
    catalogue: Catalogue,
    *,
    protocol: Protocol | None,
    streams: Streams,
    progress: Progress,
    executor: Executor | None = None,
) -> FirstStage:
    """Return the retrievers of a configuration, fitted on the whole log and on folds of it.

    Parameters
    ----------
    config : Config
    interactions : Interactions
    catalogue : Catalogue
    protocol : {"time", "leave-one-out", "random"}, optional
        The kind of cut that gives the labels; by default the strictest one that the log supports.
    streams : Streams
    progress : Progress
    executor : Executor, optional
        Where retrievers are fitted and candidates collected; by default in threads of this process, one for a
        log that is large. The result is the same.
    """
    executor = executor or (side_by_side() if len(interactions) <= _SIDE_BY_SIDE else LOCAL)
    protocol = protocol or DEFAULT[interactions.timing]
    windows = list(
        rank_windows(
            sampled_users(interactions, config.max_events, streams.stream("users")),
            protocol,
            count=config.windows,
            share=config.share,
            repeats=config.repeats,
            rng=streams.stream("windows"),
        )
    )
    projection = fit_projection(windows[0].train if windows else interactions, catalogue)
    part = assign_parts(interactions.n_users, streams.stream("parts"))
    sampled = {
        name: window.sample(config.max_users, streams.stream("queries", name))
        for name, window in ((f"fold {number}", window) for number, window in enumerate(windows))
    }
    # The longest first, so that no worker is left alone with it at the end.
    logs = {_WHOLE: interactions, **{name: window.train for name, window in reversed(sampled.items())}}
    with progress.task("fitting retrievers", total=len(logs) * len(config.retrievers)) as task:
        found = _fitted(config, logs, catalogue, streams, executor, task.advance)
    folds = tuple(
        _fold(window, found[name], config, catalogue, part, executor) for name, window in sampled.items()
    )
    return FirstStage(found[_WHOLE], folds, projection, part, protocol)


def fit_fold(
    window: Window,
    config: Config,
    catalogue: Catalogue,
    part: Array,
    streams: Streams,
    name: str,
    advance: Callable[[], None],
) -> Fold:
    """Return the candidates of retrievers fitted on a window's training events; ``part`` is int[users]."""
    window = window.sample(config.max_users, streams.stream("queries", name))
    found = _fitted(config, {name: window.train}, catalogue, streams, LOCAL, advance)
    return _fold(window, found[name], config, catalogue, part, LOCAL)


def assign_parts(n_users: int, rng: np.random.Generator) -> Array:
    """Return TRAIN, VALID or TEST for each user: int[users]."""
    return rng.choice(3, size=n_users, p=_PART_SIZES)


@dataclass(frozen=True)
class _Fits:
    """What all fits share.

    Attributes
    ----------
    retrievers : tuple of Recommender
        Not fitted.
    logs : mapping of name to Interactions
    catalogue : Catalogue
    streams : Streams
    """

    retrievers: tuple[Recommender, ...]
    logs: Mapping[str, Interactions]
    catalogue: Catalogue
    streams: Streams

    def one(self, part: tuple[str, int]) -> Recommender:
        """Return a retriever fitted on a log: the name of the log, and the place of the retriever."""
        log, place = part
        chosen = self.retrievers[place]
        rng = self.streams.stream("retriever", log, chosen.name)
        return fitted(copy.copy(chosen), self.logs[log], self.catalogue, rng=rng)


def _fitted(
    config: Config,
    logs: Mapping[str, Interactions],
    catalogue: Catalogue,
    streams: Streams,
    executor: Executor,
    advance: Callable[[], None],
) -> dict[str, tuple[Recommender, ...]]:
    """Return the retrievers fitted on each log, by the name of the log."""
    fits = _Fits(tuple(config.retrievers), logs, catalogue, streams)
    parts = [(log, place) for log in logs for place in range(len(fits.retrievers))]
    alone = [part for part in parts if executor.in_process and not _may_share(fits.retrievers[part[1]])]
    shared = [part for part in parts if part not in alone]
    found: dict[tuple[str, int], Recommender] = {}
    for where, chosen in ((LOCAL, alone), (executor, shared)):
        for part, one in zip(chosen, where.map(_Fits.one, chosen, shared=fits), strict=True):
            found[part] = one
            advance()
    return {log: tuple(found[log, place] for place in range(len(fits.retrievers))) for log in logs}


def _may_share(retriever: Recommender) -> bool:
    """Return whether a retriever may be fitted beside others in one process.

    Nothing is known of the models of others, and networks draw from a random state of the whole process.
    """
    return is_ours(retriever) and not type(retriever).__module__.startswith(_NETWORKS)


def _fold(
    window: Window,
    retrievers: tuple[Recommender, ...],
    config: Config,
    catalogue: Catalogue,
    part: Array,
    executor: Executor,
) -> Fold:
    """Return a fold with the candidates of its fitted retrievers; ``part`` is int[users]."""
    search = _Search(retrievers, window.queries, config.candidates, catalogue.available)
    ranges = search.ranges(executor.workers)
    found = joined_candidates([*executor.map(_Search.some, ranges, shared=search)])
    labelled = LabelledCandidates(found, window.labels(found.items), np.diff(window.target_offsets))
    return Fold(window, retrievers, labelled, part[window.queries.user])


@dataclass(frozen=True)
class _Search:
    """Queries whose candidates are wanted, and the fitted retrievers that propose up to ``k`` each."""

    retrievers: tuple[Recommender, ...]
    queries: Queries
    k: int
    allowed: Bool

    def some(self, part: tuple[int, int]) -> Candidates:
        """Return the candidates of the queries from a place on and before another one."""
        return collect(self.retrievers, self.queries.slice(*part), self.k, self.allowed)

    def ranges(self, workers: int) -> Sequence[tuple[int, int]]:
        """Return ranges of queries, two for each of several workers, each of whole batches.

        The same batches for any number of workers: a product of matrices can depend on its height in the last
        bit.
        """
        size = batch_size(held_at_once(self.retrievers, len(self.allowed)))
        n = len(self.queries)
        count = -(-n // size)
        width = size * (count if workers == 1 else -(-count // (2 * workers)))
        return [(start, min(start + width, n)) for start in range(0, n, max(width, 1))]
