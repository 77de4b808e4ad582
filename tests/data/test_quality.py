"""The quality report on small logs whose figures are worked out by hand, and on the generated shop."""

import json

import polars as pl
import pytest

from tacit.data.assess import assess
from tacit.data.clean import Cleaned
from tacit.data.quality import QualityReport
from tacit.data.shop import generate

DAY = 86_400.0
SCHEMA = {"user_id": pl.String, "item_id": pl.String, "event": pl.String, "timestamp": pl.Float64}


def cleaned(rows: list[tuple], **changes) -> Cleaned:
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(
        value=pl.lit(None, dtype=pl.Float64),
        seq=pl.lit(None, dtype=pl.Int64),
        line=pl.int_range(2, len(rows) + 2, dtype=pl.Int64),
    )
    values = {
        "events": frame,
        "quarantine": pl.DataFrame(schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String}),
        "rows_in": len(rows),
        "reasons": {},
        "mapping": {"user": "u", "item": "i"},
        "dialect": "table",
    }
    return Cleaned(**{**values, **changes})


@pytest.fixture(scope="module")
def small() -> QualityReport:
    rows = [
        ("u", "a", "view", 0.0),
        ("u", "a", "view", 3600.0),
        ("u", "b", "buy", 7200.0),
        ("v", "a", "view", 10 * DAY),
        ("w", "c", "view", 20 * DAY),
    ]
    quarantine = pl.DataFrame({"line": [9], "reason": ["no item"], "raw": ["u,,view,0"]})
    items = pl.DataFrame({"item_id": ["a", "b", "d", "d"], "title": ["Tent", None, "Stove", "Stove"]})
    users = pl.DataFrame({"user_id": ["u", "z"]})
    return assess(
        cleaned(rows, rows_in=6, quarantine=quarantine, reasons={"no item": 1}), items=items, users=users
    )


def test_rows_and_counts(small: QualityReport) -> None:
    assert (small.rows_in, small.rows_kept, small.rows_quarantined) == (6, 5, 1)
    assert (small.users, small.items, small.events) == (3, 3, 5)
    assert (small.time_start, small.time_end, small.timing) == (0.0, 20 * DAY, "time")


def test_event_types(small: QualityReport) -> None:
    view, buy = small.event_types
    assert (view.event, view.count, view.users, view.items, view.share) == ("view", 4, 3, 2, 0.8)
    assert (buy.event, buy.count, buy.users, buy.items, buy.share) == ("buy", 1, 1, 1, 0.2)


def test_histories_and_repeats(small: QualityReport) -> None:
    assert small.histories.bins == [("1", 2), ("2", 0), ("3-4", 1)]
    assert small.histories.single_share == pytest.approx(2 / 3)
    assert small.histories.longest == small.busiest_user_events == 3
    assert small.repeated_share == pytest.approx(1 / 5)


def test_popularity(small: QualityReport) -> None:
    # 3, 1, 1 events: the curve goes through (1/3, 3/5), (2/3, 4/5), (1, 1).
    assert [x for x, _ in small.popularity.curve] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert [y for _, y in small.popularity.curve] == pytest.approx([0, 0.6, 0.8, 1])
    assert small.popularity.top["20"] == 0.6
    assert small.popularity.gini == pytest.approx(2 * (0.3 + 0.7 + 0.9) / 3 - 1)


def test_gaps_and_activity(small: QualityReport) -> None:
    assert small.time is not None
    assert small.time.bucket == "day"
    assert len(small.time.activity) == 21
    assert [n for _, n in small.time.activity if n] == [3, 1, 1]
    assert small.time.activity[10] == ("1970-01-11T00:00+00:00", 1)
    assert sum(n for _, n in small.time.activity) == 5


def test_catalogue(small: QualityReport) -> None:
    catalogue = small.catalogue
    assert catalogue is not None
    assert (catalogue.rows, catalogue.with_text, catalogue.without_events, catalogue.repeated_ids) == (
        3,
        2,
        1,
        1,
    )
    assert catalogue.events_without_text_share == pytest.approx(2 / 5)  # b has no title, c is not listed
    assert catalogue.events_unlisted_share == pytest.approx(1 / 5)
    assert small.users_described == pytest.approx(1 / 3)


