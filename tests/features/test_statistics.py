"""What is known of every item from the past: worked out by hand on a small log, and laws of any log."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.types import Float32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.users import Users
from tacit.data.vocabulary import Vocabulary
from tacit.features.statistics import HALF_LIVES, ItemStatistics

ITEMS = ["a", "b", "c", "d"]
END = 1_000_000.0
PRIOR = 10
WEIGHTS = {"view": 1.0, "purchase": 3.0, "dislike": -1.0, "impression": 0.0}

EVENTS = [
    ("u1", "a", "view", 0.0),
    ("u1", "a", "purchase", 500_000.0),
    ("u2", "b", "view", 600_000.0),
    ("u2", "a", "dislike", END + 50_000),  # later than anything that was liked
    ("u3", "b", "impression", 10_000.0),
    ("u3", "c", "impression", 20_000.0),
    ("u3", "b", "view", END),
]


def log_of(rows: list[tuple[str, str, str, float]], timed: bool = True) -> Interactions:
    frame = pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row").with_columns(
        timestamp=pl.col("timestamp") if timed else pl.lit(None, pl.Float64),
        seq=pl.lit(None, pl.Int64),
        weight=pl.col("event").replace_strict(WEIGHTS, return_dtype=pl.Float32),
    )
    return Interactions.from_frame(frame, Vocabulary(ITEMS), Users.of(None, frame["user_id"]))


def catalogue_of(created: dict[str, float] | None = None) -> Catalogue:
    times = [(created or {}).get(item) for item in ITEMS]
    frame = pl.DataFrame({"item_id": ITEMS, "created_at": pl.Series(times, dtype=pl.Float64)})
    return Catalogue.from_frame(frame, Vocabulary(ITEMS))


def statistics(timed: bool = True, created: dict[str, float] | None = None) -> ItemStatistics:
    return ItemStatistics.of(log_of(EVENTS, timed), catalogue_of(created))


def share(counted: float, events: int, of_all: float) -> float:
    """A share drawn to that of the whole log, as if there were ten more events of the usual kind."""
    return (counted + PRIOR * of_all) / (events + PRIOR)


def close(found: Float32, expected: list[float]) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_end_and_span_are_those_of_what_was_liked() -> None:
    known = statistics()
    assert known.end == END
    # Liked at 0, 500,000, 600,000 and 1,000,000: the first hundredth of them lies 15,000 after the first.
    assert known.span == pytest.approx(END - 0.03 * 500_000)
    assert statistics(timed=False).span == 1.0


def test_popularity_is_the_logarithm_of_weights_that_fade() -> None:
    known = statistics()
    for column, part in enumerate((0.005, 0.03, 0.15)):
        half_life = part * known.span
        a = 1 * 0.5 ** (END / half_life) + 3 * 0.5 ** (500_000 / half_life)
        b = 0.5 ** (400_000 / half_life) + 1
        close(known.popularity[:, column], np.log1p([a, b, 0, 0]).tolist())
    close(known.popularity[:, 3], np.log1p([4, 2, 0, 0]).tolist())
    assert len(HALF_LIVES) == known.popularity.shape[1] == 4


def test_without_times_nothing_fades() -> None:
    known = statistics(timed=False)
    for column in range(4):
        close(known.popularity[:, column], np.log1p([4, 2, 0, 0]).tolist())
    for times in (known.first_at, known.last_at, known.born_at):
        assert np.isnan(times).all()


def test_shares_are_drawn_to_those_of_the_whole_log() -> None:
    known = statistics()
    # Of 7 events 4 are liked; a has 2 of 3, b 2 of 3, c 0 of 1.
    close(known.liked, [share(2, 3, 4 / 7), share(2, 3, 4 / 7), share(0, 1, 4 / 7), np.nan])
    assert log_of(EVENTS).kinds == ("dislike", "impression", "purchase", "view")
    close(known.kinds[0], [share(n, 3, all_ / 7) for n, all_ in ((1, 1), (0, 2), (1, 1), (1, 3))])
    close(known.kinds[1], [share(n, 3, all_ / 7) for n, all_ in ((0, 1), (1, 2), (0, 1), (2, 3))])
    assert np.isnan(known.kinds[3]).all()


def test_the_lift_is_how_often_a_showing_was_acted_on() -> None:
    known = statistics()
    # 5 of 7 events are acts (a dislike is one); a has 3 of 3, b 2 of 3, c 0 of 1.
    expected = [np.log(share(n, of, 5 / 7) / (5 / 7)) for n, of in ((3, 3), (2, 3), (0, 1))]
    close(known.lift, [*expected, np.nan])
    assert expected[0] > 0 > expected[2]


@pytest.mark.parametrize("event", ["view", "impression"])
def test_there_is_no_lift_where_everything_or_nothing_was_acted_on(event: str) -> None:
    log = log_of([("u", "a", event, 1.0), ("u", "b", event, 2.0)])
    assert np.isnan(ItemStatistics.of(log, catalogue_of()).lift).all()


def test_first_and_last_are_of_what_was_liked() -> None:
    known = statistics()
    close(known.first_at, [0, 600_000, np.nan, np.nan])
    close(known.last_at, [500_000, END, np.nan, np.nan])


def test_an_item_is_born_when_it_was_listed_or_else_first_liked() -> None:
    created = {"a": -5.0, "b": END, "c": 7.0, "d": END + 1}
    # a was listed before it was liked; d is listed after all that is known, which nobody can know yet.
    close(statistics(created=created).born_at, [-5, END, 7, np.nan])
    close(statistics().born_at, [0, 600_000, np.nan, np.nan])


def test_a_log_without_a_like_has_nothing_popular() -> None:
    refused = log_of([("u", "a", "dislike", 5.0)])
    for log in (refused, refused.before(0)):
        known = ItemStatistics.of(log, catalogue_of())
        assert not known.popularity.any()
        assert (known.end, known.span) == (0.0, 1.0)
        assert np.isnan(known.first_at).all()


def test_new_items_have_no_events_and_are_born_when_the_catalogue_says() -> None:
    known = statistics()
    new = pl.DataFrame({"item_id": ["e", "f"], "created_at": [5.0, None]})
    grown = known.extended(catalogue_of().extended(new))
    for name, array in known.arrays().items():
        if array.ndim:
            np.testing.assert_array_equal(grown.arrays()[name][:4], array)
            assert len(grown.arrays()[name]) == 6
    assert (grown.end, grown.span) == (known.end, known.span)
    assert not grown.popularity[4:].any()
    assert np.isnan(grown.liked[4:]).all()
    assert np.isnan(grown.kinds[4:]).all()
    assert np.isnan(grown.lift[4:]).all()
    assert np.isnan([grown.first_at[4:], grown.last_at[4:]]).all()
    close(grown.born_at[4:], [5, np.nan])


def test_a_round_trip_keeps_all() -> None:
    known = statistics()
    again = ItemStatistics.restore({name: np.array(array) for name, array in known.arrays().items()})
    assert (again.end, again.span) == (known.end, known.span)
    assert isinstance(again.end, float)
    for name, array in known.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)
        assert again.arrays()[name].dtype == array.dtype


rows = st.lists(
    st.tuples(
        st.sampled_from(["u", "v"]),
        st.sampled_from(ITEMS),
        st.sampled_from(list(WEIGHTS)),
        st.floats(0, 1e6, allow_subnormal=False),
    ),
    min_size=1,
    max_size=30,
)


@given(rows)
def test_what_holds_for_any_log(events: list[tuple[str, str, str, float]]) -> None:
    log = log_of(events)
    known = ItemStatistics.of(log, catalogue_of())
    met = np.bincount(log.item, minlength=4) > 0
    assert (np.diff(known.popularity, axis=1) >= -1e-6).all()  # the slower it fades, the more is left
    for array in (known.liked, known.kinds[:, 0]):
        np.testing.assert_array_equal(np.isfinite(array), met)
        assert ((array[met] >= 0) & (array[met] <= 1)).all()
    np.testing.assert_allclose(known.kinds[met].sum(axis=1), 1, rtol=1e-5)
    wanted = np.isfinite(known.first_at)
    assert (known.first_at[wanted] <= known.last_at[wanted]).all()
    assert (known.last_at[wanted] <= known.end).all()
    np.testing.assert_array_equal(wanted, known.popularity[:, 3] > 0)
    by_one = ItemStatistics.of(replace(log, user=np.zeros_like(log.user)), catalogue_of())
    for name, array in known.arrays().items():  # who did it does not matter
        np.testing.assert_array_equal(by_one.arrays()[name], array)
