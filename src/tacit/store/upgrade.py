"""Numbered migrations that bring a store to the schema of this version of Tacit.

A migration is a pair of SQL files in ``migrations/``: ``NNN_what.sqlite.sql`` and
``NNN_what.postgresql.sql``. A store keeps the number of its last migration as ``version`` in the table
``tacit_meta``. Each migration runs in one transaction together with its number, under a lock that makes other
processes wait; so a process that is killed leaves the store at the previous migration, and the next start
continues from there. Migrations only go up, and a released file never changes: a new schema is a new file.
"""

import logging
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from sqlalchemy import Connection, Engine, inspect, select
from sqlalchemy.dialects import postgresql, sqlite

from tacit.core.errors import ArtifactError
from tacit.store import schema
from tacit.store.database import begin_write

_FILE = re.compile(r"(?P<number>\d{3})_(?P<name>\w+)\.(?P<database>sqlite|postgresql)\.sql")
_ADDED = re.compile(r"^ALTER TABLE (?P<table>\w+) ADD COLUMN (?P<column>\w+)", re.MULTILINE)
_UNVERSIONED = 0
_LOCK = 0x7461636974
"""Number of the advisory lock in PostgreSQL ("tacit" in ASCII)."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Migration:
    """One step of the schema.

    Attributes
    ----------
    number : int
        Version of the store after it; the first is 1.
    name : str
    sql : str
        Statements for one kind of database. Running them twice has the same effect as once.
    """

    number: int
    name: str
    sql: str


def migrations(database: str) -> list[Migration]:
    """Return the migrations for ``"sqlite"`` or ``"postgresql"``, in order."""
    found = [
        Migration(int(name["number"]), name["name"], file.read_text("utf-8"))
        for file in (files("tacit.store") / "migrations").iterdir()
        if (name := _FILE.fullmatch(file.name)) and name["database"] == database
    ]
    return sorted(found, key=lambda migration: migration.number)


def upgrade(engine: Engine, steps: Sequence[Migration] | None = None) -> None:
    """Bring a store to the newest version; a store of that version is only read.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    steps : sequence of Migration, optional
        Numbered 1, 2, 3, ...; by default those of `migrations`.

    Raises
    ------
    ArtifactError
        If the store is newer than the newest step, or its version cannot be read. Nothing is changed then.
    """
    steps = migrations(engine.dialect.name) if steps is None else steps
    newest = steps[-1].number
    with engine.connect() as connection:
        found = _version(connection)
    if found > newest:
        raise ArtifactError(f"the store has version {found}, this tacit reads up to {newest}: upgrade tacit")
    for step in steps:
        if step.number > found and _apply(engine, step) and found != _UNVERSIONED:
            _log.warning("the store was upgraded to version %d (%s)", step.number, step.name)


def _apply(engine: Engine, step: Migration) -> bool:
    """Run a migration; False where another process did it while this one waited for the lock."""
    with engine.begin() as connection:
        _lock(connection)
        if _version(connection) >= step.number:
            return False
        for statement in _statements(connection, step.sql):
            # Without parameters the driver leaves a % as it is.
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        _set_version(connection, step.number)
    return True


def _lock(connection: Connection) -> None:
    """Begin to write; another process that wants to upgrade waits here until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    begin_write(connection)


def _statements(connection: Connection, sql: str) -> Iterator[str]:
    """Yield the units that the driver executes: for PostgreSQL a whole file, for SQLite one statement."""
    if connection.dialect.name == "postgresql":
        yield sql
        return
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            if not _has_column(connection, statement):
                yield statement
            statement = ""
    if statement.strip():  # a last one without its semicolon
        yield statement


def _has_column(connection: Connection, statement: str) -> bool:
    """Return whether a statement adds a column that is there: SQLite has no ADD COLUMN IF NOT EXISTS."""
    added = _ADDED.search(statement)
    if added is None:
        return False
    columns = inspect(connection).get_columns(added["table"])
    return added["column"] in [column["name"] for column in columns]


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(schema.meta.name):
        return _UNVERSIONED
    query = select(schema.meta.c.value).where(schema.meta.c.key == "version")
    kept = connection.execute(query).first()
    if kept is None:  # the table was created, and then the process was killed
        return _UNVERSIONED
    if not re.fullmatch(r"\d{1,9}", str(kept.value), re.ASCII):
        raise ArtifactError(f"the store's version, {kept.value!r}, is not a number: restore it from a copy")
    return int(kept.value)


def _set_version(connection: Connection, number: int) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(schema.meta).values(key="version", value=str(number))
    connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_={"value": str(number)}))
