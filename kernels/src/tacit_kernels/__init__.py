"""Loops over one query, compiled: what `tacit` computes by NumPy, sooner and without the GIL.

Not for direct use: `tacit` takes these functions where they are installed, and its tests hold them to its
NumPy code. `API` is the version of their signatures; `tacit` uses no other than the one it was written for.
"""

from tacit_kernels._kernels import (
    Blend,
    Features,
    Histories,
    SecondStage,
    accumulated,
    best_allowed,
    best_listed,
    best_of_each,
    best_places,
    best_with_unseen,
    decayed,
    entries_between,
    history_rows,
    log_softmax,
    nameable,
    near_texts,
    nearest_sessions,
    normalised_features,
    rest_below,
    standardised,
    strongest_by_cosines,
    strongest_by_sums,
    text_scores,
    text_sides,
    unit_values,
    united,
    with_unseen,
)

API = 3

__all__ = [
    "API",
    "Blend",
    "Features",
    "Histories",
    "SecondStage",
    "accumulated",
    "best_allowed",
    "best_listed",
    "best_of_each",
    "best_places",
    "best_with_unseen",
    "decayed",
    "entries_between",
    "history_rows",
    "log_softmax",
    "nameable",
    "near_texts",
    "nearest_sessions",
    "normalised_features",
    "rest_below",
    "standardised",
    "strongest_by_cosines",
    "strongest_by_sums",
    "text_scores",
    "text_sides",
    "unit_values",
    "united",
    "with_unseen",
]
