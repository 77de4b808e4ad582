from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.small import fitted

from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.data.users import Users
from tacit.data.vocabulary import Vocabulary
from tacit.models import sessionknn
from tacit.models.sessionknn import SessionKNN
from tacit.testing.conformance import Conformance

HOUR = 3_600.0
N_ITEMS = 7
USERS, ITEMS = (Vocabulary([f"{kind}{n:02d}" for n in range(N_ITEMS)]) for kind in "ui")
CATALOGUE = Catalogue.from_frame(None, ITEMS)

Row = tuple[int, int, float, float]


class TestSessionKNN(Conformance):
    minimum_ndcg = 0.42

    def make(self) -> SessionKNN:
        return SessionKNN()


class TestCut(Conformance):
    minimum_ndcg = 0.28

    def make(self) -> SessionKNN:
        return SessionKNN(
            k=20, recent=30, last=3, decay=0.7, focus=2.0, rarity=1.0, evenness=0.0, gap=48.0, length=5
        )


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


def fit(model: SessionKNN, rows: Sequence[Row]) -> SessionKNN:
    return model.fit(log(rows), CATALOGUE, rng=np.random.default_rng(0))


def cut(model: SessionKNN) -> list[list[int]]:
    return [part.tolist() for part in np.split(model.sessions_.item, model.sessions_.offsets[1:-1])]


def naive(model: SessionKNN, rows: Sequence[Row], history: Sequence[int]) -> list[float]:
    """VMIS-kNN in loops, over whole users as sessions."""
    sessions: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row[2]):
        if row[3] > 0:
            sessions.setdefault(row[0], []).append(row)
    newest = sorted(sessions, key=lambda user: (sessions[user][-1][2], user), reverse=True)
    held = {
        user: {row[1]: max(r[3] for r in sessions[user] if r[1] == row[1]) for row in sessions[user]}
        for user in newest
    }
    likeness: dict[int, float] = {}
    shared: dict[int, int] = {}
    for position, item in enumerate(reversed(history)):
        if position < model.last:
            for user in [user for user in newest if item in held[user]][: model.recent]:
                likeness[user] = likeness.get(user, 0.0) + model.decay**position
                shared.setdefault(user, position)
    for user in likeness:
        likeness[user] *= model.decay ** (model.focus * shared[user]) / len(held[user]) ** model.evenness
    best = sorted(likeness, key=lambda user: (-round(likeness[user], 9), newest.index(user)))[: model.k]
    scores = [-np.inf] * N_ITEMS
    for item in range(N_ITEMS):
        holders = [user for user in newest if item in held[user]]
        rarity = np.log1p(len(sessions) / max(len(holders), 1)) ** model.rarity
        found = [likeness[user] * held[user][item] for user in best if item in held[user]]
        if found:
            scores[item] = sum(found) * rarity
    return scores


hours = st.lists(st.integers(1, 500), min_size=1, max_size=30, unique=True).map(sorted)


@st.composite
def events(draw: st.DrawFn) -> list[Row]:
    code, weight = st.integers(0, N_ITEMS - 1), st.sampled_from([-1.0, 1.0, 3.0])
    return [(draw(code), draw(code), float(hour), draw(weight)) for hour in draw(hours)]


@given(events(), st.lists(st.integers(0, N_ITEMS - 1), max_size=6), st.integers(1, 4), st.integers(1, 4))
def test_scores_are_those_of_the_paper_in_loops(
    rows: list[Row], history: list[int], k: int, recent: int
) -> None:
    model = fit(SessionKNN(k=k, recent=recent, last=4, decay=0.7, focus=1.5, rarity=1.0, evenness=0.5), rows)
    scores = model.score(Queries.of([history]))[0]
    np.testing.assert_allclose(scores, naive(model, rows, history), rtol=1e-5)


@given(events(), st.integers(0, 500), st.sampled_from([5.0, 60.0, np.inf]), st.integers(1, 4))
def test_an_update_is_a_refit_down_to_the_sessions(
    rows: list[Row], moment: int, gap: float, length: int
) -> None:
    earlier, later = ([row for row in rows if (row[2] >= moment) == late] for late in (False, True))
    old = fit(SessionKNN(gap=gap, length=length), earlier)
    kept = cut(old)
    whole = fit(SessionKNN(gap=gap, length=length), rows)
    newer = old.updated(Later(log(later), log(earlier)))
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(newer.arrays()[name], array)
    assert cut(old) == kept


def test_a_session_ends_after_a_pause_and_when_it_is_full() -> None:
    rows = [(0, n, float(hour), 1.0) for n, hour in enumerate([0, 1, 2, 9, 10])]
    assert cut(fit(SessionKNN(gap=5.0, length=2), rows)) == [[0, 1], [2], [3, 4]]
    assert cut(fit(SessionKNN(gap=7.0, length=3), rows)) == [[0, 1, 2], [3, 4]]
    assert cut(fit(SessionKNN(length=50), rows)) == [[0, 1, 2, 3, 4]]


def test_an_event_just_added_is_recommended_from() -> None:
    model = fit(SessionKNN(), [(0, 0, 1.0, 1.0), (0, 1, 2.0, 1.0)])
    assert np.isneginf(model.score(Queries.of([[2]]))).all()
    scores = model.updated(Later(log([(1, 2, 3.0, 1.0), (1, 5, 3.5, 1.0)]), log([]))).score(
        Queries.of([[2]])
    )[0]
    assert np.flatnonzero(np.isfinite(scores)).tolist() == [2, 5]


def test_of_equal_neighbours_the_most_recent_are_taken() -> None:
    rows = [(user, item, user * 10.0 + item, 1.0) for user in range(3) for item in (0, user + 1)]
    scores = fit(SessionKNN(k=1), rows).score(Queries.of([[0]]))[0]
    assert np.flatnonzero(np.isfinite(scores)).tolist() == [0, 3]


def test_a_user_is_no_neighbour_of_their_own() -> None:
    rows = [(0, 0, 1.0, 1.0), (0, 1, 2.0, 1.0), (1, 0, 3.0, 1.0), (1, 2, 4.0, 1.0)]
    model = fit(SessionKNN(), rows)
    mine = model.score(log(rows).queries([0]))[0]
    assert np.flatnonzero(np.isfinite(mine)).tolist() == [0, 2]


def test_many_histories_are_scored_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(SessionKNN(), np.random.default_rng(2).random((40, 12)) < 0.3)
    queries = Queries.of([[n % 12, (n * 5) % 12] for n in range(30)])
    whole = model.score(queries)
    monkeypatch.setattr(sessionknn, "_AT_ONCE", 7)
    np.testing.assert_array_equal(model.score(queries), whole)


def test_a_log_of_noes_only_teaches_nothing() -> None:
    model = fitted(SessionKNN(), -np.ones((3, 4)))
    assert np.isneginf(model.score(Queries.of([[0], []]))).all()


@given(events(), st.integers(1, 9))
def test_rows_of_sessions_made_in_parts_are_the_same(rows: list[Row], at_once: int) -> None:
    whole = fit(SessionKNN(gap=2.0, length=3), rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessionknn, "_EVENTS", at_once)
        parts = fit(SessionKNN(gap=2.0, length=3), rows)
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(parts.held_, name), getattr(whole.held_, name))
        np.testing.assert_array_equal(getattr(parts.holders_, name), getattr(whole.holders_, name))
