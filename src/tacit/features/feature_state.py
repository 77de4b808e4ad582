"""State of the features: statistics, vectors and item-item weights, all from the training log only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from tacit.core.growing_arrays import padded, recomputed
from tacit.core.parts import part_of
from tacit.core.seeds import generator
from tacit.core.types import Array, Bool, Float32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.encoders.projection import Projection
from tacit.features.labels import Attributes
from tacit.features.people import People
from tacit.features.statistics import ItemStatistics
from tacit.features.truncated_svd import truncated_svd
from tacit.models import csr
from tacit.models.accumulate import Rows
from tacit.models.covisitation import CoVisitation
from tacit.models.itemknn import ItemKNN
from tacit.models.projected import transformed
from tacit.models.protocol import Recommender

_FACTORS = 32
_SEED = 0
"""Seed of the singular value decomposition: the same log gives the same vectors."""
_FOLLOWERS = 100
"""Items that may follow each item."""
_EVENTS = 2_000_000
"""Largest number of events, the last ones, that ``follows`` is counted on."""
_FEW = 0.5
"""Of a log in which a smaller part of the users or items has events, only their rows are decomposed."""


@dataclass(frozen=True)
class FeatureState:
    """What is known before the queries come.

    Attributes
    ----------
    statistics : ItemStatistics
    attributes : Attributes
    kinds : tuple of str
        Event types of the log.
    timed : bool
        Whether the log has times.
    text : float32[items, d] or None
        Unit vectors in the low-dimensional view of the language model.
    collaborative : float32[items, d] or None
        Unit vectors of the log itself, zero for an item without events; None if no family needs them.
    together : csr_array float32[items, items] or None
        Which items users choose together: the weights of the item kNN among the retrievers.
    follows : csr_array float32[items, items]
        Which items come soon after an item in the histories.
    people : People or None
        What users with each trait choose; None if the log has no traits.
    """

    statistics: ItemStatistics
    attributes: Attributes
    kinds: tuple[str, ...]
    timed: bool
    text: Float32 | None
    collaborative: Float32 | None
    together: sparse.csr_array | None
    follows: sparse.csr_array
    people: People | None

    @classmethod
    def of(
        cls,
        interactions: Interactions,
        catalogue: Catalogue,
        projection: Projection | None,
        retrievers: Sequence[Recommender],
        *,
        collaborative: bool,
    ) -> "FeatureState":
        """Learn from a log, a catalogue and the retrievers that were fitted on them."""
        attributes = Attributes.of(catalogue)
        return cls(
            statistics=ItemStatistics.of(interactions, catalogue),
            attributes=attributes,
            kinds=interactions.kinds,
            timed=interactions.timing == "time",
            text=text_vectors(catalogue, projection),
            collaborative=_factors(interactions, len(catalogue)) if collaborative else None,
            together=together_of(retrievers),
            follows=_follows(interactions, catalogue),
            people=People.of(interactions, attributes),
        )

    @classmethod
    def bare(cls, interactions: Interactions, catalogue: Catalogue) -> "FeatureState":
        """Return a state that no feature is computed from: for a list without a ranker."""
        return cls(
            statistics=ItemStatistics.of(interactions, catalogue),
            attributes=Attributes.of(catalogue),
            kinds=interactions.kinds,
            timed=interactions.timing == "time",
            text=None,
            collaborative=None,
            together=None,
            follows=csr.resized(
                sparse.csr_array(np.zeros((0, 0), np.float32)), len(catalogue), len(catalogue)
            ),
            people=None,
        )

    @cached_property
    def together_rows(self) -> Rows | None:
        """The weights of ``together`` as plain arrays."""
        return None if self.together is None else Rows.of(self.together)

    @cached_property
    def follows_rows(self) -> Rows:
        """The weights of ``follows`` as plain arrays."""
        return Rows.of(self.follows)

    def updated(self, later: Later) -> "FeatureState":
        """Return the state after later events: the statistics of the items follow them, all else waits."""
        return replace(self, statistics=self.statistics.updated(later))

    def extended(self, catalogue: Catalogue, projection: Projection | None) -> "FeatureState":
        """Return the state for a catalogue that has grown."""
        factors, attributes = self.collaborative, self.attributes.extended(catalogue)
        return replace(
            self,
            statistics=self.statistics.extended(catalogue),
            attributes=attributes,
            text=self._text_of(catalogue, projection),
            collaborative=None if factors is None else padded(factors, len(catalogue)),
            follows=csr.resized(self.follows, len(catalogue), len(catalogue)),
            people=self.people.extended(attributes, len(catalogue)) if self.people else None,
        )

    def _text_of(self, catalogue: Catalogue, projection: Projection | None) -> Float32 | None:
        """Return the projected vectors of a catalogue that has grown; only changed ones are computed."""
        changed = catalogue.changed_since(self.attributes.version)
        if changed is None or self.text is None or projection is None or catalogue.vectors is None:
            return text_vectors(catalogue, projection)
        return recomputed(self.text, changed, projection.transform(catalogue.vectors[changed]))

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that were learned from the log, the attributes and the projected vectors.

        These two could be computed again, but not shared by processes that map them.
        """
        text = {} if self.text is None else {"text": self.text}
        factors = {} if self.collaborative is None else {"collaborative": self.collaborative}
        people = self.people.arrays() if self.people else {}
        return {
            **{f"people.{name}": array for name, array in people.items()},
            **{f"statistics.{name}": array for name, array in self.statistics.arrays().items()},
            **{f"follows.{name}": array for name, array in csr.parts(self.follows).items()},
            **{f"attributes.{name}": array for name, array in self.attributes.arrays().items()},
            **factors,
            **text,
        }

    @classmethod
    def restore(
        cls,
        arrays: Mapping[str, Array],
        catalogue: Catalogue,
        projection: Projection | None,
        retrievers: Sequence[Recommender],
        *,
        kinds: tuple[str, ...],
        timed: bool,
        people: Mapping[str, Any] | None,
        labels: Sequence[str] | None = None,
    ) -> "FeatureState":
        """Rebuild from what `arrays` returned, the catalogue and the retrievers.

        ``labels`` are the columns of the catalogue that are attributes; older snapshots do not name them.
        """
        attributes = Attributes.restore(labels, part_of(arrays, "attributes", "."), catalogue)
        text = arrays.get("text")
        if text is None or len(text) != len(catalogue):
            text = text_vectors(catalogue, projection)
        return cls(
            statistics=ItemStatistics.restore(part_of(arrays, "statistics", ".")),
            attributes=attributes,
            kinds=kinds,
            timed=timed,
            text=text,
            collaborative=arrays.get("collaborative"),
            together=together_of(retrievers),
            follows=csr.assembled(part_of(arrays, "follows", "."), len(catalogue)),
            people=People.restore(people, part_of(arrays, "people", "."), attributes) if people else None,
        )


