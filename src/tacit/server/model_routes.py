"""Routes of the versions of the model: which one is served, which there are, and a change to another.

Any worker may take the request for a change. It checks the files of the version, writes its name to
``CURRENT``, and then waits for the parent, which notices that and hands the version to all workers.
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from tacit.core.errors import ArtifactError
from tacit.core.manifest import verify
from tacit.core.types import Json
from tacit.engine.engine import Engine
from tacit.server.bodies import json_response, parsed
from tacit.server.schemas import VersionIn
from tacit.server.watching import Refusal
from tacit.store.versions import Versions, is_model_directory

_PATIENCE = 25.0
"""Seconds that a request for a change waits until the version is served."""
_LOOK = 0.02


class Served(Protocol):
    """What a worker knows of the version that it serves."""

    version: str | None
    """Its name; None for a snapshot alone."""
    refused: Any
    """Version and reason of what was refused last, since the last change; None for nothing."""
    problems: dict[str, str]
    """What is wrong with versions that were refused, by name."""

    def note_damaged(self, version: str, reason: str) -> None:
        """Note that a version was found to be damaged."""


@dataclass
class NothingElse:
    """Of an application without a parent: it serves one snapshot to its end."""

    version: str | None = None
    refused: Any = None
    problems: dict[str, str] = field(default_factory=dict)

    def note_damaged(self, version: str, reason: str) -> None:
        """Note that a version was found to be damaged."""
        self.problems[version] = reason


class ModelRoutes:
    """The routes, for one model directory.

    Parameters
    ----------
    engine : Engine
    served : Served
    directory : Path, optional
        Of the service; a snapshot has no versions to choose from.
    """

    def __init__(self, engine: Engine, served: Served, directory: Path | None) -> None:
        self._engine = engine
        self._served = served
        is_known = directory is not None and is_model_directory(directory)
        self._versions = Versions(directory) if is_known and directory is not None else None
        self._changing = asyncio.Lock()

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.get("/v1/model", summary="Which version of the model answers")(self.get_model)
        app.get("/v1/models", summary="The versions of the model")(self.get_models)
        app.post(
            "/v1/model",
            summary="Change to another version of the model",
            openapi_extra=_body_of(VersionIn),
        )(self.post_model)

    async def get_model(self) -> Response:
        """Answer which version is served."""
        return json_response(self._about())

    async def get_models(self) -> Response:
        """Answer which versions there are, oldest first."""
        return json_response(await asyncio.to_thread(self._listed))

    async def post_model(self, request: Request) -> Response:
        """Change to another version; 202 if it takes longer than the request may."""
        name = parsed(await request.body(), VersionIn).version
        versions = self._versions
        if versions is None:
            raise HTTPException(
                409, "this service has one snapshot and no versions; serve a directory of tacit publish"
            )
        async with self._changing:
            before = await asyncio.to_thread(self._switched, versions, name)
            if await self._is_served(name):
                return json_response(self._about())
            refused = self._refused(name)
            if refused:
                await asyncio.to_thread(_switch_back, versions, name, before)
                raise HTTPException(409, f"the version {name} is refused: {refused}")
        return json_response({**self._about(), "loading": name}, 202)

    async def _is_served(self, name: str) -> bool:
        """Wait until a version is served or refused, and return whether it is served."""
        end = time.monotonic() + _PATIENCE
        while self._served.version != name and not self._refused(name) and time.monotonic() < end:
            await asyncio.sleep(_LOOK)
        return self._served.version == name

    def _refused(self, name: str) -> str:
        refused = self._served.refused
        return str(refused["reason"]) if refused is not None and refused["version"] == name else ""

    def _about(self) -> dict[str, Json]:
        return {
            "version": self._served.version,
            "model": self._engine.version,
            "refused": self._served.refused,
        }

    def _listed(self) -> dict[str, Json]:
        versions = self._versions
        if versions is None:
            return {"current": None, "versions": []}
        try:
            current: str | None = versions.current()
        except ArtifactError:
            current = None
        listed: list[Json] = []
        for one in versions.listed():
            problem = _shown(one.problem, versions) or self._served.problems.get(one.name)
            listed.append({**one.to_json(), "problem": problem})
        return {"current": current, "versions": listed}

    def _switched(self, versions: Versions, name: str) -> str | None:
        """Make a whole version current and return the name of the one before, where it is known.

        Raises
        ------
        HTTPException
            422 if there is no such version, 409 if it is damaged; the current one stays.
        """
        try:
            place = versions.known(name)
        except ArtifactError as error:
            raise HTTPException(422, _shown(error, versions)) from error
        try:
            before: str | None = versions.current()
        except ArtifactError:
            before = None
        try:
            verify(place)
        except ArtifactError as error:
            self._served.note_damaged(name, _shown(error, versions))
            raise HTTPException(409, f"the version {name} is refused: {_shown(error, versions)}") from error
        try:
            versions.switch(name)
        except OSError as error:
            reason = error.strerror or error
            raise HTTPException(507, f"the name of the version cannot be written: {reason}") from error
        return before


def _shown(error: object, versions: Versions) -> str:
    return Refusal.of(None, str(error), versions.directory).reason


def _switch_back(versions: Versions, name: str, before: str | None) -> None:
    """Make the version before current again, unless somebody chose another one meanwhile."""
    try:
        if before is not None and versions.current() == name:
            versions.switch(before)
    except (ArtifactError, OSError):  # what is served stays as it is
        return


def _body_of(kind: type[BaseModel]) -> dict[str, Any]:
    schema = kind.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
