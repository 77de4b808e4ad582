"""The running product: takes events, keeps the catalogue fresh, answers with lists. No HTTP and no argv.

Everything that a request reads is one frozen state, replaced in one assignment: a request works with one
version from start to end.
"""

import json
import logging
import queue
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tacit.core.clock import Clock, SystemClock
from tacit.core.errors import DataError
from tacit.core.types import Float32, Float64, Int32, Json
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue, item_texts
from tacit.data.queries import Queries
from tacit.engine.checking import checked_event, checked_id
from tacit.engine.requests import NewEvent, Observed, Recommended, Request, Response
from tacit.engine.snapshot import Snapshot
from tacit.engine.words import in_words
from tacit.pipeline.twostage import TwoStage
from tacit.store.events import Event, EventStore, StorageError

LONGEST_LIST = 1_000
LONGEST_HISTORY = 1_000
_LONGEST_TEXT = 8_192
_log = logging.getLogger(__name__)


class UnknownItemError(DataError):
    """There is no such item."""


@dataclass(frozen=True)
class _State:
    snapshot: Snapshot
    catalogue: Catalogue
    pipeline: TwoStage
    titles: pl.Series


class Engine:
    """Recommends from a snapshot and from what has happened since.

    Parameters
    ----------
    snapshot : Snapshot
    store : EventStore, optional
        Where events, items and exposures are kept; without one the engine answers from the snapshot alone.
    clock : Clock, optional
    """

    def __init__(
        self, snapshot: Snapshot, store: EventStore | None = None, *, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._growing = threading.Lock()
        self._shown: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._state = _fresh(snapshot)
        if store is not None:
            self._add_items(store.items())
            self._recorder = threading.Thread(target=self._record, name="tacit-exposures", daemon=True)
            self._recorder.start()

    @property
    def version(self) -> str:
        """Version of the model that answers now."""
        return self._state.snapshot.version

    def recommend(self, request: Request) -> Response:
        """Return a list for a user, a session or a history.

        Raises
        ------
        DataError
            If ``k`` or an id is out of bounds. Unknown users and items are no error: who has no history gets
            what is popular.
        """
        if not 1 <= request.k <= LONGEST_LIST:
            raise DataError(f"k is {request.k}; it must lie between 1 and {LONGEST_LIST}")
        if len(request.items) > LONGEST_HISTORY:
            raise DataError(f"the history has {len(request.items)} items; at most {LONGEST_HISTORY}")
        state = self._state
        queries = self._queries(state, request)
        ranking = state.pipeline.recommend(queries, request.k)
        why = state.pipeline.reasons(queries, ranking)[0]
        answer = Response(
            recommendation_id=str(uuid.uuid4()),
            model=state.snapshot.version,
            items=[
                _recommended(state, code, score, in_words(told, state.titles))
                for code, score, told in zip(ranking.items[0], ranking.scores[0], why, strict=True)
                if code >= 0
            ],
        )
        self._show(request, answer)
        return answer

    def similar(self, item_id: str, k: int = 10) -> Response:
        """Return the items most like an item.

        Raises
        ------
        UnknownItemError
        """
        if not 1 <= k <= LONGEST_LIST:
            raise DataError(f"k is {k}; it must lie between 1 and {LONGEST_LIST}")
        state = self._state
        code = state.catalogue.items.encode([item_id])
        if code[0] < 0:
            raise UnknownItemError(f"there is no item {item_id!r}")
        ranking = state.pipeline.similar(code, k)
        items = [
            _recommended(state, found, score, [])
            for found, score in zip(ranking.items[0], ranking.scores[0], strict=True)
            if found >= 0
        ]
        return Response(str(uuid.uuid4()), state.snapshot.version, items)

    def observe(self, events: Sequence[NewEvent]) -> Observed:
        """Store events; those that are acknowledged count from the next request on.

        Each event stands alone: a bad one is rejected with its reason and the others are stored.
        """
        good: list[Event] = []
        places: list[int] = []
        rejected: list[tuple[int, str]] = []
        now = self._clock.now()
        for place, raw in enumerate(events):
            try:
                good.append(checked_event(raw, now))
                places.append(place)
            except DataError as error:
                rejected.append((place, str(error)))
        receipt = self._needed_store().append(good)
        rejected += [
            (places[at], f"event_id {good[at].event_id!r} was stored before with another content")
            for at in receipt.conflicts
        ]
        return Observed(receipt.accepted, sorted(rejected))

    def put_item(self, item_id: str, attributes: Mapping[str, Json]) -> None:
        """Add or replace an item; it can be recommended when this returns.

        Raises
        ------
        DataError
            If the id or an attribute is out of bounds.
        """
        id_ = checked_id(item_id, "item_id")
        for name, value in attributes.items():
            checked_id(name, "attribute name")
            if len(str(value).encode("utf-8", "replace")) > _LONGEST_TEXT:
                raise DataError(f"{name} is longer than {_LONGEST_TEXT} bytes")
        self._needed_store().put_item(id_, attributes, self._clock.now())
        self._add_items([(id_, dict(attributes))])

    def swap(self, snapshot: Snapshot) -> None:
        """Answer from another snapshot from now on; items that were added stay."""
        with self._growing:
            self._state = _fresh(snapshot)
        if self._store is not None:
            self._add_items(self._store.items())

    def health(self) -> dict[str, Json]:
        """Return the version and the sizes of what is served."""
        state = self._state
        return {
            "model": state.snapshot.version,
            "items": len(state.catalogue),
            "users": state.snapshot.interactions.n_users,
        }

    def close(self) -> None:
        """Store what is waiting and close the store."""
        if self._store is not None:
            self._shown.put(None)
            self._recorder.join()
            self._store.close()

    def _needed_store(self) -> EventStore:
        if self._store is None:
            raise DataError("this engine has no store; open it with one to take events and items")
        return self._store

    def _queries(self, state: _State, request: Request) -> Queries:
        item, weight, at = _history(state, request.user_id)
        now = self._clock.now()
        live = self._recent(request)
        # What a request tells came last; an event each, a view as far as anybody knows.
        live += [Event("", "user", "", id_, "view", now) for id_ in request.items]
        codes, weights, times = _weighed(state, live)
        item = np.concatenate([item, codes])
        weight = np.concatenate([weight, weights])
        at = np.concatenate([at, times])
        order = np.argsort(at, kind="stable")[-LONGEST_HISTORY:]
        return Queries.of(
            [item[order].tolist()],
            weights=[weight[order].tolist()],
            times=[at[order].tolist()],
            now=now,
            exclude_seen=not request.allow_seen,
        )

    def _recent(self, request: Request) -> list[Event]:
        if self._store is None:
            return []
        if request.user_id is not None:
            return self._store.recent("user", request.user_id, LONGEST_HISTORY)
        if request.session_id is not None:
            return self._store.recent("session", request.session_id, LONGEST_HISTORY)
        return []

    def _add_items(self, items: Sequence[tuple[str, dict[str, Json]]]) -> None:
        if not items:
            return
        frame = _item_frame(items, self._state.catalogue)
        with self._growing:
            state = self._state
            vectors = state.snapshot.encode(_texts(frame)) if state.catalogue.vectors is not None else None
            catalogue = state.catalogue.extended(frame, vectors)
            self._state = _State(
                state.snapshot, catalogue, state.pipeline.extended(catalogue), catalogue.titles
            )

    def _show(self, request: Request, answer: Response) -> None:
        if self._store is None:
            return
        subject = "session" if request.user_id is None else "user"
        self._shown.put(
            {
                "recommendation_id": answer.recommendation_id,
                "subject": subject,
                "subject_id": request.user_id or request.session_id,
                "model": answer.model,
                "items": json.dumps([item.item_id for item in answer.items]),
                "at": self._clock.now(),
            }
        )

    def _record(self) -> None:
        """Store exposures in groups, away from the requests; the recorder thread's whole life."""
        store = self._needed_store()
        while (first := self._shown.get()) is not None:
            rows = [first]
            last = False
            while len(rows) < 500 and not self._shown.empty():
                following = self._shown.get()
                if following is None:
                    last = True
                    break
                rows.append(following)
            try:
                store.put_exposures(rows)
            except StorageError as error:  # a list that was shown is shown; losing its record is not fatal
                _log.warning("exposures were not stored: %s", error)
            if last:
                return


def _fresh(snapshot: Snapshot) -> _State:
    return _State(snapshot, snapshot.catalogue, snapshot.pipeline, snapshot.catalogue.titles)


def _history(state: _State, user_id: str | None) -> tuple[Int32, Float32, Float64]:
    log = state.snapshot.interactions
    code = -1 if user_id is None else int(log.users.encode([user_id])[0])
    start, stop = (log.offsets[code], log.offsets[code + 1]) if code >= 0 else (0, 0)
    return log.item[start:stop], log.weight[start:stop], log.at[start:stop]


def _weighed(state: _State, events: Sequence[Event]) -> tuple[Int32, Float32, Float64]:
    """Return codes, weights and times of events on known items."""
    codes = state.catalogue.items.encode([event.item_id for event in events])
    known = [(int(code), event) for code, event in zip(codes, events, strict=True) if code >= 0]
    if not known:
        return np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.float64)
    frame = pl.DataFrame(
        {
            col.USER: ["" for _ in known],
            col.ITEM: [event.item_id for _, event in known],
            col.EVENT: [event.event for _, event in known],
            col.TIMESTAMP: [event.at for _, event in known],
            col.VALUE: [event.value for _, event in known],
            col.SEQ: [None for _ in known],
        },
        schema_overrides={col.VALUE: pl.Float64, col.SEQ: pl.Int64},
    )
    weights = state.snapshot.weights.weigh(frame)[col.WEIGHT].to_numpy()
    return (
        np.array([code for code, _ in known], dtype=np.int32),
        weights.astype(np.float32),
        frame[col.TIMESTAMP].to_numpy(),
    )


