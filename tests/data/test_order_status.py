"""Orders that their own status calls undone are no purchases, and undo no other purchase."""

import polars as pl
import pytest

from tacit.data.clean import clean
from tacit.data.event_map import EventMap
from tacit.data.order_status import (
    CANCELLED,
    CHECKOUT,
    RETURNED,
    by_status,
    names_status,
    type_of,
    unknown_words,
)
from tacit.data.returns import left_of_purchases
from tacit.reading.read import read_frame


def orders(status: list[str], column: str = "order_status") -> pl.DataFrame:
    n = len(status)
    return pl.DataFrame(
        {
            "order_id": [f"{900_000 + row}" for row in range(n)],
            "user_id": [f"u{row % 7}" for row in range(n)],
            "product_id": [f"p{row % 5}" for row in range(n)],
            "ordered_at": [f"2024-03-{1 + row % 27:02d} 10:{row % 60:02d}:00" for row in range(n)],
            "quantity": [1 + row % 3 for row in range(n)],
            column: status,
        }
    )


def kinds(frame: pl.DataFrame) -> dict[str, int]:
    cleaned = clean(read_frame(frame), now=1.8e9)
    return dict(cleaned.events["event"].value_counts().iter_rows())


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        ("交易成功", None),
        ("卖家已发货，等待买家确认", None),
        ("交易关闭", CANCELLED),
        ("(删除)等待付款", CANCELLED),
        ("已取消", CANCELLED),
        ("退款成功", RETURNED),
        ("等待买家付款", CHECKOUT),
        ("delivered", None),
        ("Completed", None),
        ("Shipped - Delivered to Buyer", None),
        ("Shipped - Returned to Seller", RETURNED),
        ("Cancelled", CANCELLED),
        ("wc-cancelled", CANCELLED),
        ("refunded", RETURNED),
        ("partially_refunded", None),
        ("refund rejected", None),
        ("pending payment", CHECKOUT),
        ("payment failed", CANCELLED),
        ("storniert", CANCELLED),
        ("Levert", None),
        ("Refundert", RETURNED),
        ("Kansellert", CANCELLED),
        ("Återbetald", RETURNED),
        ("Makulerad", CANCELLED),
        ("Annulleret", CANCELLED),
        ("Vyřízeno", None),
        ("Vráceno", RETURNED),
        ("Stornováno", CANCELLED),
        ("Виконано", None),
        ("Повернення", RETURNED),
        ("Скасовано", CANCELLED),
        ("Selesai", None),
        ("Pengembalian", RETURNED),
        ("Dibatalkan", CANCELLED),
        ("Terugbetaald", RETURNED),
        ("Échec de paiement", CANCELLED),
        ("支付失败", CANCELLED),
        ("退款失败", None),
        ("not paid", CHECKOUT),
        ("un-paid", CHECKOUT),
        ("発送済み", None),
        ("unavailable", CANCELLED),
    ],
)
def test_words_of_a_status(status: str, type_: str | None) -> None:
    assert type_of(status) == type_


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        ("order_status", "delivered", "canceled"),
        ("Status", "Completed", "Cancelled"),
        ("订单状态", "交易成功", "交易关闭"),
        ("Bestellstatus", "versandt", "storniert"),
    ],
)
def test_undone_orders_are_no_purchases(column: str, good: str, bad: str) -> None:
    status = [bad if row % 10 == 3 else good for row in range(140)]
    frame = orders(status, column)
    assert kinds(frame) == {"purchase": 126, CANCELLED: 14}
    cleaned = clean(read_frame(frame), now=1.8e9)
    assert [use.use for use in cleaned.columns if use.column == column] == ["says what was undone"]
    assert any(note.startswith(f"{column}: ") and bad in note for note in cleaned.notes)


def test_orders_that_wait_for_their_payment_are_checkouts() -> None:
    frame = orders(["unpaid" if row % 10 == 3 else "paid" for row in range(140)], "payment_status")
    assert kinds(frame) == {"purchase": 126, CHECKOUT: 14}
    notes = clean(read_frame(frame), now=1.8e9).notes
    assert any("not paid (unpaid) count as checkouts" in note for note in notes)


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        (["Levert", "Refundert"], []),
        (["shipped", "not shipped", "未发货", "partially refunded", "refund rejected"], []),
        (["paid", "zurgled", "error"], ["error", "zurgled"]),
        (["delivered", "not delivered"], ["not delivered"]),
    ],
)
def test_words_that_are_not_known(words: list[str], unknown: list[str]) -> None:
    assert unknown_words(pl.Series("status", words)) == unknown
    assert unknown_words(pl.Series("note", words)) == []


@pytest.mark.parametrize(
    ("name", "status"),
    [("Stav", True), ("payment_result", True), ("stock_status", False), ("在庫状況", False), ("note", False)],
)
def test_names_of_a_status(name: str, status: bool) -> None:
    assert names_status(name) == status


def test_a_status_without_a_word_of_that_kind_changes_nothing() -> None:
    frame = orders(["shipped" if row % 2 else "delivered" for row in range(140)])
    cleaned = clean(read_frame(frame), now=1.8e9)
    assert set(cleaned.events["event"]) == {"purchase"}
    assert not any("undone" in note for note in cleaned.notes)


def test_an_undone_order_undoes_no_other() -> None:
    events = pl.DataFrame(
        {
            "user_id": ["u", "u"],
            "item_id": ["i", "i"],
            "event": ["purchase", RETURNED],
            "timestamp": [1.0, 2.0],
            "value": [1.0, 1.0],
            "seq": [0, 1],
        }
    )
    assert left_of_purchases(events) is None
    refund = events.with_columns(event=pl.Series(["purchase", "refund"]))
    assert left_of_purchases(refund).to_list() == [0.0, 1.0]  # type: ignore[union-attr]


def test_what_the_user_says_of_purchases_stays() -> None:
    events = pl.DataFrame({"event": ["purchase"] * 3, "status": ["paid", "cancelled", "paid"]})
    assert by_status(events).events["event"].to_list() == ["purchase", CANCELLED, "purchase"]
    assert by_status(events, EventMap.parse({"purchase": "yes"})).events is events


def test_orders_without_amounts_were_bought_too() -> None:
    frame = orders(["completed", "cancelled", "completed", "refunded"] * 10).drop("quantity")
    assert kinds(frame) == {"purchase": 20, CANCELLED: 10, RETURNED: 10}
