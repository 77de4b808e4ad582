"""Statistics of every item from the training log: popularity, its rise, and age."""

from dataclasses import dataclass, fields

import numpy as np

from tacit.core.growing_arrays import appended, padded
from tacit.core.types import Array, Bool, Float32, Float64, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.models.chunks import user_chunks

HALF_LIVES = {"short": 0.005, "middle": 0.03, "long": 0.15, "all": np.inf}
"""Half-lives of popularity as parts of the log's span: about a day, a week and a month of half a year."""

_PRIOR = 10.0
"""Events with the rate of the whole log that are added to those of an item."""


@dataclass(frozen=True)
class ItemStatistics:
    """Statistics by item code.

    Attributes
    ----------
    popularity : float32[items, half-lives]
        log(1 + decayed weight of the positive events), a column for each of `HALF_LIVES`.
    liked : float32[items]
        Rate of events that are no refusals, shrunk to that of the whole log where events are few.
    kinds : float32[items, kinds]
        Rate of each event type among the events, shrunk likewise.
    lift : float32[items]
        Log of the rate of acts among its exposures (an act is one too), over that of the whole log and
        shrunk to it where exposures are few; NaN for an item without events, or if the log has no exposures.
    first_at, last_at : float64[items]
        Times of the first and the last event; NaN for an item without events.
    born_at : float64[items]
        When the item was listed, or else its first event; NaN where neither is known.
    end, span : float
        End of the log and its length in seconds (1 where the log has no times).
    """

    popularity: Float32
    liked: Float32
    kinds: Float32
    lift: Float32
    first_at: Float64
    last_at: Float64
    born_at: Float64
    end: float
    span: float

    @classmethod
    def of(cls, interactions: Interactions, catalogue: Catalogue) -> "ItemStatistics":
        """Count the log."""
        liked = interactions.select(interactions.weight > 0)
        n = len(catalogue)
        end = liked.end
        span = max(end - float(np.quantile(liked.at, 0.01)), 1.0) if len(liked) else 1.0
        first, last = np.full(n, np.nan), np.full(n, np.nan)
        np.fmin.at(first, liked.item, liked.at)
        np.fmax.at(last, liked.item, liked.at)
        timed = interactions.timing == "time"
        return cls(
            popularity=_popularity(liked, n, end, span, timed),
            liked=_rates(interactions.item, interactions.weight > 0, n),
            kinds=_kinds(interactions, n),
            lift=_lift(interactions, n),
            first_at=first if timed else np.full(n, np.nan),
            last_at=last if timed else np.full(n, np.nan),
            born_at=_born(catalogue, first, end) if timed else np.full(n, np.nan),
            end=end,
            span=span,
        )

    def extended(self, catalogue: Catalogue) -> "ItemStatistics":
        """Return the statistics with new items appended: without events, born at the catalogue's date."""
        size = len(catalogue)
        born = catalogue.created_at[len(self.popularity) :]
        return ItemStatistics(
            popularity=padded(self.popularity, size),
            liked=padded(self.liked, size, np.nan),
            kinds=padded(self.kinds, size, np.nan),
            lift=padded(self.lift, size, np.nan),
            first_at=padded(self.first_at, size, np.nan),
            last_at=padded(self.last_at, size, np.nan),
            born_at=appended(self.born_at, np.where(np.isfinite(born), born, np.nan)),
            end=self.end,
            span=self.span,
        )

    def arrays(self) -> dict[str, Array]:
        """Return everything as arrays."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def restore(cls, arrays: dict[str, Array]) -> "ItemStatistics":
        """Rebuild from what `arrays` returned."""
        by_item = {f.name: arrays[f.name] for f in fields(cls) if f.name not in ("end", "span")}
        return cls(**by_item, end=float(arrays["end"]), span=float(arrays["span"]))


def _popularity(liked: Interactions, n: int, end: float, span: float, timed: bool) -> Float32:
    counts = np.zeros((n, len(HALF_LIVES)))
    for events in user_chunks(liked):
        item, weight, age = liked.item[events], liked.weight[events], end - liked.at[events]
        for place, share in enumerate(HALF_LIVES.values()):
            decay = np.exp2(-age / (share * span)) if timed else np.ones(len(age))
            counts[:, place] += np.bincount(item, weight * decay, n)
    return np.log1p(counts).astype(np.float32)


def _kinds(interactions: Interactions, n: int) -> Float32:
    rates = [_rates(interactions.item, interactions.kind == k, n) for k in range(len(interactions.kinds))]
    return np.stack(rates, axis=1) if rates else np.empty((n, 0), dtype=np.float32)


def _rates(item: Int32, counted: Bool, n: int) -> Float32:
    """Return the rate of counted events of each item, shrunk to that of all; NaN without an event."""
    events = np.bincount(item, minlength=n)
    of_all = counted.sum() / max(len(counted), 1)
    rate = (np.bincount(item, counted, n) + _PRIOR * of_all) / (events + _PRIOR)
    return np.where(events > 0, rate, np.nan).astype(np.float32)


def _lift(interactions: Interactions, n: int) -> Float32:
    """Return log(click-through / mean click-through) of the items; an act counts as an exposure too."""
    acted = interactions.weight != 0
    if acted.all() or not acted.any():
        return np.full(n, np.nan, dtype=np.float32)
    rate = _rates(interactions.item, acted, n)
    return np.asarray(np.log(rate / acted.mean()), dtype=np.float32)


def _born(catalogue: Catalogue, first: Float64, end: float) -> Float64:
    listed = np.where(catalogue.created_at <= end, catalogue.created_at, np.nan)
    return np.where(np.isfinite(listed), listed, first)
