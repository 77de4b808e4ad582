"""The log as its own catalogue: what stands beside every event of an item describes it."""

import polars as pl
import pytest

from tacit.core.errors import ConfigError
from tacit.data.catalogue import Catalogue
from tacit.reading.choices import Reading
from tacit.reading.own_catalogue import agreement, catalogue_of_log

N = 400


def orders(**columns: list[object]) -> pl.DataFrame:
    """Return a cleaned log of 400 events on 20 items, with further columns."""
    return pl.DataFrame(
        {
            "user_id": [f"u{n % 30}" for n in range(N)],
            "item_id": [f"8{n % 20:03}A" for n in range(N)],
            "event": ["purchase"] * N,
            "timestamp": [1.7e9 + n for n in range(N)],
            "value": [None] * N,
            "seq": [None] * N,
            "line": list(range(1, N + 1)),
            **columns,
        },
        schema_overrides={"value": pl.Float64, "seq": pl.Int64},
    )


TITLES = [f"RED THING {'ABCDEFGHIJKLMNOPQRST'[n % 20]}" for n in range(N)]
COUNTRY = [("United Kingdom", "France", "United Kingdom")[n % 30 % 3] for n in range(N)]


def test_a_title_beside_every_event_makes_a_catalogue() -> None:
    frame = catalogue_of_log(
        orders(Description=TITLES, Country=COUNTRY, InvoiceNo=[f"{5360 + n // 3}" for n in range(N)])
    )
    assert frame is not None
    assert frame.columns == ["item_id", "title"]
    assert frame.rows()[:2] == [("8000A", "RED THING A"), ("8001A", "RED THING B")]
    assert len(frame) == 20
    assert Catalogue.from_frame(frame).has_text.all()


def test_the_most_frequent_title_is_used_and_of_several_the_latest() -> None:
    titles: list[object] = list(TITLES)
    titles[0::20] = ["Lamp"] * 10 + ["Red lamp"] * 9 + ["damaged?"]
    titles[1::20] = ["Old cup"] * 10 + ["New cup"] * 10
    titles[2::20] = [None] * 19 + ["Pan"]
    frame = catalogue_of_log(orders(商品标题=titles))
    assert frame is not None
    assert frame["title"].to_list()[:3] == ["Lamp", "New cup", "Pan"]


def test_attributes_of_the_item_come_along_and_those_of_events_and_users_do_not() -> None:
    frame = catalogue_of_log(
        orders(
            product_name=TITLES,
            brand=[("Acme", "Bolt")[n % 20 % 2] for n in range(N)],
            review=[("good", "bad", "so so")[n % 7 % 3] for n in range(N)],
            favourite_colour=[("red", "blue")[n % 30 // 15] for n in range(N)],
            device=[("phone", "desktop")[n % 3 % 2] for n in range(N)],
            day=[f"2024-03-{n % 20 + 1:02}" for n in range(N)],
            unit_price=[2.5 if n < 380 else 3.5 if n % 2 else 0.0 for n in range(N)],
        )
    )
    assert frame is not None
    assert frame.columns == ["item_id", "title", "brand", "price"]
    assert frame["brand"].to_list()[:3] == ["Acme", "Bolt", "Acme"]
    assert frame["price"].to_list()[:2] == [2.5, 3.5]


def test_a_log_without_words_has_no_catalogue() -> None:
    assert catalogue_of_log(orders()) is None
    assert catalogue_of_log(orders(Country=COUNTRY, price=[1.0] * N)) is None
    assert catalogue_of_log(orders(Description=TITLES).clear()) is None


def test_ids_that_are_names_are_the_titles() -> None:
    games = [("Dota 2", "Portal", "The Elder Scrolls V", "Game, The 34")[n % 4] for n in range(N)]
    frame = catalogue_of_log(orders().with_columns(item_id=pl.Series(games)))
    assert frame is not None
    assert frame.rows()[0] == ("Dota 2", "Dota 2")


@pytest.mark.parametrize("prefix", ["SKU-", "", "B00X", "item_"])
def test_ids_that_are_codes_are_no_titles(prefix: str) -> None:
    codes = pl.Series([f"{prefix}{n % 50}" for n in range(N)])
    assert catalogue_of_log(orders().with_columns(item_id=codes)) is None


def test_few_events_do_not_tell_items_from_events() -> None:
    log = orders(title=[f"A thing of its own {n}" for n in range(N)])
    single = log.with_columns(item_id=pl.Series([f"i{n}" for n in range(N)]))
    assert catalogue_of_log(single) is None
    chosen = catalogue_of_log(single, Reading(item_columns={"title": "title"}))
    assert chosen is not None
    assert chosen["title"].to_list()[0] == "A thing of its own 0"
    with pytest.raises(ConfigError, match="the log has no column 'name' that could describe its items"):
        catalogue_of_log(single, Reading(item_columns={"title": "name"}))


def test_agreement_is_beyond_chance() -> None:
    items = pl.Series([f"i{n % 10}" for n in range(N)])
    assert agreement(items, items) == 1
    assert agreement(items, pl.Series(["a"] * N)) == 0
    mostly = pl.Series(["United Kingdom" if n // 10 % 11 else "France" for n in range(N)])
    assert agreement(items, mostly) < 0.05


def test_only_the_given_events_are_looked_at() -> None:
    log = orders(title=TITLES)
    frame = catalogue_of_log(log.filter(pl.col("item_id") != "8000A"))
    assert frame is not None
    assert "8000A" not in frame["item_id"].to_list()
