"""What holds for every ranker: it learns what is there and nothing else, and starts from the first stage."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from tests.rankers.toys import (
    ALL,
    CLASSES,
    COLUMNS,
    CROSSED,
    NEURAL,
    bucketed,
    built,
    labelled,
    line,
    needs_lightgbm,
    product,
    shuffled,
)

from tacit.core.errors import ConfigError
from tacit.core.parameters import Bounds, declared
from tacit.rankers.mlp import MLP
from tacit.rankers.pair import PairClassifier
from tacit.rankers.ranker import Epoch, Pairs, Ranker
from tacit.rankers.ranker_metrics import auc, evaluate


def fitted(name: str, train: Pairs, valid: Pairs, epochs: int = 15) -> Ranker:
    return built(name, epochs).fit(train, valid, COLUMNS, rng=np.random.default_rng(3))


@cache
def briefly_fitted(name: str) -> Ranker:
    """A ranker of two epochs, for claims that hold for any; nobody changes it."""
    return fitted(name, product(0), product(1), epochs=2)


def scored(ranker: Ranker, pairs: Pairs) -> np.ndarray:
    return ranker.score(pairs.features, pairs.base)


def test_each_ranker_has_its_own_name() -> None:
    names = [kind().spec()["name"] for kind in CLASSES]
    assert names == ["linear", "mlp", "dcn", "cnn", "lambdamart"]


@pytest.mark.parametrize("name", ALL)
def test_it_learns_what_is_there(name: str) -> None:
    truth = line if name == "linear" else product
    ranker = fitted(name, truth(0), truth(1), epochs=12)
    assert evaluate(scored(ranker, truth(2)), truth(2))["auc"] > 0.95


@pytest.mark.parametrize("loss", ["listwise", "pairwise"])
def test_it_learns_by_every_loss(loss: str) -> None:
    ranker = built("mlp", loss=loss).fit(product(0), product(1), COLUMNS, rng=np.random.default_rng(3))
    assert evaluate(scored(ranker, product(2)), product(2))["auc"] > 0.95


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_learned_from_shuffled_labels(name: str) -> None:
    ranker = fitted(name, shuffled(product(0), 1), shuffled(product(1), 2), epochs=4)
    held = shuffled(product(2, 10_000), 3)
    assert evaluate(scored(ranker, held), held)["auc"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("name", ALL)
def test_untrained_it_says_what_the_first_stage_says(name: str) -> None:
    held = replace(product(2), base=np.random.default_rng(0).normal(size=3_000).astype(np.float32))
    ranker = fitted(name, held, product(1), epochs=0)
    np.testing.assert_array_equal(scored(ranker, held), held.base)


@pytest.mark.parametrize("name", ALL)
def test_where_nothing_helps_the_first_stage_stays(name: str) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=3_000).astype(np.float32)
    train = replace(shuffled(line(0), 1), base=base)
    # What comes is what the first stage predicts, and the opposite of what the training pairs teach.
    came = (rng.random(3_000) < 1 / (1 + np.exp(-base))).astype(np.float32)
    opposite = replace(labelled(train.features, came), base=base)
    worse = replace(train, label=1 - came[:, None])
    # A list asks less than each pair does: with thirty of each a network of two streams happens on an order.
    bce = {} if name == "lambdamart" else {"loss": "bce"}
    ranker = built(name, **bce).fit(worse, opposite, COLUMNS, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(scored(ranker, train), base)


@pytest.mark.parametrize("name", ALL)
def test_a_score_does_not_depend_on_its_neighbours(name: str) -> None:
    ranker, held = briefly_fitted(name), product(2)
    order = np.random.default_rng(0).permutation(len(held))
    together = scored(ranker, held)
    np.testing.assert_allclose(
        ranker.score(held.features[order], held.base[order]), together[order], atol=1e-5
    )
    np.testing.assert_allclose(ranker.score(held.features[:1], held.base[:1]), together[:1], atol=1e-5)
    assert ranker.score(held.features[:0], held.base[:0]).shape == (0,)


@pytest.mark.parametrize("name", ALL)
def test_restored_equals_stored(name: str) -> None:
    ranker = briefly_fitted(name)
    spec = json.loads(json.dumps(ranker.spec()))
    again = type(ranker).restore(spec, ranker.arrays())
    np.testing.assert_array_equal(scored(ranker, product(2)), scored(again, product(2)))
    assert again.spec() == spec
    assert all(np.array_equal(array, again.arrays()[key]) for key, array in ranker.arrays().items())


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_scores(name: str) -> None:
    again = fitted(name, product(0), product(1), epochs=2)
    np.testing.assert_array_equal(scored(briefly_fitted(name), product(2)), scored(again, product(2)))


@pytest.mark.parametrize("name", ALL)
def test_the_best_epoch_is_kept_and_each_epoch_reported(name: str) -> None:
    seen: list[Epoch] = []
    # Validation is of another truth in part: sooner or later it gets worse.
    valid = replace(product(1), label=np.concatenate([product(1).label[:2_000], line(1).label[2_000:]]))
    ranker = built(name, epochs=12).fit(
        product(0), valid, COLUMNS, test=product(2), rng=np.random.default_rng(3), on_epoch=seen.append
    )
    assert seen == ranker.epochs_
    assert [epoch.epoch for epoch in seen] == list(range(len(seen)))
    best = min(seen, key=lambda epoch: epoch.valid_loss)
    assert auc(scored(ranker, valid), valid.acted) == pytest.approx(best.valid_auc, abs=1e-4)
    assert auc(scored(ranker, product(2)), product(2).acted) == pytest.approx(best.test_auc, abs=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_test_pairs_are_reported_and_not_used(name: str) -> None:
    without = briefly_fitted(name)
    beside = built(name, epochs=2).fit(
        product(0), product(1), COLUMNS, test=line(2), rng=np.random.default_rng(3)
    )
    np.testing.assert_array_equal(scored(without, product(2)), scored(beside, product(2)))
    assert np.isnan(without.epochs_[0].test_loss)


@pytest.mark.parametrize("name", ALL)
def test_without_validation_pairs_it_still_learns(name: str) -> None:
    ranker = fitted(name, line(0), line(1).select(np.zeros(3_000, dtype=bool)), epochs=8)
    assert evaluate(scored(ranker, line(2)), line(2))["auc"] > 0.95


@pytest.mark.parametrize("name", NEURAL)
def test_the_randomness_of_the_caller_is_left_alone(name: str) -> None:
    before = torch.get_rng_state()
    fitted(name, product(0, 200), product(1, 200), epochs=1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["linear", "cnn"])
def test_raw_vectors_may_be_missing(name: str) -> None:
    def last(pairs: Pairs) -> Pairs:
        return replace(pairs, features=pairs.features[:, -2:])

    ranker = built(name).fit(last(line(0)), last(line(1)), COLUMNS[-2:], rng=np.random.default_rng(3))
    assert evaluate(scored(ranker, last(line(2))), line(2))["auc"] > 0.95


# Buckets: numbers in name only.


@pytest.mark.parametrize("name", NEURAL)
def test_a_network_learns_what_buckets_stand_for(name: str) -> None:
    ranker = built(name, 12, table=64).fit(bucketed(0), bucketed(1), CROSSED, rng=np.random.default_rng(3))
    assert evaluate(scored(ranker, bucketed(2)), bucketed(2))["auc"] > 0.9
    again = type(ranker).restore(json.loads(json.dumps(ranker.spec())), ranker.arrays())
    np.testing.assert_array_equal(scored(again, bucketed(2)), scored(ranker, bucketed(2)))


@pytest.mark.parametrize("name", ALL)
def test_untrained_it_says_nothing_of_buckets(name: str) -> None:
    ranker = built(name, 0).fit(bucketed(0), bucketed(1), CROSSED, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(scored(ranker, bucketed(2)), bucketed(2).base)


@needs_lightgbm
def test_trees_leave_buckets_out() -> None:
    ranker = built("lambdamart").fit(bucketed(0), bucketed(1), CROSSED, rng=np.random.default_rng(3))
    held = bucketed(2)
    other = replace(held, features=np.where([True, False, False], held.features, 7).astype(np.float32))
    np.testing.assert_array_equal(scored(ranker, other), scored(ranker, held))


# Several tasks.


def two_tasks(seed: int) -> Pairs:
    first, second = line(seed), product(seed)
    return replace(first, label=np.concatenate([first.label, second.label], axis=1))


@pytest.mark.parametrize("name", ["mlp", "dcn", "cnn"])
def test_each_task_counts_by_its_weight(name: str) -> None:
    score = {}
    for weight in (0.01, 100.0):
        ranker = built(name, 8, tasks={"view": 1.0, "buy": weight})
        ranker.fit(two_tasks(0), two_tasks(1), COLUMNS, rng=np.random.default_rng(3))
        score[weight] = scored(ranker, two_tasks(2))
    truth = two_tasks(2).label
    assert auc(score[0.01], truth[:, 0]) > 0.95
    assert auc(score[100.0], truth[:, 1]) > 0.9
    assert auc(score[0.01], truth[:, 1]) < 0.75


def test_one_task_is_the_plain_form() -> None:
    plain, named = MLP(epochs=2, device="cpu"), MLP(epochs=2, device="cpu", tasks={"buy": 3.0})
    for ranker in (plain, named):
        ranker.fit(product(0), product(1), COLUMNS, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(scored(plain, product(2)), scored(named, product(2)))


# Parameters.


@pytest.mark.parametrize("kind", [*CLASSES, PairClassifier])
def test_every_parameter_has_a_meaning(kind: type) -> None:
    parameters = declared(kind)
    assert [name for name, one in parameters.items() if not one.meaning] == []
    assert parameters["name"].default == kind().name  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [*CLASSES, PairClassifier])
def test_the_bounds_hold_the_defaults_and_refuse_what_is_outside(kind: Any) -> None:
    parameters = declared(kind)
    bounded = {name: one for name, one in parameters.items() if one.bounds != Bounds()}
    numbers = {name for name, one in parameters.items() if one.kind in (int, float)}
    assert numbers <= set(bounded)
    for name in numbers:
        with pytest.raises(ConfigError, match=name):
            kind(**{name: -1})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hidden": [8, 0]}, "hidden is .* at least 1"),
        ({"hidden": 8}, "wrong type"),
        ({"tasks": {"buy": -1.0}}, "tasks is .* at least 0"),
        ({"tasks": ["buy"]}, "wrong type"),
        ({"dropout": 1.0}, "less than 1"),
        ({"learning_rate": 0.0}, "more than 0"),
        ({"loss": "hinge"}, "wrong type"),
        ({"scale": "log"}, "wrong type"),
        ({"streams": 3}, "wrong type"),
        ({"widths": (8,)}, "no parameter 'widths'"),
    ],
)
def test_a_wrong_value_is_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MLP(**wrong)


def test_lists_and_tuples_are_the_same_parameters() -> None:
    assert MLP(hidden=[8, 4], families=["crosses"]) == MLP(hidden=(8, 4), families=("crosses",))
    assert MLP(hidden=[8, 4]).hidden == (8, 4)
    assert MLP(hidden=[8, 4]).spec()["hidden"] == [8, 4]
    assert MLP(tasks={"buy": 2}).spec()["tasks"] == {"buy": 2.0}


@pytest.mark.parametrize("kind", CLASSES)
def test_rankers_are_rankers_and_share_nothing(kind: Any) -> None:
    first, second = kind(), kind(name="another")
    assert isinstance(first, Ranker)
    assert second.spec()["name"] == "another"
    first.epochs_.append(Epoch(0, 1, 1, 1, 1, 1, 1))
    assert second.epochs_ == []
    assert first.tasks == {}
    assert first.tasks is not second.tasks
