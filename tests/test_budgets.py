"""What an import may cost: counted in modules, not in seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

from tacit.data.shop import generate

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


def test_a_check_of_texts_loads_no_network(tmp_path: Path) -> None:
    generate(users=30, items=80, events=300, days=20).write(tmp_path)
    code = (
        "import sys; from tacit.cli.app import run;"
        "assert run(['check', sys.argv[1], '--items', sys.argv[2]]) == 0;"
        "print('loaded:', *[name for name in ('torch', 'transformers', 'optuna') if name in sys.modules])"
    )
    files = [str(tmp_path / "events.csv"), str(tmp_path / "items.jsonl")]
    done = subprocess.run(
        [sys.executable, "-c", code, *files], capture_output=True, text=True, timeout=120, check=True
    )
    assert "texts are read by the pair" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_a_fit_imports_what_it_uses(tmp_path: Path) -> None:
    generate(users=40, items=80, events=600, days=20).write(tmp_path)
    (tmp_path / "short.toml").write_text('windows = 1\nranker = {name = "mlp", epochs = 2, members = 1}\n')
    unused = (
        "torch",
        "transformers",
        "sklearn",
        "scipy.stats",
        "matplotlib",
        "sqlalchemy",
        "optuna",
        "pandas",
    )
    code = (
        "import sys; from tacit.cli.app import run;"
        "assert run(['fit', sys.argv[1], '--out', sys.argv[2], '--config', sys.argv[3]]) == 0;"
        "from tacit.encoders import minilm, use_tokens;"
        "minilm.name(), use_tokens.name();"  # what a fit whose texts are all cached asks for
        f"print('loaded:', *[name for name in {unused!r} if name in sys.modules])"
    )
    files = [str(tmp_path / name) for name in ("events.csv", "model", "short.toml")]
    arguments = [sys.executable, "-c", code, *files]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=True)
    assert "weight of the ranker" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded:"
