"""EASE: the closed-form linear model that is at or near the top of sparse benchmarks.

Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019: with ``G = X'X + l2 I`` and
``P = G^-1`` the weights are ``B = -P / diag(P)`` with an empty diagonal. Solved in place in float32 by a
Cholesky factorisation over the items that have events, or over the users where they are fewer; where items
are too many, by `tacit.models.arrowhead`. Only the largest weights of each row are kept: that is faster to
serve and no worse (often better) to follow.
"""

from collections.abc import Callable
from functools import partial
from typing import Self

import numpy as np
from scipy import sparse

from tacit.core.parameters import parameter
from tacit.core.spaces import Float
from tacit.core.types import Float32, Float64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.models.arrowhead import arrowhead, groups
from tacit.models.gram import CELLS, check_memory, largest, most_popular, precision
from tacit.models.itemitem import AlikeByItems, ItemItem
from tacit.models.shared_spaces import DECAY, FORGETS
from tacit.models.sharing import shared_gram, wanted

MOST = 10
"""Times ``max_items`` items take part: time and memory grow with the groups of rare items, which add least
(docs/decisions/037-fits-of-large-logs.md)."""


class EASE(AlikeByItems):
    """Linear weights from the items of a history to all items.

    Parameters
    ----------
    l2 : float
        Regularisation, in units of the mean of the diagonal of ``X'X``, so that one value suits
        logs of all sizes.
    rarity : float
        In [0, 1]: how far the regularisation of an item follows its own frequency. 0 is the same for all;
        1 regularises popular items most, which lets rare ones through.
    keep : int
        Weights kept of each row, the largest by absolute value.
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    half_life : float, optional
        Days after which an event of the log counts half while learning; by default nothing fades.
    max_items : int
        The largest number of items with events that is solved exactly; time grows with its third power,
        memory with the second (10,000: 400 MB). Of a larger catalogue the most popular third of
        this number is solved with everything, and the others in groups of an eighth of it, each with the
        popular ones and itself. Of more than ten times this number the others get ``-inf``.
    """

    name: str = "ease"
    l2: float = parameter(default=4.0, low=0, high=1e6, search=Float(0.3, 30.0, log=True))
    rarity: float = parameter(default=0.0, low=0, high=1, search=Float(0.0, 1.0))
    keep: int = parameter(default=200, low=1, high=100_000)
    decay: float = parameter(default=0.9, above=0, high=1, search=DECAY)
    max_items: int = parameter(default=10_000, low=1, high=1_000_000)
    half_life: float | None = parameter(default=None, above=0, unit="days", search=FORGETS)

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Solve for the weights and return self.

        Raises
        ------
        UnsupportedError
            If the items need more than half of the machine's memory.
        """
        X = wanted(interactions, self.half_life)
        items = most_popular(X, MOST * self.max_items)
        make = partial(shared_gram, interactions, self.half_life, items)
        B = (
            self._weights(X[:, items], make, rng)
            if len(items)
            else sparse.coo_array((0, 0), dtype=np.float32)
        )
        self.weights_ = ItemItem.among(items, B, len(catalogue))
        return self

    def _weights(
        self, X: sparse.csr_array, products_of: Callable[[], Float32], rng: np.random.Generator
    ) -> sparse.coo_array:
        """Return the largest weights of each item: coo_array float32[items, items]."""
        squares = np.bincount(X.indices, np.square(X.data, dtype=np.float64))
        penalty = self.l2 * squares.mean() * (squares / squares.mean()) ** self.rarity
        if X.shape[1] <= self.max_items:
            return _dense(X, products_of, penalty, self.keep)
        head = most_popular(X, max(self.max_items // 3, 1))
        rest = np.setdiff1d(np.arange(X.shape[1]), head)
        tail = [rest[group] for group in groups(X[:, rest], max(self.max_items // 8, 1), rng)]
        return arrowhead(X, penalty, head, tail, self.keep)


def _dense(
    X: sparse.csr_array, products_of: Callable[[], Float32], penalty: Float64, keep: int
) -> sparse.coo_array:
    check_memory(f"EASE over {X.shape[1]:,} items", 1.25 * X.shape[1] ** 2 + 2 * CELLS)
    B = precision(X, penalty, products_of)
    B /= -np.diagonal(B)
    np.fill_diagonal(B, 0)
    return largest(B, keep)
