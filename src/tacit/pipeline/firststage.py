"""The first stage, fitted in time order: retrievers on the whole log, and folds on stretches of it.

A fold is a window with retrievers fitted on its training events and their candidates: the blend and any
ranker learn from it. This is the expensive part of a fit, and one first stage can serve many rankers.
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
_PART_SIZES = (0.7, 0.2, 0.1)


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
    projection = fit_projection(windows[0].train if windows else interactions, catalogue)
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
    """Return the candidates of retrievers fitted on a window's training events; ``part`` is int[users]."""
    window = window.sample(config.max_users, streams.stream("queries", name))
    retrievers = _fitted(config, window.train, catalogue, streams, name, advance)
    found = collect(retrievers, window.queries, config.candidates, catalogue.available)
    labelled = LabelledCandidates(found, window.labels(found.items), np.diff(window.target_offsets))
    return Fold(window, retrievers, labelled, part[window.queries.user])


def assign_parts(n_users: int, rng: np.random.Generator) -> Array:
    """Return TRAIN, VALID or TEST for each user: int[users]."""
    return rng.choice(3, size=n_users, p=_PART_SIZES)


def _fitted(
    config: Config,
    interactions: Interactions,
    catalogue: Catalogue,
    streams: Streams,
    log: str,
    advance: Callable[[], None],
) -> tuple[Recommender, ...]:
    found = []
    for one in config.retrievers:
        rng = streams.stream("retriever", log, one.name)
        found.append(fitted(copy.copy(one), interactions, catalogue, rng=rng))
        advance()
    return tuple(found)
