"""What an import may cost: counted in modules, not in seconds."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "polars",
    "transformers",
    "numpy",
    "scipy",
    "sklearn",
    "matplotlib",
    "fastapi",
    "sqlalchemy",
    "optuna",
)


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import tacit; tacit.__version__", ()),
        ("import tacit.cli.app", ()),
        ("import tacit.pipeline.register", ()),
        ("from tacit.cli.app import run; run(['check', '--help'])", ()),
        ("from tacit.cli.app import run; run(['fit', '--help'])", ()),
        ("from tacit.reading.read import read_events", ("numpy", "polars")),
    ],
)
def test_nothing_is_imported_before_it_is_needed(code: str, allowed: tuple[str, ...]) -> None:
    ask = f"{code}\nimport sys\nprint('\\nloaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()[-1].removeprefix("loaded:").split()
    assert set(loaded) <= set(allowed)
