"""Cross features of a history and a candidate: one row a pair, named columns, no Python loop over pairs.

Families, so that an ablation is one argument:

- ``retrieval``: each retriever's score (standardised within the list), reciprocal rank, and whether it spoke
- ``text``: in the low-dimensional view of the language model: user and item side by side, their product and
  absolute difference, their cosine, and the nearest of the last events
- ``popularity``: decayed popularity at several half-lives, whether the item is rising, how young it is
- ``history``: how long the history is and how fresh
- ``attributes``: how much of the history shares the item's category, brand, ..., and the price compared

Statistics come from the interactions given to `FeatureMaker.fit` alone. A value that is not known is NaN; the
`Normaliser` turns it into the training mean.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from tacit.core.types import Array, Float32, Int32, Int64, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.encoders.profile import profile_vectors
from tacit.encoders.projection import Projection
from tacit.features.attributes import Attributes
from tacit.features.candidates import Candidates
from tacit.features.statistics import HALF_LIVES, ItemStatistics

FAMILIES = ("retrieval", "text", "popularity", "history", "attributes")
_RECENT = 5

Columns = list[tuple[str, Float32]]


class FeatureMaker:
    """Makes the features of pairs.

    Parameters
    ----------
    projection : Projection or None
        Fitted view of the catalogue's vectors, shared by all windows so that a column means the same in
        each; None where there are no vectors.
    families : sequence of str
        Which features to make.
    """

    def __init__(self, *, projection: Projection | None, families: Sequence[str] = FAMILIES) -> None:
        self.projection = projection
        self.families = tuple(families)

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> Self:
        """Take the statistics of the past."""
        return self._with(ItemStatistics.of(interactions, catalogue), catalogue)

    def transform(self, queries: Queries, candidates: Candidates) -> Float32:
        """Return float32[pairs, features]: the pairs are the real candidates in row-major order."""
        columns = self._columns(queries, candidates)
        if not columns:  # a family that this catalogue cannot give, asked for alone
            return np.empty((int(candidates.real.sum()), 0), dtype=np.float32)
        return np.stack([values for _, values in columns], axis=1)

    def names(self, retrievers: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the columns that `transform` makes, in order."""
        nothing = Candidates(
            np.full((1, 1), -1, dtype=np.int32),
            np.full((1, 1, len(retrievers)), -np.inf, dtype=np.float32),
            np.zeros(1, dtype=np.int64),
            np.zeros(1),
            tuple(retrievers),
        )
        return tuple(name for name, _ in self._columns(Queries.of([[]]), nothing))

    def extended(self, catalogue: Catalogue) -> "FeatureMaker":
        """Return a maker for a catalogue that has grown."""
        larger = FeatureMaker(projection=self.projection, families=self.families)
        return larger._with(self.statistics_.extended(catalogue), catalogue)

    def spec(self) -> dict[str, Json]:
        """Return the parameters as JSON."""
        return {
            "families": list(self.families),
            "projection": self.projection.spec() if self.projection else None,
        }

    def arrays(self) -> dict[str, Array]:
        """Return what was learned."""
        projection = self.projection.arrays() if self.projection else {}
        return {
            **{f"statistics.{name}": array for name, array in self.statistics_.arrays().items()},
            **{f"projection.{name}": array for name, array in projection.items()},
        }

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""

        def part(name: str) -> dict[str, Array]:
            return {key.partition(".")[2]: a for key, a in arrays.items() if key.partition(".")[0] == name}

        projection = (
            Projection.restore(spec["projection"], part("projection")) if spec["projection"] else None
        )
        maker = cls(projection=projection, families=spec["families"])
        return maker._with(ItemStatistics.restore(part("statistics")), catalogue)

    def _with(self, statistics: ItemStatistics, catalogue: Catalogue) -> Self:
        self.statistics_ = statistics
        self.attributes_ = Attributes.of(catalogue)
        self.vectors_: Float32 | None = None
        if self.projection is not None and catalogue.vectors is not None:
            self.vectors_ = self.projection.transform(catalogue.vectors)
        return self

    def _columns(self, queries: Queries, candidates: Candidates) -> Columns:
        row, place = np.nonzero(candidates.real)
        item = candidates.items[row, place]
        columns: Columns = []
        if "retrieval" in self.families:
            columns += _retrieval(candidates, row, place)
        if "text" in self.families and self.vectors_ is not None:
            columns += _text(queries, self.vectors_, row, item)
        if "popularity" in self.families:
            columns += _popularity(queries, self.statistics_, row, item)
        if "history" in self.families:
            columns += _history(queries, self.statistics_.span, row)
        if "attributes" in self.families:
            columns += self.attributes_.columns(queries, row, item)
        return columns


