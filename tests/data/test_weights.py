"""Event weights against values worked out by hand."""

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.errors import ConfigError, UnsupportedError
from tacit.data.event_map import EventMap
from tacit.data.event_names import strength
from tacit.data.weights import EventWeights, occurrence


def log(*rows: tuple[str, str, str, float | None, float | None]) -> pl.DataFrame:
    schema = {
        "user_id": pl.String,
        "item_id": pl.String,
        "event": pl.String,
        "timestamp": pl.Float64,
        "value": pl.Float64,
    }
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    return frame.with_columns(seq=pl.lit(None, dtype=pl.Int64))


def weights_of(rule: EventWeights, frame: pl.DataFrame) -> list[float]:
    return rule.weigh(frame)["weight"].to_list()


def test_a_funnel_rises_and_a_no_is_negative() -> None:
    assert strength("view") < strength("click") < strength("cart") < strength("purchase") == 1
    assert strength("Dislike") < 0 and strength("not interested") < 0 and strength("remove_from_cart") < 0
    assert strength("impression") == 0
    assert strength("teleported") == 1


@pytest.mark.parametrize("name", ["add_to_cart", "Add to Cart", "ADDTOCART", "add-to-cart"])
def test_spelling_does_not_matter(name: str) -> None:
    assert strength(name) == strength("cart")


def test_by_name_the_strongest_type_of_the_log_weighs_one() -> None:
    views = log(("u", "a", "view", 1, None), ("u", "b", "view", 2, None))
    assert weights_of(EventWeights.fit(views, "names"), views) == [1, 1]
    both = log(("u", "a", "view", 1, None), ("u", "a", "purchase", 2, None))
    assert weights_of(EventWeights.fit(both, "names"), both) == [0.25, 1]


def test_by_default_every_yes_weighs_the_same_seen_in_training_or_not() -> None:
    both = log(("u", "a", "view", 1, None), ("u", "a", "purchase", 2, None))
    later = log(("u", "a", "cart", 3, None), ("u", "a", "refund", 4, None), ("u", "b", "purchase", 5, None))
    rule = EventWeights.fit(both)
    assert weights_of(rule, both) == [1, 1]
    assert weights_of(rule, later) == pytest.approx([1, -0.6, 1])


def test_negatives_keep_their_size() -> None:
    frame = log(
        ("u", "a", "view", 1, None), ("u", "b", "dislike", 2, None), ("u", "c", "impression", 3, None)
    )
    assert weights_of(EventWeights.fit(frame), frame) == [1, -1, 0]


def test_ratings_are_scaled_on_the_training_range() -> None:
    train = log(
        ("u", "a", "rating", 1, 1),
        ("u", "b", "rating", 2, 5),
        ("u", "c", "rating", 3, 3),
        ("u", "d", "rating", 4, None),
    )
    rule = EventWeights.fit(train)
    assert weights_of(rule, train) == pytest.approx([0.8, 1.0, 0.9, 1.0])
    later = log(("u", "e", "rating", 9, 10), ("u", "f", "rating", 9, 0))
    assert weights_of(rule, later) == pytest.approx([1.0, 0.8])  # clipped, and the range is not refitted


@pytest.mark.parametrize("mode", ["names", "auto"])
def test_what_says_how_much_it_is_liked_takes_ratings_at_their_word(mode) -> None:
    train = log(("u", "a", "rating", 1, 1), ("u", "b", "rating", 2, 5), ("u", "c", "rating", 3, 3))
    assert weights_of(EventWeights.fit(train, mode), train) == pytest.approx([0.2, 1.0, 0.6])


def test_one_rating_only_counts_one() -> None:
    frame = log(("u", "a", "rating", 1, 4), ("u", "b", "rating", 2, 4))
    assert weights_of(EventWeights.fit(frame), frame) == [1, 1]


