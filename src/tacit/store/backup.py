"""Copies of a store, made while it is in use, and the way back, with the deletions that happened since.

A copy of SQLite is made by its backup interface: it is the store as of one moment, in one file, and writers
go on meanwhile. What was deleted after it must not come back with it. The store keeps a keyed hash of
everybody who was forgotten (`tacit.store.user_rows`): a restore takes these from the store that it replaces,
or from a small file, and deletes whoever they fit.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, delete
from sqlalchemy.dialects import postgresql, sqlite

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.places import check_outside_snapshots
from tacit.core.types import Json
from tacit.core.unfinished import unfinished
from tacit.store import schema
from tacit.store.address import check_store_there, sqlite_file
from tacit.store.database import READ_WAIT_MS, reading, reason
from tacit.store.events import EventStore
from tacit.store.lock import StoreLock, Turn
from tacit.store.records import Subject, Tombstone
from tacit.store.store_file import opened
from tacit.store.user_rows import SECRET, StoredUsers, digest

_BACKUPS = "backups"
_SUBJECTS: tuple[tuple[str, str], ...] = (
    ("subject", "SELECT DISTINCT subject, subject_id FROM tacit_event"),
    ("subject", "SELECT DISTINCT subject, subject_id FROM tacit_exposure WHERE subject_id IS NOT NULL"),
    ("user", "SELECT user_id FROM tacit_user"),
    ("user", "SELECT user_id FROM tacit_user_change"),
    ("user", "SELECT user_id FROM tacit_merge"),
    ("session", "SELECT session_id FROM tacit_merge"),
)
_AT_ONCE = 10_000


@dataclass(frozen=True)
class Deletions:
    """Who was forgotten, as keyed hashes: enough to forget them again.

    Attributes
    ----------
    secret : bytes
        Of the store; empty before the first one is forgotten.
    tombstones : list of Tombstone
    """

    secret: bytes
    tombstones: list[Tombstone]

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """Return those of a store."""
        users = _users(connection)
        return cls(users.known_secret(connection), users.tombstones(connection, 0))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return those that `write` wrote.

        Raises
        ------
        ArtifactError
        """
        try:
            raw = json.loads(file.read_text("utf-8"))
            stones = [
                Tombstone(**{**one, "digest": bytes.fromhex(one["digest"])}) for one in raw["tombstones"]
            ]
            return cls(bytes.fromhex(raw["secret"]), stones)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{file} cannot be read as deletions of a store ({error})") from error

    def write(self, file: Path) -> None:
        """Write them whole or not at all, for their owner alone."""
        check_outside_snapshots(file, "the file")
        stones = [{**asdict(one), "digest": one.digest.hex()} for one in self.tombstones]
        document = {"secret": self.secret.hex(), "tombstones": stones}
        with unfinished(file) as beside:
            _publish(beside, file, lambda place: place.write_text(json.dumps(document), "utf-8"))


def back_up(address: str, file: Path) -> None:
    """Copy a SQLite store that may be in use to one file, and note the copy in the store.

    Raises
    ------
    ConfigError
        If there is no such store, the file is there, or it is a store in PostgreSQL: its own tools copy that.
    """
    source = sqlite_file(address)
    if source is None:
        raise ConfigError(
            "a store in PostgreSQL is copied by its own tools: pg_dump --format=custom --file=FILE ADDRESS; "
            "tacit backup --deletions FILE writes who is to be forgotten again after pg_restore"
        )
    _check_there(source)
    _check_free(file)
    with unfinished(file) as beside:
        _publish(beside, file, lambda place: _copy(source, place))
    _note(source, file)


def write_deletions(address: str, file: Path) -> int:
    """Write who was forgotten in a store to a small file and return how many there are.

    Raises
    ------
    ConfigError
        If there is no such store, or the file is there and is something else than earlier deletions of it.
    """
    check_store_there(address)
    with closing(EventStore(address, lock=False)) as store:
        found = _deletions(store)
    if not _is_earlier(file, found):
        _check_free(file)
    found.write(file)
    return len(found.tombstones)


