"""The re-ranker: what it learns from, what it costs, and that it orders the top of a list and no more."""

import json
from dataclasses import replace
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.rankers.tiny import tiny_bert

from tacit.core.errors import ConfigError
from tacit.core.parameters import build
from tacit.core.progress import SILENT
from tacit.core.seeds import Streams
from tacit.core.types import Float32
from tacit.data.catalogue import Catalogue
from tacit.data.queries import Queries
from tacit.data.ranking import top_k
from tacit.features.candidates import Candidates
from tacit.pipeline.blend import LabelledCandidates
from tacit.pipeline.config import Config, parse_config
from tacit.pipeline.firststage import TEST, TRAIN, VALID, FirstStage, Fold
from tacit.pipeline.rerank import (
    Reranker,
    RerankReport,
    affordable,
    fit_reranker,
    list_pairs,
    log_pairs,
    mixed,
)
from tacit.pipeline.secondstage_fit import learn
from tacit.pipeline.twostage import TwoStage
from tacit.pipeline.windows import Window
from tacit.rankers.pair import PairClassifier
from tacit.reporting.training_page import rerank_line
from tacit.testing.generated import small_items, small_log, small_vectors

N, WIDTH = 90, 30
ROLE = np.repeat([TRAIN, VALID, TEST], [60, 20, 10])
RETRIEVERS: dict[str, dict[str, Any]] = {"trending": {}, "content": {}}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert"))


class FixedOdds:
    """Stands for a classifier: fixed log-odds of each item."""

    def __init__(self, odds: Float32) -> None:
        self.odds = odds

    def score(self, queries: Queries, row: np.ndarray, item: np.ndarray) -> Float32:
        return self.odds[item]


def parameters(bert: Path, **more: Any) -> dict[str, Any]:
    return {
        "name": "pair", "model": str(bert), "train": "all", "top": 10, "milliseconds": 10_000.0,
        "history": 2, "history_tokens": 12, "item_tokens": 6, "learning_rate": 6e-3, "epochs": 2,
        "patience": 4, "device": "cpu", "dtype": "float32", **more,
    }  # fmt: skip


def classifier_of(bert: Path, **more: Any) -> PairClassifier:
    values = {name: value for name, value in parameters(bert, **more).items() if name != "name"}
    return build(PairClassifier, values, "the re-ranker 'pair'")


def fold_of(labels: Float32, blended: Float32) -> Fold:
    """Return a fold: everybody's candidates are the first items of the small log."""
    log, _ = small_log()
    items = np.tile(np.arange(WIDTH, dtype=np.int32), (N, 1))
    found = Candidates(
        items, np.stack([blended, blended], axis=2), np.full(N, 1), np.zeros(N), ("trending", "content")
    )
    labelled = LabelledCandidates(found, labels, labels.sum(axis=1).astype(np.int64))
    queries = replace(Queries.of([[number % 90] for number in range(N)]), user=np.arange(N, dtype=np.int32))
    no_kinds = np.zeros((0, len(log.kinds)), bool)
    none = (np.zeros(N + 1, np.int64), np.empty(0, np.int32))
    window = Window(log, queries, *none, no_kinds, *none)
    return Fold(window, (), labelled, ROLE)


def of_a_group() -> Float32:
    """Labels that follow from the titles: the items of two of the six groups."""
    return np.tile(np.arange(WIDTH) % 6 < 2, (N, 1)).astype(np.float32)


def noise(seed: int) -> Float32:
    return np.random.default_rng(seed).standard_normal((N, WIDTH)).astype(np.float32)


def fitted_on(
    bert: Path, labels: Float32, blended: Float32, **more: Any
) -> tuple[Reranker | None, RerankReport]:
    log, catalogue = small_log()
    first = FirstStage((), (fold_of(labels, blended),), None, np.zeros(log.n_users, int), "time")
    config = Config(retrievers=RETRIEVERS, ranker=None)
    _, _, scores = learn(first, catalogue, config, streams=Streams(0), progress=SILENT, on_epoch=None)
    return fit_reranker(
        classifier_of(bert, **more), first, scores, catalogue,
        rng=np.random.default_rng(0), progress=SILENT, on_epoch=None,
    )  # fmt: skip