def test_time_spent_is_damped_and_the_median_counts_one() -> None:
    train = log(("u", "a", "play", 1, 1), ("u", "b", "play", 2, 4), ("u", "c", "play", 3, 28))
    by_name = EventWeights.fit(train, "names")
    assert weights_of(by_name, train) == pytest.approx([math.log2(1.25), 1.0, 3.0])
    assert EventWeights.from_json(by_name.to_json()) == by_name


def test_by_default_a_time_spent_says_no_more_than_that_something_was_begun() -> None:
    train = log(("u", "a", "play", 1, 1), ("u", "b", "play", 2, 4), ("u", "c", "play", 3, 28))
    assert weights_of(EventWeights.fit(train), train) == [1, 1, 1]


def test_a_price_says_nothing() -> None:
    frame = log(("u", "a", "purchase", 1, 999.0), ("u", "b", "purchase", 2, 1.0))
    assert weights_of(EventWeights.fit(frame), frame) == [1, 1]


def test_a_quantity_is_damped_as_a_time_is() -> None:
    train = log(("u", "a", "purchase", 1, 1), ("u", "b", "purchase", 2, 4), ("u", "c", "purchase", 3, 7))
    assert weights_of(EventWeights.fit(train), train) == [1, 1, 1]
    by_name = EventWeights.fit(train, "names")
    assert weights_of(by_name, train) == pytest.approx([math.log2(1.25), 1, math.log2(2.75)])
    assert EventWeights.from_json(json.loads(json.dumps(by_name.to_json()))) == by_name


def test_the_name_of_the_column_says_what_its_values_are() -> None:
    train = log(("u", "a", "rating", 1, 1), ("u", "b", "rating", 2, 5))
    assert weights_of(EventWeights.fit(train, value_column="price"), train) == [1, 1]
    assert weights_of(EventWeights.fit(train, value_column="stars"), train) == pytest.approx([0.8, 1])


def test_a_returned_purchase_is_no_yes() -> None:
    frame = log(
        ("u", "a", "purchase", 1, 2),
        ("u", "a", "return", 2, 2),
        ("u", "b", "purchase", 1, 2),
        ("u", "b", "return", 2, 1),
    )
    assert weights_of(EventWeights.fit(frame), frame) == pytest.approx([0, -0.6, 0.5, -0.6])


def test_below_a_level_of_the_user_a_rating_is_a_no() -> None:
    train = log(("u", "a", "rating", 1, 1), ("u", "b", "rating", 2, 5), ("u", "c", "rating", 3, 3))
    rule = EventWeights.fit(train, least_rating=3)
    assert weights_of(rule, train) == pytest.approx([-0.3, 1.0, 0.9])
    assert EventWeights.from_json(json.loads(json.dumps(rule.to_json()))) == rule


def test_repeats_are_damped_in_time_order() -> None:
    frame = log(("u", "a", "view", 30, None), ("u", "a", "view", 10, None), ("u", "a", "view", 20, None))
    assert occurrence(frame).to_list() == [3, 1, 2]
    assert weights_of(EventWeights.fit(frame), frame) == pytest.approx([1 / 3, 1, 1 / 2])
    assert weights_of(EventWeights.fit(frame, repeats=0), frame) == [1, 1, 1]


def test_decay_counts_from_the_end_of_training() -> None:
    day = 86_400.0
    frame = log(
        ("u", "a", "view", 0, None), ("u", "b", "view", 10 * day, None), ("u", "c", "view", None, None)
    )
    rule = EventWeights.fit(frame, half_life_days=10)
    assert weights_of(rule, frame) == pytest.approx([0.5, 1.0, 0.5])  # no time counts as the oldest
    assert weights_of(rule, log(("u", "d", "view", 99 * day, None))) == [1.0]  # never above one


