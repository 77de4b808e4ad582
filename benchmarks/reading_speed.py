"""Reading and cleaning a large log, by Tacit and by plain scripts: ``python benchmarks/reading_speed.py``.

A CSV log of 20 million rows (``--rows``) is generated with a seed into a temporary folder: ids of usual
length, popular items, times of 90 days, and dirt of the kinds that scripts can see too. Then Tacit
(`tacit.read`), Polars (`reading_polars`) and DuckDB (`reading_duckdb`) read and clean it, each in a process
of its own, one after the other, ``--runs`` times in turn; the fastest run of each counts. The memory is the
peak of the process, with what was imported. All three must keep the same rows, else this fails.

What is not the same: Tacit finds out what the columns and the separator are, keeps the order of the file and
every rejected row with its reason; the scripts are told, keep nothing of what they drop, and sort by user and
time. The dirt has no broken quotes (what a script makes of these is a matter of luck) and no row that lacks
its value alone (a script cannot tell it from one with an empty value).

``--out benchmarks/results/reading/20m.json`` keeps the figures; ``python benchmarks/peers/table.py`` prints
those kept there into RESULTS.md.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from peers.commit import commit
from peers.reading import table

READERS = ("tacit", "polars", "duckdb")
NOW = 1.75e9
COLUMNS = ("user_id", "item_id", "event", "timestamp", "value")
ITEMS, DAYS, A_USER, CHUNK = 100_000, 90, 40, 1_000_000
EVENTS = {"view": 0.70, "click": 0.20, "cart": 0.07, "purchase": 0.03}
BROKEN = (
    "###",
    ",,,,",
    "{user},{item}",
    "{user},{item},view,yesterday,",
    "{user},{item},view,,",
    "{user},{item},view,5,",
    "{user},{item},view,1740000000,,more",
    ",{item},view,1740000000,",
)
BROKEN_SHARE, COPIED_SHARE, DOUBLE_SHARE = 0.001, 0.003, 0.005
BOT_ROWS = 2_000


def write_log(path: Path, rows: int, seed: int = 0) -> None:
    """Write a log of so many rows, in time."""
    rng = np.random.default_rng(seed)
    with path.open("wb") as stream:
        stream.write(f"{','.join(COLUMNS)}\n".encode())
        for first in range(0, rows, CHUNK):
            count = min(CHUNK, rows - first)
            start = NOW - DAYS * 86_400 * (1 - first / rows)
            lines = _dirty(
                rng, _clean_rows(rng, count, rows // A_USER + 1, start, DAYS * 86_400 * count / rows)
            )
            stream.write(lines.to_frame().write_csv(include_header=False, quote_style="never").encode())


def _clean_rows(
    rng: np.random.Generator, count: int, users: int, start: float, seconds: float
) -> pl.DataFrame:
    """Return rows in time; some repeat the row before a second later, some are a bot's."""
    user = (users * rng.random(count) ** 2).astype(np.int64)
    item = (ITEMS * rng.random(count) ** 3).astype(np.int64)
    event = rng.choice(list(EVENTS), count, p=list(EVENTS.values()))
    at = (start + np.sort(rng.random(count)) * seconds).astype(np.int64)
    price = np.round(np.exp(rng.normal(3, 1, count)), 2)
    again = np.flatnonzero(rng.random(count - 1) < DOUBLE_SHARE) + 1
    user[again], item[again], event[again] = user[again - 1], item[again - 1], event[again - 1]
    at[again] = at[again - 1] + 1
    bot = slice(count // 2, count // 2 + BOT_ROWS)
    user[bot], item[bot] = users + int(rng.integers(1_000)), rng.permutation(ITEMS)[: len(item[bot])]
    at[bot] = at[count // 2] + np.arange(len(at[bot])) // 2
    return pl.DataFrame(
        {
            "user": pl.Series(user).hash(seed=1),
            "item": item,
            "event": event,
            "at": at,
            "value": pl.Series(price).set(pl.Series(event != "purchase"), None),
        }
    )


def _dirty(rng: np.random.Generator, rows: pl.DataFrame) -> pl.Series:
    """Return the lines of rows, some of them broken or copies of the line before."""
    user = pl.lit("U") + pl.col("user").cast(pl.String).str.zfill(20).str.slice(10)
    item = pl.lit("P") + pl.col("item").cast(pl.String).str.zfill(8)
    text = pl.format(
        "{},{},{},{},{}", user, item, "event", "at", pl.col("value").cast(pl.String).fill_null("")
    )
    lines = rows.select(text.alias("line"))["line"]
    copied = np.flatnonzero(rng.random(len(rows) - 1) < COPIED_SHARE) + 1
    lines = lines.scatter(copied, lines.gather(copied - 1))
    broken = np.flatnonzero(rng.random(len(rows)) < BROKEN_SHARE)
    kinds = rng.integers(len(BROKEN), size=len(broken))
    told = [
        BROKEN[kind].format(user=f"U{place:010d}", item="P00000001")
        for kind, place in zip(kinds, broken, strict=True)
    ]
    return lines.scatter(broken, told)


def loaded(reader: str) -> Callable[[Path], Any]:
    """Return the function of a reader, with all that it imports imported: start-up is not measured."""
    if reader == "tacit":
        from tacit import read

        return lambda path: read(path).events
    return partial(import_module(f"reading_{reader}").kept, now=NOW)


def measured(reader: str, path: Path) -> dict[str, Any]:
    """Return seconds and memory of one reader in this process, and what it kept."""
    read = loaded(reader)
    start, processor = time.perf_counter(), time.process_time()
    found = read(path)
    figures = {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processor,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }
    frame = found if isinstance(found, pl.DataFrame) else found.pl()  # DuckDB's table, copied only now
    return {"reader": reader, **figures, "kept": len(frame), "fingerprint": fingerprint(frame)}


def fingerprint(frame: pl.DataFrame) -> str:
    """Return a number that frames share which hold the same rows in any order."""
    same_types = frame.select(*COLUMNS[:3], pl.col(COLUMNS[3:]).cast(pl.Float64))
    total = sum(int(part.hash_rows().cast(pl.UInt128).sum()) for part in same_types.iter_slices(CHUNK))
    return f"{total % 2**64:016x}"


def compared(rows: int, runs: int, seed: int) -> dict[str, Any]:
    """Return the fastest run of each reader on one generated log."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        write_log(path, rows, seed)
        found = [in_own_process(reader, path) for _ in range(runs) for reader in READERS]
        size = path.stat().st_size
    if len({(run["kept"], run["fingerprint"]) for run in found}) > 1:
        raise SystemExit(f"the readers keep different rows: {json.dumps(found, indent=1)}")
    fastest = [min((run for run in found if run["reader"] == name), key=_seconds) for name in READERS]
    versions = {
        "tacit": f"{version('tacit-recsys')} {commit()}",
        **{name: version(name) for name in READERS[1:]},
    }
    return {
        "rows": rows,
        "gb": size / 1e9,
        "runs": runs,
        "seed": seed,
        "cores": os.cpu_count(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "readers": [{"version": versions[run["reader"]], **run} for run in fastest],
    }


def _seconds(run: dict[str, Any]) -> float:
    return float(run["seconds"])


def in_own_process(reader: str, path: Path) -> dict[str, Any]:
    """Return what `measured` tells in a fresh process."""
    asked = [sys.executable, __file__, "--reader", reader, "--log", str(path)]
    told: dict[str, Any] = json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout)
    return told


def main() -> None:
    """Compare all readers, print the table and keep the figures; or measure one on a given log."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="where to keep the figures")
    parser.add_argument("--reader", choices=READERS, help="measure this one on --log, in this process")
    parser.add_argument("--log", type=Path)
    asked = parser.parse_args()
    if asked.reader:
        print(json.dumps(measured(asked.reader, asked.log)))
        return
    report = compared(asked.rows, asked.runs, asked.seed)
    print(table(report))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
