import inspect

import pytest

from tacit.pipeline.retrievers import RETRIEVERS, retriever
from tacit.pipeline.spaces import SPACES, Choice, Float, Int


def values(kind: Float | Int | Choice) -> tuple[object, ...]:
    return kind.values if isinstance(kind, Choice) else (kind.low, kind.high)


@pytest.mark.parametrize("name", SPACES)
def test_a_model_takes_every_value_of_its_space(name: str) -> None:
    for parameter, kind in SPACES[name].items():
        for value in values(kind):
            assert getattr(retriever(name, {parameter: value}), parameter) == value


@pytest.mark.parametrize("name", SPACES)
def test_the_defaults_lie_within_the_space(name: str) -> None:
    defaults = inspect.signature(RETRIEVERS[name]).parameters
    for parameter, kind in SPACES[name].items():
        assert kind.holding(defaults[parameter].default) == kind, parameter  # type: ignore[arg-type]


def test_all_models_have_a_space_but_those_without_anything_to_search_or_that_take_hours() -> None:
    assert set(RETRIEVERS) - set(SPACES) == {"rules", "transformer"}


def test_what_may_be_left_out_of_a_file_only_is_the_default() -> None:
    for name, space in SPACES.items():  # TOML has no null: a parameter that is None is not written
        defaults = inspect.signature(RETRIEVERS[name]).parameters
        for parameter, kind in space.items():
            if isinstance(kind, Choice) and None in kind.values:
                assert defaults[parameter].default is None


def test_a_range_is_stretched_to_where_the_search_starts() -> None:
    assert Float(1, 2).holding(3.0) == Float(1, 3)
    assert Int(4, 9, log=True).holding(2) == Int(2, 9, log=True)
    assert Choice(("a", None)).holding("b") == Choice(("a", None, "b"))
    assert Choice(("a", None)).holding(None) == Choice(("a", None))
