"""How often the prediction interval of ``tacit evaluate --origins`` holds the next stretch, on real logs.

``python benchmarks/origins.py DATA OUT [SET ...]`` evaluates the blend without a ranker, and the popularity
forecast beside it, over rolling origins of every log with times in DATA. It keeps one report for each set in
OUT and prints a table of what OUT holds. Intervals are made from the origins before the one that they
predict, so the first two of a set predict nothing.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tacit

SETS: Mapping[str, int] = {
    "douban-sample": 12,
    "ml-100k": 12,
    "mind-sample": 12,
    "ml-latest-small": 12,
    "amazon-2023-mini": 12,
    "completejourney": 10,
    "ml-1m": 10,
}
"""Sets and the number of their origins; those that take longest come last."""
MODEL, BASE, MAIN = "blend", "forecast", "ndcg@10"
COLUMNS = ("set", "origins", "mean NDCG@10", "between users", "between cuts", "prediction interval", "held")


def measured(folder: Path, origins: int) -> dict[str, Any]:
    """Return the report of one set, with the processor time that it took."""
    start = time.process_time()
    tables = {name: folder / f"{name}.parquet" for name in ("items", "users")}
    evaluation = tacit.evaluate(
        folder / "events.parquet",
        **{name: path for name, path in tables.items() if path.exists()},  # type: ignore[arg-type]
        models=[MODEL, BASE],
        against=BASE,
        origins=origins,
        config=tacit.Config(ranker=None),
    )
    return {**evaluation.report, "seconds": round(time.process_time() - start, 1)}


def main_figure(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return NDCG@10 of the blend for all users."""
    (row,) = (one for one in report["models"] if (one["name"], one["slice"]) == (MODEL, "all"))
    return dict(row["metrics"][MAIN])


def table(reports: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [COLUMNS, ("---",) * len(COLUMNS)]
    figures = {name: main_figure(report) for name, report in reports.items()}
    for name, one in figures.items():
        away = one["prediction"]
        rows.append(
            (
                name,
                str(len(one["values"])),
                f"{one['value']:.4f}",
                f"{one['between_users']:.4f}",
                f"{one['between_cuts']:.4f}",
                f"{away['low']:.4f} to {away['high']:.4f}",
                f"{one['held']} of {one['predicted']}",
            )
        )
    held, predicted = (sum(one[key] for one in figures.values()) for key in ("held", "predicted"))
    rows.append(("**all**", "", "", "", "", "", f"**{held} of {predicted}**"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def kept(out: Path) -> dict[str, dict[str, Any]]:
    return {
        name: json.loads(path.read_text("utf-8")) for name in SETS if (path := out / f"{name}.json").exists()
    }


def main(data: Path, out: Path, names: list[str]) -> None:
    """Measure the sets that OUT lacks and print the table."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names or SETS:
        report = out / f"{name}.json"
        if not report.exists():
            report.write_text(json.dumps(measured(data / name, SETS[name]), indent=1) + "\n", "utf-8")
            print(report.name, file=sys.stderr, flush=True)
    print(table(kept(out)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
