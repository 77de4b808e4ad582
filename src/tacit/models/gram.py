"""Dense symmetric matrices of items x items, worked on in place and in blocks of bounded memory."""

import os
from collections.abc import Iterator

import numpy as np
from scipy import sparse

from tacit.core.errors import UnsupportedError
from tacit.core.types import Array, Float32, Float64, Int64
from tacit.models import csr

CELLS = 16_000_000
"""Cells of a block of rows that is worked on at once."""

_GB = 1e9


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


def regularised(X: sparse.csr_array, penalty: Float64) -> Float32:
    """Return X'X with a penalty (float64[items]) added to the diagonal: float32[items, items]."""
    G = gram(X)
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
    for block in blocks(len(P)):
        square = P[block, block]
        square[:] = np.tril(square) + np.tril(square, -1).T
        P[block, block.stop :] = P[block.stop :, block].T
    return P  # type: ignore[no-any-return]


def precision(X: sparse.csr_array, penalty: Float64) -> Float32:
    """Return the inverse of X'X with a penalty (float64[items]) on its diagonal: float32[items, items].

    Where users are few, by the identity of Woodbury: with ``Y = X / sqrt(penalty)`` it is
    ``(I - Y' (Y Y' + I)^-1 Y) / sqrt(penalty penalty')``, and only a matrix of users x users is inverted.
    """
    users, items = X.shape
    if 2 * users >= items or not penalty.all():
        return inverse(regularised(X, penalty))
    root = 1 / np.sqrt(penalty)
    Y = csr.scaled(X, columns=root)
    K = inverse(regularised(Y.T.tocsr(), np.ones(users)))
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
    width = min(keep, B.shape[1])
    parts = []
    for block in blocks(B.shape[1], len(B)):
        size = np.abs(B[block])
        bar = np.partition(size, -width, axis=1)[:, -width]
        parts.append(sparse.csr_array(np.where(size >= bar[:, None], B[block], 0)))
    return sparse.coo_array(sparse.vstack(parts))


def blocks(width: int, rows: int | None = None) -> Iterator[slice]:
    """Cut a matrix (a square one by default) into blocks of rows of bounded memory."""
    count = width if rows is None else rows
    step = max(CELLS // max(width, 1), 1)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
