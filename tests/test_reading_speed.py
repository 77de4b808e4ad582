"""The benchmark of reading, on a small log: scripts of Polars and DuckDB keep the same rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
MUCH = 120_000


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by what Linux tells")
def test_tacit_and_scripts_of_polars_and_duckdb_keep_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    out = tmp_path / "figures" / "small.json"
    asked = [str(BENCHMARKS / "reading_speed.py"), "--rows", str(MUCH), "--seed", "3", "--out", str(out)]
    there = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *asked], env=there, capture_output=True, text=True, timeout=200, cwd=tmp_path
    )
    assert not done.returncode, done.stderr[-2_000:]
    told = json.loads(out.read_text("utf-8"))
    assert [run["reader"] for run in told["readers"]] == ["tacit", "polars", "duckdb"]
    assert len({run["fingerprint"] for run in told["readers"]}) == 1
    assert all(run["kept"] == told["readers"][0]["kept"] for run in told["readers"])
    assert MUCH * 0.97 < told["readers"][0]["kept"] < MUCH * 0.98  # 2,000 rows of a bot are gone
    assert done.stdout.count("| 1.00 |") >= 3 and "| tacit |" in done.stdout
    assert not list(tmp_path.glob("**/log.csv"))


def test_the_polars_script_has_at_most_60_lines() -> None:
    assert len((BENCHMARKS / "reading_polars.py").read_text("utf-8").splitlines()) <= 60
