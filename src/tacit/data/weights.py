"""Weights of events, from their type, value, repetition and age.

The weight of an event is the product of

1. the strength of its type: 1 for all positive types, that of its name (`tacit.data.event_names`) for
   refusals and for types that only show. With ``mode="names"`` it is always that of the name, divided by the
   strongest type of the training log so that this one weighs 1; with ``mode="auto"`` it is estimated from
   the log (below). What the user says of a type (`tacit.data.event_map`) holds in every mode;
2. its value, by what it is (`tacit.data.value_kinds`): a rating is scaled over the range seen in training
   to .8 to 1; with ``mode="names"`` or ``"auto"`` to .2 to 1, and a time spent, a count or a quantity counts
   ``log2(1 + value / median)``, clipped to .1 to 3, so that the median counts 1; everything else counts 1. A
   price says nothing about preference. Below ``least_rating``, where one is given, a rating is a no. Of a
   purchase counts what later returns have left (`tacit.data.returns`);
3. its repetition: the n-th time that a user does the same to the same item counts ``n ** -repeats``;
4. its age, where ``half_life_days`` is given: ``.5 ** (age / half life)``, age counted back from the end of
   the training log.

Estimated strengths: let the target be the strongest type of the log (the rarest of equals). Over pairs of a
user and an item, ``p(t | k)`` is the share of pairs with event k for which the target came at or after the
first k, and ``p(t)`` the share of all users x items that have the target at all. The log-odds ``L(k) =
logit p(t | k) - logit p(t)`` is how much event k moves the odds of the target; the strength is
``L(k) / L(target)``. Counts are smoothed by one half (Jeffreys), which keeps ``L(target)`` finite. Refusals
and types that only show keep the strength of their name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Self, get_args

import numpy as np
import polars as pl

from tacit.core.errors import ConfigError, UnsupportedError
from tacit.core.types import DAY, Bool, Float32, Float64, Int32, Int64, Json
from tacit.data import columns as col
from tacit.data.categories import is_category, numbers_of
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.event_names import UNKNOWN
from tacit.data.returns import left_in_history, left_of_purchases, settled_event, undoes
from tacit.data.value_kinds import ValueKind, value_kind

Mode = Literal["default", "names", "auto"]

AT_ONCE = 8_000_000
"""Events that are weighed together; more are weighed some users at a time."""

_LOWEST_RATING: Mapping[Mode, float] = {"default": 0.8, "names": 0.2, "auto": 0.2}
"""What was chosen at all predicts the next choice better than how it was rated
(docs/decisions/007-event-weights.md)."""
_TIME_RANGE = (0.1, 3.0)
_LEAST_RANGE = float(np.finfo(np.float64).tiny)
"""Ratings that differ by less, by a number below the normal ones, cannot be scaled to their range."""
_NO_RATINGS = (-1.0, 0.0)
"""What logs write where there is no rating (`tacit.data.value_kinds.missing_rating`)."""
_LOW_RATING = -0.3
"""What a rating below the user's level counts: as much as a skipped item."""