def test_ids_that_do_not_meet_are_told_with_what_would_make_them_meet() -> None:
    rows = [(f"U{n}", f"{n}.0", "view", float(n)) for n in range(40)]
    items = pl.DataFrame({"item_id": [str(n) for n in range(40)], "title": ["Tent"] * 40})
    users = pl.DataFrame({"user_id": [f"u{n}" for n in range(40)]})
    report = assess(cleaned(rows), items=items, users=users)
    assert report.catalogue is not None
    assert report.catalogue.ids is not None
    assert (report.catalogue.ids.exact, report.catalogue.ids.by) == (0, {"trim-float": 1.0})
    assert report.user_ids is not None
    assert report.user_ids.by == {"fold-case": 1.0}
    assert report.advice[:2] == [
        "No event matches the catalogue ('0.0' and '0'); 100.0% would after `.0` is cut: give --ids "
        "trim-float (in Python Reading(ids=['trim-float'])).",
        "No user matches the file of users ('U0' and 'u0'); 100.0% would after capital letters are made "
        "small: give --ids fold-case (in Python Reading(ids=['fold-case'])).",
    ]
    assert not any("have no event" in advice for advice in report.advice)
    assert json.dumps(report.to_json())


def test_ids_of_another_system_are_told() -> None:
    rows = [("u", f"B{n}", "view", float(n)) for n in range(4)]
    report = assess(cleaned(rows), items=pl.DataFrame({"item_id": ["17"], "title": ["Tent"]}))
    assert report.advice[0].startswith("No event matches the catalogue ('B0' and '17'): look whether")


def test_a_catalogue_of_the_log_itself_is_told() -> None:
    rows = [("u", f"i{n}", "view", float(n)) for n in range(4)]
    items = pl.DataFrame({"item_id": ["i0", "i1"], "title": ["Tent", "Cup"]})
    report = assess(cleaned(rows), items=items, own=True)
    assert any("the log itself has texts of 2 items" in advice for advice in report.advice)
    assert report.catalogue is not None
    assert report.catalogue.own
    assert report.catalogue.ids is None


def test_what_a_time_split_leaves(small: QualityReport) -> None:
    split = small.split
    assert split is not None
    assert (split.train_events, split.test_events, split.test_users, split.warm_test_users) == (4, 1, 1, 0)
    assert (split.cold_items, split.cold_event_share) == (1, 1.0)


def test_the_json_has_what_others_rely_on(small: QualityReport) -> None:
    reported = json.loads(json.dumps(small.to_json(), allow_nan=False))
    requested = "rows_in rows_kept rows_quarantined reasons mapping users items events time_start time_end"
    assert set(requested.split()) <= set(reported)
    assert reported["reasons"] == {"no item": 1}
    assert reported["rows_in"] == reported["rows_kept"] + reported["rows_quarantined"]


def test_a_long_silence_is_a_gap() -> None:
    busy = [("u", f"i{hour % 7}", "view", hour * 3600.0) for hour in range(200)]
    later = [("u", f"i{hour % 7}", "view", (hour + 400) * 3600.0) for hour in range(200)]
    report = assess(cleaned(busy + later))
    assert report.time is not None
    assert [(gap.start, gap.end) for gap in report.time.gaps] == [(200 * 3600.0, 400 * 3600.0)]
    assert report.time.gaps[0].days == pytest.approx(200 / 24)
    assert any("gap" in line for line in report.advice)


@pytest.mark.parametrize("rows", [[], [("u", "a", "view", 5.0)], [("u", "a", "view", None)]])
def test_tiny_logs_are_reported_too(rows: list) -> None:
    report = assess(cleaned(rows), items=pl.DataFrame({"item_id": ["a"], "title": ["Tent"]}))
    assert report.events == len(rows)
    assert report.split is None
    assert report.advice
    json.dumps(report.to_json(), allow_nan=False)


def test_no_times_means_no_split() -> None:
    report = assess(cleaned([("u", "a", "view", None), ("u", "b", "view", None)]))
    assert (report.timing, report.time, report.time_start, report.split) == ("none", None, None, None)
    assert any("no times" in line for line in report.advice)


def test_days_only() -> None:
    rows = [("u", f"i{n}", "view", n * DAY) for n in range(30)]
    assert any("midnight" in line for line in assess(cleaned(rows)).advice)


def test_the_shop_is_clean_and_its_cold_items_are_seen() -> None:
    shop = generate(users=600, items=300, events=15_000)
    frame = shop.events
    report = assess(
        cleaned([]).__class__(**{**vars(cleaned([])), "events": frame, "rows_in": len(frame)}), shop.items
    )
    assert report.suspicions == []
    assert report.split is not None
    assert report.split.cold_items > 5
    assert report.split.test_events == pytest.approx(1500, abs=5)
    assert report.popularity.top["10"] > 0.25


def test_a_user_who_stands_for_everybody_is_advised_on() -> None:
    rows = [(f"u{row}" if row % 2 else "guest", "a", "view", row * DAY) for row in range(20)]
    report = assess(cleaned(rows))
    assert [(one.user, one.rows, one.share) for one in report.anonymous] == [("guest", 10, 0.5)]
    assert "are of the user 'guest', which seems to stand for everybody" in " ".join(report.advice)
