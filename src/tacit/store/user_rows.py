"""Users and sessions in the store: what is known of one, joining a session to a user, forgetting.

Of whom is forgotten nothing stays but a *tombstone*: a hash of the id, keyed with a secret of the store
(HMAC-SHA256), so that a snapshot, a backup or a log that still holds the id can be recognised, and nobody
can read the id from it. Tombstones are numbered in the order of their commits, as changes of items are
(`tacit.store.item_rows`): a process asks for those above the number that it knows.

What arrives under a forgotten id belongs to somebody new. A list that was shown before and is written later
(`tacit.engine.exposures`) does not: its time tells.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, select, update
from sqlalchemy.dialects import postgresql

from tacit.core.types import Json
from tacit.store import schema
from tacit.store.item_rows import ITEMS_CHANGED, LAST_NUMBER
from tacit.store.records import CodeOf, Erased, Joined, Known, Subject, Tombstone

LAST_TOMBSTONE = "SELECT coalesce(max(number), 0) FROM tacit_forgotten"
LAST_NUMBERS = f"SELECT ({LAST_NUMBER}), ({LAST_TOMBSTONE})"
"""Numbers of the last change of items and of the last tombstone: one look at both by each request."""
SECRET = "forgetting"  # noqa: S105 - the name of a row
_SECRET_BYTES = 32
_CHUNK = 500
_LOCK = 0x7461636C74
"""Number of the advisory lock in PostgreSQL: who forgets waits for lists that are being written, and these
for whoever forgets."""
_LATE = 1.0
"""Seconds after a tombstone in which a list may still be one that was made before it."""


class StoredUsers:
    """Reads and writes what is stored of users and sessions.

    Parameters
    ----------
    dialect : module
        ``sqlalchemy.dialects.sqlite`` or ``postgresql``.
    """

    def __init__(self, dialect: ModuleType) -> None:
        self._dialect = dialect

    def put(self, connection: Connection, user_id: str, attributes: Mapping[str, Json], at: float) -> None:
        """Store or replace the attributes of a user; what was patched before no longer counts."""
        self._write(connection, schema.user, user_id, attributes, at)
        change = schema.user_change
        its = update(change).where(change.c.user_id == user_id)
        connection.execute(its.values(attributes="{}", at=at))

    def patch(self, connection: Connection, user_id: str, attributes: Mapping[str, Json], at: float) -> None:
        """Set some attributes of a user: of those that were put, or beside those of a snapshot."""
        put, change = (_attributes(connection, one, user_id) for one in (schema.user, schema.user_change))
        table, known = (schema.user_change, change) if put is None else (schema.user, put)
        self._write(connection, table, user_id, {**(known or {}), **attributes}, at)

    def known(self, connection: Connection, subject: Subject, subject_id: str) -> Known:
        """Return all that is stored of a user or a session."""
        its_events, its_lists = (
            _of(schema.event, subject, subject_id),
            _of(schema.exposure, subject, subject_id),
        )
        events = select(schema.event).where(*its_events).order_by(schema.event.c.at, schema.event.c.number)
        lists = select(schema.exposure).where(*its_lists).order_by(schema.exposure.c.at)
        merge, is_user = schema.merge, subject == "user"
        merged = select(merge.c.session_id, merge.c.at).where(merge.c.user_id == subject_id)
        return Known(
            put=_attributes(connection, schema.user, subject_id) if is_user else None,
            patch=(_attributes(connection, schema.user_change, subject_id) or {}) if is_user else {},
            events=[dict(row._mapping) for row in connection.execute(events)],
            exposures=[dict(row._mapping) for row in connection.execute(lists)],
            sessions=[dict(row._mapping) for row in connection.execute(merged)] if is_user else [],
        )

    def merge(self, connection: Connection, user_id: str, session_id: str, at: float) -> Joined:
        """Give the events and the lists of a session to a user; return how many of each.

        The digest of an event stays that of what was sent: a retry by the session is the same event.
        """
        self._alone(connection)
        moved = [
            connection.execute(
                update(table)
                .where(*_of(table, "session", session_id))
                .values(subject="user", subject_id=user_id)
            ).rowcount
            for table in (schema.event, schema.exposure)
        ]
        pair = {"user_id": user_id, "session_id": session_id}
        again = connection.execute(select(schema.merge.c.at).filter_by(**pair)).first() is not None
        if not again:
            connection.execute(schema.merge.insert().values(**pair, at=at))
        return Joined(moved[0], moved[1], again)

    def forget(
        self,
        connection: Connection,
        subject: Subject,
        subject_id: str,
        at: float,
        model: str,
        code_of: CodeOf,
    ) -> Erased:
        """Delete all that is stored of a user or a session, and leave tombstones; return what there was.

        The sessions that were joined with a user go with the user, each with a tombstone of its own: a
        snapshot or a copy of before they were joined holds them under their ids.
        """
        self._alone(connection)
        attributes, merge = 0, schema.merge
        gone: list[tuple[Subject, str]] = [(subject, subject_id)]
        if subject == "user":
            joined = select(merge.c.session_id).where(merge.c.user_id == subject_id)
            gone += [("session", id_) for id_ in connection.execute(joined).scalars()]
            for table in (schema.user, schema.user_change):
                attributes += _deleted(connection, table, (table.c.user_id == subject_id,))
            _deleted(connection, merge, (merge.c.user_id == subject_id,))
        else:
            _deleted(connection, merge, (merge.c.session_id == subject_id,))
        events = sum(_deleted(connection, schema.event, _of(schema.event, *one)) for one in gone)
        lists = sum(_deleted(connection, schema.exposure, _of(schema.exposure, *one)) for one in gone)
        codes = [self._bury(connection, *one, at, model, code_of(*one)) for one in reversed(gone)]
        if self._dialect is postgresql:
            connection.exec_driver_sql(f"NOTIFY {ITEMS_CHANGED}")  # it goes out with the commit
        return Erased(events, lists, attributes > 0, len(gone) - 1, in_model=max(codes) >= 0)

    def _bury(
        self, connection: Connection, subject: Subject, subject_id: str, at: float, model: str, code: int
    ) -> int:
        """Leave the next tombstone, in place of an earlier one; return the code."""
        number = int(connection.exec_driver_sql(LAST_TOMBSTONE).scalar_one()) + 1
        row = {
            "number": number,
            "subject": subject,
            "digest": digest(self.secret(connection), subject, subject_id),
            "at": at,
            "model": model,
            "code": code,
        }
        again = self._dialect.insert(schema.forgotten)
        values = {name: again.excluded[name] for name in ("number", "at", "model", "code")}
        connection.execute(again.on_conflict_do_update(index_elements=["digest"], set_=values), row)
        return code

    def tombstones(self, connection: Connection, since: int) -> list[Tombstone]:
        """Return the tombstones above a number, in their order."""
        table = schema.forgotten
        query = select(table).where(table.c.number > since).order_by(table.c.number)
        return [
            Tombstone(row.number, row.subject, bytes(row.digest), row.at, row.model, row.code)
            for row in connection.execute(query)
        ]

    def secret(self, connection: Connection) -> bytes:
        """Return the secret of the store, which is made when the first one is forgotten."""
        meta = schema.meta
        new = self._dialect.insert(meta).values(key=SECRET, value=os.urandom(_SECRET_BYTES).hex())
        connection.execute(new.on_conflict_do_nothing(index_elements=["key"]))
        return self.known_secret(connection)

    def known_secret(self, connection: Connection) -> bytes:
        """Return the secret of the store; empty before the first one is forgotten."""
        meta = schema.meta
        value = connection.execute(select(meta.c.value).where(meta.c.key == SECRET)).scalar_one_or_none()
        return bytes.fromhex(value or "")

    def put_exposures(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store which lists were shown, but those that were made for somebody who was forgotten since."""
        if self._dialect is postgresql:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")
        ends = self._ends(connection, rows)
        kept = [
            row for row in rows if row["at"] > ends.get((row["subject"], row["subject_id"]), -1.0) + _LATE
        ]
        if kept:
            # Each once: they come again where the database was lost while it was to store them.
            once = self._dialect.insert(schema.exposure).on_conflict_do_nothing()
            connection.execute(once, kept)

    def _ends(
        self, connection: Connection, rows: Sequence[Mapping[str, Any]]
    ) -> dict[tuple[str, str | None], float]:
        """Return when subjects of rows were forgotten; those that were not are not there."""
        if not connection.exec_driver_sql(LAST_TOMBSTONE).scalar_one():
            return {}
        secret, table = self.known_secret(connection), schema.forgotten
        subjects = {(row["subject"], row["subject_id"]) for row in rows if row["subject_id"] is not None}
        by_digest = {digest(secret, *one): one for one in subjects}
        digests, ends = [*by_digest], {}
        for start in range(0, len(digests), _CHUNK):
            some = table.c.digest.in_(digests[start : start + _CHUNK])
            for row in connection.execute(select(table.c.digest, table.c.at).where(some)):
                ends[by_digest[bytes(row.digest)]] = float(row.at)
        return ends

    def _alone(self, connection: Connection) -> None:
        """Wait until nobody writes lists, and make those wait who want to; SQLite has one writer anyway."""
        if self._dialect is postgresql:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    def _write(
        self, connection: Connection, table: Table, user_id: str, attributes: Mapping[str, Json], at: float
    ) -> None:
        row = {"user_id": user_id, "attributes": json.dumps(dict(attributes)), "at": at}
        new = self._dialect.insert(table)
        values = {"attributes": new.excluded.attributes, "at": at}
        connection.execute(new.on_conflict_do_update(index_elements=["user_id"], set_=values), row)


def digest(secret: bytes, subject: str, subject_id: str) -> bytes:
    """Return the keyed hash of a user or a session."""
    return hmac.digest(secret, f"{subject}\0{subject_id}".encode(), hashlib.sha256)


def name_by(digests: Callable[[Subject, list[str]], list[bytes]]) -> str:
    """Return the name of a store among others, which its hashes tell; empty without a secret."""
    return "".join(one.hex()[:16] for one in digests("session", [""]))


def _attributes(connection: Connection, table: Table, user_id: str) -> dict[str, Json] | None:
    """Return the attributes in a row of a user; who writes them next waits for this transaction."""
    query = select(table.c.attributes).where(table.c.user_id == user_id).with_for_update()
    value = connection.execute(query).scalar_one_or_none()
    return None if value is None else json.loads(value)


def _of(table: Table, subject: str, subject_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.subject == subject, table.c.subject_id == subject_id


def _deleted(connection: Connection, table: Table, where: Sequence[ColumnElement[bool]]) -> int:
    return connection.execute(delete(table).where(*where)).rowcount
