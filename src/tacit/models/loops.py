"""What the compiled forms of models are made of: rows, baselines and powers of a decay."""

from functools import lru_cache
from typing import Any

import numpy as np

from tacit.core.kernels import loops
from tacit.models.accumulate import Rows
from tacit.models.decay import powers
from tacit.models.sparse_scores import Baseline

_LONGEST = 2_000
"""Events of a history whose powers are in a table; those of earlier ones are computed."""


def rows_of(rows: Rows) -> Any:
    """Return rows of a matrix as compiled loops take them; nothing is copied."""
    return loops().Rows(rows.offsets, rows.columns, rows.values, rows.width)


def baseline_of(baseline: Baseline | None) -> Any:
    """Return a baseline as compiled loops take it."""
    if baseline is None:
        return loops().Baseline(np.empty(0, np.float32), np.empty(0, np.int32))
    return loops().Baseline(baseline.scores, baseline.order)


@lru_cache(maxsize=64)
def powers_of(decay: float) -> Any:
    """Return the powers of a decay as compiled loops take them."""
    return loops().Powers(powers(decay, _LONGEST), decay)