def restore(copy: Path, address: str, deletions: Deletions | None, *, replace: bool = False) -> int:
    """Put a copy in the place of a SQLite store and forget again who was forgotten since.

    Parameters
    ----------
    copy : Path
    address : str
    deletions : Deletions or None
        Beside those of the store that is replaced.
    replace : bool
        Whether a store may be replaced.

    Returns
    -------
    int
        How many users and sessions of the copy were forgotten again.

    Raises
    ------
    ConfigError
        If the store is in use or must not be replaced.
    ArtifactError
        If the copy is damaged, or the deletions of the store that is replaced cannot be read.
    """
    target = sqlite_file(address)
    if target is None:
        raise ConfigError(
            "a copy of PostgreSQL is restored by pg_restore; then run tacit restore --store ADDRESS "
            "--deletions FILE without a copy"
        )
    check_outside_snapshots(target, "the store")
    _check_there(copy)
    if target.exists() and not replace:
        raise ConfigError(f"{target} is there; give --replace to put the copy in its place")
    held = StoreLock(target) if target.exists() else None  # refuses one that is in use
    try:
        with unfinished(target) as beside:
            whole = beside / "store"
            _copy(copy, whole)
            known = [] if deletions is None else [deletions]
            if held is not None:
                known += _of_replaced(target, needed=deletions is None)
            with closing(EventStore(f"sqlite:///{whole}")) as store:
                again = sum(forget_again(store, one) for one in known)
            for suffix in ("-wal", "-shm"):
                target.with_name(target.name + suffix).unlink(missing_ok=True)
            _publish(beside, target, lambda place: whole.rename(place))
    finally:
        if held is not None:
            held.close()
    return again


def forget_again(store: EventStore, deletions: Deletions) -> int:
    """Delete from a store all who were forgotten but are in it, and keep their tombstones with their numbers.

    Raises
    ------
    ArtifactError
        If the deletions are those of another store.
    """
    own = _deletions(store)
    if own.secret and deletions.secret and own.secret != deletions.secret:
        raise ArtifactError("the deletions are those of another store: its copies and it share one secret")
    done = {(one.digest, one.number) for one in own.tombstones}
    new = {one.digest: one for one in deletions.tombstones if (one.digest, one.number) not in done}
    if not new:
        return 0
    store.write(lambda connection: _put_secret(connection, deletions.secret))
    found = 0
    for subject, subject_id in _subjects(store):
        if digest(deletions.secret, subject, subject_id) in new:
            stone = new[digest(deletions.secret, subject, subject_id)]
            kind: Subject = "user" if subject == "user" else "session"
            store.forget(kind, subject_id, _constant(stone.at))
            found += 1
    stones = {one.digest: one for one in sorted([*own.tombstones, *new.values()], key=lambda one: one.number)}
    last = max(one.number for one in stones.values())
    # Sessions that the copy had joined with one of them: nobody knew of these when the deletion was noted.
    joined = [one for one in _deletions(store).tombstones if one.digest not in stones]
    more = [replaced(one, number=last + place) for place, one in enumerate(joined, 1)]
    store.write(lambda connection: _put_tombstones(connection, [*stones.values(), *more]))
    return found


def _constant(at: float) -> Callable[[], float]:
    return lambda: at


def _subjects(store: EventStore) -> Iterator[tuple[str, str]]:
    """Yield all users and sessions that a store knows, each once or more."""
    found: set[tuple[str, str]] = set()
    with reading(store.engine) as connection:
        for kind, query in _SUBJECTS:
            for row in connection.exec_driver_sql(query):
                found.add((row[0], row[1]) if kind == "subject" else (kind, row[0]))
    yield from sorted(found)


def _deletions(store: EventStore) -> Deletions:
    with reading(store.engine) as connection:
        return Deletions.of(connection)


