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
from tacit.models import csr
from tacit.models.sharing import sharing
from tacit.models.userknn import UserKNN
from tacit.testing.conformance import Conformance
from tacit.testing.generated import small_log

X = [[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]


class TestUserKNN(Conformance):
    minimum_ndcg = 0.1
    updates_are_refits = False

    def make(self) -> UserKNN:
        return UserKNN(k=30)


class TestTFIDF(Conformance):
    minimum_ndcg = 0.1
    updates_are_refits = False

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


def test_of_very_many_users_some_are_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    log, catalogue = small_log()
    users = np.bincount(csr.summed(log, np.inf).indices, minlength=log.n_items)
    met = (users.astype(float) ** 2).sum() / users.sum()
    whole = UserKNN().fit(log, catalogue, rng=np.random.default_rng(0))
    monkeypatch.setattr("tacit.models.userknn._MET", met / 3)
    few = UserKNN().fit(log, catalogue, rng=np.random.default_rng(0))
    kept = np.flatnonzero(np.diff(few.wanted_.indptr))
    assert len(kept) == pytest.approx(log.n_users / 3, abs=1)
    assert np.diff(kept).max() <= 4  # evenly spread
    # They are compared, and their items counted, as before.
    np.testing.assert_array_equal(few.wanted_.toarray()[kept], whole.wanted_.toarray()[kept])
    np.testing.assert_array_equal(few.unit_.toarray()[:, kept], whole.unit_.toarray()[:, kept])
    assert few.unit_.nnz == few.wanted_.nnz


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
