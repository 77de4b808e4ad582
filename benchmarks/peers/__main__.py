"""Tacit beside other open libraries: ``python benchmarks/peers DATA [TASK ...]`` (or ``make compare``).

For every task: cuts as Parquet (`prepare`), every library's models tuned with one budget in its own
environment (`search`), Tacit's models by the same steps (`tacit_models`), one measure for all lists
(`judge`), and the tables (`table`). What is there is not made again: to redo a model, delete its JSON in
``build/peers/runs/TASK``. Where only its rows in ``benchmarks/results/TASK.json`` are left, a peer is fitted
again with the parameters that they tell of; without them it is tuned again.
"""

import os
import subprocess
import sys
from pathlib import Path

from judge import judge
from prepare import TASKS, Cuts, write
from table import tables

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "peers"
RESULTS = HERE.parent / "results"
ENVIRONMENTS = {
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


def main(data: Path, names: list[str]) -> None:
    os.environ.update(SETTINGS)
    pythons = {script: environment(name) for script, name in ENVIRONMENTS.items()}
    pythons["tacit_models"] = Path(sys.executable)
    for name in names or TASKS:
        task, runs = BUILD / "tasks" / name, BUILD / "runs" / name
        write(Cuts(TASKS[name], data), task)
        for script, python in pythons.items():
            results = RESULTS / f"{name}.json"
            told = data if script == "tacit_models" else results
            # A library that fails as a whole is left out of this run; its models are tried again next time.
            subprocess.run([python, HERE / f"{script}.py", task, runs, told], check=False)
        judge(task, runs, results)
    tables(RESULTS, HERE.parent / "RESULTS.md")


def environment(name: str) -> Path:
    """Return the Python of a library's own environment; make it where it is missing."""
    place = BUILD / name
    pip = [place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not (place / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        subprocess.run([*pip, "-r", HERE / name / "requirements.txt"], check=True)
        (place / ".installed").touch()
    return place / "bin" / "python"


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
