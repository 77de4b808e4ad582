"""Which loops answer a request: the compiled ones where they fit, NumPy otherwise, and it is said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "from tacit.core import kernels; print(kernels.COMPILED is None, kernels.STATE)"


def state(folder: Path | None = None, **environment: str) -> str:
    """Return what a fresh interpreter says, with a folder before all others on its path."""
    path = os.pathsep.join([*([str(folder)] if folder else []), *sys.path])
    of_child = {**os.environ, "PYTHONPATH": path, **environment}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, env=of_child, check=True)
    return done.stdout.decode().strip()


def test_they_can_be_switched_off() -> None:
    assert state(TACIT_KERNELS="off") == "True NumPy (TACIT_KERNELS=off)"


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("API = 5", "False compiled (tacit-recsys-kernels)"),
        ("API = 0", "True NumPy (tacit-recsys-kernels has API 0; this version of Tacit needs 5)"),
        ("raise ImportError", "True NumPy (tacit-recsys-kernels is not installed)"),
    ],
)
def test_those_of_another_version_are_left_unused(module: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "tacit_kernels.py").write_text(module)
    assert state(tmp_path, TACIT_KERNELS="") == expected
