"""Times, event types and values beside known users and items: taken, asked about, or left alone."""

import random
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from tacit.core.errors import AmbiguousError
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.roles import Assignment, assign

ROWS = 400


def found(reading: Reading = NO_CHOICES, *, named: bool = True, **more: Sequence[object]) -> Assignment:
    """Return the roles of a log of users and items with more columns; a short one is drawn from."""
    draw = random.Random(5)
    columns: dict[str, Sequence[object]] = {
        "user_id": [f"u{draw.randrange(40)}" for _ in range(ROWS)],
        "item_id": [f"i{draw.randrange(60)}" for _ in range(ROWS)],
        **{
            name: cells if len(cells) == ROWS else draw.choices(cells, k=ROWS) for name, cells in more.items()
        },
    }
    table = pl.DataFrame({name: [str(cell) for cell in cells] for name, cells in columns.items()})
    if not named:
        table.columns = [str(place) for place in range(1, table.width + 1)]
    return assign(table, named, reading, Path("log.csv"))


AMOUNTS = [1, 1, 1, 2, 3, 6]
ORDERS = [f"o{place // 3}" for place in range(ROWS)]


def test_numbers_of_a_scale_are_values_whatever_their_name() -> None:
    for cells in ([1, 2, 3, 4, 5], [0.5, 1.0, 1.5, 2.0, 4.5, 5.0], [1, 3, 6, 7, 8, 10]):
        assert found(blorps=cells).roles["value"] == "blorps"


def test_numbers_with_large_gaps_are_no_scale() -> None:
    assert "value" not in found(blorps=[3, 17, 23, 29, 52, 66, 71, 85, 99]).roles


@pytest.mark.parametrize("cells", [[0, 1, 2], [1, 2, 3, 4], [0, 1, 2, 3, 4], [-1, 1, 2, 3, 6]])
def test_a_few_numbers_of_an_unknown_name_are_asked_about(cells: list[int]) -> None:
    with pytest.raises(
        AmbiguousError, match=r"blorps holds a few numbers .* --map blorps=value or with --map bl"
    ):
        found(blorps=cells)
    assert found(Reading(accept_guess=True), blorps=cells).roles["value"] == "blorps"
    assert found(Reading(columns={"value": "blorps"}), blorps=cells).roles["value"] == "blorps"
    assert found(Reading(columns={"event": "blorps"}), blorps=cells).roles["event"] == "blorps"


def test_small_numbers_beside_a_price_are_asked_about_and_those_of_an_order_are_amounts() -> None:
    price = [12.99, 7.49, 103.00, 55.10]
    with pytest.raises(AmbiguousError, match="blorps holds a few numbers"):
        found(blorps=AMOUNTS, price=price)
    ordered = found(blorps=AMOUNTS, price=price, order_no=ORDERS)
    assert (ordered.roles["value"], ordered.value_kind) == ("blorps", "quantity")


def test_two_scales_of_unknown_names_are_asked_about() -> None:
    with pytest.raises(AmbiguousError, match="or with --map quux=value"):
        found(blorps=[1, 2, 3, 4, 5], quux=[1, 2, 3, 4, 5])


def test_amounts_below_zero_are_taken_back_whatever_their_name() -> None:
    for name in ("blorps", "rooms", "count"):
        read = found(**{name: [*AMOUNTS * 4, -1, -2]}, price=[9.99, 20.49])
        assert (read.roles["value"], read.value_kind) == (name, "quantity")


def test_a_count_on_a_line_of_an_order_is_a_quantity() -> None:
    assert found(count=AMOUNTS, order_no=ORDERS).value_kind == "quantity"
    assert found(count=AMOUNTS).value_kind == "plays"


def test_values_are_not_guessed_beside_event_types_that_have_none() -> None:
    assert "value" not in found(event=["view", "search", "click"], blorps=[1, 2, 3, 4, 5]).roles
    assert found(event=["view", "rate"], blorps=[1, 2, 3, 4, 5]).roles["value"] == "blorps"


def test_unknown_words_that_may_be_event_types_are_asked_about() -> None:
    words = ["zobrazilo", "kupilo", "vratilo"]
    for named, name in ((True, "blorps"), (False, "3")):
        with pytest.raises(AmbiguousError, match=f"{name} holds a few words .* --map {name}=event"):
            found(named=named, blorps=words)
    assert "event" not in found(Reading(event="view"), blorps=words).roles
    assert "event" not in found(Reading(accept_guess=True), blorps=words).roles


@pytest.mark.parametrize(
    "words",
    [["web", "organic", "app"], ["card", "cash", "paypal"], ["EUR", "USD", "GBP"], ["en", "de", "fr"]],
)
def test_words_of_circumstances_are_no_event_types(words: list[str]) -> None:
    assert set(found(blorps=words, named=False).roles) == {"user", "item"}


def test_ids_are_no_event_types_though_they_spell_some_words() -> None:
    draw = random.Random(1)
    ids = [f"add{draw.randrange(16**5):05x}-fee{draw.randrange(16):x}-4add" for _ in range(ROWS)]
    assert "event" not in found(blorps=ids).roles


def test_days_of_a_workbook_with_a_time_of_day_are_times_without_a_name() -> None:
    days = [f"{41_795.410162 + place / 7:.6f}" for place in range(ROWS)]
    assert found(named=False, blorps=days).roles["timestamp"] == "3"
    prices = [f"{41_795.41 + place / 7:.2f}" for place in range(ROWS)]
    assert "timestamp" not in found(named=False, blorps=prices).roles


def test_a_date_without_a_century_is_a_time_whatever_part_of_its_name_is_a_place() -> None:
    clocks = [f"{1 + place // 20:02}/03/15 {place % 20:02}:33" for place in range(ROWS)]
    later = [f"{1 + place * 7 % 28:02}/04/15 10:00" for place in range(ROWS)]
    assert found(**{"creato.il": clocks, "data.spedizione": later}).roles["timestamp"] == "creato.il"
