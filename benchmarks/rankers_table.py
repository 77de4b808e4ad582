"""Rankers beside each other, and the ranker without each family of features, on data sets from disk.

``python benchmarks/rankers_table.py DATA [NAME ...]`` runs ``tacit evaluate --rankers ... --ablation`` on the
sets of folder DATA and keeps a compact report of each in ``benchmarks/results/rankers``; a report that is
there already is not made again. On the larger sets the ablation is a run of its own, ``ablation/NAME``.
`benchmarks/peers` prints them into RESULTS.md.
"""

import json
import sys
from pathlib import Path
from typing import Any

from evaluated import evaluated

RESULTS = Path(__file__).parent / "results" / "rankers"
RANKERS = "none,linear,mlp,dcn,cnn,lambdamart"
WITHOUT_TEXT = ["--rankers", RANKERS]
COMPARED = ["--rankers", f"{RANKERS},pair"]
MEASURED = [*COMPARED, "--ablation"]
DEFAULT = ["--rankers", "none,mlp"]
ABLATED = [*DEFAULT, "--ablation"]
ORDER = ["--split", "leave-one-out"]
FIRST_STAGE = ["--models", "trending", "--against", "tacit-none"]

RUNS: dict[str, tuple[str, list[str]]] = {
    "ml-100k-time": ("ml-100k", MEASURED),
    "ml-latest-small-time": ("ml-latest-small", MEASURED),
    "amazon-2023-mini-time": ("amazon-2023-mini", MEASURED),
    "mind-sample-time": ("mind-sample", MEASURED),
    "douban-sample-time": ("douban-sample", MEASURED),
    "amazon-industrial-loo": ("amazon-industrial", MEASURED),
    "ml-1m-time": ("ml-1m", COMPARED),
    "steam-200k-random": ("steam-200k", COMPARED),
    "completejourney-time": ("completejourney", COMPARED),
    "amazon-beauty-loo": ("amazon-beauty", COMPARED),
    "yoochoose-100k-loo": ("yoochoose-100k", [*WITHOUT_TEXT, *ORDER]),
    "retailrocket-subset-random": ("retailrocket-subset", WITHOUT_TEXT),
    "ml-100k-loo": ("ml-100k", [*WITHOUT_TEXT, "--ablation", *ORDER]),
    "ml-1m-loo": ("ml-1m", [*DEFAULT, *ORDER]),
    "completejourney-time-seen": ("completejourney", [*DEFAULT, "--allow-seen"]),
    "ablation/ml-1m-time": ("ml-1m", ABLATED),
    "ablation/steam-200k-random": ("steam-200k", ABLATED),
    "ablation/completejourney-time": ("completejourney", ABLATED),
    "ablation/amazon-beauty-loo": ("amazon-beauty", ABLATED),
    "ablation/yoochoose-100k-loo": ("yoochoose-100k", [*ABLATED, *ORDER]),
    "ablation/retailrocket-subset-random": ("retailrocket-subset", ABLATED),
}
"""By name the data set and the options: every data set with all rankers (the pair classifier where items have
texts) and the ablation, and other cuts of some."""


def main(data: Path, names: list[str]) -> None:
    for name in names or RUNS:
        report = RESULTS / f"{name}.json"
        if not report.exists():
            report.parent.mkdir(parents=True, exist_ok=True)
            folder, options = RUNS[name]
            told = compact(evaluated(data, folder, [*FIRST_STAGE, *options]))
            report.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def compact(report: dict[str, Any]) -> dict[str, Any]:
    """Return what the tables need: of each model NDCG@10 of all users, and what it costs."""
    rows = [row for row in report["models"] if row["slice"] == "all"]
    return {
        "users": report["data"]["test_users"],
        "versions": report["versions"],
        "commit": report["commit"],
        "models": [
            {
                "name": row["name"],
                "ndcg@10": row["metrics"]["ndcg@10"],
                "fit_seconds": row["fit_seconds"],
                "ms_per_list": row["ms_per_list"],
            }
            for row in rows
        ],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
