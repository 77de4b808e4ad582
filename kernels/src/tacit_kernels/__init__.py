"""Loops over one query, compiled: what `tacit` computes by NumPy, sooner and without the GIL.

Not for direct use: `tacit` takes these functions where they are installed, and its tests hold them to its
NumPy code. `API` is the version of their signatures; `tacit` uses no other than the one it was written for.
"""

from tacit_kernels._kernels import (
    accumulated,
    best_allowed,
    best_listed,
    best_of_each,
    best_places,
    blended,
    history_features,
    history_rows,
    label_features,
    log_softmax,
    near_texts,
    nearest_sessions,
    neighbour_features,
    normalised_features,
    people_features,
    popularity_features,
    price_features,
    rest_below,
    retrieval_features,
    similarity_features,
    standardised,
    text_scores,
    united,
    with_unseen,
)

API = 2

__all__ = [
    "API",
    "accumulated",
    "best_allowed",
    "best_listed",
    "best_of_each",
    "best_places",
    "blended",
    "history_features",
    "history_rows",
    "label_features",
    "log_softmax",
    "near_texts",
    "nearest_sessions",
    "neighbour_features",
    "normalised_features",
    "people_features",
    "popularity_features",
    "price_features",
    "rest_below",
    "retrieval_features",
    "similarity_features",
    "standardised",
    "text_scores",
    "united",
    "with_unseen",
]
