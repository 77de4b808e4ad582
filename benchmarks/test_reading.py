"""Seconds and memory to read and clean a large log: `pytest -s benchmarks/test_reading.py`.

`TACIT_BENCHMARK_ROWS` sets the number of rows (20,000,000 by default).
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

_ROWS = int(os.environ.get("TACIT_BENCHMARK_ROWS", 20_000_000))
_CHUNK = 1_000_000
_DIRT = ("###", "u1,i2", ",,,", "u1,i2,view,yesterday", "u1,i2,view,5", "u1,i2,view,1700000000,more", "")
_READ_AND_CLEAN = """
import resource, sys, time
from pathlib import Path
from tacit.data.clean import clean
from tacit.reading.read import read_events
start = time.perf_counter()
source = read_events(Path(sys.argv[1]))
middle = time.perf_counter()
cleaned = clean(source, now=1.8e9)
end = time.perf_counter()
assert source.rows_in == len(cleaned.events) + len(cleaned.quarantine)
used = resource.getrusage(resource.RUSAGE_SELF)
processor = used.ru_utime + used.ru_stime
rows = source.rows_in, len(cleaned.quarantine)
print(*rows, middle - start, end - middle, processor, used.ru_maxrss * 1024 / 1e9)
"""


def _write(path: Path, rows: int) -> int:
    """Write a log with skewed users and items, in time, with one row in 200 dirty; return its rows."""
    rng = np.random.default_rng(0)
    written = 0
    with path.open("w") as stream:
        stream.write("user_id,item_id,event,timestamp\n")
        for first in range(0, rows, _CHUNK):
            lines = _lines(rng, min(_CHUNK, rows - first), 1.69e9 + 2 * first)
            stream.write("\n".join(lines) + "\n")
            written += len(lines)
    return written


def _lines(rng: np.random.Generator, n: int, start: float) -> list[str]:
    users = (1_000_000 * rng.random(n) ** 3).astype(np.int64)
    items = (100_000 * rng.random(n) ** 4).astype(np.int64)
    kinds = rng.choice(["view", "click", "cart", "purchase"], n, p=[0.7, 0.2, 0.07, 0.03])
    times = (start + np.sort(rng.random(n)) * 2 * n).astype(np.int64)
    frame = pl.DataFrame({"user": users, "item": items, "event": kinds, "time": times})
    text = pl.format("u{},i{},{},{}", "user", "item", "event", "time").alias("line")
    lines = frame.select(text)["line"].to_list()
    for place in rng.choice(n, n // 200, replace=False):
        kind = int(rng.integers(len(_DIRT) + 1))
        lines[place] = _DIRT[kind] if kind < len(_DIRT) else lines[place - 1]
    return lines


@pytest.mark.timeout(1200)
def test_twenty_million_rows_are_read_and_cleaned_in_90_seconds_and_6_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    written = _write(path, _ROWS)
    done = subprocess.run(
        [sys.executable, "-c", _READ_AND_CLEAN, str(path)], check=True, capture_output=True, text=True
    )
    rows, quarantined, reading, cleaning, processor, peak = map(float, done.stdout.split())
    path.unlink()
    print(f"\n{rows:,.0f} rows, {quarantined:,.0f} set aside: read {reading:.1f} s, ", end="")
    print(f"cleaned {cleaning:.1f} s, together {reading + cleaning:.1f} s ", end="")
    print(f"({processor:.1f} s of processor time), peak {peak:.2f} GB")
    assert rows == written
    assert quarantined > written / 400
    assert reading + cleaning < 90
    assert peak < 6
