"""Users and sessions of a running engine: what is known of one, joining, changing and forgetting."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tacit.core.clock import Clock
from tacit.core.errors import DataError
from tacit.core.types import Json
from tacit.engine.attributes import checked_user
from tacit.engine.checking import checked_id
from tacit.engine.current_state import CurrentState
from tacit.engine.forgetting import kept_until_refit, name_in_log
from tacit.engine.state import State
from tacit.store.events import EventStore
from tacit.store.records import Known, Subject


class UnknownUserError(DataError):
    """Nothing is known of such a user or session."""


@dataclass(frozen=True)
class Merged:
    """What became of a session that was joined with a user.

    Attributes
    ----------
    user_id, session_id : str
    events, exposures : int
        How many became the user's: none where this was done before.
    warnings : list of str
        What is odd: nothing was ever stored of the session.
    """

    user_id: str
    session_id: str
    events: int
    exposures: int
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Forgotten:
    """What became of a user or a session that was deleted.

    Attributes
    ----------
    events, exposures, sessions : int
        How many were deleted from the store: events, shown lists, and joined sessions.
    attributes : bool
        Whether there were any.
    store : {"erased", "erasing", "deleted"}
        Whether the bytes are gone from the files of the store, or will be as soon as nobody reads old ones;
        of PostgreSQL only that the rows are deleted.
    snapshot : {"absent", "hidden"}
        Whether the model knew the user or one of the sessions: if so, the history there counts no more, and
        the snapshot is to be written again without it.
    kept_until_refit : list of str
        Parts of the model that are not solved again without the user.
    backups : list
        Copies of the store that the store knows of; they may hold what was deleted.
    """

    events: int
    exposures: int
    sessions: int
    attributes: bool
    store: str
    snapshot: str = "absent"
    kept_until_refit: list[str] = field(default_factory=list)
    backups: list[dict[str, Json]] = field(default_factory=list)


class Users:
    """Users and sessions by their ids.

    Parameters
    ----------
    current : CurrentState
    store : EventStore or None
        Without one only the snapshot is known, and nothing can be changed.
    clock : Clock
    """

    def __init__(self, current: CurrentState, store: EventStore | None, clock: Clock) -> None:
        self._current, self._store, self._clock = current, store, clock

    def known(self, subject: Subject, subject_id: str) -> dict[str, Json]:
        """Return all that is known of a user or a session, as JSON.

        Raises
        ------
        UnknownUserError
        StorageError
        """
        state = self._state
        id_ = self._checked(subject, subject_id, state)
        stored = Known(None, {}, [], [], []) if self._store is None else self._store.known(subject, id_)
        code = state.user_code(name_in_log(subject, id_))
        if not stored and code < 0:
            raise UnknownUserError(f"nothing is known of the {subject} {id_!r}")
        known: dict[str, Json] = {
            "events": _events(stored),
            "exposures": _exposures(stored),
            "history": _history(state, code),
        }
        if subject == "user":
            known["attributes"] = {**(stored.put or {}), **stored.patch}
            known["sessions"] = [
                {"session_id": row["session_id"], "timestamp": row["at"]} for row in stored.sessions
            ]
            known["traits"] = _traits(state, code)
        return {f"{subject}_id": id_, **known, "model": state.snapshot.version}

    def patch(self, user_id: str, attributes: Mapping[str, Json]) -> None:
        """Set some attributes of a user and keep the others; what is None is kept too.

        Raises
        ------
        UnknownUserError
        DataError
            If the id or an attribute is out of bounds.
        StorageError
        """
        state, store = self._state, self._needed
        id_ = self._checked("user", user_id, state)
        given = {name: value for name, value in checked_user(attributes).items() if value is not None}
        stored = store.recent("user", id_, 1) or any(store.user_attributes(id_))
        if not stored and state.user_code(id_) < 0:
            raise UnknownUserError(f"nothing is known of the user {id_!r}; PUT stores attributes")
        if given:
            store.patch_user(id_, given, self._clock.now())

    def merge(self, user_id: str, session_id: str) -> Merged:
        """Give all events and lists of a session to a user; the second time nothing is left to give.

        Raises
        ------
        DataError
            If an id is out of bounds.
        StorageError
        """
        state, store = self._state, self._needed
        user, session = self._checked("user", user_id, state), self._checked("session", session_id, state)
        joined = store.merge(user, session, self._clock.now())
        learned = state.user_code(name_in_log("session", session)) >= 0
        known = joined.events or joined.exposures or joined.again or learned
        warnings = [] if known else [f"nothing is stored of the session {session!r}"]
        return Merged(user, session, joined.events, joined.exposures, warnings)

    def forget(self, subject: Subject, subject_id: str) -> Forgotten:
        """Delete a user or a session; a second time there is nothing left to delete, and that is no error.

        Raises
        ------
        DataError
            If the id is out of bounds.
        StorageError
            If the store refuses; nothing is deleted then.
        """
        state, store = self._state, self._needed
        id_ = self._checked(subject, subject_id, state)
        snapshot = state.snapshot
        users = snapshot.interactions.users

        def code_of(kind: Subject, its_id: str) -> int:
            return users.code_of(name_in_log(kind, its_id))

        gone = store.forget(subject, id_, self._clock.now, snapshot.version, code_of)
        self._current.catch_up()
        files = "deleted" if not store.is_local else "erased" if gone.from_disk else "erasing"
        return Forgotten(
            events=gone.events,
            exposures=gone.exposures,
            sessions=gone.sessions,
            attributes=gone.attributes,
            store=files,
            snapshot="hidden" if gone.in_model else "absent",
            kept_until_refit=kept_until_refit(snapshot) if gone.in_model else [],
            backups=store.backups(),
        )

    def on_unwritten(self, directory: str, tell: Callable[[], None]) -> None:
        """Call a function, in a thread, whenever a snapshot of a directory may hold deleted users."""
        store = self._store
        if store is None:
            return

        def noticed(number: int, held: bool) -> None:
            if held or number > store.rewritten(directory):
                tell()

        self._current.on_forgotten = noticed

    @property
    def _state(self) -> State:
        self._current.catch_up()
        return self._current.state

    @property
    def _needed(self) -> EventStore:
        if self._store is None:
            raise DataError("this engine has no store; open it with one to keep and forget users")
        return self._store

    def _checked(self, subject: Subject, subject_id: str, state: State) -> str:
        rules = state.snapshot.id_rules if subject == "user" else ()
        return checked_id(subject_id, f"{subject}_id", rules)


_MORE_OF_EVENTS = ("given_at", "received", "recommendation_id", "position", "source")


def _events(stored: Known) -> list[Json]:
    return [
        {
            "event_id": row["event_id"],
            "item_id": row["item_id"],
            "event": row["event"],
            "timestamp": row["at"],
            "value": row["value"],
            **{name: row[name] for name in _MORE_OF_EVENTS if row[name] is not None},
        }
        for row in stored.events
    ]


def _exposures(stored: Known) -> list[Json]:
    """Return the lists that were shown; ``items`` is JSON already, as it is stored."""
    return [
        {
            "recommendation_id": row["recommendation_id"],
            "model": row["model"],
            "timestamp": row["at"],
            "items": json.loads(row["items"]),
            **({"propensities": json.loads(row["propensities"])} if row["propensities"] else {}),
        }
        for row in stored.exposures
    ]


def _history(state: State, code: int) -> list[Json]:
    """Return the history of a user in the snapshot, the oldest event first."""
    if code < 0:
        return []
    log = state.snapshot.interactions
    start, stop = log.offsets[code : code + 2].tolist()
    rows = zip(
        state.catalogue.items.decode(log.item[start:stop]),
        [log.kinds[kind] for kind in log.kind[start:stop].tolist()],
        log.at[start:stop].tolist(),
        log.weight[start:stop].tolist(),
        strict=True,
    )
    return [
        {"item_id": item, "event": event, "timestamp": at, "weight": weight}
        for item, event, at, weight in rows
    ]


def _traits(state: State, code: int) -> dict[str, Json]:
    """Return what the snapshot knows of a user besides: the numbers that models see."""
    log = state.snapshot.interactions
    known = log.traits[code].tolist() if 0 <= code < len(log.traits) else []
    return dict(zip(log.trait_columns.names, known, strict=False))
