"""Models by name."""

import pytest

from tacit.models.protocol import MakesLists, Recommender
from tacit.pipeline import comparable
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage


@pytest.mark.parametrize("name", list(comparable.models(Config(repeats=True))))
def test_a_model_has_the_name_it_is_requested_by(name: str) -> None:
    make = comparable.models(Config(repeats=True))[name]
    model = make()
    assert model.name == name
    assert isinstance(model, MakesLists if name in comparable.WHOLE else Recommender)
    assert make() is not model


def test_the_two_stage_models_are_those_of_the_configuration() -> None:
    makers = comparable.models(Config(candidates=17), protocol="random")
    assert "repeats" not in makers
    blend, whole = makers["blend"](), makers["tacit"]()
    assert isinstance(blend, TwoStage)
    assert isinstance(whole, TwoStage)
    assert blend.config.ranker is None
    assert whole.config == Config(candidates=17)
    assert blend.protocol == whole.protocol == "random"


def test_what_a_model_needs_and_costs_is_what_the_register_says() -> None:
    assert comparable.slow_models() == ["transformer"]
    assert comparable.models_that_need("text") == ["content", "tuned-content"]
    single = comparable.single_models(repeats=True)
    assert "repeats" in single
    assert "rules" not in single
    assert set(comparable.single_models()) == set(single) - {"repeats"}
    assert {"popular", "itemknn-bm25", "itemknn-tfidf"} < set(single)
    assert not {"trending-now", "userknn-ever"} & set(
        single
    )  # parts of the blend, and no simple models to beat
