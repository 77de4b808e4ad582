"""Metrics: one scrape tells of all workers, in the format of Prometheus, and holds no id."""

import json
import math
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.fleet import WORKER, Fleet, fleet, wait_until
from tests.served import small_snapshot

from tacit.engine.engine import Engine
from tacit.engine.measuring import Figures
from tacit.engine.requests import Request
from tacit.engine.snapshot import save
from tacit.server.exposition import exposition
from tacit.server.guard import overloaded_response
from tacit.server.service_metrics import Metrics, most_popular
from tacit.server.shared_page import Page, open_page
from tacit.server.watch import Watch, Watchers

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Return the values of an exposition by name and labels; every line must be well-formed."""
    found: Samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE) tacit_[a-z_]+ .+", line), line
            continue
        parts = re.fullmatch(r'(tacit_[a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)', line)
        assert parts, line
        labels = frozenset(re.findall(r'([a-z]+)="((?:[^"\\]|\\.)*)"', parts[2] or ""))
        assert (parts[1], labels) not in found, line
        found[parts[1], labels] = float(parts[3])
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    """Return the sum of the samples that have these labels."""
    return sum(n for (one, own), n in found.items() if one == f"tacit_{name}" and labels.items() <= set(own))


def of(metrics: Metrics) -> Samples:
    return samples(exposition(metrics).decode())


def worker(page: int, place: int) -> Metrics:
    metrics = Metrics(Page(page, place))
    metrics.know(
        [("GET", "/v1/users/{user_id}/recommendations"), ("GET", "/v1/items/{id}"), ("GET", "/docs")]
    )
    metrics.begin(os.getpid())
    return metrics


@pytest.fixture
def page() -> Iterator[int]:
    descriptor = open_page(3)
    yield descriptor
    os.close(descriptor)


@pytest.mark.promise("P33")
def test_any_worker_tells_the_sum_of_all_and_a_new_one_goes_on_where_the_last_one_ended(page: int) -> None:
    first, second = worker(page, 0), worker(page, 2)
    for one, count in ((first, 3), (second, 4)):
        for _ in range(count):
            one.came()
            one.left(one.route("GET", "/v1/users/a%2Fb/recommendations"), 200, 0.003, None)
    first.came()
    first.observed(5, 2)
    route = {"method": "GET", "route": "/v1/users/{user_id}/recommendations"}
    found = of(second)
    assert found == of(first) | {key: n for key, n in found.items() if "process" in key[0]}
    assert value(found, "requests_total", **route, status="2xx") == 7
    assert value(found, "request_seconds_count", **route) == 7
    assert value(found, "request_seconds_sum", **route) == pytest.approx(0.021)
    assert value(found, "request_seconds_bucket", **route, le="0.002") == 0
    assert value(found, "request_seconds_bucket", **route, le="0.005") == 7
    assert value(found, "requests_in_flight") == 1
    assert value(found, "workers") == 2
    again = worker(page, 0)  # the one before was killed amid a request
    assert value(of(again), "requests_total", **route) == 7
    assert value(of(again), "events_total", outcome="accepted") == 5
    assert value(of(again), "requests_in_flight") == 0
    assert value(of(again), "worker_starts_total") == 3


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v1/items/x", ("GET", "/v1/items/{id}")),
        ("GET", "/v1/items/{id}", ("GET", "/v1/items/{id}")),
        ("GET", "/docs", ("GET", "/docs")),
        ("HEAD", "/docs", ("GET", "/docs")),
        ("POST", "/v1/items/x", ("other", "other")),
        ("GET", "/v1/items/x/y", ("other", "other")),
        ("GET", "", ("other", "other")),
        ("GET", "/v1/users/secret", ("other", "other")),
    ],
)
def test_a_path_is_told_as_the_template_of_its_route(
    page: int, method: str, path: str, name: tuple[str, str]
) -> None:
    metrics = worker(page, 0)
    assert metrics.names[metrics.route(method, path)] == name


@pytest.mark.parametrize(
    ("status", "reason", "word"),
    [
        (503, "overloaded", "overloaded"),
        (503, None, "unavailable"),
        (507, "store_full", "store_full"),
        (401, None, "no_key"),
        (422, None, "invalid"),
        (500, None, "fault"),
        (418, None, "other"),
    ],
)
def test_a_refusal_is_counted_by_its_reason(page: int, status: int, reason: str | None, word: str) -> None:
    metrics = worker(page, 0)
    metrics.answered(0, status, 0.001, reason)
    found = of(metrics)
    assert value(found, "refusals_total") == value(found, "refusals_total", reason=word) == 1


@pytest.mark.parametrize("distinct", [0, 1, 300, 60_000])
def test_items_that_were_shown_are_estimated(
    page: int, distinct: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = worker(page, 0), worker(page, 1)
    now = time.time()
    for start in range(0, distinct, 500):
        ids = [f"item {n}" for n in range(start, min(start + 500, distinct))]
        for metrics in (first, second):  # shown by both: they count once
            metrics.listed(small_snapshot(), ids, has_history=True)
    assert first.items_shown() == pytest.approx(distinct, rel=0.01, abs=0.5)
    monkeypatch.setattr(time, "time", lambda: now + 61 * 60)
    assert first.items_shown() == pytest.approx(0, abs=0.5)


@pytest.mark.promise("P33")
def test_lists_are_told_with_their_popular_places_and_those_without_history() -> None:
    snapshot, metrics = small_snapshot(), Metrics()
    metrics.begin(os.getpid())
    engine = Engine(snapshot)
    engine.measure_by(metrics)
    user = snapshot.interactions.users.ids[3]
    lists = [engine.recommend(Request(user_id=one, k=10)) for one in (user, "nobody")]
    metrics.note(engine.figures())
    found = of(metrics)
    popular = most_popular(snapshot)
    counts = np.bincount(snapshot.interactions.item, minlength=120)
    codes = snapshot.catalogue.items.encode([*popular])
    assert len(popular) == 10 and counts[codes].min() >= np.sort(counts)[-10]
    shown = [item.item_id for one in lists for item in one.items]
    assert value(found, "lists_total") == 2
    assert value(found, "lists_without_history_total") == 1
    assert value(found, "list_places_total") == 20
    assert value(found, "list_popular_places_total") == sum(id_ in popular for id_ in shown) > 0
    assert value(found, "items") == 120
    assert value(found, "catalogue_coverage") == pytest.approx(len(set(shown)) / 120, rel=0.01)
    assert value(found, "model_info", version=snapshot.version) == 1
    age = time.time() - snapshot.interactions.end
    assert value(found, "model_age_seconds") == pytest.approx(age, abs=60)
    assert value(found, "store_state", state="none") == 1


def test_a_version_may_hold_any_sign(page: int) -> None:
    metrics = worker(page, 0)
    metrics.note(Figures('a"b\\c\nd', 1, 1, None, "full"))
    found = of(metrics)
    assert value(found, "model_info", version=r"a\"b\\c\nd") == 1
    assert value(found, "store_state", state="full") == 1
    assert not any("model_age" in name for name, _ in found)


@pytest.mark.promise("P33")
def test_prometheus_reads_it(page: int) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    metrics = worker(page, 0)
    metrics.came()
    metrics.left(1, 503, 0.2, "overloaded")
    metrics.note(Figures('a"b\\c\nd', 10**8, 1, 1e9, "ok"))
    families = {one.name: one for one in parser.text_string_to_metric_families(exposition(metrics).decode())}
    assert families["tacit_model_info"].samples[0].labels == {"version": 'a"b\\c\nd'}
    assert families["tacit_request_seconds"].type == "histogram"
    assert families["tacit_requests"].type == "counter"
    assert families["tacit_items"].samples[0].value == 10**8
    assert len(families) == 27


def test_counting_a_request_takes_some_microseconds(page: int) -> None:
    metrics = worker(page, 0)
    path = "/v1/users/a%2Fb/recommendations"
    begun = time.process_time()
    for _ in range(20_000):
        route = metrics.route("GET", path)
        metrics.came()
        metrics.left(route, 200, 0.003, None)
    assert (time.process_time() - begun) / 20_000 < 50e-6  # 2 us on a quiet machine


def test_an_answer_that_is_refused_before_it_is_parsed_has_an_id_and_is_counted() -> None:
    metrics = Metrics()

    async def nothing(*_: object) -> None:
        pass

    watch = Watch(nothing, Watchers(metrics), [("GET", "/v1/users/{id}/recommendations")])
    request = b"GET /v1/users/u/recommendations?k=3 HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine-1\r\n\r\n"

    head, _, body = watch.refused(request, overloaded_response(3)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ") and b"\r\nx-request-id: mine-1" in head
    assert b"\r\nretry-after: 3\r\n" in head
    assert json.loads(body)["request_id"] == "mine-1"
    assert re.search(rb"content-length: (\d+)", head)[1] == b"%d" % len(body)  # type: ignore[index]
    found = of(metrics)
    assert value(found, "requests_total", route="/v1/users/{id}/recommendations", status="5xx") == 1
    assert value(found, "refusals_total", reason="overloaded") == 1
    bad = watch.refused(request.replace(b"mine-1", b"mine 1"), overloaded_response(3))
    assert b"mine" not in bad and b"x-request-id" in bad


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("snapshot") / "shop.tacit"
    save(small_snapshot(), place)
    return place


@pytest.fixture(scope="module")
def shop(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(directory, tmp_path_factory.mktemp("shop"), workers=2) as service:
        yield service


def scraped(service: Fleet) -> Samples:
    answer = service.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(answer.raise_for_status().text)


@pytest.mark.promise("P33")
def test_one_scrape_tells_of_the_whole_service_also_after_a_worker_was_killed(shop: Fleet) -> None:
    lists = {"method": "GET", "route": "/v1/users/{user_id}/recommendations"}
    for n in range(24):
        shop.get(f"/v1/users/secret-{n}/recommendations", params={"k": 7}).raise_for_status()
    shop.get("/v1/users/secret/recommendations", params={"k": -1})
    shop.get("/secret")
    found = scraped(shop)
    assert value(found, "requests_total", **lists, status="2xx") == 24
    assert value(found, "requests_total", **lists, status="4xx") == 1
    assert value(found, "requests_total", route="other", status="4xx") == 1
    assert value(found, "refusals_total", reason="invalid") == 1
    assert value(found, "lists_total") == 24 and value(found, "list_places_total") == 7 * 24
    assert value(found, "requests_in_flight") == 1  # the scrape itself
    wait_until(lambda: value(scraped(shop), "items") == 120, 30)
    names = {dict(own)["process"] for name, own in found if name == "tacit_process_threads"}
    assert {"worker 1", "worker 2", "parent"} <= names
    for gauge in ("process_resident_memory_bytes", "process_open_fds", "process_threads"):
        assert all(value(found, gauge, process=name) > 0 for name in names)
    text = shop.get("/metrics").text
    assert "secret" not in text and not re.search(r"i0\d{4}", text)
    killed = shop.pids(WORKER)[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: value(scraped(shop), "worker_starts_total") == 3, 60)
    found = scraped(shop)
    assert value(found, "requests_total", **lists, status="2xx") == 24
    assert value(found, "workers") == 2


@pytest.mark.promise("P33")
def test_what_the_store_takes_is_told(shop: Fleet) -> None:
    import httpx

    before = scraped(shop)
    events: list[Mapping[str, object]] = [
        {"user_id": "u", "item_id": "i00001", "event": "view"},
        {"event": 1},
    ]
    assert httpx.post(f"{shop.address}/v1/events", json={"events": events}, timeout=60).status_code == 207
    after = scraped(shop)
    for outcome in ("accepted", "rejected"):
        grown = value(after, "events_total", outcome=outcome) - value(before, "events_total", outcome=outcome)
        assert grown == 1
    assert value(after, "store_write_seconds_count") > value(before, "store_write_seconds_count")
    assert 0 < value(after, "store_write_seconds_sum") < math.inf
    assert value(after, "store_failed_writes_total") == 0
    wait_until(lambda: value(scraped(shop), "events_not_followed") == 0, 60)
    wait_until(lambda: value(scraped(shop), "store_state", state="ok") == 2, 30)
