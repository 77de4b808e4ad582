"""The number of processors: those of the machine, or those that a container grants."""

import os
from pathlib import Path

import pytest

from tacit.server.processors import processors

HERE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000\n", HERE),
        ("100000 100000\n", 1),
        ("50000 100000\n", 1),
        (f"{(HERE + 5) * 100_000} 100000\n", HERE),
        ("150000 100000\n", min(2, HERE)),
        ("nonsense", HERE),
        ("1 0", HERE),
    ],
)
def test_a_limit_of_the_control_group_counts(tmp_path: Path, limit: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    assert processors(tmp_path / "cpu.max") == expected


def test_without_a_limit_it_is_what_the_system_allows(tmp_path: Path) -> None:
    assert processors(tmp_path / "none") == HERE
