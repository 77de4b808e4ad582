"""Each sign of a broken source is seen where it was planted, and not in healthy data."""

import numpy as np
import polars as pl
import pytest

from tacit.data import measures
from tacit.data.shop import Shop, generate
from tacit.data.suspicions import order_agreement, suspicions

EMPTY = pl.DataFrame(schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String})


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(seed=5, users=1500, items=500, events=40_000)


def codes(
    events: pl.DataFrame, items: pl.DataFrame | None = None, quarantine: pl.DataFrame = EMPTY
) -> list[str]:
    timing = "time" if events["timestamp"].null_count() < len(events) else "order"
    return [s.code for s in suspicions(events, measures.coded_log(events), quarantine, items, timing)]


def ordered_by(events: pl.DataFrame, key: pl.Expr) -> pl.DataFrame:
    """Return the log with times taken away and histories sorted by a key."""
    return events.with_columns(
        timestamp=pl.lit(None, dtype=pl.Float64), seq=key.rank("ordinal").over("user_id").cast(pl.Int64)
    )


def test_a_healthy_shop_raises_nothing(shop: Shop) -> None:
    assert codes(shop.events, shop.items) == []


def test_sorted_by_id(shop: Shop) -> None:
    assert codes(ordered_by(shop.events, pl.col("item_id"))) == ["sorted_by_item_id"]


def test_numeric_ids_are_compared_as_numbers(shop: Shop) -> None:
    bare = shop.events.with_columns(item_id=pl.col("item_id").str.slice(1).cast(pl.Int64).cast(pl.String))
    assert codes(ordered_by(bare, pl.col("item_id").cast(pl.Int64))) == ["sorted_by_item_id"]


def test_any_order_that_all_users_share(shop: Shop) -> None:
    assert codes(ordered_by(shop.events, pl.col("item_id").hash(seed=1))) == ["shared_order"]


def test_events_at_one_moment_say_nothing_of_order(shop: Shop) -> None:
    at_once = shop.events.sort("user_id", "item_id").with_columns(timestamp=pl.lit(1.0))
    assert codes(at_once) == []


def test_agreement_by_hand() -> None:
    # Between items 0 and 1: three steps up, one down: 3 of 6 pairs of steps agree. Between 2 and 3: 1 of 1.
    before, after = np.array([0, 0, 0, 1, 2, 2]), np.array([1, 1, 1, 0, 3, 3])
    assert order_agreement(before, after) == (4 / 7, 7)


@pytest.mark.parametrize("rows", [1, -1, 2])
def test_shifted_titles(shop: Shop, rows: int) -> None:
    columns = [name for name in shop.items.columns if name != "item_id"]
    shifted = shop.items.with_columns(pl.col(columns).shift(rows))
    found = suspicions(shop.events, measures.coded_log(shop.events), EMPTY, shifted, "time")
    assert [s.code for s in found] == ["shifted_titles"]
    assert f"{abs(rows)} row(s) {'below' if rows > 0 else 'above'}" in found[0].text
    assert found[0].number > 1.2


def test_only_the_titles_are_shifted(shop: Shop) -> None:
    assert codes(shop.events, shop.items.with_columns(pl.col("title").shift(1))) == ["shifted_titles"]


def test_a_column_that_counts_the_future(shop: Shop) -> None:
    counts = shop.events["item_id"].value_counts(name="demand")
    leaking = shop.items.join(counts, on="item_id", how="left")
    found = suspicions(shop.events, measures.coded_log(shop.events), EMPTY, leaking, "time")
    assert [s.code for s in found] == ["leaks_the_future"]
    assert "'demand'" in found[0].text
    assert found[0].number == pytest.approx(1.0)


@pytest.mark.parametrize(
    "name",
    ["avg_rating", "n_ratings", "rating_count", "num_reviews", "total_sales", "popularity", "sales_rank"],
)
def test_a_column_named_like_a_total(shop: Shop, name: str) -> None:
    assert codes(shop.events, shop.items.with_columns(pl.lit(4.2).alias(name))) == ["leaks_the_future"]


@pytest.mark.parametrize(
    "name", ["price", "rating_age", "number_of_pages", "countries", "weight", "stars_in"]
)
def test_other_names_do_not_leak(shop: Shop, name: str) -> None:
    assert codes(shop.events, shop.items.with_columns(pl.lit(4.2).alias(name))) == []


def test_header_rows(shop: Shop) -> None:
    header = {"user_id": "user_id", "item_id": "Item_ID", "event": "event"}
    events = pl.concat([shop.events, pl.DataFrame([header])], how="diagonal")
    quarantine = pl.DataFrame(
        {"line": [3, 4], "reason": ["x", "x"], "raw": ["userId,movieId,rating", "u1,,,"]}
    )
    assert codes(events) == ["header_as_row"]
    assert codes(shop.events, quarantine=quarantine) == ["header_as_row"]
    items = pl.concat([shop.items, pl.DataFrame({"item_id": ["item_id"]})], how="diagonal")
    assert codes(shop.events, items) == ["header_as_row"]


def test_real_items_with_totals_over_all_time(shared_data) -> None:
    folder = shared_data / "amazon-2023-mini"
    events = pl.read_parquet(folder / "events.parquet").with_columns(
        pl.col("timestamp").cast(pl.Float64), seq=pl.lit(None, dtype=pl.Int64)
    )
    assert codes(events, pl.read_parquet(folder / "items.parquet")) == ["leaks_the_future"] * 2
