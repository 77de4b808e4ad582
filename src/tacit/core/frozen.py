"""Frozen dataclasses made in one step, where every request makes many."""

from typing import Any, TypeVar

T = TypeVar("T")


def frozen(kind: type[T], /, **values: Any) -> T:
    """Return a frozen dataclass without slots with these values, of which none may be left out.

    Its own ``__init__`` calls ``object.__setattr__`` for every field, which takes four times as long.
    """
    found = object.__new__(kind)
    found.__dict__.update(values)
    return found
