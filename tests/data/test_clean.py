"""Each cleaning rule alone on a log worked out by hand, and what holds for all of them together."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.reading.logs import HEADER, NOW, T, cleaned, lines_of, only, read

from tacit.data.clean import FIRST_MOMENT, Rules, apply_rules, clean
from tacit.data.fill import Fill
from tacit.reading.read import read_events

VALUED = HEADER + ",value"


def test_a_time_before_1990_or_more_than_a_day_ahead_is_impossible(tmp_path: Path) -> None:
    first, last = int(FIRST_MOMENT), int(NOW) + 86_400
    times = [0, -5, first - 1, first, T, last, last + 1, 4_102_444_800]
    result = cleaned(
        tmp_path, [("u", f"i{n}", "view", at) for n, at in enumerate(times)], impossible_times=True
    )
    assert lines_of(result.events) == [5, 6, 7]
    assert result.reasons == {"impossible time": 5}
    assert result.quarantine.row(0) == (2, "impossible time", "u,i0,view,0")


def test_an_event_without_a_time_is_removed_where_others_have_one(tmp_path: Path) -> None:
    rows = [("u", "a", "view", T), ("u", "b", "view", None), ("u", "c", "view", T)]
    result = cleaned(tmp_path, rows, missing_times=True)
    assert lines_of(result.events) == [2, 4]
    assert result.reasons == {"no time": 1}


def test_a_log_without_times_is_kept(tmp_path: Path) -> None:
    result = cleaned(tmp_path, [("u", "a", "view", None)] * 2, missing_times=True)
    assert (len(result.events), result.reasons) == (2, {})
    result = cleaned(tmp_path, [("u", "a", "view", "NULL")] * 2, missing_times=True)
    assert (len(result.events), result.reasons) == (2, {})


def test_without_times_rows_that_differ_in_any_column_are_no_duplicates(tmp_path: Path) -> None:
    rows = [("u", "a", "view", None, "shelf 1"), ("u", "a", "view", None, "shelf 2")] * 2
    result = cleaned(tmp_path, rows, HEADER + ",place", duplicates=True)
    assert lines_of(result.quarantine) == [4, 5]
    timed = [(*row[:3], T, row[4]) for row in rows]
    assert lines_of(cleaned(tmp_path, timed, HEADER + ",place", duplicates=True).quarantine) == [3, 4, 5]


def test_of_rows_alike_in_everything_the_first_is_kept(tmp_path: Path) -> None:
    rows = [
        ("u", "a", "view", T, 1),
        ("u", "a", "view", T, 1),
        ("u", "a", "view", T, 2),
        ("u", "a", "view", T, None),
        ("u", "a", "view", T + 1, 1),
        ("u", "a", "cart", T, 1),
        ("u", "b", "view", T, 1),
        ("v", "a", "view", T, 1),
        ("u", "a", "view", T, 1),
        ("u", "a", "view", T, None),
    ]
    result = cleaned(tmp_path, rows, VALUED, duplicates=True)
    assert lines_of(result.quarantine) == [3, 10, 11]
    assert result.reasons == {"duplicate": 3}


def test_an_order_of_zero_is_not_an_order_that_is_missing(tmp_path: Path) -> None:
    result = cleaned(tmp_path, [("u", "a", 0), ("u", "a", None)], "user_id,item_id,seq", duplicates=True)
    assert len(result.events) == 2


def test_a_view_soon_after_the_same_view_is_a_double_click(tmp_path: Path) -> None:
    rows = [
        ("u", "a", "view", T),
        ("u", "a", "view", T + 2),  # two seconds after: a burst
        ("u", "a", "view", T + 4),  # two seconds after the one before, which is removed: still the same burst
        ("u", "a", "view", T + 7),  # three seconds after: a second look
        ("u", "b", "view", T + 1),
        ("v", "a", "view", T + 1),
        ("u", "a", "click", T + 1),
        ("u", "a", "purchase", T),
        ("u", "a", "purchase", T + 1),  # two purchases are two purchases
    ]
    result = cleaned(tmp_path, rows, burst_seconds=2)
    assert lines_of(result.quarantine) == [3, 4]
    assert result.reasons == {"burst": 2}


def test_bursts_are_found_in_a_log_out_of_order(tmp_path: Path) -> None:
    rows = [
        ("u", "a", "view", T + 9),
        ("v", "a", "view", T + 9),
        ("u", "a", "view", T + 8),
        ("u", "a", "view", T),
    ]
    assert lines_of(cleaned(tmp_path, rows, burst_seconds=2).quarantine) == [2]


def shoppers(n: int = 40) -> list[tuple]:
    """People who look at four to eight of 128 items, one every two minutes."""
    return [
        (f"u{user}", f"i{(7 * user + look) % 128}", "view", T + 5_000 * user + 120 * look)
        for user in range(n)
        for look in range(4 + user % 5)
    ]


def users_lost(folder: Path, rows: list[tuple], **rules) -> set[str]:
    result = cleaned(folder, rows, bots=True, **rules)
    assert result.rows_in == len(result.events) + len(result.quarantine)
    assert set(result.reasons) <= {"bot"}
    return {row[0] for row in rows} - set(result.events["user_id"])


@pytest.mark.parametrize("pause", [1, 2])
def test_a_crawler_through_a_small_shop_is_a_bot(pause: int, tmp_path: Path) -> None:
    crawl = [("crawler", f"i{n}", "view", T + pause * n) for n in range(128)]
    assert users_lost(tmp_path, shoppers() + crawl) == {"crawler"}


def test_a_crawler_is_a_bot_however_few_the_items_are(tmp_path: Path) -> None:
    people = [(u, f"i{int(i[1:]) % 30}", e, t) for u, i, e, t in shoppers()]
    crawl = [("crawler", f"i{n % 30}", "view", T + n) for n in range(300)]
    assert users_lost(tmp_path, people + crawl) == {"crawler"}


def test_a_slow_crawler_through_a_large_shop_is_a_bot(tmp_path: Path) -> None:
    crawl = [("crawler", f"i{n}", "view", T + 10 * n) for n in range(720)]  # six items a minute, 360 an hour
    assert users_lost(tmp_path, shoppers() + crawl) == {"crawler"}
    assert users_lost(tmp_path, shoppers() + crawl, bot_items_per_hour=400) == set()


HOUR = T // 3600 * 3600


def visitors(breadths: list[int], n_items: int) -> list[tuple]:
    """People who look at so many items each, one every ten minutes, and who see all items between them."""
    looks = [(user, look) for user, breadth in enumerate(breadths) for look in range(breadth)]
    return [
        (f"u{user}", f"i{place % n_items}", "view", HOUR + 600 * look)
        for place, (user, look) in enumerate(looks)
    ]


def visit(items: int, *, moments: int = 60, start: int = HOUR) -> list[tuple]:
    """Somebody who looks at so many items within a minute, at no more than so many moments."""
    step = max(60 // min(items, moments), 1)
    return [("crawler", f"i{n}", "view", start + step * (n % moments) % 60) for n in range(items)]


@pytest.mark.parametrize(
    ("breadths", "n_items", "most"),
    [
        # All alike: the spread is the least one, so exp(3 x .4) x (9 + 1) - 1 = 32.2.
        ([9] * 30, 200, 32),
        # Breadths + 1 of 4, 8, 16: the median deviation of the logarithm is log 2, so
        # exp(3 x 1.4826 log 2) x 8 - 1 = 173.7.
        ([3, 7, 15] * 15, 375, 173),
        # Half of all items counts where it is more than twice the median, ...
        ([9] * 30, 44, 22),
        # ... and twice the median where that is more.
        ([12] * 30, 40, 24),
    ],
)
def test_a_bot_is_broader_than_three_deviations_or_than_half_of_all(
    breadths: list[int], n_items: int, most: int, tmp_path: Path
) -> None:
    people = visitors(breadths, n_items)
    assert len({row[1] for row in people}) == n_items
    assert users_lost(tmp_path, people + visit(most)) == set()
    assert users_lost(tmp_path, people + visit(most + 1)) == {"crawler"}


def test_a_bot_acts_at_ten_moments_or_more(tmp_path: Path) -> None:
    people = visitors([9] * 30, 200)
    assert users_lost(tmp_path, people + visit(40, moments=9)) == set()
    assert users_lost(tmp_path, people + visit(40, moments=10)) == {"crawler"}
    # Whoever takes less for fast takes fewer moments too.
    assert users_lost(tmp_path, people + visit(40, moments=4), bot_items_per_minute=5) == set()
    assert users_lost(tmp_path, people + visit(40, moments=5), bot_items_per_minute=5) == {"crawler"}


def test_a_bot_looks_at_twenty_items_in_a_minute_or_three_hundred_in_an_hour(tmp_path: Path) -> None:
    people = visitors([9] * 30, 600)
    later = [("crawler", f"i{n}", "view", HOUR + 3600 * n) for n in range(20, 60)]  # broad, not fast
    assert users_lost(tmp_path, people + visit(19) + later) == set()
    assert users_lost(tmp_path, people + visit(20) + later) == {"crawler"}
    hour = [("crawler", f"i{n}", "view", HOUR + 12 * n) for n in range(300)]  # five a minute
    assert users_lost(tmp_path, people + hour[:299]) == set()
    assert users_lost(tmp_path, people + hour) == {"crawler"}


def test_a_heavy_shopper_is_no_bot(tmp_path: Path) -> None:
    heavy = [
        ("heavy", f"i{n % 30}", "view", T + 18 * n) for n in range(200)
    ]  # 200 looks in an hour, 30 items
    assert users_lost(tmp_path, shoppers() + heavy) == set()


def test_a_fast_reader_of_few_items_is_no_bot(tmp_path: Path) -> None:
    clicks = [("nervous", f"i{n % 8}", "view", T + n) for n in range(600)]
    assert users_lost(tmp_path, shoppers() + clicks) == set()


def test_an_order_of_many_items_at_one_moment_is_no_bot(tmp_path: Path) -> None:
    basket = [("grocer", f"i{n}", "purchase", T) for n in range(100)]
    imported = [("import", f"i{n}", "view", T // 86_400 * 86_400) for n in range(100)]  # days, not seconds
    assert users_lost(tmp_path, shoppers() + basket + imported) == set()


def test_who_rates_a_page_of_films_at_once_is_no_bot(tmp_path: Path) -> None:
    rater = [("rater", f"i{n}", "rating", T + n) for n in range(100)]
    hater = [("hater", f"i{n}", "hide", T + n) for n in range(100)]
    shown = [("shown", f"i{n}", "impression", T + n) for n in range(100)]
    assert users_lost(tmp_path, shoppers() + rater + hater + shown) == set()


def test_where_everybody_is_fast_and_broad_nobody_is_a_bot(tmp_path: Path) -> None:
    rows = [(f"u{u}", f"i{n}", "view", T + 3 * n) for u in range(5) for n in range(60)]
    assert users_lost(tmp_path, rows) == set()
    assert users_lost(tmp_path, rows[:60]) == set()


def test_a_bot_goes_with_all_that_it_did(tmp_path: Path) -> None:
    crawl = [("crawler", f"i{n}", "view", T + n) for n in range(128)]
    extra = [("crawler", "i1", "purchase", T + 9_999), ("crawler", "i1", "rating", T + 9_999)]
    result = cleaned(tmp_path, shoppers() + crawl + extra, bots=True)
    assert result.reasons == {"bot": 130}


def test_outlying_values_by_quantile(tmp_path: Path) -> None:
    rows = [("u", f"i{n}", "dwell", T, n) for n in range(1, 101)] + [("u", "x", "dwell", T, None)]
    result = cleaned(tmp_path, rows, VALUED, outliers="quantile", outlier_share=0.02)
    # Of 1 .. 100 the quantile .02 is 3 (the nearest place to .02 x 99 = 1.98) and .98 is 98.
    removed = [int(raw.split(",")[4]) for raw in result.quarantine["raw"]]
    assert removed == [1, 2, 99, 100]
    assert result.reasons == {"outlying value": 4}


def test_outlying_values_by_robust_deviations_within_their_event(tmp_path: Path) -> None:
    dwell = [("u", f"i{n}", "dwell", T, value) for n, value in enumerate([8, 9, 10, 11, 12, 40])]
    rated = [
        ("u", f"j{n}", "rating", T, value) for n, value in enumerate([5, 5, 5, 5, 1])
    ]  # no spread: no outlier
    # Median 10.5, deviations 2.5 1.5 .5 .5 1.5 29.5: median 1.5, so one robust deviation is 2.22.
    result = cleaned(tmp_path, dwell + rated, VALUED, outliers="mad", outlier_deviations=10)
    assert [raw.split(",")[4] for raw in result.quarantine["raw"]] == ["40"]
    kept = cleaned(tmp_path, dwell + rated, VALUED, outliers="mad", outlier_deviations=14)
    assert kept.reasons == {}


def test_rare_items_go_before_rare_users(tmp_path: Path) -> None:
    rows = [("u", "a"), ("v", "a"), ("u", "b"), ("v", "c"), ("v", "a")]
    result = cleaned(tmp_path, rows, "user_id,item_id", min_item_events=2, min_user_events=2)
    # b and c go for one event each; u has one left and goes; a keeps the two of v.
    assert result.quarantine.select("line", "reason").rows() == [
        (2, "rare user"),
        (4, "rare item"),
        (5, "rare item"),
    ]


def test_what_is_rare_both_ways_goes_for_its_item(tmp_path: Path) -> None:
    rows = [("u", "a"), ("v", "a"), ("u", "a"), ("v", "a"), ("w", "b"), ("x", "a")]
    result = cleaned(tmp_path, rows, "user_id,item_id", min_item_events=2, min_user_events=2)
    # w has one event and so has b: items are counted first. a has many, so x goes as a user.
    assert result.quarantine.select("line", "reason").rows() == [(6, "rare item"), (7, "rare user")]
    assert cleaned(tmp_path, rows, "user_id,item_id", min_user_events=2).reasons == {"rare user": 2}
    assert cleaned(tmp_path, rows, "user_id,item_id", min_item_events=2).reasons == {"rare item": 1}


def test_counts_hold_among_what_is_left(tmp_path: Path) -> None:
    rows = [("u", "a"), ("u", "b"), ("v", "b"), ("v", "c"), ("w", "c"), ("w", "d")]
    result = cleaned(tmp_path, rows, "user_id,item_id", min_item_events=2, min_user_events=2)
    assert len(result.events) == 0  # a chain: each removal makes the next one rare
    assert result.reasons == {"rare item": 4, "rare user": 2}


def test_each_row_goes_for_the_first_rule_that_fits(tmp_path: Path) -> None:
    rows = [("u", "a", "view", 5), ("u", "a", "view", 5), ("u", "a", "view", T), ("u", "a", "view", T + 1)]
    result = cleaned(tmp_path, rows, impossible_times=True, duplicates=True, burst_seconds=2)
    assert result.reasons == {"impossible time": 2, "burst": 1}


def test_quarantined_rows_carry_the_text_of_their_line(tmp_path: Path) -> None:
    text = f'{HEADER},note\nu,"a,1",view,{T},x\nu,"a,1",view,{T},  y\n###\n'
    result = clean(read(tmp_path, text), now=NOW)
    assert result.quarantine.rows() == [
        (3, "duplicate", f'u,"a,1",view,{T},  y'),
        (4, "expected 5 columns, found 1", "###"),
    ]


def test_quarantined_rows_of_parquet_are_json(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user_id": [1, 1, None], "item_id": ["a", "a", "b"]}).write_parquet(path)
    result = clean(read(tmp_path, path.read_bytes(), "copy.parquet"), now=NOW)
    assert result.quarantine.rows() == [
        (2, "duplicate", '{"user_id":1,"item_id":"a"}'),
        (3, "no user id", '{"user_id":null,"item_id":"b"}'),
    ]


def test_a_time_to_be_filled_is_not_missing_and_one_that_stays_open_is(tmp_path: Path) -> None:
    rows = [("u", "a", "view", T), ("u", "b", "view", None), ("v", "c", "view", None)]
    result = cleaned(tmp_path, rows, missing_times=True, fill={"timestamp": Fill("forward")})
    assert result.events["timestamp"].to_list() == [T, T]
    assert result.reasons == {"no time": 1}


EVENT = st.tuples(
    st.sampled_from("uvw"),
    st.sampled_from("abc"),
    st.sampled_from(["view", "click", "purchase", "rating"]),
    st.one_of(st.none(), st.integers(T, T + 20), st.sampled_from([5, 4_000_000_000])),
    st.one_of(st.none(), st.integers(0, 3)),
)


@examples(50)
@given(
    rows=st.lists(EVENT, min_size=1, max_size=60),
    fill=st.sampled_from(
        [{}, {"value": Fill("median")}, {"timestamp": Fill("drop")}, {"value": Fill("forward")}]
    ),
    least=st.integers(1, 3),
    burst=st.integers(0, 5),
)
def test_cleaning_twice_is_cleaning_once_and_every_row_is_somewhere(
    rows: list[tuple], fill: dict[str, Fill], least: int, burst: int
) -> None:
    schema = {
        "user_id": pl.String,
        "item_id": pl.String,
        "event": pl.String,
        "timestamp": pl.Float64,
        "value": pl.Float64,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        seq=pl.lit(None, dtype=pl.Int64), line=pl.int_range(1, len(rows) + 1, dtype=pl.Int64)
    )
    rules = Rules(burst_seconds=burst, min_item_events=least, min_user_events=4 - least, fill=fill)
    once, removed = apply_rules(frame, rules, now=NOW)
    assert sorted([*lines_of(once), *lines_of(removed)]) == list(range(1, len(rows) + 1))
    twice, again = apply_rules(once, rules, now=NOW)
    assert twice.equals(once)
    assert len(again) == 0


def test_the_row_rules_and_the_statistical_rules_share_the_work() -> None:
    rules = Rules(outliers="mad", min_user_events=3, fill={"value": Fill("mean")})
    assert rules.rows_only() == Rules(bots=False)
    assert rules.statistical() == only(
        bots=True, outliers="mad", min_user_events=3, fill={"value": Fill("mean")}
    )


def test_two_returns_at_one_moment_are_no_double_click(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    rows = [f"{700 + n},u{n % 5},i{n % 3},2,2024-03-{1 + n % 28:02d} 10:00:00" for n in range(60)]
    rows += [f"C900,u1,i1,-{pieces},2024-04-02 10:00:00" for pieces in (1, 14)]
    path.write_text("\n".join(["invoice,customer_id,product_id,quantity,ordered_at", *rows]) + "\n")
    cleaned = clean(read_events(path), now=1.8e9)
    assert "burst" not in cleaned.reasons
    assert (cleaned.events["event"] == "return").sum() == 2
