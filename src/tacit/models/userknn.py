"""User-based nearest neighbours: what the people with the most similar histories wanted lately.

Resnick et al., "GroupLens", CSCW 1994, in its form for implicit feedback. The neighbours are rows of the
training log, the user is whatever history the query brings, so a new user needs no refit. What the
neighbours wanted fades with its age, which is worth most where fashions change quickly.
"""

import copy
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

import numpy as np
from scipy import sparse

from tacit.core.errors import ConfigError
from tacit.core.types import Array, Float32, Int32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models import csr
from tacit.models.decay import decayed_rows, fading
from tacit.models.protocol import batches

Weighting = Literal["cosine", "tfidf"]


class UserKNN:
    """Sum of what the nearest training users wanted, by their similarity to the history.

    Parameters
    ----------
    k : int
        Neighbours that speak.
    weighting : {"cosine", "tfidf"}
        How histories are compared; "tfidf" lets rare items say more about likeness.
    decay : float
        How much less each earlier event of the query's history counts, in (0, 1].
    half_life : float, optional
        Days after which an event of a neighbour counts half; ``inf`` for never. By default the time in
        which the last tenth of the log's events happened.
    name : str
    """

    def __init__(
        self,
        *,
        k: int = 100,
        weighting: Weighting = "cosine",
        decay: float = 0.85,
        half_life: float | None = None,
        name: str = "userknn",
    ) -> None:
        if weighting not in get_args(Weighting):
            raise ConfigError(f"weighting is {weighting!r}; known: {', '.join(get_args(Weighting))}")
        self.k = k
        self.weighting = weighting
        self.decay = decay
        self.half_life = half_life
        self.name = name
        self.wanted_: sparse.csr_array  # users x items: what a neighbour speaks for
        self.rarity_: Float32  # items: how much an item says about likeness
        self.unit_: sparse.csr_array  # items x users: rows of length 1, transposed for the product

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Keep the users' rows, for comparing and for speaking, and return self."""
        rows = interactions.matrix()
        faded = (interactions.weight * fading(interactions, self.half_life)).astype(np.float32)
        self.wanted_ = interactions.matrix(faded)
        self.rarity_ = np.ones(len(catalogue), dtype=np.float32)
        if self.weighting == "tfidf":
            users = np.bincount(rows.indices, minlength=len(catalogue))
            self.rarity_ = np.log1p(len(interactions.users) / (1 + users)).astype(np.float32)
        self.unit_ = _unit(csr.scaled(rows, columns=self.rarity_)).T.tocsr()
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]; ``-inf`` for items that no neighbour wanted.

        A query that carries its user code is not compared with the training row of that very user.
        """
        scores = np.empty((len(queries), len(self.rarity_)), dtype=np.float32)
        start = 0
        for batch in batches(queries, self.wanted_.shape[0]):
            scores[start : start + len(batch)] = csr.spoken(self._neighbours(batch), self.wanted_, -np.inf)
            start += len(batch)
        return scores if items is None else scores[:, items]

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue: nobody wanted the new items yet."""
        larger = copy.copy(self)
        n_users = self.wanted_.shape[0]
        missing = len(catalogue) - len(self.rarity_)
        larger.wanted_ = csr.resized(self.wanted_, n_users, len(catalogue))
        larger.unit_ = csr.resized(self.unit_, len(catalogue), n_users)
        larger.rarity_ = np.pad(self.rarity_, (0, missing), constant_values=1)
        return larger

    def spec(self) -> dict[str, Json]:
        """Return the hyperparameters (an infinite half-life as text: JSON has no infinity)."""
        endless = self.half_life is not None and np.isinf(self.half_life)
        return {
            "k": self.k,
            "weighting": self.weighting,
            "decay": self.decay,
            "half_life": "inf" if endless else self.half_life,
            "name": self.name,
        }

    def arrays(self) -> dict[str, Array]:
        """Return the users' rows as wanted, the transposed unit rows and the items' rarity."""
        return {
            **{f"wanted_{name}": array for name, array in csr.parts(self.wanted_).items()},
            **{f"unit_{name}": array for name, array in csr.parts(self.unit_).items()},
            "rarity": self.rarity_,
        }

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        half_life = spec["half_life"]
        model = cls(**{**spec, "half_life": None if half_life is None else float(half_life)})
        model.rarity_ = arrays["rarity"]
        model.wanted_ = csr.assembled(_named("wanted_", arrays), len(model.rarity_))
        model.unit_ = csr.assembled(_named("unit_", arrays), model.wanted_.shape[0])
        return model

    def _neighbours(self, queries: Queries) -> sparse.csr_array:
        """Return the likeness of the k users most like each history: csr_array float32[n, users]."""
        rows = _unit(csr.scaled(decayed_rows(queries, self.decay, len(self.rarity_)), columns=self.rarity_))
        likeness = csr.spoken(rows, self.unit_, -np.inf)
        own = np.flatnonzero((queries.user >= 0) & (queries.user < likeness.shape[1]))
        likeness[own, queries.user[own]] = -np.inf
        return csr.best_of_dense(likeness, self.k)


def _unit(rows: sparse.csr_array) -> sparse.csr_array:
    """Return the rows with Euclidean length 1 (an empty row stays empty)."""
    lengths = csr.row_norms(rows)
    return csr.scaled(rows, rows=np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0))


def _named(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
