"""The HTTP API over an engine: thin routes, one error form, work off the event loop."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

import anyio.to_thread
import orjson
from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from threadpoolctl import threadpool_limits

from tacit import __version__
from tacit.core.errors import InputError
from tacit.engine import requests as asked
from tacit.engine.engine import LONGEST_LIST, Engine, UnknownItemError
from tacit.server.docs import docs_page
from tacit.server.limits import Guard, problem
from tacit.server.schemas import EventIn, EventsIn, SessionIn
from tacit.store.events import StorageError, StorageFullError

_THREADS = 4
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

K = Annotated[int, Query(ge=1, le=LONGEST_LIST, description="Length of the list")]
Id = Annotated[str, Path(min_length=1, max_length=256)]
Body = TypeVar("Body", bound=BaseModel)


def create_app(
    engine: Engine, *, api_key: str | None = None, allowed_hosts: Sequence[str] = LOOPBACK
) -> FastAPI:
    """Return the ASGI application.

    Parameters
    ----------
    engine : Engine
    api_key : str, optional
        Asked for on every route but the health routes.
    allowed_hosts : sequence of str
        Values of the Host header that are answered; ``*`` answers all.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # One BLAS thread a request: two that spin for one query cost more than they bring.
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = _THREADS
        with threadpool_limits(1):
            yield
        engine.close()

    app = FastAPI(
        title="Tacit",
        version=__version__,
        description="Recommendations from what people do.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    _add_errors(app)
    _add_health(app, engine)
    _add_events(app, engine)
    _add_lists(app, engine)
    _add_items(app, engine)
    app.add_api_route("/docs", lambda: HTMLResponse(docs_page(app.openapi())), include_in_schema=False)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts))
    app.add_middleware(Guard, api_key=api_key)  # type: ignore[arg-type]
    return app


def _add_health(app: FastAPI, engine: Engine) -> None:
    @app.get("/healthz", summary="Is the process alive?")
    async def healthz() -> Response:
        return _json({"status": "ok"})

    @app.get("/readyz", summary="Can it answer?")
    async def readyz() -> Response:
        return _json({"status": "ok", **engine.health()})


def _add_events(app: FastAPI, engine: Engine) -> None:
    @app.post("/v1/events", summary="Store events", openapi_extra=_body_of(EventsIn, EventIn))
    async def post_events(request: Request) -> Response:
        batch = await _parsed(request, EventsIn)
        events, places, rejected = [], [], []
        for place, raw in enumerate(batch.events):
            try:
                one = EventIn.model_validate(raw)
            except ValidationError as error:
                rejected.append((place, _first(error)))
                continue
            events.append(asked.NewEvent(**one.model_dump()))
            places.append(place)
        observed = await _off_loop(lambda: engine.observe(events))
        rejected += [(places[at], reason) for at, reason in observed.rejected]
        told = [{"index": at, "reason": reason} for at, reason in sorted(rejected)]
        return _json({"accepted": observed.accepted, "rejected": told})


def _add_lists(app: FastAPI, engine: Engine) -> None:
    @app.get("/v1/users/{user_id}/recommendations", summary="Recommend to a user")
    async def for_user(user_id: Id, k: K = 10, allow_seen: bool = False) -> Response:
        request = asked.Request(user_id=user_id, k=k, allow_seen=allow_seen)
        return _list(await _off_loop(lambda: engine.recommend(request)))

    @app.post(
        "/v1/sessions/recommendations",
        summary="Recommend to an anonymous history",
        openapi_extra=_body_of(SessionIn),
    )
    async def for_session(request: Request) -> Response:
        body = await _parsed(request, SessionIn)
        wanted = asked.Request(
            session_id=body.session_id, items=tuple(body.items), k=body.k, allow_seen=body.allow_seen
        )
        return _list(await _off_loop(lambda: engine.recommend(wanted)))

    @app.get("/v1/items/{item_id}/similar", summary="More like this")
    async def similar(item_id: Id, k: K = 10) -> Response:
        return _list(await _off_loop(lambda: engine.similar(item_id, k)))


def _add_items(app: FastAPI, engine: Engine) -> None:
    example = {"title": "Trail running shoes", "description": "Light, for muddy paths", "price": 89.5}
    body = {
        "requestBody": {"content": {"application/json": {"schema": {"type": "object", "example": example}}}}
    }

    @app.put("/v1/items/{item_id}", summary="Add or replace an item", openapi_extra=body)
    async def put_item(item_id: Id, request: Request) -> Response:
        attributes = _loaded(await request.body())
        if not isinstance(attributes, dict):
            raise HTTPException(422, "the body must be a JSON object of attributes")
        await _off_loop(lambda: engine.put_item(item_id, attributes))
        return _json({"item_id": item_id, "model": engine.version})


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def told(_: Request, error: HTTPException) -> Response:
        return _problem(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return _problem(422, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")

    @app.exception_handler(UnknownItemError)
    async def unknown(_: Request, error: UnknownItemError) -> Response:
        return _problem(404, str(error))

    @app.exception_handler(InputError)
    async def bad(_: Request, error: InputError) -> Response:
        return _problem(422, str(error))

    @app.exception_handler(StorageError)
    async def storage(_: Request, error: StorageError) -> Response:
        return _problem(507 if isinstance(error, StorageFullError) else 503, str(error))


_TITLES = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 422: "Unprocessable Content",
           503: "Service Unavailable", 507: "Insufficient Storage"}  # fmt: skip


def _problem(status: int, detail: str) -> Response:
    content = problem(status, _TITLES.get(status, "Error"), detail.encode("utf-8", "replace").decode())
    return Response(content, status, media_type="application/problem+json")


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def _list(answer: asked.Response) -> Response:
    return _json(answer)  # orjson writes dataclasses by itself


async def _off_loop(work: Callable[[], Any]) -> Any:
    return await anyio.to_thread.run_sync(work)


async def _parsed(request: Request, kind: type[Body]) -> Body:
    try:
        return kind.model_validate(_loaded(await request.body()))
    except ValidationError as error:
        raise HTTPException(422, _first(error)) from error


def _loaded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not valid JSON: {error}") from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def _body_of(kind: type[BaseModel], part: type[BaseModel] | None = None) -> dict[str, Any]:
    schema = kind.model_json_schema()
    if part is not None:
        schema["properties"]["events"]["items"] = part.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
