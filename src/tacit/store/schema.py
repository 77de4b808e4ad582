"""The tables of the store for queries; the SQL in ``migrations/`` creates them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()


def _whole(table: str, *columns: str) -> Index:
    """Return an index of all columns, in SQLite alone: `tacit.store.verifying` compares it with the table."""
    index: Index = Index(f"{table}_whole", *columns).ddl_if(dialect="sqlite")
    return index


meta = Table(
    "tacit_meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text),
    _whole("tacit_meta", "key", "value"),
)

event = Table(
    "tacit_event",
    metadata,
    # SQLite numbers rows by itself only where the key is called INTEGER.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("event_id", String(256), nullable=False, unique=True),
    Column("subject", String(8), nullable=False),  # "user" or "session": a user may be called as a session
    Column("subject_id", String(256), nullable=False),
    Column("item_id", String(256), nullable=False),
    Column("event", String(256), nullable=False),
    Column("at", Float(53), nullable=False),  # the earlier of the two times below
    Column("value", Float(53)),
    Column("digest", LargeBinary, nullable=False),  # of its content: a retry has the same, a conflict another
    Column("told", Float(53)),  # by the sender; rows of older versions have neither of the two
    Column("received", Float(53)),  # by the clock of the machine; it never decreases with the number
    Column("recommendation_id", String(256)),
    Column("position", Integer),
    Column("source", String(256)),  # the name of the key that sent it
    # The last events, those of some types alone, and the items of all of them, without a look at the rows.
    Index("tacit_event_history", "subject", "subject_id", "at", "number", "event", "item_id", "source"),
)

item = Table(
    "tacit_item",
    metadata,
    Column("item_id", String(256), primary_key=True),
    Column("attributes", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    _whole("tacit_item", "item_id", "attributes", "at"),
)

item_change = Table(
    "tacit_item_change",
    metadata,
    Column("item_id", String(256), primary_key=True),
    Column("attributes", Text, nullable=False),  # they stand in place of those of the item
    Column("deleted", Boolean, nullable=False),
    Column("at", Float(53), nullable=False),
    _whole("tacit_item_change", "item_id", "attributes", "deleted", "at"),
)

item_number = Table(
    "tacit_item_number",
    metadata,
    Column("item_id", String(256), primary_key=True),
    Column("number", BigInteger().with_variant(Integer, "sqlite"), nullable=False),  # of its last change
    Column("put", BigInteger().with_variant(Integer, "sqlite")),  # of the change that put it last
    # Of its first change: the order in which every process adds new items.
    Column("first", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
    Index("tacit_item_by_number", "number"),
    _whole("tacit_item_number", "item_id", "number", "put", "first"),
)

item_vector = Table(
    "tacit_item_vector",
    metadata,
    Column("item_id", String(256), primary_key=True),
    Column("model", String(256), nullable=False),
    Column("text_digest", LargeBinary, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("digest", LargeBinary),  # of all of it
)

user = Table(
    "tacit_user",
    metadata,
    Column("user_id", String(256), primary_key=True),
    Column("attributes", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    _whole("tacit_user", "user_id", "attributes", "at"),
)

user_change = Table(
    "tacit_user_change",
    metadata,
    Column("user_id", String(256), primary_key=True),
    Column(
        "attributes", Text, nullable=False
    ),  # of a user without a row in tacit_user: beside the snapshot's
    Column("at", Float(53), nullable=False),
    _whole("tacit_user_change", "user_id", "attributes", "at"),
)

merge = Table(
    "tacit_merge",
    metadata,
    Column("user_id", String(256), primary_key=True),
    Column("session_id", String(256), primary_key=True),
    Column("at", Float(53), nullable=False),
)

forgotten = Table(
    "tacit_forgotten",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("subject", String(8), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),  # keyed: `tacit.store.forgotten_rows`
    Column("at", Float(53), nullable=False),
    Column("model", String(64), nullable=False),  # whoever was forgotten has this code in this model, ...
    Column("code", Integer, nullable=False),  # ... -1 if in none
    _whole("tacit_forgotten", "number", "subject", "digest", "at", "model", "code"),
)

exposure = Table(
    "tacit_exposure",
    metadata,
    Column("recommendation_id", String(36), primary_key=True),
    Column("subject", String(8), nullable=False),
    Column("subject_id", String(256)),
    Column("model", String(64), nullable=False),
    Column("items", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("propensities", Text),  # of the items; null where every one of them is null
    Column("digest", LargeBinary),  # of all of it
    Index("tacit_exposure_by_time", "at"),
    Index("tacit_exposure_by_subject", "subject", "subject_id"),
)
