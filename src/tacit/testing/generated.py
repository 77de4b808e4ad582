"""A small log with planted tastes: enough for a model to prove that it learns, in milliseconds.

Items belong to groups; a user has one main group and a second one, and wants popular items more often. The
vectors of the items point in the direction of their group. Every event has its own time.
"""

import numpy as np
import polars as pl

from tacit.core.types import DAY
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions

N_GROUPS = 6
_START = 1.7e9
_DAYS = 60


def small_catalogue(rng: np.random.Generator, n_items: int = 90, first: int = 0) -> Catalogue:
    """Return a catalogue with a title, a group, a price and a vector for each item.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_items : int
    first : int
        Number of the first item: its id is ``i<number>``, its group the number modulo `N_GROUPS`.
    """
    frame = small_items(n_items, first)
    return Catalogue.from_frame(frame).with_vectors(small_vectors(rng, n_items, first))


def small_items(n_items: int, first: int = 0) -> pl.DataFrame:
    """Return the frame of the generated items."""
    numbers = range(first, first + n_items)
    return pl.DataFrame(
        {
            col.ITEM: [f"i{number:04d}" for number in numbers],
            col.TITLE: [f"thing {number} of group {number % N_GROUPS}" for number in numbers],
            "group": [f"g{number % N_GROUPS}" for number in numbers],
            "price": [5.0 + number % 7 for number in numbers],
        }
    )


def small_vectors(rng: np.random.Generator, n_items: int, first: int = 0) -> np.ndarray:
    """Return the vectors of the generated items: float32[items, 16]."""
    groups = (first + np.arange(n_items)) % N_GROUPS
    return (np.eye(16)[groups] + 0.1 * rng.standard_normal((n_items, 16)) + 1.0).astype(np.float32)


def small_events(rng: np.random.Generator, n_items: int = 90, n_users: int = 150) -> pl.DataFrame:
    """Return cleaned events of the generated items: views and purchases, some disliked."""
    lengths = rng.integers(6, 25, n_users)
    user = np.repeat(np.arange(n_users), lengths)
    second = rng.random(len(user)) < 0.25
    group = np.where(second, user * 5 + 2, user) % N_GROUPS
    rank = np.minimum(rng.geometric(0.15, len(user)) - 1, n_items // N_GROUPS - 1)
    kind = rng.choice(["view", "purchase", "dislike"], len(user), p=[0.75, 0.2, 0.05])
    return pl.DataFrame(
        {
            col.USER: [f"u{code:03d}" for code in user],
            col.ITEM: [f"i{number:04d}" for number in rank * N_GROUPS + group],
            col.EVENT: kind,
            col.TIMESTAMP: _START + np.sort(rng.random(len(user)))[rng.permutation(len(user))] * _DAYS * DAY,
            col.SEQ: pl.Series([None] * len(user), dtype=pl.Int64),
            col.WEIGHT: pl.Series(
                np.where(kind == "dislike", -1.0, np.where(kind == "view", 1, 3)), dtype=pl.Float32
            ),
        }
    )


def small_log(seed: int = 7) -> tuple[Interactions, Catalogue]:
    """Return the generated log and its catalogue."""
    rng = np.random.default_rng(seed)
    catalogue = small_catalogue(rng)
    return Interactions.from_frame(small_events(rng), catalogue.items), catalogue