def test_a_classifier_that_sees_more_than_the_blend_counts(bert: Path) -> None:
    reranker, report = fitted_on(bert, of_a_group(), noise(1))
    assert reranker is not None
    assert report.weight == reranker.weight == 0.5
    assert report.valid_ndcg["0.5"] > report.valid_ndcg["0.0"] + 0.05
    assert report.epochs[-1].valid_auc > 0.9
    assert json.dumps(report.to_json(), allow_nan=False)


def test_one_that_sees_nothing_takes_no_part_and_is_reported(bert: Path) -> None:
    labels = (noise(2) > 1).astype(np.float32)
    reranker, report = fitted_on(bert, labels, labels + 0.1 * noise(3), epochs=1)
    assert reranker is None
    assert report.weight == 0
    assert report.valid_ndcg["0.0"] > report.valid_ndcg["0.5"]
    assert len(report.epochs) == 1
    assert "weight 0.00 (takes no part); reads the first 10" in rerank_line(report)


def test_without_both_labels_there_is_none(bert: Path) -> None:
    reranker, report = fitted_on(bert, np.zeros((N, WIDTH), np.float32), noise(1))
    assert reranker is None
    assert report == RerankReport(10, 0.0, 10_000.0)
    assert "no choices to learn from" in rerank_line(report)


def test_where_nothing_can_be_afforded_it_takes_no_part(bert: Path) -> None:
    reranker, report = fitted_on(bert, of_a_group(), noise(1), milliseconds=1e-3, epochs=1)
    assert reranker is None
    assert report.top == 0
    assert report.milliseconds > report.budget


def test_two_scores_are_stretched_and_mixed_by_hand() -> None:
    blended = np.array([[4, 2, 0, -np.inf], [7, 7, -np.inf, -np.inf], [-np.inf] * 4], dtype=np.float32)
    other = np.array([[0, 10, 5, -np.inf], [1, 3, -np.inf, -np.inf], [-np.inf] * 4], dtype=np.float32)
    expected = [[0.75, 0.625, 0.125, -np.inf], [0.375, 0.625, -np.inf, -np.inf], [-np.inf] * 4]
    np.testing.assert_allclose(mixed(blended, other, 0.25), expected, rtol=1e-6)


def test_the_budget_bounds_how_many_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = [(fold_of(of_a_group(), noise(1)), noise(1))]
    monkeypatch.setattr("tacit.pipeline.rerank._milliseconds", lambda _, top, __: 4.0 * top)
    for milliseconds, expected in (
        (50.0, (12, 48.0)),
        (100.0, (20, 80.0)),
        (7.9, (0, 80.0)),
        (inf, (20, 80.0)),
    ):
        classifier = PairClassifier(top=20, milliseconds=milliseconds)
        assert affordable(classifier, lists) == expected


def test_the_top_is_ordered_anew_and_the_rest_stays() -> None:
    scores = np.array([[9, 8, 7, 6, 5, -np.inf], [1, 1, 1, 1, 1, 1]], np.float32)
    items = np.tile(np.arange(6, dtype=np.int32), (2, 1))
    items[0, 5] = -1
    found = Candidates(
        items, np.zeros((2, 6, 1), np.float32), np.ones(2, np.int64), np.zeros(2), ("trending",)
    )
    reranker = Reranker(FixedOdds(np.array([1, 2, 3, 4, 5, 6], np.float32)), 3, 1.0)  # type: ignore[arg-type]
    reordered = reranker.reordered(Queries.of([[], []]), found, scores)
    np.testing.assert_array_equal(reordered[0], [7, 8, 9, 6, 5, -np.inf])
    assert top_k(reordered, 6).items.tolist() == [[2, 1, 0, 3, 4, -1], [2, 1, 0, 3, 4, 5]]
    np.testing.assert_array_equal(scores[0], [9, 8, 7, 6, 5, -np.inf])


