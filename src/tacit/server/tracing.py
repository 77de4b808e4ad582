"""Traces by OpenTelemetry: a span a request, with the stages of the answer as spans within it.

They need the extra `traces` and an address in ``OTEL_EXPORTER_OTLP_ENDPOINT``; all else is set by the
variables that OpenTelemetry knows (``OTEL_TRACES_SAMPLER``, ``OTEL_SERVICE_NAME``, ...). Without them nothing
of it is imported. A trace that the sender of a request began goes on here (W3C ``traceparent``). Spans hold
templates of routes and no ids.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from typing import Any

from tacit.core import stages
from tacit.core.errors import MissingExtraError
from tacit.core.extras import require
from tacit.core.version import __version__
from tacit.server.exchange import Exchange

ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TRACE_HEADERS = (b"traceparent", b"tracestate")
_WITHOUT_ERRORS = {"record_exception": False, "set_status_on_exception": False}
"""The message of an error may hold an id."""
_CLOSING_SECONDS = 3.0
_FAILED = 500
_log = logging.getLogger(__name__)


class Traces:
    """Makes spans of requests and of the stages within them, in this process.

    Parameters
    ----------
    processor : opentelemetry.sdk.trace.SpanProcessor
        Takes the spans.

    Raises
    ------
    MissingExtraError
    """

    def __init__(self, processor: Any) -> None:
        self._api = require("opentelemetry.trace", "traces")
        self._propagator = require(
            "opentelemetry.trace.propagation.tracecontext", "traces"
        ).TraceContextTextMapPropagator()
        resources = require("opentelemetry.sdk.resources", "traces")
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before this name.
        name = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "tacit"}
        resource = resources.Resource.create(name)
        self._provider = require("opentelemetry.sdk.trace", "traces").TracerProvider(
            resource=resource, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("tacit", __version__)
        stages.follow(self._stage, _carried)

    @contextmanager
    def request(
        self, headers: Sequence[tuple[bytes, bytes]], method: str, route: str, exchange: Exchange
    ) -> Iterator[None]:
        """Make a span of a request and its answer."""
        parent = self._propagator.extract(
            {name.decode(): value.decode("latin-1") for name, value in headers if name in _TRACE_HEADERS}
        )
        attributes = {"http.request.method": method, "http.route": route}
        kind = self._api.SpanKind.SERVER
        with self._tracer.start_as_current_span(
            f"{method} {route}", parent, kind=kind, attributes=attributes, **_WITHOUT_ERRORS
        ) as span:
            exchange.trace_id = self._api.format_trace_id(span.get_span_context().trace_id)
            yield
            span.set_attribute("http.response.status_code", exchange.status)
            if exchange.status >= _FAILED:
                span.set_status(self._api.StatusCode.ERROR)

    def close(self) -> None:
        """Send what waits, but not for long: the receiver may be gone."""
        stages.follow()
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(_CLOSING_SECONDS)

    def _stage(self, name: str) -> AbstractContextManager[Any]:
        # The threads of the store and of exposures work for nobody's request.
        if not self._api.get_current_span().is_recording():
            return nullcontext()
        span: AbstractContextManager[Any] = self._tracer.start_as_current_span(name, **_WITHOUT_ERRORS)
        return span


def traces_of(environment: Mapping[str, str]) -> Traces | None:
    """Return what makes traces where an address is set for them, else None.

    Where the extra is not installed, that is logged.
    """
    if not any(environment.get(one) for one in ADDRESSES) or environment.get("OTEL_SDK_DISABLED") == "true":
        return None
    try:
        exporter = require("opentelemetry.exporter.otlp.proto.http.trace_exporter", "traces")
        export = require("opentelemetry.sdk.trace.export", "traces")
        return Traces(export.BatchSpanProcessor(exporter.OTLPSpanExporter()))
    except MissingExtraError as error:
        _log.warning("there are no traces: %s", error)
        return None


def _carried(work: Callable[[], Any]) -> Callable[[], Any]:
    """Return work that knows the span of its request in another thread, or in another turn of the loop."""
    context = copy_context()
    return lambda: context.run(work)
