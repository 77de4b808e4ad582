"""The page at ``/docs``: the routes of the OpenAPI description, without scripts and from nowhere else."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem }
body { color: #1c2430; background: #fff }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.05rem; margin: 2.2rem 0 .2rem }
h2 b { display: inline-block; min-width: 3.6rem; color: #0b6e5f }
pre { background: #f4f6f8; border: 1px solid #dfe4ea; border-radius: 6px; padding: .8rem }
pre { overflow-x: auto; font-size: 13px }
p, ul { margin: .3rem 0 } details summary { cursor: pointer; color: #44546a }
"""
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
"""Allows this style in the content security policy, and no other."""

_ID = re.compile(r"\{(\w+)\}")
_EXAMPLES = {"item_id": "i1", "user_id": "u1", "session_id": "s1"}
"""Ids in the examples."""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }} API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{{ style | safe }}</style></head><body>
<h1>{{ title }} {{ version }}</h1><p>{{ description }}</p>
<p>The whole description, for tools: <a href="openapi.json">openapi.json</a>. In the examples TACIT is the
address of this service{{ " and KEY a key of it" if needs_keys }}.</p>
<pre>export TACIT=localhost:8000{{ " KEY=tacit_..." if needs_keys }}</pre>
{% for route in routes %}
<h2><b>{{ route.method }}</b> <code>{{ route.path }}</code></h2>
<p>{{ route.summary }}{{ "." if route.needed }}
{{ route.needed }}</p>
<pre>{{ route.curl }}</pre>
{% if route.parameters %}<ul>{% for p in route.parameters %}
<li><code>{{ p.name }}</code> ({{ p.in }}{{ ", required" if p.required }}) {{ p.description or "" }}</li>
{% endfor %}</ul>{% endif %}
<details><summary>Answers</summary><ul>{% for status, text in route.answers %}
<li><code>{{ status }}</code> {{ text }}</li>
{% endfor %}</ul></details>
{% if route.body %}<details><summary>Body</summary><pre>{{ route.body }}</pre></details>{% endif %}
{% endfor %}
</body></html>
"""


def docs_page(openapi: Mapping[str, Any]) -> str:
    """Return the description of an API as HTML."""
    from jinja2 import Environment  # 30 ms, for the few who look at this page

    routes = [
        {
            "method": method.upper(),
            "path": path,
            "summary": route.get("summary", ""),
            "parameters": route.get("parameters", []),
            "needed": route.get("description", ""),
            "curl": curl(method.upper(), path, route),
            "answers": _answers(route, openapi),
            "body": _body(route),
        }
        for path, methods in openapi["paths"].items()
        for method, route in methods.items()
    ]
    template = Environment(autoescape=True).from_string(_PAGE)
    needs_keys = "securitySchemes" in openapi["components"]
    return template.render(**openapi["info"], routes=routes, needs_keys=needs_keys, style=_STYLE)


def curl(method: str, path: str, route: Mapping[str, Any]) -> str:
    """Return a call of a route as a command line; ``$TACIT`` is the address and ``$KEY`` the key."""
    words = ["curl"] if method == "GET" else ["curl", "-X", method]
    words.append(f'"$TACIT{_ID.sub(lambda match: _EXAMPLES[match[1]], path)}"')
    if "security" in route:
        words.append('-H "Authorization: Bearer $KEY"')
    for media, content in route.get("requestBody", {}).get("content", {}).items():
        body = json.dumps(content["example"], ensure_ascii=False)
        words += [f"-H 'Content-Type: {media}'", f"-d '{body}'"]
    return " ".join(words)


def _answers(route: Mapping[str, Any], openapi: Mapping[str, Any]) -> list[tuple[str, str]]:
    shared = openapi["components"]["responses"]
    return [
        (status, answer["description"] if "$ref" not in answer else shared[status]["description"])
        for status, answer in sorted(route["responses"].items())
    ]


def _body(route: Mapping[str, Any]) -> str:
    bodies = route.get("requestBody", {}).get("content", {})
    schema = next((content.get("schema") for content in bodies.values()), None)
    return json.dumps(schema, indent=2, ensure_ascii=False) if schema else ""
