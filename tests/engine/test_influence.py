"""Whose new events are held back."""

import numpy as np
import polars as pl
import pytest

from tacit.core.types import DAY, Bool
from tacit.engine.influence import held

USERS, DAYS = 300, 60


def usual() -> pl.DataFrame:
    """Users with one to forty events a month; the busiest has three a day."""
    rng = np.random.default_rng(1)
    users = [f"u{place}" for place in range(USERS) for _ in range(2 + place % 80)] + ["busy"] * 3 * DAYS
    return pl.DataFrame({"user_id": users, "timestamp": np.sort(rng.uniform(0, DAYS * DAY, len(users)))})


def judged(new: pl.DataFrame, *trusted: str) -> Bool:
    before = usual()
    mask = np.append(np.zeros(len(before), dtype=bool), np.ones(len(new), dtype=bool))
    return held(pl.concat([before, new]), mask, trusted)[len(before) :]


def events_of(user: str, count: int, days: float, start: float = DAYS) -> pl.DataFrame:
    return pl.DataFrame(
        {"user_id": [user] * count, "timestamp": DAY * (start + np.linspace(0, days, count, endpoint=False))}
    )


@pytest.mark.promise("P26")
@pytest.mark.parametrize(("count", "days"), [(1_000, 0.1), (1_000, 2), (1_000, 14), (300, 1)])
def test_what_far_exceeds_what_accounts_do_is_held(count: int, days: float) -> None:
    assert judged(events_of("new", count, days)).all()
    assert judged(events_of("u3", count, days)).all()
    assert not judged(events_of("new", count, days), "new").any()


@pytest.mark.parametrize(
    ("user", "count", "days"), [("new", 40, 1), ("new", 90, 1), ("u79", 120, 30), ("busy", 90, 30)]
)
def test_usual_events_are_not(user: str, count: int, days: float) -> None:
    assert not judged(events_of(user, count, days)).any()


def test_only_new_events_are_and_nobody_elses() -> None:
    flood, other = events_of("u3", 1_000, 1), events_of("u4", 20, 1)
    found = judged(pl.concat([flood, other]))
    assert found[:1_000].all() and not found[1_000:].any()
    everything = np.ones(len(flood), dtype=bool)
    assert not held(flood, everything).any()  # nothing tells what is usual
    assert not held(flood, ~everything).any()
