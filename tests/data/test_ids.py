"""Ids that do not meet: what would make them meet, and the rules that do it."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.ids import apply_id, apply_ids, id_matches

RULES = ("trim-float", "fold-case", "trim-zeros")


@pytest.mark.parametrize(
    ("rules", "given_id", "id_"),
    [
        ((), "007.0", "007.0"),
        (("trim-float",), "17602.0", "17602"),
        (("trim-float",), "17602.000", "17602"),
        (("trim-float",), "-3.0", "-3"),
        (("trim-float",), "1.50", "1.50"),
        (("trim-float",), "v1.0", "v1.0"),
        (("trim-float",), "1.0.0", "1.0.0"),
        (("fold-case",), "SKU-Ä", "sku-ä"),
        (("trim-zeros",), "007", "7"),
        (("trim-zeros",), "000", "0"),
        (("trim-zeros",), "0a7", "0a7"),
        (("trim-zeros", "trim-float"), "007.0", "7"),
    ],
)
def test_rules(rules: tuple[str, ...], given_id: str, id_: str) -> None:
    assert apply_id(given_id, rules) == id_
    assert apply_ids(pl.Series([given_id, None]), rules).to_list() == [id_, None]


@given(st.text(max_size=12), st.lists(st.sampled_from(RULES), unique=True))
def test_rules_applied_twice_change_nothing_more(id_: str, rules: list[str]) -> None:
    once = apply_id(id_, rules)
    assert apply_id(once, rules) == once
    assert apply_id(id_, rules[::-1]) == once


def test_ids_that_meet_need_no_rule() -> None:
    match = id_matches(pl.Series(["A", "A", "b"]), pl.Series(["A", "b", "a"]))
    assert match.exact == 1
    assert not match.by
    assert match.best is None


def test_the_share_of_events_by_each_rule() -> None:
    match = id_matches(pl.Series(["1.0", "1.0", "1.0", "x"]), pl.Series(["1", "2"]))
    assert match.exact == 0
    assert match.by == {"trim-float": 0.75}
    assert match.best == "trim-float"
    assert match.examples == ["1.0", "1"]


def test_two_rules_are_named_together_only_where_one_is_not_enough() -> None:
    match = id_matches(pl.Series(["SKU-1", "7.0"]), pl.Series(["sku-1", "7"]))
    assert match.by == {"trim-float": 0.5, "fold-case": 0.5, "trim-float,fold-case": 1.0}
    assert match.best == "trim-float,fold-case"


def test_ids_that_a_rule_would_merge_are_counted() -> None:
    match = id_matches(pl.Series(["AB", "Cd"]), pl.Series(["ab", "aB", "cD"]))
    assert match.by == {"fold-case": 1.0}
    assert match.merged == {"fold-case": 1}


def test_no_rule_helps_ids_of_another_kind() -> None:
    match = id_matches(pl.Series(["B00X"]), pl.Series(["17"]))
    assert (match.exact, match.by, match.examples) == (0, {}, ["B00X", "17"])
