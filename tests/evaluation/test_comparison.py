"""Models by name on one cut."""

from functools import cache

import pytest
from tests.evaluation.tinylog import frame

from tacit.core.errors import ConfigError
from tacit.evaluation.comparison import compare, model_names, ranker_names
from tacit.evaluation.split import Split, make_split
from tacit.pipeline.config import Config

CONFIG = Config(retrievers={"trending": {}, "itemknn": {}}, ranker=None, windows=1)


@cache
def split() -> Split:
    rows = [(f"u{n % 9}", f"i{n * n % 13}", 1e9 + 3_600.0 * n) for n in range(120)]
    return make_split(frame(rows), share=0.2)


def test_by_default_all_but_slow_models_are_compared_and_without_texts_none_that_needs_them() -> None:
    names = model_names(None, CONFIG)
    assert {"popular", "content", "blend", "tacit"} <= set(names)
    assert "transformer" not in names
    compared = {row["name"] for row in compare(split(), CONFIG)["models"]}
    assert compared == set(names) - {"content", "tuned-content"}


def test_a_name_counts_once_and_one_that_nobody_knows_is_refused() -> None:
    assert model_names(["ease", "popular", "ease"], CONFIG) == ["ease", "popular"]
    assert ranker_names(["none", "mlp", "none"]) == ["none", "mlp"]
    assert ranker_names(None) == []
    with pytest.raises(ConfigError, match="no model 'oracle'; known: trending"):
        model_names(["oracle"], CONFIG)
    with pytest.raises(ConfigError, match="no ranker 'oracle'; known: linear"):
        ranker_names(["oracle"])


def test_without_a_ranker_there_are_no_features_to_leave_out() -> None:
    with pytest.raises(ConfigError, match="no ranker"):
        compare(split(), CONFIG, models=["popular"], ablation=True)


def test_a_retriever_that_only_the_configuration_names_can_be_compared() -> None:
    config = Config(retrievers={"trending": {}, "lately": {"model": "trending", "share": 0.01}}, ranker=None)
    assert model_names(["lately", "popular"], config) == ["lately", "popular"]
    report = compare(split(), config, models=["lately", "popular"])
    assert {row["name"] for row in report["models"]} == {"lately", "popular"}
    with pytest.raises(ConfigError, match="no model 'lately'"):
        model_names(["lately"], CONFIG)


def test_names_of_ours_are_found_without_a_look_at_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def scanned(**group: str) -> None:
        raise AssertionError(f"entry points were scanned: {group}")

    monkeypatch.setattr("importlib.metadata.entry_points", scanned)
    assert model_names(["ease", "popular", "tacit"], CONFIG) == ["ease", "popular", "tacit"]
    assert ranker_names(["mlp", "pair", "none"]) == ["mlp", "pair", "none"]
    assert Config(retrievers=["ease"], ranker="dcn", rerank="pair").ranker is not None
    with pytest.raises(AssertionError, match="entry points were scanned"):
        ranker_names(["oracle"])
