"""Cross features: exact small cases, no look-ahead, batches agree with single queries."""

from dataclasses import replace

import numpy as np
import pytest

from tacit.core.errors import ConfigError
from tacit.core.types import Float32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.encoders.projection import Projection
from tacit.features.candidates import Candidates
from tacit.features.families import FAMILIES, USUAL
from tacit.features.maker import FeatureMaker
from tacit.models.itemknn import ItemKNN

DAY = 86_400.0
ITEMS = Vocabulary(["a", "b", "c", "d"])


def log(item: list[int], day: list[float], timing: str = "time") -> Interactions:
    n = len(item)
    return Interactions(
        users=Vocabulary(["u"]),
        items=ITEMS,
        kinds=("view",),
        user=np.zeros(n, dtype=np.int32),
        item=np.array(item, dtype=np.int32),
        weight=np.ones(n, dtype=np.float32),
        at=np.array(day) * DAY,
        kind=np.zeros(n, dtype=np.int16),
        timing=timing,  # type: ignore[arg-type]
    )


def catalogue() -> Catalogue:
    vectors = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], dtype=np.float32)
    return replace(Catalogue.from_frame(None, ITEMS), vectors=vectors)


def maker(interactions: Interactions, families: tuple[str, ...] = tuple(FAMILIES)) -> FeatureMaker:
    shelf = catalogue()
    assert shelf.vectors is not None
    projection = Projection(mode="centre").fit(shelf.vectors)
    kin = ItemKNN(shrinkage=0.0).fit(interactions, shelf, rng=np.random.default_rng(0))
    return FeatureMaker(projection=projection, families=families).fit(interactions, shelf, [kin])


def candidates() -> Candidates:
    scores = np.array([[[3, -np.inf], [1, 5], [-np.inf, -np.inf]], [[2, 2], [2, 1], [2, 0]]])
    items = np.array([[1, 2, -1], [0, 1, 3]], dtype=np.int32)
    return Candidates(items, scores.astype(np.float32), np.array([2, 3]), np.zeros(2), ("kin", "trend"))


def column(built: FeatureMaker, queries: Queries, name: str) -> Float32:
    names = [column.name for column in built.columns(candidates().retrievers)]
    return built.transform(queries, candidates())[:, names.index(name)]


TRAIN = log([0, 0, 1, 2], [0, 10, 50, 100])
QUERIES = Queries.of([[0, 1], []], times=[[10 * DAY, 50 * DAY], []], now=100 * DAY)


def test_one_row_a_real_pair_and_one_name_a_column() -> None:
    built = maker(TRAIN)
    features = built.transform(QUERIES, candidates())
    columns = built.columns(("kin", "trend"))
    assert features.shape == (5, len(columns))
    assert len({column.name for column in columns}) == len(columns)
    assert {column.family for column in columns} <= set(FAMILIES)
    assert features.dtype == np.float32
    assert not np.isinf(features).any()


def test_scores_are_standardised_within_the_list() -> None:
    assert column(maker(TRAIN), QUERIES, "kin_score").tolist() == pytest.approx([1, -1, 0, 0, 0])


def test_ranks_of_ties_follow_the_order_of_the_list() -> None:
    expected = [1, 10 / 11, 1, 10 / 11, 10 / 12]
    assert column(maker(TRAIN), QUERIES, "kin_rank").tolist() == pytest.approx(expected)


def test_a_missing_score_has_a_column() -> None:
    assert column(maker(TRAIN), QUERIES, "trend_scored").tolist() == [0, 1, 1, 1, 1]
    assert column(maker(TRAIN), QUERIES, "trend_rank")[0] == 0


def test_cosine_with_the_last_event() -> None:
    # The last event is item b = (0, 1); the candidates are b and c = (-1, 0); then a user without history.
    assert column(maker(TRAIN), QUERIES, "text_cosine_last").tolist() == pytest.approx([1, 0, 0, 0, 0])


def test_popularity_of_all_time_is_the_log_of_the_count() -> None:
    expected = np.log1p([1, 1, 2, 1, 0])
    assert column(maker(TRAIN), QUERIES, "popularity_all").tolist() == pytest.approx(expected.tolist())


def test_an_item_without_events_is_unseen_and_its_age_unknown() -> None:
    assert column(maker(TRAIN), QUERIES, "unseen").tolist() == [0, 0, 0, 0, 1]
    assert np.isnan(column(maker(TRAIN), QUERIES, "age")[4])


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ConfigError, match="no feature family 'nonsense'; known: retrieval"):
        FeatureMaker(projection=None, families=("nonsense",))


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.needs == "text"])
def test_without_vectors_of_text_their_families_give_nothing(family: str) -> None:
    built = FeatureMaker(projection=None, families=(family, "history")).fit(TRAIN, catalogue())
    assert [column.family for column in built.columns(("kin",))] == ["history"] * 2
    assert built.transform(QUERIES, candidates()).shape == (5, 2)


def test_raw_vectors_are_only_for_those_who_ask() -> None:
    assert not {"text-vectors", "collaborative-vectors", "sequence"} & set(USUAL)


