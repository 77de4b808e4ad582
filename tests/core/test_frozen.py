"""A frozen dataclass made in one step is one."""

from dataclasses import FrozenInstanceError, dataclass

import pytest

from tacit.core.frozen import frozen


@dataclass(frozen=True)
class Point:
    x: int
    kind: str


def test_it_equals_one_made_the_usual_way_and_stays_frozen() -> None:
    made = frozen(Point, x=1, kind="a")
    assert made == Point(1, "a")
    assert hash(made) == hash(Point(1, "a"))
    with pytest.raises(FrozenInstanceError):
        made.x = 2  # type: ignore[misc]
