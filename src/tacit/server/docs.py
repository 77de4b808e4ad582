"""The page at ``/docs``: the routes of the OpenAPI description, without scripts and from nowhere else."""

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }} API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head><body>
<h1>{{ title }} {{ version }}</h1><p>{{ description }}</p>
<p>The whole description: <a href="/openapi.json">/openapi.json</a></p>
{% for route in routes %}
<h2><code>{{ route.method }} {{ route.path }}</code></h2><p>{{ route.summary }}</p>
{% if route.parameters %}<ul>{% for p in route.parameters %}
<li><code>{{ p.name }}</code> ({{ p.in }}{{ ", required" if p.required }}) {{ p.description or "" }}</li>
{% endfor %}</ul>{% endif %}
{% if route.body %}<p>Body:</p><pre>{{ route.body }}</pre>{% endif %}
{% endfor %}
</body></html>
"""
_TEMPLATE = Environment(autoescape=True).from_string(_PAGE)


def docs_page(openapi: Mapping[str, Any]) -> str:
    """Return the description of an API as HTML."""
    routes = [
        {
            "method": method.upper(),
            "path": path,
            "summary": route.get("summary", ""),
            "parameters": route.get("parameters", []),
            "body": _body(route),
        }
        for path, methods in openapi["paths"].items()
        for method, route in methods.items()
    ]
    return _TEMPLATE.render(**openapi["info"], routes=routes)


def _body(route: Mapping[str, Any]) -> str:
    content = route.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema")
    return json.dumps(schema, indent=2, ensure_ascii=False) if schema else ""
