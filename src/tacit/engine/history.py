"""From a request to a query: the history in the snapshot, later events, and the items of the request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl

from tacit.core.types import Float32, Float64, Int32, Json
from tacit.data import columns as col
from tacit.data.ids import apply_id
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.returns import settled_type, undone_purchases
from tacit.data.users import UNKNOWN, traits_by_code
from tacit.engine.state import State
from tacit.reading.shapes import canonical_events
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
    item: Int32
    weight: Float32
    at: Float64
    kinds: list[str]


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
) -> History:
    """Return the history of a request, oldest event first, with the traits of the user and the moment.

    The moment of the query is that of the last known event (of the log or of this history), not the clock's:
    so a list depends on the snapshot and the history only, and agrees with `recommend_all`.

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
    """
    log = state.snapshot.interactions
    user = -1 if user_id is None else int(log.users.encode([user_id])[0])
    fitted = _fitted_events(log, user)
    live = _live(state, since, _of_request(state, since, items), fitted)
    order = np.argsort(np.concatenate([fitted.at, live.at]), kind="stable")
    at = np.concatenate([fitted.at, live.at])[order]
    item = np.concatenate([fitted.item, live.item])[order]
    kinds = fitted.kinds + live.kinds
    kind = [log.kinds.index(name) if name in log.kinds else -1 for name in kinds]
    weight = np.concatenate([fitted.weight, live.weight])[order]
    weight[undone_purchases(item.tolist(), [kinds[place] for place in order], order >= len(fitted.item))] = 0
    offsets = np.array([0, len(item)], dtype=np.int64)
    queries = Queries(
        offsets=offsets,
        item=item,
        weight=weight,
        at=at,
        kind=np.array(kind, dtype=np.int16)[order],
        now=np.array([max(log.end, at[-1] if len(at) else log.end)]),
        user=np.array([user], dtype=np.int32),
        traits=np.append(_traits(log, user, stored, attributes), log.moment_columns.traits_of(context))[None],
        exclude_offsets=np.zeros(2, dtype=np.int64),
        ordered=log.timing != "none",
    )
    return History(queries if allow_seen else queries.excluding_seen(), [kinds[place] for place in order])


def _traits(
    log: Interactions, user: int, stored: Mapping[str, Json] | None, given: Mapping[str, Json]
) -> Int32:
    """Return the traits of the user: int32[t]."""
    columns = log.trait_columns
    known = traits_by_code(log.traits, [user])[0] if stored is None else columns.traits_of(stored)
    own = columns.traits_of(given)
    return np.where(own != UNKNOWN, own, known)


def _fitted_events(log: Interactions, user: int) -> _Events:
    start, stop = (log.offsets[user], log.offsets[user + 1]) if user >= 0 else (0, 0)
    kinds = [log.kinds[kind] for kind in log.kind[start:stop]]
    return _Events(log.item[start:stop], log.weight[start:stop], log.at[start:stop], kinds)


def _live(state: State, since: Sequence[Event], requested: Sequence[Event], fitted: _Events) -> _Events:
    """Return the events on known items that the snapshot was not fitted on, and all of the request's."""
    log = state.snapshot.interactions
    events = [*since, *requested]
    # Stored events may be older than the rules for ids of this snapshot.
    rules = state.snapshot.id_rules
    codes = state.catalogue.items.encode([apply_id(event.item_id, rules) for event in events])
    event_map = state.snapshot.weights.events
    named = canonical_events(pl.Series([event.event for event in events], dtype=pl.String)).to_list()
    kinds = [settled_type(name, event.value, event_map) for name, event in zip(named, events, strict=True)]
    at = [event.at for event in events]
    known = set(zip(fitted.item.tolist(), fitted.at.tolist(), fitted.kinds, strict=True))
    # The event of a request has no time of its own: its time may equal that of the last event of the log.
    new = [
        place >= len(since) or what not in known
        for place, what in enumerate(zip(codes.tolist(), at, kinds, strict=True))
    ]
    heard = [is_new and not event_map.ignored(kind) for is_new, kind in zip(new, kinds, strict=True)]
    kept = np.flatnonzero((codes >= 0) & np.array(heard, dtype=bool)).tolist()
    kept_kinds = [kinds[place] for place in kept]
    return _Events(
        codes[kept],
        _weights(state, [events[place] for place in kept], kept_kinds),
        np.array(at, dtype=np.float64)[kept] if log.timing == "time" else _places(log, fitted, len(kept)),
        kept_kinds,
    )


def _of_request(state: State, since: Sequence[Event], items: Sequence[str]) -> list[Event]:
    """Return the items of a request as events at the last known moment."""
    last = max([state.snapshot.interactions.end, *(event.at for event in since)])
    return [Event("", "session", "", id_, _REQUEST_EVENT, last) for id_ in items]


def _places(log: Interactions, fitted: _Events, count: int) -> Float64:
    """Return places after the user's last one, for a log with an order and no times."""
    if log.timing == "none":
        return np.zeros(count)
    last = float(fitted.at[-1]) if len(fitted.at) else 0.0
    return last + 1 + np.arange(count, dtype=np.float64)


def _weights(state: State, events: Sequence[Event], kinds: list[str]) -> Float32:
    if not events:
        return np.empty(0, dtype=np.float32)
    frame = pl.DataFrame(
        {
            col.USER: [event.subject_id for event in events],
            col.ITEM: [event.item_id for event in events],
            col.EVENT: kinds,
            col.TIMESTAMP: [event.at for event in events],
            col.VALUE: [event.value for event in events],
            col.SEQ: [None] * len(events),
        },
        schema_overrides={col.VALUE: pl.Float64, col.SEQ: pl.Int64},
    )
    return state.snapshot.weights.weigh(frame)[col.WEIGHT].to_numpy().astype(np.float32)
