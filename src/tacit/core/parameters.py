"""Parameters of a model, a ranker or any other component: declared once, as the fields of its class.

::

    class EASE(Parameterised):
        \"\"\"Linear weights from the items of a history to all items.

        Parameters
        ----------
        l2 : float
            Regularisation.
        \"\"\"

        name: str = "ease"
        l2: float = parameter(default=4.0, above=0, search=Float(0.3, 30.0, log=True))
        weights_: ItemItem = learned()

These fields define the constructor, the checks of type and range, the keys of a TOML table, the space that
tuning searches, `repr`, equality, and what a snapshot keeps (`spec`). The docstring of the class says what
each parameter means. What is learned has a name that ends in ``_`` and is no parameter.

A class that is not derived from `Parameterised` works too: its parameters are the arguments of ``__init__``,
kept as attributes of the same names.
"""  # noqa: D214, D215

import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Self,
    TypeVar,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from tacit.core.errors import ConfigError
from tacit.core.spaces import Search

if TYPE_CHECKING:  # it imports numpy, which the options of the command line do not need
    from tacit.core.types import Json

Built = TypeVar("Built")

_META = "tacit"
_NAME = "name"
_ENDLESS = "inf"
"""JSON has no infinity: it is written as this text."""
_NULL = "none"
"""TOML has no null: it is written as this text."""
_LONGEST = 100
"""Characters of a value in a message."""


