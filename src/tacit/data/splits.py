"""Cuts between the events that a model may see and those that it must predict.

The pipeline (for its rank windows) and the evaluation (for its test) use the same three cuts. Each works on
flat arrays and returns the mask of the held-out events.

- time: one moment for all users; the default wherever there are timestamps.
- leave-one-out: the last choice of each user; for logs with an order only, and to compare with papers.
- random: a seeded share of each user's items, with all events on them; for logs with neither.
"""

from typing import Literal

import numpy as np

from tacit.core.errors import UnsupportedError
from tacit.core.types import Bool, Float64, Int32, Int64
from tacit.data.interactions import Timing

Protocol = Literal["time", "leave-one-out", "random"]

DEFAULT: dict[Timing, Protocol] = {"time": "time", "order": "leave-one-out", "none": "random"}
_SUPPORTED: dict[Timing, tuple[Protocol, ...]] = {
    "time": ("time", "leave-one-out", "random"),
    "order": ("leave-one-out", "random"),
    "none": ("random",),
}


def check(protocol: Protocol, timing: Timing) -> None:
    """Refuse a split that the log cannot support.

    Raises
    ------
    UnsupportedError
    """
    if protocol not in _SUPPORTED[timing]:
        lacks = {
            "order": "no timestamps, only an order within each user",
            "none": "neither timestamps nor an order",
        }
        raise UnsupportedError(
            f"a {protocol} split is not possible: the log has {lacks[timing]}; use --split {DEFAULT[timing]}"
        )


def cut_time(at: Float64, share: float) -> float:
    """Return the moment after which the last ``share`` of the events lie.

    Parameters
    ----------
    at : float64[events]
    share : float
        Share of the events to hold out, in (0, 1).

    Raises
    ------
    UnsupportedError
        If all events have the same time, so that no cut leaves events on both sides.
    """
    if not len(at):
        raise UnsupportedError("a time split is not possible: the log has no events")
    cut = float(np.quantile(at, 1 - share, method="higher"))
    if cut <= at.min():
        later = at[at > at.min()]
        if not len(later):
            raise UnsupportedError("a time split is not possible: every event carries the same time")
        cut = float(later.min())
    return cut


def last_of_each(user: Int32, at: Float64, chosen: Bool) -> Bool:
    """Return the mask of the last choice of every user with at least two, and of all after it: bool[events].

    Of events at the same moment the later one in the source counts as last.

    Parameters
    ----------
    user : int32[events]
    at : float64[events]
    chosen : bool[events]
        Which events are positive: items that were only shown, or refused, are no target.
    """
    order = np.lexsort((at, user))  # stable: equal times stay in source order
    so_far = np.cumsum(chosen[order])
    _, start, group, count = np.unique(
        user[order], return_index=True, return_inverse=True, return_counts=True
    )
    before: Int64 = (so_far - chosen[order])[start]
    total = so_far[start + count - 1] - before
    mask = np.zeros(len(user), dtype=bool)
    mask[order] = (so_far - before[group] == total[group]) & (total[group] >= 2)
    return mask


def random_share(user: Int32, share: float, rng: np.random.Generator) -> Bool:
    """Return the mask of a random ``share`` of each user's events, at least one of two or more."""
    order = np.lexsort((rng.random(len(user)), user))
    sorted_user = user[order]
    _, start, count = np.unique(sorted_user, return_index=True, return_counts=True)
    held = np.where(count >= 2, np.maximum(1, np.floor(count * share)), 0)
    place = np.arange(len(user)) - np.repeat(start, count)
    mask = np.zeros(len(user), dtype=bool)
    mask[order] = place < np.repeat(held, count)
    return mask


def random_pairs(user: Int32, item: Int32, share: float, rng: np.random.Generator) -> Bool:
    """Return the mask of a random ``share`` of each user's items, with all events on them: bool[events].

    An item with events on both sides would be in the history and no target any more.
    """
    width = np.int64(item.max(initial=0)) + 1
    distinct, place = np.unique(user * width + item, return_inverse=True)
    return random_share((distinct // width).astype(np.int32), share, rng)[place]


def held_out(
    user: Int32,
    item: Int32,
    at: Float64,
    chosen: Bool,
    protocol: Protocol,
    share: float,
    rng: np.random.Generator,
) -> Bool:
    """Return the mask of the events that a protocol holds out: bool[events].

    The arguments are those of the cuts above.
    """
    if protocol == "time":
        return np.asarray(at >= cut_time(at, share))
    if protocol == "leave-one-out":
        return last_of_each(user, at, chosen)
    return random_pairs(user, item, share, rng)
