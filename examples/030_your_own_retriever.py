"""A retriever of your own: a name, `fit` and `score` are all that a model needs; then compare it."""

import sys
import tempfile
from pathlib import Path
from typing import Self

import numpy as np

import tacit
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.shop import generate


class Shelf:
    """What is popular in the category of the last item that somebody looked at."""

    name = "shelf"

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        _, self.shelf = np.unique(catalogue.attributes["category"].fill_null("?"), return_inverse=True)
        self.popularity = np.bincount(interactions.item, minlength=len(catalogue)).astype(np.float32)
        return self

    def score(self, queries: Queries, items: np.ndarray | None = None) -> np.ndarray:
        scores = np.tile(self.popularity, (len(queries), 1))  # float32[queries, items]
        for row in range(len(queries)):
            history = queries.item[queries.offsets[row] : queries.offsets[row + 1]]
            if len(history):
                scores[row, self.shelf == self.shelf[history[-1]]] += self.popularity.max()
        return scores if items is None else scores[:, items]


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
generate(users=150, items=130, events=3_500).write(folder)  # your files go here instead

reported = tacit.evaluate(
    folder / "events.csv",
    folder / "items.jsonl",
    share=0.2,
    models=["popular", "itemknn"],
    own={"shelf": Shelf},
)
print(reported.table().select("model", "ndcg@10", "low", "high"))
print(reported.conclusion)
