"""Every retriever of the register, alone in a pipeline: it recommends, explains, survives save and load."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest

from tacit.core.errors import InputError, UnsupportedError
from tacit.core.types import Json
from tacit.data.shop import generate
from tacit.engine.batch import recommend_all
from tacit.engine.engine import Engine
from tacit.engine.requests import Request
from tacit.engine.snapshot import Snapshot, load, save
from tacit.engine.train import train
from tacit.models.protocol import ComesNext, GoesTogether, SimilarItems
from tacit.pipeline import register
from tacit.pipeline.config import Config
from tacit.pipeline.similar import KINDS, SimilarKind

NAMES = register.names("retriever")

VALUES: dict[str, dict[str, Json]] = {
    "transformer": {"epochs": 1, "embedding_size": 8, "blocks": 1, "max_length": 10, "device": "cpu"},
    "rules": {"rules": [{"where": [{"attribute": "price", "op": ">", "value": 0}], "sort": "price"}]},
}
"""What a retriever needs to be told, or is made small by."""

CAPABILITIES = {"alike": SimilarItems, "together": GoesTogether, "next": ComesNext}


@cache
def fitted(name: str) -> Snapshot:
    """A shop of 60 users and 80 items, recommended by one retriever alone."""
    shop = generate(seed=5, users=60, items=80, events=900, days=30)
    one = register.create("retriever", name, VALUES.get(name))
    needs = register.find("retriever", name).needs
    config = Config(
        retrievers=[one],
        ranker=None,
        windows=1,
        repeats="repeats" in needs,
        encoder="tfidf" if "text" in needs else "none",
    )
    return train(shop.events, shop.items, config)


@cache
def saved(name: str) -> Snapshot:
    """The same, written and read."""
    with TemporaryDirectory() as folder:
        save(fitted(name), Path(folder) / "snapshot")
        return load(Path(folder) / "snapshot")


def lists(snapshot: Snapshot) -> pl.DataFrame:
    return pl.concat(recommend_all(snapshot, k=5))


@pytest.mark.parametrize("name", NAMES)
def test_it_recommends(name: str) -> None:
    snapshot = fitted(name)
    found = lists(snapshot)
    assert [one.name for one in snapshot.pipeline.retrievers_] == [name]
    assert found.group_by("user_id").len()["len"].unique().to_list() == [5]
    assert found["score"].is_finite().all()
    assert found["item_id"].n_unique() >= 5


@pytest.mark.parametrize("name", NAMES)
def test_it_survives_save_and_load(name: str) -> None:
    again = saved(name)
    assert lists(again).equals(lists(fitted(name)))
    assert again.pipeline.config == fitted(name).pipeline.config
    assert again.pipeline.retrievers_[0] == fitted(name).pipeline.retrievers_[0]
    assert type(again.pipeline.retrievers_[0]) is register.find("retriever", name).load()


@pytest.mark.parametrize("name", NAMES)
def test_it_explains_the_same_before_and_after(name: str) -> None:
    user = fitted(name).interactions.users.ids[3]
    before, after = (
        Engine(one).recommend(Request(user_id=user, k=10)) for one in (fitted(name), saved(name))
    )
    assert before.items == after.items
    assert len(before.items) == 10
    for item in before.items:
        assert len(item.reasons) <= 2
        assert all(reason and "\n" not in reason for reason in item.reasons)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_it_answers_what_belongs_to_an_item_or_refuses_in_words(name: str, kind: SimilarKind) -> None:
    """By the pipeline alone: the engine also has the counts of the log to answer by."""
    model, again = fitted(name).pipeline, saved(name).pipeline
    asked = np.array([0, 7], dtype=np.int32)
    if not isinstance(model.retrievers_[0], CAPABILITIES[kind]):
        with pytest.raises(UnsupportedError, match="no part of this pipeline can say") as error:
            model.similar(asked, 5, kind=kind)
        assert "\n" not in str(error.value)
        return
    found = model.similar(asked, 5, kind=kind)
    assert ((found.items >= -1) & (found.items < 80)).all()
    assert not (found.items == asked[:, None]).any()
    np.testing.assert_array_equal(again.similar(asked, 5, kind=kind).items, found.items)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_engine_answers_or_refuses_in_words(name: str, kind: SimilarKind) -> None:
    log = fitted(name).interactions
    popular = log.items.ids[int(np.bincount(log.item).argmax())]

    def answer(snapshot: Snapshot) -> list[str] | str:
        try:
            return [one.item_id for one in Engine(snapshot).similar(popular, 5, kind).items]
        except InputError as error:
            return str(error)

    before = answer(fitted(name))
    assert before == answer(saved(name))
    if isinstance(before, str):  # the counts of the log answer the other questions
        assert kind == "alike"
        assert not isinstance(fitted(name).pipeline.retrievers_[0], SimilarItems)
        assert "\n" not in before
    else:
        assert 1 <= len(set(before) - {popular}) == len(before) <= 5
