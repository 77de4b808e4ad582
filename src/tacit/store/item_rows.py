"""Items in the store: rows that were put, and what was changed of an item without replacing it.

An item that came with a snapshot has no row of its own here. A patch or a deletion of it is kept apart, so
that the attributes of a later snapshot count where nothing was said of them.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from types import ModuleType

from sqlalchemy import Connection, or_, select, update

from tacit.core.types import Json
from tacit.store import schema
from tacit.store.records import ItemChange, StoredItem

_CHUNK = 500
_NOTHING = "{}"


class StoredItems:
    """Reads and writes the two tables of items.

    Parameters
    ----------
    dialect : module
        ``sqlalchemy.dialects.sqlite`` or ``postgresql``.
    """

    def __init__(self, dialect: ModuleType) -> None:
        self._dialect = dialect

    def write(self, connection: Connection, changes: Sequence[ItemChange], at: float) -> None:
        """Write changes in their order."""
        for kind, group in groupby(changes, key=lambda change: change.kind):
            if kind == "put":
                self._put(connection, list(group), at)
            else:
                for change in group:
                    self._change(connection, change, at)

    def put(self, connection: Connection) -> list[tuple[str, dict[str, Json]]]:
        """Return the items that were put, the one replaced longest ago first."""
        query = select(schema.item).order_by(schema.item.c.at, schema.item.c.item_id)
        return [(row.item_id, json.loads(row.attributes)) for row in connection.execute(query)]

    def changed(self, connection: Connection) -> list[tuple[str, dict[str, Json], bool]]:
        """Return the id, the changed attributes and whether it was deleted, of items changed since."""
        table = schema.item_change
        query = select(table).where(or_(table.c.deleted, table.c.attributes != _NOTHING))
        return [
            (row.item_id, json.loads(row.attributes), bool(row.deleted))
            for row in connection.execute(query.order_by(table.c.item_id))
        ]

    def one(self, connection: Connection, item_id: str) -> StoredItem:
        """Return what is stored of an item."""
        of_put = select(schema.item.c.attributes).where(schema.item.c.item_id == item_id)
        put = connection.execute(of_put).scalar_one_or_none()
        change = connection.execute(
            select(schema.item_change).where(schema.item_change.c.item_id == item_id)
        ).one_or_none()
        return StoredItem(
            None if put is None else json.loads(put),
            {} if change is None else json.loads(change.attributes),
            change is not None and bool(change.deleted),
        )

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


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
