"""The two-stage recommender on the generated log: the same lists whatever way they are asked for."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from tacit.core.types import Float32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.features.candidates import Candidates
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage
from tacit.testing.generated import small_items, small_log, small_vectors

RANKER = {"name": "mlp", "hidden": [16], "epochs": 3, "learning_rate": 0.01, "batch_size": 256}
CONFIG = Config(candidates=30, windows=2, ranker=RANKER)


def fit(config: Config = CONFIG, seed: int = 7) -> TwoStage:
    return TwoStage(config).fit(*small_log(), rng=np.random.default_rng(seed))


@cache
def fitted() -> TwoStage:
    """With a ranker that is trusted half, whatever the small log says of it: all parts take part."""
    model = fit()
    model.second_ = replace(model.second_, ranker_weight=0.5)
    return model


def everybody(**options: bool) -> Queries:
    return small_log()[0].queries(**options)


def assert_same(first: Ranking, second: Ranking) -> None:
    np.testing.assert_array_equal(first.items, second.items)
    np.testing.assert_array_equal(first.scores, second.scores)


def assert_alike(first: Ranking, second: Ranking) -> None:
    """The same lists; scores may differ by the order in which a larger matrix product adds up."""
    np.testing.assert_array_equal(first.items, second.items)
    np.testing.assert_allclose(first.scores, second.scores, rtol=1e-5, atol=1e-6)


def restored(model: TwoStage, catalogue: Catalogue) -> TwoStage:
    spec = json.loads(json.dumps(model.spec(), allow_nan=False))
    arrays = {name: np.array(array) for name, array in model.arrays().items()}
    assert all(array.dtype != object for array in arrays.values())
    return TwoStage.restore(spec, arrays, catalogue, config=model.config)


def larger(*, available: bool = True) -> Catalogue:
    """The catalogue and two new items of group 2, with vectors like the others of it."""
    _, catalogue = small_log()
    frame = small_items(90 + 12).tail(12).filter(pl.col("group") == "g2")
    vectors = small_vectors(np.random.default_rng(5), 12, 90)[2::6]
    return catalogue.extended(frame.with_columns(available=pl.lit(available)), vectors)


NEW = [90, 91]


def test_a_round_trip_gives_the_same_lists() -> None:
    again = restored(fitted(), small_log()[1])
    assert_same(again.recommend(everybody(), 12), fitted().recommend(everybody(), 12))
    assert again.spec() == fitted().spec()
    assert again.arrays().keys() == fitted().arrays().keys()
    assert again.similar(np.array([3], dtype=np.int32), 5).items.tolist() == (
        fitted().similar(np.array([3], dtype=np.int32), 5).items.tolist()
    )


def test_a_round_trip_may_be_followed_by_growth() -> None:
    catalogue = larger()
    again = restored(fitted(), small_log()[1]).extended(catalogue)
    expected = fitted().extended(catalogue).recommend(everybody(), 12)
    assert_same(again.recommend(everybody(), 12), expected)
    assert_same(restored(again, catalogue).recommend(everybody(), 12), expected)


def test_the_same_seed_and_data_give_the_same_model() -> None:
    first, second = fit(), fit()
    assert first.spec() == second.spec()
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, second.arrays()[name])
    assert_same(first.recommend(everybody(), 10), second.recommend(everybody(), 10))


def test_one_query_and_a_thousand_agree() -> None:
    queries = everybody()
    rows = np.arange(1_000, dtype=np.int64) % len(queries)
    many = fitted().recommend(queries.take(rows), 10)
    for row in (0, 1, 77, 149):
        one = fitted().recommend(queries.slice(row, row + 1), 10)
        for place in np.flatnonzero(rows == row):
            np.testing.assert_array_equal(many.items[place], one.items[0])
            np.testing.assert_allclose(many.scores[place], one.scores[0], rtol=1e-5, atol=1e-6)


class Given:
    """A second stage whose scores are given by item code; -1 for all others."""

    def __init__(self, scores: dict[int, float]) -> None:
        self.scores = scores

    def score(self, queries: Queries, candidates: Candidates, ranked: int | None = None) -> Float32:
        return np.vectorize(lambda code: self.scores.get(code, -1.0))(candidates.items).astype(np.float32)


def test_scores_that_differ_by_rounding_alone_are_a_tie_with_a_fixed_order() -> None:
    log, catalogue = small_log()
    model = TwoStage(Config(retrievers=["trending"], ranker=None, windows=1))
    model.fit(log, catalogue, rng=np.random.default_rng(7))
    # 3 and 5 differ in the sixth digit: of these the lower code is first. 7 and 9 differ in the fifth.
    model.second_ = Given({3: 0.500000, 5: 0.500004, 7: 0.40000, 9: 0.40003})  # type: ignore[assignment]
    ranking = model.recommend(Queries.of([[]]), 4)
    assert ranking.items.tolist() == [[3, 5, 9, 7]]
    np.testing.assert_allclose(ranking.scores, [[0.5, 0.5, 0.40003, 0.4]], rtol=0, atol=1e-7)


def test_lists_are_best_first_without_repeats() -> None:
    ranking = fitted().recommend(everybody(), 10)
    assert ranking.items.shape == (150, 10)
    assert (np.diff(ranking.scores, axis=1) <= 0).all()
    assert all(len(set(row)) == 10 for row in ranking.items.tolist())


def test_only_given_items_are_chosen_from() -> None:
    requested = np.array([3, 8, 41, 60, 77], dtype=np.int32)
    ranking = fitted().recommend(everybody(), 10, items=requested)
    assert set(ranking.items.ravel().tolist()) <= {-1, *requested.tolist()}
    seen = everybody().matrix(90).toarray()[:, requested] > 0
    disliked = (everybody().weight < 0) & np.isin(everybody().item, requested)
    assert (ranking.items >= 0).sum() <= (~seen).sum()
    assert (ranking.items >= 0).sum() >= (~seen).sum() - disliked.sum()
    assert fitted().recommend(everybody(), 3, items=requested[:0]).items.tolist() == [[-1] * 3] * 150


def test_nothing_seen_is_recommended_unless_allowed() -> None:
    log, _ = small_log()
    ranking = fitted().recommend(everybody(), 90)
    again = fitted().recommend(everybody(exclude_seen=False), 90)
    for user in range(log.n_users):
        history = set(log.item[log.user == user].tolist())
        assert not history & set(ranking.items[user].tolist())
        assert set(range(90)) - history == set(ranking.items[user].tolist()) - {-1}  # and nothing is lost
        assert set(again.items[user].tolist()) == set(range(90))


def test_what_is_not_available_is_never_recommended() -> None:
    log, catalogue = small_log()
    available = np.arange(90) % 3 > 0
    gone = replace(catalogue, available=available)
    model = TwoStage(replace(CONFIG, ranker=None)).fit(log, gone, rng=np.random.default_rng(7))
    for ranking in (model.recommend(everybody(), 90), model.similar(np.arange(90, dtype=np.int32), 20)):
        assert available[ranking.items[ranking.items >= 0]].all()
    nothing = fitted().extended(replace(catalogue, available=np.zeros(90, dtype=bool)))
    assert nothing.recommend(everybody(), 4).items.tolist() == [[-1] * 4] * 150


def test_a_new_item_with_a_vector_can_be_recommended() -> None:
    model = fitted().extended(larger())
    histories = [[2, 8, 14], [32, 38], [90]]  # of group 2; the last one of a new item alone
    ranking = model.recommend(Queries.of(histories), 25)
    for listed in ranking.items.tolist():
        assert set(NEW) & set(listed)
    assert (ranking.items[2] != 90).all()
    away = larger(available=False)
    assert not np.isin(NEW, fitted().extended(away).recommend(Queries.of(histories), 90).items).any()


def test_growth_keeps_the_scores_among_the_known_items() -> None:
    before = fitted().recommend(everybody(), 10)
    known = np.arange(90, dtype=np.int32)
    grown = fitted().extended(larger())
    assert_alike(grown.recommend(everybody(), 10, items=known), before)
    assert_same(fitted().recommend(everybody(), 10), before)  # the old model is untouched


def test_new_users_and_items_newer_than_the_model_are_answered() -> None:
    queries = Queries.of([[], [5_000], [4, 5_000], [4]])
    ranking = fitted().recommend(queries, 90)
    assert (ranking.items[:2] >= 0).all()
    assert (ranking.items[2:, :89] >= 0).all()
    assert fitted().recommend(Queries.of([]), 3).items.shape == (0, 3)


def test_a_list_longer_than_the_catalogue_is_padded() -> None:
    ranking = fitted().recommend(Queries.of([[1, 2]]), 100)
    assert sorted(ranking.items[0, :88].tolist()) == [0, *range(3, 90)]
    assert (ranking.items[0, 88:] == -1).all()
    assert np.isneginf(ranking.scores[0, 88:]).all()


def test_without_text_it_learns_from_behaviour_alone() -> None:
    log, catalogue = small_log()
    bare = Catalogue.from_frame(None, catalogue.items)
    model = TwoStage(CONFIG).fit(log, bare, rng=np.random.default_rng(7))
    model.second_ = replace(model.second_, ranker_weight=0.5)
    assert (model.recommend(everybody(), 10).items >= 0).all()
    assert_same(restored(model, bare).recommend(everybody(), 10), model.recommend(everybody(), 10))


@pytest.mark.parametrize("timing", ["order", "none"])
def test_a_log_without_times_is_learned_from(timing: str) -> None:
    log, catalogue = small_log()
    at = np.zeros(len(log)) if timing == "none" else np.arange(len(log), dtype=np.float64)
    untimed = replace(log, at=at, timing=timing)
    model = TwoStage(replace(CONFIG, windows=1)).fit(untimed, catalogue, rng=np.random.default_rng(7))
    assert model.report_.queries > 0
    assert (model.recommend(untimed.queries(), 10).items >= 0).all()


def test_a_log_too_small_to_cut_still_gives_lists() -> None:
    log, catalogue = small_log()
    one = log.select(np.arange(len(log)) < 1)
    model = TwoStage(CONFIG).fit(one, catalogue, rng=np.random.default_rng(7))
    assert model.report_.queries == 0
    assert model.second_.ranker is None
    retrievers = len(CONFIG.retrievers)
    assert list(model.report_.weights.values()) == pytest.approx([1 / retrievers] * retrievers)
    assert (model.recommend(Queries.of([[], [3]]), 5).items >= 0).all()
    nothing = TwoStage(CONFIG).fit(log.select(log.user < 0), catalogue, rng=np.random.default_rng(7))
    assert (nothing.recommend(Queries.of([[], [3]]), 5).items >= 0).all()


def test_the_log_is_read_only() -> None:
    log, catalogue = small_log()
    names = ("user", "item", "weight", "at", "kind")
    before = {name: getattr(log, name).copy() for name in names}
    TwoStage(replace(CONFIG, windows=1)).fit(log, catalogue, rng=np.random.default_rng(7)).recommend(
        log.queries(), 5
    )
    for name in names:
        np.testing.assert_array_equal(getattr(log, name), before[name])


def test_progress_and_epochs_are_reported() -> None:
    epochs = []
    log, catalogue = small_log()
    model = TwoStage(CONFIG, on_epoch=epochs.append).fit(log, catalogue, rng=np.random.default_rng(7))
    assert epochs == model.report_.epochs
    assert [epoch.epoch for epoch in epochs] == [0, 1, 2, 3]
    assert isinstance(model.report_.to_json()["epochs"][0], dict)
    for name in ("train_loss", "valid_loss", "train_accuracy", "valid_accuracy", "train_auc", "valid_auc"):
        assert all(0 < getattr(epoch, name) < 5 for epoch in epochs)
    assert epochs[-1].train_loss < epochs[0].train_loss
    assert set(model.report_.test) == {"loss", "accuracy", "auc"}


def test_statistics_of_the_served_features_are_those_of_the_whole_log() -> None:
    log, _ = small_log()
    assert isinstance(log, Interactions)
    assert fitted().second_.maker.state_.statistics.last_at.max() == log.end


def test_a_model_may_stand_twice_under_names_of_its_own() -> None:
    log, catalogue = small_log()
    both = {"ease": {"decay": 1.0}, "ease-recent": {"model": "ease", "decay": 0.5}}
    model = TwoStage(Config(retrievers=both, ranker=None)).fit(log, catalogue, rng=np.random.default_rng(7))
    assert [retriever.name for retriever in model.retrievers_] == ["ease", "ease-recent"]
    spec = json.loads(json.dumps(model.spec()))
    again = TwoStage.restore(spec, model.arrays(), catalogue, config=model.config)
    assert [retriever.decay for retriever in again.retrievers_] == [1.0, 0.5]
    np.testing.assert_array_equal(
        again.recommend(everybody(), 5).items, model.recommend(everybody(), 5).items
    )


def test_no_name_of_a_retriever_is_that_of_another_part() -> None:
    log, catalogue = small_log()
    named = {name: {"model": "ease"} for name in ("second", "rerank", "retriever", "sec:ond")}
    model = TwoStage(Config(retrievers=named, ranker=None)).fit(log, catalogue, rng=np.random.default_rng(7))
    assert_same(restored(model, catalogue).recommend(everybody(), 5), model.recommend(everybody(), 5))
