"""A small snapshot and a running service, for tests of the engine and of the server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import httpx
import polars as pl

from tacit.core.types import Json
from tacit.data.shop import generate
from tacit.engine.snapshot import Snapshot
from tacit.engine.train import train
from tacit.pipeline.config import Config

PATIENT = 2.0
"""Seconds that lists of most tests wait for the store: machines that run tests are busy."""


@cache
def small_snapshot(seed: int = 7) -> Snapshot:
    """A shop of 120 items and 80 users, three retrievers and no ranker: fitted in about a second."""
    shop = generate(seed=seed, users=80, items=120, events=2_000, days=40)
    retrievers: dict[str, dict[str, object]] = {"trending": {}, "itemknn": {}, "content": {}}
    config = Config(retrievers=retrievers, encoder="tfidf", ranker=None, windows=1)
    return train(shop.events, shop.items, config)


@cache
def acquainted_snapshot() -> Snapshot:
    """A small shop whose ranker looks at nothing but who asks, and is believed as far as may be."""
    shop = generate(seed=3, users=80, items=80, events=2_000, days=40)
    devices = pl.Series("device", ["phone", "desk", "tv"] * len(shop.events)).head(len(shop.events))
    ids = shop.events["user_id"].unique().sort()
    mean = (
        shop.events.group_by("user_id")
        .agg(pl.col("item_id").str.slice(1).cast(pl.Int64).mean())
        .sort("user_id")
    )
    club = ["gold" if half else "silver" for half in mean["item_id"] > mean["item_id"].median()]
    age = [20 + place % 40 for place in range(len(ids))]
    users = pl.DataFrame({"user_id": [*ids, "quiet"], "club": [*club, "gold"], "age": [*age, 33]})
    ranker: dict[str, Json] = {"name": "mlp", "learning_rate": 0.01, "families": ["people", "crosses"]}
    config = Config(encoder="tfidf", retrievers={"trending": {}, "itemknn": {}}, ranker=ranker, windows=1)
    snapshot = train(shop.events.with_columns(devices), shop.items, config, users=users)
    assert snapshot.pipeline.second_.ranker is not None
    snapshot.pipeline.second_ = replace(snapshot.pipeline.second_, ranker_weight=0.5)
    return snapshot


class Service:
    """A ``tacit serve`` of its own process."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address
        self.http = httpx.Client(base_url=address, timeout=60)

    def list_of(self, user: str, k: int = 10, **more: object) -> list[str]:
        answer = self.http.get(f"/v1/users/{user}/recommendations", params={"k": k, **more})
        return [item["item_id"] for item in answer.raise_for_status().json()["items"]]

    def send(self, *events: dict[str, object]) -> httpx.Response:
        return self.http.post("/v1/events", json={"events": list(events)})


@contextmanager
def serving(directory: Path, *options: str, workers: int | None = 1, **environment: str) -> Iterator[Service]:
    """Run ``tacit serve`` on a free port; killed at the end if it still runs.

    One worker is enough for most tests, and each takes two seconds of a core; None is the default of Tacit.
    """
    command = [sys.executable, "-c", "from tacit.cli import main; main()", "serve", str(directory)]
    if workers is not None:
        options = ("--workers", str(workers), *options)
    process = subprocess.Popen(
        [*command, "--port", "0", "--store-wait", str(PATIENT), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise AssertionError(f"no ready line but {line!r}: {process.communicate()[1]}")
        service = Service(process, line.split()[-1])
        yield service
        service.http.close()
    finally:
        process.kill()
        process.communicate()
