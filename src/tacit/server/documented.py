"""What every route answers and refuses, as the OpenAPI document says it: one table.

The routes themselves answer with bytes that are made once (`orjson`), so nothing here runs when a request is
answered; a test holds real answers against these schemas. A field with a default
may be absent.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import UnionType
from typing import Any, get_args, get_origin

from tacit.core.types import Json
from tacit.engine import known_users, requests
from tacit.server.access import ACCESS
from tacit.server.problems import MEDIA_TYPE


@dataclass
class Alive:
    """The process answers."""

    status: str


@dataclass
class Ready:
    """What the process answers from."""

    status: str
    model: str
    items: int
    users: int
    store: str
    updates: dict[str, Json] = field(default_factory=dict)


@dataclass
class RejectedEvent:
    """An event that was not stored."""

    index: int
    reason: str
    status: int = 422


@dataclass
class EventWarning:
    """What is not known in an event that was stored."""

    index: int
    warning: str


@dataclass
class EventReport:
    """What became of a batch of events."""

    accepted: int
    rejected: list[RejectedEvent]
    warnings: list[EventWarning]


@dataclass
class ItemChanged:
    """An item was changed."""

    item_id: str
    model: str
    warnings: list[str] = field(default_factory=list)


@dataclass
class Item:
    """What is known of an item."""

    item_id: str
    attributes: dict[str, Json]
    model: str


@dataclass
class RejectedLine:
    """A line that was not stored."""

    line: int
    reason: str


@dataclass
class LineWarning:
    """What is to be said of a line that was stored."""

    line: int
    warning: str


@dataclass
class LineReport:
    """What became of the lines of a body."""

    accepted: int
    rejected: list[RejectedLine]
    rejected_count: int
    warnings: list[LineWarning]
    warning_count: int


@dataclass
class UserChanged:
    """Attributes of a user were stored."""

    user_id: str
    model: str


@dataclass
class StoredEvent:
    """An event of the store."""

    event_id: str
    item_id: str
    event: str
    timestamp: float
    value: float | None
    given_at: float = 0.0
    received: float = 0.0
    recommendation_id: str = ""
    position: int = 0
    source: str = ""


@dataclass
class ShownList:
    """A list that was shown."""

    recommendation_id: str
    model: str
    timestamp: float
    items: list[Json]
    propensities: list[Json] = field(default_factory=list)


@dataclass(frozen=True)
class JoinedSession:
    """A session that was joined with the user."""

    session_id: str
    timestamp: float


@dataclass
class LearnedEvent:
    """An event of the log that the model was fitted on."""

    item_id: str
    event: str
    timestamp: float
    weight: float


@dataclass
class KnownUser:
    """All that is known of a user."""

    user_id: str
    events: list[StoredEvent]
    exposures: list[ShownList]
    attributes: dict[str, Json]
    sessions: list[JoinedSession]
    history: list[LearnedEvent]
    traits: dict[str, Json]
    model: str


@dataclass
class KnownSession:
    """All that is known of a session."""

    session_id: str
    events: list[StoredEvent]
    exposures: list[ShownList]
    history: list[LearnedEvent]
    model: str


@dataclass(frozen=True, kw_only=True)
class Joined(known_users.Merged):
    """A session was joined with a user."""

    model: str


@dataclass(frozen=True, kw_only=True)
class ForgottenUser(known_users.Forgotten):
    """What became of a user that was deleted."""

    user_id: str
    model: str


@dataclass(frozen=True, kw_only=True)
class ForgottenSession(known_users.Forgotten):
    """What became of a session that was deleted."""

    session_id: str
    model: str


@dataclass
class RefusedVersion:
    """A version that the service refused."""

    version: str | None
    reason: str


@dataclass
class ServedModel:
    """The version that is served."""

    version: str | None
    model: str
    refused: RefusedVersion | None
    loading: str = ""


@dataclass
class Version:
    """A version of a model directory."""

    version: str
    model: str | None
    written_at: float | None
    bytes: int
    problem: str | None


@dataclass
class ListedVersions:
    """The versions of a model directory, oldest first."""

    current: str | None
    versions: list[Version]


@dataclass
class Problem:
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str = ""


@dataclass(frozen=True)
class Documented:
    """What a route answers.

    Attributes
    ----------
    good : mapping of int to type or str
        Schema, or media type of what is no JSON, by status.
    refused : tuple of int
        Beside what any route may be refused with.
    bad : mapping of int to type
        Refusals that are no problem documents.
    example : object
        A body, for the documents.
    """

    good: Mapping[int, Any]
    refused: tuple[int, ...] = ()
    bad: Mapping[int, Any] = field(default_factory=dict)
    example: object = None


_ANY = (400, 401, 403, 408, 413, 415, 429, 431, 500)
"""What the guard refuses any request with."""
_OPEN_TO_ALL = tuple(status for status in _ANY if status not in (401, 429))
_LISTS = (404, 405, 422, 503)
_WRITES = (404, 405, 422, 503, 507)
_EVENT = {"user_id": "u1", "item_id": "i1", "event": "view"}
_ITEM = {"title": "Trail running shoes", "description": "Light, for muddy paths", "price": 89.5}

_LIST = requests.Response | requests.DegradedResponse

DOCUMENTED: dict[tuple[str, str], Documented] = {
    ("GET", "/livez"): Documented({200: Alive}),
    ("GET", "/healthz"): Documented({200: Alive}),
    ("GET", "/readyz"): Documented({200: Ready}, (503,)),
    ("GET", "/metrics"): Documented({200: "text/plain"}, (503,)),
    ("POST", "/v1/events"): Documented(
        {200: EventReport, 207: EventReport},
        (422, 503, 507),
        {409: EventReport, 422: EventReport},
        {"events": [_EVENT]},
    ),
    ("GET", "/v1/users/{id}/recommendations"): Documented({200: _LIST}, _LISTS),
    ("POST", "/v1/sessions/recommendations"): Documented(
        {200: _LIST}, (422, 503), example={"items": ["i1", "i2"], "k": 3}
    ),
    ("GET", "/v1/items/{id}/similar"): Documented({200: _LIST}, _LISTS),
    ("GET", "/v1/items/{id}"): Documented({200: Item}, _WRITES),
    ("PUT", "/v1/items/{id}"): Documented({200: ItemChanged}, _WRITES, example=_ITEM),
    ("PATCH", "/v1/items/{id}"): Documented({200: ItemChanged}, _WRITES, example={"available": False}),
    ("DELETE", "/v1/items/{id}"): Documented({200: ItemChanged}, _WRITES),
    ("POST", "/v1/items"): Documented(
        {200: LineReport}, (422, 503, 507), {422: LineReport}, {"item_id": "new-1"} | _ITEM
    ),
    ("GET", "/v1/users/{id}"): Documented({200: KnownUser}, _WRITES),
    ("PUT", "/v1/users/{id}"): Documented({200: UserChanged}, _WRITES, example={"age": 34, "country": "NZ"}),
    ("PATCH", "/v1/users/{id}"): Documented({200: UserChanged}, _WRITES, example={"plan": "family"}),
    ("DELETE", "/v1/users/{id}"): Documented({200: ForgottenUser}, _WRITES),
    ("POST", "/v1/users/{id}/merge"): Documented({200: Joined}, _WRITES, example={"session_id": "s1"}),
    ("GET", "/v1/sessions/{id}"): Documented({200: KnownSession}, _WRITES),
    ("DELETE", "/v1/sessions/{id}"): Documented({200: ForgottenSession}, _WRITES),
    ("GET", "/v1/model"): Documented({200: ServedModel}),
    ("GET", "/v1/models"): Documented({200: ListedVersions}),
    ("POST", "/v1/model"): Documented(
        {200: ServedModel, 202: ServedModel}, (409, 422, 507), example={"version": "20260805T142233Z-0f9a"}
    ),
}
"""By method and path, ``{id}`` for the id."""

_WHEN = {
    400: "The body is no JSON or incomplete, the path no UTF-8, the Host header not that of the service",
    401: "No key, a wrong one, or one that has expired",
    403: "The key has another role, or the request comes from a page of another site",
    404: "There is no such item, user or route",
    405: "The route does not take this method",
    408: "The body did not arrive in time",
    409: "It does not fit what is stored or served",
    413: "The body is too large",
    415: "The body is packed, or of another type",
    422: "A value in the body, the path or the query cannot be used; the detail says which",
    429: "The key sends more than it may, or many wrong keys come from this address",
    431: "The headers are too large",
    500: "A fault of the service; its log tells more",
    503: "Too many requests, or the store or the encoder does not answer; send it again",
    507: "There is no room in the store; send it again later",
}
_LATER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}}
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_ROLES = {
    "key": "Any key opens it.",
    "read": "It needs a key with the role read.",
    "ingest": "It needs a key with the role ingest.",
    "admin": "It needs a key with the role admin.",
}


def documented(openapi: dict[str, Any], *, needs_keys: bool) -> dict[str, Any]:
    """Return the document of an application with what its routes answer and refuse.

    Parameters
    ----------
    openapi : dict
        Of FastAPI; it is changed.
    needs_keys : bool
    """
    schemas: dict[str, Any] = {}
    components: dict[str, Any] = openapi.setdefault("components", {})
    components["schemas"] = schemas
    components["responses"] = {str(status): _refusal(status, schemas) for status in _WHEN}
    if needs_keys:
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
    for path, methods in openapi["paths"].items():
        for method, route in methods.items():
            place = method.upper(), place_of(path)
            needed = ACCESS.get(place, "admin")
            for parameter in route.get("parameters", ()):
                _mend(parameter["schema"])
            for content in route.get("requestBody", {}).get("content", {}).values():
                content["example"] = DOCUMENTED[place].example
            route["responses"] = _responses(DOCUMENTED[place], needed == "anyone", schemas)
            if needs_keys and needed != "anyone":
                route["description"] = _ROLES[needed]
                route["security"] = [{"bearer": []}, {"header": []}]
    return openapi


def _mend(schema: dict[str, Any]) -> None:
    """Give bounds their names of JSON Schema: pydantic leaves those of a number that it checks after text."""
    for ours, name in (("ge", "minimum"), ("le", "maximum")):
        if ours in schema:
            schema[name] = schema.pop(ours)


def place_of(path: str) -> str:
    """Return a path of the document as the tables have it: ``{id}`` for the id."""
    head, brace, rest = path.partition("{")
    return f"{head}{{id}}{rest.partition('}')[2]}" if brace else path


def _responses(route: Documented, is_open: bool, schemas: dict[str, Any]) -> dict[str, Any]:
    refused = {*(_OPEN_TO_ALL if is_open else _ANY), *route.refused, *route.bad}
    found: dict[str, Any] = {
        str(status): _good("Done" if status < 202 else "Done in part", kind, schemas)
        for status, kind in route.good.items()
    }
    for status in sorted(refused):
        found[str(status)] = {"$ref": f"#/components/responses/{status}"}
    for status, kind in route.bad.items():
        report = _good(_WHEN[status], kind, schemas)
        if status in (*_ANY, *route.refused):
            report["content"] |= _problem(schemas)
        found[str(status)] = report
    return found


def _good(description: str, kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    media, schema = (kind, {"type": "string"}) if isinstance(kind, str) else ("application/json", None)
    return {
        "description": description,
        "content": {media: {"schema": schema or _schema(kind, schemas)}},
    }


def _refusal(status: int, schemas: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _WHEN[status], "content": _problem(schemas)}
    if status in (429, 503, 507):
        answer["headers"] = _LATER
    return answer


def _problem(schemas: dict[str, Any]) -> dict[str, Any]:
    return {MEDIA_TYPE: {"schema": _schema(Problem, schemas)}}


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type; that of a dataclass is added to the others, and a reference returned."""
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind == Json:
        return {}
    origin, inside = get_origin(kind), get_args(kind)
    if origin is list:
        return {"type": "array", "items": _schema(inside[0], schemas)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(inside[1], schemas)}
    if origin is UnionType:
        return {"anyOf": [_schema(one, schemas) for one in inside]}
    name = kind.__name__
    if name not in schemas:
        schemas[name] = {}
        schemas[name] |= _object(kind, schemas)
    return {"$ref": f"#/components/schemas/{name}"}


def _object(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    parts = fields(kind)
    may_lack = {
        one.name
        for one in parts
        if kind.__module__ == __name__ and (one.default is not MISSING or one.default_factory is not MISSING)
    }
    return {
        "type": "object",
        "description": str(kind.__doc__).partition("\n")[0],
        "properties": {one.name: _schema(one.type, schemas) for one in parts},
        "required": [one.name for one in parts if one.name not in may_lack],
    }
