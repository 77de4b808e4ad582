"""What the dumps in ``data/`` hold, and the script that wrote it with the code of an older commit.

To make a dump again, with COMMIT checked out at OLD::

    PYTHONPATH=OLD/src python tests/store/kept.py sqlite:////tmp/old.sqlite3
    sqlite3 /tmp/old.sqlite3 .dump > tests/store/data/COMMIT.sqlite.sql
    PYTHONPATH=OLD/src python tests/store/kept.py postgresql://USER@HOST/old
    pg_dump --inserts --no-owner old | grep -Ev '^(SET|--|\\\\)|set_config|^$' \\
        > tests/store/data/COMMIT.postgresql.sql

A dump is never changed by hand. dcfcc9d has no table of users, and 4-byte event numbers in PostgreSQL.
"""

import sys

from tacit.store.events import Event, EventStore

EVENTS = [
    Event("e1", "user", "ünï/ <&>\u6771", "i1", "view", 1_700_000_000.25, None),
    Event("e2", "user", "u'; DROP TABLE tacit_event; --", "i\\2", "purchase", 1_700_000_001.0, 19.99),
    Event("e3", "session", "s1", "i1", "view", 1_700_000_000.0, 0.0),
    Event("e4", "session", "s1", "i3", "rating", 1_699_999_999.0, 1e-300),
]
ITEMS = {"i1": {"title": "Kettle", "price": 2.5, "tags": ["x", "\u6771"]}, "i3": {"available": False}}
USERS = {"u1": {"age": 34, "country": "NZ"}, "u2": {}}
SHOWN = {"subject": "user", "subject_id": "u1", "model": "m", "items": '["i1", "i3"]', "at": 1_700_000_002.5}
EXPOSURES = [{"recommendation_id": f"00000000-0000-0000-0000-00000000000{n}", **SHOWN} for n in range(3)]


def fill(store: EventStore) -> None:
    """Write all of it through public methods; dcfcc9d stores items one at a time, and no users."""
    store.append(EVENTS[:3])
    store.append(EVENTS[3:])
    if hasattr(store, "put_items"):
        store.put_items(ITEMS, at=5.0)
    else:
        for item, attributes in ITEMS.items():
            store.put_item(item, attributes, 5.0)
    if hasattr(store, "put_user"):
        for user, attributes in USERS.items():
            store.put_user(user, attributes, at=6.0)
    store.put_exposures(EXPOSURES)


if __name__ == "__main__":
    opened = EventStore(sys.argv[1])
    fill(opened)
    opened.close()
