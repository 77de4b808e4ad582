"""Which column has which role, by name, by content, and by what the columns say of each other."""

import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tacit.core.errors import AmbiguousError, ConfigError, DataError
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.roles import Assignment, assign

ROWS = 400


def log(seed: int = 1) -> dict[str, list[str]]:
    """Return columns of a log: 40 users with a city, 60 items with a title, a row number, moments."""
    draw = random.Random(seed)
    users = [min(int(draw.paretovariate(0.8)), 200) % 40 for _ in range(ROWS)]
    items = [min(int(draw.paretovariate(0.7)), 400) % 60 for _ in range(ROWS)]
    return {
        "user": [f"{90_000 + 7 * user}" for user in users],
        "email": [f"anna{user}@shop.example" for user in users],
        "city": [("Leeds", "York", "Bath", "Hull", "Ely")[user % 5] for user in users],
        "item": [f"{1_000 + 3 * item}" for item in items],
        "title": [f"Wooden chair of kind {item}" for item in items],
        "brand": [("Acme", "Vela", "Uno", "Tess")[item % 4] for item in items],
        "price": [f"{item + 0.99}" for item in items],
        "event": [draw.choice(("view", "view", "cart", "purchase")) for _ in range(ROWS)],
        "time": [f"2024-03-{1 + row // 20:02} {row % 20:02}:15:00" for row in range(ROWS)],
        "later": [f"2024-04-{1 + draw.randrange(28):02} 10:00:00" for row in range(ROWS)],
        "row": [str(row) for row in range(ROWS)],
        "order": [f"{70_000 + row // 2}" for row in range(ROWS)],
        "stars": [str(draw.randrange(1, 6)) for _ in range(ROWS)],
        "qty": [str(draw.choice((1, 1, 1, 2, 3))) for _ in range(ROWS)],
        "const": ["United Kingdom"] * ROWS,
        "empty": [""] * ROWS,
    }


def found(names: Mapping[str, str], *, named: bool = True, reading: Reading | None = None) -> Assignment:
    """Return the roles of columns: name in the file -> column of `log`."""
    columns = log()
    table = pl.DataFrame({name: columns[what] for name, what in names.items()})
    return assign(table, named, reading or Reading(), Path("log.csv"))


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        ({"InvNo": "order", "StockCode": "item", "InvoiceDate": "time", "CustomerID": "user", "X": "const"},
         {"user": "CustomerID", "item": "StockCode", "timestamp": "InvoiceDate"}),
        ({"userId": "user", "movieId": "item", "rating": "stars", "rated_at": "time"},
         {"user": "userId", "item": "movieId", "value": "rating", "timestamp": "rated_at"}),
        ({"userId": "user", "movieId": "item", "frobnicated": "time"},
         {"user": "userId", "item": "movieId", "timestamp": "frobnicated"}),
        ({"order_id": "order", "billing_email": "email", "product_sku": "item"},
         {"user": "billing_email", "item": "product_sku"}),
        ({"order_id": "order", "product_id": "item", "brand": "brand", "price": "price"},
         {"user": "order_id", "item": "product_id"}),
        ({"user_id": "user", "item_id": "item", "price": "price"}, {"user": "user_id", "item": "item_id"}),
        ({"user_id": "user", "item_id": "item", "updated_at": "later", "timestamp": "time"},
         {"user": "user_id", "item": "item_id", "timestamp": "timestamp"}),
    ],
)  # fmt: skip
def test_roles_by_name(names: dict[str, str], roles: dict[str, str]) -> None:
    assert found(names).roles == roles


@pytest.mark.parametrize("shuffled", range(5))
def test_content_decides_where_names_say_nothing(shuffled: int) -> None:
    kinds = [
        "user",
        "email",
        "city",
        "item",
        "title",
        "brand",
        "price",
        "event",
        "time",
        "row",
        "const",
        "empty",
    ]
    random.Random(shuffled).shuffle(kinds)
    names = {f"f{place}": kind for place, kind in enumerate(kinds)}
    roles = {role: names[name] for role, name in found(names).roles.items()}
    assert roles["user"] in ("user", "email")
    assert roles["item"] in ("item", "title")
    assert (roles["event"], roles["timestamp"]) == ("event", "time")


