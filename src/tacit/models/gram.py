"""Dense symmetric matrices of items x items, worked on in place and in blocks of bounded memory."""

import os
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from scipy import sparse

from tacit.core import kernels
from tacit.core.errors import UnsupportedError
from tacit.core.types import Array, Float32, Float64, Int64
from tacit.models import csr

CELLS = 16_000_000
"""Cells of a block of rows that is worked on at once."""

_GB = 1e9
_TILE = 256
"""Rows and columns that are mirrored at once."""
_TRIANGLE = 8
"""Blocks of rows of products, each without the columns before it."""


def most_popular(X: sparse.csr_array, count: int) -> Int64:
    """Return the ``count`` columns with the most users, ascending; never those without any: int64[items]."""
    users = np.bincount(X.indices, minlength=X.shape[1])
    best = np.lexsort((np.arange(len(users)), -users))[:count]
    return np.sort(best[users[best] > 0])


def among_all(B: sparse.coo_array, rows: Array, columns: Array, size: int) -> sparse.csr_array:
    """Return weights of some items in a matrix of all items: csr_array float32[size, size].

    Parameters
    ----------
    B : coo_array float32[len(rows), len(columns)]
    rows, columns : int64 or int32
        The items of the rows and columns of B.
    size : int
    """
    row, column = B.coords
    placed = (B.data, (rows[row], columns[column]))
    return sparse.coo_array(placed, shape=(size, size), dtype=np.float32).tocsr()


def check_memory(what: str, cells: float) -> None:
    """Refuse so many cells of float32 if they need more than half of the machine's memory.

    Raises
    ------
    UnsupportedError
    """
    needed = cells * np.dtype(np.float32).itemsize
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    if needed > available:
        raise UnsupportedError(
            f"{what} needs {needed / _GB:.1f} GB and half of this machine's memory is "
            f"{available / _GB:.1f} GB; lower max_items"
        )


def gram(X: sparse.csr_array) -> Float32:
    """Return X'X as float32[items, items], filled block by block."""
    transposed = X.T.tocsr()
    G = np.empty((X.shape[1], X.shape[1]), dtype=np.float32)
    for block in blocks(len(G)):
        G[block] = (transposed[block] @ X).toarray()
    return G


