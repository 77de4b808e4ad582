"""A retriever: what is popular on the shelf of the last item.

Its base class checks the parameters, tunes them and keeps them in a snapshot.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.parameters import learned, parameter
from tacit.core.spaces import Float
from tacit.core.types import Array, Float32, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.models.retriever import Retriever


class Shelf(Retriever):
    """Popular items, those on the shelf of the last event first.

    Parameters
    ----------
    attribute : str
        Attribute of the catalogue that names the shelf of an item.
    bonus : float
        What an item of the same category gains, in units of the most popular item.
    """

    name: str = "shelf"
    attribute: str = "category"
    bonus: float = parameter(default=1.0, low=0, search=Float(0.0, 3.0))
    shelf_: Int32 = learned()  # items: code of the category
    popularity_: Float32 = learned()  # items

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        if self.attribute not in catalogue.attributes.columns:
            raise ConfigError(f"the catalogue has no attribute {self.attribute!r}; set attribute")
        shelves = catalogue.attributes[self.attribute].fill_null("?").to_numpy()
        self.shelf_ = np.unique(shelves, return_inverse=True)[1].astype(np.int32)
        self.popularity_ = np.bincount(interactions.item, minlength=len(catalogue)).astype(np.float32)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        scores = np.tile(self.popularity_, (len(queries), 1))  # float32[queries, items]
        seen = queries.keep(queries.item < len(self.shelf_))  # an item may be newer than the fit
        known = np.flatnonzero(seen.lengths > 0)
        last = seen.item[seen.offsets[known + 1] - 1]
        same = self.shelf_[last][:, None] == self.shelf_
        scores[known] += self.bonus * self.popularity_.max() * same
        return scores if items is None else scores[:, items]

    def similar(self, items: Int32, k: int) -> Ranking:
        """Return the most popular items of the same category (a part of what a retriever may offer)."""
        same = self.shelf_[items][:, None] == self.shelf_
        scores = np.where(same, self.popularity_, -np.inf).astype(np.float32)
        scores[np.arange(len(items)), items] = -np.inf
        return top_k(scores, k)

    def arrays(self) -> dict[str, Array]:
        return {"shelf": self.shelf_, "popularity": self.popularity_}

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self.shelf_, self.popularity_ = arrays["shelf"], arrays["popularity"]
