"""Lengths of time of options: one form for all."""

import pytest

from tacit.core.durations import parse_duration
from tacit.core.errors import ConfigError


def test_every_unit_is_read() -> None:
    texts = ("90s", "30m", "6h", "1.5d", " 2 h ")
    assert [parse_duration(one, "--every") for one in texts] == [90, 1_800, 21_600, 129_600, 7_200]


@pytest.mark.parametrize(
    "text", ["", "0d", "0.0h", "soon", "5", "5w", "-1h", "1e3s", "٣d", "1h 5m", "9" * 10 + "d"]
)
def test_what_is_none_is_refused_with_the_units(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--keep is .* 90s, 30m, 6h or 400d, or ever"):
        parse_duration(text, "--keep", or_else="ever")
