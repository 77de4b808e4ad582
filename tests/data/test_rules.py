"""The rules of cleaning as plain data: what a configuration and a command line may say of them."""

from typing import Any

import pytest

from tacit.core.errors import ConfigError
from tacit.data.fill import Fill
from tacit.data.rules import Rules, parse_rules


def test_rules_are_read_from_plain_data() -> None:
    rules = parse_rules(
        {
            "bots": False,
            "burst_seconds": 5,
            "outliers": "mad",
            "fill": {"value": "median", "timestamp": "drop"},
        }
    )
    fill = {"value": Fill("median"), "timestamp": Fill("drop")}
    assert rules == Rules(bots=False, burst_seconds=5, outliers="mad", fill=fill)
    assert parse_rules({}) == Rules()
    assert parse_rules({"fill": {"value": 3}}).fill == {"value": Fill("constant", 3.0)}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"robots": True}, "no 'robots'; known: bot_items_per_hour"),
        ({"bots": 1}, "bots is 1, of the wrong type"),
        ({"bot_items_per_minute": True}, "bot_items_per_minute is True, of the wrong type"),
        ({"burst_seconds": "2"}, "burst_seconds is '2', of the wrong type"),
        ({"burst_seconds": -1}, "at least 0"),
        ({"burst_seconds": float("nan")}, "at least 0"),
        ({"min_user_events": 0}, "at least 1"),
        ({"min_item_events": 2.5}, "of the wrong type: input should be a valid integer"),
        ({"min_item_events": float("inf")}, "of the wrong type: input should be a valid integer"),
        ({"bot_items_per_minute": 0}, "at least 1"),
        ({"outliers": "sigma"}, "should be 'quantile' or 'mad'"),
        ({"outlier_share": 0.5}, "at least 0 and less than 0.5"),
        ({"outlier_deviations": 0}, "more than 0"),
        ({"fill": "median"}, "must name columns"),
        ({"fill": {"value": "guess"}}, "cannot fill with 'guess'"),
        ({"fill": {"value": "constant"}}, "cannot fill with 'constant'"),
        ({"fill": {"value": "nan"}}, "cannot fill with 'nan'"),
        ({"fill": {"price": "mean"}}, "cannot fill the column 'price'"),
    ],
)
def test_a_rule_that_is_none_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_rules(values)


def test_rules_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="bot_items_per_hour is 10, less than bot_items_per_minute, 20"):
        Rules(bot_items_per_hour=10)


def test_rules_as_plain_data_are_the_same_rules() -> None:
    rules = Rules(bots=False, outliers="mad", fill={"value": Fill("median"), "timestamp": Fill("drop")})
    assert parse_rules(rules.to_dict()) == rules