def _retrieval(candidates: Candidates, row: Int64, place: Int64) -> Columns:
    scores = candidates.scores
    spoke = np.isfinite(scores)
    count = np.maximum(spoke.sum(axis=1, keepdims=True), 1)
    mean = np.where(spoke, scores, 0).sum(axis=1, keepdims=True) / count
    centred = np.where(spoke, scores - mean, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    standard = np.where(spoke, centred / np.maximum(deviation, 1e-12), -1)
    # Ties share no rank: the lower code comes first, as in every list.
    rank = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable")
    nearness = np.where(spoke, 10 / (10 + rank), 0)
    columns: Columns = []
    for r, name in enumerate(candidates.retrievers):
        columns += [
            (f"{name}_score", standard[row, place, r].astype(np.float32)),
            (f"{name}_rank", nearness[row, place, r].astype(np.float32)),
            (f"{name}_spoke", spoke[row, place, r].astype(np.float32)),
        ]
    return columns


def _text(queries: Queries, vectors: Float32, row: Int64, item: Int32) -> Columns:
    users = profile_vectors(queries, vectors)
    user, candidate = users[row], vectors[item]
    product, difference = user * candidate, np.abs(user - candidate)
    recent = _recent_vectors(queries, vectors)
    cosines = np.einsum("pd,pkd->pk", candidate, recent[row]) if len(row) else np.empty((0, _RECENT))
    dimensions = range(vectors.shape[1])
    return [
        *((f"user_{d}", user[:, d]) for d in dimensions),
        *((f"item_{d}", candidate[:, d]) for d in dimensions),
        *((f"product_{d}", product[:, d]) for d in dimensions),
        *((f"difference_{d}", difference[:, d]) for d in dimensions),
        ("cosine", product.sum(axis=1)),
        ("cosine_nearest", cosines.max(axis=1, initial=-1).astype(np.float32)),
        ("cosine_last", cosines[:, 0].astype(np.float32)),
    ]


def _recent_vectors(queries: Queries, vectors: Float32) -> Float32:
    """Return the vectors of the last events, the last first: float32[n, 5, d]; zeros where fewer."""
    recent = np.zeros((len(queries), _RECENT, vectors.shape[1]), dtype=np.float32)
    chosen = (queries.position < _RECENT) & (queries.item < len(vectors))
    recent[queries.row[chosen], queries.position[chosen]] = vectors[queries.item[chosen]]
    return recent


def _popularity(queries: Queries, statistics: ItemStatistics, row: Int64, item: Int32) -> Columns:
    popularity = statistics.popularity[item]
    now = queries.now[row]

    def since(moment: Array) -> Float32:
        return np.log1p(100 * np.maximum(now - moment[item], 0) / statistics.span).astype(np.float32)

    return [
        *((f"popularity_{name}", popularity[:, h]) for h, name in enumerate(HALF_LIVES)),
        ("rising", popularity[:, 0] - popularity[:, 1]),
        ("rising_slowly", popularity[:, 1] - popularity[:, 2]),
        ("unseen", (popularity[:, -1] == 0).astype(np.float32)),
        ("age", since(statistics.born_at)),
        ("idle", since(statistics.last_at)),
    ]


def _history(queries: Queries, span: float, row: Int64) -> Columns:
    length = np.log1p(queries.lengths).astype(np.float32)
    has = queries.lengths > 0
    last = np.full(len(queries), np.nan)
    last[has] = queries.at[queries.offsets[1:][has] - 1]
    idle = np.log1p(100 * np.maximum(queries.now - last, 0) / span).astype(np.float32)
    return [("history_length", length[row]), ("history_idle", idle[row])]
