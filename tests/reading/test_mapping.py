"""Which column is which: by its name, else by what it holds, else as the caller says."""

import polars as pl
import pytest

from tacit.core.errors import ConfigError, DataError
from tacit.reading.mapping import (
    looks_like_header,
    roles_by_name,
    roles_of,
)

T = "1700000000"


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        ("userId movieId rating timestamp", "user item value timestamp"),
        ("USER_ID ITEM_ID TIMESTAMP EVENT_TYPE", "user item timestamp event"),
        ("visitorid itemid event timestamp", "user item event timestamp"),
        ("event_time event_type product_id category_id user_id", "timestamp event item - user"),
        ("SessionId ItemId Time", "user item timestamp"),
        ("User_ID Game_ID Hours", "user item value"),
        ("reviewerID asin overall unixReviewTime", "user item value timestamp"),
        ("用户id 商品id 行为类型 时间戳", "user item event timestamp"),
        ("session user item", "- user item"),  # a user says more than a session
        ("colour size", "- -"),
    ],
)
def test_names(names: str, roles: str) -> None:
    pairs = zip(roles.split(), names.split(), strict=True)
    assert roles_by_name(names.split()) == {role: name for role, name in pairs if role != "-"}


def frame(*columns: list, names: str = "") -> pl.DataFrame:
    keys = names.split() or [str(n) for n in range(1, len(columns) + 1)]
    return pl.DataFrame(dict(zip(keys, columns, strict=True)))


USERS, ITEMS = ["u1", "u2", "u1", "u3"], ["9", "77", "9", "8"]


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        ([USERS, ITEMS], ["user", "item"]),
        ([USERS, ITEMS, ["3", "4", "5", "1"], [T] * 4], ["user", "item", "value", "timestamp"]),
        ([[T] * 4, USERS, ITEMS, ["view", "cart", "view", "view"]], ["timestamp", "user", "item", "event"]),
        ([USERS, ITEMS, ["2023-11-14T22:13:20Z"] * 4], ["user", "item", "timestamp"]),
        ([USERS, ITEMS, ["view", "cart", "view", "view"]], ["user", "item", "event"]),
    ],
)
def test_contents(columns: list[list[str]], roles: list[str]) -> None:
    found = roles_of(frame(*columns), False, None)
    assert found == {role: str(place) for place, role in enumerate(roles, 1)}


def test_no_guess_is_made_beside_named_users_and_items() -> None:
    table = frame(USERS, ITEMS, ["red", "blue", "red", "red"], names="user item colour")
    assert roles_of(table, True, None) == {"user": "user", "item": "item"}


def test_typed_columns_are_judged_like_text() -> None:
    table = frame([1, 2], ["Tent", "Stove"], [True, False], names="item_id name sold")
    assert roles_of(table, True, None) == {"user": "name", "item": "item_id"}


def test_what_is_asked_goes_before_what_is_found() -> None:
    table = frame(USERS, ITEMS, [T] * 4, names="user_id item_id other")
    requested = {"user": "other", "timestamp": "1"}
    assert roles_of(table, True, requested) == {"user": "other", "item": "item_id", "timestamp": "user_id"}


@pytest.mark.parametrize(
    ("requested", "words"),
    [
        ({"customer": "1"}, "no role 'customer'; known: user, item"),
        ({"user": "nobody"}, "no column 'nobody'"),
        ({"user": "0"}, "no column '0'"),
        ({"user": "3"}, "no column '3'"),
    ],
)
def test_what_is_asked_must_be_there(requested: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        roles_of(frame(USERS, ITEMS), False, requested)


def test_one_column_holds_no_items() -> None:
    with pytest.raises(DataError, match="no item column"):
        roles_of(frame(USERS), False, None)


@pytest.mark.parametrize(
    ("first", "second", "header"),
    [
        ("user_id item_id", "u i", True),
        ("u i", "u i", False),
        ("user view", "u i", True),
        ("u1 purchase", "u2 view", False),
        ("a b", "1 2", True),
        ("a b", "x y", False),
        ("1 b", "1 2", False),
        ("-1.5e3 item", "1 2", False),
        ("id", "7", True),
        ("u:token i:token_seq", "x y", True),
    ],
)
def test_headers(first: str, second: str, header: bool) -> None:
    assert looks_like_header(first.split(), second.split()) is header
