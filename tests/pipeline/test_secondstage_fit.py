"""How the second stage learns: on examples of which it is known what should be learned."""

import copy
import json
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT
from tacit.core.seeds import Streams
from tacit.core.types import Float32
from tacit.data.interactions import Interactions
from tacit.features.candidates import Candidates
from tacit.features.families import USUAL
from tacit.features.feature_columns import Column
from tacit.features.maker import FeatureMaker
from tacit.pipeline.blend import Blend, LabelledCandidates, log_softmax
from tacit.pipeline.config import Config
from tacit.pipeline.examples import RankingExamples, ranking_examples
from tacit.pipeline.firststage import TEST, TRAIN, VALID, FirstStage, Fold, assign_parts, fit_fold
from tacit.pipeline.ranker_fit import fit_ranker
from tacit.pipeline.secondstage import SecondStage
from tacit.pipeline.secondstage_fit import finished, learn
from tacit.pipeline.training_report import TrainingReport
from tacit.pipeline.windows import Window, rank_windows
from tacit.rankers.linear import Linear
from tacit.rankers.ranker import Epoch
from tacit.testing.generated import small_log

N, WIDTH = 120, 20
ROLE = np.repeat([TRAIN, VALID, TEST], [80, 25, 15])
RANKER = {
    "name": "mlp", "loss": "bce", "hidden": [8], "epochs": 6, "learning_rate": 0.02, "batch_size": 128,
}  # fmt: skip
CONFIG = Config(retrievers={"trending": {}, "content": {}}, ranker=RANKER)


def examples_of(
    labels: Float32, scores: Callable[[Float32], Float32], features: Callable[[Float32], Float32]
) -> RankingExamples:
    """Return examples whose retriever scores and features are made from the labels."""
    items = np.tile(np.arange(WIDTH, dtype=np.int32), (N, 1))
    found = Candidates(items, scores(labels), np.full(N, 3), np.zeros(N), ("trending", "content"))
    labelled = LabelledCandidates(found, labels, labels.sum(axis=1).astype(np.int64))
    pair = np.arange(N * WIDTH)
    columns = (Column("one", "toy"), Column("other", "toy"))
    weight = np.ones(N * WIDTH, dtype=np.float32)
    return RankingExamples(labelled, ROLE, columns, features(labels), labels.reshape(-1, 1), pair, weight)


def some_labels() -> Float32:
    labels = (np.random.default_rng(1).random((N, WIDTH)) < 0.1).astype(np.float32)
    labels[np.arange(N), np.arange(N) % WIDTH] = 1  # everybody chose something
    return labels


def telling(labels: Float32) -> Float32:
    noise = np.random.default_rng(2).random((N, WIDTH, 2))
    return (labels[..., None] + 0.3 * noise).astype(np.float32)


def noise(labels: Float32) -> Float32:
    return np.random.default_rng(3).standard_normal((N, WIDTH, 2)).astype(np.float32)


def flat(make: Callable[[Float32], Float32]) -> Callable[[Float32], Float32]:
    return lambda labels: make(labels).reshape(-1, 2)


def learned(
    *examples: RankingExamples, config: Config = CONFIG, most: float = 0.75
) -> tuple[SecondStage, TrainingReport, list[Epoch]]:
    epochs: list[Epoch] = []
    blend = Blend().fit([one.labelled for one in examples], len(config.retrievers))
    ranker, rng = copy.copy(config.ranker), np.random.default_rng(0)
    fitted_ranker = fit_ranker(
        ranker, examples, blend, most, rng=rng, progress=SILENT, on_epoch=epochs.append
    )
    queries = sum(len(one.part) for one in examples)
    stage, report = finished(blend, fitted_ranker, examples, config, FeatureMaker(projection=None), queries)
    return stage, report, epochs


@cache
def window() -> Window:
    log, _ = small_log()
    return next(rank_windows(log, "time", count=1, share=0.2, rng=np.random.default_rng(0)))


def fitted_fold(config: Config, part: int = TRAIN) -> Fold:
    log, catalogue = small_log()
    everybody = np.full(log.n_users, part)
    return fit_fold(window(), config, catalogue, everybody, Streams(0), "fold", lambda: None)


def of_the_window(config: Config, part: int = TRAIN, tasks: tuple[str, ...] = ()) -> RankingExamples:
    _, catalogue = small_log()
    return ranking_examples(
        fitted_fold(config, part), catalogue, None, USUAL, tasks, np.random.default_rng(0)
    )


