"""Sparse matrices: of the log, their best entries of each row, and their parts for a snapshot."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from scipy import sparse

from tacit.core import kernels
from tacit.core.growing_arrays import padded
from tacit.core.types import Array, Bool, Float32, Float64, Int32, Int64
from tacit.data.interactions import Interactions
from tacit.data.queries import gather_ranges
from tacit.data.ranking import top_k
from tacit.models.chunks import user_chunks
from tacit.models.decay import fading, fading_seconds

_CELLS = 16_000_000
"""Cells of a dense copy, at most."""


def wanted(interactions: Interactions, half_life: float | None) -> sparse.csr_array:
    """Return users x items: the weight of the strongest event of each pair, csr_array float32[users, items].

    Weights are halved for every ``half_life`` days of their age; None and infinity forget nothing, and in a
    log without timestamps there is no decay either. Repetitions do not add up: which items go together
    depends on how many users wanted both, not on how often (docs/decisions/007-event-weights.md).
    """
    forgets = half_life is not None and np.isfinite(half_life)
    lengths = np.zeros(interactions.n_users + 1, dtype=np.int64)
    columns, values = [], []
    for events in user_chunks(interactions):
        weight = interactions.weight[events]
        if forgets:
            weight = (weight * fading(interactions, half_life, events=events)).astype(np.float32)
        user, item, strongest = _strongest(interactions.user[events], interactions.item[events], weight)
        lengths[1:] += np.bincount(user, minlength=interactions.n_users)
        columns.append(item)
        values.append(strongest)
    parts = (np.concatenate(values), np.concatenate(columns), np.cumsum(lengths).astype(np.int32))
    return sparse.csr_array(parts, shape=(interactions.n_users, interactions.n_items))


def summed(interactions: Interactions, half_life: float | None) -> sparse.csr_array:
    """Return users x items with summed positive weights, faded: csr_array float32[users, items].

    Parameters
    ----------
    interactions : Interactions
    half_life : float or None
        As in `tacit.models.decay.fading`.
    """
    seconds = fading_seconds(interactions, half_life)
    lengths = np.zeros(interactions.n_users + 1, dtype=np.int64)
    columns, values = [], []
    for events in user_chunks(interactions):
        weight = interactions.weight[events]
        if np.isfinite(seconds):
            weight = (weight * fading(interactions, None, events=events, seconds=seconds)).astype(np.float32)
        liked = np.flatnonzero(weight > 0)
        user, item = interactions.user[events][liked], interactions.item[events][liked]
        first = int(user[0]) if len(user) else 0
        shape = (int(user[-1]) + 1 - first if len(user) else 0, interactions.n_items)
        part = sparse.coo_array((weight[liked], (user - first, item)), shape=shape).tocsr()
        part.sum_duplicates()
        lengths[1 + first : 1 + first + shape[0]] = np.diff(part.indptr)
        columns.append(part.indices)
        values.append(part.data)
    parts = (np.concatenate(values), np.concatenate(columns), np.cumsum(lengths).astype(np.int32))
    return sparse.csr_array(parts, shape=(interactions.n_users, interactions.n_items))


def _strongest(user: Int32, item: Int32, weight: Float32) -> tuple[Int64, Int32, Float32]:
    """Return the pairs of user and item with a weight above 0, in order, and the largest weight of each."""
    liked = np.flatnonzero(weight > 0)
    width = np.int64(item.max(initial=0)) + 1
    pair = user[liked] * width + item[liked]
    order = np.argsort(pair, kind="stable")
    first = np.flatnonzero(np.diff(pair[order], prepend=-1))
    strongest = np.maximum.reduceat(weight[liked[order]], first) if len(first) else weight[:0]
    row, column = np.divmod(pair[order[first]], width)
    return row, column.astype(np.int32), strongest


def with_rows(matrix: sparse.csr_array, rows: Array, new: sparse.csr_array) -> sparse.csr_array:
    """Return the matrix with other rows at some places, at its end too; rows between are empty.

    Parameters
    ----------
    matrix : csr_array
    rows : int[m]
        Ascending.
    new : csr_array [m, columns]
    """
    count = max(matrix.shape[0], int(rows.max(initial=-1)) + 1)
    starts, stops = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    starts[: matrix.shape[0]], stops[: matrix.shape[0]] = matrix.indptr[:-1], matrix.indptr[1:]
    starts[rows], stops[rows] = matrix.nnz + new.indptr[:-1], matrix.nnz + new.indptr[1:]
    lengths = stops - starts
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    place = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
    data = np.concatenate([matrix.data, new.data])[place]
    indices = np.concatenate([matrix.indices, new.indices])[place]
    return sparse.csr_array(
        (data, indices, indptr.astype(matrix.indptr.dtype)), shape=(count, matrix.shape[1])
    )


def best_of_rows(matrix: sparse.csr_array, k: int) -> sparse.csr_array:
    """Return the matrix with only the k largest entries of each row, in order; ties to the lower column."""
    lengths = np.diff(matrix.indptr)
    if int(lengths.max(initial=0)) <= k:
        return matrix
    if kernels.COMPILED is not None:
        return _best_by_loops(matrix, k)
    cells = matrix.shape[0] * matrix.shape[1]
    if cells < min(4 * matrix.nnz, _CELLS) and not matrix.has_sorted_indices:
        # Sorting its entries would cost more than a dense copy.
        return best_of_dense(densified(matrix, -np.inf), k)
    kept = np.ones(matrix.nnz, dtype=bool)
    for rows, dense in _alike_in_length(matrix, np.flatnonzero(lengths > k), lengths):
        own = np.arange(dense.shape[1]) < lengths[rows, None]
        index, _ = gather_ranges(matrix.indptr, rows)
        kept[index] = _largest(dense, k, matrix.indices[index], own)[own]
    counts = np.add.reduceat(kept, matrix.indptr[:-1][lengths > 0], dtype=np.int64)
    indptr = np.zeros(len(lengths) + 1, dtype=matrix.indptr.dtype)
    indptr[1:][lengths > 0] = counts
    parts = matrix.data[kept], matrix.indices[kept], np.cumsum(indptr, dtype=matrix.indptr.dtype)
    found = sparse.csr_array(parts, shape=matrix.shape)
    found.sort_indices()  # of what is kept: to sort all entries takes as long as to find the largest
    return found


def _largest(dense: Float32, k: int, columns: Int32, own: Bool) -> Bool:
    """Return which entries of rows are among their k largest, of equals those with the lower columns.

    Parameters
    ----------
    dense : float32[n, w]
    k : int
        Less than the entries of any row.
    columns : int32[entries]
        The columns of the entries, row by row.
    own : bool[n, w]
        What of ``dense`` is an entry.
    """
    bar = np.partition(dense, -k, axis=1)[:, -k, None]
    kept = dense > bar
    tied = (dense == bar) & own
    left = k - kept.sum(axis=1)
    crowded = tied.sum(axis=1) > left
    kept |= tied & ~crowded[:, None]
    if crowded.any():
        row, place = np.nonzero(tied & crowded[:, None])
        column = np.zeros(dense.shape, dtype=np.int32)
        column[own] = columns
        order = np.lexsort((column[row, place], row))
        row, place = row[order], place[order]
        nth = np.arange(len(row)) - np.searchsorted(row, row)
        first = nth < left[row]
        kept[row[first], place[first]] = True
    return kept


def _best_by_loops(matrix: sparse.csr_array, k: int) -> sparse.csr_array:
    parts = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False), matrix.data
    kept = kernels.loops().largest_of_rows(*parts, k)
    counts = np.append(0, np.cumsum(kept))[matrix.indptr]
    parts = matrix.data[kept], matrix.indices[kept], counts.astype(matrix.indptr.dtype)
    found = sparse.csr_array(parts, shape=matrix.shape)
    found.sort_indices()
    return found


def _alike_in_length(
    matrix: sparse.csr_array, rows: Int64, lengths: Array
) -> Iterator[tuple[Int64, Float32]]:
    """Yield some rows in groups that one dense copy (``-inf`` at their ends) holds without much waste."""
    doubled = np.ceil(np.log2(lengths[rows])).astype(np.int64)
    for power in np.unique(doubled):
        group = rows[doubled == power]
        index, offsets = gather_ranges(matrix.indptr, group)
        row = np.repeat(np.arange(len(group)), np.diff(offsets))
        dense = np.full((len(group), int(lengths[group].max())), -np.inf, dtype=np.float32)
        dense[row, np.arange(len(index)) - offsets[row]] = matrix.data[index]
        yield group, dense


def best_of_dense(dense: Float32, k: int) -> sparse.csr_array:
    """Return the k largest entries of each row as a sparse matrix; ``-inf`` is none, see `best_of_rows`."""
    best = np.sort(top_k(dense, k).items, axis=1)
    kept = best >= 0
    row, columns = np.nonzero(kept)[0], best[kept]
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    return sparse.csr_array((dense[row, columns], columns, indptr), shape=dense.shape)


def dense_product(rows: sparse.csr_array, matrix: sparse.csr_array, fill: Float32 | float) -> Float32:
    """Return ``rows @ matrix`` as dense float32[n, m].

    A sparse product of long rows would take several times as long: it lists every cell that it meets.

    Parameters
    ----------
    rows : csr_array float32[n, l]
    matrix : csr_array float32[l, m]
    fill : float32[m] or float
        Value where the sum is 0. A row that meets no entry of the matrix at all is ``-inf``.
    """
    dense = np.full((rows.shape[0], matrix.shape[1]), -np.inf, dtype=np.float32)
    for n, (start, stop) in enumerate(pairwise(rows.indptr)):
        met = matrix[rows.indices[start:stop]]
        if met.nnz:
            total = rows.data[start:stop] @ met
            dense[n] = np.where(total == 0, fill, total)
    return dense


def densified(matrix: sparse.csr_array, fill: float) -> Float32:
    """Return the matrix as dense float32[n, m], with ``fill`` where it is empty."""
    dense = np.empty(matrix.shape, dtype=np.float32)
    dense[:] = fill
    dense[np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices] = matrix.data
    return dense


def dense_among(matrix: sparse.csr_array, items: Array) -> Float32:
    """Return the rows and columns ``items`` (ascending) of a square matrix: float32[items, items]."""
    if len(items) == matrix.shape[0]:
        return matrix.toarray()
    if kernels.COMPILED is not None:
        parts = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False), matrix.data
        found: Float32 = kernels.COMPILED.dense_among(*parts, items.astype(np.int64))
        return found
    return matrix[items][:, items].toarray()


def resized(matrix: sparse.csr_array, rows: int, columns: int) -> sparse.csr_array:
    """Return the matrix with empty rows and columns appended up to the given shape."""
    indptr = padded(matrix.indptr, rows + 1, int(matrix.indptr[-1]))
    return sparse.csr_array((matrix.data, matrix.indices, indptr), shape=(rows, columns))


def spread(matrix: sparse.csr_array, rows: Array, count: int) -> sparse.csr_array:
    """Return a matrix of ``count`` rows that has those of another at ``rows`` (ascending), others empty."""
    lengths = np.zeros(count + 1, dtype=matrix.indptr.dtype)
    lengths[rows + 1] = np.diff(matrix.indptr)
    return sparse.csr_array(
        (matrix.data, matrix.indices, np.cumsum(lengths, dtype=matrix.indptr.dtype)),
        shape=(count, matrix.shape[1]),
    )


def some_rows(matrix: sparse.csr_array, kept: Bool) -> sparse.csr_array:
    """Return the matrix with the rows (bool[rows]) that are kept, the others empty."""
    lengths = np.diff(matrix.indptr)
    if kept[lengths > 0].all():
        return matrix
    entries = np.repeat(kept, lengths)
    indptr = np.append(0, np.cumsum(np.where(kept, lengths, 0))).astype(matrix.indptr.dtype)
    return sparse.csr_array((matrix.data[entries], matrix.indices[entries], indptr), shape=matrix.shape)


def some_columns(matrix: sparse.csr_array, kept: Bool) -> sparse.csr_array:
    """Return the matrix with the entries of the columns (bool[columns]) that are kept; its shape stays."""
    entries = kept[matrix.indices]
    before = np.append(0, np.cumsum(entries))
    indptr = before[matrix.indptr].astype(matrix.indptr.dtype)
    return sparse.csr_array((matrix.data[entries], matrix.indices[entries], indptr), shape=matrix.shape)


def scaled(
    matrix: sparse.csr_array, *, rows: Array | float = 1.0, columns: Array | float = 1.0
) -> sparse.csr_array:
    """Return float32 diag(rows) @ matrix @ diag(columns)."""
    by_row = np.repeat(np.broadcast_to(rows, matrix.shape[0]), np.diff(matrix.indptr))
    data = matrix.data * by_row * np.broadcast_to(columns, matrix.shape[1])[matrix.indices]
    return sparse.csr_array((data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def row_norms(matrix: sparse.csr_array) -> Float64:
    """Return the Euclidean length of each row: float64[n]."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    squares = np.square(matrix.data, dtype=np.float64)
    return np.sqrt(np.bincount(row, squares, minlength=matrix.shape[0]))