def test_the_share_that_was_liked_is_drawn_to_that_of_all() -> None:
    mixed = replace(TRAIN, weight=np.array([1, -1, 1, 1], dtype=np.float32))
    reported = column(maker(mixed), QUERIES, "liked")
    # Item b: 1 of 1 and ten events of the whole log beside it, of which 3 in 4 were liked; item d: no event.
    assert reported[0] == pytest.approx((1 + 7.5) / 11)
    assert np.isnan(reported[4])


def test_how_often_an_item_was_shown_unchosen_and_how_often_showing_leads_to_an_act() -> None:
    # Of a two showings were acted on, of b none of one, of c one of one: three of four in all.
    seen = replace(TRAIN, weight=np.array([1, 1, 0, 1], dtype=np.float32))
    queries = Queries.of([[1, 1, 2, 0, 2], [3, 2]], weights=[[0, 0, 0, 0, 1], [0, 1]])
    lift = np.log([7.5 / 11 / 0.75, 8.5 / 11 / 0.75, 9.5 / 12 / 0.75, 7.5 / 11 / 0.75]).tolist()
    reported = column(maker(seen), queries, "click_through")
    assert reported[:4].tolist() == pytest.approx(lift)
    assert np.isnan(reported[4])  # item d has no event
    # Pairs: b, c for the first and a, b, d for the second. What was acted on in the end is not in vain.
    assert column(maker(seen), queries, "shown").tolist() == [1, 0, 0, 0, 1]
    times = np.log1p([2, 0, 0, 0, 1]).tolist()
    assert column(maker(seen), queries, "shown_times").tolist() == pytest.approx(times)
    assert column(maker(seen), queries, "history_length").tolist() == pytest.approx(
        np.log1p([1] * 5).tolist()
    )


def test_a_log_of_acts_alone_knows_no_exposure() -> None:
    assert not maker(TRAIN, ("exposure",)).columns(("kin", "trend"))


def test_history_length_and_nothing_known_of_a_stranger() -> None:
    expected = np.log1p([2, 2, 0, 0, 0]).tolist()
    assert column(maker(TRAIN), QUERIES, "history_length").tolist() == pytest.approx(expected)
    assert np.isnan(column(maker(TRAIN), QUERIES, "history_idle")[2:]).all()


def test_no_feature_changes_when_events_after_the_cut_change() -> None:
    cut = 100.5 * DAY
    quiet = log([0, 0, 1, 2, 3], [0, 10, 50, 100, 101])
    loud = log([0, 0, 1, 2, 3, 3, 1, 1], [0, 10, 50, 100, 101, 102, 103, 200])
    first = maker(quiet.before(cut)).transform(QUERIES, candidates())
    second = maker(loud.before(cut)).transform(QUERIES, candidates())
    np.testing.assert_array_equal(first, second)
    # The trap works: features that did see the later events differ.
    seen = maker(loud).transform(QUERIES, candidates())
    assert not np.array_equal(first, seen, equal_nan=True)


def test_a_query_alone_agrees_with_the_batch() -> None:
    built = maker(TRAIN)
    whole = built.transform(QUERIES, candidates())
    parts = [
        built.transform(
            QUERIES.slice(q, q + 1),
            replace(candidates(), items=candidates().items[q : q + 1], scores=candidates().scores[q : q + 1]),
        )
        for q in range(2)
    ]
    np.testing.assert_allclose(whole, np.concatenate(parts), atol=1e-6)


def test_a_log_without_times_gives_constants() -> None:
    built = maker(log([0, 1], [0, 0], timing="none"))
    assert np.isnan(column(built, QUERIES, "age")).all()
    assert set(column(built, QUERIES, "rising").tolist()) == {0}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_alone(family: str) -> None:
    built = maker(TRAIN, (family,))
    columns = built.columns(("kin", "trend"))
    features = built.transform(QUERIES, candidates())
    assert features.shape == (5, len(columns))
    assert {column.family for column in columns} <= {family}
    whole, all_columns = maker(TRAIN), maker(TRAIN).columns(("kin", "trend"))
    places = [all_columns.index(column) for column in columns]
    np.testing.assert_array_equal(features, whole.transform(QUERIES, candidates())[:, places])
    # What describes one side alone is the same for every pair of that user, or of that item.
    row, item = np.array([0, 0, 1, 1, 1]), np.array([1, 2, 0, 1, 3])
    for place, column in enumerate(columns):
        side = {"user": row, "item": item, "pair": np.arange(5)}[column.side]
        for one in np.unique(side):
            assert len(np.unique(features[side == one, place])) == 1, column


def test_restored_equals_stored() -> None:
    built = maker(TRAIN)
    kin = ItemKNN(shrinkage=0.0).fit(TRAIN, catalogue(), rng=np.random.default_rng(0))
    again = FeatureMaker.restore(built.spec(), built.arrays(), catalogue(), [kin])
    np.testing.assert_array_equal(
        built.transform(QUERIES, candidates()), again.transform(QUERIES, candidates())
    )


def test_a_grown_catalogue_leaves_old_items_alone() -> None:
    built = maker(TRAIN)
    larger = Vocabulary([*ITEMS.ids.to_list(), "e"])
    grown = replace(
        Catalogue.from_frame(None, larger),
        vectors=np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [1, 0]]).astype(np.float32),
    )
    np.testing.assert_allclose(
        built.transform(QUERIES, candidates()),
        built.extended(grown).transform(QUERIES, candidates()),
        atol=1e-6,
    )