def _of_replaced(target: Path, *, needed: bool) -> list[Deletions]:
    """Return who was forgotten in a store that is about to be replaced, which this process holds."""
    try:
        with closing(EventStore(f"sqlite:///{target}", lock=False)) as store:
            return [_deletions(store)]
    except (ArtifactError, ConfigError) as error:
        if not needed:
            return []
        raise ArtifactError(
            f"who was forgotten since cannot be read from {target} ({error}); give --deletions FILE, or move "
            "it away: then nobody is forgotten again"
        ) from error


def _put_secret(connection: Connection, secret: bytes) -> None:
    table = schema.meta
    insert = _dialect(connection).insert(table).values(key=SECRET, value=secret.hex())
    connection.execute(insert.on_conflict_do_nothing(index_elements=["key"]))


def _put_tombstones(connection: Connection, stones: list[Tombstone]) -> None:
    connection.execute(delete(schema.forgotten))
    connection.execute(schema.forgotten.insert(), [asdict(one) for one in stones])


def _copy(source: Path, target: Path) -> None:
    """Copy a SQLite store, as of one moment, to a file without a log.

    Raises
    ------
    ArtifactError
        If the source is damaged or no store.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(_opened(source)) as read, closing(_created(target)) as written:
            read.execute("PRAGMA query_only = ON")
            read.backup(written)  # in one step: the copy is of one moment, and writers go on
            written.execute("PRAGMA journal_mode = DELETE")
            (found,) = written.execute("PRAGMA integrity_check(1)").fetchone()
            written.execute("SELECT value FROM tacit_meta WHERE key = 'version'").fetchone()
    except sqlite3.Error as error:
        raise ArtifactError(f"{source} cannot be copied as a store: {reason(error)}") from error
    if found != "ok":
        raise ArtifactError(f"{source} is damaged: {found}; see tacit verify")


def _note(source: Path, file: Path) -> None:
    """Note in a store where a copy of it is: whoever forgets a user is told of it."""
    turn = Turn(source, ".turn")
    try:
        with turn, closing(_opened(source)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            row = connection.execute("SELECT value FROM tacit_meta WHERE key = ?", (_BACKUPS,)).fetchone()
            known: list[Json] = json.loads(row[0]) if row is not None else []
            known.append({"file": str(file.resolve()), "at": time.time()})
            connection.execute(
                "INSERT INTO tacit_meta (key, value) VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (_BACKUPS, json.dumps(known)),
            )
            connection.execute("COMMIT")
    finally:
        turn.close()


def _publish(beside: Path, target: Path, write: Any) -> None:
    """Write a file beside its place, flush it, and rename it to its place."""
    place = beside / "whole"
    write(place)
    place.chmod(0o600)
    for one in (place, None):
        if one is None:
            place.rename(target)
        descriptor = os.open(target.parent if one is None else one, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _created(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None)


def _is_earlier(file: Path, deletions: Deletions) -> bool:
    """Return whether a file holds no other deletions than these."""
    try:
        known = Deletions.read(file)
    except ArtifactError:
        return False
    if known.secret not in (b"", deletions.secret):
        return False
    digests = {one.digest for one in deletions.tombstones}
    return all(one.digest in digests for one in known.tombstones)


def _opened(file: Path) -> sqlite3.Connection:
    return opened(file, READ_WAIT_MS, isolation_level=None)


def _check_there(file: Path) -> None:
    if not file.is_file():
        raise ConfigError(f"there is no file {file}")


def _check_free(file: Path) -> None:
    check_outside_snapshots(file, "the copy")
    if file.exists():
        raise ConfigError(f"{file} is there; a copy replaces nothing, choose another name")
    if not file.parent.is_dir():
        raise ConfigError(f"there is no directory {file.parent}")


def _users(connection: Connection) -> StoredUsers:
    return StoredUsers(_dialect(connection))


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite
