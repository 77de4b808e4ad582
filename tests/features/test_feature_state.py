"""What features know of the past: against slow sums on small logs; growth and round trips lose nothing."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from tests.models.small import log_of

from tacit.core.types import Float32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.users import Users
from tacit.data.vocabulary import Vocabulary
from tacit.encoders.projection import Projection
from tacit.features import feature_state
from tacit.features.feature_state import FeatureState, text_vectors, together_of
from tacit.features.statistics import ItemStatistics
from tacit.models.covisitation import CoVisitation
from tacit.models.ease import EASE
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import Recommender
from tacit.testing.generated import small_events, small_items, small_log, small_vectors


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def acquainted_log() -> tuple[Interactions, Catalogue]:
    """The generated log, with a club for each of its users."""
    events = small_events(np.random.default_rng(7))
    _, catalogue = small_log()
    ids = events["user_id"].unique().sort()
    who = pl.DataFrame({"user_id": ids, "club": ["gold", "silver"] * (len(ids) // 2)})
    return Interactions.from_frame(events, catalogue.items, Users.of(who, events["user_id"])), catalogue


def projection_of(catalogue: Catalogue) -> Projection:
    assert catalogue.vectors is not None
    return Projection(dimension=4, mode="whiten").fit(catalogue.vectors)


def state(log: Interactions, catalogue: Catalogue, *retrievers: Recommender, **more: bool) -> FeatureState:
    options = {"collaborative": True, **more}
    return FeatureState.of(log, catalogue, projection_of(catalogue), retrievers, **options)


def same(one: sparse.csr_array, other: sparse.csr_array) -> None:
    assert one.shape == other.shape
    np.testing.assert_array_equal(one.toarray(), other.toarray())


def test_every_part_is_of_the_log_the_catalogue_or_a_retriever() -> None:
    log, catalogue = acquainted_log()
    kin = ItemKNN().fit(log, catalogue, rng=rng())
    known = state(log, catalogue, kin)
    assert known.kinds == log.kinds == ("dislike", "purchase", "view")
    assert known.timed
    assert not state(replace(log, timing="order"), catalogue).timed
    assert list(known.attributes.labels) == ["group"]
    assert known.people is not None
    assert known.together is kin.weights_.matrix
    for name, array in ItemStatistics.of(log, catalogue).arrays().items():
        np.testing.assert_array_equal(known.statistics.arrays()[name], array)
    assert known.text is not None
    np.testing.assert_array_equal(known.text, projection_of(catalogue).transform(catalogue.vectors))


def test_what_is_not_there_is_none() -> None:
    log, catalogue = small_log()
    bare = Catalogue.from_frame(None, catalogue.items)
    known = FeatureState.of(log, bare, None, (), collaborative=False)
    assert (known.text, known.collaborative, known.together, known.people) == (None, None, None, None)
    assert text_vectors(catalogue, None) is None
    assert text_vectors(bare, projection_of(catalogue)) is None


def test_what_goes_together_is_what_the_first_item_knn_says() -> None:
    log, catalogue = small_log()
    first, second = (
        ItemKNN(name=name, k=k).fit(log, catalogue, rng=rng()) for name, k in (("a", 5), ("b", 9))
    )
    ease = EASE().fit(log, catalogue, rng=rng())
    assert together_of([ease, first, second]) is first.weights_.matrix
    assert together_of([ease]) is None


@pytest.mark.parametrize("factors", [32, 2])
def test_vectors_of_the_log_are_those_of_a_singular_value_decomposition(
    factors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = np.array([[1, 3, 0, 0, 0], [1, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 0], [1, 0, 0, 0, 0]])
    log, catalogue = log_of(matrix)
    repeated = log.select(np.array([0, 0, 0, *range(len(log)), len(log) - 1]))
    monkeypatch.setattr(feature_state, "_FACTORS", factors)
    found = FeatureState.of(repeated, catalogue, None, (), collaborative=True).collaborative
    assert found is not None
    # Rows divided by the root of the number of their items, columns by a power of that of their users: how
    # often or how much somebody wanted an item says nothing.
    X = (matrix > 0) / np.sqrt((matrix > 0).sum(axis=1))[:, None]
    X = X * np.maximum((matrix > 0).sum(axis=0), 1) ** -0.4
    _, values, directions = np.linalg.svd(X)
    vectors = (directions.T * values)[:, :factors]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / np.where(length > 1e-9, length, np.inf)
    np.testing.assert_allclose(found @ found.T, vectors @ vectors.T, atol=1e-5)
    assert not found[4].any()  # nobody wanted it
    assert found.dtype == np.float32


def test_what_was_refused_is_not_wanted() -> None:
    log, catalogue = log_of([[1, 1, 0], [1, 1, 1], [0, 0, 1]])
    refused = replace(log, weight=np.where(log.item == 2, -1, log.weight).astype(np.float32))
    found = FeatureState.of(refused, catalogue, None, (), collaborative=True).collaborative
    assert found is not None
    assert not found[2].any()
    assert found[0] @ found[1] == pytest.approx(1, abs=1e-5)


def test_at_most_thirty_two_dimensions() -> None:
    log, catalogue = small_log()
    factors = state(log, catalogue).collaborative
    assert factors is not None
    assert factors.shape == (90, 32)
    np.testing.assert_allclose(np.linalg.norm(factors, axis=1), 1, rtol=1e-5)
    again = state(log, catalogue).collaborative
    assert again is not None
    np.testing.assert_array_equal(again, factors)  # the same log has the same vectors


def follows(log: Interactions, catalogue: Catalogue) -> Float32:
    return FeatureState.of(log, catalogue, None, (), collaborative=False).follows.toarray()


def covisits(log: Interactions, catalogue: Catalogue) -> Float32:
    return CoVisitation().fit(log, catalogue, rng=rng()).weights_.matrix.toarray()


def test_what_follows_an_item_is_what_covisitation_counts() -> None:
    log, catalogue = small_log()
    found = follows(log, catalogue)
    np.testing.assert_array_equal(found, covisits(log, catalogue))
    assert found.dtype == np.float32
    line = Interactions.from_frame(
        small_events(rng()).head(0), Vocabulary(["a", "b", "c"]), Users.unknown(Vocabulary(["u"]))
    )
    line = replace(
        line,
        kinds=("view",),
        user=np.zeros(2, dtype=np.int32),
        item=np.array([0, 1], dtype=np.int32),
        weight=np.ones(2, dtype=np.float32),
        at=np.array([1.0, 2.0]),
        kind=np.zeros(2, dtype=np.int16),
    )
    after = follows(line, Catalogue.from_frame(None, line.items))
    assert after[0, 1] > after[1, 0] > 0  # b came after a
    assert not after[2].any()


def test_only_the_likeliest_followers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    log, catalogue = small_log()
    whole = covisits(log, catalogue)
    monkeypatch.setattr(feature_state, "_FOLLOWERS", 4)
    few = follows(log, catalogue)
    for row, kept in zip(whole, few, strict=True):
        expected = np.sort(row)[::-1][:4]
        np.testing.assert_array_equal(np.sort(kept)[::-1][:4], expected)
        assert (kept > 0).sum() == (expected > 0).sum()


def test_of_a_long_log_the_last_events_say_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    log, catalogue = small_log()
    monkeypatch.setattr(feature_state, "_EVENTS", 300)
    last = log.since(float(np.sort(log.at)[-300]))
    assert len(last) == 300
    np.testing.assert_array_equal(follows(log, catalogue), covisits(last, catalogue))


def larger(catalogue: Catalogue) -> Catalogue:
    return catalogue.extended(small_items(3, 90), small_vectors(rng(), 3, 90))


def test_a_catalogue_that_grows_adds_items_of_which_only_the_text_is_known() -> None:
    log, catalogue = acquainted_log()
    known = state(log, catalogue, ItemKNN().fit(log, catalogue, rng=rng()))
    grown = known.extended(larger(catalogue), projection_of(catalogue))
    same(grown.follows[:90][:, :90], known.follows)
    assert grown.follows.shape == (93, 93)
    assert grown.follows.nnz == known.follows.nnz
    assert grown.collaborative is not None
    np.testing.assert_array_equal(grown.collaborative[:90], known.collaborative)
    assert grown.collaborative.shape == (93, 32)
    assert not grown.collaborative[90:].any()
    assert grown.text is not None
    np.testing.assert_array_equal(grown.text[:90], known.text)
    assert grown.text.shape == (93, 4)
    assert grown.text[90:].any(axis=1).all()
    assert len(grown.statistics.popularity) == 93
    assert grown.attributes.labels["group"].shape == (93, 6)
    assert grown.people is not None
    assert grown.people.everybody.shape == (93,)
    assert (grown.kinds, grown.timed) == (known.kinds, known.timed)


def test_growth_keeps_what_is_not_there_absent() -> None:
    log, catalogue = small_log()
    known = FeatureState.of(log, catalogue, None, (), collaborative=False)
    grown = known.extended(larger(catalogue), None)
    assert (grown.text, grown.collaborative, grown.people) == (None, None, None)


@pytest.mark.parametrize("collaborative", [True, False])
@pytest.mark.parametrize("acquainted", [True, False])
def test_a_round_trip_keeps_all(collaborative: bool, acquainted: bool) -> None:
    log, catalogue = acquainted_log() if acquainted else small_log()
    retrievers = [ItemKNN().fit(log, catalogue, rng=rng())]
    known = state(log, catalogue, *retrievers, collaborative=collaborative)
    arrays = {name: np.array(array) for name, array in known.arrays().items()}
    again = FeatureState.restore(
        arrays,
        catalogue,
        projection_of(catalogue),
        retrievers,
        kinds=known.kinds,
        timed=known.timed,
        people=known.people.spec() if known.people else None,
    )
    assert again.arrays().keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again.arrays()[name], array)
    assert (again.kinds, again.timed) == (known.kinds, known.timed)
    assert ("collaborative" in arrays) == (again.collaborative is not None) == collaborative
    assert (again.people is not None) == acquainted
    assert again.text is not None
    np.testing.assert_array_equal(again.text, known.text)
    assert again.together is retrievers[0].weights_.matrix
    same(again.follows, known.follows)


def test_vectors_of_the_log_do_not_depend_on_how_many_have_no_events() -> None:
    log, catalogue = small_log()
    dense = feature_state._factors(log, len(catalogue))
    many = Vocabulary([*log.users.ids.to_list(), *(f"nobody{n}" for n in range(5 * log.n_users))])
    wide = feature_state._factors(replace(log, users=many), 9 * len(catalogue))
    assert wide.shape == (9 * len(catalogue), dense.shape[1])
    assert not wide[len(catalogue) :].any()
    cosines, expected = (one[: len(catalogue)] @ one[: len(catalogue)].T for one in (wide, dense))
    np.testing.assert_allclose(cosines, expected, atol=1e-4)
