"""EASE for large catalogues: popular items with all others, rare ones with popular ones and their own group.

EASE (Steck, WWW 2019) inverts ``A = X'X + regularisation`` of items x items, which is too large beyond some
ten thousand items. Here the most popular items (the head) are kept in full, and the others (the tail) are cut
into groups that are taken to be independent of each other *given the head*: only the weights between rare
items of different groups that the head does not explain are left out. In terms of algebra, the Schur
complement of the head is replaced by its diagonal blocks. These are positive definite whatever the data,
unlike a Gram matrix without its small entries, whose weights explode. With one group it is EASE itself.

With H the head's block of A, C_g its block between head and group g, and D_g that of the group, the blocks of
P, the inverse of A, are::

    R_g = H^-1 C_g                   ridge
    P_gg = (D_g - C_g' R_g)^-1       own: the inverse of the group's block of the Schur complement
    P_hg = -R_g P_gg                 minus link
    P_hh = H^-1 + sum of R_g P_gg R_g'

and the weights are ``B = -P / diag(P)``, each column divided by its own diagonal.

The loss depends on the log: none on dense ones (MovieLens 1M, a system of 1,500 for 3,685 items),
3 % of NDCG@10 on Amazon Beauty (10,000 for 12,068), 17 % on Retailrocket (5,000 for 8,704), and more in
smaller systems.
"""

import numpy as np
from scipy import sparse

from tacit.core.types import Float32, Float64, Int64
from tacit.models.csr import scaled
from tacit.models.gram import gram, inverse, largest, largest_of_sparse, regularised

_FILLED = 0.05
"""Share of filled cells from which a dense product is sooner done than a sparse one."""
_DIRECTIONS = 32
"""Random directions through which the items of the tail are compared to make the groups."""


def groups(X: sparse.csr_array, size: int, rng: np.random.Generator) -> list[Int64]:
    """Return the columns in groups of at most ``size`` with similar users.

    A balanced tree: each branch is split in halves along the direction in which its items differ most.
    """
    lengths = np.sqrt(np.bincount(X.indices, np.square(X.data, dtype=np.float64), minlength=X.shape[1]))
    N = scaled(X, columns=1 / lengths)  # of events that have nearly faded only the proportions matter
    start = rng.normal(size=(X.shape[1], _DIRECTIONS)).astype(np.float32)
    seen = np.asarray(N.T @ (N @ start))
    return _halved(np.arange(X.shape[1]), seen / np.linalg.norm(seen, axis=1, keepdims=True), size)


def _halved(items: Int64, vectors: Float32, size: int) -> list[Int64]:
    if len(items) <= size:
        return [items]
    from scipy import linalg  # 60 ms, which only a fit needs

    centred = vectors[items] - vectors[items].mean(axis=0)
    direction = linalg.eigh(centred.T @ centred)[1][:, -1]
    direction *= np.sign(direction[np.abs(direction).argmax()])
    # Rounded, because items with the same users differ by the order of the sums only.
    order = np.argsort(np.round(centred @ direction, 4), kind="stable")
    middle = len(items) // 2
    halves = items[order[:middle]], items[order[middle:]]
    return [group for half in halves for group in _halved(np.sort(half), vectors, size)]


def arrowhead(
    X: sparse.csr_array, penalty: Float64, head: Int64, tail: list[Int64], keep: int
) -> sparse.coo_array:
    """Return the ``keep`` largest weights of each row: coo_array float32[items, items].

    Parameters
    ----------
    X : csr_array float32[users, items]
    penalty : float64[items]
        What is added to the diagonal of ``X'X``.
    head : int64[h]
    tail : list of int64[g]
        The groups; together with the head each item once.
    keep : int
        Number of weights. In rows of the tail the largest are selected with ``diag(H^-1)`` in place of
        ``diag(P_hh)``, which is known only after the last group.
    """
    by_item = X.tocsc()
    X_head = by_item[:, head].tocsr()
    alone = inverse(regularised(gram(X_head), penalty[head]))  # H^-1
    P = alone.copy()  # P_hh, once all groups have added their part
    of_head: sparse.csr_array = sparse.csr_array(alone[:, :0])
    of_tail, start = [], len(head)
    for group in tail:
        X_group = by_item[:, group].tocsr()
        thin = sparse.csr_array(X_group.T @ X_head)  # C_g': [g, h], few of whose entries are not 0
        cross: Float32 = thin.T.toarray()
        ridge = _ridge(alone, thin, cross)
        own = inverse(regularised(gram(X_group), penalty[group]) - cross.T @ ridge)
        link: Float32 = ridge @ own
        P += link @ ridge.T
        found = largest(np.divide(link, np.diagonal(own), dtype=np.float32), keep)
        of_head = _largest_of(of_head, found, start, keep)
        start += len(group)
        of_tail.append(largest(np.hstack([link.T / np.diagonal(alone), _weights(own)]), keep))
    of_head = _largest_of(of_head, largest(_weights(P), keep), 0, keep)
    # Columns of the head in rows of the tail were divided by diag(H^-1): this makes it diag(P_hh).
    shrunk = (np.diagonal(alone) / np.diagonal(P)).astype(np.float32)
    return _assembled(of_head.tocoo(), of_tail, shrunk, [head, *tail])


def _ridge(alone: Float32, thin: sparse.csr_array, cross: Float32) -> Float32:
    """Return ``H^-1 C_g``; ``thin`` is C_g' and ``cross`` C_g."""
    if thin.nnz > _FILLED * cross.size:
        return np.asarray(alone @ cross, dtype=np.float32)
    return np.ascontiguousarray((thin @ alone.T).T)  # H^-1 is symmetric, and in this order not copied


def _weights(P: Float32) -> Float32:
    """Return ``-P / diag(P)`` with an empty diagonal."""
    B = P / -np.diagonal(P)
    np.fill_diagonal(B, 0)
    return B


def _largest_of(kept: sparse.csr_array, part: sparse.coo_array, start: int, keep: int) -> sparse.csr_array:
    """Return the largest entries of each row of a matrix and of another one whose columns begin at a place.

    The weights of all groups at once would be gigabytes.
    """
    old, (row, column) = kept.tocoo(), part.coords
    rows, columns = (np.concatenate(pair) for pair in ((old.row, row), (old.col, column + start)))
    width = max(kept.shape[1], start + part.shape[1])
    data = np.concatenate([old.data, part.data])
    both = sparse.coo_array((data, (rows, columns)), shape=(len(kept.indptr) - 1, width)).tocsr()
    return largest_of_sparse(both, keep).tocsr()


def _assembled(
    of_head: sparse.coo_array, of_tail: list[sparse.coo_array], shrunk: Float32, parts: list[Int64]
) -> sparse.coo_array:
    """Return the rows of the head (all columns) and of each group (head and itself) as one matrix."""
    head, *tail = parts
    order = np.concatenate(parts)
    rows, columns, data = [head[of_head.row]], [order[of_head.col]], [of_head.data]
    for group, found in zip(tail, of_tail, strict=True):
        rows.append(group[found.row])
        columns.append(np.concatenate([head, group])[found.col])
        data.append(found.data * np.append(shrunk, np.ones(len(group), np.float32))[found.col])
    flat = (np.concatenate(data), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.coo_array(flat, shape=(len(order), len(order)))
