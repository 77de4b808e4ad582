"""Processor time of changing items and taking events in a running engine.

The shop is the generated one; texts are read by TF-IDF, so that encoding is next to nothing. Times are of the
whole process, the median of some repetitions; the store is SQLite and each change is on disk.

    python benchmarks/changing_items.py --items 2000 100000 --bulk 100000
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import numpy as np

from tacit.core.types import Json
from tacit.data.shop import generate
from tacit.engine.engine import Engine
from tacit.engine.snapshot import Snapshot, load, save
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.server.app import create_app
from tacit.store.events import EventStore

RETRIEVERS = (
    "itemknn",
    "userknn",
    "sessionknn",
    "sequential",
    "covisitation",
    "content",
    "forecast",
    "popular",
)
WORDS = ("red", "blue", "green", "black", "white", "small", "large", "light", "warm", "soft")


def fitted(items: int, keep: Path | None) -> Snapshot:
    """Return a model of a shop with so many items, read from a directory if it is there."""
    place = None if keep is None else keep / f"{items}.tacit"
    if place is not None and place.exists():
        return load(place)
    shop = generate(seed=7, users=max(items // 5, 2_000), items=items, events=max(4 * items, 40_000), days=60)
    ranker = {"name": "mlp", "hidden": [16], "epochs": 1}
    config = Config(retrievers={name: {} for name in RETRIEVERS}, encoder="tfidf", ranker=ranker, windows=1)
    snapshot = train(shop.events, shop.items, config)
    if place is not None:
        save(snapshot, place)
    return snapshot


def described(number: int) -> dict[str, Json]:
    """Return the attributes of an item: one of a hundred texts."""
    first, second = WORDS[number % 10], WORDS[number // 10 % 10]
    return {
        "title": f"{first} tea {second}",
        "category": "Tea",
        "brand": f"b{number % 20}",
        "price": number % 50,
    }


def milliseconds(change: Callable[[int], object], repetitions: int) -> float:
    """Return the median of the processor time of a change."""
    times = []
    for number in range(repetitions):
        begun = time.process_time()
        change(number)
        times.append(time.process_time() - begun)
    return round(float(np.median(times)) * 1e3, 2)


def single(engine: Engine, ids: list[str], repetitions: int) -> dict[str, float]:
    """Return milliseconds of each way to change one item."""
    engine.put_item("first", described(0))  # loads the encoder, and makes room for more
    engine.put_item(ids[0], described(0))
    return {
        "put_new": milliseconds(lambda n: engine.put_item(f"new-{n}", described(n)), repetitions),
        "put_known": milliseconds(lambda n: engine.put_item(ids[n + 1], described(n)), repetitions),
        "patch_stock": milliseconds(lambda n: engine.patch_item(ids[n + 1], {"stock": n}), repetitions),
        "hide": milliseconds(lambda n: engine.patch_item(ids[n + 1], {"available": False}), repetitions),
    }


def bulk(engine: Engine, count: int) -> dict[str, float]:
    """Return seconds of so many items as JSON lines."""

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, count, 500):
            rows = ({"item_id": f"bulk-{n}", **described(n)} for n in range(start, min(start + 500, count)))
            yield b"".join(json.dumps(row).encode() + b"\n" for row in rows)

    async def send() -> dict[str, int]:
        transport = httpx.ASGITransport(create_app(engine))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=None) as http:
            return (await http.post("/v1/items", content=body())).json()  # type: ignore[no-any-return]

    wall, cpu = time.perf_counter(), time.process_time()
    report = asyncio.run(send())
    assert report["accepted"] == count
    return {
        "items": count,
        "wall_seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def events(engine: Engine, ids: list[str], batches: int = 200) -> float:
    """Return events a second of processor time, in batches of a hundred from a hundred users."""
    from tacit.server.ingest import observed

    def body(batch: int) -> bytes:
        rows = [
            {"user_id": f"u{batch * 100 + n}", "item_id": ids[n], "event": "view", "timestamp": 1.74e9 + n}
            for n in range(100)
        ]
        return json.dumps({"events": rows}).encode()

    bodies = [body(batch) for batch in range(batches)]
    begun = time.process_time()
    for one in bodies:
        assert observed(engine, one).status_code == 200
    return round(100 * batches / (time.process_time() - begun))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, nargs="+", default=[2_000])
    parser.add_argument("--bulk", type=int, default=20_000, help="items of the bulk route; 0 for none")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="a directory where fitted models are kept")
    options = parser.parse_args()
    for items in options.items:
        snapshot = fitted(items, options.keep)
        ids = snapshot.catalogue.items.ids.to_list()
        with tempfile.TemporaryDirectory() as place:
            engine = Engine(snapshot, EventStore(f"sqlite:///{place}/store.sqlite3"))
            engine.warm()
            found = {
                "items": items,
                "milliseconds": single(engine, ids, options.repetitions),
                "events_a_cpu_second": events(engine, ids),
                "bulk": bulk(engine, options.bulk) if options.bulk else None,
                "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "machine": f"{platform.machine()}, {os.cpu_count()} processors",
                "load": round(os.getloadavg()[0], 1),
            }
            engine.close()
        print(json.dumps(found))


if __name__ == "__main__":
    main()
