"""Traces: a span a request, its stages within it, in the trace of the sender; nothing without an address."""

import asyncio
import copy
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fleet import fleet
from tests.served import small_snapshot

from tacit.core import kernels, stages
from tacit.data.shop import generate
from tacit.engine.engine import Engine
from tacit.engine.snapshot import Snapshot, save
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.server.app import create_app
from tacit.server.service_metrics import Metrics
from tacit.server.tracing import Traces, traces_of
from tacit.server.watch import Watchers
from tacit.store.events import EventStore

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
EVENT = {"user_id": "canary-user", "item_id": "canary-item", "event": "view"}


@pytest.fixture(autouse=True)
def followed_by_nobody() -> Iterator[None]:
    yield
    stages.follow()


def asked(snapshot: Snapshot, tmp_path: Path, *sent: tuple[str, str, Any]) -> list[Any]:
    """Send requests to an application in this process and return the spans, in the order of their ends."""
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    traces = Traces(export.SimpleSpanProcessor(exporter))
    engine = Engine(snapshot, EventStore(f"sqlite:///{tmp_path / 'x.db'}"))
    app = create_app(engine, watchers=Watchers(Metrics(), None, traces))

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        headers = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            for method, path, body in sent:
                await http.request(method, path, json=body, headers=headers)

    asyncio.run(ask())
    traces.close()
    engine.close()
    return list(exporter.get_finished_spans())


def ranked_snapshot() -> Snapshot:
    """Return a snapshot whose ranker counts; nothing was computed from it before."""
    shop = generate(seed=3, users=60, items=64, events=1_200, days=40)
    retrievers: dict[str, dict[str, object]] = {"trending": {}, "itemknn": {}}
    config = Config(encoder="tfidf", retrievers=retrievers, ranker={"name": "linear"}, windows=1)
    snapshot = train(shop.events, shop.items, config)
    pipeline = copy.copy(snapshot.pipeline)
    pipeline._kept = None
    pipeline.second_ = replace(pipeline.second_, ranker_weight=0.5)
    return replace(snapshot, pipeline=pipeline)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.promise("P34")
def test_the_stages_of_a_list_are_spans_within_that_of_the_request(
    compiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiled and kernels.COMPILED is None:
        pytest.skip("the compiled loops are not installed")
    if not compiled:
        monkeypatch.setattr(kernels, "COMPILED", None)
    snapshot = ranked_snapshot()
    user = snapshot.interactions.users.ids[3]
    spans = asked(snapshot, tmp_path, ("GET", f"/v1/users/{user}/recommendations", None))
    by_name = {span.name: span for span in spans}
    request = by_name["GET /v1/users/{user_id}/recommendations"]
    assert f"{request.context.trace_id:032x}" == TRACE and f"{request.parent.span_id:016x}" == SPAN
    assert dict(request.attributes) == {
        "http.request.method": "GET",
        "http.route": "/v1/users/{user_id}/recommendations",
        "http.response.status_code": 200,
    }
    names = {"history", "retrieve", "union", "rank", "explain"} | ({"features"} if not compiled else set())
    assert names <= by_name.keys()
    within = {"union": "retrieve", "features": "rank"}
    for name in names:
        above = by_name[within[name]] if name in within else request
        assert by_name[name].parent.span_id == above.context.span_id, name
        assert above.start_time <= by_name[name].start_time <= by_name[name].end_time <= above.end_time
    assert not any(user in str(span.to_json()) for span in spans)


@pytest.mark.promise("P34")
@pytest.mark.fault(48)
def test_a_write_is_a_span_of_its_request_and_an_error_tells_no_id(tmp_path: Path) -> None:
    sent = [("POST", "/v1/events", {"events": [EVENT]}), ("GET", "/v1/items/canary-item/similar", None)]
    sent.append(("PUT", "/v1/users/" + "canary" * 60, {}))
    spans = asked(small_snapshot(), tmp_path, *sent)
    by_name = {span.name: span for span in spans}
    assert by_name["store write"].parent.span_id == by_name["POST /v1/events"].context.span_id
    assert by_name["GET /v1/items/{item_id}/similar"].attributes["http.response.status_code"] == 404
    assert len([span for span in spans if span.parent.span_id == int(SPAN, 16)]) == 3
    assert "canary" not in str([span.to_json() for span in spans])


def test_stages_cost_next_to_nothing_while_nobody_follows() -> None:
    with stages.stage("a") as nothing:
        assert nothing is None
    assert stages.stage("a") is stages.stage("b")
    work = object()
    assert stages.carried(work) is work  # type: ignore[comparison-overlap,arg-type]


@pytest.mark.parametrize("environment", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, {"OTEL_SERVICE_NAME": "x"}])
def test_without_an_address_there_are_no_traces(environment: dict[str, str]) -> None:
    assert traces_of(environment) is None
    assert traces_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost", "OTEL_SDK_DISABLED": "true"}) is None


def test_an_address_without_the_extra_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(
        __import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None
    )
    assert traces_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1"}) is None
    assert "tacit-recsys[traces]" in caplog.text


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is sent to /v1/traces."""

    received: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":
            self.received.append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.promise("P34")
def test_a_service_sends_its_spans_to_the_address(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    messages = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    place = tmp_path / "shop.tacit"
    save(small_snapshot(), place)
    Receiver.received = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{receiver.server_address[1]}"
        log = tmp_path / "access.log"
        more = ["--access-log", str(log)]
        with fleet(place, tmp_path, workers=1, more=more, OTEL_EXPORTER_OTLP_ENDPOINT=address) as service:
            headers = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
            service.get("/v1/users/u/recommendations", headers=headers).raise_for_status()
            service.get("/v1/users/u/recommendations").raise_for_status()
            assert service.stop() == 0  # what waits is sent before the end
        receiver.shutdown()
    requests = [messages.ExportTraceServiceRequest.FromString(one) for one in Receiver.received]
    parts = [resource for one in requests for resource in one.resource_spans]
    spans = [span for one in parts for scope in one.scope_spans for span in scope.spans]
    services = {
        a.value.string_value for one in parts for a in one.resource.attributes if a.key == "service.name"
    }
    assert services == {"tacit"}
    roots = [span for span in spans if span.name == "GET /v1/users/{user_id}/recommendations"]
    assert len(roots) == 2
    assert {span.trace_id.hex() for span in roots} >= {TRACE}
    assert len({span.trace_id for span in roots}) == 2
    assert {"history", "retrieve", "rank", "explain"} <= {span.name for span in spans}
    assert f'"trace_id":"{TRACE}"' in log.read_text()
