"""Routes of users and sessions: what is known of one, changing, joining, forgetting.

A user and a session of one name are two, so each has a route of its own.
"""

from dataclasses import asdict

from fastapi import FastAPI, Request
from fastapi.responses import Response

from tacit.engine.engine import Engine
from tacit.server.bodies import attributes_in, attributes_like, json_response, parsed
from tacit.server.lane import Lane
from tacit.server.path_ids import Id
from tacit.server.schemas import MergeIn
from tacit.store.records import Subject


def add_user_routes(app: FastAPI, engine: Engine, writes: Lane) -> None:
    """Add the routes to an application; the work is done in a lane."""
    _add_attributes(app, engine, writes)
    _add_forgetting(app, engine, writes)


def _add_attributes(app: FastAPI, engine: Engine, writes: Lane) -> None:
    example = {"age": 34, "country": "NZ", "plan": "family"}

    def answer(user_id: str) -> Response:
        return json_response({"user_id": user_id, "model": engine.version})

    def put(user_id: str, body: bytes) -> Response:
        engine.put_user(user_id, attributes_in(body))
        return answer(user_id)

    def patch(user_id: str, body: bytes) -> Response:
        engine.users.patch(user_id, attributes_in(body))
        return answer(user_id)

    @app.put(
        "/v1/users/{user_id}",
        summary="Store or replace what is known of a user",
        openapi_extra=attributes_like(example, "user_id", "line"),
    )
    async def put_user(user_id: Id, request: Request) -> Response:
        body = await request.body()
        return await writes.run(lambda: put(user_id, body))

    @app.patch(
        "/v1/users/{user_id}",
        summary="Set some attributes of a user; the others stay, and null changes nothing",
        openapi_extra=attributes_like({"plan": "family"}, "user_id", "line"),
    )
    async def patch_user(user_id: Id, request: Request) -> Response:
        body = await request.body()
        return await writes.run(lambda: patch(user_id, body))


def _add_forgetting(app: FastAPI, engine: Engine, writes: Lane) -> None:
    def known(subject: Subject, id_: str) -> Response:
        return json_response(engine.users.known(subject, id_))

    def forget(subject: Subject, id_: str) -> Response:
        forgotten = engine.users.forget(subject, id_)
        return json_response({f"{subject}_id": id_, **asdict(forgotten), "model": engine.version})

    def merge(user_id: str, body: bytes) -> Response:
        merged = engine.users.merge(user_id, parsed(body, MergeIn).session_id)
        return json_response({**asdict(merged), "model": engine.version})

    @app.get("/v1/users/{user_id}", summary="Everything that is known of a user")
    async def get_user(user_id: Id) -> Response:
        return await writes.run(lambda: known("user", user_id), "known")

    @app.delete("/v1/users/{user_id}", summary="Forget a user")
    async def delete_user(user_id: Id) -> Response:
        return await writes.run(lambda: forget("user", user_id), "forget")

    schema = MergeIn.model_json_schema()
    body_of = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}

    @app.post(
        "/v1/users/{user_id}/merge",
        summary="Join a session with a user: its events and lists become the user's",
        openapi_extra=body_of,
    )
    async def merge_session(user_id: Id, request: Request) -> Response:
        body = await request.body()
        return await writes.run(lambda: merge(user_id, body), "merge")

    @app.get("/v1/sessions/{session_id}", summary="Everything that is known of a session")
    async def get_session(session_id: Id) -> Response:
        return await writes.run(lambda: known("session", session_id), "known")

    @app.delete("/v1/sessions/{session_id}", summary="Forget a session")
    async def delete_session(session_id: Id) -> Response:
        return await writes.run(lambda: forget("session", session_id), "forget")
