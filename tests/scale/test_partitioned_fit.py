"""Stages of a fit, an evaluation and a search, partitioned: the same as in one process."""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from tests.scale.clusters import At, Nodes
from tests.scale.stages import FITS, first_stage, one_by_one

import tacit
from tacit.core.errors import ConfigError
from tacit.core.executor import Executor, LocalExecutor
from tacit.core.types import Array
from tacit.data.shop import generate
from tacit.engine.batch import recommend_all
from tacit.pipeline.config import Config
from tacit.scale.processes import ProcessExecutor
from tacit.scale.ray_cluster import RayExecutor

SHOP = generate(seed=7, users=60, items=64, events=1_000, days=30)
CONFIG = Config(
    retrievers={"trending": {}, "itemknn": {}, "ease": {}}, encoder="none", ranker=None, windows=1
)


def assert_same(found: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.fault(49)
def test_the_first_stage_is_the_same_to_the_last_bit(executor: Executor) -> None:
    assert_same(first_stage(executor), one_by_one())


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_it_is_the_same_for_any_number_of_workers(workers: int) -> None:
    assert_same(first_stage(LocalExecutor(workers)), one_by_one())


def test_a_fit_goes_on_when_a_node_is_killed_in_the_middle_of_it(nodes: Nodes, on_ray: RayExecutor) -> None:
    killed: list[int] = []

    def kill() -> None:
        nodes.kill_one()
        killed.append(1)

    assert_same(first_stage(on_ray, At(FITS // 4, kill)), one_by_one())
    assert killed
    nodes.complete()


def test_a_model_fitted_by_an_executor_is_the_same_model() -> None:
    alone = tacit.fit(SHOP.events, config=CONFIG).snapshot
    found = tacit.fit(SHOP.events, config=CONFIG, executor=ProcessExecutor(2)).snapshot
    assert found.version == alone.version
    assert pl.concat(recommend_all(found, k=5)).equals(pl.concat(recommend_all(alone, k=5)))


def test_a_fit_with_time_enough_is_the_same_wherever_its_steps_are_fitted() -> None:
    alone = tacit.fit(SHOP.events, config=CONFIG).snapshot
    found = tacit.fit(SHOP.events, config=CONFIG, seconds=600, executor=LocalExecutor(2)).snapshot
    assert pl.concat(recommend_all(found, k=5)).equals(pl.concat(recommend_all(alone, k=5)))


def test_an_evaluation_has_the_same_figures(executor: Executor) -> None:
    names = ["trending", "itemknn", "blend"]
    alone = tacit.evaluate(SHOP.events, config=CONFIG, models=names).report
    found = tacit.evaluate(SHOP.events, config=CONFIG, models=names, executor=executor).report
    untimed = dict.fromkeys(["fit_seconds", "ms_per_list", "ms_per_list_batch", "peak_mb"])
    assert len(found["models"]) == len(alone["models"]) >= 3
    for row, expected in zip(found["models"], alone["models"], strict=True):
        assert {**row, **untimed} == {**expected, **untimed}


def test_a_search_has_the_same_trials(executor: Executor) -> None:
    options = {"config": CONFIG, "models": ["itemknn", "ease"], "trials": 3}
    alone = tacit.tune(SHOP.events, **options)  # type: ignore[arg-type]
    found = tacit.tune(SHOP.events, executor=executor, **options)  # type: ignore[arg-type]
    for one, expected in zip(found.found, alone.found, strict=True):
        assert [(t.parameters, t.value) for t in one.trials] == [
            (t.parameters, t.value) for t in expected.trials
        ]
    assert found.config.to_toml() == alone.config.to_toml()


def test_trials_of_several_processes_are_not_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    study = tmp_path_factory.mktemp("study") / "study.db"
    with pytest.raises(ConfigError, match="trials are kept only where all run in one process"):
        tacit.tune(SHOP.events, config=CONFIG, study=study, executor=ProcessExecutor(2))
