"""Items in the store: rows that were put, what was changed of an item without replacing it, and numbers.

An item that came with a snapshot has no row of its own here. A patch or a deletion of it is kept apart, so
that the attributes of a later snapshot count where nothing was said of them.

Every change has a number, and numbers are committed in their order: whoever knows all up to one asks for
those above it and misses none. A sequence of PostgreSQL would not do: it counts when a number is taken, and
transactions commit in another order. So a writer of items takes the next numbers under a lock that it holds
until its commit. Changes of items are rare; events take no such lock.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType, ModuleType
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.dialects import postgresql

from tacit.store import schema
from tacit.store.records import ItemChange, ItemRow, Numbers, StoredItem, TextVector, with_digest

ITEMS_CHANGED = "tacit_items_changed"
"""Channel on which PostgreSQL tells processes that items were changed."""
LAST_NUMBER = "SELECT coalesce(max(number), 0) FROM tacit_item_number WHERE number > 0"
"""The number of the last change of all; what was stored by versions before numbers has none above zero."""
_CHUNK = 500
_NOTHING = "{}"
_LOCK = 0x7461636A74
"""Number of the advisory lock in PostgreSQL; that of upgrades is another."""
_NO_VECTORS: Mapping[str, TextVector] = MappingProxyType({})


class StoredItems:
    """Reads and writes the tables of items.

    Parameters
    ----------
    dialect : module
        ``sqlalchemy.dialects.sqlite`` or ``postgresql``.
    """

    def __init__(self, dialect: ModuleType) -> None:
        self._dialect = dialect

    def write(
        self,
        connection: Connection,
        changes: Sequence[ItemChange],
        at: float,
        vectors: Mapping[str, TextVector] = _NO_VECTORS,
    ) -> Numbers:
        """Write changes in their order, and the vectors of the texts of items; return their numbers."""
        numbers = self._numbered(connection, changes)
        for kind, group in groupby(changes, key=lambda change: change.kind):
            if kind == "put":
                self._put(connection, list(group), at)
            else:
                for change in group:
                    self._change(connection, change, at)
        self.write_vectors(connection, vectors)
        return numbers

    def write_vectors(self, connection: Connection, vectors: Mapping[str, TextVector]) -> None:
        """Write or replace the vectors of the texts of items, by id."""
        if not vectors:
            return
        insert = self._dialect.insert(schema.item_vector)
        values = {name: insert.excluded[name] for name in ("model", "text_digest", "vector", "digest")}
        rows = [
            with_digest(
                {"item_id": id_, "model": one.model, "text_digest": one.text_digest, "vector": one.vector}
            )
            for id_, one in vectors.items()
        ]
        connection.execute(insert.on_conflict_do_update(index_elements=["item_id"], set_=values), rows)

    def since(self, connection: Connection, number: int | None) -> list[ItemRow]:
        """Return the items that were changed after a change (None: ever), the one first changed first."""
        return self._rows(connection, () if number is None else (schema.item_number.c.number > number,))

    def of(self, connection: Connection, ids: Sequence[str]) -> list[ItemRow]:
        """Return what is stored of some items, the one first changed first."""
        column = schema.item_number.c.item_id
        return [row for chunk in _chunks(ids) for row in self._rows(connection, (column.in_(chunk),))]

    def one(self, connection: Connection, item_id: str) -> StoredItem:
        """Return what is stored of an item."""
        rows = self.of(connection, [item_id])
        return rows[0].stored if rows else StoredItem(None, {}, deleted=False)

    def _rows(self, connection: Connection, where: Iterable[ColumnElement[bool]]) -> list[ItemRow]:
        number, put, change = schema.item_number, schema.item, schema.item_change
        vector = schema.item_vector
        joined = number
        for table in (put, change, vector):
            joined = joined.outerjoin(table, table.c.item_id == number.c.item_id)  # type: ignore[assignment]
        query = (
            select(
                number.c.item_id,
                number.c.number,
                number.c.put.label("put_number"),
                put.c.attributes.label("put"),
                change.c.attributes.label("patch"),
                change.c.deleted,
                vector.c.model,
                vector.c.text_digest,
                vector.c.vector,
            )
            .select_from(joined)
            .where(*where)
            .order_by(number.c.first, number.c.item_id)
        )
        return [_item_row(row) for row in connection.execute(query)]

    def _numbered(self, connection: Connection, changes: Sequence[ItemChange]) -> Numbers:
        """Number changes; other processes that change items wait from here to the commit."""
        if self._dialect is postgresql:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = int(connection.exec_driver_sql(LAST_NUMBER).scalar_one())
        rows: dict[str, dict[str, Any]] = {}
        for number, change in enumerate(changes, before + 1):
            row = rows.setdefault(change.item_id, {"item_id": change.item_id, "put": None, "first": number})
            row["number"] = number
            if change.kind == "put":
                row["put"] = number
        insert = self._dialect.insert(schema.item_number)
        new = insert.excluded
        values = {"number": new.number, "put": func.coalesce(new.put, schema.item_number.c.put)}
        upsert = insert.on_conflict_do_update(index_elements=["item_id"], set_=values)
        connection.execute(upsert, list(rows.values()))
        if self._dialect is postgresql:
            connection.exec_driver_sql(f"NOTIFY {ITEMS_CHANGED}")  # it goes out with the commit
        return Numbers(before + 1, before + len(changes))

    def _put(self, connection: Connection, changes: Sequence[ItemChange], at: float) -> None:
        """Replace items whole: what was changed of them before no longer counts."""
        insert = self._dialect.insert(schema.item)
        upsert = insert.on_conflict_do_update(
            index_elements=["item_id"], set_={"attributes": insert.excluded.attributes, "at": at}
        )
        rows = [
            {"item_id": one.item_id, "attributes": json.dumps(dict(one.attributes)), "at": at}
            for one in changes
        ]
        connection.execute(upsert, rows)
        # An update and no deletion: a role that may not delete rows is enough to serve.
        table = schema.item_change
        for ids in _chunks([one.item_id for one in changes]):
            ended = update(table).where(table.c.item_id.in_(ids))
            connection.execute(ended.values(attributes=_NOTHING, deleted=False, at=at))

    def _change(self, connection: Connection, change: ItemChange, at: float) -> None:
        """Set attributes of an item, or mark it as deleted; other processes wait for the row meanwhile."""
        table = schema.item_change
        nothing = {"item_id": change.item_id, "attributes": _NOTHING, "deleted": False, "at": at}
        insert = self._dialect.insert(table).on_conflict_do_nothing(index_elements=["item_id"])
        connection.execute(insert, nothing)
        its = table.c.item_id == change.item_id
        known = connection.execute(select(table.c.attributes).where(its).with_for_update()).scalar_one()
        merged = json.dumps({**json.loads(known), **change.attributes})
        changed = update(table).where(its).values(attributes=merged, at=at)
        connection.execute(changed.values(deleted=True) if change.kind == "delete" else changed)


def _item_row(row: Any) -> ItemRow:
    stored = StoredItem(
        None if row.put is None else json.loads(row.put),
        {} if row.patch is None else json.loads(row.patch),
        bool(row.deleted),
    )
    vector = None
    if row.model is not None:
        vector = TextVector(row.model, bytes(row.text_digest), bytes(row.vector))
    return ItemRow(row.item_id, row.number, row.put_number, stored, vector)


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
