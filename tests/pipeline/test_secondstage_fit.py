"""How the second stage learns: on examples of which it is known what should be learned."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, get_args

import numpy as np
import pytest
from tests.pipeline.toys import (
    CONFIG,
    HELD_OUT,
    RANKER,
    ROLE,
    WIDTH,
    N,
    examples_of,
    fit_fold,
    fitted_fold,
    flat,
    noise,
    some_labels,
    telling,
    window,
)

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT
from tacit.core.seeds import Streams
from tacit.core.types import Float32
from tacit.data.interactions import Interactions
from tacit.data.splits import Protocol
from tacit.features.maker import FeatureMaker
from tacit.pipeline.best_part import BestPart
from tacit.pipeline.blend import Blend, LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.examples import RankingExamples
from tacit.pipeline.firststage import TEST, TRAIN, VALID, FirstStage
from tacit.pipeline.ranker_fit import fit_ranker
from tacit.pipeline.secondstage import SecondStage
from tacit.pipeline.secondstage_fit import finished, learn
from tacit.pipeline.training_report import TrainingReport
from tacit.rankers.ranker import Epoch
from tacit.testing.generated import small_log


def learned(
    *examples: RankingExamples, config: Config = CONFIG, protocol: Protocol = "time"
) -> tuple[SecondStage, TrainingReport, list[Epoch]]:
    epochs: list[Epoch] = []
    r = len(config.retrievers)
    blend = Blend().fit([one.labelled for one in examples], r)
    ranker, rng = copy.copy(config.ranker), np.random.default_rng(0)
    fitted_ranker = fit_ranker(
        ranker,
        examples,
        lambda some: Blend().fit(some, r),
        protocol,
        rng=rng,
        progress=SILENT,
        on_epoch=epochs.append,
        with_importance=config.importance,
    )
    queries = sum(len(one.part) for one in examples)
    stage, report = finished(blend, fitted_ranker, examples, config, FeatureMaker(projection=None), queries)
    return stage, report, epochs


def test_a_ranker_that_knows_more_than_the_blend_gets_a_weight() -> None:
    stage, report, _ = learned(examples_of(some_labels(), scores=noise, features=flat(telling)))
    assert stage.ranker_weight == report.ranker_weight > 0
    assert report.valid_ndcg["1.0"] > 0.95 > report.valid_ndcg["0.0"]
    assert report.gain["before"] == report.valid_ndcg["0.0"]
    assert report.gain["after"] == pytest.approx(report.valid_ndcg[str(report.ranker_weight)], abs=0.01)
    assert 0 < report.gain["low"] < report.gain["after"] - report.gain["before"] < report.gain["high"]


def test_a_ranker_that_knows_nothing_gets_no_weight() -> None:
    def known(labels: Float32) -> Float32:
        return np.stack([labels, labels], axis=2)  # every list is right already: nothing can be gained

    stage, report, _ = learned(examples_of(some_labels(), scores=known, features=flat(noise)))
    assert report.valid_ndcg["0.0"] == 1
    assert stage.ranker_weight == report.ranker_weight == 0
    assert report.valid_ndcg["0.0"] >= report.valid_ndcg["1.0"]
    assert report.gain["before"] == report.gain["after"]
    assert stage.ranker is not None  # kept, so that the report can tell of it


def test_of_equals_the_least_weight_is_taken() -> None:
    equal = examples_of(some_labels(), scores=telling, features=flat(telling))
    stage, report, _ = learned(equal, config=HELD_OUT)
    assert report.valid_ndcg["0.0"] == report.valid_ndcg["0.5"] == pytest.approx(1)
    assert stage.ranker_weight == 0


def test_the_weight_is_the_best_of_those_that_were_tried() -> None:
    mixed = examples_of(some_labels(), scores=lambda y: telling(y) + noise(y), features=flat(noise))
    by_protocol = {protocol: learned(mixed, protocol=protocol)[1] for protocol in get_args(Protocol)}
    values = by_protocol["random"].valid_ndcg
    assert list(values) == ["0.0", "0.25", "0.5", "0.75", "1.0"]
    assert values["0.0"] < values["0.5"] < values["1.0"]
    chosen = {protocol: report.ranker_weight for protocol, report in by_protocol.items()}
    assert chosen == {"time": 0.75, "leave-one-out": 1.0, "random": 1.0}


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
    some = examples_of(some_labels(), scores=noise, features=flat(telling))
    _, report, _ = learned(some, config=replace(CONFIG, importance=True))
    assert learned(some)[1] == replace(report, importance=[])  # on demand, and nothing else is different
    assert {row.name for row in report.importance} == {"toy", "one", "other"}
    assert report.importance[0].kind == "family"
    assert report.importance[0].ndcg > 0.1
    assert sum(row.count for row in report.reliability) == pytest.approx(N * WIDTH / 2)
    assert 0 <= report.calibration["error"] < 0.1
    assert json.dumps(report.to_json(), allow_nan=False)


@pytest.mark.parametrize("missing", [TRAIN, VALID])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_part_with_one_label_only_fits_no_ranker(missing: int, value: float) -> None:
    labels = some_labels()
    labels[missing == ROLE] = value
    some = examples_of(labels, scores=noise, features=flat(telling))
    stage, report, epochs = learned(some, config=HELD_OUT)
    assert stage.ranker is None
    assert stage.ranker_weight == 0
    assert epochs == report.epochs == []
    assert report.test is None
    assert report.valid_ndcg == {}


def test_a_measure_that_is_not_defined_is_null_in_the_report() -> None:
    labels = some_labels()
    labels[ROLE == TEST] = 0  # nobody among the test users chose anything: no area under a curve
    some = examples_of(labels, scores=noise, features=flat(telling))
    _, report, _ = learned(some, config=HELD_OUT)
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
        learned(
            examples_of(some_labels(), scores=noise, features=lambda _, y=y: telling(y).reshape(-1, 2)),
            config=HELD_OUT,
        )
        for y in (labels, other)
    )
    figures = [f.name for f in fields(Epoch) if not f.name.startswith("test")]
    found = ([[getattr(epoch, name) for name in figures] for epoch in each[2]] for each in (first, second))
    assert next(found) == next(found)
    for name, array in first[0].ranker.arrays().items():
        np.testing.assert_array_equal(array, second[0].ranker.arrays()[name])
    assert first[1].test != second[1].test


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


def test_a_ranker_is_fitted_for_the_kind_of_cut_of_the_first_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    given_for: list[str] = []
    monkeypatch.setattr(
        "tacit.pipeline.secondstage_fit.fit_ranker", lambda *given, **_: given_for.append(given[3])
    )
    log, catalogue = small_log()
    one = fitted_fold(CONFIG)
    for protocol in ("time", "leave-one-out", "random"):
        first = FirstStage((), (one,), None, np.zeros(log.n_users), protocol)
        learn(first, catalogue, CONFIG, streams=Streams(0), progress=SILENT, on_epoch=None)
    assert given_for == ["time", "leave-one-out", "random"]


def given_to_the_ranker(
    monkeypatch: pytest.MonkeyPatch, config: Config
) -> tuple[RankingExamples, Callable[[Sequence[LabelledCandidates]], Blend]]:
    """Return the examples of one fold and what refits the blend, as `fit_ranker` gets them."""
    given: list[Any] = []
    monkeypatch.setattr(
        "tacit.pipeline.secondstage_fit.fit_ranker", lambda *values, **_: given.extend(values)
    )
    log, catalogue = small_log()
    part = np.resize([TRAIN, TRAIN, VALID, TEST], log.n_users)
    one = fit_fold(config, part)
    first = FirstStage((), (one,), None, part, "time")
    learn(first, catalogue, config, streams=Streams(0), progress=SILENT, on_epoch=None)
    return given[1][0], given[2]


def test_a_cross_fitted_ranker_is_measured_on_all_lists_or_on_some_of_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert given_to_the_ranker(monkeypatch, CONFIG)[0].whole.all()
    monkeypatch.setattr("tacit.pipeline.secondstage_fit._WHOLE_LISTS", 5)
    some = given_to_the_ranker(monkeypatch, CONFIG)[0].whole
    assert some.sum() == 5
    assert not some[:5].all()


def test_any_other_ranker_is_measured_on_users_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = given_to_the_ranker(monkeypatch, HELD_OUT)
    np.testing.assert_array_equal(one.whole, one.part != TRAIN)
    assert 0 < one.whole.mean() < 1


def test_the_blend_below_a_ranker_is_refitted_unless_its_best_retriever_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, refit = given_to_the_ranker(monkeypatch, CONFIG)
    half = one.labelled.take(np.arange(0, len(one.part), 2))
    np.testing.assert_allclose(refit([half]).flat, Blend().fit([half], 2).flat, atol=1e-3)
    alone = Blend([1, 0], [1, 0], [0, 0], [0, 0], [1, 0])
    part = BestPart("trending", 0.2, 0.1, -0.2, -0.1, 200, 200, serves=True)
    monkeypatch.setattr("tacit.pipeline.secondstage_fit.blend_or_part", lambda *_: (alone, part))
    _, refit = given_to_the_ranker(monkeypatch, CONFIG)
    assert refit([half]) is alone


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
