"""Zones beside times or in the names of their columns, and times of day written as numbers."""

import random
from pathlib import Path

import pytest
from tests.reading.logs import read

from tacit.core.errors import AmbiguousError, DataError
from tacit.data import columns as col
from tacit.reading.choices import Reading
from tacit.reading.zone_role import zone_in

ROWS = 60
NOON = 1_707_048_000.0  # 2024-02-04 12:00:00 UTC


def moments(folder: Path, reading: Reading | None = None, **cells: list[str]) -> tuple[list[float], str]:
    """Return the times of a log of users, items and more columns, repeated to its rows, and the notes."""
    draw = random.Random(2)
    columns = {
        "user_id": [f"u{draw.randrange(12)}" for _ in range(ROWS)],
        "item_id": [f"i{draw.randrange(20)}" for _ in range(ROWS)],
        **{name: [few[row % len(few)] for row in range(ROWS)] for name, few in cells.items()},
    }
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    source = read(folder, "\n".join(lines) + "\n", reading=reading or Reading())
    return source.frame[col.TIMESTAMP].to_list(), " ".join(source.notes)


@pytest.mark.parametrize(
    ("name", "zones", "hours"),
    [
        ("timezone", ["Europe/Berlin", "Asia/Tokyo"], [1, 9]),
        ("utc_offset", ["+01:00", "-05:30"], [1, -5.5]),
        ("gmt_offset", ["9", "-5"], [9, -5]),
        ("tz", ["UTC", "JST"], [0, 9]),
        ("时区", ["Asia/Shanghai"], [8]),
    ],
)
def test_times_are_read_in_the_zones_beside_them(
    tmp_path: Path, name: str, zones: list[str], hours: list[float]
) -> None:
    found, notes = moments(tmp_path, timestamp=["2024-02-04 12:00:00"], **{name: zones})
    assert found[: len(hours)] == [NOON - 3600 * hour for hour in hours]
    assert f"timestamp holds times without a zone and {name} zones" in notes
    assert "rename timestamp to timestamp_utc" in notes


def test_zones_beside_times_that_need_none_are_not_used(tmp_path: Path) -> None:
    zones = ["Europe/Berlin", "Asia/Tokyo"]
    assert moments(tmp_path, timestamp=["2024-02-04T12:00:00Z"], timezone=zones)[0] == [NOON] * ROWS
    assert moments(tmp_path, time_utc=["2024-02-04 12:00:00"], timezone=zones)[0] == [NOON] * ROWS
    assert moments(tmp_path, timestamp=["1707048000"], timezone=zones)[0] == [NOON] * ROWS
    given = Reading(timezone="Asia/Seoul")
    found, _ = moments(tmp_path, given, timestamp=["2024-02-04 12:00:00"], timezone=zones)
    assert found == [NOON - 9 * 3600] * ROWS


def test_zones_that_differ_and_cannot_be_read_are_refused(tmp_path: Path) -> None:
    cells = {"timestamp": ["2024-02-04 12:00:00"], "timezone": ["-540", "-60"]}
    with pytest.raises(AmbiguousError, match=r"timezone holds zones that differ .* --timezone ZONE"):
        moments(tmp_path, **cells)
    assert moments(tmp_path, Reading(accept_guess=True), **cells)[0] == [NOON] * ROWS


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("주문시각(KST)", "KST"),
        ("event_time_pst", "PST"),
        ("created_at_jst", "JST"),
        ("时间(UTC+8)", "+08:00"),
        ("utc_time", "UTC"),
        ("time", None),
        ("estimate", None),
        ("pst", None),
    ],
)
def test_the_name_of_a_column_may_hold_the_zone(name: str, zone: str | None) -> None:
    assert zone_in(name) == zone


def test_times_are_read_in_the_zone_that_their_name_holds(tmp_path: Path) -> None:
    for name, hours in (
        ("주문시각(KST)", 9),
        ("event_time_pst", -8),
        ("时间(UTC+8)", 8),
        ("event_time_utc", 0),
    ):
        found, notes = moments(tmp_path, **{name: ["2024-02-04 12:00:00"]})
        assert found == [NOON - 3600 * hours] * ROWS
        assert "names the zone of its times" in notes
        assert "are read as UTC;" not in notes
    with pytest.raises(DataError, match="the zone CST may mean America/Chicago or Asia/Shanghai"):
        moments(tmp_path, event_time_cst=["2024-02-04 12:00:00"])


def test_a_form_that_takes_no_zone_is_asked_about(tmp_path: Path) -> None:
    cells = ["20240204120000", "20240204120001"]
    with pytest.raises(AmbiguousError, match=r"event_time_kst names the zone KST, .* --timezone ZONE"):
        moments(tmp_path, event_time_kst=cells)
    assert moments(tmp_path, event_time_utc=cells)[0][0] == NOON


def test_of_local_times_and_those_in_utc_the_latter_are_taken(tmp_path: Path) -> None:
    found, notes = moments(
        tmp_path,
        local_time=["2024-02-04 21:00:00", "2024-02-05 21:00:00"],
        utc_time=["2024-02-04 12:00:00", "2024-02-05 12:00:00"],
    )
    assert found[0] == NOON
    assert "utc_time and local_time hold the same times: those in UTC were taken" in notes


@pytest.mark.parametrize(
    ("day", "name", "clocks", "seconds"),
    [
        ("2024-02-04", "hour", ["0", "9", "23"], [0, 9 * 3600, 23 * 3600]),
        ("2024-02-04", "hhmm", ["5", "930", "2359"], [300, 34_200, 86_340]),
        ("20240204", "TRANS_TIME", [f"{hour}3015" for hour in range(6, 20)], [23_415, 27_015]),
        ("04.02.2024", "Stunde", ["0", "12"], [0, 43_200]),
    ],
)
def test_numbers_that_say_the_time_of_day_are_joined_to_the_day(
    tmp_path: Path, day: str, name: str, clocks: list[str], seconds: list[float]
) -> None:
    found, notes = moments(tmp_path, Reading(dates="dmy"), date=[day], **{name: clocks})
    assert found[: len(seconds)] == [NOON - 43_200 + second for second in seconds]
    assert f"date holds days and {name} the times of day: they were joined" in notes


@pytest.mark.parametrize(
    ("name", "cells"), [("hour", ["7", "42"]), ("weekday", ["1", "2"]), ("time", ["1", "2"])]
)
def test_other_numbers_beside_days_are_no_times_of_day(tmp_path: Path, name: str, cells: list[str]) -> None:
    assert set(moments(tmp_path, date=["2024-02-04"], **{name: cells})[0]) == {NOON - 43_200}
