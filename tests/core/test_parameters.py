import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf, nan
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.errors import ConfigError
from tacit.core.parameters import (
    Parameterised,
    build,
    declared,
    from_plain,
    learned,
    parameter,
    shown,
    space_of,
    values_of,
)
from tacit.core.spaces import Choice, Float


class Model(Parameterised):
    """A component with a parameter of every kind.

    Parameters
    ----------
    rate : float
        How fast it goes,
        on two lines.
    low, high : int
        Limits.
    half_life : float, optional
        When half is left.

    Attributes
    ----------
    weights_ : list
    """

    name: str = "model"
    rate: float = parameter(default=0.5, above=0, high=1, search=Float(0.1, 1.0))
    low: int = parameter(default=1, low=0)
    high: int = parameter(default=9, low=0)
    half_life: float | None = parameter(default=None, above=0, unit="days", search=Choice((None, 7.0)))
    mode: Literal["fast", "exact"] = parameter(default="fast")
    flag: bool = False
    layers: tuple[int, ...] = parameter(default=(8, 4), low=1)
    limits: tuple[float, ...] = ()
    by_kind: Mapping[str, float] = parameter(default_factory=dict, low=0)
    weights_: list[float] = learned()
    epochs_: int = learned(default=0)


class Narrow(Model):
    """A subclass with a default of its own and one more parameter.

    Parameters
    ----------
    extra : int
        Only here.
    """

    name: str = "narrow"
    rate: float = 0.25
    extra: int = 3


class Slower(Model):
    """A subclass that says more of a parameter.

    Attributes
    ----------
    rate : float
        How slow it goes.

    Notes
    -----
    low : int
        Nothing of a parameter.
    """


class Required(Parameterised):
    count: int = parameter(low=1)


class Other(Parameterised):
    share: float = parameter(default=0.5, low=0, below=1)
    keep: bool | int = parameter(default=False, low=2)
    sizes: list[int] = parameter(default_factory=list, low=1)


class Plain:
    def __init__(self, size: int = 3, *, ratio: float = 0.5, name: str = "plain") -> None:
        self.size = size
        self.ratio = ratio
        self.name = name


class Named:
    def __init__(self, name: str, *others: int, **more: int) -> None:
        self.name = name


class Forgetful:
    def __init__(self, size: int = 3) -> None:
        self.length = size


def test_defaults_are_those_of_the_fields() -> None:
    model = Model()
    assert (model.name, model.rate, model.half_life, model.layers, model.by_kind) == (
        "model",
        0.5,
        None,
        (8, 4),
        {},
    )
    assert model.epochs_ == 0
    assert not hasattr(model, "weights_")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": "fast"}, "model: rate is 'fast', of the wrong type: input should be a valid number"),
        ({"rate": True}, "rate is True, of the wrong type"),
        ({"low": 1.5}, "low is 1.5, of the wrong type: input should be a valid integer"),
        ({"low": True}, "low is True, of the wrong type"),
        ({"flag": 1}, "flag is 1, of the wrong type"),
        ({"half_life": "long"}, "half_life is 'long', of the wrong type"),
        ({"mode": "slow"}, "mode is 'slow', of the wrong type: input should be 'fast' or 'exact'"),
        ({"layers": "84"}, "layers is '84', of the wrong type"),
        ({"layers": [8, "4"]}, "layers is .*, of the wrong type"),
        ({"layers": None}, "layers is None, of the wrong type"),
        ({"name": 3, "rate": 0.5}, "name is 3, of the wrong type"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Model(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": 0}, "model: rate is 0.0; it must be more than 0 and at most 1"),
        ({"rate": 1.01}, "rate is 1.01; it must be more than 0 and at most 1"),
        ({"rate": nan}, "rate is nan; it must be more than 0 and at most 1"),
        ({"low": -1}, "low is -1; it must be at least 0"),
        ({"half_life": -inf}, "half_life is -inf; it must be more than 0"),
        ({"layers": (8, 0)}, r"layers is \(8, 0\); it must be at least 1"),
        ({"limits": [1.0, nan]}, r"limits is \(1.0, nan\); it must be a number"),
        ({"by_kind": {"view": -1.0}}, "by_kind is {'view': -1.0}; it must be at least 0"),
        ({"name": "mine", "low": -1}, "mine: low is -1"),
    ],
)
def test_a_number_out_of_range_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Model(**values)


def test_a_limit_that_is_no_value_is_refused() -> None:
    assert Other(share=0.999).share == 0.999
    with pytest.raises(ConfigError, match=r"Other: share is 1\.0; it must be at least 0 and less than 1"):
        Other(share=1)


