"""Models by name."""

from functools import cache
from typing import ClassVar, Self

import numpy as np
import pytest

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT
from tacit.core.seeds import Streams
from tacit.core.types import Array, Float32, Json
from tacit.models.protocol import MakesLists, Recommender
from tacit.pipeline import comparable
from tacit.pipeline.config import Config, families_of
from tacit.pipeline.firststage import FirstStage, fit_first_stage
from tacit.pipeline.twostage import TwoStage
from tacit.rankers.mlp import MLP
from tacit.rankers.pair import PairClassifier
from tacit.rankers.ranker import Epoch
from tacit.testing.generated import small_log


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


@cache
def first_stage() -> FirstStage:
    streams = Streams.of(np.random.default_rng(0))
    config = Config(retrievers=["trending"], windows=1)
    return fit_first_stage(config, *small_log(), protocol=None, streams=streams, progress=SILENT)


def made(makers: dict[str, comparable.Maker]) -> dict[str, TwoStage]:
    found = {name: make() for name, make in makers.items()}
    assert all(isinstance(model, TwoStage) and model.name == name for name, model in found.items())
    assert all(model.first is first_stage() and model.protocol == "random" for model in found.values())
    return found


def test_rankers_share_a_first_stage_and_keep_their_parameters() -> None:
    config = Config(ranker=MLP(hidden=(8,)), rerank=PairClassifier(top=5), candidates=30)
    names = ["none", "mlp", "dcn", "pair"]
    found = made(comparable.ranked(config, first_stage(), names, protocol="random"))
    assert list(found) == ["tacit-none", "tacit-mlp", "tacit-dcn", "tacit-pair"]
    assert found["tacit-none"].config == Config(ranker=None, candidates=30)
    assert found["tacit-mlp"].config == Config(ranker=MLP(hidden=(8,)), candidates=30)
    assert found["tacit-dcn"].config == Config(ranker="dcn", candidates=30)
    assert found["tacit-pair"].config == Config(ranker=None, rerank=PairClassifier(top=5), candidates=30)


def test_an_ablation_leaves_out_each_family_and_keeps_all_else() -> None:
    ranker = MLP(name="mine", hidden=(8,), families=("popularity", "text", "people"))
    found = made(comparable.ablated(Config(ranker=ranker, seed=3), first_stage(), protocol="random"))
    assert {name: model.config.ranker.families for name, model in found.items() if model.config.ranker} == {
        "tacit-without-popularity": ("text", "people"),
        "tacit-without-text": ("popularity", "people"),
        "tacit-without-people": ("popularity", "text"),
    }
    left = found["tacit-without-text"].config
    assert left == Config(ranker=MLP(name="mine", hidden=(8,), families=("popularity", "people")), seed=3)
    usual = made(comparable.ablated(Config(), first_stage(), protocol="random"))
    assert len(usual) == len(families_of(MLP()))


class Fixed:
    """A ranker whose families are its own business."""

    name = "fixed"
    families = ("popularity",)
    tasks: ClassVar[dict[str, float]] = {}
    scale = "standard"
    epochs_: ClassVar[list[Epoch]] = []

    def fit(self, *given: object, **more: object) -> Self:
        return self

    def score(self, features: Float32, base: Float32) -> Float32:
        return base

    def spec(self) -> dict[str, Json]:
        return {}

    def arrays(self) -> dict[str, Array]:
        return {}

    @classmethod
    def restore(cls, spec: object, arrays: object) -> Self:
        return cls()


def test_what_cannot_be_ablated_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no ranker whose features could be left out"):
        comparable.ablated(Config(ranker=None), first_stage())
    makers = comparable.ablated(Config(ranker=Fixed()), first_stage())  # type: ignore[arg-type]
    with pytest.raises(
        ConfigError, match="the ranker 'fixed' takes no parameter families: nothing can be left"
    ):
        makers["tacit-without-popularity"]()
