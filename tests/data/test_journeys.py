"""Funnel and sessions against counts by hand."""

import polars as pl
import pytest

from tacit.core.types import DAY
from tacit.data.journeys import PAUSE, Stage, funnel, sessions
from tacit.data.measures import coded_log, time_span

DAY_ONE = 19_000 * DAY


def log(*rows: tuple[str, str, str, float | None]) -> pl.DataFrame:
    schema = {"user_id": pl.String, "item_id": pl.String, "event": pl.String, "timestamp": pl.Float64}
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_columns(
        seq=pl.lit(None, dtype=pl.Int64)
    )


STEPS = log(
    ("u", "a", "view", DAY_ONE),
    ("u", "a", "view", DAY_ONE + 60),
    ("u", "b", "view", DAY_ONE + 61),
    ("v", "a", "view", DAY_ONE + DAY),
    ("w", "a", "cart", DAY_ONE + DAY),
    ("u", "a", "cart", DAY_ONE + DAY),
    ("u", "b", "purchase", DAY_ONE + 2 * DAY),
    ("u", "a", "rating", DAY_ONE + 2 * DAY),
    ("u", "a", "return", DAY_ONE + 2 * DAY),
)


def test_stages_go_from_a_look_to_a_purchase() -> None:
    found = funnel(coded_log(STEPS), STEPS["event"], None)
    assert found is not None
    assert found.stages == [
        Stage("view", users=2, pairs=3, users_from_last=None, pairs_from_last=None),
        Stage("cart", users=2, pairs=2, users_from_last=0.5, pairs_from_last=pytest.approx(1 / 3)),
        Stage("purchase", users=1, pairs=1, users_from_last=0.5, pairs_from_last=0.0),
    ]
    assert found.activity == {}


def test_the_funnel_over_time_has_the_buckets_of_the_activity() -> None:
    coded = coded_log(STEPS)
    time = time_span(coded)
    found = funnel(coded, STEPS["event"], time)
    assert found is not None
    assert {len(events) for events in found.activity.values()} == {len(time.activity)}
    assert {event: sum(counts) for event, counts in found.activity.items()} == {
        "view": 4,
        "cart": 2,
        "purchase": 1,
    }
    assert found.activity["purchase"][-1] == 1


@pytest.mark.parametrize("events", [["view"], ["view", "rating"], ["view", "return"], ["impression", "view"]])
def test_there_is_no_funnel_of_one_stage(events: list[str]) -> None:
    rows = log(*(("u", "a", event, None) for event in events))
    assert funnel(coded_log(rows), rows["event"], None) is None


def test_sessions_end_with_half_an_hour_of_silence() -> None:
    at = [DAY_ONE, DAY_ONE + PAUSE, DAY_ONE + 2 * PAUSE + 1, DAY_ONE + 600]
    rows = log(
        *(("u", "a", "view", moment) for moment in at), ("v", "a", "view", DAY_ONE), ("v", "b", "view", None)
    )
    found = sessions(coded_log(rows))
    assert found is not None
    assert (found.count, found.per_user, found.events, found.minutes) == (3, 1.5, 1.0, 30.0)
    assert found.single_share == pytest.approx(2 / 3)


def test_days_without_hours_have_no_sessions() -> None:
    rows = log(("u", "a", "view", DAY_ONE), ("u", "b", "view", DAY_ONE + DAY))
    assert sessions(coded_log(rows)) is None
