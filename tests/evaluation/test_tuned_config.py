"""A configuration with better parameters: who is tuned, what is kept, what is said."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
import polars as pl
import pytest

from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameterised, learned, parameter
from tacit.core.spaces import Float
from tacit.core.types import Float32, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.evaluation.split import Split, make_split
from tacit.evaluation.tuned_config import retrievers_to_tune, tune_config
from tacit.models.ease import EASE
from tacit.models.trending import Trending
from tacit.pipeline import register
from tacit.pipeline.config import Config
from tacit.testing.generated import small_events


class Hill(Parameterised):
    """Puts the most popular first where ``where`` is near to .3, and last where it is not.

    Parameters
    ----------
    where : float
    """

    name: str = "hill"
    where: float = parameter(default=0.9, low=0, high=1, search=Float(0.0, 1.0))
    scores_: Float32 = learned()

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        counts = np.bincount(interactions.item, minlength=len(catalogue))
        self.scores_ = (counts * (0.4 - abs(self.where - 0.3))).astype(np.float32)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        scores = np.tile(self.scores_, (len(queries), 1))
        return scores if items is None else scores[:, items]


class Flat(Hill):
    """The same, whatever its parameter is.

    Parameters
    ----------
    where : float
    """

    name: str = "flat"

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        self.scores_ = np.bincount(interactions.item, minlength=len(catalogue)).astype(np.float32)
        return self


class Stopped(Hill):
    """Interrupted by its user in the third trial.

    Parameters
    ----------
    where : float
    """

    name: str = "stopped"

    def fit(self, *given: Any, **more: Any) -> Self:
        FITTED.append(self.where)
        if len(FITTED) == 3:
            raise KeyboardInterrupt
        return super().fit(*given, **more)


FITTED: list[float] = []


@pytest.fixture(scope="module")
def split() -> Split:
    events = small_events(np.random.default_rng(7))
    return make_split(events.with_columns(value=pl.lit(None, pl.Float64)))


def config(*retrievers: Any) -> Config:
    return Config(retrievers=retrievers, windows=1, encoder="tfidf")


def test_by_default_the_first_of_each_class_is_tuned_that_can_be_and_is_not_slow() -> None:
    rules = register.create("retriever", "rules", {"rules": [{"items": ["a"]}]})
    many = config("trending", "popular", rules, "ease", EASE(name="recent", decay=0.5), "transformer", Hill())
    assert [one.name for one in retrievers_to_tune(None, many)] == ["trending", "ease", "hill"]
    first = config("popular", "trending")
    assert retrievers_to_tune(None, first) == [first.retrievers[0]]


def test_a_name_is_that_of_the_configuration_or_else_of_the_register() -> None:
    own = config(EASE(l2=9.0), "trending")
    assert retrievers_to_tune(["popular", "ease", "popular"], own) == [
        register.create("retriever", "popular"),
        EASE(l2=9.0),
    ]
    assert retrievers_to_tune([], own) == []
    with pytest.raises(ConfigError, match="there is no retriever 'eaze'"):
        retrievers_to_tune(["eaze"], own)
    with pytest.raises(
        ConfigError, match="nothing to tune in 'transformer'; known: trending, forecast, itemknn"
    ):
        retrievers_to_tune(["ease", "transformer"], own)


def test_what_is_better_in_the_blend_is_kept(split: Split) -> None:
    before = replace(config(Hill()), ranker="mlp", candidates=30)
    tuned = tune_config(before, split, trials=12)
    (found,) = tuned.found
    assert found.best.value > found.start.value
    assert tuned.config == replace(before, retrievers=[Hill(where=found.best.parameters["where"])])
    assert abs(tuned.config.retrievers[0].where - 0.3) < 0.4
    assert tuned.protocol == split.protocol
    first, last = tuned.lines
    assert first == f"hill: {found.start.value:.4f} before, {found.best.value:.4f} after 12 trials"
    assert last.startswith("blend of all: ")
    assert last.endswith(": the tuned ones are kept")


def test_what_is_within_noise_is_not_kept(split: Split) -> None:
    before = config(Flat(), "trending")
    tuned = tune_config(before, split, names=["flat"], trials=3)
    assert tuned.config is before
    assert tuned.lines[-1].endswith("within noise, so the ones before are kept")
    assert len(tuned.found) == 1


def test_a_retriever_that_is_not_in_the_configuration_joins_it_if_that_helps(split: Split) -> None:
    before = config(Hill())  # the least popular first: anything helps
    tuned = tune_config(before, split, names=["ease"], trials=2)
    assert [one.name for one in tuned.config.retrievers] == ["hill", "ease"]
    assert tuned.config.retrievers[0] == Hill()
    assert len(tuned.found[0].trials) == 2


def test_what_needs_texts_is_skipped_where_there_are_none(split: Split) -> None:
    before = config("content", Flat())
    tuned = tune_config(before, split, trials=2)
    assert tuned.lines[0] == "not tuned, because no item has a text or an encoder: content"
    assert len(tuned.found) == 1
    with pytest.raises(ConfigError, match="there is nothing to tune; name retrievers"):
        tune_config(before, split, names=["content"], trials=2)


def test_what_needs_texts_is_tuned_where_there_are_some(split: Split) -> None:
    vectors = np.random.default_rng(0).random((len(split.catalogue), 8), dtype=np.float32)
    known = replace(split, catalogue=split.catalogue.with_vectors(vectors))
    tuned = tune_config(config("content"), known, trials=1)
    assert [one.name for one in tuned.found] == ["content"]
    assert tuned.lines[0].startswith("content: ")


def test_the_seed_is_that_of_the_configuration(split: Split) -> None:
    def tried(seed: int) -> list[object]:
        tuned = tune_config(replace(config(Flat()), seed=seed), split, trials=3)
        return [trial.parameters for trial in tuned.found[0].trials]

    assert tried(1) == tried(1) != tried(2)


def test_an_interrupt_keeps_what_was_found_and_tunes_no_more(split: Split) -> None:
    FITTED.clear()
    before = config(Trending(), Stopped(), Flat())
    tuned = tune_config(before, split, names=["stopped", "flat"], trials=9)
    assert len(FITTED) == 3  # nothing is fitted after that
    (found,) = tuned.found
    assert found.interrupted
    assert tuned.lines[-1] == "interrupted: the blend of all was not compared"
    assert [one.name for one in tuned.config.retrievers] == ["trending", "stopped", "flat"]
    assert tuned.config.retrievers[1].where == found.best.parameters["where"]
