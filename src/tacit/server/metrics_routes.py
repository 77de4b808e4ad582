"""``GET /metrics``."""

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from tacit.engine.engine import Engine
from tacit.server.exposition import MEDIA_TYPE, exposition
from tacit.server.service_metrics import Metrics


def add_metrics(app: FastAPI, engine: Engine, metrics: Metrics) -> None:
    """Add the route."""

    @app.get("/metrics", summary="Metrics of all workers, for Prometheus")
    async def get_metrics() -> Response:
        metrics.note(engine.figures())
        return Response(await run_in_threadpool(exposition, metrics), media_type=MEDIA_TYPE)