@dataclass(frozen=True)
class EventWeights:
    """The fitted rule that turns a cleaned log into a weighed one.

    Attributes
    ----------
    mode : {"default", "names", "auto"}
    strengths : dict
        Event type: strength. A type never seen in training counts by its name; with "default" a positive one
        counts 1.
    ratings : dict
        Event type: lowest and highest rating in training.
    times : dict
        Event type: median time spent, count or quantity in training; empty with "default".
    repeats : float
        Exponent of the damping of repetitions, 0 for none.
    half_life_days : float or None
        Days in which an event loses half its weight; None for no decay.
    end : float
        Time of the last training event, Unix seconds.
    target : str or None
        The event type that estimated strengths predict.
    events : EventMap
        What the user says that event types mean, seen in training or not.
    counted : tuple of str
        Event types whose value is a quantity: returns are set off against it.
    priced : tuple of str
        Event types whose value is a price.
    least_rating : float or None
        A lower rating is a no; None takes every rating as a yes.
    """

    mode: Mode = "default"
    strengths: Mapping[str, float] = field(default_factory=dict)
    ratings: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    repeats: float = 1.0
    half_life_days: float | None = None
    end: float = 0.0
    target: str | None = None
    events: EventMap = NO_EVENT_MAP
    counted: tuple[str, ...] = ()
    least_rating: float | None = None
    priced: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        train: pl.DataFrame,
        mode: Mode = "default",
        *,
        events: EventMap = NO_EVENT_MAP,
        repeats: float = 1.0,
        half_life_days: float | None = None,
        target: str | None = None,
        value_column: str | None = None,
        least_rating: float | None = None,
    ) -> Self:
        """Return the weights for a training log; later events are not used.

        Parameters
        ----------
        train : polars.DataFrame
            A cleaned event frame; see `tacit.data.columns`.
        mode : {"default", "names", "auto"}
            "auto" with one event type, or without the target, falls back on the names.
        events : EventMap
            What the user says that event types mean; it replaces whatever was found.
        repeats, half_life_days : float
            See the attributes.
        target : str, optional
            The event type to predict; by default the strongest, of equals the rarest.
        value_column : str, optional
            Name that the column of values had in its source: it may say what they are.
        least_rating : float, optional
            See the attributes.

        Raises
        ------
        ConfigError
            If a parameter is out of range.
        UnsupportedError
            If ``target`` is not in the log.
        """
        _check(mode, repeats, half_life_days)
        counts = _counts(train)
        found = (
            {event: _alike(event, events) for event in counts}
            if mode == "default"
            else _named(counts, events)
        )
        if mode == "auto":
            target = _target(counts, target, events)
            found = _estimated(train, found, target) if target is not None else found
        values = _values(train)
        kinds = {event: value_kind(value_column, known, event) for event, known in values.items()}
        end = train[col.TIMESTAMP].max() if len(train) else None
        return cls(
            mode=mode,
            strengths={
                event: value if (chosen := events.chosen(event)) is None else chosen
                for event, value in found.items()
            },
            ratings=_rating_ranges(values, kinds),
            times={} if mode == "default" else _medians(values, kinds),
            repeats=repeats,
            half_life_days=half_life_days,
            end=0.0 if end is None else float(end),  # type: ignore[arg-type]
            target=target if mode == "auto" else None,
            events=events,
            counted=tuple(event for event, kind in kinds.items() if kind == "quantity"),
            least_rating=least_rating,
            priced=tuple(event for event, kind in kinds.items() if kind == "price"),
        )

    def settled(self, event: str, value: float | None) -> tuple[str, float | None]:
        """Return the type and the value of a later event as a fit would read them.

        A negative amount is a return. A -1 or 0 below the ratings of the log says that there is no rating.
        """
        event, value = settled_event(event, value, self._amounts, self.events)
        if value is not None and event in self.ratings and value in _NO_RATINGS:
            value = value if value >= self.ratings[event][0] else None
        return event, value

    @cached_property
    def _amounts(self) -> frozenset[str]:
        return frozenset((*self.counted, *self.priced))

    def weigh(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with a Float32 column ``weight``; rows and their order stay."""
        oldest = events[col.TIMESTAMP].min()
        if len(events) <= AT_ONCE:
            return events.with_columns(self._weights(events, oldest).alias(col.WEIGHT))
        # Repetitions and returns are of one user: some users at a time take a fraction of the memory.
        weight = np.empty(len(events), dtype=np.float32)
        needed = events.select(col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE, col.SEQ)
        for rows in rows_of_users(events[col.USER], -(-len(events) // AT_ONCE)):
            weight[rows] = self._weights(needed[rows], oldest).to_numpy()
        return events.with_columns(pl.Series(col.WEIGHT, weight))

    def _weights(self, events: pl.DataFrame, oldest: object) -> pl.Series:
        """Return the weights of all events of some users, where the oldest event of all is known."""
        weight = self._strength(events) * self._value(events)
        if (left := left_of_purchases(events, self.counted)) is not None:
            weight = weight * left.cast(pl.Float32)
        if self.repeats:
            weight = weight * (occurrence(events).cast(pl.Float32) ** -self.repeats)
        if self.half_life_days is not None:
            at = events[col.TIMESTAMP].fill_null(self.end if oldest is None else oldest)
            age = (self.end - at).clip(0) / DAY
            weight = weight * pl.Series(np.exp2(-age.to_numpy() / self.half_life_days), dtype=pl.Float32)
        return weight.cast(pl.Float32)

    def of_first_times(self, types: Sequence[str], at: Float64, values: Float64) -> Float32:
        """Return the weights of events that neither repeat nor undo others: float32[events].

        Parameters
        ----------
        types : sequence of str
        at, values : float64[events]
            NaN where there is no value.
        """
        strength = {event: self.type_strength(event) for event in set(types)}
        weight = np.array([strength[event] for event in types], dtype=np.float32)
        for row in np.flatnonzero(np.isfinite(values)).tolist():
            weight[row] *= np.float32(self._factor(types[row], float(values[row])))
        if self.half_life_days is not None:
            age = np.maximum(self.end - at, 0) / DAY
            weight *= np.exp2(-age / self.half_life_days).astype(np.float32)
        return weight

    def of_history(
        self,
        items: Int32,
        kind: Int64,
        names: Sequence[str],
        at: Float64,
        values: Float64,
        fitted: Float32,
    ) -> Float32:
        """Return the weights of one history as `weigh`, but without a frame: float32[events].

        A frame costs a millisecond, which a request cannot spend on ten events.

        Parameters
        ----------
        items : int32[events]
        kind : int64[events]
            Place of the event type in ``names``.
        names : sequence of str
        at : float64[events]
            Ascending.
        values : float64[events]
            NaN where there is none.
        fitted : float32[events]
            Weights of the events that the log of the fit had, NaN of later ones. They change where a later
            event repeats or undoes theirs: a fit that knows both gives both the same weights.
        """
        new = np.isnan(fitted)
        weight = fitted.copy()
        types = [names[place] for place in kind[new].tolist()]
        weight[new] = self.of_first_times(types, at[new], values[new])
        if self.repeats:
            what = items.astype(np.int64) * len(names) + kind
            nth, before = _nth(what), np.ones(len(what), dtype=np.float32)
            before[~new] = _nth(what[~new])
            weight *= (nth / before) ** np.float32(-self.repeats)
        if any(undoes(names[place]) for place in set(kind.tolist())):
            kinds = [names[place] for place in kind.tolist()]
            self._set_off(weight, items.tolist(), kinds, at.tolist(), values, new)
        return weight

    def _set_off(
        self,
        weight: Float32,
        items: list[int],
        kinds: Sequence[str],
        at: list[float],
        values: Float64,
        new: Bool,
    ) -> None:
        """Set returns off against the purchases of a history, in place; the fit has done so for its own."""
        left = left_in_history(items, kinds, at, values.tolist(), self.counted)
        known = np.flatnonzero(~new).tolist()
        before = left_in_history(
            [items[row] for row in known],
            [kinds[row] for row in known],
            [at[row] for row in known],
            values[known].tolist(),
            self.counted,
        )
        weight[new] *= left[new].astype(np.float32)
        for row, earlier in zip(known, before.tolist(), strict=True):
            if left[row] != earlier:
                # Of a purchase of which nothing was left only its type is known.
                weight[row] = (weight[row] / earlier if earlier else self.type_strength(kinds[row])) * left[
                    row
                ]

    def _factor(self, event: str, value: float | None) -> float:
        """Return the factor of the value of one event; as `_value`."""
        if value is None or not np.isfinite(value):
            return 1.0
        if event in self.times:
            low, high = _TIME_RANGE
            return min(max(float(np.log1p(max(value, 0) / self.times[event]) / np.log(2)), low), high)
        if event not in self.ratings:
            return 1.0
        if self.least_rating is not None and value < self.least_rating:
            return _LOW_RATING
        (low, high), lowest = self.ratings[event], _LOWEST_RATING[self.mode]
        varied = high - low > _LEAST_RANGE
        return lowest + (1 - lowest) * (min(max((value - low) / (high - low), 0), 1) if varied else 1)

    def to_json(self) -> dict[str, Json]:
        """Return the weights as JSON values."""
        return {
            "mode": self.mode,
            "strengths": dict(self.strengths),
            "ratings": {event: list(span) for event, span in self.ratings.items()},
            "times": dict(self.times),
            "repeats": self.repeats,
            "half_life_days": self.half_life_days,
            "end": self.end,
            "target": self.target,
            "events": self.events.to_dict(),
            "counted": list(self.counted),
            "priced": list(self.priced),
            "least_rating": self.least_rating,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Json]) -> Self:
        """Return the weights that `to_json` wrote."""
        values: dict[str, object] = dict(raw)
        ratings: dict[str, tuple[float, float]] = values["ratings"]  # type: ignore[assignment]
        values["ratings"] = {event: (span[0], span[1]) for event, span in ratings.items()}
        events: dict[str, Json] = values.get("events") or {}  # type: ignore[assignment]
        for name in ("counted", "priced"):
            values[name] = tuple(values.get(name) or ())  # type: ignore[arg-type]
        return cls(**{**values, "events": EventMap.parse(events)})  # type: ignore[arg-type]

    def type_strength(self, event: str) -> float:
        """Return the strength of an event type, seen in training or not; its events may weigh less."""
        if event in self.strengths:
            return self.strengths[event]
        return _alike(event, self.events) if self.mode == "default" else self.events.strength(event)

    def _strength(self, events: pl.DataFrame) -> pl.Series:
        types = events[col.EVENT].unique()
        by_type = [self.type_strength(event) for event in types]
        strength = pl.Series("by_type", by_type, dtype=pl.Float32)
        return events[col.EVENT].replace_strict(types, strength) if len(types) else strength

    def _value(self, events: pl.DataFrame) -> pl.Series:
        factor, lowest = pl.lit(1.0), _LOWEST_RATING[self.mode]
        for event, (low, high) in self.ratings.items():
            varied = high - low > _LEAST_RANGE
            share = ((pl.col(col.VALUE) - low) / (high - low)).clip(0, 1) if varied else pl.lit(1.0)
            rating = lowest + (1 - lowest) * share
            if self.least_rating is not None:
                rating = pl.when(pl.col(col.VALUE) < self.least_rating).then(_LOW_RATING).otherwise(rating)
            factor = pl.when(pl.col(col.EVENT) == event).then(rating).otherwise(factor)
        for event, median in self.times.items():
            damped = (pl.col(col.VALUE).clip(0) / median).log1p() / np.log(2)
            factor = pl.when(pl.col(col.EVENT) == event).then(damped.clip(*_TIME_RANGE)).otherwise(factor)
        known = pl.col(col.VALUE).is_not_null() & pl.col(col.VALUE).is_finite()
        return events.select(pl.when(known).then(factor).otherwise(1.0).cast(pl.Float32).alias("factor"))[
            "factor"
        ]


def rows_of_users(users: pl.Series, parts: int) -> Iterator[Int64]:
    """Yield the rows of so many parts of the users, in their order: each int64[rows]."""
    part = ((users.to_physical() if is_category(users) else users.hash()) % parts).cast(pl.UInt16).to_numpy()
    for place in range(parts):
        yield np.flatnonzero(part == place)


def occurrence(events: pl.DataFrame) -> pl.Series:
    """Return, in row order, the number of each repetition by one user of one event on one item (from 1)."""
    # One hash for the three ids: grouping 20 million integers takes a third of the time of three strings.
    moment = pl.coalesce(col.TIMESTAMP, pl.col(col.SEQ).cast(pl.Float64), pl.lit(0.0)).alias("moment")
    log = events.select(pl.struct(col.USER, col.ITEM, col.EVENT).hash().alias("what"), moment)
    # Most events are no repetition: only the others are numbered.
    rows = log["what"].is_duplicated().arg_true()
    repeated = log[rows].with_columns(rows.alias("row"))
    if not repeated["moment"].is_sorted():
        repeated = repeated.sort("moment", maintain_order=True)
    nth = np.ones(len(log), dtype=np.int64)
    of_repeated = repeated.select(pl.int_range(pl.len()).over("what") + 1).to_series()
    nth[repeated["row"].to_numpy()] = of_repeated.to_numpy()
    return pl.Series("nth", nth)


def _nth(what: Int64) -> Float32:
    """Return the number of each repetition of the same, in the order of the rows (from 1): float32[rows]."""
    order = np.argsort(what, kind="stable")
    ordered = what[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    nth = np.empty(len(what), dtype=np.float32)
    lengths = np.diff(np.append(starts, len(ordered)))
    nth[order] = np.arange(1, len(ordered) + 1) - np.repeat(starts, lengths)
    return nth


def _check(mode: str, repeats: float, half_life_days: float | None) -> None:
    if mode not in get_args(Mode):
        raise ConfigError(f"weights are {', '.join(get_args(Mode))}; not {mode!r}")
    if not 0 <= repeats < np.inf:
        raise ConfigError(f"repeats must be 0 (no damping) or more, not {repeats}")
    if half_life_days is not None and not 0 < half_life_days < np.inf:
        raise ConfigError(f"half_life_days must be more than 0, not {half_life_days}")


def _counts(train: pl.DataFrame) -> dict[str, int]:
    return dict(train[col.EVENT].value_counts().sort(col.EVENT).iter_rows())


def _alike(event: str, events: EventMap) -> float:
    """Return the user's strength, else 1 for a positive type and the strength of the name for others."""
    chosen, named = events.chosen(event), events.strength(event)
    return named if chosen is not None or named <= 0 else 1.0


def _named(counts: Mapping[str, int], events: EventMap) -> dict[str, float]:
    by_name = {event: events.strength(event) for event in counts}
    strongest = max(by_name.values(), default=UNKNOWN)
    scale = strongest if strongest > 0 else 1.0
    return {event: value / scale if value > 0 else value for event, value in by_name.items()}


def _target(counts: Mapping[str, int], wanted: str | None, events: EventMap) -> str | None:
    if wanted is not None and wanted not in counts:
        raise UnsupportedError(
            f"the log has no event {wanted!r} to weigh the others by; it has {sorted(counts)}"
        )
    of = {event: events.strength(event) for event in counts}
    likely = sorted((e for e in counts if of[e] > 0), key=lambda e: (-of[e], counts[e], e))
    if len(likely) < 2:
        return None
    return wanted if wanted is not None else likely[0]


def _estimated(train: pl.DataFrame, named: Mapping[str, float], target: str) -> dict[str, float]:
    log_odds = _log_odds(train, target)
    top = log_odds[target]
    return {
        event: value if value <= 0 else float(np.clip(log_odds[event] / top, -1, 1)) if top > 0 else value
        for event, value in named.items()
    }


def _log_odds(train: pl.DataFrame, target: str) -> dict[str, float]:
    """Return L(k) of the module's docstring by event type."""
    moment = pl.coalesce(col.TIMESTAMP, pl.col(col.SEQ).cast(pl.Float64), pl.lit(0.0)).alias("moment")
    codes = [numbers_of(train[name]).alias(name) for name in (col.USER, col.ITEM)]
    log = train.select(*codes, col.EVENT, moment)
    first = log.group_by(col.USER, col.ITEM, col.EVENT).agg(pl.col("moment").min())
    goal = log.filter(pl.col(col.EVENT) == target).group_by(col.USER, col.ITEM)
    reached = first.join(goal.agg(pl.col("moment").max().alias("goal")), on=[col.USER, col.ITEM], how="left")
    table = reached.group_by(col.EVENT).agg(
        pl.len().alias("pairs"),
        (pl.col("goal") >= pl.col("moment")).fill_null(False).sum().alias("hits"),
    )
    rows = {event: (pairs, hits) for event, pairs, hits in table.iter_rows()}
    cells = log[col.USER].n_unique() * log[col.ITEM].n_unique()
    base = _logit(rows[target][1], cells)
    return {event: _logit(hits, pairs) - base for event, (pairs, hits) in rows.items()}


def _logit(hits: int, pairs: int) -> float:
    return float(np.log((hits + 0.5) / (pairs - hits + 0.5)))


def _values(train: pl.DataFrame) -> dict[str, pl.Series]:
    known = train.filter(pl.col(col.VALUE).is_finite()).select(col.EVENT, col.VALUE)
    parts = known.partition_by(col.EVENT, as_dict=True)
    return {
        event: part[col.VALUE]
        for event, part in sorted(
            ((str(key[0]), part) for key, part in parts.items()), key=lambda pair: pair[0]
        )
    }


def _rating_ranges(
    values: Mapping[str, pl.Series], kinds: Mapping[str, ValueKind]
) -> dict[str, tuple[float, float]]:
    return {
        event: (float(known.min()), float(known.max()))  # type: ignore[arg-type]
        for event, known in values.items()
        if kinds[event] == "rating"
    }


def _medians(values: Mapping[str, pl.Series], kinds: Mapping[str, ValueKind]) -> dict[str, float]:
    medians = {
        event: float(known.filter(known > 0).median() or 0.0)  # type: ignore[arg-type]
        for event, known in values.items()
        if kinds[event] in ("time", "plays", "quantity")
    }
    return {event: median for event, median in medians.items() if median > _LEAST_RANGE}
