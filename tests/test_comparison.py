"""Tacit's part of `make compare` on a small log: cuts, search, lists and rows, as for every other library."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tacit.data.shop import generate

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / "peers"
TASK = "ml-100k-time"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    there = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PEERS), *sys.path]), "POLARS_MAX_THREADS": "1"}
    requested = [sys.executable, *arguments]
    return subprocess.run(requested, cwd=folder, env=there, capture_output=True, text=True, timeout=200)


def judged(folder: Path) -> None:
    from judge import judge

    judge(folder / TASK, folder / "runs", folder / "out.json")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a data set by the name of a task's, users among it, and its cuts."""
    monkeypatch.syspath_prepend(str(PEERS))
    from prepare import TASKS, Cuts, write

    shop = generate(users=200, items=100, events=3_000)
    place = tmp_path / "data" / "ml-100k"
    place.mkdir(parents=True)
    for name, frame in (("events", shop.events), ("items", shop.items), ("users", shop.users)):
        frame.write_parquet(place / f"{name}.parquet")
    write(Cuts(TASKS[TASK], tmp_path / "data"), tmp_path / TASK)
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by what Linux tells")
def test_a_model_is_searched_and_evaluated_and_cuts_of_another_log_are_refused(folder: Path) -> None:
    done = run(folder, str(PEERS / "tacit_models.py"), TASK, "runs", "data", "trending")
    assert not done.returncode, done.stderr
    judged(folder)
    rows = json.loads((folder / "out.json").read_text("utf-8"))["rows"]
    assert [(row["model"], row["kind"]) for row in rows] == [
        ("tacit-trending", kind) for kind in ("default", "tuned")
    ]
    assert all(0 < row["ndcg@10"] < 1 and row["trials"] == 10 for row in rows)

    shop = generate(users=200, items=100, events=3_000, seed=8)
    shop.events.write_parquet(folder / "data" / "ml-100k" / "events.parquet")
    done = run(folder, str(PEERS / "tacit_models.py"), TASK, "runs", "data", "popular")
    assert done.returncode and "not today's" in done.stderr


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    rows = json.loads((folder / "out.json").read_text("utf-8"))["rows"]
    return {f"{row['model']} {row['kind']}": row for row in rows}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by what Linux tells")
def test_a_peer_that_is_fitted_again_keeps_its_row_and_gets_what_that_lacks(folder: Path) -> None:
    done = run(folder, str(PEERS / "plain_models.py"), TASK, "runs", "out.json", "popular")
    assert not done.returncode, done.stderr
    judged(folder)
    first = rows_of(folder)["popular tuned"]
    assert 0 < first["recall@10"] <= first["recall@20"]

    kept = json.loads((folder / "out.json").read_text("utf-8"))
    for row in kept["rows"]:
        del row["recall@10"]
        row |= {"fit_seconds": 123.0, "ndcg@10": 0.5}
    (folder / "out.json").write_text(json.dumps(kept), "utf-8")
    judged(folder)
    again = rows_of(folder)["popular tuned"]
    added = {"recall@10": first["recall@10"], "ndcg@10 fitted again": first["ndcg@10"]}
    assert again == {**{row["kind"]: row for row in kept["rows"]}["tuned"], **added}

    for row in kept["rows"]:
        row["version"] = "another"
    (folder / "out.json").write_text(json.dumps(kept), "utf-8")
    judged(folder)
    assert rows_of(folder)["popular tuned"] == first  # another version is another row
