"""The transformer's part of RESULTS.md, from the learning curves that `transformer_curve.py` writes."""

import json
from pathlib import Path
from typing import Any

EPOCHS = (1, 2, 3, 5, 8, 12, 16, 20, 24, 28)
HEAD = """## Tacit's transformer, trained until it stops

In the tables below every trained model gets 40 s. Here the transformer has until no better epoch comes
(`patience`) or its epochs are over: leave-one-out, all unseen items of the log ranked, one thread, no GPU.
Made by `python benchmarks/transformer_curve.py FOLDER --out benchmarks/transformer/NAME.json key=value ...`.
NDCG@10 of the test users with 95 %, then that of the held-out users that it stops by, after so many epochs.
"""
UNTOLD = ("name", "device")


def section(curves: Path) -> str:
    """Return the table of all curves in a folder; nothing where there is none."""
    reports = [json.loads(path.read_text("utf-8")) for path in sorted(curves.glob("*.json"))]
    if not reports:
        return ""
    lines = [
        HEAD,
        f"| data | users | minutes | epochs | test NDCG@10 | Recall@20 | {' | '.join(map(str, EPOCHS))} |",
        "|---" * (len(EPOCHS) + 6) + "|",
    ]
    return "\n".join([*lines, *map(_line, reports), "", *map(_parameters, reports), ""])


def _line(report: dict[str, Any]) -> str:
    found, curve = report["result"], {epoch["epoch"]: epoch["valid_ndcg"] for epoch in report["curve"]}
    figures = (f"{curve[epoch]:.4f}" if epoch in curve else "" for epoch in EPOCHS)
    cells = [
        report["data"],
        f"{report['users']:,}",
        f"{report['seconds'] / 60:.0f}",
        str(len(curve)),
        f"{found['ndcg@10']:.4f} ± {found['ndcg@10 half interval']:.4f}",
        f"{found['recall@20']:.4f}",
        *figures,
    ]
    return f"| {' | '.join(cells)} |"


def _parameters(report: dict[str, Any]) -> str:
    told = (f"{name} {value}" for name, value in report["parameters"].items() if name not in UNTOLD)
    return f"- {report['data']}: {', '.join(told)}"
