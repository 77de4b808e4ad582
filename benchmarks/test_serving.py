"""Requests a second and latency of a running service: `pytest benchmarks/test_serving.py`.

The load generator runs on the same machine as the service (8 connections, closed loop), so figures are lower
bounds. The shop is the generated one: 2,000 items, 2,000 users, all retrievers and the ranker.
"""

import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from tests.served import Service, serving

from tacit.data.shop import generate
from tacit.engine.snapshot import save
from tacit.engine.train import train
from tacit.pipeline.config import Config

_CONNECTIONS = 8
_SECONDS = 5.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    shop = generate(seed=7, users=2_000, items=2_000, events=40_000)
    place = tmp_path_factory.mktemp("benchmark") / "model"
    save(train(shop.events, shop.items, Config(encoder="tfidf", windows=1)), place)
    with serving(place) as running:
        yield running


Ask = Callable[[http.client.HTTPConnection, int], int]


def measured(service: Service, ask: Ask, connections: int = _CONNECTIONS) -> dict[str, float]:
    """Return requests a second and latencies in ms of a closed loop."""
    stop = time.perf_counter() + _SECONDS
    numbers = count()

    def client(_: int) -> tuple[list[float], set[int]]:
        connection = http.client.HTTPConnection(service.address.removeprefix("http://"))
        times, statuses = [], set()
        while (begun := time.perf_counter()) < stop:
            statuses.add(ask(connection, next(numbers)))
            times.append(time.perf_counter() - begun)
        connection.close()
        return times, statuses

    with ThreadPoolExecutor(connections) as pool:
        results = list(pool.map(client, range(connections)))
    times = np.array([t for one, _ in results for t in one]) * 1e3
    assert set().union(*(statuses for _, statuses in results)) == {200}
    p50, p99 = np.quantile(times, [0.5, 0.99])
    return {"a_second": len(times) / _SECONDS, "p50_ms": float(p50), "p99_ms": float(p99)}


def get(path: str) -> Ask:
    def ask(connection: http.client.HTTPConnection, number: int) -> int:
        connection.request("GET", path.format(user=f"u{number * 37 % 2000 + 1:05d}"))
        answer = connection.getresponse()
        answer.read()
        return answer.status

    return ask


def post(batch: int) -> Ask:
    def ask(connection: http.client.HTTPConnection, number: int) -> int:
        event = {"user_id": f"u{number % 2000:05d}", "item_id": "i00001", "event": "view"}
        body = json.dumps({"events": [{**event, "event_id": f"{batch}-{number}-{n}"} for n in range(batch)]})
        connection.request("POST", "/v1/events", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    return ask


@pytest.mark.parametrize(
    ("name", "ask", "connections"),
    [
        ("healthz", get("/healthz"), _CONNECTIONS),
        ("recommendations, k = 10, one client", get("/v1/users/{user}/recommendations?k=10"), 1),
        ("recommendations, k = 10", get("/v1/users/{user}/recommendations?k=10"), _CONNECTIONS),
        ("recommendations, k = 100", get("/v1/users/{user}/recommendations?k=100"), _CONNECTIONS),
        ("similar", get("/v1/items/i00001/similar"), _CONNECTIONS),
        ("events, 1 a request", post(1), _CONNECTIONS),
        ("events, 100 a request", post(100), _CONNECTIONS),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_serving(
    benchmark: object,
    capsys: pytest.CaptureFixture[str],
    service: Service,
    name: str,
    ask: Ask,
    connections: int,
) -> None:
    figures = benchmark.pedantic(measured, (service, ask, connections), rounds=1)  # type: ignore[attr-defined]
    benchmark.extra_info.update(figures)  # type: ignore[attr-defined]
    shown = ", ".join(f"{key} {value:,.1f}" for key, value in figures.items())
    with capsys.disabled():
        print(f"\n{name}, {connections} connections: {shown}")
