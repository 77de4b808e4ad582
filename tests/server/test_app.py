"""What a fault of the store, or of ours, looks like from outside."""

import asyncio
import threading
from collections.abc import Sequence

import httpx
import pytest

from tacit.core.errors import ArtifactError, DataError, TacitError
from tacit.engine.engine import Engine
from tacit.engine.requests import NewEvent, Observed, Request, Response
from tacit.server.app import create_app
from tacit.store.events import StorageError, StorageFullError


class Failing(Engine):
    """An engine without a snapshot, whose every write fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self._store = None

    def observe(self, events: Sequence[NewEvent]) -> Observed:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StorageFullError("there is no room"), 507),
        (StorageError("secret host"), 503),
        (DataError("bad"), 422),
        (ArtifactError("the secret encoder"), 500),
        (TacitError("secret"), 500),
        (RuntimeError("secret detail"), 500),
    ],
)
def test_each_fault_has_its_status_and_no_inner_detail(error: Exception, status: int) -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(Failing(error)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            event = {"user_id": "u", "item_id": "i", "event": "view"}
            return await http.post("/v1/events", json={"events": [event]})

    answer = asyncio.run(ask())
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("retry-after" in answer.headers) == (status in (503, 507))
    assert "secret" not in answer.text


class Named(Engine):
    """An engine whose lists say which thread computed them."""

    def __init__(self, *, local: bool) -> None:
        self._local = local

    @property
    def reads_locally(self) -> bool:
        return self._local

    def recommend(self, request: Request) -> Response:
        return Response(threading.current_thread().name, "m", [])


@pytest.mark.parametrize(("local", "place"), [(True, "MainThread"), (False, "tacit-answers")])
def test_lists_are_computed_in_the_loop_only_if_no_other_machine_is_waited_for(
    local: bool, place: str
) -> None:
    async def last_place() -> str:
        transport = httpx.ASGITransport(create_app(Named(local=local)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            for _ in range(30):
                answer = await http.get("/v1/users/u/recommendations")
        return str(answer.json()["recommendation_id"])

    assert asyncio.run(last_place()).startswith(place)
