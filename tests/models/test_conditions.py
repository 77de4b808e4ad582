import polars as pl
import pytest

from tacit.core.errors import ConfigError
from tacit.data.catalogue import Catalogue
from tacit.models.conditions import Condition, all_hold

CATALOGUE = Catalogue.from_frame(
    pl.DataFrame(
        {
            "item_id": ["a", "b", "c", "d"],
            "category": ["Shoes", "Socks", None, "Shoes & Socks"],
            "price": [10.0, float("nan"), None, 30.5],
            "stock": [1, 2, None, 4],
            "sale": [True, False, None, True],
        }
    )
)


def holds(attribute: str, op: str, value: object) -> str:
    """Return the ids of the items that fulfil the condition."""
    condition = Condition.parse({"attribute": attribute, "op": op, "value": value}, "rule 1")
    mask = condition.holds(CATALOGUE, "rule 1").tolist()
    return "".join(id_ for id_, true in zip("abcd", mask, strict=True) if true)


@pytest.mark.parametrize(
    ("attribute", "op", "value", "expected"),
    [
        ("category", "==", "Shoes", "a"),
        ("category", "!=", "Shoes", "bd"),
        ("category", "in", ["Socks", "Hats"], "b"),
        ("category", "in", [], ""),
        ("category", "not in", ["Socks"], "ad"),
        ("category", "not in", [], "abd"),
        ("category", "contains", "Socks", "bd"),
        ("category", "contains", "S.", ""),  # a piece of text, not a pattern
        ("category", "<", "Shoes & Socks", "a"),
        ("price", "<", 20, "a"),
        ("price", "<=", 10, "a"),
        ("price", ">", 0, "ad"),
        ("price", ">=", 30.5, "d"),
        ("price", "!=", 10, "d"),
        ("price", "in", [10, 30.5], "ad"),
        ("price", "not in", [10], "d"),
        ("stock", "==", 2, "b"),
        ("stock", "<", 2.5, "ab"),
        ("stock", "in", [1.5, 4], "d"),
        ("stock", "<", 2**70, "abd"),
        ("sale", "==", True, "ad"),
        ("sale", "in", [False], "b"),
    ],
)
def test_operators(attribute: str, op: str, value: object, expected: str) -> None:
    assert holds(attribute, op, value) == expected


@pytest.mark.parametrize("op", ["==", "!=", "<", ">=", "in", "not in"])
def test_of_a_missing_attribute_nothing_holds(op: str) -> None:
    value = [1] if "in" in op else 1
    assert not set("bc") & set(holds("price", op, value))


@pytest.mark.parametrize(
    ("attribute", "op", "value"),
    [
        ("price", "==", "10"),
        ("price", "in", [10, "30"]),
        ("price", "contains", "1"),
        ("category", "==", 3),
        ("category", "contains", 3),
        ("sale", "==", 1),
        ("stock", "==", True),
        ("stock", "==", None),
    ],
)
def test_a_value_of_another_kind_is_refused(attribute: str, op: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"rule 1: attribute '{attribute}' holds .* cannot be compared by"):
        holds(attribute, op, value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("price < 3", "needs exactly the keys attribute, op, value"),
        ({"attribute": "price", "op": "<"}, "needs exactly the keys"),
        ({"attribute": "price", "op": "<", "value": 1, "or": 2}, "needs exactly the keys"),
        ({"attribute": "price", "op": "=~", "value": 1}, "unknown op '=~'; known: =="),
        ({"attribute": "price", "op": "__import__('os')", "value": 1}, "unknown op"),
        ({"attribute": "price", "op": "in", "value": 1}, "'in' takes a list"),
        ({"attribute": "price", "op": "<", "value": [1]}, "'<' takes one value"),
    ],
)
def test_a_malformed_condition_is_refused(raw: object, message: str) -> None:
    with pytest.raises(ConfigError, match=f"rule 3: .*{message}".replace("(", r"\(").replace(")", r"\)")):
        Condition.parse(raw, "rule 3")


def test_an_unknown_attribute_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no attribute 'colour'; known: category, price, stock, sale"):
        holds("colour", "==", "red")


def test_all_conditions_must_hold() -> None:
    both = [Condition("sale", "==", True), Condition("price", ">", 20)]
    assert all_hold(both, CATALOGUE, "rule 1").tolist() == [False, False, False, True]
    assert all_hold([], CATALOGUE, "rule 1").all()
