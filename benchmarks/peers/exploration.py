"""The section of RESULTS.md on what exploration costs the items that are not explored."""

import json
from pathlib import Path
from typing import Any

HEAD = """## What exploration costs

`explore` gives a share of the places of a list to items with fewer than ten events. The change of NDCG@10 on
targets with events, in % with half of its 95 % interval, on cuts inside the training parts, blend without
ranker, every item of the catalogue ranked. Made by
`python benchmarks/decisions/unseen_items.py DATA benchmarks/results/unseen`.
"""


def section(folder: Path) -> str:
    """Return the section; "" where nothing was measured."""
    reports = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))}
    if not reports:
        return ""
    shares = list(next(iter(reports.values()))["explore"])
    head = f"| task | NDCG@10 at 0 | {' | '.join(shares)} |"
    lines = [_line(task, report, shares) for task, report in reports.items()]
    return "\n".join([HEAD, head, "|---" * (len(shares) + 2) + "|", *lines, ""])


def _line(task: str, report: dict[str, Any], shares: list[str]) -> str:
    base = report["others"]
    costs = [report["explore"][share] for share in shares]
    cells = [f"{100 * one['mean'] / base:+.1f} ± {100 * one['half'] / base:.1f}" for one in costs]
    return f"| {task} | {base:.4f} | {' | '.join(cells)} |"
