"""The part of RESULTS.md on reading, from the figures that `reading_speed.py` keeps."""

import json
from pathlib import Path
from typing import Any

BASE = "polars"
FIGURES = {"seconds": "s", "processor_seconds": "processor s", "peak_gb": "peak GB"}
HEAD = """## Reading and cleaning

Tacit's `read` beside the same rules in a Polars script of at most 60 lines and in DuckDB's SQL, on a
generated CSV log, each in a process of its own. All keep the same rows. Tacit also finds the columns out and
keeps each rejected row with its reason; the scripts are told the columns, drop what they reject, and sort.
Made by `python benchmarks/reading_speed.py --out benchmarks/results/reading/NAME.json`. Ratios are to Polars.
"""


def section(results: Path) -> str:
    """Return the tables of all reports in a folder; nothing where there is none."""
    reports = [json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))]
    return "\n".join([HEAD, *map(table, reports)]) if reports else ""


def table(report: dict[str, Any]) -> str:
    """Return what was measured on one log, in Markdown."""
    base = next(run for run in report["readers"] if run["reader"] == BASE)
    lines = [
        f"{report['rows']:,} rows, {report['gb']:.2f} GB, {base['kept']:,} kept; {report['cores']} cores,"
        f" {report['date']}, the fastest of {report['runs']}.\n",
        f"| reader | version | {' | '.join(f'{name} | ratio' for name in FIGURES.values())} |",
        "|---" * (2 + 2 * len(FIGURES)) + "|",
    ]
    for run in report["readers"]:
        figures = (f"{run[name]:.2f} | {run[name] / base[name]:.2f}" for name in FIGURES)
        lines.append(f"| {run['reader']} | {run['version']} | {' | '.join(figures)} |")
    return "\n".join([*lines, ""])