def row_minima(matrix: sparse.csr_array, default: float) -> Float32:
    """Return the smallest entry of each row that has one: float32[rows], else the default."""
    filled = np.diff(matrix.indptr) > 0  # what starts here ends where the next filled row starts
    least = np.full(matrix.shape[0], default, dtype=np.float32)
    if filled.any():
        least[filled] = np.minimum.reduceat(matrix.data, matrix.indptr[:-1][filled])
    return least


def parts(matrix: sparse.csr_array) -> dict[str, Array]:
    """Return the arrays that the matrix consists of: data float32, indices int32, indptr int64."""
    return {
        "data": matrix.data.astype(np.float32, copy=False),
        "indices": matrix.indices.astype(np.int32, copy=False),
        "indptr": matrix.indptr.astype(np.int64, copy=False),
    }


def assembled(arrays: Mapping[str, Array], columns: int) -> sparse.csr_array:
    """Return the matrix of the arrays that `parts` returned."""
    data, indices, indptr = arrays["data"], arrays["indices"], arrays["indptr"]
    if indptr[-1] <= np.iinfo(np.int32).max:
        # Beside an indptr of 64 bits SciPy would copy the indices into 64 bits, and they are mapped.
        indptr = indptr.astype(np.int32)
    return sparse.csr_array((data, indices, indptr), shape=(len(indptr) - 1, columns))