def test_estimated_strengths_are_the_log_odds() -> None:
    # 2 users x 3 items = 6 cells. Pairs: (u,a) cart then purchase; (u,b) cart; (v,a) view then purchase;
    # (v,b), (v,c) view; purchase without anything before: none.
    frame = log(
        ("u", "a", "cart", 1, None),
        ("u", "a", "purchase", 2, None),
        ("u", "b", "cart", 3, None),
        ("v", "a", "view", 1, None),
        ("v", "a", "purchase", 2, None),
        ("v", "b", "view", 3, None),
        ("v", "c", "view", 4, None),
    )
    base = math.log(2.5 / 4.5)
    top = math.log(2.5 / 0.5) - base
    rule = EventWeights.fit(frame, "auto")
    assert rule.target == "purchase"
    assert rule.strengths["purchase"] == 1
    assert rule.strengths["cart"] == pytest.approx((math.log(1.5 / 1.5) - base) / top)
    assert rule.strengths["view"] == pytest.approx((math.log(1.5 / 2.5) - base) / top)


def test_an_event_after_the_target_does_not_precede_it() -> None:
    before = log(("u", "a", "cart", 1, None), ("u", "a", "purchase", 2, None), ("v", "b", "cart", 1, None))
    after = log(("u", "a", "cart", 3, None), ("u", "a", "purchase", 2, None), ("v", "b", "cart", 1, None))
    assert (
        EventWeights.fit(before, "auto").strengths["cart"] > EventWeights.fit(after, "auto").strengths["cart"]
    )


def test_auto_with_one_type_is_the_default() -> None:
    frame = log(("u", "a", "view", 1, None))
    assert EventWeights.fit(frame, "auto").strengths == {"view": 1.0}


@pytest.mark.parametrize("mode", ["default", "names", "auto"])
def test_what_the_user_says_holds_for_types_seen_in_training_or_not(mode) -> None:
    frame = log(("u", "a", "purchase", 1, None), ("u", "b", "wave", 1, None))
    rule = EventWeights.fit(frame, mode, events=EventMap.parse({"Wave": -0.5, "blink": 0.25}))
    assert weights_of(rule, frame) == [1, -0.5]
    again = EventWeights.from_json(json.loads(json.dumps(rule.to_json())))
    assert weights_of(again, log(("u", "c", "blink", 2, None), ("u", "d", "hide", 2, None))) == [0.25, -1]


def test_bad_parameters_are_refused() -> None:
    frame = log(("u", "a", "view", 1, None))
    with pytest.raises(ConfigError, match="half_life_days"):
        EventWeights.fit(frame, half_life_days=0)
    with pytest.raises(ConfigError, match="default, names, auto; not 'guess'"):
        EventWeights.fit(frame, "guess")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="no event 'sale'"):
        EventWeights.fit(frame, "auto", target="sale")


def test_an_empty_log_has_weights_too() -> None:
    assert weights_of(EventWeights.fit(log()), log()) == []


events = st.lists(
    st.tuples(
        st.sampled_from("uv"),
        st.sampled_from("ab"),
        st.sampled_from(["view", "purchase", "rating", "play", "hide", "blink"]),
        st.one_of(st.none(), st.floats(0, 1e9)),
        st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
    ),
    max_size=30,
)


@given(rows=events, auto=st.booleans())
def test_weights_are_finite_and_survive_json(rows: list, auto: bool) -> None:
    frame = log(*rows)
    rule = EventWeights.fit(frame, "auto" if auto else "default", half_life_days=30)
    weighed = rule.weigh(frame)
    assert weighed["weight"].dtype == pl.Float32
    assert weighed["weight"].is_finite().all()
    # What an event type counts is in -1 to 1; the value of an event multiplies it by at most 3.
    assert weighed["weight"].is_between(-3, 3).all()
    again = EventWeights.from_json(json.loads(json.dumps(rule.to_json())))
    assert again == rule
    assert again.weigh(frame).equals(weighed)


