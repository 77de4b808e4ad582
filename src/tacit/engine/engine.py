"""The running product: stores events, keeps the catalogue up to date, returns lists. No HTTP and no argv.

Everything that a request reads is one frozen state, replaced in one assignment: a request uses one version
from start to end.
"""

import logging
import threading
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import compress

import numpy as np

from tacit.core.clock import Clock, SystemClock
from tacit.core.errors import DataError
from tacit.core.types import Json
from tacit.data import columns as col
from tacit.data.ids import IdRule
from tacit.data.ranking import Ranking
from tacit.engine.attributes import checked_user
from tacit.engine.checking import (
    check_flag,
    check_k,
    check_ordered,
    checked_event,
    checked_id,
    checked_ids,
)
from tacit.engine.exposures import Exposures
from tacit.engine.history import History, history_of
from tacit.engine.items import check_width, checked_attributes
from tacit.engine.requests import NewEvent, Observed, Recommended, Request, Response
from tacit.engine.snapshot import Snapshot
from tacit.engine.state import State
from tacit.engine.unknown import unknown_in_event, unknown_in_request
from tacit.engine.words import in_words, similarity_in_words
from tacit.pipeline.similar import SimilarKind, checked_kind
from tacit.store.events import Event, EventStore, StorageError

LONGEST_HISTORY = 1_000
_EXPLAINED = 100
"""Number of items of a list that get reasons: a bound on their cost."""

_Arrival = tuple[str, dict[str, Json], "Future[None]"]
_log = logging.getLogger(__name__)


class UnknownItemError(DataError):
    """There is no such item."""


