"""A shop whose log is partly in a snapshot and partly in a store: for tests of refits."""

from functools import cache
from pathlib import Path

import polars as pl

from tacit.data.shop import generate
from tacit.engine.snapshot import Snapshot, save
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.store.events import EventStore
from tacit.store.records import Event

CONFIG = Config(retrievers={"trending": {}, "itemknn": {}}, encoder="none", ranker=None, windows=1)
_SHARE = 0.7


@cache
def _shop() -> tuple[pl.DataFrame, pl.DataFrame]:
    shop = generate(seed=7, users=700, items=120, events=16_000, days=40)
    return shop.events.sort("timestamp", maintain_order=True), shop.items


def events_before() -> pl.DataFrame:
    events = _shop()[0]
    return events.head(int(len(events) * _SHARE))


def events_since() -> pl.DataFrame:
    events = _shop()[0]
    return events.tail(len(events) - int(len(events) * _SHARE))


def items() -> pl.DataFrame:
    return _shop()[1]


@cache
def first_snapshot() -> Snapshot:
    return train(events_before(), items(), CONFIG)


def saved_first(folder: Path) -> Path:
    place = folder / "first"
    save(first_snapshot(), place)
    return place


def stored(events: pl.DataFrame, prefix: str = "e") -> list[Event]:
    """Return the events of a log as those of a store."""
    return [
        Event(
            f"{prefix}{place}",
            "user",
            row["user_id"],
            row["item_id"],
            row["event"],
            row["timestamp"],
            row["value"],
        )
        for place, row in enumerate(events.iter_rows(named=True))
    ]


def store_of(folder: Path, events: pl.DataFrame | None = None) -> str:
    """Make a store of events and return its address."""
    address = f"sqlite:///{folder / 'events.sqlite3'}"
    store = EventStore(address)
    rows = stored(events_since() if events is None else events)
    for start in range(0, len(rows), 1_000):
        store.append(rows[start : start + 1_000])
    store.close()
    return address
