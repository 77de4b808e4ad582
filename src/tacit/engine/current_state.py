"""The state that requests read, and how it follows the items in the store, whichever process changed them.

The store numbers changes of items. A process knows all changes up to one number and asks for those above it,
also after a change of its own. So all processes make the same changes in the same order, and give new items
the same codes. What a process cannot know is the vector of a text that another one encoded: it is stored with
the item, for the same model. Where it is missing, a thread encodes the text, and lists go on without the
change meanwhile; only that the item is hidden or deleted counts at once.

Tombstones of users are followed in the same way (`tacit.engine.forgetting`): the history of a user in the
snapshot counts no more at once; that nobody finds it as a neighbour takes new models, so the thread makes
those, once for all that came meanwhile. That models forget the events that they followed takes longer: see
`tacit.engine.updates`.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import numpy as np

from tacit.core.clock import Clock
from tacit.core.types import Json
from tacit.data import columns as col
from tacit.engine.aside import Aside
from tacit.engine.forgetting import forgotten_codes, forgotten_since
from tacit.engine.items import only_listing
from tacit.engine.snapshot import Snapshot
from tacit.engine.state import Draft, State, TextsWaitingError
from tacit.pipeline.twostage import TwoStage
from tacit.store.events import EventStore, StorageError
from tacit.store.records import ItemChange, ItemRow, TextVector, Tombstone

_PAUSE = 0.25
"""Seconds after which the thread looks for changes although no request did."""
_LONGEST_WAIT = 0.5
"""Seconds that a list waits for another thread that makes changes; then it goes on without them."""
_APART, _REST = 1.0, 20.0
"""Seconds between two copies of the models that hold users, each without those who were deleted: at least so
many, and so many times what the last one took."""
_CHUNK = 1_024
"""Most texts that are encoded before their items are added."""
_SHORTEST_RETRY, _LONGEST_RETRY = 1.0, 30.0
"""Seconds until a text that could not be encoded is tried again; each time twice as long."""
_FAILURES = 3
"""After so many failures in a row the encoder counts as gone, and the other texts are left for later."""
_log = logging.getLogger(__name__)


@dataclass
class _Waiting:
    """A text that waits for the encoder: when to try it again, and how long to wait after that."""

    text: str
    at: float = 0.0
    pause: float = field(default_factory=lambda: _SHORTEST_RETRY)

    def later(self, now: float) -> "_Waiting":
        """Return it after it could not be encoded."""
        return _Waiting(self.text, now + self.pause, min(2 * self.pause, _LONGEST_RETRY))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A state of another snapshot, to be served from one moment on.

    Attributes
    ----------
    state : State
        With all that was stored of items, and without the users who were forgotten, when it was prepared.
    """

    state: State
    seen: int
    seen_tombstones: int
    waiting: dict[str, _Waiting]


