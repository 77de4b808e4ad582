"""The rankers' part of RESULTS.md, from the reports that `rankers_table.py` keeps."""

import json
from pathlib import Path
from typing import Any

BASE, RANKERS = "tacit-none", ("linear", "mlp", "dcn", "cnn", "lambdamart", "pair")
DEFAULT, WITHOUT = "tacit-mlp", "tacit-without-"
HEAD = """## Rankers

One first stage (the default retrievers and their blend) under each ranker, all with their defaults, by
`tacit evaluate`: all test users, new ones included, and the whole catalogue ranked. Made by
`python benchmarks/rankers_table.py DATA`. Change of NDCG@10 against the blend alone, in %, with the 95 %
interval of the paired difference; **bold** where it leaves out zero. How much of a ranker is believed was
chosen on users of the training part; before b081e0d half of it at most, before 156b08d only what gained a
whole standard error, now half of one. Each row is of the commit that stands beside it.
"""
ABLATION = """### Without a family of features

Change of NDCG@10, in %, when the default ranker (the MLP) is fitted without a family, against the same ranker
with all of them; beside it what that ranker adds to its blend, which on the larger sets is another run than
above. One fit each: where the intervals above are wide, these are noise too. In a row of zeros validation
believed no ranker, with a family or without it.
"""


def section(results: Path) -> str:
    """Return the tables of all tasks that have a report; nothing where there is none."""
    reports = _reports(results)
    if not reports:
        return ""
    return "\n".join(
        [HEAD, _compared(reports), ABLATION, _ablated({**reports, **_reports(results / "ablation")})]
    )


def _reports(folder: Path) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def _compared(reports: dict[str, Any]) -> str:
    lines = [
        f"| task | commit | users | blend | {' | '.join(RANKERS)} |",
        "|---|---|---|---|" + "---|" * len(RANKERS),
    ]
    for task, report in reports.items():
        rows = {row["name"]: row["ndcg@10"] for row in report["models"]}
        base = rows[BASE]["value"]
        changes = [_change(rows.get(f"tacit-{name}"), base) for name in RANKERS]
        about = f"{task} | {report['commit']} | {report['users']:,}"
        lines.append(f"| {about} | {base:.4f} | {' | '.join(changes)} |")
    return "\n".join([*lines, ""])


def _change(row: dict[str, Any] | None, base: float) -> str:
    if row is None:
        return "-"
    value, low, high = (100 * row["difference"][part] / base for part in ("value", "low", "high"))
    text = f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"
    return f"**{text}**" if low > 0 or high < 0 else text


def _ablated(reports: dict[str, Any]) -> str:
    families = list(
        dict.fromkeys(
            row["name"].removeprefix(WITHOUT)
            for report in reports.values()
            for row in report["models"]
            if row["name"].startswith(WITHOUT)
        )
    )
    lines = [f"| task | commit | mlp | {' | '.join(families)} |", "|---|---|---|" + "---|" * len(families)]
    for task, report in sorted(reports.items()):
        rows = {row["name"]: row["ndcg@10"]["value"] for row in report["models"]}
        without = {name.removeprefix(WITHOUT): value for name, value in rows.items() if WITHOUT in name}
        if without:
            cells = [
                f"{100 * (without[name] / rows[DEFAULT] - 1):+.1f}" if name in without else "-"
                for name in families
            ]
            gained = 100 * (rows[DEFAULT] / rows[BASE] - 1)
            lines.append(f"| {task} | {report['commit']} | {gained:+.1f} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
