"""What somebody chose before: hard to beat where people buy the same again and again.

Personal frequency (Hu et al., "Modeling personalized item frequency information for next-basket
recommendation", SIGIR 2020). It speaks for items of the history alone, so it counts for something only where
these may be recommended.
"""

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from tacit.core.types import Array, Float32, Int32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models import csr
from tacit.models.decay import chosen
from tacit.models.itemitem import shares


class Repeats:
    """How often somebody chose an item.

    Parameters
    ----------
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    name : str
    """

    def __init__(self, *, decay: float = 1.0, name: str = "repeats") -> None:
        self.decay = decay
        self.name = name
        self.n_items_: int

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Learn how many items there are, and return self: all else is in the history."""
        self.n_items_ = len(catalogue)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return the decayed number of choices: float32[n, m]; ``-inf`` for what was not chosen."""
        scores = csr.densified(queries.matrix(self.n_items_, chosen(queries, self.decay)), -np.inf)
        return scores if items is None else scores[:, items]

    def explain(self, queries: Queries, items: Int32) -> Float32:
        """Return the share of each history event in the score of ``items[q]``: float32[events]."""
        return shares(queries, chosen(queries, self.decay) * (queries.item == items[queries.row]))

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model that scores the items of the larger catalogue."""
        larger = copy.copy(self)
        larger.n_items_ = len(catalogue)
        return larger

    def spec(self) -> dict[str, Json]:
        """Return the hyperparameters."""
        return {"decay": self.decay, "name": self.name}

    def arrays(self) -> dict[str, Array]:
        """Return nothing: nothing is learned."""
        return {}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue) -> Self:
        """Rebuild from what `spec` returned."""
        model = cls(**spec)
        model.n_items_ = len(catalogue)
        return model
