"""Times, event types and values beside known users and items: taken, asked about, or left alone."""

import random
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from tacit.core.errors import AmbiguousError
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.column_content import contents_of
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


DAYS = [f"{day:02}.01.2024" for day in range(1, 29)]
CLOCKS = ["17:25", "01:31", "9:05 PM", "11:40:07"]


def test_times_of_day_beside_days_are_joined() -> None:
    assignment = found(Datum=DAYS, Uhrzeit=CLOCKS)
    assert (assignment.roles["timestamp"], assignment.clock) == ("Datum", "Uhrzeit")
    assert "Datum holds days and Uhrzeit the times of day: they were joined" in assignment.notes
    assert [one.use for one in assignment.columns if one.column == "Uhrzeit"] == ["gives the time of day"]
    moments = [f"{day} 08:00" for day in DAYS]
    assert found(Datum=moments, Uhrzeit=CLOCKS).clock is None


def test_two_columns_of_times_of_day_are_asked_about() -> None:
    with pytest.raises(AmbiguousError, match="opened and closed both hold times of day"):
        found(date=DAYS, opened=CLOCKS, closed=CLOCKS)
    assert found(Reading(accept_guess=True), date=DAYS, opened=CLOCKS, closed=CLOCKS).clock == "opened"


@pytest.mark.parametrize("cells", [[f"{day:02}012024" for day in range(1, 29)], range(2024006, 2024056)])
def test_a_log_whose_dates_cannot_be_read_is_refused_by_the_name_of_their_column(cells: list[object]) -> None:
    with pytest.raises(AmbiguousError, match=r"date is named for times, and .* --accept-guess"):
        found(date=cells)
    assert "timestamp" not in found(Reading(accept_guess=True), date=cells).roles


def test_dates_of_short_years_under_an_unknown_name_are_asked_about() -> None:
    short = [f"{day:02}.01.24" for day in range(1, 29)]
    with pytest.raises(AmbiguousError, match=r"blorps holds dates.* --map blorps=timestamp"):
        found(blorps=short)
    assert found(Reading(columns={"timestamp": "blorps"}), blorps=short).roles["timestamp"] == "blorps"


@pytest.mark.parametrize(("name", "cells"), [("month", ["2024-01", "2024-02"]), ("week", ["2024-W01"] * 2)])
def test_parts_of_a_calendar_that_are_not_used_are_noted(name: str, cells: list[str]) -> None:
    notes = {one.column: one.note for one in found(**{name: cells}).columns}
    assert notes[name] == f"{name} holds calendar parts and is not used: write 2024-03-13"


@pytest.mark.parametrize("words", [["good", "bad", "excellent"], ["A", "B", "F"]])
def test_ratings_in_words_are_asked_about(words: list[str]) -> None:
    with pytest.raises(AmbiguousError, match=r"rating holds ratings in words .* --map rating=event"):
        found(rating=words)
    assert "value" not in found(Reading(accept_guess=True), rating=words).roles


@pytest.mark.parametrize(
    "cells", [["\u22121", "2", "3"], ["1-", "2", "3"], ["(1)", "2", "3"], ["2 pcs", "2", "3"]]
)
def test_amounts_of_other_forms_are_values(cells: list[str]) -> None:
    assert found(quantity=cells).roles["value"] == "quantity"


def test_stars_and_parts_of_a_scale_are_values() -> None:
    for cells in (["★", "★★", "★★★"], ["7/10", "8/10", "10/10"], ["1 stars", "4 stars", "5 stars"]):
        assert found(rating=cells).roles["value"] == "rating"


def test_numbers_below_zero_of_an_unknown_name_are_asked_about() -> None:
    with pytest.raises(AmbiguousError, match=r"temperature holds .* --map temperature=value"):
        found(temperature=[-10, -5, 1, 15, 20, 25, 30])


def test_numbers_most_of_which_are_no_moments_are_not_taken_for_times() -> None:
    songs = [30_000 + 1_000 * place for place in range(ROWS - 1)] + [1_700_000_000]
    with pytest.raises(AmbiguousError, match="ts is named for times, and '30000' is none that can be read"):
        found(ts=songs)


def test_how_something_was_paid_is_no_event() -> None:
    assert found(evt_paid_with=["card", "cash", "paypal"]).roles.get("event") is None


