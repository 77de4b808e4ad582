"""Statistics of every item from the training log: popularity, its rise, and age."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from tacit.core.growing_arrays import appended, padded
from tacit.core.types import Array, Float32, Float64, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.models.chunks import user_chunks

HALF_LIVES = {"short": 0.005, "middle": 0.03, "long": 0.15, "all": np.inf}
"""Half-lives of popularity as parts of the log's span: about a day, a week and a month of half a year."""

_HALVES = np.array([*HALF_LIVES.values()])
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
    tallies : int64[items, 3 + kinds] or None
        Events of each item: all, those that are no refusals, those that are acts, those of each type. None
        in older snapshots.
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
    tallies: Int64 | None
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
        tallies = _tallies(interactions, n)
        return cls(
            popularity=np.log1p(_counts(liked, n, end, span, timed)).astype(np.float32),
            **_rates(tallies),
            first_at=first if timed else np.full(n, np.nan),
            last_at=last if timed else np.full(n, np.nan),
            born_at=_born(catalogue, first, end) if timed else np.full(n, np.nan),
            tallies=tallies,
            end=end,
            span=span,
        )

    def updated(self, later: Later) -> "ItemStatistics":
        """Return the statistics of a fit on later events too, but for the span, which stays."""
        if self.tallies is None or not len(later.events):
            return self
        liked, n = later.events.select(later.events.weight > 0), len(self.popularity)
        timed = later.events.timing == "time"
        end = max(self.end, liked.end)
        left = np.exp2((self.end - end) / (_HALVES * self.span)) if timed else 1.0
        counts = np.expm1(self.popularity.astype(np.float64)) * left
        counts += _counts(liked, n, end, self.span, timed)
        tallies = self.tallies + _tallies(later.events, n)
        newer = replace(
            self,
            popularity=np.log1p(counts).astype(np.float32),
            **_rates(tallies),
            tallies=tallies,
            end=end,
        )
        if not timed:
            return newer
        first, last, born = self.first_at.copy(), self.last_at.copy(), self.born_at.copy()
        np.fmin.at(first, liked.item, liked.at)
        np.fmax.at(last, liked.item, liked.at)
        return replace(newer, first_at=first, last_at=last, born_at=np.where(np.isnan(born), first, born))

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
            tallies=None if self.tallies is None else padded(self.tallies, size),
            end=self.end,
            span=self.span,
        )

    def arrays(self) -> dict[str, Array]:
        """Return everything as arrays."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: np.asarray(value) for name, value in own.items() if value is not None}

    @classmethod
    def restore(cls, arrays: dict[str, Any]) -> "ItemStatistics":
        """Rebuild from what `arrays` returned."""
        by_item: dict[str, Any] = {
            f.name: arrays.get(f.name) for f in fields(cls) if f.name not in ("end", "span")
        }
        return cls(**by_item, end=float(arrays["end"]), span=float(arrays["span"]))


def _counts(liked: Interactions, n: int, end: float, span: float, timed: bool) -> Float64:
    """Return the decayed weight of the events of each item at a moment: float64[n, half-lives]."""
    counts = np.zeros((n, len(_HALVES)))
    for events in user_chunks(liked):
        item, weight, age = liked.item[events], liked.weight[events], end - liked.at[events]
        for place, share in enumerate(_HALVES):
            decay = np.exp2(-age / (share * span)) if timed else np.ones(len(age))
            counts[:, place] += np.bincount(item, weight * decay, n)
    return counts


def _tallies(log: Interactions, n: int) -> Int64:
    """Return how many events of each item there are, by what they are: int64[n, 3 + kinds]."""
    every = np.ones(len(log), dtype=bool)
    masks = (every, log.weight > 0, log.weight != 0, *(log.kind == k for k in range(len(log.kinds))))
    return np.stack([np.bincount(log.item[mask], minlength=n) for mask in masks], axis=1)


def _rates(tallies: Int64) -> dict[str, Any]:
    """Return the statistics that are rates, by the tallies of `ItemStatistics`."""
    events, liked, acted = tallies.T[:3]
    kinds = [_rate(own, events) for own in tallies.T[3:]]
    none = np.empty((len(events), 0), dtype=np.float32)
    return {
        "liked": _rate(liked, events),
        "kinds": np.stack(kinds, axis=1) if kinds else none,
        "lift": _lift(acted, events),
    }


def _rate(counted: Int64, events: Int64) -> Float32:
    """Return the rate of counted events of each item, shrunk to that of all; NaN without an event."""
    of_all = counted.sum() / max(events.sum(), 1)
    rate = (counted + _PRIOR * of_all) / (events + _PRIOR)
    return np.where(events > 0, rate, np.nan).astype(np.float32)


def _lift(acted: Int64, events: Int64) -> Float32:
    """Return log(click-through / mean click-through) of the items; an act counts as an exposure too."""
    if acted.sum() in (0, events.sum()):
        return np.full(len(events), np.nan, dtype=np.float32)
    return np.asarray(np.log(_rate(acted, events) / (acted.sum() / events.sum())), dtype=np.float32)


def _born(catalogue: Catalogue, first: Float64, end: float) -> Float64:
    listed = np.where(catalogue.created_at <= end, catalogue.created_at, np.nan)
    return np.where(np.isfinite(listed), listed, first)
