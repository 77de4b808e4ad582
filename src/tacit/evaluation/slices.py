"""Parts of the test that an average hides: new users, short and long histories, items without events."""

from dataclasses import dataclass

import numpy as np

from tacit.core.types import Bool, Int32, Int64
from tacit.evaluation.split import Split

SHORT_HISTORY = 10
"""A history of at most so many events is short."""


@dataclass(frozen=True)
class Slice:
    """A subset of the queries with a subset of their targets.

    Attributes
    ----------
    name : str
    rows : int64[m]
        Queries of the split.
    target_offsets : int64[m + 1], targets : int32[...]
    """

    name: str
    rows: Int64
    target_offsets: Int64
    targets: Int32

    @property
    def totals(self) -> Int64:
        """Number of targets of each query: int64[m]."""
        return np.diff(self.target_offsets)


def slices(split: Split) -> list[Slice]:
    """Return the slices that are not empty, all users first.

    "cold-item" keeps only the targets without a training event (unknown items included); the others keep all
    targets of some users.
    """
    lengths = split.queries.acted().lengths
    every = np.ones(len(split.targets), dtype=bool)
    cold = (split.targets < 0) | split.cold[split.targets]
    users: list[tuple[str, Bool, Bool]] = [
        ("all", np.ones(len(lengths), dtype=bool), every),
        ("warm-user", lengths > 0, every),
        ("new-user", lengths == 0, every),
        ("short-history", (lengths > 0) & (lengths <= SHORT_HISTORY), every),
        ("long-history", lengths > SHORT_HISTORY, every),
        ("cold-item", np.ones(len(lengths), dtype=bool), cold),
    ]
    slices = [_slice(split, name, chosen, targets) for name, chosen, targets in users]
    return [one for one in slices if len(one.rows)]


def _slice(split: Split, name: str, users: Bool, targets: Bool) -> Slice:
    row = np.repeat(np.arange(len(users)), np.diff(split.target_offsets))
    kept = targets & users[row]
    counts = np.bincount(row[kept], minlength=len(users))
    rows = np.flatnonzero(counts)
    offsets = np.concatenate([[0], np.cumsum(counts[rows])]).astype(np.int64)
    return Slice(name, rows, offsets, split.targets[kept])
