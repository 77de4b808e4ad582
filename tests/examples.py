"""How many examples a property is tried on: a share in the suite, more where TACIT_EXAMPLES says so.

    TACIT_EXAMPLES=20 .venv/bin/pytest tests/reading

tries twenty times as many, and all of long lists of cases.
"""

import os
from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import settings

Case = TypeVar("Case")

TIMES = float(os.environ.get("TACIT_EXAMPLES", "1"))


def examples(count: int, **more: Any) -> settings:
    """Return settings of a property: so many examples in the suite."""
    return settings(max_examples=max(1, round(count * TIMES)), **more)


def share_of(cases: Sequence[Case], every: int, first: int = 0) -> list[Case]:
    """Return each so many-th case, from the first one on; all of them where more examples are asked for."""
    return list(cases if TIMES > 1 else cases[first::every])
