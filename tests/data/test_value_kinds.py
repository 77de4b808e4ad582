"""What numbers are, by the name of their column, the type of their events and themselves."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.value_kinds import joined_counts, kind_of_name, missing_rating, rating_counts, value_kind


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("rating", "rating Book-Rating overall userScore stars 评分 Bewertung valoración ocena Оценка puan"),
        ("quantity", "qty Quantity item_quantity units Menge quantité cantidad ilość Количество 数量 adet"),
        ("plays", "count play_count playcount listen_count n_plays 播放次数 Anzahl"),
        ("time", "hours playtime_forever watch_time dwellSeconds duration watch_ratio 时长 durée"),
        ("price", "price UnitPrice unitprice SALES_VALUE total_amount revenue 价格 Preis prix precio Цена"),
        ("unknown", "rating_count num_ratings"),
        (None, "value weight latitude helpful year"),
    ],
)
def test_parts_of_names(kind: str | None, names: str) -> None:
    assert {name: kind_of_name(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


@pytest.mark.parametrize(
    ("values", "event", "kind"),
    [
        ([1, 2, 5, 4], "review", "rating"),
        ([0.5, 120.2], "play", "time"),
        ([1, 2, -1, 3], "purchase", "quantity"),
        ([2.99, 4.5], "purchase", "price"),
        ([12_000, 9_800], "order", "price"),
        ([3, 4, 5], "click", "unknown"),
        ([0.5, 4.5, 3], None, "rating"),
        ([1, 2, 3, 4, 5, 5, 4], "interaction", "rating"),
        ([3, 40, 1, 2], None, "plays"),
        ([1, 1, 1, 2, 3], None, "plays"),
        ([0, 1, 1], None, "unknown"),
        ([0.25, 0.7], None, "unknown"),
        ([12.99, 3.49, 4.0], None, "price"),
        ([None, None], "rating", "unknown"),
    ],
)
def test_without_a_name_the_event_and_the_numbers_decide(values: list, event: str | None, kind: str) -> None:
    numbers = pl.Series(values, dtype=pl.Float64)
    assert value_kind(None, numbers, event) == kind
    assert value_kind("value", numbers, event) == kind


def test_a_name_is_stronger_than_an_event() -> None:
    assert value_kind("price", pl.Series([1.0, 2.0, 5.0]), "rating") == "price"
    assert value_kind("rating", pl.Series([1.0, 2.0, 5.0]), ["purchase", "view"]) == "rating"
    assert value_kind("rating", pl.Series([1e9, 2e9]), None) == "unknown"


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ([-1, 2, 8, 10, -1], [True, False, False, False, True]),  # anime lists
        ([0, 0, 0, 5, 1, 10, None], [True, True, True, False, False, False, False]),  # Book-Crossing
        ([0, 1, 2, 2, 5], [False] * 5),  # nought stars are a rating
        ([-10, -1, 3.5, 9], [False] * 4),  # Jester
        ([1, 5], [False] * 2),
    ],
)
def test_numbers_that_say_there_is_no_rating(values: list, missing: list[bool]) -> None:
    column = pl.Series(values, dtype=pl.Float64)
    unsaid = missing_rating(rating_counts(column))
    assert [value is not None and value == unsaid for value in values] == missing
    parts = [rating_counts(column[:2]), rating_counts(column[2:])]
    assert missing_rating(joined_counts(parts)) == unsaid


def test_what_is_no_scale_in_a_part_is_none_in_the_whole() -> None:
    assert rating_counts(pl.Series([0.0, 11.0])) is None
    assert rating_counts(pl.Series([0.0, 2.5])) is None
    assert joined_counts([{0.0: 9, 1.0: 1}, None]) is None
    assert missing_rating(None) is None


@given(
    st.text(max_size=20),
    st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=20),
    st.sampled_from([None, "view", "purchase", "rating", "play", "wobble"]),
)
def test_any_column_is_of_some_kind(name: str, values: list, event: str | None) -> None:
    numbers = pl.Series(values, dtype=pl.Float64)
    assert value_kind(name, numbers, event) in ("rating", "quantity", "plays", "time", "price", "unknown")
    assert missing_rating(rating_counts(numbers)) in (None, -1.0, 0.0)


def test_a_frequent_zero_apart_from_the_scale_is_no_rating() -> None:
    apart = pl.Series([0.0] * 5 + [5.0, 7.0, 8.0, 10.0])
    assert missing_rating(rating_counts(apart)) == 0.0
    assert missing_rating(rating_counts(pl.Series([0.0] * 5 + [3.0, 4.0, 5.0]))) == 0.0
    step = pl.Series([0.0] * 5 + [5.0, 10.0, 10.0])  # 0 is a step of the scale
    assert missing_rating(rating_counts(step)) is None
