from typing import Any

import numpy as np
import polars as pl
import pytest

from tacit.core.errors import ConfigError
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models.protocol import recommend
from tacit.models.rulebased import RuleBased
from tacit.testing.conformance import Conformance

IDS = ["boots", "clogs", "socks", "tights", "umbrella"]
CATALOGUE = Catalogue.from_frame(
    pl.DataFrame(
        {
            "item_id": IDS,
            "kind": ["shoe", "shoe", "sock", "sock", None],
            "price": [90.0, 40.0, 5.0, 8.0, None],
        }
    )
)
SHOE = {"attribute": "kind", "op": "==", "value": "shoe"}
SOCK = {"attribute": "kind", "op": "==", "value": "sock"}
CHEAP = {"attribute": "price", "op": "<", "value": 50}
# tights have three users, boots two, clogs one; the dislike of socks does not count.
EVENTS = [("u", "tights", 1), ("v", "tights", 1), ("w", "tights", 1), ("u", "boots", 1), ("v", "boots", 1)]
EVENTS += [("w", "clogs", 1), ("u", "socks", -1)]


class TestRuleBased(Conformance):
    def make(self) -> RuleBased:
        group = {"attribute": "group", "op": "==", "value": "g1"}
        return RuleBased(
            rules=[
                {"when": {"history": "empty"}, "items": ["i0003", "i0001"]},
                {"when": {"last": [group]}, "items": ["i0007", "i0013", "i0001"]},
                {"where": [{"attribute": "price", "op": "<", "value": 8}]},
            ]
        )


def fitted(*rules: dict[str, Any]) -> RuleBased:
    frame = pl.DataFrame(EVENTS, schema=["user_id", "item_id", "weight"], orient="row").with_columns(
        pl.lit("view").alias("event"),
        pl.lit(1.0).alias("timestamp"),
        pl.lit(None, dtype=pl.Int64).alias("seq"),
    )
    log = Interactions.from_frame(frame, CATALOGUE.items)
    return RuleBased(rules=rules).fit(log, CATALOGUE, rng=np.random.default_rng(0))


def listed(model: RuleBased, *history: str, weights: list[float] | None = None) -> list[str]:
    codes = CATALOGUE.items.encode(history).tolist()
    queries = Queries.of([codes], weights=None if weights is None else [weights], exclude_seen=False)
    best = recommend(model, queries, len(model.users_)).items[0]
    return [IDS[code] for code in best if code >= 0]


def test_a_fixed_list_keeps_its_order() -> None:
    assert listed(fitted({"items": ["socks", "boots", "socks", "clogs"]})) == ["socks", "boots", "clogs"]
    assert listed(fitted({"items": ["socks", "boots"], "limit": 1})) == ["socks"]


def test_picked_items_come_by_their_number_of_users() -> None:
    assert listed(fitted({"where": []})) == ["tights", "boots", "clogs", "socks", "umbrella"]
    assert listed(fitted({"where": [CHEAP]})) == ["tights", "clogs", "socks"]


def test_picked_items_may_be_sorted_by_an_attribute_and_unknown_ones_come_last() -> None:
    up = fitted({"where": [], "sort": "price"})
    assert listed(up) == ["socks", "tights", "clogs", "boots", "umbrella"]
    down = fitted({"where": [], "sort": "price", "descending": True, "limit": 2})
    assert listed(down) == ["boots", "clogs"]
    assert listed(fitted({"where": [], "sort": "kind"})) == [*IDS]  # ties in the order of the catalogue


def test_earlier_rules_come_first_and_an_item_keeps_its_better_place() -> None:
    model = fitted({"items": ["umbrella", "clogs"]}, {"where": [SHOE]})
    assert listed(model) == ["umbrella", "clogs", "boots"]


