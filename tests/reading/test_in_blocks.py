"""A log that is read in blocks into buckets on disk is the log that is read at once."""

from pathlib import Path

import polars as pl
import pytest
from tests.buckets import assert_same, read_in_buckets, tiny
from tests.examples import share_of
from tests.reading.known import save
from tests.reading.logs import NOW, T, table, write
from tests.reading.public_logs import MAKERS

import tacit
from tacit.core.errors import DataError, InputError
from tacit.data.clean import clean
from tacit.reading import read as reader
from tacit.reading.choices import Reading
from tacit.reading.in_blocks import CellsRead, joined_notes
from tacit.reading.read import read_events, read_large

TEXT = [name for name in MAKERS if not MAKERS[name]().file.endswith((".parquet", ".xlsx"))]


@pytest.mark.parametrize("name", share_of(TEXT, 6))
def test_a_public_layout(name: str, tmp_path: Path) -> None:
    log = MAKERS[name]()
    path = save(tmp_path, log.file, log.content)
    try:
        whole = clean(read_events(path), now=NOW)
    except InputError as error:
        with pytest.raises(type(error)) as found:
            read_in_buckets(path, NOW)
        assert str(found.value) == str(error)
        return
    assert_same(read_in_buckets(path, NOW), whole)


TIMES = {
    "seconds": [str(T + 100 * n) for n in range(80)],
    "milliseconds": [str((T + 100 * n) * 1000) for n in range(80)],
    "ISO": [f"2024-03-{1 + n % 28:02d} 10:{n % 60:02d}:00" for n in range(80)],
    "ISO with zones": [f"2024-03-{1 + n % 28:02d}T10:{n % 60:02d}:00+02:00" for n in range(80)],
    "the day first, which the last row shows": [
        *[f"0{1 + n % 9}/0{1 + n % 7}/2024" for n in range(79)],
        "31/01/2024",
    ],
    "days of Excel in the last row": [*[str(T + n) for n in range(79)], "45000.5"],
    "two units": [*[str(T + 100 * n) for n in range(40)], *[str((T + 100 * n) * 1000) for n in range(40)]],
    "a few years": [*[str(T + n) for n in range(79)], "2024"],
    "many that cannot be read": ["soon" if n % 9 == 4 else str(T + 100 * n) for n in range(80)],
    "none": ["" for _ in range(80)],
}


@pytest.mark.parametrize("form", TIMES)
def test_times_are_read_as_by_the_whole_column(form: str, tmp_path: Path) -> None:
    lines = [f"u{n % 9},i{n % 5},view,{time}" for n, time in enumerate(TIMES[form])]
    path = write(tmp_path, "\n".join(["user_id,item_id,event,timestamp", *lines]) + "\n")
    assert_same(read_in_buckets(path, NOW), clean(read_events(path), now=NOW))


VALUES = {
    "plain": [str(n % 7) for n in range(80)],
    "points that may be thousands": [f"{1 + n % 9}.{100 + n}" for n in range(80)],
    "decimal commas at the end": [*[str(n % 7) for n in range(78)], '"1,5"', '"2,25"'],
    "thousands": [f'"{1 + n % 7},{100 + n}"' for n in range(80)],
    "parts of a scale": [f"{n % 10}/10" for n in range(80)],
    "parts of two scales": [f"{n % 5}/{5 if n < 40 else 10}" for n in range(80)],
    "missing": ["n/a" if n % 3 else "2" for n in range(80)],
    "no numbers": ["many" if n == 70 else str(n % 7) for n in range(80)],
}


@pytest.mark.parametrize("form", VALUES)
def test_values_are_read_as_by_the_whole_column(form: str, tmp_path: Path) -> None:
    lines = [f"u{n % 9},i{n % 5},purchase,{T + 60 * n},{value}" for n, value in enumerate(VALUES[form])]
    path = write(tmp_path, "\n".join(["user_id,item_id,event,timestamp,quantity", *lines]) + "\n")
    assert_same(read_in_buckets(path, NOW), clean(read_events(path), now=NOW))


def test_what_blocks_say_of_times_is_joined() -> None:
    plain = CellsRead(True, frozenset({"seconds"}), 1_000, notes=("zone",))
    odd = CellsRead(True, frozenset({"seconds"}), 999, 1, 7, "'soon' is no time", ("zone",))
    assert joined_notes([(0, plain), (1_000, odd), (2_000, plain)]) == (
        "1 cells hold no moment, for example row 1,008: 'soon' is no time",
        "zone",
    )
    assert joined_notes([(0, plain), (1_000, CellsRead(False))]) is None
    assert joined_notes([(0, plain), (1_000, CellsRead(True, frozenset({"date"}), 5))]) is None
    assert joined_notes([(0, CellsRead(True, frozenset({"seconds"}), 500, 1, 0, "'soon'"))]) is None


def test_rejected_rows_and_anonymous_users_are_told(tmp_path: Path) -> None:
    rows = [(f"u{n % 9}" if n % 3 else "guest", f"i{n % 5}", "view", T + 60 * n) for n in range(90)]
    text = table(rows=rows) + "too,few\n,i1,view,5\n"
    path = write(tmp_path, text)
    whole = clean(read_events(path), now=NOW)
    assert len(whole.quarantine) >= 2
    assert any("guest" in note for note in whole.notes)
    assert_same(read_in_buckets(path, NOW), whole)


def test_choices_of_reading_count(tmp_path: Path) -> None:
    path = write(
        tmp_path, "a,b,c\n" + "".join(f"x{n % 7},y{n % 5},0{1 + n % 9}/02/2024\n" for n in range(60))
    )
    reading = Reading(columns={"user": "a", "item": "b", "timestamp": "c"}, dates="mdy", event="view")
    whole = clean(read_events(path, reading=reading), now=NOW)
    assert_same(read_in_buckets(path, NOW, reading=reading), whole)


def test_a_large_log_is_read_so_without_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, table())
    small = tacit.read(path)
    monkeypatch.setattr(reader, "LARGE", 100)
    with tiny():
        large = tacit.read(path)
    assert small.events["user_id"].dtype == pl.String
    assert isinstance(large.events["user_id"].dtype, pl.Categorical)
    assert_same(large, small)


def test_a_file_without_events_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, table(rows=[("", "i1", "view", T)] * 3))
    with pytest.raises(DataError, match="holds no event"):
        read_large(path, tmp_path / "work")
