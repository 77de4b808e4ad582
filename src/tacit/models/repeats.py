"""Items that the user chose before: hard to beat where people buy the same again and again.

Personal frequency (Hu et al., "Modeling personalized item frequency information for next-basket
recommendation", SIGIR 2020). It scores the items of the history only, so it is useful only where these may be
recommended again.
"""

import copy
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np

from tacit.core.kernels import loops
from tacit.core.parameters import learned, parameter
from tacit.core.spaces import Float
from tacit.core.types import Array, Bool, Float32, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models import csr
from tacit.models.accumulate import history_rows
from tacit.models.decay import chosen
from tacit.models.itemitem import shares
from tacit.models.loops import baseline_of, powers_of
from tacit.models.retriever import Retriever
from tacit.models.score_parts import Sums
from tacit.models.sparse_scores import SparseScores


class Repeats(Retriever):
    """How often the user chose an item.

    Parameters
    ----------
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    """

    name: str = "repeats"
    decay: float = parameter(default=1.0, above=0, high=1, search=Float(0.9, 1.0))
    n_items_: int = learned()

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Store the number of items and return self: all else is in the history."""
        self.n_items_ = len(catalogue)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return the decayed number of choices: float32[n, m]; ``-inf`` for items not chosen."""
        scores = csr.densified(queries.matrix(self.n_items_, chosen(queries, self.decay)), -np.inf)
        return scores if items is None else scores[:, items]

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores:
        """Return the items of the history, with the same scores."""
        decay = self.decay if queries.ordered else 1.0  # and without an order, too, all choices are counted
        rows = history_rows(replace(queries, ordered=True), decay, self.n_items_)
        return SparseScores(rows.offsets, rows.columns, rows.values)

    def compiled(self, shared: dict[Hashable, Any]) -> Any:
        """Return the compiled form of the sparse scores."""
        return loops().Chosen(powers_of(self.decay), self.n_items_, baseline_of(None))

    def explain(self, queries: Queries, items: Int32) -> Float32:
        """Return the share of each history event in the score of ``items[q]``: float32[events]."""
        return shares(queries, chosen(queries, self.decay) * (queries.item == items[queries.row]))

    def parts(self, query: Queries, items: Int32) -> Sums:
        """Return what the events of one history add to the scores of some items."""
        links = (query.item[:, None] == items).astype(np.float32)
        return Sums(links, chosen(query, 1.0), self.decay if query.ordered else 1.0)

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model that scores the items of the larger catalogue."""
        larger = copy.copy(self)
        larger.n_items_ = len(catalogue)
        return larger

    def arrays(self) -> dict[str, Array]:
        """Return nothing: nothing is learned."""
        return {}

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self.n_items_ = len(catalogue)
