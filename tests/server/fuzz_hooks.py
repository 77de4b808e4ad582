"""What schemathesis is told of this API beyond its document; loaded by its command (SCHEMATHESIS_HOOKS)."""

import json
from typing import Any

import schemathesis
from hypothesis import strategies as st


def is_id(text: str) -> bool:
    """At most 256 bytes, which JSON Schema cannot say."""
    return 0 < len(text.strip().encode()) <= 256 and text not in (".", "..")


schemathesis.openapi.format(
    "tacit-id", st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60).filter(is_id)
)


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> bytes:
    """Return a body of one line, whatever it holds."""
    return json.dumps(value).encode() + b"\n"
