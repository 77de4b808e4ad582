"""Loops over one query, compiled: what `tacit.models` computes by NumPy, sooner and without the GIL.

Not for direct use: `tacit` takes these functions where they are installed, and its tests hold them to its
NumPy
code. `API` is the version of their signatures; `tacit` uses no other than the one it was written for.
"""

from tacit_kernels._kernels import (
    accumulated,
    best_allowed,
    best_of_each,
    history_rows,
    near_texts,
    nearest_sessions,
    text_scores,
    united,
)

API = 1

__all__ = [
    "API",
    "accumulated",
    "best_allowed",
    "best_of_each",
    "history_rows",
    "near_texts",
    "nearest_sessions",
    "text_scores",
    "united",
]
