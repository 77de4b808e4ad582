"""Every route of the application, with no key, a wrong one, one that expired, and one of each role."""

import asyncio
import re
from collections.abc import Iterator, Sequence

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route as StarletteRoute
from tests.served import small_snapshot

from tacit.core.clock import FixedClock
from tacit.engine.engine import Engine
from tacit.server.access import ACCESS, ROLES, needed
from tacit.server.app import GuardedAPI, create_app
from tacit.server.keyring import Keyring
from tacit.server.keys import Key, digest_of
from tacit.store.events import EventStore

OPEN = {"/livez", "/readyz", "/healthz"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def keys() -> list[Key]:
    live = [Key(role, (role,), digest_of(role.encode()), number=at) for at, role in enumerate(ROLES)]
    return [*live, Key("late", ROLES, digest_of(b"late"), expires=5.0, number=9)]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedAPI]:
    engine = Engine(small_snapshot(), EventStore(f"sqlite:///{tmp_path_factory.mktemp('access') / 'x.db'}"))
    yield create_app(engine, keys=Keyring(keys(), clock=FixedClock(10.0)))
    engine.close()


def routes(app: GuardedAPI) -> set[tuple[str, str]]:
    """Return method and path of all that the application answers, as the table has them."""
    found = {(one.method, one.path) for one in app.guard.routes}
    for route in app.routes:
        assert isinstance(route, APIRoute | StarletteRoute)
        path = re.sub(r"\{\w+\}", "{id}", route.path)
        found |= {(method, path) for method in route.methods or ()}
    return found


def statuses(app: GuardedAPI, sent: Sequence[tuple[str, str, str]]) -> list[int]:
    """Return the statuses of method, path and key."""

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answers = []
            for method, path, key in sent:
                headers = {"x-api-key": key} if key else {}
                answers.append((await http.request(method, path, headers=headers)).status_code)
            return answers

    return asyncio.run(ask())


@pytest.mark.promise("P39")
@pytest.mark.fault(43, 47)
def test_every_route_refuses_everybody_but_those_with_its_role(app: GuardedAPI) -> None:
    places = sorted(routes(app) | ACCESS.keys())
    assert len(places) > 15
    # A key that is wrong is counted as a guess, so that after some of them the answer is 429.
    senders = ["", "wrong", "late", *ROLES]
    asked = [(place, key) for place in places for key in senders]
    answers = statuses(app, [(method, path.format(id="u"), key) for (method, path), key in asked])
    for ((method, path), key), status in zip(asked, answers, strict=True):
        wanted = needed(method, path)
        may = wanted == "anyone" or key == "admin" or (key in ROLES and wanted in ("key", key))
        if may:
            assert status not in (401, 403, 429), (method, path, key)
        else:
            expected = {"": {401}, "late": {401}, "wrong": {401, 429}}.get(key, {403})
            assert status in expected, (method, path, key, status)


@pytest.mark.promise("P39")
@pytest.mark.fault(43)
def test_every_route_stands_in_the_table_and_only_the_health_is_open(app: GuardedAPI) -> None:
    found = routes(app)
    assert {("GET" if method == "HEAD" else method, path) for method, path in found} <= ACCESS.keys()
    assert {path for _, path in ACCESS} == {path for _, path in found}
    assert {path for (_, path), wanted in ACCESS.items() if wanted == "anyone"} == OPEN
    assert {place for place in ACCESS if place[0] == "DELETE" and ACCESS[place] != "admin"} == set()


@pytest.mark.promise("P39")
@pytest.mark.fault(43)
@pytest.mark.parametrize("path", ["/docs/", "/v1/", "/v1/users/u/", "/v1/users/u/more", "/%64ocs", "/x"])
def test_what_is_no_route_is_for_the_admin(app: GuardedAPI, path: str) -> None:
    for method in METHODS:
        assert statuses(app, [(method, path, key) for key in ("", "read", "ingest")]) == [401, 403, 403]
        assert statuses(app, [(method, path, "admin")])[0] in (404, 405)


def test_the_root_leads_to_the_documents(app: GuardedAPI) -> None:
    async def ask(**headers: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
            return await http.get("/", headers=headers)

    answer = asyncio.run(ask(authorization="Bearer read"))
    assert (answer.status_code, answer.headers["location"]) == (307, "docs")
    without = asyncio.run(ask())
    assert without.status_code == 401
    assert "the routes are described at /docs" in without.json()["detail"]