@dataclass(frozen=True)
class Bounds:
    """What a number may be.

    Attributes
    ----------
    low, high : float or None
        The smallest and the largest value.
    above, below : float or None
        Exclusive limits.
    """

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None

    def hold(self, value: float) -> bool:
        """Return whether a number is within the bounds; NaN never is."""
        return (
            not math.isnan(value)
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        limits = [
            f"{words} {limit:g}"
            for words, limit in (
                ("at least", self.low),
                ("more than", self.above),
                ("at most", self.high),
                ("less than", self.below),
            )
            if limit is not None
        ]
        return " and ".join(limits)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a component.

    Attributes
    ----------
    name : str
    kind : type or annotation
    default : value, or `inspect.Parameter.empty` where it must be given
    bounds : Bounds
        For a number, or for each number of a sequence or a mapping.
    unit : str
        "" if there is none.
    search : Float, Int, Choice or None
        Values that tuning tries; None for a parameter that is not tuned.
    meaning : str
        Its description in the docstring; "" if there is none.
    """

    name: str
    kind: Any
    default: Any
    bounds: Bounds = Bounds()
    unit: str = ""
    search: Search | None = None
    meaning: str = ""


def parameter(
    *,
    default: Any = MISSING,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    unit: str = "",
    search: Search | None = None,
    default_factory: Callable[[], Any] | None = None,
) -> Any:
    """Return the field of a parameter; see `Parameter` for the arguments."""
    meta = {_META: (Bounds(low, high, above, below), unit, search)}
    if default_factory is not None:
        return field(default_factory=default_factory, metadata=meta)
    return field(default=default, metadata=meta)


def learned(
    *,
    default: Any = MISSING,
    default_factory: Callable[[], Any] | None = None,
    init: Literal[False] = False,
) -> Any:
    """Return the field of something learned: neither a parameter nor part of equality and `repr`.

    Use ``default_factory`` for a list or a mapping that is there before `fit`: no two objects share it.
    """
    if default_factory is not None:
        return field(default_factory=default_factory, init=init, repr=False, compare=False)
    return field(default=default, init=init, repr=False, compare=False)


@dataclass_transform(kw_only_default=True, field_specifiers=(parameter, learned))
class Parameterised:
    """Base of components whose annotated fields are their parameters; see the head of this module.

    Parameters are given by name, checked in the constructor, and never change: `dataclasses.replace` returns
    another object. Two components are equal if their classes and their parameters are.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _redeclare(cls)
        dataclass(kw_only=True, eq=False, repr=False)(cls)

    def __new__(cls, *positional: Any, **values: Any) -> Self:
        """Raise a ConfigError where `__init__` would raise a TypeError: unknown names, positional values."""
        known = [one for one in declared(cls) if one != _NAME]
        what = f"{cls.__name__} has no parameter"
        if positional:
            raise ConfigError(f"{cls.__name__} takes its parameters by name: {', '.join(known)}")
        for name in values:
            if name not in known and name != _NAME:
                raise ConfigError(f"{what} {name!r}; known: {', '.join(sorted(known))}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for one in declared(type(self)).values():
            checked_value = checked(
                one, getattr(self, one.name), str(getattr(self, _NAME, type(self).__name__))
            )
            self.__dict__[one.name] = checked_value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ and name in declared(type(self)):
            raise AttributeError(
                f"{name} is a parameter and never changes; dataclasses.replace makes another"
            )
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if name in declared(type(self)):
            raise AttributeError(f"{name} is a parameter and cannot be deleted")
        super().__delattr__(name)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return values_of(self) == values_of(other)

    def __hash__(self) -> int:
        return hash(type(self).__qualname__)

    def __repr__(self) -> str:
        """Return the class and the parameters that differ from their defaults."""
        own = declared(type(self))
        changed = [
            f"{name}={value!r}" for name, value in values_of(self).items() if value != own[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def spec(self) -> "dict[str, Json]":
        """Return the parameters as JSON; see `plain`."""
        return {name: plain(value) for name, value in values_of(self).items()}


def declared(cls: type) -> Mapping[str, Parameter]:
    """Return the parameters of a class by name, in order, with ``name`` if the class has one."""
    return _declared(cls)


def values_of(component: object) -> dict[str, Any]:
    """Return the values of the parameters of a component, by name.

    Raises
    ------
    ConfigError
        If one of them is not kept as an attribute.
    """
    values = {}
    for name in declared(type(component)):
        if not hasattr(component, name):
            raise ConfigError(
                f"{type(component).__name__} takes the parameter {name!r} and does not keep it as an "
                f"attribute of that name; add self.{name} = {name}"
            )
        values[name] = getattr(component, name)
    return values


def space_of(cls: type) -> dict[str, Search]:
    """Return the search space of each parameter that is tuned."""
    return {name: one.search for name, one in declared(cls).items() if one.search is not None}


def build(cls: type[Built], values: Mapping[str, Any], what: str, *, name: str | None = None) -> Built:
    """Return a component built from plain values; ``what`` names it in messages.

    Raises
    ------
    ConfigError
        If a name is unknown, or a value is of the wrong type, out of range or missing.
    """
    known = declared(cls)
    own = dict(values)
    for key in own:
        if key not in known or key == _NAME:
            names = sorted(set(known) - {_NAME})
            raise ConfigError(f"{what} has no parameter {key!r}; known: {', '.join(names) or 'none'}")
        own[key] = checked(known[key], from_plain(own[key], known[key].kind), what)
    for key, one in known.items():
        if one.default is inspect.Parameter.empty and key not in own and key != _NAME:
            raise ConfigError(f"{what} needs a value for {key}")
    if name is not None and _NAME in known:
        own[_NAME] = name
    return cls(**own)


def checked(one: Parameter, value: Any, what: str) -> Any:
    """Return a value in normal form: ints as floats for a float, lists as tuples, no NumPy numbers.

    Raises
    ------
    ConfigError
        If it is of the wrong type or out of range; ``what`` names the component.
    """
    from pydantic import ValidationError

    numpy = sys.modules.get("numpy")  # a NumPy number exists only where NumPy is imported already
    if numpy is not None and isinstance(value, numpy.generic):
        value = value.item()
    form = _thawed(value) if _mentions(one.kind, list) else _frozen(value)
    try:
        value = _frozen(_adapter(one.kind).validate_python(form))
    except ValidationError as error:
        reason = _reason(error.errors()[0])
        raise ConfigError(f"{what}: {one.name} is {shown(value)}, of the wrong type: {reason}") from error
    for number in _numbers(value):
        if not one.bounds.hold(number):
            limits = str(one.bounds) or "a number"
            raise ConfigError(f"{what}: {one.name} is {shown(value)}; it must be {limits}")
    return value


def shown(value: object) -> str:
    """Return a value for a message: on one line, and shortened."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # Python writes no int of many thousands of digits, and an object may do as it likes
        return f"a very long {type(value).__name__}" if isinstance(value, int) else type(value).__name__
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}..."


def plain(value: Any) -> "Json":
    """Return a value as JSON: tuples as lists, infinity as the text "inf"."""
    if isinstance(value, float) and math.isinf(value):
        return _ENDLESS if value > 0 else f"-{_ENDLESS}"
    if isinstance(value, Mapping):
        return {str(key): plain(own) for key, own in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(own) for own in value]
    result: Json = value
    return result


def from_plain(value: Any, kind: Any) -> Any:
    """Return a value of a file as a parameter with the annotation ``kind`` takes it.

    The text "inf" stands for infinity, which JSON lacks, and "none" for null, which TOML lacks; in sequences
    and mappings too.
    """
    if isinstance(value, list | tuple):
        return [from_plain(own, kind) for own in value]
    if isinstance(value, Mapping):
        return {key: from_plain(own, kind) for key, own in value.items()}
    if not isinstance(value, str):
        return value
    if value == _NULL and _mentions(kind, type(None)) and not _mentions(kind, str):
        return None
    if value.removeprefix("-") == _ENDLESS and _mentions(kind, float):
        return float(value)
    return value


def _redeclare(cls: Any) -> None:
    """Make the values that a class gives to inherited parameters without annotations their new defaults.

    A dataclass looks at annotations only: without them it would silently keep the old default.
    """
    inherited = getattr(cls, "__dataclass_fields__", {})
    own = inspect.get_annotations(cls)
    for name, value in list(vars(cls).items()):
        if name not in inherited or name in own or not inherited[name].init or hasattr(value, "__get__"):
            continue
        own[name] = inherited[name].type
        if not isinstance(value, Field):
            setattr(cls, name, _field_of(value, inherited[name].metadata))
    cls.__annotations__ = own


def _field_of(value: Any, metadata: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return field(default_factory=lambda: dict(value), metadata=metadata)
    return field(default=_frozen(value), metadata=metadata)


def _reason(error: Mapping[str, Any]) -> str:
    """Return in plain words why Pydantic refuses a value."""
    context = error.get("ctx", {})
    if error["type"] in ("is_instance_of", "dataclass_type", "dataclass_exact_type"):
        return f"it must be an object of the class {context.get('class') or context['class_name']}"
    if "error" in context:
        return str(context["error"])
    return str(error["msg"]).lower()


@cache
def _declared(cls: Any) -> Mapping[str, Parameter]:
    init: Any = cls.__dict__.get("__init__") or cls.__init__
    hints = get_type_hints(init)
    meanings = _meanings(cls)
    metas = {one.name: one.metadata.get(_META) for one in fields(cls)} if is_dataclass(cls) else {}
    found = {}
    for name, one in list(inspect.signature(init).parameters.items())[1:]:
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        bounds, unit, search = metas.get(name) or (Bounds(), "", None)
        default = _default(cls, name, one.default)
        kind = hints.get(name, Any)
        found[name] = Parameter(name, kind, default, bounds, unit, search, meanings.get(name, ""))
    return found


def _mentions(kind: Any, wanted: type) -> bool:
    """Return whether an annotation is a type or contains it."""
    own = get_origin(kind) or kind
    return own is wanted or any(_mentions(part, wanted) for part in get_args(kind))


def _numbers(value: Any) -> Iterator[int | float]:
    """Yield the numbers in a value: itself, or those of a sequence or of the values of a mapping."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    elif isinstance(value, tuple):
        for own in value:
            yield from _numbers(own)
    elif isinstance(value, Mapping):
        for own in value.values():
            yield from _numbers(own)


def _default(cls: type, name: str, default: Any) -> Any:
    """Return the default of a parameter, or the result of its factory."""
    if is_dataclass(cls):
        own: Field[Any] | None = next((one for one in fields(cls) if one.name == name), None)
        if own is not None and own.default_factory is not MISSING:
            return _frozen(own.default_factory())
    return _frozen(default)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _thawed(value: Any) -> Any:
    return list(map(_thawed, value)) if isinstance(value, list | tuple) else value


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(kind, config=ConfigDict(strict=True, arbitrary_types_allowed=True))
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(kind)  # a dataclass, whose configuration is its own


def _meanings(cls: type) -> dict[str, str]:
    """Return the description of each parameter from the docstrings of a class and its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        inside, names = False, ""
        lines = inspect.cleandoc(base.__doc__ or "").splitlines()
        for line, below in pairwise([*lines, ""]):
            if below.startswith("---"):
                inside, names = line in ("Parameters", "Attributes"), ""
            elif inside and line and not line.startswith((" ", "-")):
                names = line.partition(" : ")[0]
                found |= {name.strip(): "" for name in names.split(",")}
            elif inside and names:
                for name in names.split(","):
                    found[name.strip()] = f"{found[name.strip()]} {line.strip()}".strip()
    return found