def test_a_list_shorter_than_the_top_is_ordered_too() -> None:
    scores = np.array([[3, 2, -np.inf]], np.float32)
    found = Candidates(
        np.array([[4, 5, -1]], np.int32),
        np.zeros((1, 3, 1), np.float32),
        np.ones(1, np.int64),
        np.zeros(1),
        ("a",),
    )
    reranker = Reranker(FixedOdds(np.arange(9, dtype=np.float32)), 3, 1.0)  # type: ignore[arg-type]
    assert reranker.reordered(Queries.of([[]]), found, scores).tolist() == [[2, 3, -np.inf]]


def test_pairs_come_from_the_top_of_lists_with_a_positive() -> None:
    one = fold_of(np.tile(np.arange(WIDTH) % 6 == 0, (N, 1)).astype(np.float32), noise(1))
    scores = noise(4)
    one.labelled.labels[:10] = 0  # nobody among these acted on anything
    pairs = list_pairs([(one, scores)], TRAIN, np.random.default_rng(0))
    assert len(pairs.queries) == 60
    assert pairs.row.min() == 10
    assert pairs.label.sum() == one.labelled.labels[:60].sum()
    np.testing.assert_array_equal(pairs.label, one.labelled.labels[pairs.row, pairs.item])
    negatives = len(pairs) - pairs.label.sum()
    assert negatives == pytest.approx(4 * pairs.label.sum(), rel=0.1)


def test_users_with_attributes_have_pairs_too() -> None:
    one = fold_of(np.tile(np.arange(WIDTH) % 6 == 0, (N, 1)).astype(np.float32), noise(1))
    traits = np.ones((N, 3), dtype=np.int32)
    described = replace(one, window=replace(one.window, queries=replace(one.window.queries, traits=traits)))
    pairs = list_pairs([(described, noise(4))], TRAIN, np.random.default_rng(0))
    np.testing.assert_array_equal(pairs.queries.traits, traits[:60])


def test_pairs_of_a_log_are_what_came_next_and_what_somebody_else_chose() -> None:
    log, _ = small_log()
    users = np.arange(log.n_users) < 20
    pairs = log_pairs(log, users, 50, np.random.default_rng(0))
    choices = np.flatnonzero(pairs.label)
    np.testing.assert_array_equal(pairs.row[choices], np.arange(50))
    for row, item, label in zip(pairs.row, pairs.item, pairs.label, strict=True):
        user = pairs.queries.user[row]
        history = pairs.queries.item[pairs.queries.offsets[row] : pairs.queries.offsets[row + 1]]
        whole = log.item[log.user == user]
        assert user < 20
        np.testing.assert_array_equal(whole[: len(history)], history)
        assert len(history)
        assert item == whole[len(history)] if label else item not in whole
    nobody = log_pairs(log, users & False, 50, np.random.default_rng(0))
    assert (len(nobody), len(nobody.queries)) == (0, 0)


def test_a_configuration_names_it_and_its_parameters(bert: Path) -> None:
    config = parse_config({"rerank": parameters(bert)})
    classifier = config.rerank
    assert classifier is not None
    assert (classifier.top, classifier.milliseconds) == (10, 10_000.0)
    assert classifier.history == 2
    for wrong, message in (
        ({"name": "llm"}, "known: pair"),
        ({"name": "pair", "tops": 3}, "no parameter 'tops'"),
        ({"name": "pair", "top": 1}, "at least 2"),
        ({"name": "pair", "seconds": "long"}, "wrong type"),
    ):
        with pytest.raises(ConfigError, match=message):
            Config(rerank=wrong)


def test_without_a_window_there_is_nothing_to_learn_from(bert: Path) -> None:
    log, catalogue = small_log()
    one = log.select(np.arange(len(log)) < 1)
    config = Config(retrievers=RETRIEVERS, ranker=None, rerank=parameters(bert))
    model = TwoStage(config).fit(one, catalogue, rng=np.random.default_rng(7))
    assert model.rerank_ is None
    assert model.rerank_report_ == RerankReport(10, 0.0, 10_000.0)


# In the pipeline.


