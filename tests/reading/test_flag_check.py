"""Flags that say what happened are asked about; a status of orders makes purchases."""

import polars as pl
import pytest

from tacit.core.errors import AmbiguousError
from tacit.core.shell import map_option
from tacit.data.clean import clean
from tacit.reading.choices import Reading, parse_reading
from tacit.reading.read import read_frame

ROWS = 120


def log(**more: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": [f"u{row * 7 % 31}" for row in range(ROWS)],
            "item_id": [f"i{row * 11 % 37}" for row in range(ROWS)],
            "ts": [f"2024-03-{1 + row % 27:02d} 10:{row % 60:02d}:00" for row in range(ROWS)],
            **more,
        }
    )


def mixed(*values: str) -> list[str]:
    return [values[(row * row + row // 5) % len(values)] for row in range(ROWS)]


def kinds(frame: pl.DataFrame, reading: Reading | None = None) -> set[str]:
    source = read_frame(frame, reading=reading or Reading())
    return set(clean(source, now=1.8e9).events["event"])


@pytest.mark.parametrize(
    ("name", "yes", "no", "said"),
    [
        ("liked", "1", "0", '"0=shown"'),
        ("is_click", "true", "false", '"false=shown"'),
        ("bought", "Y", "N", '"Y=yes"'),
        ("target", "1", "0", '"1=yes"'),
        ("decision", "1", "-1", '"-1=no"'),
        ("vote", "up", "down", '"down=no"'),
        ("是否退款", "是", "否", '"是=no"'),
        ("share", "1", "0", '"0=shown"'),
        ("opened", "1", "0", '"0=shown"'),
        ("purchases", "1", "0", '"0=shown"'),
        ("Storno", "J", "N", '"J=no"'),
    ],
)
def test_a_flag_of_an_act_is_asked_about(name: str, yes: str, no: str, said: str) -> None:
    frame = log(**{name: mixed(yes, no, no)})
    with pytest.raises(AmbiguousError) as error:
        read_frame(frame)
    assert f"{map_option(name, 'event')} --event-map" in str(error.value)
    assert said in str(error.value)
    assert kinds(frame, parse_reading({"columns": {"event": name}})) == {yes, no}
    assert kinds(frame, Reading(event="purchase")) == {"purchase"}


@pytest.mark.parametrize("name", ["is_return", "is_canceled", "refunded"])
@pytest.mark.parametrize("beside", ["quantity", "event"])
def test_a_flag_of_a_refusal_is_asked_about_beside_others(name: str, beside: str) -> None:
    other = mixed("1", "2", "3") if beside == "quantity" else mixed("view", "purchase", "view")
    with pytest.raises(AmbiguousError, match=name):
        read_frame(log(**{beside: other, name: mixed("1", "0", "0")}))


@pytest.mark.parametrize("names", [("click", "cart", "buy"), ("clicks", "purchases"), ("click", "share")])
def test_several_flags_of_acts_are_asked_about(names: tuple[str, ...]) -> None:
    flags = {name: mixed("1", *["0"] * (place + 2)) for place, name in enumerate(names)}
    with pytest.raises(AmbiguousError, match=names[0]):
        read_frame(log(**flags))
    assert kinds(log(**flags), Reading(event="click")) == {"click"}


def test_times_that_are_mostly_none_do_not_say_what_was_clicked() -> None:
    with pytest.raises(AmbiguousError, match="click"):
        read_frame(log(click=mixed("1", "0", "0"), watching_times=mixed("3", "0", "0", "5", "0")))
    assert kinds(log(click=mixed("1", "0", "0"), watching_times=mixed("3", "4", "9", "5", "2"))) == {"play"}


@pytest.mark.parametrize("name", ["is_member", "is_gift", "reordered", "first_visit", "newsletter"])
def test_other_flags_are_no_events(name: str) -> None:
    assert kinds(log(**{name: mixed("1", "0", "0")})) == {"view"}


def test_amounts_that_were_refunded_are_asked_about() -> None:
    with pytest.raises(AmbiguousError, match="refunded_quantity"):
        read_frame(log(quantity=mixed("3", "4", "5"), refunded_quantity=mixed("0", "1", "2")))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Stornokennzeichen", ("X", "", "")),
        ("storniert", ("x", "-", "-")),
        ("Cancelled at", ("2024-06-03 10:00:00", "", "")),
        ("refunded_at", ("2024-06-03", "2024-06-04", "", "", "")),
        ("unsubscribed_at", ("2024-06-03", "", "")),
        ("Erstattungsbetrag", ("0.00", "12.50", "8.00")),
    ],
)
def test_what_some_rows_say_of_being_undone_is_asked_about(name: str, values: tuple[str, ...]) -> None:
    frame = log(**{name: mixed(*values)})
    with pytest.raises(AmbiguousError, match=f"{name} seems to say of some rows that they were undone"):
        read_frame(frame)
    assert kinds(frame, Reading(event="purchase")) == {"purchase"}


def test_the_dates_of_loans_that_were_handed_back_undo_nothing() -> None:
    assert kinds(log(loan_id=[f"l{row}" for row in range(ROWS)], returned_at=mixed("2024-06-03", "", "")))


@pytest.mark.parametrize("refund", [("0.00", "8.50", "12.00"), ("3.00", "8.50", "12.00")])
def test_refunds_are_no_values(refund: tuple[str, ...]) -> None:
    with pytest.raises(AmbiguousError, match="refund_amount"):
        read_frame(log(refund_amount=mixed(*refund)))
    frame = log(amount=mixed("12.00", "14.50", "8.25", "9.99"), refund_amount=mixed("0.00", *refund))
    with pytest.raises(AmbiguousError, match="refund_amount"):
        read_frame(frame)
    source = read_frame(frame, reading=Reading(event="purchase"))
    assert source.mapping.get("value") != "refund_amount"


def test_a_status_with_undone_words_makes_purchases() -> None:
    assert kinds(log(status=mixed("active", "cancelled", "active"))) == {"purchase", "cancelled by status"}


@pytest.mark.parametrize(
    ("name", "words", "unknown"),
    [
        ("Status", ("shipped", "zurgled", "cancelled"), "zurgled"),
        ("Stav", ("Vyřízeno", "Rozbito"), "Rozbito"),
        ("payment_status", ("paid", "error"), "error"),
    ],
)
def test_unknown_words_of_a_status_are_asked_about(name: str, words: tuple[str, ...], unknown: str) -> None:
    frame = log(quantity=mixed("1", "2", "3"), **{name: mixed(*words)})
    with pytest.raises(AmbiguousError, match=f"{name} seems to be a status") as error:
        read_frame(frame)
    assert f"{map_option(name, 'event')} --event-map {unknown}=MEANING" in str(error.value)
    assert kinds(frame, Reading(event="purchase"))


@pytest.mark.parametrize(
    "words", [("shipped", "pending", "delivered"), ("paid", "unfulfilled"), ("ok", "done")]
)
def test_words_of_orders_that_stand_are_not_asked_about(words: tuple[str, ...]) -> None:
    assert kinds(log(quantity=mixed("1", "2", "3"), status=mixed(*words))) == {"purchase"}


def test_a_japanese_status_is_read() -> None:
    frame = log(数量=mixed("1", "2", "3"), ステータス=mixed("発送済み", "返品", "キャンセル", "発送済み"))
    assert kinds(frame) == {"purchase", "returned by status", "cancelled by status"}


def test_the_status_of_other_events_is_not_asked_about() -> None:
    assert kinds(log(event=mixed("view", "click"), status=mixed("zurg", "zarg", "zorg"))) == {"view", "click"}


def test_codes_of_a_status_are_noted() -> None:
    source = read_frame(log(quantity=mixed("1", "2", "3"), status=mixed("0", "1", "2")))
    assert any(note.startswith("status holds codes") for note in source.notes)


def test_the_event_column_that_varies_wins() -> None:
    assert kinds(log(event=["click"] * ROWS, action=mixed("like", "dislike", "like"))) == {"like", "dislike"}


PAID = [("-" if row % 9 == 0 else "") + f"{3 + row * 11 % 37}.50" for row in range(ROWS)]


@pytest.mark.parametrize("name", ["amount", "Betrag EUR", "金额"])
def test_money_that_is_taken_back_is_asked_about(name: str) -> None:
    frame = log(quantity=["1"] * ROWS, **{name: PAID})
    with pytest.raises(AmbiguousError, match=r"below zero in some rows by what the same items cost") as error:
        read_frame(frame)
    assert map_option(name, "value") in str(error.value)
    assert kinds(frame, parse_reading({"columns": {"value": name}})) == {"purchase", "return"}
    assert kinds(frame, Reading(event="purchase")) == {"purchase"}


def test_a_profit_below_zero_takes_nothing_back() -> None:
    profit = [f"{(row * 37 % 97) / 7 - 3:.2f}" for row in range(ROWS)]
    assert kinds(log(quantity=["1"] * ROWS, profit=profit)) == {"purchase"}


def test_returns_that_the_event_type_tells_are_not_asked_about() -> None:
    event = ["return" if paid.startswith("-") else "purchase" for paid in PAID]
    assert kinds(log(event=event, amount=PAID)) == {"purchase", "return"}


def test_codes_of_an_outcome_are_asked_about() -> None:
    frame = log(response=mixed("1", "2", "1"))
    with pytest.raises(AmbiguousError, match=r"response holds codes \(1, 2\) .* --map response=event"):
        read_frame(frame)
    assert kinds(frame, Reading(event="view")) == {"view"}