def test_a_ranker_that_knows_more_than_the_blend_gets_a_weight() -> None:
    stage, report, _ = learned(examples_of(some_labels(), scores=noise, features=flat(telling)))
    assert stage.ranker_weight == report.ranker_weight > 0
    assert report.valid_ndcg["1.0"] > 0.95 > report.valid_ndcg["0.0"]
    assert report.gain["before"] == report.valid_ndcg["0.0"]
    assert report.gain["after"] == report.valid_ndcg[str(report.ranker_weight)]
    assert 0 < report.gain["low"] < report.gain["after"] - report.gain["before"] < report.gain["high"]


def test_a_ranker_that_knows_nothing_gets_no_weight() -> None:
    stage, report, _ = learned(examples_of(some_labels(), scores=telling, features=flat(noise)))
    assert stage.ranker_weight == report.ranker_weight == 0
    assert report.valid_ndcg["0.0"] >= report.valid_ndcg["1.0"]
    assert report.gain["before"] == report.gain["after"]
    assert stage.ranker is not None  # kept, so that the report can tell of it


def test_of_equals_the_least_weight_is_taken() -> None:
    stage, report, _ = learned(examples_of(some_labels(), scores=telling, features=flat(telling)))
    assert report.valid_ndcg["0.0"] == report.valid_ndcg["0.5"] == pytest.approx(1)
    assert stage.ranker_weight == 0


def test_the_weight_is_the_best_of_those_that_were_tried() -> None:
    mixed = examples_of(some_labels(), scores=lambda y: telling(y) + noise(y), features=flat(noise))
    by_most = {most: learned(mixed, most=most)[1] for most in (0.5, 1.0)}
    values = by_most[1.0].valid_ndcg
    assert list(values) == ["0.0", "0.25", "0.5", "0.75", "1.0"]
    assert values["0.0"] < values["0.5"] < values["1.0"]
    assert {most: report.ranker_weight for most, report in by_most.items()} == {0.5: 0.5, 1.0: 1.0}


def test_every_epoch_tells_loss_accuracy_and_auc_of_both_sides() -> None:
    _, report, epochs = learned(examples_of(some_labels(), scores=noise, features=flat(telling)))
    assert epochs == report.epochs
    assert [epoch.epoch for epoch in epochs] == list(range(len(epochs)))
    first, last = epochs[0], epochs[-1]
    assert last.train_loss < first.train_loss
    assert last.valid_loss < first.valid_loss
    assert last.train_auc > 0.99
    assert last.valid_auc > 0.99
    assert last.valid_accuracy > 0.9 > 0.5 < last.train_accuracy
    assert report.test["auc"] > 0.99
    assert report.test["loss"] == pytest.approx(last.valid_loss, abs=0.05)


def test_the_report_tells_what_probabilities_are_worth_and_what_scores_rest_on() -> None:
    _, report, _ = learned(examples_of(some_labels(), scores=noise, features=flat(telling)))
    assert {row.name for row in report.importance} == {"toy", "one", "other"}
    assert report.importance[0].kind == "family"
    assert report.importance[0].ndcg > 0.1
    assert sum(row.count for row in report.reliability) == pytest.approx((ROLE == TEST).sum() * WIDTH)
    assert 0 <= report.calibration["error"] < 0.1
    assert json.dumps(report.to_json(), allow_nan=False)


@pytest.mark.parametrize("missing", [TRAIN, VALID])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_part_with_one_label_only_fits_no_ranker(missing: int, value: float) -> None:
    labels = some_labels()
    labels[missing == ROLE] = value
    stage, report, epochs = learned(examples_of(labels, scores=noise, features=flat(telling)))
    assert stage.ranker is None
    assert stage.ranker_weight == 0
    assert epochs == report.epochs == []
    assert report.test is None
    assert report.valid_ndcg == {}


def test_a_measure_that_is_not_defined_is_null_in_the_report() -> None:
    labels = some_labels()
    labels[ROLE == TEST] = 0  # nobody among the test users chose anything: no area under a curve
    _, report, _ = learned(examples_of(labels, scores=noise, features=flat(telling)))
    assert np.isnan(report.test["auc"])
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert found["test"]["auc"] is None
    assert found["test"]["accuracy"] == report.test["accuracy"]
    assert found["epochs"][0]["train_loss"] == report.epochs[0].train_loss


def test_without_examples_there_is_a_blend_of_equals() -> None:
    stage, report, _ = learned()
    assert report.weights == {"trending": 0.5, "content": 0.5}
    assert stage.ranker is None
    assert (report.queries, report.pairs) == (0, 0)


def test_examples_of_several_windows_are_learned_together() -> None:
    one = examples_of(some_labels(), scores=noise, features=flat(telling))
    _, report, _ = learned(one, one)
    assert report.queries == 2 * N
    assert report.pairs == 2 * N * WIDTH


