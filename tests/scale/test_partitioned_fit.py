"""Stages of a fit, an evaluation and a search, partitioned: the same as in one process."""

import polars as pl
import pytest
from tests.scale.claims import CONFIG, SHOP, check_evaluation, check_search
from tests.scale.stages import assert_same, first_stage, one_by_one

import tacit
from tacit.core.errors import ConfigError
from tacit.core.executor import LocalExecutor
from tacit.engine.batch import recommend_all
from tacit.scale.processes import ProcessExecutor


@pytest.mark.fault(49)
def test_the_first_stage_is_the_same_to_the_last_bit(several: ProcessExecutor) -> None:
    assert_same(first_stage(several), one_by_one())


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_it_is_the_same_for_any_number_of_workers(workers: int) -> None:
    assert_same(first_stage(LocalExecutor(workers)), one_by_one())


def test_a_model_fitted_by_an_executor_is_the_same_model() -> None:
    alone = tacit.fit(SHOP.events, config=CONFIG).snapshot
    found = tacit.fit(SHOP.events, config=CONFIG, executor=ProcessExecutor(2)).snapshot
    assert found.version == alone.version
    assert pl.concat(recommend_all(found, k=5)).equals(pl.concat(recommend_all(alone, k=5)))


def test_a_fit_with_time_enough_is_the_same_wherever_its_steps_are_fitted() -> None:
    alone = tacit.fit(SHOP.events, config=CONFIG).snapshot
    found = tacit.fit(SHOP.events, config=CONFIG, seconds=600, executor=LocalExecutor(2)).snapshot
    assert pl.concat(recommend_all(found, k=5)).equals(pl.concat(recommend_all(alone, k=5)))


def test_an_evaluation_has_the_same_figures(several: ProcessExecutor) -> None:
    check_evaluation(several)


def test_a_search_has_the_same_trials(several: ProcessExecutor) -> None:
    check_search(several)


def test_trials_of_several_processes_are_not_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    study = tmp_path_factory.mktemp("study") / "study.db"
    with pytest.raises(ConfigError, match="trials are kept only where all run in one process"):
        tacit.tune(SHOP.events, config=CONFIG, study=study, executor=ProcessExecutor(2))
