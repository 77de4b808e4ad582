"""Purchases that were undone, against values worked out by hand."""

import polars as pl
import pytest
from tests.data.test_weights import log

from tacit.data.event_map import EventMap
from tacit.data.returns import left_in_history, left_of_purchases, settled, settled_event


def types(frame: pl.DataFrame) -> list[str]:
    return frame["event"].to_list()


def test_a_negative_amount_is_a_return() -> None:
    frame = log(("u", "a", "purchase", 1, 2), ("u", "a", "purchase", 2, -2), ("u", "b", "view", 3, -1))
    done = settled(frame)
    assert types(done) == ["purchase", "return", "view"]
    assert done["value"].to_list() == [2, 2, -1]
    assert settled(done).equals(done)


def test_a_column_of_quantities_makes_any_yes_a_purchase() -> None:
    frame = log(("u", "a", "view", 1, 2), ("u", "a", "view", 2, -2))
    assert types(settled(frame, "quantity")) == types(settled(frame, "price")) == ["view", "return"]
    assert settled(frame, "rating") is frame


def test_what_the_user_has_said_of_a_type_stands() -> None:
    frame = log(("u", "a", "purchase", 1, -2))
    assert settled(frame, None, EventMap.parse({"purchase": "yes"})) is frame
    assert settled_event("purchase", -1, (), EventMap.parse({"purchase": "yes"})) == ("purchase", -1)
    single = [settled_event("purchase", value) for value in (-2, 0, None)]
    assert single == [("return", 2), ("purchase", 0), ("purchase", None)]
    assert settled_event("view", -1) == ("view", -1)
    assert settled_event("view", -1, ("view",)) == ("return", 1)


@pytest.mark.parametrize(
    ("name", "event"), [("InvoiceNo", "cancel"), ("order_id", "cancel"), ("sku", "purchase")]
)
def test_the_number_of_a_cancelled_order(name: str, event: str) -> None:
    frame = log(("u", "a", "purchase", 1, 2), ("u", "a", "purchase", 2, 2), ("u", "a", "view", 2, None))
    frame = frame.with_columns(pl.Series(name, ["536365", "C536379", "C536379"]))
    assert types(settled(frame)) == ["purchase", event, "view"]


def test_order_numbers_that_all_begin_with_a_letter_say_nothing() -> None:
    frame = log(("u", "a", "purchase", 1, 2), ("u", "a", "purchase", 2, 2))
    frame = frame.with_columns(pl.Series("InvoiceNo", ["C536365", "C536379"]))
    assert settled(frame) is frame


def test_ratings_that_are_none_become_missing() -> None:
    frame = log(*((f"u{n}", "a", "rating", n, value) for n, value in enumerate([-1, 2, 8, 10, -1])))
    assert settled(frame)["value"].to_list() == [None, 2, 8, 10, None]


def test_what_is_left_of_a_purchase() -> None:
    frame = log(
        ("u", "a", "purchase", 1, 4),
        ("u", "a", "return", 2, 1),
        ("u", "b", "purchase", 1, None),
        ("u", "b", "order_cancelled", 2, None),
        ("u", "c", "purchase", 1, None),
        ("v", "a", "refund", 1, None),  # of an earlier purchase
        ("v", "a", "purchase", 2, None),
        ("v", "b", "purchase", 2, 1),
        ("v", "b", "return", 3, 9),
    )
    left = left_of_purchases(frame, ["purchase"])
    assert left is not None
    assert left.to_list() == [0.75, 1, 0, 1, 1, 1, 1, 0, 1]
    assert left_of_purchases(frame.filter(pl.col("event") == "purchase")) is None


def test_amounts_that_are_no_quantities_count_as_events() -> None:
    frame = log(("u", "a", "purchase", 1, 40), ("u", "a", "purchase", 2, 2), ("u", "a", "return", 3, 40))
    left = left_of_purchases(frame)
    assert left is not None and left.to_list() == [0.5, 0.5, 1]


def test_an_unfollow_undoes_no_purchase() -> None:
    frame = log(
        ("u", "a", "purchase", 1, None), ("u", "a", "unlike", 2, None), ("u", "a", "dismiss", 3, None)
    )
    assert left_of_purchases(frame) is None


def test_what_is_left_in_one_history_is_what_is_left_in_a_log() -> None:
    rows = [
        ("u", "a", "purchase", 1, 4),
        ("u", "a", "return", 2, 1),
        ("u", "b", "return", 2, None),  # of an earlier purchase
        ("u", "b", "purchase", 3, 1),
        ("u", "b", "purchase", 4, 2),
        ("u", "a", "view", 4, None),
        ("u", "b", "refund", 5, 2),
        ("u", "c", "purchase", 6, None),
        ("u", "c", "purchase", 7, 2),
        ("u", "c", "cancel", 8, 1),
    ]
    frame = log(*rows)
    items, kinds, at = (frame[name].to_list() for name in ("item_id", "event", "timestamp"))
    codes, values = [ord(item) for item in items], frame["value"].fill_null(float("nan")).to_list()
    for counted in ((), ("purchase",)):
        expected = left_of_purchases(frame, counted)
        assert expected is not None
        assert left_in_history(codes, kinds, at, values, counted).tolist() == pytest.approx(
            expected.to_list()
        )
