from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.small import fitted

from tacit.core.types import DAY
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.data.users import Users
from tacit.data.vocabulary import Vocabulary
from tacit.models.covisitation import CoVisitation
from tacit.testing.conformance import Conformance

HOUR = 3_600.0
N_ITEMS = 6
USERS, ITEMS = (Vocabulary([f"{kind}{n:02d}" for n in range(N_ITEMS)]) for kind in "ui")
CATALOGUE = Catalogue.from_frame(None, ITEMS)

Row = tuple[int, int, float, float]


class TestCoVisitation(Conformance):
    minimum_ndcg = 0.43

    def make(self) -> CoVisitation:
        return CoVisitation()


class TestFading(Conformance):
    """A half-life so short that the reference time moves with each update."""

    minimum_ndcg = 0.3

    def make(self) -> CoVisitation:
        return CoVisitation(window=3, gap=200.0, half_life=0.1, backward=0.2, popularity=0.5, last=4)


def log(rows: Sequence[Row]) -> Interactions:
    """Rows of user, item, time in hours and weight."""
    user, item, hour, weight = zip(*rows, strict=True) if rows else ((), (), (), ())
    frame = pl.DataFrame(
        {
            "user_id": [f"u{code:02d}" for code in user],
            "item_id": [f"i{code:02d}" for code in item],
            "event": ["view"] * len(rows),
            "timestamp": np.array(hour, dtype=float) * HOUR,
            "seq": pl.Series([None] * len(rows), dtype=pl.Int64),
            "weight": np.array(weight, dtype=np.float32),
        }
    )
    return Interactions.from_frame(frame, ITEMS, Users.unknown(USERS))


def fit(model: CoVisitation, rows: Sequence[Row]) -> CoVisitation:
    return model.fit(log(rows), CATALOGUE, rng=np.random.default_rng(0))


def weights(model: CoVisitation) -> np.ndarray:
    """The score of a history of one item is that item's row."""
    scores = model.score(Queries.of([[item] for item in range(N_ITEMS)]))
    return np.where(np.isinf(scores), 0, scores)


def naive(model: CoVisitation, rows: Sequence[Row]) -> np.ndarray:
    """The counts in loops, at the time of the last event."""
    now = max((row[2] for row in rows if row[3] > 0), default=0.0)
    counts, visits = np.zeros((N_ITEMS, N_ITEMS)), np.zeros(N_ITEMS)
    histories: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row[2]):
        user, item, hour, weight = row
        if weight <= 0:
            continue
        left = 0.5 ** ((now - hour) / (24 * model.half_life))
        visits[item] += weight * left
        for lag, (_, other, before, strength) in enumerate(
            reversed(histories.get(user, [])[-model.window :])
        ):
            if other != item and hour - before <= model.gap:
                worth = np.sqrt(weight * strength) * model.distance**lag * left
                counts[other, item] += worth
                counts[item, other] += model.backward * worth
        histories.setdefault(user, []).append(row)
    own = np.where(visits > 0, visits, 1) ** -model.popularity
    return counts * own * own[:, None]


hours = st.lists(st.integers(0, 400), min_size=1, max_size=25, unique=True).map(sorted)


@st.composite
def events(draw: st.DrawFn) -> list[Row]:
    code, weight = st.integers(0, N_ITEMS - 1), st.sampled_from([-1.0, 1.0, 3.0])
    return [(draw(code), draw(code), float(hour), draw(weight)) for hour in draw(hours)]


@given(events(), st.integers(1, 4), st.sampled_from([20.0, np.inf]), st.sampled_from([3.0, np.inf]))
def test_weights_are_those_of_counting_in_loops(
    rows: list[Row], window: int, gap: float, half_life: float
) -> None:
    model = CoVisitation(window=window, gap=gap, half_life=half_life, popularity=0.4, distance=0.7)
    np.testing.assert_allclose(weights(fit(model, rows)), naive(model, rows), rtol=1e-5)


@given(events(), st.integers(0, 400), st.sampled_from([0.05, 1.0, np.inf]))
def test_an_update_is_a_refit(rows: list[Row], moment: int, half_life: float) -> None:
    earlier, later = ([row for row in rows if (row[2] >= moment) == late] for late in (False, True))
    old = fit(CoVisitation(half_life=half_life, window=3), earlier)
    kept = weights(old)
    newer = old.updated(Later(log(later), log(earlier)))
    np.testing.assert_allclose(
        weights(newer), weights(fit(CoVisitation(half_life=half_life, window=3), rows)), rtol=1e-5
    )
    np.testing.assert_array_equal(weights(old), kept)