def test_test_users_change_neither_the_weights_nor_the_epochs() -> None:
    labels = some_labels()
    other = labels.copy()
    other[ROLE == TEST] = 1 - other[ROLE == TEST]
    first, second = (
        learned(examples_of(some_labels(), scores=noise, features=lambda _, y=y: telling(y).reshape(-1, 2)))
        for y in (labels, other)
    )
    figures = [f.name for f in fields(Epoch) if not f.name.startswith("test")]
    found = ([[getattr(epoch, name) for name in figures] for epoch in each[2]] for each in (first, second))
    assert next(found) == next(found)
    for name, array in first[0].ranker.arrays().items():
        np.testing.assert_array_equal(array, second[0].ranker.arrays()[name])
    assert first[1].test != second[1].test


def test_a_user_is_in_one_part_in_all_windows_and_the_shares_are_right() -> None:
    assigned = assign_parts(20_000, np.random.default_rng(0))
    assert [round(float((assigned == part).mean()), 1) for part in (TRAIN, VALID, TEST)] == [0.7, 0.2, 0.1]
    np.testing.assert_array_equal(assigned, assign_parts(20_000, np.random.default_rng(0)))


def test_examples_label_what_was_chosen_next() -> None:
    one = of_the_window(CONFIG)
    for row in range(0, len(window().queries), 9):
        start, stop = window().target_offsets[row : row + 2]
        targets = set(window().targets[start:stop].tolist())
        chosen = one.labelled.candidates.items[row][one.labelled.labels[row] > 0].tolist()
        assert set(chosen) == targets & set(one.labelled.candidates.items[row].tolist())
        assert one.labelled.totals[row] == len(targets)
    assert one.labelled.labels.sum() > 0


def test_training_users_give_all_positives_and_a_sample_of_the_rest() -> None:
    one = of_the_window(CONFIG)
    assert len(one.features) == len(one.pair) == len(one.weight)
    assert (one.weight > 0).all()
    assert one.label.sum() == one.labelled.labels.sum()
    per_query = np.bincount(one.query) - np.bincount(one.query, one.label[:, 0])
    real = one.labelled.candidates.real.sum(axis=1)
    assert 0.7 * 60 < per_query[real > 60].mean() < 1.3 * 60
    assert (one.labelled.candidates.items.ravel()[one.pair] >= 0).all()
    # What was drawn stands for all: the weights of a list sum to about its length.
    stood_for = np.bincount(one.query, one.weight)
    assert stood_for[real > 60].mean() == pytest.approx(real[real > 60].mean(), rel=0.1)


@pytest.mark.parametrize("part", [TRAIN, VALID])
def test_what_was_shown_and_not_chosen_is_always_drawn_and_counts_more_where_it_is_trained_on(
    part: int,
) -> None:
    _, catalogue = small_log()
    whole = fitted_fold(CONFIG, part)
    found = whole.labelled.candidates
    last = found.items.max(axis=1)  # the last candidate of each list was shown, and one chosen by nobody
    offsets = np.arange(len(last) + 1, dtype=np.int64)
    shown = replace(
        whole, window=replace(whole.window, shown_not_chosen_offsets=offsets, shown_not_chosen=last)
    )
    one = ranking_examples(shown, catalogue, None, USUAL, (), np.random.default_rng(0), 3.0)
    shown_not_chosen = found.items.ravel()[one.pair] == last[one.query]
    assert shown_not_chosen.sum() == len(last)
    assert (one.weight[shown_not_chosen] == (3 if part == TRAIN else 1)).all()
    # The others stand for as many as ever.
    rest = ~shown_not_chosen & (one.weight > 0) & (one.label[:, 0] == 0)
    assert (
        one.weight[rest] == np.maximum(found.real.sum(axis=1) / 60, 1).astype(np.float32)[one.query[rest]]
    ).all()


def test_held_out_users_keep_all_pairs_for_whole_lists() -> None:
    one = of_the_window(CONFIG, part=VALID)
    np.testing.assert_array_equal(one.pair, np.flatnonzero(one.labelled.candidates.real))
    assert 0 < (one.weight > 0).sum() < len(one.weight)
    assert (one.weight[one.label[:, 0] > 0] == 1).all()


def test_without_a_ranker_no_features_are_examples_of() -> None:
    config = Config(retrievers={"trending": {}}, ranker=None)
    first = FirstStage((), (fitted_fold(config),), None, np.zeros(small_log()[0].n_users), "time")
    assert isinstance(window().train, Interactions)
    stage, report, _ = learn(
        first, small_log()[1], config, streams=Streams(0), progress=SILENT, on_epoch=None
    )
    assert stage.ranker is None
    assert report.weights["trending"] > 0
    assert (report.epochs, report.pairs, report.gain) == ([], 0, None)
    assert report.queries == len(window().queries)  # the blend has learned from them