TYPES = ["view", "purchase", "refund", "rating", "play", "hide", "blink"]


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(TYPES),
            st.floats(0, 1e9),
            st.one_of(st.none(), st.integers(-2, 9).map(float), st.floats(allow_nan=False)),
        ),
        max_size=30,
    ),
    mode=st.sampled_from(["default", "names", "auto"]),
    least=st.sampled_from([None, 3.0]),
    half_life=st.sampled_from([None, 30.0]),
    repeats=st.sampled_from([0.0, 0.7, 1.0]),
    known=st.integers(0, 30),
)
def test_a_history_weighs_without_a_frame_what_it_weighs_in_one(
    rows: list, mode, least: float | None, half_life: float | None, repeats: float, known: int
) -> None:
    rows = sorted((("u", *row) for row in rows), key=lambda row: row[3])
    frame = log(*rows)
    rule = EventWeights.fit(frame, mode, least_rating=least, half_life_days=half_life, repeats=repeats)
    fitted = np.full(len(rows), np.nan, dtype=np.float32)
    # The fit has set returns off by amounts, of which a later history knows nothing: here it knows none.
    if not any(row[2] in ("purchase", "refund") for row in rows):
        fitted[:known] = rule.weigh(frame[:known])["weight"].to_numpy()
    found = rule.of_history(
        np.array([ord(row[1]) for row in rows], dtype=np.int32),
        np.array([TYPES.index(row[2]) for row in rows], dtype=np.int64),
        TYPES,
        np.array([row[3] for row in rows], dtype=np.float64),
        np.array([row[4] for row in rows], dtype=np.float64),
        fitted,
    )
    expected = weights_of(rule, frame)
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx(expected, rel=1e-5, abs=1e-7, nan_ok=True)


def test_later_events_repeat_and_undo_those_of_the_fit() -> None:
    rows = [("u", "a", "view", 1, None), ("u", "b", "purchase", 2, None), ("u", "b", "purchase", 3, None)]
    later = [("u", "a", "view", 0.5, None), ("u", "b", "refund", 4, None), ("u", "b", "purchase", 5, None)]
    both = sorted([*rows, *later], key=lambda row: row[3])
    rule = EventWeights.fit(log(*both))
    known = dict(zip(rows, rule.weigh(log(*rows))["weight"].to_list(), strict=True))
    found = rule.of_history(
        np.array([ord(row[1]) for row in both], dtype=np.int32),
        np.array([TYPES.index(row[2]) for row in both], dtype=np.int64),
        TYPES,
        np.array([row[3] for row in both], dtype=np.float64),
        np.full(len(both), np.nan),
        np.array([known.get(row, np.nan) for row in both], dtype=np.float32),
    )
    assert found.tolist() == pytest.approx(weights_of(rule, log(*both)), rel=1e-6)


def test_a_later_event_is_read_as_the_log_was() -> None:
    rated = EventWeights.fit(log(*(("u", f"i{n}", "rating", n, float(n)) for n in range(1, 6))))
    assert [rated.settled("rating", value) for value in (0.0, -1.0, 0.5, 6.0)] == [
        ("rating", None), ("rating", None), ("rating", 0.5), ("rating", 6.0),
    ]  # fmt: skip
    sold = EventWeights.fit(log(("u", "a", "cart", 1, 2.0), ("u", "b", "cart", 2, 1.0)))
    assert sold.settled("cart", -1.0) == ("return", 1.0)
    assert EventWeights.from_json(json.loads(json.dumps(sold.to_json()))).settled("cart", -1.0) == (
        "return",
        1,
    )


def test_real_stars(shared_data) -> None:
    frame = pl.read_parquet(shared_data / "ml-100k" / "events.parquet").with_columns(
        seq=pl.lit(None, dtype=pl.Int64)
    )
    stars = EventWeights.fit(frame).weigh(frame).group_by("value").agg(pl.col("weight").mean()).sort("value")
    assert stars["weight"].to_list() == pytest.approx([0.8, 0.85, 0.9, 0.95, 1.0])
