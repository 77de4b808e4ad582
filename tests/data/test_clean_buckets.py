"""A log that is cleaned in buckets of users is the log that is cleaned at once, whatever the rules."""

import pickle
from functools import partial
from itertools import accumulate
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.buckets import assert_same, cleaned_in_buckets
from tests.examples import examples
from tests.reading.logs import NOW, T, only

from tacit.core.errors import DataError
from tacit.data import buckets
from tacit.data.buckets import A_BUCKET, bucket_folders, check_room, events_in, partition, write_part
from tacit.data.clean import clean
from tacit.data.clean_steps import ROW, steps_of
from tacit.data.event_map import EventMap
from tacit.data.fill import Fill
from tacit.data.rules import Rules
from tacit.data.source import Source

SCHEMA = {
    "user_id": pl.String, "item_id": pl.String, "event": pl.String, "timestamp": pl.Float64,
    "value": pl.Float64, "place": pl.String, "order_status": pl.String, "invoice": pl.String,
}  # fmt: skip
EVENT = st.tuples(
    st.sampled_from("uvwxyz"),
    st.sampled_from("abc"),
    st.sampled_from(["view", "click", "purchase", "rating", "refund"]),
    st.one_of(st.none(), st.integers(T, T + 20), st.sampled_from([5, 4_000_000_000])),
    st.one_of(st.none(), st.integers(-2, 3), st.sampled_from([0.5, 20.25])),
    st.one_of(st.none(), st.sampled_from("pq")),
    st.one_of(st.none(), st.sampled_from(["shipped", "cancelled", "refunded"])),
    st.one_of(st.none(), st.sampled_from(["C1234", "1234", "note"])),
)
FILLS = st.sampled_from(
    [
        {},
        *({"value": Fill(how)} for how in ("median", "mode", "mean", "forward", "interpolate", "drop")),
        {"timestamp": Fill("drop"), "value": Fill("mode")},
        {"timestamp": Fill("interpolate")},
        {"value": Fill("constant", 1.0)},
    ]
)


def source_of(rows: list[tuple], **about) -> Source:
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(
        seq=pl.lit(None, dtype=pl.Int64), line=pl.int_range(1, len(rows) + 1, dtype=pl.Int64)
    )
    frame = frame.select(*list(SCHEMA)[:5], "seq", "line", *list(SCHEMA)[5:])
    rejected = pl.DataFrame(schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String})
    return Source(
        frame, rejected, len(rows), {}, "CSV", "utf-8", ",", Path("log"),
        lambda lines: lines.cast(pl.String), **about,
    )  # fmt: skip


@examples(40)
@given(
    rows=st.lists(EVENT, min_size=1, max_size=80),
    fill=FILLS,
    least=st.integers(1, 3),
    burst=st.integers(0, 5),
    outliers=st.sampled_from([None, "quantile", "mad"]),
    kind=st.sampled_from([None, "rating", "quantity", "price"]),
    choices=st.sampled_from([{}, {"click": "ignore"}, {"refund": "no", "search": "shown"}]),
    timed=st.booleans(),
)
def test_buckets_change_nothing(
    rows: list[tuple],
    fill: dict[str, Fill],
    least: int,
    burst: int,
    outliers: str | None,
    kind: str | None,
    choices: dict[str, str],
    timed: bool,
) -> None:
    rules = Rules(
        burst_seconds=burst, min_item_events=least, min_user_events=4 - least, fill=fill, outliers=outliers,
        outlier_share=0.2, outlier_deviations=1.0, bot_items_per_minute=2, bot_items_per_hour=3,
    )  # fmt: skip
    rows = rows if timed else [(*row[:3], None, *row[4:]) for row in rows]
    meant = EventMap.parse(choices)
    whole = clean(source_of(rows, value_kind=kind), rules, now=NOW, event_map=meant)
    assert_same(cleaned_in_buckets(source_of(rows, value_kind=kind), rules, NOW, meant), whole)


def test_bots_are_who_is_broad_among_all_buckets() -> None:
    people = [(f"u{n % 40}", f"i{n % 97}", "view", T + 60 * n, None, None, None, None) for n in range(400)]
    bot = [("bot", f"i{n}", "view", T + n, None, None, None, None) for n in range(90)]
    source = source_of(people + bot)
    found = cleaned_in_buckets(source, only(bots=True), NOW)
    assert found.reasons == {"bot": 90}
    assert_same(found, clean(source_of(people + bot), only(bots=True), now=NOW))


@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_any_number_of_buckets(rows: int) -> None:
    events = [(f"u{n % 13}", f"i{n % 7}", "view", T + n // 2, n % 3, None, None, None) for n in range(200)]
    whole = clean(source_of(events), now=NOW)
    assert_same(cleaned_in_buckets(source_of(events), Rules(), NOW, rows=rows), whole)


def test_the_cleaned_log_is_narrow() -> None:
    events = [
        (f"user {n % 50}", f"item {n % 300}", "view", T + 60 * n, n, None, None, None) for n in range(3_000)
    ]
    found = cleaned_in_buckets(source_of(events), Rules(), NOW, rows=500).events
    kinds = {name: found[name].to_physical().dtype for name in ("user_id", "item_id", "event")}
    assert kinds == {"user_id": pl.UInt8, "item_id": pl.UInt32, "event": pl.UInt8}
    codes = found["item_id"].to_physical()
    assert found["item_id"].cast(pl.String).sort().to_list() == found["item_id"][codes.arg_sort()].to_list()


def test_a_user_is_in_one_bucket_and_keeps_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "A_BUCKET", 30)
    frame = source_of([(f"u{n % 11}", "i", "view", T, n, None, None, None) for n in range(100)]).frame
    folders = bucket_folders(tmp_path, 100)
    parts = list(frame.iter_slices(9))
    for number in reversed(range(len(parts))):  # in whatever order they are finished
        write_part(folders, number, parts[number])
    starts = tuple(accumulate(map(len, parts), initial=0))
    found = [events_in(folder, starts) for folder in folders]
    users = [set(one["user_id"]) for one in found if len(one)]
    assert len(folders) == 4
    assert sum(map(len, users)) == 11  # none is in two
    assert all(one[ROW].is_sorted() and (one["line"] == one[ROW] + 1).all() for one in found if len(one))
    assert sum(map(len, found)) == 100


def test_partitions_hold_all_rows() -> None:
    frame = source_of([(f"u{n % 11}", "i", "view", T, n, None, None, None) for n in range(100)]).frame
    parts = partition(frame, 5)
    assert [place for place, _ in parts] == sorted({place for place, _ in parts})
    assert pl.concat([part for _, part in parts]).sort("line").equals(frame)


def test_steps_go_to_other_processes() -> None:
    rules = Rules(outliers="mad", min_user_events=2, fill={"value": Fill("mean"), "timestamp": Fill("drop")})
    steps = steps_of(rules, NOW, EventMap.parse({"view": "ignore"}))
    again = pickle.loads(pickle.dumps(steps))
    assert [len(step.measures) for step in again] == [len(step.measures) for step in steps]
    assert isinstance(again[0].apply, partial)


def test_a_disk_that_is_too_small_is_refused_with_numbers(tmp_path: Path) -> None:
    check_room(tmp_path, 1, "log.csv")
    with pytest.raises(DataError, match=r"log\.csv is larger .* about 1000000\.0 GB .* GB free.*TMPDIR"):
        check_room(tmp_path, 10**15, "log.csv")


def test_buckets_are_of_a_size_that_memory_holds() -> None:
    assert 1_000_000 <= A_BUCKET <= 10_000_000