class CurrentState:
    """A state that is replaced in one assignment; safe to use from many threads.

    Parameters
    ----------
    snapshot : Snapshot
    store : EventStore or None
        Without one the state is that of the snapshot.
    clock : Clock
        Tells when items expire.
    aside : Aside
        Reads for lists.

    Attributes
    ----------
    state : State
        As of the last `catch_up` or `soon`.
    failing : bool
        Whether the store could not be read then.
    on_forgotten : callable or None
        Called in the thread when there are other tombstones, or another snapshot, with the number of the last
        tombstone and whether the snapshot holds a user who was forgotten.
    """

    def __init__(self, snapshot: Snapshot, store: EventStore | None, clock: Clock, aside: Aside) -> None:
        self._store = store
        self._clock = clock
        self._aside = aside
        # What many changes take to read must not keep lists from their events: they have their own.
        self._changes_aside = Aside("tacit-changes", aside.seconds)
        self._lags = False
        self._applying = threading.Lock()
        """Held while the state is replaced, and never while a text is encoded."""
        self._seen = self._seen_tombstones = 0
        self._unlearned, self._unlearn_at = 0, 0.0
        """Number of the tombstone up to which models know nobody, and when to look again."""
        self._waiting: dict[str, _Waiting] = {}
        """Items whose texts wait for the encoder, by id; each has its own pause, so none holds up another."""
        self.failing = False
        self.on_forgotten: Callable[[int, bool], None] | None = None
        self._last_notice: tuple[str, int] | None = None
        self._wake, self._closing = threading.Event(), threading.Event()
        self.state = State.of(snapshot)
        if store is None:
            return
        self.swap(snapshot)
        store.on_items_changed(self._wake.set)
        self._thread = threading.Thread(target=self._run, args=(store,), name="tacit-items", daemon=True)
        self._thread.start()

    def catch_up(self) -> None:
        """Make all changes of items that were acknowledged before, by any process; 5 us if there are none.

        Forget the users who were deleted, and hide the items that have expired. If the store cannot be read,
        the state stays as it is; if another thread needs long for the changes, as it was.
        """
        if self._store is None:
            return
        try:
            if self._is_behind(self._store):
                self._follow_soon(self._store)
            self._note(None)
        except StorageError as error:
            self._note(error)
        self._hide_expired()

    def soon(self, until: float) -> tuple[State, bool]:
        """Return the state after the changes of items that can be read in time, and whether those are all.

        It is called for every list. The thread that follows makes the changes that a list did not wait for.

        Parameters
        ----------
        until : float
            Deadline of the reads (`Aside.deadline`). To make the changes that were read takes what it takes.
        """
        if self._store is None:
            return self.state, True
        try:
            whole = self._look(self._store, until)
            self._note(None)
        except StorageError as error:
            whole = False
            self._note(error)
            self._wake.set()
        self._hide_expired()
        return self.state, whole

    def _look(self, store: EventStore, until: float) -> bool:
        """Make the changes that can be read in time; return whether those are all."""
        if store.is_local:  # the file that gives the numbers will give the changes: many may take a while
            items, tombstones = self._aside.read(store.numbers, until)
            until = time.monotonic() + _LONGEST_WAIT
        else:
            items, tombstones = store.numbers()
        if tombstones > self._seen_tombstones and not self._look_at_tombstones(store, until):
            return False
        if (seen := self._seen) >= items:
            return True
        rows = self._changes_aside.read(lambda: store.item_rows(seen), until)
        with self._in_turn() as mine:
            if mine and self._seen == seen:  # no other thread was first
                self._take(rows)
            return mine

    def _look_at_tombstones(self, store: EventStore, until: float) -> bool:
        seen, snapshot = self._seen_tombstones, self.state.snapshot

        def read() -> tuple[list[Tombstone], frozenset[int]]:
            stones = store.tombstones(seen)
            return stones, forgotten_codes(stones, snapshot, store)

        stones, gone = self._changes_aside.read(read, until)
        with self._in_turn() as mine:
            if mine and stones and self._seen_tombstones == seen and self.state.snapshot is snapshot:
                self._forget(stones, gone)
            return mine

    @contextmanager
    def _in_turn(self) -> Iterator[bool]:
        """Let a list change the state; False where another thread needs long for that.

        A list does not wait for a thread that an earlier list has waited for in vain.
        """
        mine = self._applying.acquire(timeout=0.0 if self._lags else _LONGEST_WAIT)
        self._lags = not mine
        try:
            yield mine
        finally:
            if mine:
                self._applying.release()

    def _hide_expired(self) -> None:
        now = self._clock.now()
        if self.state.expires and self.state.next_end <= now:
            with self._in_turn() as mine:
                if mine:
                    self.state = self.state.at(now)

    def _note(self, error: StorageError | None) -> None:
        if error is not None and not self.failing:
            _log.warning("answering without the latest changes of items: %s", error)
        self.failing = error is not None

    def change(
        self,
        store: EventStore,
        prepared: Callable[[State], Sequence[ItemChange]],
        now: float,
        vectors: Mapping[str, TextVector],
        draft: Draft | None = None,
    ) -> None:
        """Store changes of items and make them, with all that came before them.

        Parameters
        ----------
        store : EventStore
        prepared : callable
            Returns the changes to make in a state; what it raises ends this call.
        now : float
        vectors : mapping of str to TextVector
            Of texts that were encoded for these changes, by item id.
        draft : Draft, optional
            Of an earlier try.

        Raises
        ------
        TextsWaitingError
            If further texts are to be encoded first, in nobody's turn: no other change waits for them.
        StorageError
            If the store refuses; nothing changes then.
        """
        with store.item_turn():
            self._change(store, prepared, now, vectors, draft)

    @property
    def tombstones(self) -> int:
        """The number of the last tombstone that the state knows."""
        return self._seen_tombstones

    def replace(self, base: State, newer: State) -> bool:
        """Use a state that was made from another one, unless that was replaced meanwhile; return whether."""
        with self._applying:
            if self.state is not base:
                return False
            self.state = newer
        return True

    def swap(self, snapshot: Snapshot) -> None:
        """Use another snapshot from now on, with all that was stored of items.

        Raises
        ------
        StorageError
            If the store cannot be read; the state stays as it is then.
        """
        self.adopt(self.prepared(snapshot))

    def prepared(self, snapshot: Snapshot) -> Prepared:
        """Return the state of another snapshot; the one that is served does not change.

        Raises
        ------
        StorageError
            If the store cannot be read.
        """
        state, seen, last = State.of(snapshot), 0, 0
        texts: dict[str, str] = {}
        if self._store is not None:
            rows = self._store.item_rows()
            seen = max((row.number for row in rows), default=0)
            state, texts = _first_state(state, rows, self._store)
            last = forgotten_since(snapshot.facts, self._store)
            stones = self._store.tombstones(last)
            last = stones[-1].number if stones else last
            state = replace(state, forgotten=forgotten_codes(stones, snapshot, self._store))
            state = replace(state, pipeline=_without_users(state, state.forgotten))
        now = time.monotonic()
        waiting = {id_: _Waiting(text).later(now) for id_, text in texts.items()}
        return Prepared(state, max(0, seen), last, waiting)

    def adopt(self, prepared: Prepared, over: Snapshot | None = None) -> bool:
        """Use a prepared state from now on; the next list makes the changes that came meanwhile.

        Parameters
        ----------
        prepared : Prepared
        over : Snapshot, optional
            Only if this is the one that is used until now.

        Returns
        -------
        bool
            Whether it is used.
        """
        with self._applying:
            if over is not None and self.state.snapshot is not over:
                return False
            self.state, self._seen, self._waiting = prepared.state, prepared.seen, prepared.waiting
            self._seen_tombstones = self._unlearned = prepared.seen_tombstones
        return True

    def close(self) -> None:
        """Stop following."""
        self._closing.set()
        self._wake.set()
        self._changes_aside.close()
        if self._store is not None:
            self._thread.join()

    def _change(
        self,
        store: EventStore,
        prepared: Callable[[State], Sequence[ItemChange]],
        now: float,
        vectors: Mapping[str, TextVector],
        draft: Draft | None,
    ) -> None:
        self.catch_up()
        while True:
            base = self.state
            changes = prepared(base)
            grown = base.changed(changes, vectors, wait=False, draft=draft)
            own = grown.text_vectors(list(dict.fromkeys(_with_texts(changes))))
            # Whoever sees the new number before the new state waits here, and does not make it anew.
            with self._applying:
                if self.state is not base:  # the thread added an item that had waited
                    continue
                numbers = store.change_items(changes, now, own)
                if numbers.first > self._seen + 1:  # the store could not be read before
                    self._follow(store)
                else:
                    self.state, self._seen = grown, numbers.last
                    for change in changes:
                        if change.kind == "put":
                            self._waiting.pop(change.item_id, None)
            return

    def _follow_soon(self, store: EventStore) -> None:
        """Follow, or wait for the thread that does: not long, since the first change copies every array."""
        if not self._applying.acquire(timeout=_LONGEST_WAIT):
            return
        try:
            if self._is_behind(store):  # no other thread was first
                self._follow(store)
        finally:
            self._applying.release()

    def _is_behind(self, store: EventStore) -> bool:
        items, tombstones = store.numbers()
        return items > self._seen or tombstones > self._seen_tombstones

    def _follow(self, store: EventStore) -> None:
        if stones := store.tombstones(self._seen_tombstones):
            self._forget(stones, forgotten_codes(stones, self.state.snapshot, store))
        self._take(store.item_rows(self._seen))

    def _forget(self, stones: Sequence[Tombstone], gone: frozenset[int]) -> None:
        """Forget users whose tombstones were read after those that are known."""
        self.state = replace(self.state, forgotten=self.state.forgotten | gone)
        self._seen_tombstones = stones[-1].number
        self._wake.set()

    def _take(self, rows: Sequence[ItemRow]) -> None:
        """Make changes that were read after those that are known."""
        if rows:
            self._apply(rows, {})
            self._seen = max(row.number for row in rows)

    def _apply(self, rows: Sequence[ItemRow], vectors: Mapping[str, TextVector]) -> None:
        known = {row.item_id for row in rows if row.put_number is None or row.put_number <= self._seen}
        self.state, texts = _with_rows(self.state, rows, known - self._waiting.keys(), vectors)
        for row in rows:
            self._waiting.pop(row.item_id, None)
        if texts:
            self._waiting |= {id_: _Waiting(text) for id_, text in texts.items()}
            self._wake.set()

    def _run(self, store: EventStore) -> None:
        while not self._closing.is_set():
            self._wake.wait(_PAUSE)
            self._wake.clear()
            try:
                self.catch_up()
                self._unlearn()
                self._tell_forgotten()
                while self._encode_waiting(store):
                    pass
            except StorageError as error:
                _log.warning("texts that were encoded wait for the store: %s", error)
                self._closing.wait(_SHORTEST_RETRY)
            except Exception:  # it must follow for as long as the service runs
                _log.exception("changes of items could not be followed; trying again")
                self._closing.wait(_SHORTEST_RETRY)

    def _tell_forgotten(self) -> None:
        notice = self.state.snapshot.version, self._seen_tombstones
        if self.on_forgotten is not None and notice != self._last_notice:
            self._last_notice = notice
            self.on_forgotten(self._seen_tombstones, bool(self.state.forgotten))

    def _unlearn(self) -> None:
        """Take those who were deleted out of the neighbours, while lists go on; those of a while together."""
        number, begun = self._seen_tombstones, time.monotonic()
        if number == self._unlearned or begun < self._unlearn_at:
            return
        while number > self._unlearned and not self._closing.is_set():
            base = self.state
            pipeline = _without_users(base, base.forgotten)
            with self._applying:
                if self.state.pipeline is base.pipeline:
                    self.state, self._unlearned = replace(self.state, pipeline=pipeline), number
        self._unlearn_at = time.monotonic() + max(_APART, _REST * (time.monotonic() - begun))

    def _encode_waiting(self, store: EventStore) -> bool:
        """Encode the texts of items that wait, and add these items; False if none is to be tried now."""
        now = time.monotonic()
        with self._applying:
            base = self.state
            due = {id_: one for id_, one in self._waiting.items() if one.at <= now}
        texts = {id_: one.text for id_, one in [*due.items()][:_CHUNK]}
        if not texts:
            return False
        found = _encoded(base, texts)
        with self._applying:
            for id_ in texts.keys() - found.keys():
                if self._waiting.get(id_) is due[id_]:
                    self._waiting[id_] = due[id_].later(time.monotonic())
            if found and self.state.encoder is base.encoder:
                self._apply(store.item_rows_of([*found]), found)
        with suppress(StorageError):  # it saves others the work, no more
            store.put_vectors(found)
        return not self._closing.is_set()


