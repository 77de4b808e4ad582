from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.models.small import fitted

from tacit.core.errors import ConfigError
from tacit.core.types import DAY
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.models.sharing import sharing
from tacit.models.userknn import UserKNN
from tacit.testing.conformance import Conformance
from tacit.testing.generated import small_log

X = [[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]


class TestUserKNN(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> UserKNN:
        return UserKNN(k=30)


class TestTFIDF(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> UserKNN:
        return UserKNN(weighting="tfidf", half_life=float("inf"), name="userknn-tfidf")


def test_neighbours_speak_by_their_cosine() -> None:
    scores = fitted(UserKNN(decay=1.0), X).score(Queries.of([[0], [0, 1], [3]]))
    one = np.sqrt(1 / 2)  # (1, 0) against (1, 1)
    np.testing.assert_allclose(scores[0], [2 * one, one, one, -np.inf], rtol=1e-6)
    np.testing.assert_allclose(scores[1], [1.5, 1, 0.5, -np.inf], rtol=1e-6)
    assert scores[2].tolist() == [-np.inf] * 3 + [1]


def test_only_the_k_nearest_speak() -> None:
    scores = fitted(UserKNN(k=1, decay=1.0), X).score(Queries.of([[0, 2]]))
    assert scores[0].tolist() == pytest.approx([1, -np.inf, 1, -np.inf])


def test_earlier_events_say_less_about_likeness() -> None:
    scores = fitted(UserKNN(decay=0.5), X).score(Queries.of([[1, 0, 2]]))[0]
    length = np.sqrt(0.25**2 + 0.5**2 + 1)
    near, far = (0.5 + 1) / length / np.sqrt(2), (0.25 + 0.5) / length / np.sqrt(2)
    np.testing.assert_allclose(scores[:3], [near + far, far, near], rtol=1e-6)


def test_rare_items_say_more_with_tfidf() -> None:
    rows = [[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 0, 0, 1, 0], [1, 0, 0, 0, 1]]
    alike = fitted(UserKNN(weighting="tfidf", decay=1.0), rows).score(Queries.of([[0, 1]]))[0]
    plain = fitted(UserKNN(weighting="cosine", decay=1.0), rows).score(Queries.of([[0, 1]]))[0]
    common, rare = np.log1p(4 / 5), np.log1p(4 / 2)
    assert plain[1] / plain[2] == pytest.approx(2)
    assert alike[1] / alike[2] == pytest.approx((common**2 + rare**2) / common**2)


def test_a_user_is_not_their_own_neighbour() -> None:
    model = fitted(UserKNN(decay=1.0), X)
    query = Queries.of([[0, 1]])
    known = replace(query, user=np.array([0], dtype=np.int32))
    assert model.score(query)[0, 1] == pytest.approx(1)
    assert model.score(known)[0].tolist() == pytest.approx([0.5, -np.inf, 0.5, -np.inf])


def test_what_a_neighbour_wanted_fades_with_its_age() -> None:
    items = Vocabulary(["a", "b", "c"])
    frame = pl.DataFrame(
        {
            "user_id": ["u", "u", "u"],
            "item_id": ["a", "b", "c"],
            "event": ["view"] * 3,
            "timestamp": [4 * DAY, 2 * DAY, 0.0],
            "seq": pl.Series([None] * 3, dtype=pl.Int64),
            "weight": [1.0, 1.0, 1.0],
        }
    )
    model = UserKNN(half_life=2.0, decay=1.0).fit(
        Interactions.from_frame(frame, items),
        Catalogue.from_frame(None, items),
        rng=np.random.default_rng(0),
    )
    scores = model.score(Queries.of([[0]]))[0] * np.sqrt(3)
    np.testing.assert_allclose(scores, [1, 0.5, 0.25], rtol=1e-6)  # likeness itself does not fade


def test_an_unknown_weighting_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"weighting is 'bm25', .*'cosine' or 'tfidf'"):
        UserKNN(weighting="bm25")  # type: ignore[arg-type]


def test_of_an_item_that_many_wanted_the_most_recent_users_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Users 0 to 3 wanted item 0, the last event of each at 9, 2, 7 and 8 days; item 1 + u is that of user u.
    frame = pl.DataFrame(
        {
            "user_id": ["u0", "u0", "u1", "u2", "u3", "u1", "u2", "u3"],
            "item_id": ["i0", "i1", "i0", "i0", "i0", "i2", "i3", "i4"],
            "event": ["view"] * 8,
            "timestamp": [0.0, 9 * DAY, 1 * DAY, 5 * DAY, 6 * DAY, 2 * DAY, 7 * DAY, 8 * DAY],
            "seq": pl.Series([None] * 8, dtype=pl.Int64),
        }
    )
    items = Vocabulary([f"i{n}" for n in range(5)])
    log, catalogue = Interactions.from_frame(frame, items), Catalogue.from_frame(None, items)

    def named() -> list[int]:
        model = UserKNN(half_life=np.inf).fit(log, catalogue, rng=np.random.default_rng(0))
        return np.flatnonzero(np.isfinite(model.score(Queries.of([[0]]))[0])).tolist()

    assert named() == [0, 1, 2, 3, 4]
    monkeypatch.setattr("tacit.models.userknn._HOLDERS", 2)
    assert named() == [0, 1, 4]


def test_models_of_one_log_share_what_histories_are_compared_with() -> None:
    log, catalogue = small_log()
    alone = UserKNN().fit(log, catalogue, rng=np.random.default_rng(0))
    with sharing(log):
        one, other, third = (
            model.fit(log, catalogue, rng=np.random.default_rng(0))
            for model in (UserKNN(), UserKNN(half_life=np.inf), UserKNN(weighting="tfidf"))
        )
    assert one.unit_ is other.unit_
    assert one.unit_ is not third.unit_
    assert one.digest_ == alone.digest_ != third.digest_
    np.testing.assert_array_equal(one.wanted_.data, alone.wanted_.data)
