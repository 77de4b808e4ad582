"""The running product: stores events, keeps the catalogue up to date, returns lists. No HTTP and no argv.

Everything that a request reads is one frozen state, replaced in one assignment: a request uses one version
from start to end.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Literal

import numpy as np

from tacit.core.clock import Clock, SystemClock
from tacit.core.errors import DataError
from tacit.core.frozen import frozen
from tacit.core.stages import stage
from tacit.core.types import Json
from tacit.data import columns as col
from tacit.data.ids import IdRule
from tacit.data.ranking import Ranking
from tacit.engine.aside import Aside
from tacit.engine.attributes import checked_user
from tacit.engine.checking import (
    UnknownItemError,
    check_flag,
    check_k,
    check_ordered,
    checked_event,
    checked_id,
    checked_ids,
    new_event_id,
)
from tacit.engine.current_state import CurrentState, Prepared
from tacit.engine.empty import why_no_recommendation, why_nothing_related
from tacit.engine.exposures import Exposures
from tacit.engine.history import History, history_of
from tacit.engine.items import (
    attributes_of,
    check_not_bare,
    check_width,
    checked_attributes,
    listing_of,
    odd_attributes,
    only_listing,
)
from tacit.engine.known_users import Users
from tacit.engine.measuring import Figures, Meter, StoreState
from tacit.engine.requests import (
    DegradedResponse,
    NewEvent,
    Observed,
    PutItems,
    Recommended,
    Request,
    Response,
)
from tacit.engine.shown_lists import doubts_of_lists
from tacit.engine.snapshot import Snapshot
from tacit.engine.state import Draft, State, TextsWaitingError
from tacit.engine.stored_acts import StoredActs
from tacit.engine.unknown import unknown_in_events, unknown_in_request
from tacit.engine.updates import Follower
from tacit.engine.words import in_words, similarity_in_words
from tacit.pipeline.similar import SimilarKind, checked_kind
from tacit.store.events import Event, EventStore, StorageError, Subject
from tacit.store.records import ItemChange, StoredItem, TextVector

__all__ = ["LONGEST_HISTORY", "Engine", "UnknownItemError"]

LONGEST_HISTORY = 1_000
STORE_WAIT = 0.05
_EXPLAINED = 100
"""Number of items of a list that get reasons: a bound on their cost."""

_FAILED_FOR = 3.0
"""Seconds for which a failed read counts, if no list tells of another one."""
_NO_EVENTS = "the latest events were not read in time"
_NO_CHANGES = "the latest changes of items were not read in time"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Arrival:
    """Changes of items that wait to be made, and what was done for them so far."""

    changes: Sequence[ItemChange]
    now: float
    vectors: Mapping[str, TextVector]
    draft: Draft | None
    done: "Future[None]" = field(default_factory=Future)


@dataclass(frozen=True)
class _Stored:
    """What is stored of a requester: events, items of earlier acts, attributes that were put and patched."""

    events: Sequence[Event] = ()
    seen: Collection[str] = ()
    put: dict[str, Json] | None = None
    patched: Mapping[str, Json] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether anything is stored."""
        return bool(self.events or self.put or self.patched)