def _without_users(state: State, gone: Collection[int]) -> TwoStage:
    """Return the pipeline of a state, in which some users (codes) are nobody's neighbours."""
    if not gone:
        return state.pipeline
    mask = np.zeros(state.snapshot.interactions.n_users, dtype=bool)
    mask[[*gone]] = True
    return state.pipeline.without_users(mask)


def with_stored(state: State, rows: Sequence[ItemRow]) -> State:
    """Return a state with all that a store holds of items; texts without vectors are encoded now.

    Items whose texts cannot be encoded are hidden.
    """
    grown, texts = _with_rows(state, rows, frozenset(), {})
    return _with_rows(state, rows, frozenset(), _encoded(state, texts))[0] if texts else grown


def _first_state(state: State, rows: Sequence[ItemRow], store: EventStore) -> tuple[State, dict[str, str]]:
    """Return a state with all stored items, and the texts of those that could not be encoded."""
    if not rows:
        return state, {}
    grown, texts = _with_rows(state, rows, frozenset(), {})
    if texts:  # all at once again, so that new items have the codes that other processes give them
        ids = [*texts]
        found: dict[str, TextVector] = {}
        for start in range(0, len(ids), _CHUNK):
            chunk = _encoded(state, {id_: texts[id_] for id_ in ids[start : start + _CHUNK]})
            found |= chunk
            if not chunk:  # the encoder is gone: the thread tries again
                break
        with suppress(StorageError):
            store.put_vectors(found)
        grown, texts = _with_rows(state, rows, frozenset(), found)
    put = [row.item_id for row in rows if row.stored.put is not None]
    if unread := [warning for id_ in put for warning in grown.warnings_of(id_)]:
        _log.warning("%d of %d stored items: %s", len(unread), len(put), unread[0])
    return grown, texts


