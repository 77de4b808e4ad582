"""What the comparison with other libraries counts never moves: see benchmarks/peers/frozen.py."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from tacit.data.shop import generate
from tacit.data.weights import EventWeights

PEERS = Path(__file__).parents[1] / "benchmarks" / "peers"
RESULTS = PEERS.parent / "results"
TASK = "ml-100k-time"
SMALL = ("ml-100k-time", "ml-100k-loo", "amazon-2023-mini-time")


def run(folder: Path, *arguments: str) -> str:
    there = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PEERS), *sys.path]), "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=there, capture_output=True, text=True, timeout=250
    )
    assert not done.returncode, done.stderr[-2_000:]
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a shop by the name of a task's data set."""
    shop = generate(users=200, items=100, events=3_000)
    place = tmp_path / "ml-100k"
    place.mkdir()
    shop.events.write_parquet(place / "events.parquet")
    return tmp_path


def test_cuts_of_real_data_are_those_that_peers_were_run_on(shared_data: Path) -> None:
    """Three of them: `benchmarks/peers/frozen.py DATA` compares all."""
    assert "3 tasks are as frozen" in run(PEERS, "frozen.py", str(shared_data), *SMALL)


def test_what_is_frozen_has_the_sizes_that_the_kept_results_tell() -> None:
    frozen = json.loads((PEERS / "frozen_cuts.json").read_text("utf-8"))
    sizes = {
        task: {part: int(kept.split()[0]) for part, kept in frozen[task]["test"].items()} for task in frozen
    }
    told = {path.stem: json.loads(path.read_text("utf-8")) for path in RESULTS.glob("*.json")}
    assert len(frozen) == 15
    for task, found in sizes.items():
        kept = (told[task]["events"], told[task]["targets"], told[task]["items"])
        assert (found["train"], found["targets"], found["candidates"]) == kept, task


@pytest.fixture(scope="module")
def peers() -> Iterator[SimpleNamespace]:
    """The modules of the comparison that make cuts and hash them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(PEERS))
        import frozen
        import prepare

        yield SimpleNamespace(hashes=frozen.hashes, Cuts=prepare.Cuts, task=prepare.TASKS[TASK])


def test_what_tacit_makes_of_an_event_moves_what_it_learns_from_and_no_target(
    folder: Path, peers: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> tuple[dict[str, Any], float, list[int]]:
        split = peers.Cuts(peers.task, folder).test()
        counted = [len(split.queries), len(split.targets), len(split.queries.exclude)]
        return peers.hashes(peers.Cuts(peers.task, folder)), float(split.train.weight.max()), counted

    hashed, weight, counted = found()
    monkeypatch.setattr(EventWeights, "weigh", lambda _, events: events.with_columns(weight=pl.lit(-1.0)))
    hashed_too, another, counted_too = found()
    assert hashed == hashed_too
    assert weight > 0 > another
    assert counted == counted_too and all(count > 0 for count in counted)


def test_another_log_has_other_hashes(folder: Path, peers: SimpleNamespace) -> None:
    before = peers.hashes(peers.Cuts(peers.task, folder))
    generate(users=200, items=100, events=3_000, seed=8).events.write_parquet(
        folder / "ml-100k" / "events.parquet"
    )
    after = peers.hashes(peers.Cuts(peers.task, folder))
    for cut in ("valid", "test"):
        assert {part for part in before[cut] if before[cut][part] != after[cut][part]} >= {"train", "targets"}
