"""From a request to a query: the history in the snapshot, later events, and the items of the request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tacit.core.frozen import frozen
from tacit.core.types import Float32, Float64, Int16, Int32, Json
from tacit.data.event_names import common_name
from tacit.data.ids import apply_id
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.returns import settled_type, undoes, undone_purchases
from tacit.data.users import UNKNOWN
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
    """Events with their types as places among those of the log (-1: not in it), and as names."""

    item: Int32
    weight: Float32
    at: Float64
    kind: Int16
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
    """
    log = state.snapshot.interactions
    user = state.user_code(user_id)
    known = _fitted_events(log, user)
    if since or items:
        known = _merged(state, known, _live(state, since, _of_request(state, since, items), known))
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
        kind=known.kind,
        now=np.array([max(state.moment, last)]),
        user=np.array([user], dtype=np.int32),
        traits=_traits(log, user, stored, attributes, context)[None],
        exclude_offsets=np.zeros(2, dtype=np.int64),
        exclude=known.item[:0],
        ordered=log.timing != "none",
    )
    return History(queries if allow_seen else queries.excluding_seen(), known.kinds)


def _session_of(since: Sequence[Event]) -> Person | None:
    """Return whose the stored events of a request without a user are."""
    return (since[0].subject, since[0].subject_id) if since else None


def _merged(state: State, fitted: _Events, live: _Events) -> _Events:
    """Return the events of the log and those after it in the order of time, without undone purchases."""
    order = np.argsort(np.concatenate([fitted.at, live.at]), kind="stable")
    kinds = [*fitted.kinds, *live.kinds]
    kinds = [kinds[place] for place in order.tolist()]
    item = np.concatenate([fitted.item, live.item])[order]
    weight = np.concatenate([fitted.weight, live.weight])[order]
    if any(undoes(kind) for kind in set(live.kinds)):
        weight[undone_purchases(item.tolist(), kinds, order >= len(fitted.item))] = 0
    return _Events(
        item=item,
        weight=weight,
        at=np.concatenate([fitted.at, live.at])[order],
        kind=np.concatenate([fitted.kind, live.kind])[order],
        kinds=kinds,
    )


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
    kind, names = log.kind[start:stop], log.kinds
    return frozen(
        _Events,
        item=log.item[start:stop],
        weight=log.weight[start:stop],
        at=log.at[start:stop],
        kind=kind,
        kinds=[names[place] for place in kind.tolist()],
    )


def _live(state: State, since: Sequence[Event], requested: Sequence[Event], fitted: _Events) -> _Events:
    """Return the events on known items that the snapshot was not fitted on, and all of the request's."""
    log, event_map = state.snapshot.interactions, state.snapshot.weights.events
    events = [*since, *requested]
    # Stored events may be older than the rules for ids of this snapshot.
    rules = state.snapshot.id_rules
    ids = [apply_id(event.item_id, rules) for event in events] if rules else [e.item_id for e in events]
    codes = state.catalogue.items.encode(ids).tolist()
    kinds = [settled_type(common_name(event.event), event.value, event_map) for event in events]
    ignored = {kind for kind in set(kinds) if event_map.ignored(kind)}
    # The event of a request has no time of its own: its time may equal that of the last event of the log.
    known = set(zip(fitted.item.tolist(), fitted.at.tolist(), fitted.kinds, strict=True)) if since else ()
    kept = [
        place
        for place, (code, event, kind) in enumerate(zip(codes, events, kinds, strict=True))
        if code >= 0 and kind not in ignored and (place >= len(since) or (code, event.at, kind) not in known)
    ]
    kept_events, kept_kinds = [events[place] for place in kept], [kinds[place] for place in kept]
    place_of = {name: place for place, name in enumerate(log.kinds)}
    at = np.array([event.at for event in kept_events], dtype=np.float64)
    return _Events(
        np.array([codes[place] for place in kept], dtype=np.int32),
        _weights(state, kept_events, kept_kinds),
        at if log.timing == "time" else _places(log, fitted, len(kept)),
        np.array([place_of.get(kind, -1) for kind in kept_kinds], dtype=np.int16),
        kept_kinds,
    )


def _of_request(state: State, since: Sequence[Event], items: Sequence[str]) -> list[Event]:
    """Return the items of a request as events at the last known moment."""
    last = max([state.moment, *(event.at for event in since)])
    return [Event("", "session", "", id_, _REQUEST_EVENT, last) for id_ in items]


def _places(log: Interactions, fitted: _Events, count: int) -> Float64:
    """Return places after the user's last one, for a log with an order and no times."""
    if log.timing == "none":
        return np.zeros(count)
    last = float(fitted.at[-1]) if len(fitted.at) else 0.0
    return last + 1 + np.arange(count, dtype=np.float64)


def _weights(state: State, events: Sequence[Event], kinds: list[str]) -> Float32:
    return state.snapshot.weights.weights_of(
        [event.subject_id for event in events],
        [event.item_id for event in events],
        kinds,
        [event.at for event in events],
        [event.value for event in events],
    )
