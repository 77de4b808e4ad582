"""Tacit's part of `make compare` on a small log: cuts, search, lists and rows, as for every other library."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tacit.data.shop import generate

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / "peers"
TASK = "ml-100k-time"
STEPS = {
    "write": "from prepare import TASKS, Cuts, Path, write; "
    "write(Cuts(TASKS['{task}'], Path('data')), Path('{task}'))",
    "judge": "from judge import Path, judge; judge(Path('{task}'), Path('runs'), Path('out.json'))",
}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    there = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PEERS), *sys.path]), "POLARS_MAX_THREADS": "1"}
    requested = [sys.executable, *arguments]
    return subprocess.run(requested, cwd=folder, env=there, capture_output=True, text=True, timeout=200)


def step(folder: Path, name: str) -> None:
    done = run(folder, "-c", STEPS[name].format(task=TASK))
    assert not done.returncode, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a data set by the name of a task's, users among it, and its cuts."""
    shop = generate(users=200, items=100, events=3_000)
    place = tmp_path / "data" / "ml-100k"
    place.mkdir(parents=True)
    for name, frame in (("events", shop.events), ("items", shop.items), ("users", shop.users)):
        frame.write_parquet(place / f"{name}.parquet")
    step(tmp_path, "write")
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by what Linux tells")
def test_a_model_is_searched_and_evaluated_and_cuts_of_another_log_are_refused(folder: Path) -> None:
    done = run(folder, str(PEERS / "tacit_models.py"), TASK, "runs", "data", "trending")
    assert not done.returncode, done.stderr
    step(folder, "judge")
    rows = json.loads((folder / "out.json").read_text("utf-8"))["rows"]
    assert [(row["model"], row["kind"]) for row in rows] == [
        ("tacit-trending", kind) for kind in ("default", "tuned")
    ]
    assert all(0 < row["ndcg@10"] < 1 and row["trials"] == 10 for row in rows)

    shop = generate(users=200, items=100, events=3_000, seed=8)
    shop.events.write_parquet(folder / "data" / "ml-100k" / "events.parquet")
    done = run(folder, str(PEERS / "tacit_models.py"), TASK, "runs", "data", "popular")
    assert done.returncode and "not today's" in done.stderr
