"""The environments of other libraries: one for each, made where it is missing, and scripts run in them."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build" / "peers"
RESULTS = HERE.parent / "results"
ENVIRONMENTS: Mapping[str, str] = {
    "plain_models": "implicit",
    "implicit_models": "implicit",
    "rectools_models": "rectools",
    "lenskit_models": "lenskit",
    "recbole_models": "recbole",
}
"""Script of a library: the environment that it runs in."""

THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON", "LK")
SETTINGS = {f"{name}_NUM_THREADS": "1" for name in THREADS} | {
    "POLARS_MAX_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONWARNINGS": "ignore",
}
"""One thread for everybody, no graphics card, and no warnings of libraries about each other."""


def python_of(script: str) -> Path:
    """Return the Python of a script's environment, made where it is missing; Tacit's runs in this one."""
    return environment(ENVIRONMENTS[script]) if script in ENVIRONMENTS else Path(sys.executable)


def environment(name: str) -> Path:
    """Return the Python of a library's own environment; make it where it is missing."""
    place = BUILD / name
    pip = [place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not (place / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        subprocess.run([*pip, "-r", HERE / name / "requirements.txt"], check=True)
        (place / ".installed").touch()
    return place / "bin" / "python"


def run_script(script: str, task: Path, runs: Path, known: Path, models: Sequence[str] = ()) -> None:
    """Run the models of a script on a task, all or some of them: ``known`` is what the script reads besides.

    A library that fails as a whole is left out of this run; its models are tried again next time.
    """
    command = [python_of(script), HERE / f"{script}.py", task, runs, known, *models]
    subprocess.run(command, check=False, env={**os.environ, **SETTINGS})
