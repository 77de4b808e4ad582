"""Weighted sums of sparse rows: the loop that most retrievers spend their time in.

A history is a sparse row over items; its scores are that row times a matrix of items x items, or the row of
its neighbours times users x items. Only the columns that are met are returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from scipy import sparse

from tacit.core.types import Bool, Float32, Int32, Int64
from tacit.data.queries import Queries, gather_ranges
from tacit.models.decay import decayed


@dataclass(frozen=True)
class Rows:
    """Sparse rows as plain arrays of fixed types.

    Attributes
    ----------
    offsets : int64[n + 1]
        Row r is at ``offsets[r]:offsets[r + 1]``.
    columns : int32[m]
    values : float32[m]
    width : int
        Number of columns.
    """

    offsets: Int64
    columns: Int32
    values: Float32
    width: int

    @classmethod
    def of(cls, matrix: sparse.csr_array) -> Self:
        """Return the rows of a matrix; its arrays are not copied if they have these types."""
        return cls(
            np.ascontiguousarray(matrix.indptr, np.int64),
            np.ascontiguousarray(matrix.indices, np.int32),
            np.ascontiguousarray(matrix.data, np.float32),
            int(matrix.shape[1]),
        )

    @classmethod
    def joined(cls, parts: Sequence["Rows"], width: int) -> Self:
        """Return the rows of all parts, one after the other."""
        lengths = [np.diff(part.offsets) for part in parts]
        return cls(
            np.concatenate([[0], np.cumsum(np.concatenate([[0], *lengths])[1:])]).astype(np.int64),
            np.concatenate([np.empty(0, np.int32), *(part.columns for part in parts)]),
            np.concatenate([np.empty(0, np.float32), *(part.values for part in parts)]),
            width,
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1


def history_rows(queries: Queries, decay: float, n_items: int, last: int | None = None) -> Rows:
    """Return the histories as rows of decayed weights, those of a repeated item added up, items ascending.

    Parameters
    ----------
    queries : Queries
    decay : float
        See `tacit.models.decay.decayed`. Refusals and events whose weight fades to 0 are left out.
    n_items : int
        Codes beyond it (items newer than the model) are left out.
    last : int, optional
        Only so many of the last events are used; all by default.
    """
    if last is not None:
        queries = queries.last(last)
    weight = decayed(queries, decay)
    kept = (weight > 0) & (queries.item < n_items)
    cell = queries.row[kept] * np.int64(n_items) + queries.item[kept]
    cells, place = np.unique(cell, return_inverse=True)
    total = np.bincount(place, weight[kept], minlength=len(cells)).astype(np.float32)
    row, item = np.divmod(cells, np.int64(max(n_items, 1)))
    offsets = np.searchsorted(row, np.arange(len(queries) + 1))
    return Rows(offsets.astype(np.int64), item.astype(np.int32), total, n_items)


def accumulated(rows: Rows, matrix: Rows, *, zeros: bool = False) -> tuple[Rows, Bool]:
    """Return ``rows @ matrix`` with the columns that are met, ascending, and which rows meet any entry.

    Parameters
    ----------
    rows : Rows
        n rows over the m rows of the matrix.
    matrix : Rows
    zeros : bool
        Whether a column whose sum is 0 is returned too.

    Returns
    -------
    Rows, bool[n]
    """
    total = np.zeros(matrix.width, dtype=np.float32)
    seen = np.zeros(matrix.width, dtype=bool)
    met = np.zeros(len(rows), dtype=bool)
    parts = []
    for n, (start, stop) in enumerate(pairwise(rows.offsets)):
        columns, values = _entries(rows.columns[start:stop], rows.values[start:stop], matrix)
        met[n] = len(columns) > 0
        np.add.at(total, columns, values)
        seen[columns] = zeros
        kept = np.flatnonzero(seen if zeros else total)
        parts.append((kept.astype(np.int32), total[kept]))
        total[columns], seen[columns] = 0, False
    return _joined(parts, matrix.width), met


def _entries(rows: Int32, weights: Float32, matrix: Rows) -> tuple[Int32, Float32]:
    """Return the entries of some rows of a matrix, times the weight of their row."""
    index, offsets = gather_ranges(matrix.offsets, rows)
    return matrix.columns[index], matrix.values[index] * np.repeat(weights, np.diff(offsets))


def best_of_each(rows: Rows, k: int, without: Int32) -> Rows:
    """Return the k largest entries of each row, columns ascending; of equal ones those of the lower columns.

    Parameters
    ----------
    rows : Rows
        n rows with ascending columns.
    k : int
    without : int32[n]
        A column that is left out of each row; -1 for none.
    """
    found = []
    for n, (start, stop) in enumerate(pairwise(rows.offsets)):
        columns, values = rows.columns[start:stop], rows.values[start:stop]
        others = columns != without[n]
        found.append(best_of(columns[others], values[others], k))
    return _joined(found, rows.width)


def best_of(items: Int32, scores: Float32, k: int) -> tuple[Int32, Float32]:
    """Return the k items with the largest scores, of equals the lower codes: both ascending by code.

    Parameters
    ----------
    items : int32[m]
        Ascending.
    scores : float32[m]
    k : int
    """
    if len(items) <= k:
        return items, scores
    bar = np.partition(scores, len(scores) - k)[len(scores) - k] if k else np.float32(np.inf)
    kept = scores > bar
    tied = np.flatnonzero(scores == bar)
    kept[tied[: k - int(kept.sum())]] = True
    return items[kept], scores[kept]


def _joined(parts: Sequence[tuple[Int32, Float32]], width: int) -> Rows:
    """Return rows with the columns and values of each part."""
    lengths = [len(columns) for columns, _ in parts]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = np.concatenate([np.empty(0, np.int32), *(columns for columns, _ in parts)])
    values = np.concatenate([np.empty(0, np.float32), *(values for _, values in parts)])
    return Rows(offsets, columns.astype(np.int32), values.astype(np.float32), width)