@pytest.mark.parametrize(
    ("when", "history", "fits"),
    [
        ({}, [], True),
        ({"history": "empty"}, [], True),
        ({"history": "empty"}, ["boots"], False),
        ({"history": "known"}, [], False),
        ({"history": "known"}, ["boots"], True),
        ({"last": [SHOE]}, ["socks", "boots"], True),
        ({"last": [SHOE]}, ["boots", "socks"], False),
        ({"some": [SHOE]}, ["boots", "socks"], True),
        ({"some": [SHOE, CHEAP]}, ["clogs"], True),
        ({"some": [SHOE, CHEAP]}, ["boots", "socks"], False),  # not of one and the same item
        ({"some": [SHOE]}, [], False),
        ({"history": "known", "last": [SOCK], "some": [SHOE]}, ["boots", "socks"], True),
    ],
)
def test_a_rule_lists_its_items_for_the_queries_it_fits(
    when: dict[str, Any], history: list[str], fits: bool
) -> None:
    assert listed(fitted({"when": when, "items": ["umbrella"]}), *history) == (["umbrella"] if fits else [])


def test_a_disliked_item_is_no_history() -> None:
    model = fitted({"when": {"history": "empty"}, "items": ["umbrella"]})
    assert listed(model, "boots", weights=[-1]) == ["umbrella"]
    last = fitted({"when": {"last": [SHOE]}, "items": ["umbrella"]})
    assert listed(last, "boots", "socks", weights=[1, -1]) == ["umbrella"]


def test_a_new_item_that_fulfils_a_rule_is_listed() -> None:
    model = fitted({"where": [SHOE], "sort": "price"})
    larger = CATALOGUE.extended(pl.DataFrame({"item_id": ["flats"], "kind": ["shoe"], "price": [60.0]}))
    scores = model.extended(larger).score(Queries.of([[]]))[0]
    assert np.argsort(-scores, kind="stable")[:3].tolist() == [1, 5, 0]
    assert len(model.score(Queries.of([[]]))[0]) == 5


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("boots", "rule 1 takes the keys when, items"),
        ({"item": ["boots"]}, "rule 1 takes the keys when, items"),
        ({}, "needs either 'items'"),
        ({"items": ["boots"], "where": []}, "needs either 'items'"),
        ({"items": [3]}, "'items' holds item ids, which are always text"),
        ({"items": "boots"}, "'items' is a list of item ids"),
        ({"items": None}, "'items' is a list of item ids"),
        ({"where": "cheap"}, "'where' is a list of conditions"),
        ({"where": [{"attribute": "price"}]}, "needs exactly the keys"),
        ({"where": [], "limit": 0}, "limit is 0"),
        ({"where": [], "limit": True}, "limit is True"),
        ({"where": [], "limit": "ten"}, "limit is 'ten'"),
        ({"when": "always", "items": ["boots"]}, "'when' takes the keys history, last, some"),
        ({"when": {"weekday": 1}, "items": ["boots"]}, "'when' takes the keys"),
        ({"when": {"history": "long"}, "items": ["boots"]}, "history is 'empty' or 'known'"),
    ],
)
def test_a_malformed_rule_is_refused_before_the_fit(rule: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RuleBased(rules=[rule])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"items": ["boots", "wellies"]}, "rule 2: the catalogue has no item 'wellies'"),
        (
            {"where": [{"attribute": "size", "op": "==", "value": 1}]},
            "rule 2: the catalogue has no attribute",
        ),
        ({"where": [], "sort": "size"}, "rule 2: the catalogue has no attribute 'size'; known: kind, price"),
    ],
)
def test_what_the_catalogue_does_not_have_is_refused_by_the_fit(rule: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fitted({"where": []}, rule)


def test_a_rule_puts_forward_what_it_lists_for_whom_it_is() -> None:
    model = fitted({"when": {"last": [SHOE]}, "items": ["socks", "tights"]})
    queries = Queries.of([CATALOGUE.items.encode([id_]).tolist() for id_ in ("boots", "boots", "umbrella")])
    requested = CATALOGUE.items.encode(["socks", "clogs", "socks"])
    assert model.puts_forward(queries, requested).tolist() == [True, False, False]
    assert model.reason_for_all == "picked by a rule"
