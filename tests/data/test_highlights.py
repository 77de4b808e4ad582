"""Popular items, examples of rejected rows, services among the goods, cancellations."""

import polars as pl
import pytest

from tacit.data.highlights import Example, PopularItem, cancellations, examples, popular_items, services


def log(*rows: tuple[str, str, str, float | None]) -> pl.DataFrame:
    schema = {"user_id": pl.String, "item_id": pl.String, "event": pl.String, "value": pl.Float64}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def goods(*pairs: tuple[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(list(pairs), schema={"item_id": pl.String, "title": pl.String}, orient="row")


SALES = log(
    ("u", "85123A", "purchase", 6.0),
    ("v", "85123A", "purchase", 1.0),
    ("v", "85123A", "purchase", -1.0),
    ("v", "POST", "purchase", 1.0),
    ("w", "71053", "cancel", None),
)
TITLES = goods(("85123A", "HANGING HEART"), ("POST", "POSTAGE"), ("71053", None))


def test_popular_items_have_their_titles() -> None:
    assert popular_items(SALES, TITLES)[:2] == [
        PopularItem("85123A", "HANGING HEART", 3, 2),
        PopularItem("POST", "POSTAGE", 1, 1),  # 71053 was only cancelled
    ]
    assert popular_items(SALES, None)[0].title is None
    assert popular_items(SALES, TITLES.drop("title"))[0].title is None


def test_each_reason_has_its_first_row_as_example() -> None:
    rows = pl.DataFrame(
        {
            "line": [2, 3, 9],
            "reason": ["no user id", "no user id", "duplicate"],
            "raw": [",a", ",b", "x" * 500],
        }
    )
    assert examples(rows) == [
        Example("no user id", 2, ",a"),
        Example("duplicate", 9, "x" * 200 + "…"),
    ]


@pytest.mark.parametrize(
    "title",
    [
        "POSTAGE",
        "DOTCOM POSTAGE",
        "Bank Charges",
        "AMAZONFEE",
        "Versandkosten",
        "运费",
        "补差价专拍",
        "邮费补差价 专拍链接",
    ],
)
def test_services_are_found_by_their_titles(title: str) -> None:
    found = services(SALES, goods(("POST", title), ("85123A", "HANGING HEART")))
    assert found is not None
    assert [one.item for one in found.items] == ["POST"]
    assert found.share == pytest.approx(0.2)


@pytest.mark.parametrize(
    "title", ["Postage stamp album", "Shipping News, The", "The Sample", "Manual coffee grinder", "", None]
)
def test_goods_that_mention_services_are_goods(title: str | None) -> None:
    assert services(SALES, goods(("POST", title), ("85123A", "HANGING HEART"))) is None


def test_cancellations_are_refusals_and_negative_quantities() -> None:
    found = cancellations(SALES)
    assert found is not None
    assert (found.count, found.share, found.matched_share) == (2, 0.4, 0.5)
    assert cancellations(SALES.head(2)) is None
