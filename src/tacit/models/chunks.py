"""A log in pieces of whole users: what is summed over events needs the memory of one piece at a time."""

from collections.abc import Iterator

import numpy as np

from tacit.core.types import Array, Bool
from tacit.data.interactions import Interactions

EVENTS = 2_000_000
"""Events of a piece, about; a user with more is one piece."""


def user_chunks(log: Interactions) -> Iterator[slice]:
    """Yield consecutive ranges of about `EVENTS` events that end where those of a user do; at least one."""
    ends = log.offsets[np.searchsorted(log.offsets, np.arange(EVENTS, len(log), EVENTS))]
    edges = np.unique(np.concatenate([[0], ends, [len(log)]])).tolist()
    for start, stop in zip(edges[:-1] or [0], edges[1:] or [0], strict=True):
        yield slice(start, stop)


def gone_among(gone: Bool, users: Array) -> Bool:
    """Return which of some users are gone, by a mask of those of the fitted log: others came later."""
    return np.append(gone, False)[np.minimum(users, len(gone))]