def text_vectors(catalogue: Catalogue, projection: Projection | None) -> Float32 | None:
    """Return the projected vectors of the catalogue; None if there are none."""
    if projection is None or catalogue.vectors is None:
        return None
    return transformed(projection, catalogue.vectors)


def together_of(retrievers: Sequence[Recommender]) -> sparse.csr_array | None:
    """Return the item-item weights of the first item kNN among the retrievers."""
    found = [one.weights_.matrix for one in retrievers if isinstance(one, ItemKNN)]
    return found[0] if found else None


def _follows(interactions: Interactions, catalogue: Catalogue) -> sparse.csr_array:
    recent = interactions
    if len(recent) > _EVENTS:
        recent = recent.select(recent.at >= np.partition(recent.at, -_EVENTS)[-_EVENTS])
    model = CoVisitation().fit(recent, catalogue, rng=generator(_SEED, "follows"))
    return csr.best_of_rows(model.weights_.matrix, _FOLLOWERS).astype(np.float32)


def _factors(interactions: Interactions, n_items: int) -> Float32:
    """Return unit vectors of the items by a truncated singular value decomposition of users x items.

    Rows are divided by the root of their length and columns by a power of theirs, so that neither the most
    active users nor the most popular items fill the first dimensions (PureSVD, Cremonesi et al., RecSys 2010,
    normalised).
    """
    X = csr.wanted(interactions, None)
    users = _kept(np.diff(X.indptr) > 0)
    items = _kept(np.bincount(X.indices, minlength=n_items) > 0)
    if len(users) < X.shape[0] or len(items) < n_items:
        X = X[users][:, items]
    X.data[:] = 1
    of_user, of_item = (np.maximum(X.sum(axis=axis), 1) for axis in (1, 0))
    X.data *= np.repeat(of_user**-0.5, np.diff(X.indptr)) * of_item[X.indices] ** -0.4
    values, directions = truncated_svd(X, min(_FACTORS, *X.shape), rounds=3, rng=generator(_SEED, "factors"))
    vectors = directions.T * values
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found = np.zeros((n_items, vectors.shape[1]), dtype=np.float32)
    found[items] = vectors / np.where(length > 1e-9, length, np.inf)
    return found


def _kept(there: Bool) -> Int64:
    """Return the codes of users or items that are decomposed: all, or those with events if these are few."""
    few = there.sum() < _FEW * len(there)
    return np.flatnonzero(there) if few else np.arange(len(there))
