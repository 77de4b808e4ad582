"""What holds for every executor: of processes, and of nodes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from tests.buckets import assert_same as assert_same_log
from tests.buckets import tiny
from tests.reading.logs import NOW
from tests.scale.jobs import added, dying, process_of, refusing
from tests.scale.lists import assert_same_lists, expected, written
from tests.scale.logs import RULES, log_of
from tests.served import small_snapshot

import tacit
from tacit.core.errors import DataError
from tacit.core.executor import Executor
from tacit.data.clean import clean
from tacit.data.clean_buckets import clean_in_buckets
from tacit.data.shop import generate
from tacit.engine.batch import recommend_all
from tacit.pipeline.config import Config
from tacit.reading import parquet_log
from tacit.reading.read import read_events, read_large
from tacit.scale import partitioned_batch
from tacit.scale.partitioned_batch import recommend_in_parts

SHOP = generate(seed=7, users=60, items=64, events=1_000, days=30)
CONFIG = Config(
    retrievers={"trending": {}, "itemknn": {}, "ease": {}}, encoder="none", ranker=None, windows=1
)


def check_order(executor: Executor) -> None:
    for count in (0, 1, 2, 3, 7):
        assert list(executor.map(added, range(count), shared=10)) == list(range(10, 10 + count))


def check_errors(executor: Executor) -> None:
    found = executor.map(refusing, range(30), shared=2)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(DataError, match=r"^part 2 cannot be read$"):
        next(found)


def check_processes(executor: Executor) -> None:
    assert not executor.in_process
    assert os.getpid() not in set(executor.map(process_of, range(12), shared=None))


def check_killed_worker(executor: Executor, marks: Path) -> None:
    assert list(executor.map(dying, range(8), shared=marks)) == list(range(8))
    assert (marks / "3").exists()


def check_told_to_end(name: str, tmp_path: Path, **environment: str) -> None:
    """Send SIGTERM to a command that reads a log by an executor."""
    log, scratch = tmp_path / "log.csv", tmp_path / "scratch"
    scratch.mkdir()
    rows = "".join(f"u{n % 997},i{n % 89},view,{1_700_000_000 + n}\n" for n in range(100_000))
    log.write_text("user_id,item_id,event,timestamp\n" + rows)
    code = (
        "import sys; from tacit.reading import read, textfile\n"
        "read.LARGE, textfile._BLOCK = 1, 20_000\n"  # so many parts that it takes a while
        "if __name__ == '__main__':\n"
        "    from tacit.cli import main\n"
        "    main()\n"
    )
    script = tmp_path / "command.py"
    script.write_text(code)
    environment = {**os.environ, **environment, "TMPDIR": str(scratch)}
    words = [sys.executable, str(script), "check", str(log), "--executor", name]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as command:
        deadline = time.monotonic() + 60
        while not list(scratch.glob("tacit-*/tables/00000[1-9]-*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert command.poll() is None, command.stderr and command.stderr.read()
        command.send_signal(signal.SIGTERM)
        _, said = command.communicate(timeout=30)
    assert not list(scratch.glob("tacit-*")), said
    # On a busy machine Ray has once ended its driver itself, with 1.
    assert command.returncode in (128 + signal.SIGTERM, *([1] if name == "ray" else [])), said


def check_folder_of_parquet(executor: Executor, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_log, "_ROWS_OF_A_PART", 150)
    frame = pl.read_csv(log_of(noted=False)).with_columns(pl.from_epoch("timestamp"))
    for number, some in enumerate(frame.iter_slices(400)):
        some.write_parquet(place / f"{number}.parquet")
    whole = clean(read_events(place), RULES, now=NOW)
    assert len(whole.events) > 100
    with tiny(200), TemporaryDirectory() as folder:
        log = read_large(place, Path(folder), executor=executor)
        assert_same_log(clean_in_buckets(log, RULES, now=NOW, executor=executor), whole)


@cache
def evaluated_alone() -> dict[str, Any]:
    return tacit.evaluate(SHOP.events, config=CONFIG, models=["trending", "itemknn", "blend"]).report


def check_evaluation(executor: Executor) -> None:
    alone = evaluated_alone()
    names = ["trending", "itemknn", "blend"]
    found = tacit.evaluate(SHOP.events, config=CONFIG, models=names, executor=executor).report
    untimed = dict.fromkeys(["fit_seconds", "ms_per_list", "ms_per_list_batch", "peak_mb"])
    assert len(found["models"]) == len(alone["models"]) >= 3
    for row, expected_row in zip(found["models"], alone["models"], strict=True):
        assert {**row, **untimed} == {**expected_row, **untimed}


def check_search(executor: Executor) -> None:
    options: dict[str, Any] = {"config": CONFIG, "models": ["itemknn", "ease"], "trials": 3}
    alone = tacit.tune(SHOP.events, **options)
    found = tacit.tune(SHOP.events, executor=executor, **options)
    for one, other in zip(found.found, alone.found, strict=True):
        assert [(t.parameters, t.value) for t in one.trials] == [
            (t.parameters, t.value) for t in other.trials
        ]
    assert found.config.to_toml() == alone.config.to_toml()


def check_files_of_lists(executor: Executor, directory: Path, place: Path) -> None:
    written(directory, place / "alone")
    written(directory, place / "lists", executor)
    names = [one.name for one in sorted((place / "alone").iterdir())]
    assert names == [one.name for one in sorted((place / "lists").iterdir())]
    assert len(names) == 7 + 2
    for name in names:
        assert (place / "alone" / name).read_bytes() == (place / "lists" / name).read_bytes()


def check_lists_for_a_file(executor: Executor, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioned_batch, "CHUNK", 30)
    users = ["u00003", "nobody", "u00001"]
    found = pl.concat(recommend_in_parts(directory, users, executor=executor, k=4))
    assert_same_lists(found, pl.concat(recommend_all(small_snapshot(), users, k=4)))
    everybody = pl.concat(recommend_in_parts(directory, executor=executor, k=5))
    assert_same_lists(everybody, expected())


def wait_for(file: Path) -> None:
    wait_until(file.exists)


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
