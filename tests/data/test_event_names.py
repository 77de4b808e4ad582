"""What names of event types mean: the old table, names from many products and languages, general rules."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.event_cases import BY_MEANING, BY_SIGN

from tacit.data.event_names import (
    UNKNOWN,
    event_of_file,
    is_rated,
    meaning,
    refused_by_file,
    said_by_file,
    strength,
)
from tacit.data.event_words import EAST_ASIAN, ENGLISH, OTHER_LANGUAGES

FIRST_TABLE: dict[float, str] = {
    1.0: "purchase buy order transaction sale sold conversion subscribe booking book reserve "
    "checkoutcomplete purchased bought ordered transactioncomplete orderplaced paid payment donate",
    0.9: "review rating rate rated ratings reviews star stars score comment",
    0.8: "checkout begincheckout like favorite favourite love upvote thumbsup bookmark save wishlist "
    "addtowishlist addtofavorites addtofavourites follow share repost download install complete "
    "finish finished completed collect liked saved",
    0.7: "cart addtocart basket addtobasket addtobag cartadd atc addcart",
    0.6: "play watch listen read stream played watched listened dwell playback videoplay hours "
    "listening watchtime readtime",
    0.4: "click selectitem select open tap clicked detail clickitem itemclick",
    0.25: "view viewitem pageview productview visit browse browsed detailview viewed itemview pv see",
    0.0: "impression exposure show shown display displayed viewitemlist listview impress search "
    "searchresults",
    -0.3: "skip skipped removefromcart cartremove removefrombasket removedfromcart removefromwishlist unsave",
    -0.6: "return refund returned refunded cancel cancelled canceled unlike unfollow unsubscribe uninstall",
    -1.0: "dislike hide block notinterested thumbsdown downvote report ban hidden disliked blocked "
    "spam never",
}
"""Strengths that snapshots and benchmarks rest on."""

STRENGTHS = {
    "buy": 1.0, "rate": 0.9, "checkout": 0.8, "like": 0.8, "complete": 0.8, "cart": 0.7, "play": 0.6,
    "click": 0.4, "view": 0.25, "shown": 0.0,
}  # fmt: skip


def test_the_first_table_keeps_its_strengths() -> None:
    for value, names in FIRST_TABLE.items():
        for name in names.split():
            assert meaning(name).known and strength(name) == value, name
            assert is_rated(name) == (value == 0.9), name
            assert meaning(name).timed == (value == 0.6), name


@pytest.mark.parametrize("kind", STRENGTHS)
def test_names_of_many_products_and_languages(kind: str) -> None:
    read = {name: meaning(name) for name in BY_MEANING[kind].splitlines()}
    assert all(found.known for found in read.values())
    assert {name: found.strength for name, found in read.items() if found.strength != STRENGTHS[kind]} == {}


@pytest.mark.parametrize(("kind", "sign"), [("yes", 1), ("shown", 0), ("no", -1)])
def test_more_names_say_yes_no_or_nothing(kind: str, sign: int) -> None:
    read = {name: meaning(name) for name in BY_SIGN[kind].splitlines()}
    assert all(found.known for found in read.values())
    assert [name for name, found in read.items() if (found.strength > 0) - (found.strength < 0) != sign] == []


def test_names_that_say_no() -> None:
    assert [name for name in BY_MEANING["no"].splitlines() if strength(name) >= 0] == []


@pytest.mark.parametrize(
    "name", ["order_cancelled", "Order Cancelled", "orderCancelled", "ORDER-CANCELLED", "ordercancelled"]
)
def test_spelling_does_not_matter(name: str) -> None:
    assert meaning(name) == meaning("order.cancelled")


@pytest.mark.parametrize("name", ["teleported", "wobble", "3", "event_17", "", "💤", "x" * 10_000])
def test_an_unknown_name_is_a_yes_and_said_to_be_unknown(name: str) -> None:
    found = meaning(name)
    assert (found.strength, found.known) == (UNKNOWN, False)


@pytest.mark.parametrize("name", ["interaction", "Events", "user_interaction", "feedback"])
def test_a_plain_name_says_only_that_something_happened(name: str) -> None:
    assert meaning(name).plain and strength(name) == 1 and meaning(name).known


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("not_interested", -1),
        ("don't_like", -1),
        ("not_clicked", 0),
        ("unfollowed", -0.6),
        ("unread", 0),
        ("unhide", 0),
        ("undo_like", -0.6),
        ("undo_skip", 0),
        ("refund_cancelled", 0),
        ("order_cancelled_and_refunded", -0.6),
    ],
)
def test_words_that_turn_others_around(name: str, value: float) -> None:
    assert strength(name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("report_viewed", 0.25),
        ("report", -1),
        ("return_visit", 0),
        ("return_policy_viewed", 0),
        ("book_opened", 0.4),
        ("booked", 1),
        ("order_history_viewed", 0),
        ("sort_order_changed", 0),
        ("like_button_shown", 0),
        ("like_button_click", 0.8),
        ("coupon_removed", 0),
        ("item_removed", -0.3),
        ("payment_declined", 0),
        ("offer_declined", -0.6),
        ("viewed_and_bought", 1),
        ("endless_scroll", 0),
        ("lesson_completed", 0.8),
        ("notebook_purchased", 1),
        ("flagship_store_visit", 0.25),
    ],
)
def test_a_noun_is_not_the_act(name: str, value: float) -> None:
    assert strength(name) == value


@pytest.mark.parametrize(
    ("name", "sense"),
    [
        *[(name, "buy") for name in ("Rechnung", "売上", "销售", "Facture", "Faktura", "Fattura")],
        *[(name, "return") for name in ("Gutschrift", "Credit Memo", "credit_note", "Avoir", "Korekta")],
        *[(name, "return") for name in ("Nota de crédito", "Nota di credito", "Note de crédit")],
        *[("expose_view", "view"), ("wyświetlenie oferty", "view"), ("wyświetlenie reklamy", "exposure")],
    ],
)
def test_documents_and_what_is_named_like_something_else(name: str, sense: str) -> None:
    assert meaning(name).sense == sense


@pytest.mark.parametrize("table", [ENGLISH, OTHER_LANGUAGES, EAST_ASIAN])
def test_a_word_has_one_sense(table: dict[str, str]) -> None:
    senses: dict[str, set[str]] = {}
    for sense, words in table.items():
        for word in words.split():
            senses.setdefault(word, set()).add(sense)
    assert {word: found for word, found in senses.items() if len(found) > 1} == {}


@given(st.text(max_size=60))
def test_any_text_has_a_meaning(name: str) -> None:
    found = meaning(name)
    assert -1 <= found.strength <= 1
    assert found.known or found.strength == UNKNOWN


@pytest.mark.parametrize(
    ("name", "value", "event"),
    [
        ("game_purchase.dat.gz", None, "purchase"),
        ("add_to_cart_ecommerce.dat", None, "cart"),
        ("ratings.csv", "rating", "rating"),
        ("yoochoose-clicks.dat", None, "click"),
        ("search_clicks.csv", None, "click"),
        ("clicks_report.csv", None, "click"),
        ("log.csv", None, "view"),
        ("log.csv", "rating", "rating"),
        ("log.csv", "time", "play"),
        ("log.csv", "plays", "play"),
        ("log.csv", "quantity", "purchase"),
        ("log.csv", "price", "purchase"),
        ("log.csv", "unknown", "view"),
        ("orders-2023.csv", None, "order"),
        ("report.csv", None, "view"),
        ("returns.csv", "rating", "rating"),
        ("impressions.csv", None, "view"),
        ("search.csv", None, "view"),
        ("books.csv", None, "view"),
        ("user_item_interactions.csv", None, "view"),
        ("购买记录.csv", None, "purchase"),
        ("bestellungen.csv", None, "purchase"),
    ],
)
def test_a_log_without_event_types_has_one(name: str, value, event: str) -> None:
    assert event_of_file(Path(name), value) == event


def test_what_belongs_to_orders_was_bought() -> None:
    assert event_of_file(Path("log.csv"), None, ordered=True) == "purchase"
    assert event_of_file(Path("log.csv"), "unknown", ordered=True) == "purchase"
    assert event_of_file(Path("clicks.csv"), None, ordered=True) == "click"
    assert event_of_file(Path("log.csv"), "rating", ordered=True) == "rating"


def test_what_a_file_name_says_and_takes_back() -> None:
    assert said_by_file(Path("game_purchase.dat")) == "purchase"
    assert said_by_file(Path("returns_included.txt")) is None
    assert refused_by_file(Path("cancelled_orders.csv"))
    assert not refused_by_file(Path("orders.csv"))