class Engine:
    """Recommends from a snapshot and from later events; safe to use from many threads.

    Parameters
    ----------
    snapshot : Snapshot
    store : EventStore, optional
        Storage of events, items, users and exposures; without one the engine uses the snapshot only.
    clock : Clock, optional
    """

    def __init__(
        self, snapshot: Snapshot, store: EventStore | None = None, *, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._growing = threading.Lock()
        self._arrivals: deque[_Arrival] = deque()
        self._store_fails = False
        self._exposures = Exposures(store) if store is not None else None
        self._state = self._state_of(snapshot)

    @property
    def version(self) -> str:
        """Version of the current model."""
        return self._state.snapshot.version

    def recommend(self, request: Request) -> Response:
        """Return a list for a user, a session or a history.

        Raises
        ------
        DataError
            If ``k`` or an id is out of bounds. Unknown users and items are no error but a warning in the
            answer: a user without a history gets popular items.
        """
        state = self._state
        checked = _checked(request, state.snapshot.id_rules)
        since, stored = self._known(checked)
        history = history_of(
            state,
            checked.user_id,
            since,
            checked.items,
            allow_seen=checked.allow_seen,
            stored=stored,
            attributes=checked.attributes,
            context=checked.context,
        )
        ranking = state.pipeline.recommend(history.queries, checked.k, requests=(_requester(checked),))
        unknown = unknown_in_request(state, checked, stored=bool(since) or bool(stored))
        answer = replace(_answer(state, ranking, _reasons(state, history, ranking)), warnings=unknown)
        if self._exposures is not None:
            self._exposures.add(checked, answer, self._clock.now())
        return answer

    def similar(self, item_id: str, k: int = 10, kind: SimilarKind = "alike") -> Response:
        """Return related items of an item, with reasons.

        Parameters
        ----------
        item_id : str
        k : int
        kind : {"alike", "together", "next"}
            Alternatives to the item, items that go together with it, or items that come after it.

        Raises
        ------
        UnknownItemError
        DataError
            If ``k`` or the id is out of bounds.
        UnsupportedError
            If there is no such kind, or neither the pipeline nor the log has such lists.
        """
        check_k(k)
        kind = checked_kind(kind)
        state = self._state
        code = state.catalogue.items.encode([checked_id(item_id, "item_id", state.snapshot.id_rules)])
        if code[0] < 0:
            raise UnknownItemError(f"there is no item {item_id!r}")
        ranking = state.pipeline.similar(code, k, kind=kind, counts=state.evidence.counts)
        listed = ranking.items[0][ranking.items[0] >= 0]
        said = state.evidence.between(int(code[0]), listed, state.catalogue)
        return _answer(state, ranking, [similarity_in_words(one, kind) for one in said])

    def observe(self, events: Sequence[NewEvent]) -> Observed:
        """Store events; those that are acknowledged count from the next request on.

        Events are independent: a bad one is rejected with its reason and the others are stored.

        Raises
        ------
        StorageError
            If the store refuses; none of the events is acknowledged then.
        """
        good: list[Event] = []
        places: list[int] = []
        rejected: list[tuple[int, str]] = []
        now, state = self._clock.now(), self._state
        for place, raw in enumerate(events):
            try:
                good.append(checked_event(raw, now, state.snapshot.reading))
                places.append(place)
            except DataError as error:
                rejected.append((place, str(error)))
        receipt = self._needed_store().append(good)
        rejected += [
            (places[at], f"event_id {good[at].event_id!r} was stored before with another content")
            for at in receipt.conflicts
        ]
        unknown = [
            (places[at], text)
            for at, event in enumerate(good)
            if at not in receipt.conflicts
            for text in unknown_in_event(state, event)
        ]
        conflicts = [places[at] for at in receipt.conflicts]
        return Observed(receipt.accepted, sorted(rejected), conflicts, unknown)

    def put_item(self, item_id: str, attributes: Mapping[str, Json]) -> list[str]:
        """Add or replace an item; it is stored, and can be recommended, when this returns.

        Items that arrive at the same time are added together, so that many cost little more than one.

        Returns
        -------
        list of str
            Warnings: a text that the text encoder of the model cannot read.

        Raises
        ------
        DataError
            If the id or an attribute is out of bounds.
        StorageError
            If the store refuses; the item is not served then.
        """
        self._needed_store()
        reading = self._state.snapshot.reading
        id_ = checked_id(item_id, "item_id", reading.ids)
        checked = checked_attributes(attributes, self._clock.now(), reading)
        check_width(self._state.catalogue, checked)
        done: Future[None] = Future()
        self._arrivals.append((id_, checked, done))
        with self._growing:  # the first caller adds the items of all that wait
            if not done.done():
                self._add_all([self._arrivals.popleft() for _ in range(len(self._arrivals))])
        done.result()
        return self._state.warnings_of(id_)

    def put_user(self, user_id: str, attributes: Mapping[str, Json]) -> None:
        """Store or replace the attributes of a user; they count from the next request on.

        Attributes that the model was not fitted on are kept for a later model.

        Raises
        ------
        DataError
            If the id or an attribute is out of bounds.
        StorageError
            If the store refuses.
        """
        id_ = checked_id(user_id, "user_id", self._state.snapshot.id_rules)
        checked = checked_user(attributes)
        self._needed_store().put_user(id_, checked, self._clock.now())

    def swap(self, snapshot: Snapshot) -> None:
        """Use another snapshot from now on; items that were added stay."""
        with self._growing:
            self._state = self._state_of(snapshot)

    def warm(self) -> None:
        """Load everything that the first requests would wait for.

        An encoder that cannot be loaded is logged: lists work, new items cannot be added.
        """
        try:
            with self._growing:
                self._state.encoder.warm()
        except Exception as error:
            _log.warning("new items cannot be added until this is fixed: %s", error)
        self._state.pipeline.recommend(history_of(self._state, None, (), (), allow_seen=True).queries, 10)

    def health(self) -> dict[str, Json]:
        """Return the version and sizes of the current model, and whether the store can be read."""
        state = self._state
        return {
            "model": state.snapshot.version,
            "items": len(state.catalogue),
            "users": state.snapshot.interactions.n_users,
            "store": "none" if self._store is None else "failing" if self._store_fails else "ok",
        }

    def close(self) -> None:
        """Store what is waiting and close the store."""
        if self._exposures is not None:
            self._exposures.close()
        if self._store is not None:
            self._store.close()

    def _needed_store(self) -> EventStore:
        if self._store is None:
            raise DataError("this engine has no store; open it with one to take events and items")
        return self._store

    def _state_of(self, snapshot: Snapshot) -> State:
        items = self._store.items() if self._store is not None else []
        return State.of(snapshot).grown_where_possible(dict(items))

    def _known(self, request: Request) -> tuple[list[Event], dict[str, Json] | None]:
        """Return the stored events and attributes of the requester; nothing if the store fails."""
        name = request.user_id or request.session_id
        if self._store is None or name is None:
            return [], None
        try:
            events = self._store.recent("user" if request.user_id else "session", name, LONGEST_HISTORY)
            stored = self._store.user(request.user_id) if request.user_id else None
        except StorageError as error:
            self._store_fails = True
            _log.warning("answering without the latest events: %s", error)
            return [], None
        self._store_fails = False
        return events, stored

    def _add_all(self, arrivals: Sequence[_Arrival]) -> None:
        try:
            self._grow({id_: attributes for id_, attributes, _ in arrivals})
        except Exception as error:
            if len(arrivals) > 1:
                for arrival in arrivals:
                    self._add_all([arrival])
            else:
                arrivals[0][2].set_exception(error)
            return
        for _, _, done in arrivals:
            done.set_result(None)

    def _grow(self, items: Mapping[str, Mapping[str, Json]]) -> None:
        """Encode, store, then serve: an item that is served is stored, one that cannot be served is not."""
        dated = {id_: self._dated(id_, attributes) for id_, attributes in items.items()}
        grown = self._state.grown(dated)
        self._needed_store().put_items(dated, self._clock.now())
        self._state = grown

    def _dated(self, id_: str, attributes: Mapping[str, Json]) -> dict[str, Json]:
        """Return attributes with the time of listing: as given, as known before, or now."""
        catalogue = self._state.catalogue
        code = int(catalogue.items.encode([id_])[0])
        known = float(catalogue.created_at[code]) if code >= 0 else self._clock.now()
        given = attributes.get(col.CREATED_AT)
        created = known if given is None and np.isfinite(known) else given
        return {**attributes, col.CREATED_AT: created}


def _checked(request: Request, rules: Sequence[IdRule]) -> Request:
    """Return a request with ids and names in normal form.

    Raises
    ------
    DataError
    """
    check_k(request.k)
    check_flag(request.allow_seen, "allow_seen")
    check_ordered(request.items, "history")
    items = checked_ids(request.items, "history", "item_id", rules)
    if len(items) > LONGEST_HISTORY:
        raise DataError(f"the history has {len(items):,} items; at most {LONGEST_HISTORY:,}")
    if request.user_id is not None and request.session_id is not None:
        raise DataError("give either user_id or session_id")
    return replace(
        request,
        user_id=None if request.user_id is None else checked_id(request.user_id, "user_id", rules),
        session_id=None if request.session_id is None else checked_id(request.session_id, "session_id"),
        items=items,
        attributes=checked_user(request.attributes),
        context=checked_user(request.context),
    )


def _requester(request: Request) -> str:
    """Return who asks: a user and a session of one name are two."""
    if request.user_id is not None:
        return f"user {request.user_id}"
    return "" if request.session_id is None else f"session {request.session_id}"


def _reasons(state: State, history: History, ranking: Ranking) -> list[list[str]]:
    """Return the reasons of each item of the list in words."""
    acted = history.queries.acted()
    kinds = dict(zip(acted.item.tolist(), compress(history.kinds, history.queries.weight != 0), strict=True))
    first = ranking.first(_EXPLAINED)
    found = state.pipeline.reasons(acted, first)[0]
    rest: list[list[str]] = [[] for _ in range(ranking.items.shape[1] - len(found))]
    return [in_words(reasons, state.titles, kinds) for reasons in found] + rest


def _answer(state: State, ranking: Ranking, reasons: Sequence[list[str]]) -> Response:
    found = ranking.items[0] >= 0
    codes, scores = ranking.items[0][found], ranking.scores[0][found]
    # Ten look-ups take 4 us each side; gathering them makes frames for a tenth of a millisecond.
    names, titled, places = state.catalogue.items.ids, state.titles, codes.tolist()
    ids, titles = [names[place] for place in places], [titled[place] for place in places]
    chances = np.zeros(len(codes)) if ranking.propensities is None else ranking.propensities[0][found]
    propensities = [chance or None for chance in chances.tolist()]
    items = map(Recommended, ids, scores.tolist(), titles, reasons, propensities)
    return Response(str(uuid.uuid4()), state.snapshot.version, list(items))
