"""Time-decayed popularity: the simple answer that is hardest to beat on a cut in time.

One list for everybody. What counts is how many users wanted an item lately: a user's repeats on one item
add the logarithm of their number only, so that nobody can click an item to the top alone.
"""

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from tacit.core.types import Array, Float32, Float64, Int32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models.decay import RECENT, fading


class Trending:
    """Popularity that halves with age.

    Parameters
    ----------
    half_life : float, optional
        Days after which an event counts half; ``inf`` for plain popularity. By default the time in
        which the last ``share`` of the events happened. A log without timestamps is counted plainly.
    share : float
        In (0, 1); says nothing where ``half_life`` is given.
    name : str
    """

    def __init__(
        self, *, half_life: float | None = None, share: float = RECENT, name: str = "trending"
    ) -> None:
        self.half_life = half_life
        self.share = share
        self.name = name
        self.popularity_: Float32

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Count the users of each item, each by what is left of their events, and return self."""
        liked = np.maximum(interactions.weight, 0) * fading(interactions, self.half_life, self.share)
        total = _damped(interactions.user, interactions.item, liked, len(catalogue))
        self.popularity_ = np.where(total > 0, total, -np.inf).astype(np.float32)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]: the same popularity for each query; ``-inf`` for items nobody wanted."""
        row = self.popularity_ if items is None else self.popularity_[items]
        return np.tile(row, (len(queries), 1))

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue: nobody wanted the new items yet."""
        larger = copy.copy(self)
        missing = len(catalogue) - len(self.popularity_)
        larger.popularity_ = np.pad(self.popularity_, (0, missing), constant_values=-np.inf)
        return larger

    def spec(self) -> dict[str, Json]:
        """Return the hyperparameters (an infinite half-life as text: JSON has no infinity)."""
        endless = self.half_life is not None and np.isinf(self.half_life)
        return {"half_life": "inf" if endless else self.half_life, "share": self.share, "name": self.name}

    def arrays(self) -> dict[str, Array]:
        """Return the popularity."""
        return {"popularity": self.popularity_}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        half_life = spec["half_life"]
        model = cls(**{**spec, "half_life": None if half_life is None else float(half_life)})
        model.popularity_ = arrays["popularity"]
        return model


def _damped(user: Int32, item: Int32, value: Float64, n_items: int) -> Float64:
    """Return the sum over users of ``largest value * (1 + ln(number of events))``: float64[n_items]."""
    keep = value > 0
    pair, place, repeats = np.unique(
        user[keep].astype(np.int64) * n_items + item[keep], return_inverse=True, return_counts=True
    )
    largest = np.zeros(len(pair))
    np.maximum.at(largest, place, value[keep])
    worth = largest * (1 + np.log(repeats))
    return np.bincount(pair % max(n_items, 1), worth, minlength=n_items).astype(np.float64)