def _with_rows(
    state: State,
    rows: Sequence[ItemRow],
    put_before: frozenset[str] | set[str],
    vectors: Mapping[str, TextVector],
) -> tuple[State, dict[str, str]]:
    """Return a state after what is stored of items, and the texts of items that wait for their vectors.

    Parameters
    ----------
    state : State
    rows : sequence of ItemRow
    put_before : set of str
        Items whose put the state has already.
    vectors : mapping of str to TextVector
        Further vectors by item id.
    """
    changes = [change for row in rows for change in _changes_of(row, state, row.item_id in put_before)]
    found = {row.item_id: row.vector for row in rows if row.vector is not None} | dict(vectors)
    try:
        return (state.changed(changes, found, wait=False) if changes else state), {}
    except Exception as error:
        texts = error.texts if isinstance(error, TextsWaitingError) else {}
        waiting = [row for row in rows if row.item_id in texts]
        if waiting:
            ready = [row for row in rows if row.item_id not in texts]
            state, further = _with_rows(state, ready, put_before, vectors)
            return _hidden(state, waiting), {row.item_id: texts[row.item_id] for row in waiting} | further
        if len(rows) == 1:
            _log.exception("the stored item %r cannot be served", rows[0].item_id)
            return state, {}
        half = len(rows) // 2
        state, first = _with_rows(state, rows[:half], put_before, vectors)
        state, second = _with_rows(state, rows[half:], put_before, vectors)
        return state, first | second


