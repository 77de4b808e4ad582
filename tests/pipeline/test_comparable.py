"""Models by name."""

import pytest

from tacit.models.protocol import Recommender
from tacit.pipeline import zoo
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage


@pytest.mark.parametrize("name", list(zoo.MODELS))
def test_a_model_has_the_name_it_is_asked_for_by(name: str) -> None:
    model = zoo.MODELS[name]()
    assert model.name == name
    assert isinstance(model, TwoStage if name in ("blend", "tacit") else Recommender)
    assert zoo.MODELS[name]() is not model


def test_the_two_stage_models_are_those_of_the_configuration() -> None:
    made = zoo.models(Config(candidates=17))
    assert "repeats" not in made
    assert made["blend"]().config.ranker is None
    assert made["tacit"]().config == Config(candidates=17)
    assert set(zoo.SIMPLE) == set(zoo.models(Config(repeats=True))) - {"blend", "tacit"}


def test_a_ranker_asked_for_by_name_stands_alone_with_the_parameters_it_has() -> None:
    own = {"name": "mlp", "hidden": [8]}
    config = Config(ranker=own, rerank={"name": "pair", "epochs": 1})
    assert zoo.under(config, "mlp") == Config(ranker=own)
    assert zoo.under(config, "dcn") == Config(ranker={"name": "dcn"})
    assert zoo.under(config, "none") == Config(ranker=None)
    assert zoo.under(config, "pair") == Config(ranker=None, rerank={"name": "pair", "epochs": 1})
    assert zoo.under(Config(), "pair").rerank == {"name": "pair"}