class Engine:
    """Recommends from a snapshot and from later events; safe to use from many threads.

    Parameters
    ----------
    snapshot : Snapshot
    store : EventStore, optional
        Storage of events, items, users and exposures; without one the engine uses the snapshot only.
    clock : Clock, optional
    store_wait : float
        Seconds that a list waits for the store; then it goes out without the latest events, and says so.

    Attributes
    ----------
    meter : Meter
        Is told what is done here; see `measure_by`.
    users : Users
        What is known of users and sessions, and how they are joined and forgotten.
    """

    meter = Meter()

    def __init__(
        self,
        snapshot: Snapshot,
        store: EventStore | None = None,
        *,
        clock: Clock | None = None,
        store_wait: float = STORE_WAIT,
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._growing = threading.Lock()
        self._arrivals: deque[_Arrival] = deque()
        self._failed_at: float | None = None
        """When the last read for a list failed; None once one succeeds."""
        self._exposures = Exposures(store) if store is not None else None
        self._acts = StoredActs(store, LONGEST_HISTORY) if store is not None else None
        self._aside = Aside("tacit-reads", store_wait)
        self._current = CurrentState(snapshot, store, self._clock, self._aside)
        self.users = Users(self._current, store, self._clock)
        self.published: Mapping[str, Json] = {}
        """What a service says of the version that it serves: a part of `health`."""
        self._follower = Follower(self._current, store) if store is not None else None

    @property
    def _state(self) -> State:
        """The state as of now: with all changes of items that any process has acknowledged."""
        self._current.catch_up()
        return self._current.state

    @property
    def reads_locally(self) -> bool:
        """Whether a list waits for this machine alone: the store, if any, is a file."""
        return self._store is None or self._store.is_local

    @property
    def version(self) -> str:
        """Version of the current model."""
        return self._current.state.snapshot.version

    def catch_up(self) -> None:
        """Make the changes of items that other processes have stored; every method here does so first."""
        self._current.catch_up()

    def start_following(self) -> None:
        """Let the models follow the events of the store from now on, in a thread; see `Follower`."""
        if self._follower is not None:
            self._follower.start()

    def follow(self) -> bool:
        """Let the models follow the next events of the store now; return whether more may be waiting.

        Raises
        ------
        StorageError
            If the store cannot be read.
        """
        return self._follower is not None and self._follower.follow()

    def rebuild(self) -> None:
        """Forget what the models followed, and follow what is stored still: after users were deleted.

        Raises
        ------
        StorageError
            If the store cannot be read; the models stay as they are then.
        """
        if self._follower is not None:
            self._follower.rebuild()

    def recommend(self, request: Request) -> Response:
        """Return a list for a user, a session or a history.

        Raises
        ------
        DataError
            If ``k`` or an id is out of bounds. Unknown users and items are no error but a warning in the
            answer: a user without a history gets popular items.
        """
        until = self._aside.deadline()
        state, whole = self._current.soon(until)
        degraded = [] if whole else [_NO_CHANGES]
        checked = _checked(request, state.snapshot.id_rules)
        with stage("history"):
            known = self._known(state, checked, until)
            stored = known or _Stored()
            if known is None:
                degraded.append(_NO_EVENTS)
            history = history_of(
                state,
                checked.user_id,
                stored.events,
                checked.items,
                allow_seen=checked.allow_seen,
                stored=stored.put,
                attributes={**stored.patched, **checked.attributes} if stored.patched else checked.attributes,
                context=checked.context,
                seen=stored.seen,
            )
        ranking = state.pipeline.recommend(history.queries, checked.k, requests=(_requester(checked),))
        is_known = known is None or stored.is_known  # what was not read is not called unknown
        unknown = unknown_in_request(state, checked, stored=is_known)
        said = [*unknown, *why_no_recommendation(state, history.queries, ranking)]
        with stage("explain"):
            reasons = _reasons(state, history, ranking)
        answer = _answer(state, ranking, reasons, said, degraded)
        if self._exposures is not None:
            self._exposures.add(checked, answer, self._clock.now())
        ids = [item.item_id for item in answer.items]
        self.meter.listed(state.snapshot, ids, has_history=bool(history.kinds), degraded=bool(degraded))
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
        state, whole = self._current.soon(self._aside.deadline())
        known = state.code_of(checked_id(item_id, "item_id", state.snapshot.id_rules))
        code = np.array([known], dtype=np.int32)
        ranking = state.pipeline.similar(code, k, kind=kind, counts=state.evidence.counts)
        listed = ranking.items[0][ranking.items[0] >= 0]
        between = state.evidence.between(known, listed, state.catalogue)
        reasons = [similarity_in_words(one, kind) for one in between]
        said = why_nothing_related(state, known, kind, ranking)
        return _answer(state, ranking, reasons, said, [] if whole else [_NO_CHANGES])

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
        store, log = self._needed_store(), state.snapshot.interactions
        receipt = store.append(good, log.end if log.timing == "time" else 0.0)
        rejected += [
            (places[at], f"event_id {good[at].event_id!r} was stored before with another content")
            for at in receipt.conflicts
        ]
        refused = set(receipt.conflicts)
        if self._acts is not None:
            self._acts.note([one for place, one in enumerate(good) if place not in refused])
        said = [*unknown_in_events(state, good), *doubts_of_lists(store, good, now)]
        unknown = [(places[at], text) for at, text in sorted(said) if at not in refused]
        conflicts = [places[at] for at in receipt.conflicts]
        return Observed(receipt.accepted, sorted(rejected), conflicts, unknown)

    def put_item(self, item_id: str, attributes: Mapping[str, Json]) -> list[str]:
        """Add an item or replace it whole; it is stored, and can be recommended, when this returns.

        Items that arrive at the same time are added together, so that many cost little more than one.

        Returns
        -------
        list of str
            Warnings: an id that is stored in another form (without spaces around it, say); attributes of a
            type that does not count; a text that the text encoder of the model cannot read.

        Raises
        ------
        DataError
            If the id or an attribute is out of bounds, or nothing but the availability of a known item is
            given: `patch_item` changes that and keeps the rest.
        StorageError
            If the store refuses; the item is not served then.
        """
        return self._changed_item("put", item_id, attributes)

    def patch_item(self, item_id: str, attributes: Mapping[str, Json]) -> list[str]:
        """Set some attributes of an item and keep the others; what is None is kept too.

        Returns
        -------
        list of str
            Warnings, as of `put_item`.

        Raises
        ------
        UnknownItemError
        DataError
            If the id or an attribute is out of bounds.
        StorageError
            If the store refuses; nothing changes then.
        """
        return self._changed_item("patch", item_id, attributes)

    def delete_item(self, item_id: str) -> None:
        """Take an item out of every list; histories that hold it stay as they are.

        It stays deleted for later snapshots too, until it is put again.

        Raises
        ------
        UnknownItemError
        StorageError
            If the store refuses; nothing changes then.
        """
        self._needed_store()
        id_ = checked_id(item_id, "item_id", self._state.snapshot.id_rules)
        self._change([ItemChange(id_, "delete")])

    def put_items(self, items: Sequence[tuple[str, Mapping[str, Json]]]) -> PutItems:
        """Add or replace many items, each as by `put_item`; a bad one is rejected and the others are stored.

        Raises
        ------
        StorageError
            If the store refuses; none of the items is stored then.
        """
        self._needed_store()
        changes, places, rejected = [], [], []
        for place, (item_id, attributes) in enumerate(items):
            try:
                changes.append(self._checked_change("put", item_id, attributes))
                places.append(place)
            except DataError as error:
                rejected.append((place, str(error)))
        try:
            self._state.encode_ahead(changes)
            self._change(changes)
        except DataError:  # one of them: each is put on its own, to find which
            good = []
            for place, change in zip(places, changes, strict=True):
                try:
                    self._change([change])
                    good.append((place, change))
                except DataError as error:
                    rejected.append((place, str(error)))
            places, changes = [place for place, _ in good], [change for _, change in good]
        state = self._state
        warnings = [
            (place, text)
            for place, change in zip(places, changes, strict=True)
            for text in _warnings(items[place][0], change, state)
        ]
        return PutItems(len(changes), sorted(rejected), warnings)

    def item(self, item_id: str) -> dict[str, Json]:
        """Return the attributes of an item: as they were put, or as the catalogue of the fit has them.

        Raises
        ------
        UnknownItemError
        StorageError
            If the store cannot be read.
        """
        state = self._state
        id_ = checked_id(item_id, "item_id", state.snapshot.id_rules)
        code = state.code_of(id_)
        stored = self._store.item(id_) if self._store is not None else StoredItem(None, {}, deleted=False)
        of_fit = stored.put is None or (only_listing(stored.put) and id_ in state.snapshot.catalogue.items)
        own = attributes_of(state.catalogue, code) if of_fit or stored.put is None else stored.put
        listing = listing_of(state.catalogue, code)
        if id_ in state.expired:
            listing[col.AVAILABLE] = False
        return {**own, **stored.patch, **listing}

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
        self._current.swap(snapshot)

    def prepared(self, snapshot: Snapshot) -> Prepared:
        """Return what `adopt` takes: a snapshot with all that was stored of items, loaded and warm.

        It may take long, and requests go on meanwhile.

        Raises
        ------
        StorageError
            If the store cannot be read.
        """
        prepared = self._current.prepared(snapshot)
        _warm(prepared.state)
        return prepared

    def adopt(self, prepared: Prepared) -> None:
        """Serve what was prepared from now on, in one assignment."""
        self._current.adopt(prepared)

    def warm(self) -> None:
        """Load and open everything that the first requests would wait for.

        An encoder that cannot be loaded is logged: lists work, new items cannot be added.
        """
        try:
            self._state.encoder.warm()
        except Exception as error:
            _log.warning("new items cannot be added until this is fixed: %s", error)
        if self._store is not None:
            with suppress(StorageError):  # lists go on without it, and say so
                self._store.warm()
        _warm(self._state)

    def health(self) -> dict[str, Json]:
        """Return version and sizes of the model, whether the store works, and how far it is followed.

        It waits for nothing.
        """
        state = self._current.state
        return {
            "model": state.snapshot.version,
            "items": len(state.catalogue),
            "users": state.snapshot.interactions.n_users,
            "store": self._store_state(),
            **self.published,
            **({} if self._follower is None else {"updates": self._follower.behind()}),
        }

    def measure_by(self, meter: Meter) -> None:
        """Tell a meter of lists, events and transactions from now on."""
        self.meter = meter
        if self._exposures is not None:
            self._exposures.on_dropped = meter.dropped
        if self._store is not None:
            self._store.on_write(meter.wrote)

    def figures(self) -> Figures:
        """Return what this engine is at this moment; nothing is read or waited for."""
        state = self._current.state
        log = state.snapshot.interactions
        newest = log.end if log.timing == "time" and len(log) else None
        return Figures(
            model=state.snapshot.version,
            items=len(state.catalogue),
            users=log.n_users,
            newest=newest,
            store=self._store_state(),
            behind=0 if self._follower is None else self._follower.events_behind(),
        )

    def _store_state(self) -> StoreState:
        # Nobody may ask for lists again before this says that all is well.
        failed = self._failed_at is not None and time.monotonic() - self._failed_at < _FAILED_FOR
        if failed or self._current.failing:
            return "failing"
        return "none" if self._store is None else self._store.writing

    def close(self) -> None:
        """Store what is waiting and close the store."""
        if self._store is not None:
            self._store.hurry()  # of several that wait for it, each would wait its time
        if self._follower is not None:
            self._follower.close()
        self._aside.close()
        self._current.close()
        if self._exposures is not None:
            self._exposures.close()
        if self._store is not None:
            self._store.close()

    def _needed_store(self) -> EventStore:
        if self._store is None:
            raise DataError("this engine has no store; open it with one to take events and items")
        return self._store

    def _known(self, state: State, request: Request, until: float) -> "_Stored | None":
        """Return what is stored of the requester.

        None if they could not be read in time.
        """
        name = request.user_id or request.session_id
        store, acts = self._store, self._acts
        if store is None or acts is None or name is None:
            return _Stored()
        acts.forget(self._current.tombstones)

        def read() -> _Stored:
            subject: Subject = "user" if request.user_id else "session"
            events, seen = acts.of(state, subject, name, self._clock.now())
            put, patched = store.user_attributes(request.user_id) if request.user_id else (None, {})
            return _Stored(events, seen, put, patched)

        try:
            known = self._aside.read(read, until)
        except StorageError as error:
            if self._failed_at is None:
                _log.warning("answering without the latest events: %s", error)
            self._failed_at = time.monotonic()
            return None
        self._failed_at = None
        return known

    def _changed_item(
        self, kind: Literal["put", "patch"], item_id: str, attributes: Mapping[str, Json]
    ) -> list[str]:
        self._needed_store()
        change = self._checked_change(kind, item_id, attributes)
        self._change([change])
        return _warnings(item_id, change, self._state)

    def _checked_change(
        self, kind: Literal["put", "patch"], item_id: str, attributes: Mapping[str, Json]
    ) -> ItemChange:
        state = self._state
        reading = state.snapshot.reading
        id_ = checked_id(item_id, "item_id", reading.ids)
        checked = checked_attributes(attributes, self._clock.now(), reading)
        if kind == "patch":
            checked = {name: value for name, value in checked.items() if value is not None}
        change = ItemChange(id_, kind, checked)
        check_width(state.catalogue, checked)
        check_not_bare(change, state.catalogue, state.deleted)
        return change

    def _change(self, changes: Sequence[ItemChange]) -> None:
        """Store and serve changes of items, with those of others that wait.

        An item that is served is stored, and one whose text cannot be encoded is not stored. Texts are
        encoded between two tries, while no other change waits: what is hidden meanwhile is so at once.
        """
        if not changes:
            return
        now = self._clock.now()
        vectors: dict[str, TextVector] = {}
        draft: Draft | None = None
        while True:
            arrival = _Arrival(changes, now, vectors, draft)
            self._arrivals.append(arrival)
            with self._growing:  # the first caller makes the changes of all that wait
                if not arrival.done.done():
                    self._change_all([self._arrivals.popleft() for _ in range(len(self._arrivals))])
            try:
                arrival.done.result()
                return
            except TextsWaitingError as error:
                draft = error.draft
                texts = error.texts
            finally:
                del arrival  # its error knows this frame: the cycle would keep the state
            vectors |= self._current.state.encoded(texts)

    def _change_all(self, arrivals: Sequence[_Arrival]) -> None:
        try:
            self._grow(arrivals)
        except Exception as error:
            if len(arrivals) > 1:
                for arrival in arrivals:
                    self._change_all([arrival])
            else:
                waits = isinstance(error, TextsWaitingError)
                arrivals[0].done.set_exception(error.with_traceback(None) if waits else error)
            return
        for arrival in arrivals:
            arrival.done.set_result(None)

    def _grow(self, arrivals: Sequence[_Arrival]) -> None:
        """Store, then serve."""
        changes = [change for arrival in arrivals for change in arrival.changes]

        def prepared(state: State) -> list[ItemChange]:
            check_width(state.catalogue, {name: None for change in changes for name in change.attributes})
            for change in changes:
                check_not_bare(change, state.catalogue, state.deleted)
            return [_dated(change, state, arrival.now) for arrival in arrivals for change in arrival.changes]

        vectors = {id_: vector for arrival in arrivals for id_, vector in arrival.vectors.items()}
        draft = arrivals[0].draft if len(arrivals) == 1 else None
        self._current.change(self._needed_store(), prepared, arrivals[-1].now, vectors, draft)


def _warm(state: State) -> None:
    """Compute a list for nobody: what is built on first use is there then."""
    state.pipeline.recommend(history_of(state, None, (), (), allow_seen=True).queries, 10)


def _warnings(given: str, change: ItemChange, state: State) -> list[str]:
    """Return what is to be said of an item that was put or patched under the id that was given."""
    odd = odd_attributes(change.attributes, state.snapshot.catalogue)
    if change.attributes.get(col.AVAILABLE) is True and change.item_id in state.expired:
        odd = [
            *odd,
            "the item has expired: it is in no list until expires_at is later, or is taken away by a PUT",
        ]
    return _renamed(given, change.item_id) + odd + state.warnings_of(change.item_id)


def _renamed(given: str, item_id: str) -> list[str]:
    return [] if given == item_id else [f"the item id {given!r} is stored as {item_id!r}"]


def _dated(change: ItemChange, state: State, now: float) -> ItemChange:
    """Return a put with the time of listing: as given, as known before, or now; a deleted item is new."""
    if change.kind != "put":
        return change
    code = int(state.catalogue.items.encode([change.item_id])[0])
    listed = code >= 0 and change.item_id not in state.deleted
    known = float(state.catalogue.created_at[code]) if listed else now
    given = change.attributes.get(col.CREATED_AT)
    created = known if given is None and np.isfinite(known) else given
    return replace(change, attributes={**change.attributes, col.CREATED_AT: created})


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
    return Request(
        user_id=None if request.user_id is None else checked_id(request.user_id, "user_id", rules),
        session_id=None if request.session_id is None else checked_id(request.session_id, "session_id"),
        items=items,
        k=request.k,
        allow_seen=request.allow_seen,
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
    queries = history.queries
    acted = queries.acted()
    kinds = history.kinds if acted is queries else compress(history.kinds, queries.weight != 0)
    kind_of = dict(zip(acted.item.tolist(), kinds, strict=True))
    width = ranking.items.shape[1]
    first = ranking if width <= _EXPLAINED else ranking.first(_EXPLAINED)
    found = state.pipeline.reasons(acted, first)[0]
    titles = state.title_of
    return [in_words(reasons, titles, kind_of) for reasons in found] + [[] for _ in range(width - len(found))]


def _answer(
    state: State,
    ranking: Ranking,
    reasons: Sequence[list[str]],
    warnings: Sequence[str],
    degraded: list[str],
) -> Response:
    codes = ranking.items[0][ranking.items[0] >= 0]  # padding comes last
    ids, titles, scores = state.catalogue.items.decode(codes), state.title_of, ranking.scores[0].tolist()
    chances = [None] * len(ids) if ranking.propensities is None else ranking.propensities[0].tolist()
    items = [
        frozen(
            Recommended,
            item_id=ids[place],
            score=scores[place],
            title=titles[code],
            reasons=reasons[place],
            propensity=chances[place] or None,
        )
        for place, code in enumerate(codes.tolist())
    ]
    answer = new_event_id(), state.snapshot.version, items, list(warnings)
    return DegradedResponse(*answer, degraded) if degraded else Response(*answer)