def test_a_truth_is_no_number() -> None:
    assert Other(keep=True).keep is True
    assert Other(keep=2).keep == 2
    with pytest.raises(ConfigError, match="keep is 1; it must be at least 2"):
        Other(keep=1)


def test_the_ends_of_a_range_belong_to_it() -> None:
    assert Model(rate=1).rate == 1
    assert Model(low=0).low == 0
    assert Model(half_life=inf).half_life == inf


def test_values_are_kept_in_one_form() -> None:
    model = Model(rate=1, layers=[3, 2], limits=[1, 2], half_life=np.float32(7))  # type: ignore[arg-type]
    assert (type(model.rate), type(model.half_life)) == (float, float)
    assert model.layers == (3, 2)
    assert model.limits == (1.0, 2.0)
    assert type(Model(high=np.int64(7)).high) is int  # type: ignore[arg-type]
    assert Other(sizes=[3, 2]).sizes == Other(sizes=(3, 2)).sizes == (3, 2)  # type: ignore[comparison-overlap]


def test_names_that_are_no_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match="Model has no parameter 'speed'; known: by_kind, flag, "):
        Model(speed=3)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="Model has no parameter 'epochs_'"):
        Model(epochs_=3)  # type: ignore[call-arg]


def test_positional_values_are_refused() -> None:
    with pytest.raises(ConfigError, match="Model takes its parameters by name: rate, low, "):
        Model(0.5)  # type: ignore[misc]


def test_a_parameter_never_changes() -> None:
    model = Model()
    with pytest.raises(AttributeError, match="rate is a parameter and never changes"):
        model.rate = 0.7
    with pytest.raises(AttributeError, match="rate is a parameter and cannot be deleted"):
        del model.rate
    model.weights_ = [1.0]
    model.weights_ = [2.0]
    del model.weights_
    other = replace(model, rate=0.7)
    assert (model.rate, other.rate) == (0.5, 0.7)
    with pytest.raises(ConfigError, match="rate is 7"):
        replace(model, rate=7)


def test_the_representation_names_what_differs_from_the_defaults() -> None:
    assert repr(Model()) == "Model()"
    assert repr(Model(rate=0.7, layers=[3])) == "Model(rate=0.7, layers=(3,))"  # type: ignore[arg-type]
    assert repr(Narrow(rate=0.5)) == "Narrow(rate=0.5)"


def test_equal_are_components_of_one_class_and_the_same_parameters() -> None:
    fitted = Model(rate=1)
    fitted.weights_ = [1.0]
    assert fitted == Model(rate=1.0)
    assert hash(fitted) == hash(Model(rate=1.0))
    assert fitted != Model()
    assert Model(name="other") != Model()
    assert Model(rate=0.25) != Narrow()
    assert Model() != "model"
    assert Model() != Slower()  # of another class, though all values are equal
    assert values_of(Model()) == values_of(Slower())


def test_copies_have_the_parameters_and_what_was_learned() -> None:
    model = Model(rate=0.7)
    model.weights_ = [1.0]
    for other in (copy.copy(model), copy.deepcopy(model)):
        assert other == model
        assert other.weights_ == [1.0]


def test_what_is_declared_has_bounds_units_spaces_and_meanings() -> None:
    known = declared(Model)
    assert list(known) == [
        "name",
        "rate",
        "low",
        "high",
        "half_life",
        "mode",
        "flag",
        "layers",
        "limits",
        "by_kind",
    ]
    assert known["rate"].meaning == "How fast it goes, on two lines."
    assert known["low"].meaning == known["high"].meaning == "Limits."
    assert known["flag"].meaning == ""
    assert known["half_life"].unit == "days"
    assert known["by_kind"].default == {}
    assert str(known["rate"].bounds) == "more than 0 and at most 1"
    assert space_of(Model) == {"rate": Float(0.1, 1.0), "half_life": Choice((None, 7.0))}


def test_a_subclass_inherits_parameters_and_meanings() -> None:
    known = declared(Narrow)
    assert set(known) == {*declared(Model), "extra"}
    assert known["extra"].meaning == "Only here."
    assert known["rate"].meaning == "How fast it goes, on two lines."
    assert known["half_life"].unit == "days"
    assert (Narrow().name, Narrow().rate) == ("narrow", 0.25)
    assert "extra" not in declared(Model)
    assert declared(Slower)["rate"].meaning == "How slow it goes."
    assert declared(Slower)["low"].meaning == "Limits."