def test_a_choice_of_one_role_leaves_the_others_to_be_found() -> None:
    names = {"a_user": "user", "sku": "item", "when": "time", "stars": "stars"}
    roles = found(names, reading=Reading(columns={"user": "a_user"})).roles
    assert roles == {"user": "a_user", "item": "sku", "timestamp": "when", "value": "stars"}


def test_what_is_chosen_must_be_there() -> None:
    with pytest.raises(ConfigError, match="no column 'nobody'"):
        found({"user": "user", "item": "item"}, reading=Reading(columns={"user": "nobody"}))


def test_a_log_without_items_is_refused_in_words() -> None:
    with pytest.raises(DataError, match="no item column among customer, city"):
        found({"customer": "user", "city": "city", "when": "time"})


def test_two_readings_are_refused_with_both_lines_or_guessed_with_a_note() -> None:
    draw = random.Random(3)
    columns = {name: [str(draw.randrange(500, 560)) for _ in range(ROWS)] for name in ("x1", "x2", "x3")}
    with pytest.raises(AmbiguousError, match=r"--map \w+=user --map \w+=item or with --map"):
        assign(pl.DataFrame(columns), True, Reading(), Path("log.csv"))
    guessed = assign(pl.DataFrame(columns), True, Reading(accept_guess=True), Path("log.csv"))
    assert "were guessed" in guessed.notes[0]


def test_columns_are_listed_with_how_they_were_found_and_what_is_unused() -> None:
    names = {
        "": "row",
        "user_id": "user",
        "sku": "item",
        "nothing": "empty",
        "ts": "time",
        "shipped_at": "later",
    }
    assignment = found(names)
    uses = {use.column: use for use in assignment.columns}
    assert list(uses) == list(names)
    assert uses["user_id"].role == "user"
    assert uses["user_id"].how == "name"
    assert len(uses["user_id"].samples) == 3
    assert uses["shipped_at"].note == "shipped_at holds times and is not used: --map shipped_at=timestamp"
    assert set(assignment.dropped) == {"", "nothing"}
    assert all(uses[name].note for name in assignment.dropped)


def test_whole_numbers_on_the_lines_of_an_order_are_amounts() -> None:
    rng = np.random.default_rng(3)
    columns = {
        "order_no": [f"o{row // 3}" for row in range(300)],
        "customer_id": [f"c{row // 3 % 40}" for row in range(300)],
        "product_id": [f"p{row}" for row in rng.integers(0, 60, 300)],
        "blorps": [str(row) for row in rng.integers(1, 7, 300)],
    }
    found = assign(pl.DataFrame(columns), True, NO_CHOICES, Path("log.csv"))
    assert (found.roles["value"], found.value_kind) == ("blorps", "quantity")


def table(**columns: list[str]) -> Assignment:
    """Return the roles of named columns."""
    return assign(pl.DataFrame(columns), True, NO_CHOICES, Path("log.csv"))


def test_the_postal_code_of_a_user_is_no_id_beside_an_address() -> None:
    columns = log()
    codes = [f"{10_000 + 37 * (int(user) - 90_000)}" for user in columns["user"]]
    read = table(email=columns["email"], postcode=codes, item_id=columns["item"])
    assert read.roles["user"] == "email"


def test_an_id_beside_a_name_an_address_or_a_title_is_the_key() -> None:
    columns = log()
    addresses = [f"10.0.0.{(int(user) - 90_000) // 7}" for user in columns["user"]]
    for other in (columns["email"], addresses):
        read = table(remote_addr=other, job_seeker=columns["user"], item_id=columns["item"])
        assert read.roles["user"] == "job_seeker"
    read = table(user_id=columns["user"], title=columns["title"], posit_code=columns["item"])
    assert read.roles["item"] == "posit_code"


