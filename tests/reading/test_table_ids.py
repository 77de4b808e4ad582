"""Whether a table is a catalogue, a file of users or a log, and which column holds the ids."""

import polars as pl
import pytest

from tacit.reading.table_ids import looks_like_catalogue, looks_like_log

ITEMS = pl.DataFrame(
    {
        "goods_no": [f"G{n}" for n in range(30)],
        "商品标题": [f"红色 跑鞋 {n}" for n in range(30)],
        "price": [n / 7 for n in range(30)],
    }
)
EVENTS = pl.DataFrame(
    {
        "buyer_email": [f"b{n % 4}@shop.example" for n in range(60)],
        "goods_no": [f"G{n % 10}" for n in range(60)],
        "title": [f"Red shoe {n % 10}" for n in range(60)],
    }
)


def test_a_catalogue_is_known_as_one() -> None:
    reason = looks_like_catalogue(ITEMS)
    assert reason == "every row is another goods_no, 商品标题 holds titles, and no column holds users"
    assert looks_like_log(ITEMS, "goods_no", "item") is None


def test_a_log_is_known_as_one() -> None:
    assert looks_like_catalogue(EVENTS) is None
    reason = looks_like_log(EVENTS, "goods_no", "item")
    assert reason == "goods_no repeats its ids about 6 times, with other values of buyer_email"
    assert looks_like_log(EVENTS, "buyer_email", "user") is not None


def test_users_by_their_values_alone_make_a_log() -> None:
    events = EVENTS.rename({"buyer_email": "contact"})
    assert looks_like_log(events, "goods_no", "item") is not None


def test_a_log_of_few_rows_with_titles_is_no_catalogue() -> None:
    events = pl.DataFrame(
        {"visitor": ["a", "b", "c", "d"], "sku": ["1", "2", "3", "4"], "title": ["Red"] * 4}
    )
    assert looks_like_catalogue(events) is None


@pytest.mark.parametrize("moment", ["2024-03-01 10:00:00", 1_709_251_200, 1_709_251_200_000])
def test_a_table_without_names_and_with_moments_is_a_log(moment: object) -> None:
    table = pl.DataFrame({"1": [f"u{n}" for n in range(9)], "2": ["i"] * 9, "3": [moment] * 9})
    assert looks_like_log(table, "1", "item") == "the column 3 holds the moment of each row"


def test_dates_of_release_make_no_log() -> None:
    table = pl.DataFrame({"1": range(9), "2": ["Lamp"] * 9, "3": ["01-Jan-1995"] * 9})
    assert looks_like_log(table, "1", "item") is None
