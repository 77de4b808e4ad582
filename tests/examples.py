"""How many examples a property is tried on: a share in the suite, more where TACIT_EXAMPLES says so.

    TACIT_EXAMPLES=20 .venv/bin/pytest tests/reading

tries twenty times as many.
"""

import os
from typing import Any

from hypothesis import settings

TIMES = float(os.environ.get("TACIT_EXAMPLES", "1"))


def examples(count: int, **more: Any) -> settings:
    """Return settings of a property: so many examples in the suite."""
    return settings(max_examples=max(1, round(count * TIMES)), **more)