@cache
def fitted(bert: Path) -> TwoStage:
    """A recommender whose re-ranker counts half, whatever the small log says of it: it takes part."""
    config = Config(retrievers=RETRIEVERS, candidates=30, windows=1, ranker=None, rerank=parameters(bert))
    model = TwoStage(config).fit(*small_log(), rng=np.random.default_rng(7))
    report = model.rerank_report_
    assert report is not None
    assert report.epochs
    classifier = classifier_of(bert)
    windows = learn_pairs(model)
    classifier.fit(small_log()[1].texts.to_list(), *windows, rng=np.random.default_rng(1))
    model.rerank_ = Reranker(classifier, 10, 0.5)
    return model


def learn_pairs(model: TwoStage) -> tuple[Any, Any]:
    lists = [(fold_of(of_a_group(), noise(1)), noise(1))]
    return tuple(list_pairs(lists, part, np.random.default_rng(0)) for part in (TRAIN, VALID))  # type: ignore[return-value]


def everybody() -> Queries:
    return small_log()[0].queries()


def restored(model: TwoStage, catalogue: Catalogue) -> TwoStage:
    spec = json.loads(json.dumps(model.spec(), allow_nan=False))
    arrays = {name: np.array(a) for name, a in model.arrays().items()}
    return TwoStage.restore(spec, arrays, catalogue, config=model.config)


def test_it_takes_part_and_moves_nothing_below_the_top(bert: Path) -> None:
    model = fitted(bert)
    with_it = model.recommend(everybody(), 20)
    plain = TwoStage.restore(
        {**model.spec(), "rerank": None}, model.arrays(), small_log()[1], config=model.config
    )
    without = plain.recommend(everybody(), 20)
    assert (with_it.items != without.items).any()
    np.testing.assert_array_equal(np.sort(with_it.items[:, :10]), np.sort(without.items[:, :10]))
    np.testing.assert_array_equal(with_it.items[:, 10:], without.items[:, 10:])
    assert (np.diff(with_it.scores, axis=1) <= 0).all()


def test_a_short_list_is_the_head_of_a_long_one_and_one_query_answers_as_many(bert: Path) -> None:
    model = fitted(bert)
    many = model.recommend(everybody(), 20)
    np.testing.assert_array_equal(model.recommend(everybody(), 3).items, many.items[:, :3])
    for row in (0, 77, 149):
        one = model.recommend(everybody().slice(row, row + 1), 20)
        np.testing.assert_array_equal(one.items[0], many.items[row])


def test_a_round_trip_gives_the_same_lists(bert: Path) -> None:
    model = fitted(bert)
    again = restored(model, small_log()[1])
    assert again.spec() == model.spec()
    first, second = (one.recommend(everybody(), 12) for one in (again, model))
    np.testing.assert_array_equal(first.items, second.items)
    np.testing.assert_array_equal(first.scores, second.scores)


def test_new_items_are_read_too(bert: Path) -> None:
    catalogue = small_log()[1]
    frame = small_items(90 + 12).tail(12).filter(pl.col("group") == "g2")
    vectors = small_vectors(np.random.default_rng(5), 12, 90)[2::6]
    larger = fitted(bert).extended(catalogue.extended(frame, vectors))
    ranking = larger.recommend(Queries.of([[2, 8, 14], [90], []]), 25)
    assert all({90, 91} & set(listed) for listed in ranking.items[:2].tolist())
    np.testing.assert_array_equal(
        restored(larger, catalogue.extended(frame, vectors)).recommend(Queries.of([[90]]), 5).items,
        larger.recommend(Queries.of([[90]]), 5).items,
    )


def test_without_it_nothing_is_kept_of_it() -> None:
    config = Config(retrievers=RETRIEVERS, candidates=30, windows=1, ranker=None)
    model = TwoStage(config).fit(*small_log(), rng=np.random.default_rng(7))
    assert model.rerank_report_ is None
    assert model.spec()["rerank"] is None
    assert not any(name.startswith("rerank") for name in model.arrays())
    assert replace(config, rerank="pair") != config
