"""Weights of events: by sign, by position in the history, by age."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from tacit.core import kernels
from tacit.core.types import DAY, Float32, Float64
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries

RECENT = 0.1
"""The default half-life is the time span of this last part of the events."""

_FAINT = 1e-30
"""Smallest factor of the oldest events, so that evidence is never rounded to nothing."""


def faded(queries: Queries, decay: float) -> Float64:
    """Return the factor of each history event: ``decay ** position``, float64[events].

    1 if the log has no order: the last event in the file is not the last that happened.
    """
    if not queries.ordered:
        return np.ones(len(queries.item))
    return np.power(decay, queries.position, dtype=np.float64)


def chosen(queries: Queries, decay: float) -> Float32:
    """Return the decayed weight of each history event, 0 for a refusal: float32[events]."""
    return (np.maximum(queries.weight, 0) * faded(queries, decay)).astype(np.float32)


def decayed(queries: Queries, decay: float) -> Float32:
    """Return the decayed weight of each history event, 0 for a refusal, once an item without an order.

    In a log without an order an item counts once, with its strongest event: "bought" and "played" are two
    records of one choice there, not a repeated interest (docs/decisions/007-event-weights.md).

    Parameters
    ----------
    queries : Queries
    decay : float
        In (0, 1]; 1 for no decay. The last event has position 0, so it always counts in full.

    Returns
    -------
    float32[events]
    """
    if kernels.COMPILED is not None and queries.ordered:
        table = powers(decay, len(queries.item))
        found: Float32 = kernels.COMPILED.decayed(queries.offsets, queries.weight, table)
        return found
    counted = chosen(queries, decay)
    return counted if queries.ordered else counted * queries.strongest


def decayed_rows(queries: Queries, decay: float, n_items: int) -> sparse.csr_array:
    """Return the histories as rows of decayed weights: csr_array float32[n, n_items]."""
    return queries.matrix(n_items, decayed(queries, decay))


def fading_seconds(interactions: Interactions, half_life: float | None, share: float = RECENT) -> float:
    """Return the seconds after which an event counts half, infinity where nothing fades; see `fading`."""
    if interactions.timing != "time" or not len(interactions) or half_life == np.inf:
        return np.inf
    if half_life is not None:
        return half_life * DAY
    return float(np.quantile(interactions.end - interactions.at, share))


def fading(
    interactions: Interactions,
    half_life: float | None,
    share: float = RECENT,
    *,
    events: slice = slice(None),
    seconds: float | None = None,
) -> Float64:
    """Return the factor of each event, or of some, at the end of the log: float64[events], in (0, 1].

    Parameters
    ----------
    interactions : Interactions
    half_life : float or None
        Days after which an event counts half; by default the time in which the last ``share`` of the
        events happened. In a log without timestamps nothing fades.
    share : float
    events : slice
        All by default.
    seconds : float, optional
        What `fading_seconds` says of the same arguments: the median of all events costs more than some of
        their factors.
    """
    at = interactions.at[events]
    if seconds is None:
        seconds = fading_seconds(interactions, half_life, share)
    if seconds == np.inf or not len(at):
        return np.ones(len(at))
    return left_at(at, interactions.end, seconds)


def left_at(at: ArrayLike, end: float, seconds: float) -> Float64:
    """Return the factor of events of some times at a moment, where one counts half after so many seconds."""
    age = end - np.asarray(at, dtype=np.float64)
    if seconds == np.inf:
        return np.ones_like(age)
    return np.maximum(np.exp2(-age / max(seconds, 1.0)), _FAINT)


def powers(base: float, count: int) -> Float64:
    """Return ``base`` to the powers of 0, 1, 2, ...: float64[at least count], kept for the next call."""
    return _powers(base, 1 << max(count, 64).bit_length())


@lru_cache(maxsize=64)
def _powers(base: float, count: int) -> Float64:
    table = np.power(base, np.arange(count, dtype=np.int32), dtype=np.float64)
    table.setflags(write=False)
    return table