def products(X: sparse.csr_array) -> sparse.csr_array:
    """Return X'X as csr_array float32[items, items].

    The product of two columns is the same in both orders, bit by bit: a row of a block is multiplied by the
    columns from the first of its block on, and mirrored. The first blocks have most to leave out: they are
    the smallest.
    """
    if kernels.COMPILED is not None:
        return _products_by_loops(X)
    items = X.shape[1]
    transposed, by_item = X.T.tocsr(), X.tocsc()
    parts = [sparse.csr_array((0, items), dtype=np.float32)]
    edges = [items * part // _TRIANGLE for part in range(_TRIANGLE + 1)]
    for start, stop in pairwise(edges):
        part = (transposed[start:stop] @ by_item[:, start:].tocsr()).tocsr()
        parts.append(sparse.csr_array((part.data, part.indices + start, part.indptr), (stop - start, items)))
    upper: sparse.csr_array = sparse.triu(sparse.vstack(parts, format="csr"), format="csr")
    upper.sort_indices()
    return (upper + sparse.triu(upper, 1).T).tocsr()  # type: ignore[no-any-return]


def _products_by_loops(X: sparse.csr_array) -> sparse.csr_array:
    X.sort_indices()
    parts = X.indptr.astype(np.int64), X.indices.astype(np.int32, copy=False), X.data
    values, columns, offsets = kernels.loops().products_of_columns(*parts, X.shape[1])
    found = csr.assembled({"data": values, "indices": columns, "indptr": offsets}, X.shape[1])
    found.has_sorted_indices = True
    return found


def regularised(G: Float32, penalty: Float64) -> Float32:
    """Return products (float32[items, items]) with a penalty (float64[items]) on the diagonal, in place."""
    G[np.diag_indices_from(G)] += penalty.astype(np.float32)
    return G


def inverse(G: Float32) -> Float32:
    """Return the inverse of a symmetric positive definite matrix, in its own memory."""
    from scipy import linalg  # 60 ms, which only a fit needs

    # G is symmetric, so its transpose is the same matrix in the column order that LAPACK works on in place.
    factor, failed = linalg.lapack.spotrf(G.T, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise UnsupportedError(
            "the weights of items cannot be solved for this log: raise l2, which is too small for it"
        )
    P, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    _mirror(P)
    return P  # type: ignore[no-any-return]


def _mirror(P: Float32) -> None:
    """Copy the lower triangle of a square matrix to the upper one, in tiles that stay in a cache."""
    for start in range(0, len(P), _TILE):
        rows = slice(start, start + _TILE)
        square = P[rows, rows]
        above = np.triu_indices(len(square), 1)
        square[above] = square.T[above]
        for column in range(start + _TILE, len(P), _TILE):
            tile = slice(column, column + _TILE)
            P[rows, tile] = P[tile, rows].T


def precision(
    X: sparse.csr_array, penalty: Float64, products_of: Callable[[], Float32] | None = None
) -> Float32:
    """Return the inverse of X'X with a penalty (float64[items]) on its diagonal: float32[items, items].

    ``products_of`` returns X'X, as a matrix that may be written to, where others have made it.

    Where users are few, by the identity of Woodbury: with ``Y = X / sqrt(penalty)`` it is
    ``(I - Y' (Y Y' + I)^-1 Y) / sqrt(penalty penalty')``, and only a matrix of users x users is inverted.
    """
    users, items = X.shape
    if 2 * users >= items or not penalty.all():
        return inverse(regularised(gram(X) if products_of is None else products_of(), penalty))
    root = 1 / np.sqrt(penalty)
    Y = csr.scaled(X, columns=root)
    K = inverse(regularised(gram(Y.T.tocsr()), np.ones(users)))
    spread = np.ascontiguousarray((Y.T @ -K).T)
    P, transposed = np.empty((items, items), dtype=np.float32), Y.T.tocsr()
    for rows in blocks(items):
        P[rows] = transposed[rows] @ spread
    P[np.diag_indices_from(P)] += 1
    P *= root.astype(np.float32)
    P *= root.astype(np.float32)[:, None]
    return P


def largest(B: Float32, keep: int) -> sparse.coo_array:
    """Return the entries of each row that are among its ``keep`` largest by absolute value."""
    if kernels.COMPILED is not None:
        values, row, column = kernels.COMPILED.largest_by_size(B, keep)
        return sparse.coo_array((values, (row, column)), shape=B.shape)
    width = min(keep, B.shape[1])
    rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for block in blocks(B.shape[1], len(B)):
        size = np.abs(B[block])
        bar = np.partition(size, -width, axis=1)[:, -width]
        bar = np.maximum(bar, np.finfo(np.float32).smallest_subnormal)  # a 0 is no entry
        row, column = np.nonzero(size >= bar[:, None])
        rows.append(row + block.start)
        columns.append(column)
    row, column = np.concatenate(rows), np.concatenate(columns)
    return sparse.coo_array((B[row, column], (row, column)), shape=B.shape)


def largest_of_sparse(B: sparse.csr_array, keep: int) -> sparse.coo_array:
    """Return the same of a sparse matrix; its entries without the zeros are compared."""
    row = np.repeat(np.arange(B.shape[0]), np.diff(B.indptr))
    size = sparse.csr_array((np.abs(B.data), B.indices, B.indptr), shape=B.shape)
    best = csr.best_of_rows(size, keep)
    bars = np.where(np.diff(best.indptr) >= keep, csr.row_minima(best, 0), 0)
    kept = size.data >= bars[row]
    return sparse.coo_array((B.data[kept], (row[kept], B.indices[kept])), shape=B.shape)


def blocks(width: int, rows: int | None = None) -> Iterator[slice]:
    """Cut a matrix (a square one by default) into blocks of rows of bounded memory."""
    count = width if rows is None else rows
    step = max(CELLS // max(width, 1), 1)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
