"""The first stage, fitted in time order: retrievers on the whole log, and folds on stretches of it.

A fold is a window with retrievers fitted on its training events and their candidates: the blend and any
ranker learn from it. This is the expensive part of a fit, and one first stage can serve many rankers.

One fit of one retriever on one log is a part for an executor, and so are the candidates of some queries. Each
part has its own stream of randomness, so that the result is the same wherever and in whatever order they are
computed.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tacit.core.executor import LOCAL, Executor, in_threads
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
from tacit.models.sharing import sharing
from tacit.pipeline import register
from tacit.pipeline.blend import LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.retrieval import collect, held_at_once, joined_candidates
from tacit.pipeline.secondstage import fit_projection
from tacit.pipeline.windows import Window, rank_windows, sampled_users

TRAIN, VALID, TEST = 0, 1, 2
_PART_SIZES = (0.7, 0.2, 0.1)

WHOLE = "whole"
"""Name of the whole log among those that retrievers are fitted on."""
_SIDE_BY_SIDE = 25_000_000
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


class _Fit(NamedTuple):
    """A fitted retriever, and the one with the wanted parameters of which it is a copy."""

    wanted: Recommender
    fitted: Recommender


class Fits:
    """The folds of a log, and the fits of retrievers before each fold and on the whole log: each made once.

    Parameters
    ----------
    config : Config
    interactions : Interactions
    catalogue : Catalogue
    protocol : {"time", "leave-one-out", "random"}, optional
        The kind of cut that gives the labels; by default the strictest one that the log supports.
    streams : Streams
    executor : Executor, optional
        Where retrievers are fitted and candidates collected; by default in threads of this process, one for a
        log that is large. The result is the same.

    Attributes
    ----------
    wanted : {"time", "leave-one-out", "random"} or None
        The kind of cut that was asked for.
    protocol : {"time", "leave-one-out", "random"}
    windows : mapping of name to Window
        The earliest first.
    logs : mapping of name to Interactions
        What retrievers are fitted on: the whole log, then the past of each fold, the last one first.
    """

    def __init__(
        self,
        config: Config,
        interactions: Interactions,
        catalogue: Catalogue,
        *,
        protocol: Protocol | None,
        streams: Streams,
        executor: Executor | None = None,
    ) -> None:
        self.config, self.interactions, self.catalogue = config, interactions, catalogue
        self.wanted, self.protocol = protocol, protocol or DEFAULT[interactions.timing]
        self._streams = streams
        self._executor = executor or _own_executor(len(interactions))
        windows = rank_windows(
            sampled_users(interactions, config.max_events, streams.stream("users")),
            self.protocol,
            count=config.windows,
            share=config.share,
            repeats=config.repeats,
            rng=streams.stream("windows"),
        )
        self.windows = {f"fold {number}": window for number, window in enumerate(windows)}
        # The longest first, so that no worker is left alone with it at the end.
        earlier = {name: window.train for name, window in reversed(self.windows.items())}
        self.logs: Mapping[str, Interactions] = {WHOLE: interactions, **earlier}
        self._projection = self._projected()
        self._part = assign_parts(interactions.n_users, streams.stream("parts"))
        self._found: dict[tuple[str, str], _Fit] = {}

    def has(self, log: str, one: Recommender) -> bool:
        """Return whether a retriever was fitted on a log, last with these parameters."""
        found = self._found.get((log, one.name))
        return found is not None and found.wanted == one

    def fit(self, parts: Sequence[tuple[str, Recommender]], advance: Callable[[], None]) -> None:
        """Fit retrievers on logs, unless they were fitted there before; ``advance`` is called for each."""
        chosen = tuple({one.name: one for _, one in parts}.values())
        places = {one.name: place for place, one in enumerate(chosen)}
        job = _Job(chosen, self.logs, self.catalogue, self._streams)
        missing = [(log, places[one.name]) for log, one in parts if not self.has(log, one)]
        alone = [part for part in missing if self._executor.in_process and not _may_share(chosen[part[1]])]
        shared = [part for part in missing if part not in alone]
        with ExitStack() as stack:
            for log in {log for log, _ in missing}:
                stack.enter_context(sharing(self.logs[log]))
            for where, some in ((LOCAL, alone), (self._executor, shared)):
                for (log, place), found in zip(some, where.map(_Job.one, some, shared=job), strict=True):
                    self._found[log, chosen[place].name] = _Fit(chosen[place], found)
                    advance()

    def first_stage(self, retrievers: Sequence[Recommender], folds: Sequence[str], lists: int) -> FirstStage:
        """Return the first stage of some retrievers with some of the folds, of at most so many lists each.

        A retriever that was not fitted on the whole log serves as fitted for the last fold.
        """
        last = folds[-1] if folds else WHOLE
        serving = tuple(
            self._found[WHOLE if self.has(WHOLE, one) else last, one.name].fitted for one in retrievers
        )
        kept = tuple(self._fold(name, retrievers, lists) for name in folds)
        return FirstStage(serving, kept, self._projection, self._part, self.protocol)

    def with_texts(self, config: Config, catalogue: Catalogue) -> "Fits":
        """Return the fits of a configuration with texts, for the catalogue with vectors.

        What reads no text stays as it was fitted.
        """
        other = copy.copy(self)
        other.config, other.catalogue = config, catalogue
        other._projection = other._projected()
        other._found = {key: one for key, one in self._found.items() if not _reads_texts(one.fitted)}
        return other

    def _projected(self) -> Projection | None:
        """Return the projection of the vectors, fitted on the earliest window."""
        start = next(iter(self.windows.values())).train if self.windows else self.interactions
        return fit_projection(start, self.catalogue)

    def _fold(self, name: str, retrievers: Sequence[Recommender], lists: int) -> Fold:
        window = self.windows[name].sample(lists, self._streams.stream("queries", name))
        own = tuple(self._found[name, one.name].fitted for one in retrievers)
        return _fold(window, own, self.config, self.catalogue, self._part, self._executor)


def _own_executor(events: int) -> Executor:
    """Return where retrievers are fitted, by default, for a log of so many events."""
    return in_threads() if events <= _SIDE_BY_SIDE else LOCAL


def most_at_once(events: int) -> int:
    """Return how many retrievers are fitted at once, by default, for a log of so many events."""
    return _own_executor(events).workers


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
    """Return the retrievers of a configuration, fitted on the whole log and on folds of it; see `Fits`."""
    fits = Fits(config, interactions, catalogue, protocol=protocol, streams=streams, executor=executor)
    parts = [(log, one) for log in fits.logs for one in config.retrievers]
    with progress.task("fitting retrievers", total=len(parts)) as task:
        fits.fit(parts, task.advance)
    return fits.first_stage(config.retrievers, [*fits.windows], config.max_users)


def fitted_again(
    config: Config,
    known: Sequence[Recommender],
    interactions: Interactions,
    catalogue: Catalogue,
    *,
    streams: Streams,
    executor: Executor | None = None,
) -> tuple[Recommender, ...]:
    """Return the retrievers of a configuration fitted on another whole log as `fit_first_stage` would.

    Networks stay as they are: what they learned of a few users cannot be taken out of them.

    Parameters
    ----------
    config : Config
    known : sequence of Recommender
        Those of the configuration, fitted before.
    interactions : Interactions
    catalogue : Catalogue
    streams : Streams
        Of the seed of the first fit.
    executor : Executor, optional
    """
    chosen = config.retrievers
    places = [place for place, one in enumerate(chosen) if not is_network(one)]
    alone = [place for place in places if not _may_share(chosen[place])]
    shared_places = [place for place in places if place not in alone]
    job = _Job(tuple(chosen), {WHOLE: interactions}, catalogue, streams)
    found = list(known)
    with sharing(interactions):
        for where, some in ((LOCAL, alone), (executor or _own_executor(len(interactions)), shared_places)):
            parts = [(WHOLE, place) for place in some]
            for place, one in zip(some, where.map(_Job.one, parts, shared=job), strict=True):
                found[place] = one
    return tuple(found)


def is_network(retriever: Recommender) -> bool:
    """Return whether a retriever is a network that is trained in steps."""
    return type(retriever).__module__.startswith(_NETWORKS)


def assign_parts(n_users: int, rng: np.random.Generator) -> Array:
    """Return TRAIN, VALID or TEST for each user: int[users]."""
    return rng.choice(3, size=n_users, p=_PART_SIZES)


@dataclass(frozen=True)
class _Job:
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


def _may_share(retriever: Recommender) -> bool:
    """Return whether a retriever may be fitted beside others in one process.

    Nothing is known of the models of others, and networks draw from a random state of the whole process.
    """
    return is_ours(retriever) and not is_network(retriever)


def _reads_texts(one: Recommender) -> bool:
    """Return whether a fit of a retriever depends on the vectors of the texts."""
    entry = register.entry_of("retriever", one)
    return entry is None or "text" in entry.needs or entry.name == "textprior"


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