def test_event_by_event_is_the_same_as_at_once() -> None:
    rng = np.random.default_rng(5)
    rows = [(int(rng.integers(3)), int(rng.integers(N_ITEMS)), hour * 5.0, 1.0) for hour in range(60)]
    model = fit(CoVisitation(half_life=0.1), rows[:10])  # 1,250 half-lives: the reference time moves
    for row in rows[10:]:
        model = model.updated(Later(log([row]), log([])))
    assert rows[9][2] * HOUR < model.since_ < model.now_
    np.testing.assert_allclose(weights(model), weights(fit(CoVisitation(half_life=0.1), rows)), rtol=1e-5)


def test_the_trend_of_the_last_hour_overtakes_a_year() -> None:
    old = [(user, item, user * 24.0 + item, 1.0) for user in range(5) for item in (0, 1)]
    model = fit(CoVisitation(half_life=1.0), old)
    assert model.following(np.array([0]), 1).items[0, 0] == 1
    newer = model.updated(Later(log([(5, 0, 24.0 * 9, 1.0), (5, 2, 24.0 * 9 + 1, 1.0)]), log([])))
    assert newer.following(np.array([0]), 1).items[0, 0] == 2
    assert model.following(np.array([0]), 1).items[0, 0] == 1


def test_an_old_count_is_not_touched_by_an_update() -> None:
    model = fit(CoVisitation(half_life=1.0), [(0, 0, 0.0, 1.0), (0, 1, 1.0, 1.0)])
    newer = model.updated(Later(log([(1, 2, 50.0, 1.0), (1, 3, 51.0, 1.0)]), log([])))
    assert newer.counts_[0, 1] == model.counts_[0, 1]
    assert newer.since_ == model.since_ == 1.0 * HOUR
    assert newer.counts_[2, 3] == pytest.approx(2 ** (50 * HOUR / DAY))


def test_only_the_last_events_of_a_history_are_used() -> None:
    model = fit(
        CoVisitation(last=1), [(0, 0, 0.0, 1.0), (0, 1, 1.0, 1.0), (1, 2, 2.0, 1.0), (1, 3, 3.0, 1.0)]
    )
    queries = Queries.of([[0, 2], [2]])
    first, second = model.score(queries)
    np.testing.assert_array_equal(first, second)
    assert model.explain(queries, np.array([3, 3])).tolist() == [0, 1, 1]


def test_without_times_neither_the_gap_nor_the_half_life_takes_part() -> None:
    X = np.random.default_rng(1).random((20, 8)) < 0.4
    scores = [
        fitted(CoVisitation(gap=gap, half_life=half_life), X).score(Queries.of([[0], [3, 5]]))
        for gap, half_life in ((0.0, 1e-9), (np.inf, np.inf))
    ]
    np.testing.assert_array_equal(*scores)


def test_a_log_of_noes_only_teaches_nothing() -> None:
    model = fitted(CoVisitation(), -np.ones((3, 4)))
    assert np.isneginf(model.score(Queries.of([[0], []]))).all()


@pytest.mark.parametrize("backward", [0.0, 0.5, 0.75])
def test_what_follows_leaves_the_other_direction_out(backward: float) -> None:
    steps = [(user, item, float(place), 1.0) for user in range(3) for place, item in enumerate((0, 1, 2))]
    model = fit(CoVisitation(backward=backward, popularity=0.0), steps)
    requested = np.array([0, 1, 2], dtype=np.int32)
    assert model.following(requested, 2).items.tolist() == [[1, 2], [2, -1], [-1, -1]]
    np.testing.assert_allclose(model.following(requested[:1], 2).scores, [[3, 3 * model.distance]], rtol=1e-4)


def test_with_both_directions_alike_what_follows_is_what_is_near() -> None:
    steps = [(user, item, float(place), 1.0) for user in range(3) for place, item in enumerate((0, 1, 2))]
    model = fit(CoVisitation(backward=1.0, popularity=0.0), steps)
    assert model.following(np.array([1], dtype=np.int32), 2).items.tolist() == [[0, 2]]
