"""The section of RESULTS.md in which the default stands beside the best of its own retrievers."""

import json
from pathlib import Path
from typing import Any

from prepare import TASKS

LEAST_USERS = 200
HEAD = f"""## Tacit beside its own best part

The promise: no list of the whole is worse than those of the best of its retrievers, each as it is inside that
very whole. The part is the one that was best on the last window inside the training part; beside it stands
the one that is best on this very test. Defaults, NDCG@10 on the tests above; the difference is whole less
part, with the 95 % interval of a bootstrap over users. The promise is **broken** where the upper end is
below 0 on at least {LEAST_USERS} users. Made by
`python benchmarks/best_parts.py DATA benchmarks/results/parts`.

| task | users | whole | part | its NDCG@10 | difference [95 %] | best here | difference [95 %] | fit s |
|---|---|---|---|---|---|---|---|---|
"""


def section(folder: Path) -> str:
    """Return the section; "" where nothing was measured."""
    files = [folder / f"{name}.json" for name in TASKS]
    reports = [json.loads(file.read_text("utf-8")) for file in files if file.exists()]
    lines = [_line(report, part) for report in reports for part in report["slices"]]
    return HEAD + "\n".join([*lines, ""]) if lines else ""


def is_broken(part: dict[str, Any]) -> bool:
    """Return whether the whole is below its best part beyond noise on a slice that is large enough."""
    return bool(part["users"] >= LEAST_USERS and part["difference"][2] < 0)


def _line(report: dict[str, Any], part: dict[str, Any]) -> str:
    means, first = part["means"], part["slice"] == "all"
    task = report["task"] if first else ""
    cells = [
        task,
        f"{part['users']:,} {part['slice']}",
        f"{means['tacit']:.4f}",
        report["part"],
        f"{means[report['part']]:.4f}",
        _interval(part["difference"]) + (" **broken**" if is_broken(part) else ""),
        part["best_here"],
        _interval(part["difference_best_here"]),
        f"{report['fit_seconds']:.0f}" if first else "",
    ]
    return f"| {' | '.join(cells)} |"


def _interval(difference: list[float]) -> str:
    mean, low, high = difference
    return f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"
