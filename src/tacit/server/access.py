"""Who may call what: the one table of routes and roles. What is not in it is for the admin."""

from collections.abc import Collection
from typing import Literal

Role = Literal["read", "ingest", "admin"]
"""What a key may do. An admin may do everything; the other two are apart, and a key may have both."""
Needed = Literal["anyone", "key", "read", "ingest", "admin"]
"""Who may call a route: anyone, whoever has a key, or a key with this role."""

ROLES: tuple[Role, ...] = ("read", "ingest", "admin")

ACCESS: dict[tuple[str, str], Needed] = {
    ("GET", "/livez"): "anyone",
    ("GET", "/healthz"): "anyone",
    ("GET", "/readyz"): "anyone",
    ("GET", "/"): "key",
    ("GET", "/docs"): "key",
    ("GET", "/openapi.json"): "key",
    ("GET", "/metrics"): "read",
    ("GET", "/v1/users/{id}/recommendations"): "read",
    ("POST", "/v1/sessions/recommendations"): "read",
    ("GET", "/v1/items/{id}/similar"): "read",
    ("GET", "/v1/items/{id}"): "read",
    ("GET", "/v1/model"): "read",
    ("GET", "/v1/models"): "read",
    ("POST", "/v1/events"): "ingest",
    ("PUT", "/v1/items/{id}"): "ingest",
    ("PATCH", "/v1/items/{id}"): "ingest",
    ("PUT", "/v1/users/{id}"): "ingest",
    ("PATCH", "/v1/users/{id}"): "ingest",
    ("POST", "/v1/users/{id}/merge"): "ingest",
    ("GET", "/v1/users/{id}"): "admin",
    ("GET", "/v1/sessions/{id}"): "admin",
    ("DELETE", "/v1/users/{id}"): "admin",
    ("DELETE", "/v1/sessions/{id}"): "admin",
    ("DELETE", "/v1/items/{id}"): "admin",
    ("POST", "/v1/items"): "admin",
    ("POST", "/v1/model"): "admin",
}
"""By method and path, ``{id}`` for the id; HEAD is as GET. All that is known of a user is for the admin: a
key that fetches lists must not open histories."""


def needed(method: str, path: str) -> Needed:
    """Return who may call a route of the documents (``{id}`` stands for its id)."""
    return ACCESS.get(("GET" if method == "HEAD" else method, path), "admin")


def may(roles: Collection[Role], wanted: Needed) -> bool:
    """Return whether a key with some roles may call a route."""
    return wanted in ("anyone", "key") or "admin" in roles or wanted in roles
