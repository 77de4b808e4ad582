from typing import Any

import pytest

from tacit.core.parameters import build, declared
from tacit.core.spaces import Choice
from tacit.models.retriever import Retriever
from tacit.pipeline.register import ENTRIES

RETRIEVERS = {entry.name: entry for entry in ENTRIES if entry.kind == "retriever"}
every = pytest.mark.parametrize("name", RETRIEVERS)


@every
def test_every_retriever_is_of_the_base_and_has_its_name(name: str) -> None:
    cls = RETRIEVERS[name].load()
    assert issubclass(cls, Retriever)
    assert cls().name == name


@every
def test_every_parameter_has_a_meaning(name: str) -> None:
    missing = [one.name for one in declared(RETRIEVERS[name].load()).values() if not one.meaning]
    assert missing == []


@every
def test_every_value_that_tuning_may_take_is_accepted_and_the_default_is_among_them(name: str) -> None:
    cls = RETRIEVERS[name].load()
    for one in declared(cls).values():
        if one.search is None:
            continue
        tried: tuple[Any, ...] = (
            one.search.values if isinstance(one.search, Choice) else (one.search.low, one.search.high)
        )
        for value in tried:
            assert getattr(build(cls, {one.name: value}, name), one.name) == value
        assert one.search.holding(one.default) == one.search


@every
def test_every_retriever_of_its_specification_is_equal(name: str) -> None:
    model = RETRIEVERS[name].load()()
    spec = model.spec()
    assert build(type(model), {k: v for k, v in spec.items() if k != "name"}, name, name=name) == model