def test_a_component_is_built_of_plain_values() -> None:
    model = build(Model, {"half_life": "inf", "layers": [3], "limits": [1, "-inf"]}, "the model", name="mine")
    assert model == Model(name="mine", half_life=inf, layers=(3,), limits=(1.0, -inf))
    assert build(Model, {"half_life": "none"}, "the model").half_life is None
    endless = build(Model, {"by_kind": {"view": "inf"}}, "the model")
    assert endless.by_kind == {"view": inf}
    assert endless.spec()["by_kind"] == {"view": "inf"}


def test_a_name_is_given_to_what_takes_one() -> None:
    assert list(declared(Named)) == ["name"]
    assert build(Named, {}, "the model", name="mine").name == "mine"
    assert build(Required, {"count": 1}, "the model", name="mine") == Required(count=1)


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (Model, {"speed": 3}, "the model has no parameter 'speed'; known: by_kind, "),
        (Model, {"name": "mine"}, "the model has no parameter 'name'"),
        (Model, {"low": -1}, "the model: low is -1; it must be at least 0"),
        (Required, {}, "the model needs a value for count"),
        (Plain, {"size": "3"}, "the model: size is '3', of the wrong type"),
        (Plain, {"length": 3}, "the model has no parameter 'length'; known: ratio, size"),
    ],
)
def test_what_cannot_be_built_is_refused(cls: type, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(cls, values, "the model")


def test_a_class_without_the_base_has_the_parameters_of_its_constructor() -> None:
    assert list(declared(Plain)) == ["size", "ratio", "name"]
    model = build(Plain, {"ratio": 1, "size": 5}, "the model", name="mine")
    assert values_of(model) == {"size": 5, "ratio": 1.0, "name": "mine"}
    assert space_of(Plain) == {}


def test_a_class_that_does_not_keep_a_parameter_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Forgetful takes the parameter 'size'.*add self.size = size"):
        values_of(Forgetful())


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("inf", float, inf),
        ("-inf", float | None, -inf),
        ("inf", str, "inf"),
        ("inf", int, "inf"),
        (["inf", 1.0], tuple[float, ...], [inf, 1.0]),
        (["inf"], Sequence[str], ["inf"]),
        ("none", float | None, None),
        ("none", str | None, "none"),
        ("none", float, "none"),
    ],
)
def test_texts_stand_for_what_a_file_cannot_say(value: Any, kind: Any, expected: Any) -> None:
    assert from_plain(value, kind) == expected


positive = st.floats(min_value=0, exclude_min=True, allow_nan=False)


@given(
    rate=st.floats(0, 1, exclude_min=True),
    low=st.integers(0, 10**12),
    half_life=st.none() | positive,
    mode=st.sampled_from(["fast", "exact"]),
    flag=st.booleans(),
    layers=st.lists(st.integers(1, 99), max_size=4),
    limits=st.lists(st.floats(allow_nan=False), max_size=4),
    by_kind=st.dictionaries(st.text(), positive, max_size=3),
)
def test_a_specification_builds_the_same_component(**values: Any) -> None:
    model = Model(name="mine", **values)
    spec = json.loads(json.dumps(model.spec(), allow_nan=False))
    name = spec.pop("name")
    again = build(Model, spec, "the model", name=name)
    assert again == model
    assert again.spec() == model.spec()


def test_a_value_without_an_annotation_is_a_new_default() -> None:
    class Fast(Model):
        name = "fast"
        rate = 0.9
        layers = [4]  # noqa: RUF012
        by_kind = {"view": 2.0}  # noqa: RUF012

    model = Fast()
    assert (model.name, model.rate, model.layers, model.by_kind) == ("fast", 0.9, (4,), {"view": 2.0})
    assert Fast(rate=0.1).rate == 0.1
    assert space_of(Fast) == space_of(Model)
    with pytest.raises(ConfigError, match=r"fast: rate is 2\.0; it must be more than 0"):
        Fast(rate=2.0)
    assert Model().rate == 0.5


def test_a_value_without_an_annotation_gives_a_default_to_what_had_none() -> None:
    class Named(Parameterised):
        name: str

    class Mine(Named):
        name = "mine"

    assert Mine().name == "mine"


@pytest.mark.parametrize("value", [10**9_000, "x" * 999, [[1, "\n"]] * 99, np.zeros((50, 50))], ids="abcd")
def test_a_value_is_shown_on_one_short_line(value: object) -> None:
    assert len(shown(value)) < 110
    assert "\n" not in shown(value)