def _changes_of(row: ItemRow, state: State, put_before: bool) -> list[ItemChange]:
    """Return what is stored of an item as changes of a state."""
    id_, stored = row.item_id, row.stored
    changes = []
    if stored.put is not None and not put_before:
        # Older versions took such a put for a change of the availability alone, as their manual had it.
        bare = (
            (row.put_number or 0) < 0 and only_listing(stored.put) and id_ in state.snapshot.catalogue.items
        )
        given: Mapping[str, Json] = {col.AVAILABLE: stored.put[col.AVAILABLE]} if bare else stored.put
        changes.append(ItemChange(id_, "patch" if bare else "put", given))
    elif id_ in state.deleted or id_ not in state.catalogue.items:
        return []
    if stored.patch:
        changes.append(ItemChange(id_, "patch", stored.patch))
    if stored.deleted:
        changes.append(ItemChange(id_, "delete"))
    return changes


def _hidden(state: State, waiting: Sequence[ItemRow]) -> State:
    """Return a state in which items that wait for vectors are hidden or deleted, if they are to be."""
    changes = []
    for row in waiting:
        id_, stored = row.item_id, row.stored
        if id_ in state.deleted or id_ not in state.catalogue.items:
            continue
        available = {**(stored.put or {}), **stored.patch}.get(col.AVAILABLE)
        if stored.deleted:
            changes.append(ItemChange(id_, "delete"))
        elif isinstance(available, bool):
            changes.append(ItemChange(id_, "patch", {col.AVAILABLE: available}))
    return state.changed(changes) if changes else state


def _encoded(state: State, texts: Mapping[str, str]) -> dict[str, TextVector]:
    """Return the vectors of texts by item id, without those that cannot be encoded."""
    try:
        return state.encoded(texts)
    except Exception as error:
        _log.warning("%d items wait for the text encoder: %s", len(texts), error)
    found: dict[str, TextVector] = {}
    failures = 0
    for id_, text in texts.items() if len(texts) > 1 else ():
        try:
            found |= state.encoded({id_: text})
            failures = 0
        except Exception as error:
            failures += 1
            _log.warning("the text of the item %r cannot be encoded: %s", id_, error)
        if failures == _FAILURES:
            break
    return found


def _with_texts(changes: Sequence[ItemChange]) -> list[str]:
    """Return the items whose text may change."""
    return [
        change.item_id
        for change in changes
        if change.kind == "put" or (change.kind == "patch" and change.attributes.keys() - {col.AVAILABLE})
    ]
