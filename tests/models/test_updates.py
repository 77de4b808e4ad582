"""A model that is brought up to date knows what a fit on all events knows."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.core.types import DAY
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.data.users import Users
from tacit.data.vocabulary import Vocabulary
from tacit.features.statistics import ItemStatistics
from tacit.models.covisitation import CoVisitation
from tacit.models.forecast import Forecast
from tacit.models.rolling import last_state
from tacit.models.sessionknn import SessionKNN
from tacit.models.trending import Trending
from tacit.models.userknn import UserKNN

N = 6
USERS, ITEMS = (Vocabulary([f"{kind}{n}" for n in range(N)]) for kind in "ui")
CATALOGUE = Catalogue.from_frame(None, ITEMS)
HOUR = 3_600.0
KINDS = ("buy", "hide", "see")
WEIGHTS = {"buy": 1.0, "hide": -0.5, "see": 0.0}
Row = tuple[int, int, int, str]


def log(rows: Sequence[Row], timed: bool = True) -> Interactions:
    """Rows of user, item, time in hours and event."""
    frame = pl.DataFrame(
        {
            "user_id": [f"u{row[0]}" for row in rows],
            "item_id": [f"i{row[1]}" for row in rows],
            "event": [row[3] for row in rows],
            "timestamp": pl.Series([row[2] * HOUR if timed else None for row in rows], dtype=pl.Float64),
            "seq": pl.Series([None if timed else row[2] for row in rows], dtype=pl.Int64),
            "weight": np.array([WEIGHTS[row[3]] for row in rows], dtype=np.float32),
        },
        schema_overrides={"user_id": pl.String, "item_id": pl.String, "event": pl.String},
    )
    found = Interactions.from_frame(frame, ITEMS, Users.unknown(USERS))
    places = np.array([KINDS.index(kind) for kind in found.kinds], dtype=np.int16)
    kind = places[found.kind] if len(found) else found.kind
    return replace(found, kinds=KINDS, kind=kind, timing="time" if timed else "order")


def people(rows: Sequence[Row]) -> Interactions:
    """The same of any number of users."""
    found = log([(0, *row[1:]) for row in rows])
    return replace(found, user=np.array([row[0] for row in rows], dtype=np.int32))


@st.composite
def split(draw: st.DrawFn) -> tuple[list[Row], list[int]]:
    """A log in the order of time, and where it is cut: the first part is fitted, the others come later."""
    hours = draw(st.lists(st.integers(0, 3_000), min_size=4, max_size=40).map(sorted))
    code, kind = st.integers(0, N - 1), st.sampled_from(["buy", "buy", "buy", "hide", "see"])
    rows = [(draw(code), draw(code), hour, draw(kind)) for hour in hours]
    first = draw(st.integers(1, len(rows) - 1))
    return rows, [0, first, draw(st.integers(first, len(rows))), len(rows)]


def updated(fitted: Any, rows: Sequence[Row], cuts: Sequence[int], timed: bool = True) -> Any:
    """Bring a model that was fitted on the first part up to date, part by part."""
    for start, stop in pairwise(cuts[1:]):
        fitted = fitted.updated(Later(log(rows[start:stop], timed), log(rows[:start], timed)))
    return fitted


def fit(model: Any, rows: Sequence[Row], timed: bool = True) -> Any:
    return model.fit(log(rows, timed), CATALOGUE, rng=np.random.default_rng(0))


MODELS = {
    "popular": lambda: Trending(half_life=np.inf),
    "trending": lambda: Trending(half_life=3.0),
    "userknn": lambda: UserKNN(k=3, half_life=np.inf),
    "fading neighbours": lambda: UserKNN(k=3, half_life=5.0),
    "sessionknn": lambda: SessionKNN(gap=30.0, length=3),
    "covisitation": lambda: CoVisitation(half_life=9.0),
}
QUERIES = Queries.of([[], [0], [1, 2], [5, 3, 0]])


@pytest.mark.promise("P25")
@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=25)
@given(split(), st.booleans())
def test_an_update_is_a_refit(name: str, parts: tuple[list[Row], list[int]], timed: bool) -> None:
    rows, cuts = parts
    newer = updated(fit(MODELS[name](), rows[: cuts[1]], timed), rows, cuts, timed)
    whole = fit(MODELS[name](), rows, timed)
    np.testing.assert_allclose(newer.score(QUERIES), whole.score(QUERIES), rtol=2e-5, atol=1e-12)


@settings(max_examples=25)
@given(split())
def test_a_forecast_goes_on_with_its_weights(parts: tuple[list[Row], list[int]]) -> None:
    """The counts are those of the whole log by the half-lives of the fit, and so is the forecast."""
    rows, cuts = parts
    fitted = fit(Forecast(), rows[: cuts[1]])
    newer = updated(fitted, rows, cuts)
    if not len(fitted.weights_) or newer is fitted:
        assert newer is fitted
        return
    state = last_state(log(rows), fitted._halves)
    assert newer.state_.moment == state.moment
    np.testing.assert_array_equal(newer.items_, state.known)
    known = state.take(newer.items_)
    np.testing.assert_allclose(newer.state_.counts, known.counts, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(newer.state_.first, known.first)
    np.testing.assert_array_equal(newer.state_.last, known.last)


@settings(max_examples=25)
@given(split(), st.booleans())
def test_statistics_of_items_are_those_of_all_events(parts: tuple[list[Row], list[int]], timed: bool) -> None:
    rows, cuts = parts
    fitted = ItemStatistics.of(log(rows[: cuts[1]], timed), CATALOGUE)
    newer = updated(fitted, rows, cuts, timed)
    whole = ItemStatistics.of(log(rows, timed), CATALOGUE)
    for name in ("liked", "kinds", "lift", "tallies", "first_at", "last_at", "born_at"):
        np.testing.assert_array_equal(getattr(newer, name), getattr(whole, name), name)
    if newer.span == whole.span or not timed:
        np.testing.assert_allclose(newer.popularity, whole.popularity, rtol=1e-5, atol=1e-6)


def test_a_saved_model_is_brought_up_to_date_like_the_one_that_was_fitted() -> None:
    rows = [(n % 5, n % 4, n * 7, "buy") for n in range(40)]
    for make in (Forecast, Trending, UserKNN, SessionKNN):
        fitted = fit(make(), rows[:30])
        again = type(fitted).restore(fitted.spec(), fitted.arrays(), CATALOGUE)
        first, second = (updated(one, rows, [0, 30, 40]).score(QUERIES) for one in (fitted, again))
        np.testing.assert_allclose(first, second, rtol=1e-6)


def test_a_new_user_and_a_new_item_are_learned() -> None:
    rows = [(n % 5, n % 4, n * 7, "buy") for n in range(40)]
    larger = Catalogue.from_frame(None, Vocabulary([*ITEMS.ids, "new"]))
    new = log([(0, 0, 300, "buy")])
    for make in (Forecast, Trending, UserKNN, SessionKNN, CoVisitation):
        model = fit(make(), rows).extended(larger)
        codes = np.array([N + 3, N + 3], dtype=np.int32)
        events = replace(
            new,
            items=larger.items,
            user=codes,
            item=np.array([0, N], dtype=np.int32),
            **{name: np.repeat(getattr(new, name), 2) for name in ("weight", "at", "kind")},
        )
        newer = model.updated(Later(events, log([])))
        assert np.isfinite(newer.score(Queries.of([[0]]))[0, N])
        assert not np.isfinite(model.score(Queries.of([[0]]))[0, N])


def test_one_event_after_a_silence_is_not_all_that_anybody_wants() -> None:
    """In the finest half-lives nothing else is left; what a fit takes for much there, one event is not."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        # What is wanted changes every four days, so that the last hours count much.
        days = rng.integers(4, size=40)
        liked = [int(days[n // 100]) if rng.random() < 0.8 else int(rng.integers(5)) for n in range(4_000)]
        rows = [(n, item, n, "buy") for n, item in enumerate(liked)]
        model = Forecast(horizon=0.02).fit(people(rows), CATALOGUE, rng=np.random.default_rng(0))
        model.weights_[-2:] = 0  # of the counts alone, not of how long ago an item was chosen
        at_once, later = (
            model.updated(Later(people([(9_000, 4, hour, "buy")]), people([]))).log_share_[4]
            for hour in (4_001, 4_200)
        )
        assert later == pytest.approx(at_once, abs=0.4)


def test_updates_do_not_grow_the_neighbours_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tacit.models.sessionknn._ROOM", 60)
    monkeypatch.setattr("tacit.models.userknn._ROOM", 60)
    monkeypatch.setattr("tacit.models.covisitation._ROOM", 60)
    rows = [(n % 5, n % 4, n, "buy") for n in range(20)]
    models = [fit(make(), rows) for make in (SessionKNN, UserKNN, CoVisitation)]
    for day in range(20):
        events = log([(n % 5, n % 6, 100 + day * 24 + n, "buy") for n in range(10)])
        new = replace(events, user=events.user + N * (day + 1))
        models = [model.updated(Later(new, log([]))) for model in models]
    sessions, users, visits = models
    assert len(sessions.sessions_.item) <= 60
    assert sessions.sessions_.at.max() == 100 * HOUR + 19 * DAY + 9 * HOUR
    assert users.wanted_.nnz <= 70
    assert len(visits.tails_.user) <= 60