def test_an_id_that_each_visit_has_one_of_is_its_user() -> None:
    columns = log()
    visits = [f"v{int(user)}-{row // 50}" for row, user in enumerate(columns["user"])]
    card = "loyalty_card_no"
    assert table(session_id=visits, item_id=columns["item"], **{card: columns["user"]}).roles["user"] == card


def test_a_number_of_guests_or_pieces_is_no_user_and_no_item() -> None:
    columns = log()
    read = table(
        guests=columns["qty"], eater_id=columns["user"], poi_id=columns["item"], order_no=columns["order"]
    )
    assert (read.roles["user"], read.roles["value"], read.value_kind) == ("eater_id", "guests", "quantity")
    few = ["u1", "u2", "u3"] * 20  # of a small example, where there is no other
    small = table(user=[name[1:] for name in few], item=[str(place % 20) for place in range(60)])
    assert small.roles == {"user": "user", "item": "item"}


def test_pages_are_no_items_of_orders() -> None:
    columns = log()
    pages = [
        ("https://shop.example/", "https://shop.example/sale")[int(item) % 2] for item in columns["item"]
    ]
    with pytest.raises(DataError, match="no item column"):
        table(customer=columns["user"], page_url=pages, qty=columns["qty"], order_no=columns["order"])


def test_the_column_called_user_id_is_the_user_though_it_holds_addresses() -> None:
    columns = log()
    for beside in ("account_no", "amplitude_id"):
        named = {beside: columns["user"], "user_id": columns["email"], "item_id": columns["item"]}
        assert assign(pl.DataFrame(named), True, NO_CHOICES, Path("log.csv")).roles["user"] == "user_id"


def test_the_fields_of_a_document_are_named_by_their_ends() -> None:
    columns = log()
    named = {
        "_index": ["log"] * ROWS,
        "_id": columns["row"],
        "_score": ["1"] * ROWS,
        "_source.user_id": columns["user"],
        "_source.item_id": columns["item"],
        "_source.event": columns["event"],
    }
    roles = assign(pl.DataFrame(named), True, NO_CHOICES, Path("log.csv")).roles
    assert roles == {"user": "_source.user_id", "item": "_source.item_id", "event": "_source.event"}


def test_a_user_known_by_the_order_of_the_columns_only_is_noted() -> None:
    draw = random.Random(3)
    ids = {
        "1": [str(draw.randrange(1, 80)) for _ in range(ROWS)],
        "2": [str(draw.randrange(1, 90)) for _ in range(ROWS)],
    }
    notes = assign(pl.DataFrame(ids), False, NO_CHOICES, Path("log.csv")).notes
    assert "only their order says that 1 is the user" in notes[0]
    assert "--map 2=user --map 1=item" in notes[0]
    addresses = ids | {"1": [f"{cell}@shop.example" for cell in ids["1"]]}
    assert not assign(pl.DataFrame(addresses), False, NO_CHOICES, Path("log.csv")).notes


def test_the_phone_of_a_customer_is_the_user_where_nothing_better_is() -> None:
    columns = log()
    phones = [f"138{cell.zfill(8)}" for cell in columns["user"]]
    orders = [f"E{phone}{row // 40}" for row, phone in enumerate(phones)]
    named = {"订单号": orders, "买家手机号": phones, "商品编码": columns["item"]}
    found = assign(pl.DataFrame(named), True, NO_CHOICES, Path("log.csv"))
    assert (found.roles["user"], found.roles["item"]) == ("买家手机号", "商品编码")
    assert "买家手机号 holds phone numbers" in found.notes[0]
    better = assign(pl.DataFrame(named | {"user_id": columns["user"]}), True, NO_CHOICES, Path("log.csv"))
    assert better.roles["user"] == "user_id"
