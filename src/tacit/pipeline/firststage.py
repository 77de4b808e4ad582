"""The first stage, fitted in time order: retrievers on all of a log, and rehearsals on stretches of it.

A rehearsal is a window with the retrievers that were fitted on its past and what they put forward: what the
blend and any ranker learn from. It is the dear part of a fit, and one can serve many rankers.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tacit.core.progress import Progress
from tacit.core.seeds import Streams
from tacit.core.types import Array
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.splits import DEFAULT, Protocol
from tacit.encoders.projection import Projection
from tacit.models.protocol import Recommender, fitted
from tacit.pipeline.blend import LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.retrieval import collect
from tacit.pipeline.secondstage import fit_projection
from tacit.pipeline.windows import Window, rank_windows, sampled_users

TRAIN, VALID, TEST = 0, 1, 2
_SHARES = (0.7, 0.2, 0.1)


@dataclass(frozen=True)
class Fold:
    """A window, foretold.

    Attributes
    ----------
    window : Window
    retrievers : tuple of Recommender
        Fitted on its past.
    judged : Judged
        What they put forward for each query, and what was chosen.
    role : int[n]
        TRAIN, VALID or TEST of each query; a user has one role in all windows.
    """

    window: Window
    retrievers: tuple[Recommender, ...]
    labelled: LabelledCandidates
    part: Array


@dataclass(frozen=True)
class FirstStage:
    """What is fitted before anything is blended or ranked.

    Attributes
    ----------
    retrievers : tuple of Recommender
        Fitted on the whole log.
    rehearsals : tuple of Rehearsal
        The earliest first.
    projection : Projection or None
        View of the catalogue's vectors fitted on the earliest past: features mean the same in each window.
    role : int[users]
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
) -> FirstStage:
    """Return the retrievers of a configuration, fitted and rehearsed.

    Parameters
    ----------
    config : Config
    interactions : Interactions
    catalogue : Catalogue
    protocol : {"time", "leave-one-out", "random"}, optional
        The kind of cut that labels come from; by default the most honest one that the log supports.
    streams : Streams
    progress : Progress
    """
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
    projection = fit_projection(windows[0].past if windows else interactions, catalogue)
    part = assign_parts(interactions.n_users, streams.stream("parts"))
    with progress.task("fitting retrievers", total=(len(windows) + 1) * len(config.retrievers)) as task:
        folds = tuple(
            fit_fold(window, config, catalogue, part, streams, f"fold {number}", task.advance)
            for number, window in enumerate(windows)
        )
        whole = _fitted(config, interactions, catalogue, streams, "whole", task.advance)
    return FirstStage(whole, folds, projection, part, protocol)


def fit_fold(
    window: Window,
    config: Config,
    catalogue: Catalogue,
    part: Array,
    streams: Streams,
    name: str,
    advance: Callable[[], None],
) -> Fold:
    """Return what retrievers fitted on the past of a window put forward; ``role`` is that of each user."""
    window = window.sample(config.max_users, streams.stream("queries", name))
    retrievers = _fitted(config, window.past, catalogue, streams, name, advance)
    found = collect(retrievers, window.queries, config.candidates, catalogue.available)
    labelled = LabelledCandidates(found, window.labels(found.items), np.diff(window.target_offsets))
    return Fold(window, retrievers, labelled, part[window.queries.user])


def assign_parts(n_users: int, rng: np.random.Generator) -> Array:
    """Return TRAIN, VALID or TEST for each user: int[users]."""
    return rng.choice(3, size=n_users, p=_SHARES)


def _fitted(
    config: Config,
    past: Interactions,
    catalogue: Catalogue,
    streams: Streams,
    log: str,
    advance: Callable[[], None],
) -> tuple[Recommender, ...]:
    found = []
    for one in config.retrievers:
        rng = streams.stream("retriever", log, one.name)
        found.append(fitted(copy.copy(one), past, catalogue, rng=rng))
        advance()
    return tuple(found)