def test_of_two_dates_of_a_loan_the_first_is_its_time() -> None:
    lent, back = [f"{day:02}.03.2024" for day in range(1, 16)], [f"{day:02}.03.2024" for day in range(10, 30)]
    for first, last in (
        ("Ausleihdatum", "Rückgabedatum"),
        ("借阅日期", "归还日期"),
        ("loan_date", "return_date"),
    ):
        assert found(**{first: lent, last: back}).roles["timestamp"] == first


def test_what_was_said_of_something_is_no_event() -> None:
    said = ["nice, would buy again", "too small; returned", "ok"]
    assert "event" not in found(zibbles=said).roles
    assert found(zibbles=["buy", "return", "view"]).roles["event"] == "zibbles"


def test_days_of_a_spreadsheet_are_moments_whatever_their_name() -> None:
    days = [42_000 + place / 7.3 for place in range(ROWS)]
    assert found(session_time=days).roles["timestamp"] == "session_time"


def test_answers_to_an_unknown_question_are_no_events() -> None:
    assert "event" not in found(evt_newsletter=["N", "N", "Y"], evt_hour=[5, 12, 22], evt_zone=["a"]).roles


@pytest.mark.parametrize(
    "name",
    [
        "predicted_rating",
        "relevance_score",
        "credit_score",
        "model_score",
        "Risk Score",
        "预测评分",
        "予測評価",
    ],
)
def test_what_a_model_gives_is_no_rating(name: str) -> None:
    log = found(**{name: [0.17, 0.25, 0.5, 0.81, 0.93, 0.99]})
    assert "value" not in log.roles
    assert f"{name} holds scores of a model" in str([one.note for one in log.columns])
    assert found(**{name: [0.17, 0.5, 0.81], "stars": [1, 2, 3, 4, 5]}).roles["value"] == "stars"


def test_ratings_of_sellers_are_none_of_items_that_are_no_shops() -> None:
    assert "value" not in found(seller_rating=[1, 2, 3, 4, 5]).roles
    assert found(seller_rating=[1, 2, 3], rating=[1, 2, 3, 4, 5]).roles["value"] == "rating"
    assert found(product_rating=[1, 2, 3, 4, 5]).roles["value"] == "product_rating"


def test_a_second_column_of_ratings_is_noted() -> None:
    log = found(delivery_rating=[1, 2, 3, 4, 5], food_rating=[1, 2, 3, 4, 5])
    (unused,) = {"delivery_rating", "food_rating"} - {log.roles["value"]}
    assert f"{unused} holds ratings too and is not used: --map {unused}=value" in [
        one.note for one in log.columns
    ]


def test_a_number_that_never_changes_is_no_rating_beside_event_types() -> None:
    assert "value" not in found(_score=[1], event=["view", "purchase"]).roles
    assert found(_score=[1, 2, 3, 4, 5], event=["view", "rate"]).roles["value"] == "_score"


def test_grades_of_a_school_are_noted() -> None:
    assert "Note holds grades from 1 to 6" in str(found(Note=[1, 2, 3, 4, 5, 6]).notes)
    assert not found(rating=[1, 2, 3, 4, 5, 6]).notes


def test_how_often_is_no_time_of_day_and_leaving_no_time_of_the_event() -> None:
    assert found(event_date=DAYS, times_cooked=list(range(19))).clock is None
    arrived, left = (
        [f"{day:02}/04/2022 08:38" for day in range(1, 28)],
        [f"{day:02}/07/2022" for day in range(1, 28)],
    )
    assert found(submittedon=arrived, checkoutdate=left).roles["timestamp"] == "submittedon"


@pytest.mark.parametrize("rows", [10_001, 30_001, 1_000_205])
def test_few_values_in_many_rows_are_counted_exactly(rows: int) -> None:
    cells = pl.Series("3", [1, 2, 3, 4, 5]).cast(pl.String)
    ratings = pl.concat([cells] * (rows // 5 + 1)).head(rows)
    assert contents_of(ratings.to_frame())["3"].unique == 5
    blank = pl.concat([pl.Series("3", [""]), ratings])
    assert contents_of(blank.to_frame())["3"].unique == 5
