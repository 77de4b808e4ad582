"""RP3beta: random walks of three steps between users and items, with popular items held back.

Paudel et al., "Updatable, accurate, diverse, and scalable recommendations for interactive applications", TiiS
2017. From an item a walk goes to one of its users and on to one of the items of that user. With X of users x
items, and its rows and columns divided by their sums, the weights are

    W = (X' / users of the item) ^ alpha  @  (X / items of the user) ^ alpha  /  popularity ^ beta

where powers are taken of each entry and the last division is that of columns.
"""

from typing import Self

import numpy as np
from scipy import sparse

from tacit.core.parameters import parameter
from tacit.core.spaces import Float, Int
from tacit.core.types import Array
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.models import csr
from tacit.models.itemitem import ByItems, ItemItem
from tacit.models.shared_spaces import DECAY, FORGETS

_CELLS = 16_000_000
"""Weights held at once while fitting."""


class RP3Beta(ByItems):
    """Sum of the probabilities of walks from the items of the history.

    Parameters
    ----------
    alpha : float
        Power of the probability of a step; above 1, likely steps count more.
    beta : float
        Power of the popularity by which the weight of an item is divided, in [0, 1]; 0 divides by nothing.
    k : int
        Weights kept of each item, the largest.
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    half_life : float, optional
        Days after which an event of the log counts half while learning; by default nothing fades.
    """

    name: str = "rp3beta"
    alpha: float = parameter(default=1.0, above=0, high=10, search=Float(0.5, 2.0))
    beta: float = parameter(default=0.4, low=0, high=1, search=Float(0.0, 1.0))
    k: int = parameter(default=200, low=1, high=100_000, search=Int(20, 500, log=True))
    decay: float = parameter(default=0.85, above=0, high=1, search=DECAY)
    half_life: float | None = parameter(default=None, above=0, unit="days", search=FORGETS)

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Walk from every item and return self."""
        X = csr.wanted(interactions, self.half_life)
        popularity = np.asarray(X.sum(axis=0), dtype=np.float64)
        held_back = _power(popularity, -self.beta)
        to_user, to_item = _steps(X.T.tocsr(), self.alpha), _steps(X, self.alpha)
        n_items = len(catalogue)
        size = max(_CELLS // max(n_items, 1), 1)
        parts = [sparse.csr_array(np.empty((0, n_items), dtype=np.float32))]
        for start in range(0, n_items, size):
            walks = csr.scaled((to_user[start : start + size] @ to_item).tocsr(), columns=held_back)
            parts.append(csr.best_of_rows(_without_own(walks, start), self.k))
        weights: sparse.csr_array = sparse.vstack(parts, format="csr")
        self.weights_ = ItemItem(weights, np.zeros(n_items, dtype=bool))
        return self


def _steps(X: sparse.csr_array, alpha: float) -> sparse.csr_array:
    """Return the probabilities of a step from each row, to the power of alpha: csr_array float32."""
    steps = csr.scaled(X, rows=_power(np.asarray(X.sum(axis=1), dtype=np.float64), -1.0))
    steps.data **= alpha
    return steps


def _power(values: Array, power: float) -> Array:
    """Return positive values to a power, and 0 where there is nothing."""
    return np.power(values, power, out=np.zeros_like(values), where=values > 0)


def _without_own(walks: sparse.csr_array, start: int) -> sparse.csr_array:
    """Return the walks of the items from ``start`` on, without those that end where they began."""
    row = start + np.repeat(np.arange(walks.shape[0]), np.diff(walks.indptr))
    walks.data[row == walks.indices] = 0
    walks.eliminate_zeros()
    return walks
