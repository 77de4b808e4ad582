"""The results tables of the README, from data sets on disk.

``python benchmarks/results_table.py DATA [OUT]``: evaluates every model on the sets of folder DATA (each
with ``events.parquet`` and ``items.parquet``) and writes Markdown tables to OUT/README-results.md, beside
the JSON reports. A report that is there already is not made again.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

RUNS = {
    "ml-100k, time split": ("ml-100k", []),
    "ml-1m, time split": ("ml-1m", []),
    "ml-1m, leave-one-out": ("ml-1m", ["--split", "leave-one-out"]),
    "amazon-2023-mini, time split": ("amazon-2023-mini", []),
    "amazon-2023-mini, time split, only items of the log ranked": (
        "amazon-2023-mini",
        ["--candidates", "log"],
    ),
}
COLUMNS = ("ndcg@10", "recall@20", "hitrate@10", "mrr@10", "map@10", "coverage@10")


def main(data: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    parts = []
    for title, (name, options) in RUNS.items():
        report = out / (title.replace(", ", "-").replace(" ", "-") + ".json")
        if not report.exists():
            files = [str(data / name / "events.parquet"), "--items", str(data / name / "items.parquet")]
            subprocess.run(["tacit", "evaluate", *files, *options, "--json", str(report)], check=True)
        parts.append(table(title, json.loads(report.read_text())))
    (out / "README-results.md").write_text("\n".join(parts), "utf-8")
    print("\n".join(parts))


def table(title: str, report: dict[str, Any]) -> str:
    """Return one report as Markdown: all users, best first, and the cold items where there are any."""
    rows = [row for row in report["models"] if row["slice"] == "all"]
    cold = {row["name"]: row for row in report["models"] if row["slice"] == "cold-item"}
    rows.sort(key=lambda row: -row["metrics"]["ndcg@10"]["value"])
    data = report["data"]
    lines = [
        f"**{title}** ({data['test_users']:,} test users, "
        f"{data['warm_test_users']:,} of them with a history; "
        f"{data['cold_target_share']:.0%} of the targets are items never seen in training)",
        "",
        "| model | NDCG@10 [95 %] | " + " | ".join(COLUMNS[1:]) + " | cold Recall@20 | fit s | ms/list |",
        "|---|---|" + "---|" * (len(COLUMNS) + 2),
    ]
    for row in rows:
        metrics = row["metrics"]
        ndcg = metrics["ndcg@10"]
        cells = [f"{metrics[name]['value']:.4f}" for name in COLUMNS[1:]]
        unseen = cold[row["name"]]["metrics"]["recall@20"]["value"] if row["name"] in cold else None
        lines.append(
            f"| {row['name']} | {ndcg['value']:.4f} [{ndcg['low']:.4f}, {ndcg['high']:.4f}] | "
            + " | ".join(cells)
            + f" | {'-' if unseen is None else f'{unseen:.4f}'}"
            + f" | {row['fit_seconds']:.1f} | {row['ms_per_list']:.1f} |"
        )
    return "\n".join([*lines, "", report["conclusion"], ""])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "results"))
