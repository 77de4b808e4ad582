"""Looks for damage in a store: every row against its digest, every table against its indexes.

An event, a list that was shown and a vector have digests of their own. The small tables of items and users
have an index of all of their columns in SQLite, which its ``integrity_check`` compares with the table: so a
bit that was changed in either is found. PostgreSQL checks pages by itself where its cluster was made with
checksums (``--data-checksums``).
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from tacit.core.errors import ConfigError
from tacit.store.address import parsed
from tacit.store.database import ANSWER_SECONDS, READ_WAIT_MS, advice, patient_engine, reason
from tacit.store.histories import COLUMNS, fits
from tacit.store.records import row_digest
from tacit.store.store_file import opened
from tacit.store.upgrade import migrations

_MOST = 20
"""Faults of one kind that are told one by one."""
_LISTS = ("recommendation_id", "subject", "subject_id", "model", "items", "at", "propensities", "digest")
_VECTORS = ("item_id", "model", "text_digest", "vector", "digest")

Rows = Callable[[str], Iterator[tuple[Any, ...]]]


@dataclass
class Verified:
    """What a look at a store came to.

    Attributes
    ----------
    faults : list of str
        A sentence each.
    events, lists : int
    without_digest : int
        Lists and vectors that were stored by versions without digests.
    notes : list of str
    """

    faults: list[str]
    events: int = 0
    lists: int = 0
    without_digest: int = 0
    notes: list[str] = field(default_factory=list)


def verify_store(address: str) -> Verified:
    """Return what is wrong with a store, which may be in use.

    Parameters
    ----------
    address : str
        ``sqlite:///FILE`` or ``postgresql://...``.

    Raises
    ------
    ConfigError
        If there is no such store.
    """
    url = parsed(address)
    found = Verified([])
    if url.get_backend_name() == "sqlite":
        file = Path(str(url.database))
        if not file.is_file():
            raise ConfigError(f"there is no file {file}")
        _verify_sqlite(file, found)
        return found
    engine = patient_engine(url, ANSWER_SECONDS)
    try:
        _verify_postgres(engine, found)
    except SQLAlchemyError as error:
        raise ConfigError(f"the store cannot be read: {reason(error)}{advice(error)}") from error
    finally:
        engine.dispose()
    return found


def _verify_sqlite(file: Path, found: Verified) -> None:
    try:
        with closing(opened(file, READ_WAIT_MS, isolation_level=None)) as connection:
            connection.execute("PRAGMA query_only = ON")
            # A text that is no longer UTF-8 is another text, and no end of the look.
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            lines = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_MOST})")]
            found.faults += [f"{file}: {' '.join(line.split())}" for line in lines if line != "ok"]
            _verify_rows(connection.execute, found)
            _verify_version(connection.execute, found)
    except sqlite3.Error as error:
        found.faults.append(f"{file} cannot be read: {reason(error)}")


def _verify_postgres(engine: Engine, found: Verified) -> None:
    with engine.connect() as connection:

        def rows(statement: str) -> Iterator[tuple[Any, ...]]:
            streamed = connection.execution_options(yield_per=5_000)
            return (tuple(row) for row in streamed.exec_driver_sql(statement.replace("?", "%s")))

        _verify_rows(rows, found)
        _verify_version(rows, found)
        (checked,) = (row[0] for row in rows("SELECT current_setting('data_checksums')"))
        if checked != "on":
            found.notes.append(
                "PostgreSQL checks no pages here: items, users and indexes are not verified "
                "(pg_checksums --enable, in a cluster that is stopped)"
            )


def _verify_version(rows: Any, found: Verified) -> None:
    newest = migrations("sqlite")[-1].number
    values = [row[0] for row in rows("SELECT value FROM tacit_meta WHERE key = 'version'")]
    if values != [str(newest)]:
        found.faults.append(f"the version of the store is {values}, not {newest}: start the service once")


def _verify_rows(rows: Any, found: Verified) -> None:
    sessions: dict[str, list[str]] = {}
    for user, session in rows("SELECT user_id, session_id FROM tacit_merge"):
        sessions.setdefault(user, []).append(session)
    for row in rows(f"SELECT {COLUMNS} FROM tacit_event ORDER BY number"):  # noqa: S608
        found.events += 1
        if not _is_whole(row, sessions):
            _tell(found, f"the event {row[0]!r} does not fit its digest")
    for row in rows(f"SELECT {', '.join(_LISTS)} FROM tacit_exposure"):  # noqa: S608
        found.lists += 1
        _verify_row(dict(zip(_LISTS, row, strict=True)), "list", sessions, found)
    for row in rows(f"SELECT {', '.join(_VECTORS)} FROM tacit_item_vector"):  # noqa: S608
        _verify_row(dict(zip(_VECTORS, row, strict=True)), "vector of the item", {}, found)


def _is_whole(row: tuple[Any, ...], sessions: Mapping[str, list[str]]) -> bool:
    return fits(row) or (row[1] == "user" and row[2] in sessions and fits(row, sessions[row[2]]))


def _verify_row(row: dict[str, Any], what: str, sessions: Mapping[str, list[str]], found: Verified) -> None:
    if row["digest"] is None:
        found.without_digest += 1
        return
    row = {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
    senders: list[dict[str, Any]] = [{}] + [
        {"subject": "session", "subject_id": one} for one in sessions.get(str(row.get("subject_id")), [])
    ]
    if not any(row_digest({**row, **sender}) == row["digest"] for sender in senders):
        _tell(found, f"the {what} {next(iter(row.values()))!r} does not fit its digest")


def _tell(found: Verified, fault: str) -> None:
    if len(found.faults) < _MOST:
        found.faults.append(fault)
    elif len(found.faults) == _MOST:
        found.faults.append("... and more")
