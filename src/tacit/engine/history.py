"""From a request to a query: the history in the snapshot, later events, and the items of the request."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import polars as pl

from tacit.core.frozen import frozen
from tacit.core.types import Float32, Float64, Int32, Int64, Json
from tacit.data.clean_steps import is_weak
from tacit.data.event_names import common_name
from tacit.data.ids import apply_ids
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.users import UNKNOWN
from tacit.data.weights import EventWeights
from tacit.engine.followed import Person
from tacit.engine.state import State
from tacit.store.records import Event

_REQUEST_EVENT = "view"
"""Event type of an item in the history of a request."""


@dataclass(frozen=True)
class History:
    """One query, and the event types of its events."""

    queries: Queries
    kinds: list[str]


@dataclass(frozen=True)
class _Events:
    """Events with their types as places in ``names``, which begins with the types of the log.

    The weight is NaN of events that the fit did not know, the value of those without one or that it knew.
    """

    item: Int32
    weight: Float32
    value: Float64
    at: Float64
    kind: Int64
    names: Sequence[str]

    def followed_by(
        self, item: Sequence[int], value: Sequence[float | None], at: Float64, kinds: Sequence[str]
    ) -> "_Events":
        """Return these events, and behind them others that the fit did not know."""
        place_of = {name: place for place, name in enumerate(self.names)}
        kind = [place_of.setdefault(name, len(place_of)) for name in kinds]
        return _Events(
            np.concatenate([self.item, np.array(item, dtype=np.int32)]),
            np.concatenate([self.weight, np.full(len(item), np.nan, dtype=np.float32)]),
            np.concatenate([self.value, np.array(value, dtype=np.float64)]),  # None becomes NaN
            np.concatenate([self.at, at]),
            np.concatenate([self.kind, np.array(kind, dtype=np.int64)]),
            [*place_of],
        )

    def at_places(self, places: Int64) -> "_Events":
        """Return some of the events: int64[n]."""
        return _Events(
            self.item[places],
            self.weight[places],
            self.value[places],
            self.at[places],
            self.kind[places],
            self.names,
        )


def history_of(
    state: State,
    user_id: str | None,
    since: Sequence[Event],
    items: Sequence[str],
    *,
    allow_seen: bool,
    stored: Mapping[str, Json] | None = None,
    attributes: Mapping[str, Json] = MappingProxyType({}),
    context: Mapping[str, Json] = MappingProxyType({}),
    seen: Collection[str] = (),
) -> History:
    """Return the history of a request, oldest event first, with the traits of the user and the moment.

    The moment of the query is that of the last known event (of the log, of what was followed since, or of
    this history), not the clock's: so a list depends on these only, and agrees with `recommend_all`.

    Parameters
    ----------
    state : State
    user_id : str or None
        Whose history in the snapshot to use; None or an unknown id for none.
    since : sequence of Event
        Their stored events, oldest first. Events that the snapshot was fitted on count once.
    items : sequence of str
        Item ids of the request itself, oldest first; they come last.
    allow_seen : bool
        Keep items of the history in the list.
    stored : mapping, optional
        Their stored attributes, in place of those of the snapshot.
    attributes : mapping
        Those of the request itself; each overrides what else is known.
    context : mapping
        Attributes of the moment: the device, ...
    seen : collection of str
        Item ids of earlier events than those of ``since``: they are left out of the list, and nothing else.
    """
    log = state.snapshot.interactions
    user = state.user_code(user_id)
    known = _fitted_events(log, user)
    if since or items:
        known = _weighed(state, _with_items(state, _with_later(state, known, since), since, items))
    last = float(known.at[-1]) if len(known.at) else state.moment
    if user < 0 and state.followed is not None:  # models leave out what they know of this very user
        person: Person | None = _session_of(since) if user_id is None else ("user", user_id)
        user = -1 if person is None else state.followed.code_of(state.snapshot, person)
    queries = frozen(
        Queries,
        offsets=np.array([0, len(known.item)], dtype=np.int64),
        item=known.item,
        weight=known.weight,
        at=known.at,
        kind=np.where(known.kind < len(log.kinds), known.kind, -1).astype(np.int16),
        now=np.array([max(state.moment, last)]),
        user=np.array([user], dtype=np.int32),
        traits=_traits(log, user, stored, attributes, context)[None],
        exclude_offsets=np.zeros(2, dtype=np.int64),
        exclude=known.item[:0],
        ordered=log.timing != "none",
    )
    if not allow_seen:
        queries = queries.excluding_seen()
        if seen:
            queries = queries.excluding(_codes(state, [*seen]))
    return History(queries, [known.names[place] for place in known.kind.tolist()])


def _session_of(since: Sequence[Event]) -> Person | None:
    """Return whose the stored events of a request without a user are."""
    return (since[0].subject, since[0].subject_id) if since else None


def _with_later(state: State, fitted: _Events, since: Sequence[Event]) -> _Events:
    """Return the events of the log and those after it in the order of time, each once."""
    if not since:
        return fitted
    whole = fitted.followed_by(*_live(state, since, fitted))
    whole = whole.at_places(np.argsort(whole.at, kind="stable"))
    return whole if state.snapshot.interactions.timing != "time" else _without_double_clicks(state, whole)


def _with_items(state: State, whole: _Events, since: Sequence[Event], items: Sequence[str]) -> _Events:
    """Return the events with the items of the request behind them, at the last known moment."""
    codes = [code for code in _codes(state, [*items]).tolist() if code >= 0] if items else []
    if not codes:
        return whole
    log = state.snapshot.interactions
    last = max([state.moment, *(event.at for event in since)])
    at = np.full(len(codes), last) if log.timing == "time" else _places(log, whole, len(codes))
    return whole.followed_by(codes, [None] * len(codes), at, [_REQUEST_EVENT] * len(codes))


def _weighed(state: State, whole: _Events) -> _Events:
    """Return the events with their weights: those of the fit, as far as no later event changes them."""
    weights = state.snapshot.weights
    weight = weights.of_history(whole.item, whole.kind, whole.names, whole.at, whole.value, whole.weight)
    return replace(whole, weight=weight)


def _without_double_clicks(state: State, whole: _Events) -> _Events:
    """Return a history without the later events that cleaning would take for a repetition of another.

    That are equal ones at one moment, and clicks that follow the same one within ``burst_seconds``.
    """
    rules, event_map = state.snapshot.pipeline.config.cleaning, state.snapshot.weights.events
    what = whole.item.astype(np.int64) * len(whole.names) + whole.kind
    order = np.lexsort((whole.value, whole.at, what))
    same = what[order][1:] == what[order][:-1]
    if not same.any():
        return whole
    gap = np.diff(whole.at[order])
    double = np.zeros(len(order), dtype=bool)
    if rules.duplicates:
        value = np.nan_to_num(whole.value[order], nan=-np.inf)
        double[1:] |= same & (gap == 0) & (value[1:] == value[:-1])
    if rules.burst_seconds > 0:
        weak = np.array([is_weak(name, event_map) for name in whole.names])[whole.kind[order]]
        double[1:] |= same & (gap <= rules.burst_seconds) & weak[1:]
    double &= np.isnan(whole.weight[order])  # what the fit has counted stays
    return whole.at_places(np.sort(order[~double])) if double.any() else whole


def _traits(
    log: Interactions,
    user: int,
    stored: Mapping[str, Json] | None,
    given: Mapping[str, Json],
    context: Mapping[str, Json],
) -> Int32:
    """Return the traits of the user and the moment: int32[t]."""
    columns = log.trait_columns
    if stored is not None:
        traits = columns.traits_of(stored)
    elif 0 <= user < len(log.traits):
        traits = log.traits[user]
    else:
        traits = np.full(log.traits.shape[1], UNKNOWN, dtype=np.int32)
    if given:
        own = columns.traits_of(given)
        traits = np.where(own != UNKNOWN, own, traits)
    return np.append(traits, log.moment_columns.traits_of(context)) if len(log.moment_columns) else traits


def _fitted_events(log: Interactions, user: int) -> _Events:
    start, stop = log.offsets[user : user + 2].tolist() if user >= 0 else (0, 0)
    return frozen(
        _Events,
        item=log.item[start:stop],
        weight=log.weight[start:stop],
        value=np.full(stop - start, np.nan),
        at=log.at[start:stop],
        kind=log.kind[start:stop].astype(np.int64),
        names=log.kinds,
    )


def _live(
    state: State, since: Sequence[Event], fitted: _Events
) -> tuple[list[int], list[float | None], Float64, list[str]]:
    """Return items, values, times and types of the events on known items that the fit did not know."""
    log, weights = state.snapshot.interactions, state.snapshot.weights
    codes = _codes(state, [event.item_id for event in since]).tolist()
    as_read = {
        (name, value): weights.settled(common_name(name), value)
        for name, value in {(event.event, event.value) for event in since}
    }
    read = [as_read[event.event, event.value] for event in since]
    ignored = {kind for kind, _ in as_read.values() if weights.events.ignored(kind)}
    kinds = [log.kinds[place] for place in fitted.kind.tolist()]
    known = set(zip(fitted.item.tolist(), fitted.at.tolist(), kinds, strict=True))
    kept = [
        place
        for place, (code, event, (kind, _)) in enumerate(zip(codes, since, read, strict=True))
        if code >= 0 and kind not in ignored and (code, event.at, kind) not in known
    ]
    at = np.array([since[place].at for place in kept], dtype=np.float64)
    return (
        [codes[place] for place in kept],
        [read[place][1] for place in kept],
        at if log.timing == "time" else _places(log, fitted, len(kept)),
        [read[place][0] for place in kept],
    )


def _codes(state: State, ids: list[str]) -> Int32:
    """Return the codes of items, -1 of those that are not known: int32[n].

    Stored events may be older than the rules for ids of this snapshot.
    """
    if rules := state.snapshot.id_rules:
        ids = apply_ids(pl.Series(ids, dtype=pl.String), rules).to_list()
    return state.catalogue.items.encode(ids)


def says_nothing(weights: EventWeights, event: str) -> bool:
    """Return whether events of a type are no acts: they only show, or are left out."""
    kind = common_name(event)
    return weights.events.ignored(kind) or weights.type_strength(kind) == 0


def _places(log: Interactions, before: _Events, count: int) -> Float64:
    """Return places after the user's last one, for a log with an order and no times."""
    if log.timing == "none":
        return np.zeros(count)
    last = float(before.at[-1]) if len(before.at) else 0.0
    return last + 1 + np.arange(count, dtype=np.float64)
