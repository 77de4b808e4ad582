"""Item-based nearest neighbours: items that the same people wanted.

Deshpande and Karypis, "Item-based top-N recommendation algorithms", TOIS 2004. Three weightings: cosine,
TF-IDF (an event of a user with many items counts less) and BM25 (besides, repeats saturate and popular
items are held back). Similarities are computed block by block, so memory is bounded for any catalogue; and
of a log whose users have very many items only their last events count, so that time is bounded for any log.
"""

from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from scipy import sparse

from tacit.core import kernels
from tacit.core.parameters import parameter
from tacit.core.spaces import Choice, Float, Int
from tacit.core.types import Array, Float32, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.models import csr
from tacit.models.itemitem import AlikeByItems, ItemItem
from tacit.models.shared_spaces import DECAY, FORGETS
from tacit.models.sharing import shared_products, wanted

Weighting = Literal["cosine", "tfidf", "bm25"]

_CELLS = 16_000_000
"""Similarities held at once while fitting."""

_PAIRS, _PAIRS_AN_EVENT = 1_000_000_000, 40
"""Pairs of items of one user that are counted at most, of all users together: the larger of the two."""
_K1, _B = 1.2, 0.75
"""Saturation of repeats and weight of the popularity in BM25, the values of its authors."""


class ItemKNN(AlikeByItems):
    """Sum of the similarities of an item to the items of the history.

    Parameters
    ----------
    weighting : {"cosine", "tfidf", "bm25"}
        How events are weighted before they are compared; see the head of this module.
    k : int
        Neighbours of each item: the items whose events add to its score.
    shrinkage : float
        Added to the denominator of the similarity: holds back pairs that few people back.
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    half_life : float, optional
        Days after which an event of the log counts half while learning; by default nothing fades.
    """

    name: str = "itemknn"
    weighting: Weighting = parameter(default="cosine", search=Choice(("cosine", "tfidf", "bm25")))
    k: int = parameter(default=200, low=1, high=100_000, search=Int(20, 500, log=True))
    shrinkage: float = parameter(default=40.0, low=0, high=1e9, search=Float(1.0, 200.0, log=True))
    decay: float = parameter(default=0.7, above=0, high=1, search=DECAY)
    half_life: float | None = parameter(default=None, above=0, unit="days", search=FORGETS)

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Find each item's neighbours and return self."""
        plain = wanted(interactions, self.half_life)
        products = None
        if self.weighting == "cosine":
            products = shared_products(interactions, self.half_life)
        if products is None:
            plain = _bounded(plain, interactions, self.half_life)
        X = _weighted(plain, self.weighting)
        neighbours = _neighbours(X, products, self.k, self.shrinkage)
        # A row of the neighbours is a candidate; scoring looks up the candidates of an event's item.
        self.weights_ = ItemItem(neighbours.T.tocsr(), np.zeros(len(catalogue), dtype=bool))
        return self


def _bounded(X: sparse.csr_array, log: Interactions, half_life: float | None) -> sparse.csr_array:
    """Return users x items; where there are too many pairs of items of one user, of their last events only.

    The pairs of a user grow with the square of their items: a few users with ten thousand items would take
    longer than all others.
    """
    most = max(_PAIRS, _PAIRS_AN_EVENT * len(log))
    if int(np.square(np.diff(X.indptr).astype(np.int64)).sum()) <= most:
        return X
    events = np.diff(log.offsets)
    few, many = 1, int(events.max())  # so many events of each user are few enough, and too many
    while many - few > 1:
        middle = (few + many) // 2
        fits = int(np.square(np.minimum(events, middle)).sum()) <= most
        few, many = (middle, many) if fits else (few, middle)
    place = np.repeat(log.offsets[1:], events) - np.arange(len(log))  # 1 for the last event of a user
    return wanted(log.select(place <= few), half_life)


def _weighted(X: sparse.csr_array, weighting: Weighting) -> sparse.csr_array:
    """Return users x items with the weighting applied."""
    if weighting == "cosine":
        return X
    if weighting == "bm25":
        X = _saturated(X)
    users_of_all = (1 + X.shape[1]) / (1 + np.diff(X.indptr))
    return csr.scaled(X, rows=np.log(users_of_all))


def _saturated(X: sparse.csr_array) -> sparse.csr_array:
    size = X.sum(axis=0)
    length = size / max(size[size > 0].mean(), 1e-9) if X.nnz else size
    data = X.data * (_K1 + 1) / (X.data + _K1 * (1 - _B + _B * length[X.indices]))
    return sparse.csr_array((data.astype(np.float32), X.indices, X.indptr), shape=X.shape)


def _neighbours(
    X: sparse.csr_array, products: sparse.csr_array | None, k: int, shrinkage: float
) -> sparse.csr_array:
    """Return items x items: the k largest of ``x_i . x_j / (|x_i| |x_j| + shrinkage)`` of each row i.

    ``products`` are those of all pairs of columns, where they are there already. Rows of items without
    events stay empty.
    """
    transposed = X.T.tocsr()
    lengths = csr.row_norms(transposed)
    n_items = len(lengths)
    active = np.flatnonzero(np.diff(transposed.indptr)).astype(np.int32)
    if kernels.COMPILED is not None:
        which = active, lengths, float(shrinkage), k
        if products is not None:
            best = kernels.COMPILED.nearest_by_products(*_rows(products), *which)
        else:
            best = kernels.COMPILED.nearest_by_users(*_rows(X), *_rows(transposed), *which)
        nearest = csr.assembled(dict(zip(("data", "indices", "indptr"), best, strict=True)), n_items)
        return csr.spread(nearest, active, n_items)
    parts = [sparse.csr_array(np.empty((0, n_items), dtype=np.float32))]
    for rows in _blocks(active, transposed, X):
        found = transposed[rows] @ X if products is None else products[rows]
        parts.append(csr.best_of_rows(_similarities(found, rows, lengths, shrinkage), k))
    return csr.spread(sparse.csr_array(sparse.vstack(parts, format="csr")), active, n_items)


def _rows(matrix: sparse.csr_array) -> tuple[Int64, Int32, Float32]:
    """Return what compiled loops read rows from."""
    arrays = csr.parts(matrix)
    return arrays["indptr"], arrays["indices"], arrays["data"]


def _blocks(active: Int32, transposed: sparse.csr_array, X: sparse.csr_array) -> Iterator[Int32]:
    """Yield the items with events in blocks whose products have about `_CELLS` entries at most."""
    if not len(active):
        return
    # The products of an item are those with the items of its users: at most that many, and all active ones.
    of_users = np.append(0, np.cumsum(np.diff(X.indptr)[transposed.indices], dtype=np.int64))
    cost = np.minimum(np.diff(of_users[transposed.indptr])[active], len(active))
    yield from np.split(active, np.flatnonzero(np.diff((np.cumsum(cost) - cost) // _CELLS)) + 1)


def _similarities(
    products: sparse.csr_array, rows: Int32, lengths: Array, shrinkage: float
) -> sparse.csr_array:
    row = np.repeat(rows, np.diff(products.indptr))
    similarity = products.data / (lengths[row] * lengths[products.indices] + shrinkage)
    similarity[row == products.indices] = 0  # an item is not its own neighbour
    found = sparse.csr_array(
        (similarity.astype(np.float32), products.indices, products.indptr), products.shape
    )
    found.eliminate_zeros()
    return found
