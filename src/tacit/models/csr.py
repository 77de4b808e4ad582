"""Sparse matrices: of the log, their best entries of each row, and their parts for a snapshot."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from scipy import sparse

from tacit.core.growing_arrays import padded
from tacit.core.types import Array, Float32, Float64
from tacit.data.interactions import Interactions
from tacit.data.ranking import top_k
from tacit.models.decay import fading


def wanted(interactions: Interactions, half_life: float | None) -> sparse.csr_array:
    """Return users x items: the weight of the strongest event of each pair, csr_array float32[users, items].

    Weights are halved for every ``half_life`` days of their age; None and infinity forget nothing, and in a
    log without timestamps there is no decay either. Repetitions do not add up: which items go together
    depends on how many users wanted both, not on how often (docs/decisions/007-event-weights.md).
    """
    weight = interactions.weight
    if half_life is not None and np.isfinite(half_life):
        weight = (weight * fading(interactions, half_life)).astype(np.float32)
    liked = np.flatnonzero(weight > 0)
    pair = interactions.user[liked] * np.int64(interactions.n_items) + interactions.item[liked]
    order = np.argsort(pair, kind="stable")
    first = np.flatnonzero(np.diff(pair[order], prepend=-1))
    row, item = np.divmod(pair[order[first]], np.int64(interactions.n_items))
    strongest = np.maximum.reduceat(weight[liked[order]], first) if len(first) else weight[:0]
    offsets = np.searchsorted(row, np.arange(interactions.n_users + 1))
    parts = (strongest, item.astype(np.int32), offsets.astype(np.int32))
    return sparse.csr_array(parts, shape=(interactions.n_users, interactions.n_items))


def best_of_rows(matrix: sparse.csr_array, k: int) -> sparse.csr_array:
    """Return the matrix with only the k largest entries of each row; ties go to the lower column.

    The indices of the argument are sorted in place.
    """
    lengths = np.diff(matrix.indptr)
    width = int(lengths.max(initial=0))
    if width <= k:
        return matrix
    if 4 * width > matrix.shape[1]:  # a long row: sorting its entries would cost more than a dense copy
        return best_of_dense(densified(matrix, -np.inf), k)
    matrix.sort_indices()
    row = np.repeat(np.arange(len(lengths)), lengths)
    padded = np.full((len(lengths), width), -np.inf, dtype=np.float32)
    padded[row, np.arange(matrix.nnz) - matrix.indptr[row]] = matrix.data
    best = np.sort(top_k(padded, k).items, axis=1)
    kept = best >= 0
    source = (matrix.indptr[:-1, None] + best)[kept]
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(matrix.indptr.dtype)
    return sparse.csr_array((matrix.data[source], matrix.indices[source], indptr), shape=matrix.shape)


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


def resized(matrix: sparse.csr_array, rows: int, columns: int) -> sparse.csr_array:
    """Return the matrix with empty rows and columns appended up to the given shape."""
    indptr = padded(matrix.indptr, rows + 1, int(matrix.indptr[-1]))
    return sparse.csr_array((matrix.data, matrix.indices, indptr), shape=(rows, columns))


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