def _recommended(state: _State, code: int, score: float, reasons: list[str]) -> Recommended:
    return Recommended(state.catalogue.items.ids[int(code)], float(score), state.titles[int(code)], reasons)


def _item_frame(items: Sequence[tuple[str, dict[str, Json]]], catalogue: Catalogue) -> pl.DataFrame:
    """Return new items as rows whose columns have the catalogue's types; the last word on an item counts."""
    latest = dict(items)
    names = list(dict.fromkeys(name for attributes in latest.values() for name in attributes))
    known = catalogue.attributes.schema
    columns: dict[str, pl.Series] = {col.ITEM: pl.Series(list(latest), dtype=pl.String)}
    for name in names:
        texts = pl.Series(name, [_cell(row.get(name)) for row in latest.values()], dtype=pl.String)
        columns[name] = texts.cast(known.get(name, pl.String), strict=False)
    if col.AVAILABLE in columns:
        columns[col.AVAILABLE] = ~columns[col.AVAILABLE].cast(pl.String).is_in(["false", "0"])
    if col.CREATED_AT in columns:
        columns[col.CREATED_AT] = columns[col.CREATED_AT].cast(pl.Float64, strict=False)
    return pl.DataFrame(columns)


def _cell(value: Json) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def _texts(frame: pl.DataFrame) -> list[str]:
    described = item_texts(frame.drop(col.ITEM, col.AVAILABLE, col.CREATED_AT, strict=False))
    return described.fill_null("item " + frame[col.ITEM]).to_list()
