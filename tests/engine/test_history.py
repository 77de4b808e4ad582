"""From who asks to a query: what the snapshot, the store and the request know, in order and counted once."""

from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.types import Json
from tacit.data.users import UNKNOWN, trait
from tacit.engine.history import History, history_of
from tacit.engine.state import State
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.store.records import Event

LOG = [
    ("r", "d", "rating", 1.0, 5.0),
    ("r", "c", "rating", 2.0, 1.0),
    ("u", "a", "view", 10.0, None),
    ("u", "b", "purchase", 20.0, None),
    ("v", "c", "view", 30.0, None),
    ("w", "a", "impression", 5.0, None),
]
END = 30.0
SAYS_NO, SHOWN = "dislike", "impression"


@cache
def state(timing: str = "time") -> State:
    """A log of four users and four items; u and v are of different clubs, and x is known by name alone."""
    frame = pl.DataFrame(
        {
            "user_id": [row[0] for row in LOG],
            "item_id": [row[1] for row in LOG],
            "event": [row[2] for row in LOG],
            "timestamp": [row[3] if timing == "time" else None for row in LOG],
            "value": [row[4] for row in LOG],
            "seq": [int(row[3]) if timing == "order" else None for row in LOG],
            "device": ["phone", "desk"] * (len(LOG) // 2),
        },
        schema_overrides={"timestamp": pl.Float64, "value": pl.Float64, "seq": pl.Int64},
    )
    who = pl.DataFrame({"user_id": ["u", "v", "w", "x"], "club": ["gold", "silver", "silver", "gold"]})
    config = Config(retrievers=["trending"], ranker=None, windows=1, encoder="none")
    items = pl.DataFrame({"item_id": ["a", "b", "c", "d"]})
    return State.of(train(frame, items, config, users=who))


def event(item: str, at: float, kind: str = "view", value: float | None = None) -> Event:
    return Event(f"{item}{at}{kind}", "user", "u", item, kind, at, value)


def history(
    user: str | None = "u", *since: Event, items: tuple[str, ...] = (), where: str = "time", **more: object
) -> History:
    return history_of(state(where), user, since, items, **{"allow_seen": False, **more})  # type: ignore[arg-type]


def ids(found: History) -> list[str]:
    return state().catalogue.items.decode(found.queries.item)


def test_the_history_of_the_snapshot_is_that_of_the_log() -> None:
    found = history("u")
    log = state().snapshot.interactions
    expected = log.queries(log.users.encode(["u"]))
    for name in ("offsets", "item", "weight", "at", "kind", "now", "user", "exclude"):
        np.testing.assert_array_equal(getattr(found.queries, name), getattr(expected, name))
        assert getattr(found.queries, name).dtype == getattr(expected, name).dtype
    assert found.kinds == ["view", "purchase"]
    assert found.queries.ordered


@pytest.mark.parametrize("user", [None, "nobody"])
def test_nobody_has_no_history(user: str | None) -> None:
    found = history(user)
    assert (ids(found), found.kinds) == ([], [])
    assert found.queries.user.tolist() == [-1]
    assert found.queries.now.tolist() == [END]
    assert len(found.queries) == 1


def test_what_happened_since_comes_in_the_order_of_time() -> None:
    found = history("u", event("c", 15.0, "cart"), event("d", 40.0))
    assert ids(found) == ["a", "c", "b", "d"]
    assert found.queries.at.tolist() == [10, 15, 20, 40]
    assert found.kinds == ["view", "cart", "purchase", "view"]
    kinds = state().snapshot.interactions.kinds
    assert found.queries.kind.tolist() == [
        kinds.index("view"),
        -1,
        kinds.index("purchase"),
        kinds.index("view"),
    ]
    assert found.queries.now.tolist() == [40]


def test_what_happened_at_one_moment_keeps_its_order() -> None:
    many = list("dbca" * 20)
    orders = [event(item, 5.0, "purchase", value=number) for number, item in enumerate(many)]
    assert ids(history("u", *orders)) == [*many, "a", "b"]


def test_what_the_snapshot_was_fitted_on_counts_once() -> None:
    known = [event("a", 10.0), event("b", 20.0, "purchase")]
    assert ids(history("u", *known)) == ["a", "b"]
    assert ids(history("u", event("b", 20.0, "buy"))) == ["a", "b"]  # another name for a purchase
    assert ids(history("u", event("a", 11.0))) == ["a", "b"]  # a double click, as in a fit
    # Another moment, another thing done or another user's history: that is another event.
    assert ids(history("u", event("a", 13.0))) == ["a", "a", "b"]
    assert ids(history("u", event("a", 10.0, "cart"))) == ["a", "a", "b"]
    assert ids(history("v", event("a", 10.0))) == ["a", "c"]


def test_events_on_unknown_items_are_left_out() -> None:
    found = history("u", event("nothing", 35.0), items=("never heard", "d"))
    assert ids(found) == ["a", "b", "d"]
    assert found.queries.now.tolist() == [35]  # the moment of asking: the last thing known


def test_items_of_the_request_come_last_and_count_as_views() -> None:
    found = history("u", event("c", 50.0), items=("d", "a"))
    assert ids(found) == ["a", "b", "c", "d", "a"]
    assert found.queries.at.tolist() == [10, 20, 50, 50, 50]
    assert found.kinds[-2:] == ["view", "view"]
    assert found.queries.now.tolist() == [50]
    # Who tells of the item that the log ends with has looked at it again.
    assert ids(history("v", items=("c",))) == ids(history("v", items=("c",), where="none")) == ["c", "c"]
    anonymous = history(None, items=("d",))
    assert anonymous.queries.at.tolist() == [END]  # of the log, where nothing else is known


def test_weights_are_those_of_the_snapshot() -> None:
    found = history("v", event("a", 40.0, SAYS_NO), event("b", 41.0, SHOWN), event("d", 42.0))
    assert ids(found) == ["c", "a", "b", "d"]
    assert found.queries.weight.tolist() == [1, -1, 0, 1]
    # The second time counts half, the third a third.
    again = history(None, event("a", 1.0), event("a", 4.0), event("a", 7.0))
    np.testing.assert_allclose(again.queries.weight, [1, 1 / 2, 1 / 3], rtol=1e-6)
    assert again.queries.weight.dtype == np.float32
    low, high = history(None, event("a", 1.0, "rating", 1), event("b", 2.0, "rating", 5)).queries.weight
    assert low < high == 1


def test_liked_and_refused_items_are_left_out_unless_allowed() -> None:
    since = [event("c", 40.0, SAYS_NO), event("d", 41.0, SHOWN)]
    found = history("u", *since).queries
    assert state().catalogue.items.decode(found.exclude) == ["a", "b", "c"]
    assert found.exclude_offsets.tolist() == [0, 3]
    free = history("u", *since, allow_seen=True)
    assert free.queries.exclude_offsets.tolist() == [0, 0]
    assert not len(free.queries.exclude)
    assert ids(free) == ["a", "b", "c", "d"]


def test_where_the_log_has_an_order_and_no_times_what_came_since_comes_after() -> None:
    found = history("u", event("d", 5.0), event("c", 3.0), items=("a",), where="order")
    assert ids(found) == ["a", "b", "d", "c", "a"]
    assert found.queries.at.tolist() == [10, 20, 21, 22, 23]
    assert found.queries.now.tolist() == [END]
    assert found.queries.ordered
    new = history(None, event("d", 5.0), where="order")
    assert new.queries.at.tolist() == [1]


def test_where_the_log_knows_no_order_nothing_is_later() -> None:
    found = history("u", event("d", 5.0), where="none")
    assert ids(found) == ["a", "b", "d"]
    assert found.queries.at.tolist() == [0, 0, 0]
    assert found.queries.now.tolist() == [0]
    assert not found.queries.ordered


GOLD, SILVER, PHONE = trait("club", "gold"), trait("club", "silver"), trait("device", "phone")


@pytest.mark.parametrize(
    ("user", "stored", "attributes", "context", "expected"),
    [
        ("u", None, {}, {}, [GOLD, UNKNOWN]),
        ("x", None, {}, {}, [GOLD, UNKNOWN]),  # known by a file of users, without an event
        (None, None, {}, {}, [UNKNOWN, UNKNOWN]),
        ("u", {"club": "silver"}, {}, {}, [SILVER, UNKNOWN]),
        ("u", {}, {}, {}, [UNKNOWN, UNKNOWN]),  # the store has them, and nothing more is known
        ("u", {"club": "gold"}, {"club": "silver"}, {}, [SILVER, UNKNOWN]),
        ("u", None, {"club": "silver"}, {}, [SILVER, UNKNOWN]),
        ("u", None, {"club": None}, {}, [GOLD, UNKNOWN]),
        (None, None, {"club": "gold", "height": 3}, {"device": "phone", "club": "silver"}, [GOLD, PHONE]),
    ],
)
def test_the_request_goes_before_the_store_and_the_store_before_the_snapshot(
    user: str | None,
    stored: dict[str, Json] | None,
    attributes: dict[str, Json],
    context: dict[str, Json],
    expected: list[int],
) -> None:
    found = history(user, stored=stored, attributes=attributes, context=context)
    assert found.queries.traits.tolist() == [expected]
    assert found.queries.traits.dtype == np.int32


events = st.lists(
    st.builds(
        event,
        st.sampled_from(["a", "b", "c", "d", "nothing"]),
        st.floats(0, 60),
        st.sampled_from(["view", "purchase", SAYS_NO, SHOWN, "cart"]),
    ),
    max_size=12,
)


@given(st.sampled_from(["u", "v", "nobody", None]), events, st.lists(st.sampled_from("abcd"), max_size=4))
def test_what_holds_for_any_history(user: str | None, since: list[Event], items: list[str]) -> None:
    found = history(user, *since, items=tuple(items))
    queries = found.queries
    assert queries.offsets.tolist() == [0, len(queries.item)]
    assert len(found.kinds) == len(queries.item) == len(queries.weight) == len(queries.kind)
    assert (np.diff(queries.at) >= 0).all()
    assert queries.now[0] >= max([END, *queries.at])
    assert ids(found)[len(queries.item) - len(items) :] == items
    assert set(queries.exclude) == set(queries.item[queries.weight != 0])
    plain = history(user).queries  # nothing of the snapshot is lost
    kept = list(zip(queries.item, queries.at, strict=True))
    assert all(pair in kept for pair in zip(plain.item, plain.at, strict=True))


def test_a_later_return_undoes_the_purchase_that_the_snapshot_knows() -> None:
    undone = history("u", event("b", 40, "refund"))
    assert undone.queries.weight.tolist() == pytest.approx([1, 0, -0.6])
    negative = history("u", event("b", 40, "purchase", -1))
    assert negative.kinds == ["view", "purchase", "return"]
    assert negative.queries.weight.tolist() == undone.queries.weight.tolist()
    assert set(negative.queries.exclude.tolist()) == set(history("u").queries.exclude.tolist())