def test_a_ranker_weighs_less_on_cuts_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed: list[float] = []
    monkeypatch.setattr(
        "tacit.pipeline.secondstage_fit.fit_ranker", lambda *given, **_: allowed.append(given[3])
    )
    log, catalogue = small_log()
    one = fitted_fold(CONFIG)
    for protocol in ("time", "leave-one-out", "random"):
        first = FirstStage((), (one,), None, np.zeros(log.n_users), protocol)
        learn(first, catalogue, CONFIG, streams=Streams(0), progress=SILENT, on_epoch=None)
    assert allowed == [0.75, 1, 1]


def test_in_a_fold_the_stage_gives_the_scores_of_the_blend_to_users_that_the_ranker_learned_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tacit.pipeline.ranker_fit.FittedRanker.ranker_weight", 0.5)
    log, catalogue = small_log()
    part = np.resize([TRAIN, TRAIN, VALID, TEST], log.n_users)
    one = fit_fold(window(), CONFIG, catalogue, part, Streams(0), "fold", lambda: None)
    first = FirstStage((), (one,), None, part, "time")
    stage, _, (scores,) = learn(first, catalogue, CONFIG, streams=Streams(0), progress=SILENT, on_epoch=None)
    held, found = one.part != TRAIN, one.labelled.candidates
    np.testing.assert_array_equal(scores[~held], log_softmax(stage.blend.score(found))[~held])
    anew = stage.fitted(one.window.train, catalogue, one.retrievers)
    np.testing.assert_allclose(scores[held], anew.score(one.window.queries, found)[held], rtol=1e-4)
    assert stage.ranker_weight == 0.5
    assert not np.allclose(scores[held], log_softmax(stage.blend.score(found))[held])


def test_tasks_label_what_was_chosen_by_each_type_of_event() -> None:
    kinds = window().train.kinds
    one = of_the_window(CONFIG, tasks=kinds)
    assert one.label.shape == (len(one.pair), len(kinds))
    np.testing.assert_array_equal(one.label.max(axis=1), of_the_window(CONFIG).label[:, 0])


def test_a_task_that_the_log_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="a task 'nonsense', but the log knows only"):
        of_the_window(CONFIG, tasks=("nonsense",))


def test_the_ranker_says_how_features_are_scaled() -> None:
    config = Config(retrievers=CONFIG.retrievers, ranker={**RANKER, "scale": "quantile"})
    stage, _, _ = learned(examples_of(some_labels(), scores=noise, features=flat(telling)), config=config)
    assert stage.normaliser.spec() == {"scale": "quantile"}
    assert (
        learned(examples_of(some_labels(), scores=noise, features=flat(telling)))[0].normaliser.scale
        == "standard"
    )
    with pytest.raises(ConfigError, match="scale is 'log'"):
        Config(ranker={"name": "mlp", "scale": "log"})


class Own(Linear):
    """A ranker of somebody's own that changes its scores, or what its fit returns."""

    name = "own"
    change = None
    forgets = False

    def fit(self, *given: Any, **more: Any) -> Any:
        super().fit(*given, **more)
        return None if self.forgets else self

    def score(self, features: Float32, base: Float32) -> Any:
        scores = super().score(features, base)
        return scores if self.change is None else self.change(scores)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: None, "returns a NoneType as scores"),
        (lambda s: s.tolist(), "returns a list as scores"),
        (lambda s: "high", "returns a str as scores"),
        (lambda s: s.astype(object), "returns scores of the type object"),
        (lambda s: s[:-1], r"returns scores of the shape .*: one for each pair"),
        (lambda s: s[:, None], "returns scores of the shape"),
        (lambda s: np.full_like(s, np.nan), "returns scores with NaN or infinity"),
    ],
)
def test_scores_of_a_ranker_of_ones_own_are_checked(change: Callable[[Float32], Any], message: str) -> None:
    some = examples_of(some_labels(), scores=noise, features=flat(telling))
    own = Own(epochs=1)
    own.change = change
    with pytest.raises(ConfigError, match=f"the ranker 'own' {message}"):
        fit_ranker(
            own,
            [some],
            Blend().fit([some.labelled], 2),
            0.75,
            rng=np.random.default_rng(0),
            progress=SILENT,
            on_epoch=None,
        )


def test_a_ranker_whose_fit_returns_nothing_is_refused() -> None:
    some = examples_of(some_labels(), scores=noise, features=flat(telling))
    own = Own(epochs=1)
    own.forgets = True
    with pytest.raises(
        ConfigError, match="the fit of the ranker 'own' returned a NoneType; it must return se"
    ):
        fit_ranker(
            own,
            [some],
            Blend().fit([some.labelled], 2),
            0.75,
            rng=np.random.default_rng(0),
            progress=SILENT,
            on_epoch=None,
        )
