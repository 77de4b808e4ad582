"""The part of RESULTS.md that puts leave-one-out figures beside published ones, with what differs."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from judge import MAIN, OURS, SHORT, best_peer

CURVES = Path(__file__).resolve().parents[1] / "transformer"
HEAD = """## Beside published figures

Two of the tasks have the protocol of many papers: the last item of each user, and all items of the log ranked.
Figures of papers are as published, on other machines, and with hours of a GPU where ours have two cores; they
are no rows of one experiment. What differs stands below the tables, as does the proof that the copies are in
order (`python benchmarks/order_proof.py DATA`).
"""
NOTES = """- **The same sequences**: amazon-beauty has the 22,363 sequences of S3-Rec's copy, all 198,502 events in the
  same order, under other ids (`--same`); the papers of the table use this log. In ml-1m the published order has
  no inversion in {exact} steps with exact times; our test item is the last one of it for 99.0 % of the users
  (for most events our times are between exact ones, and papers leave out the 290 films with fewer than 5
  ratings).
- **Chronological, but for ties**: two users who took the same two of the 500 most taken items took them in the
  same order in {beauty} of the cases on amazon-beauty and in {ml1m} on ml-1m: half when shuffled, always in a
  copy sorted by item id. On amazon-beauty that is more than fashion explains: {rising} of the steps go to
  a higher id, and the more often the nearer the two ids are, so reviews of the same day stand in the order of
  their ids. That is so in the published copy too. A model of sequences can learn it and one without order cannot;
  {steps}
- **Text**: titles of both logs, on ml-1m genres, plot, director and actors too, on amazon-beauty keywords that a
  language model wrote from the listing alone ({words} of their words are in the item's own title). {keywords}
  eSASRec, FuXi-alpha and HSTU read ids alone; TIGER, ActionPiece and OneRec read text too.
- **What the last fit sees**: Tacit and the peers are fitted on all but the test item. Most papers keep the item
  before it for validation, and only show it in the history: one training event of each user less.
- **Users**: on ml-1m Tacit is told gender, age group and occupation; the papers' models are not.
- **Seen items** are left out of our lists; no target is among them. Not every paper does so.
- **Tuning**: none for the defaults. The papers' models were tuned on that validation item.
"""


class Published(NamedTuple):
    model: str
    ndcg: float | None
    recall: float | None
    reads: str


LEVELS = {
    "amazon-beauty-loo": (
        Published("eSASRec (2025)", 0.0523, 0.0928, "ids"),
        Published("ActionPiece (2025)", 0.0424, 0.0775, "text"),
        Published("TIGER (2023)", 0.0384, 0.0648, "text"),
        Published("OneRec-8B (2025)", None, 0.0924, "text"),
    ),
    "ml-1m-loo": (
        Published("HSTU-large (2024)", 0.2164, None, "ids"),
        Published("FuXi-alpha (2025)", 0.1813, None, "ids"),
        Published("eSASRec (2025)", 0.1772, None, "ids"),
    ),
}


def section(reports: list[dict[str, Any]]) -> str:
    """Return the tables of the tasks that papers have, and the notes."""
    tables = [_table(report) for report in reports if report["task"] in LEVELS]
    return "\n".join([HEAD, *tables, NOTES]) if tables else ""


def _table(report: dict[str, Any]) -> str:
    rows = sorted([*_ours(report), *LEVELS[report["task"]]], key=lambda row: -(row.ndcg or 0.0))
    lines = [f"| {report['task']} | NDCG@10 | Recall@10 | reads |", "|---|---|---|---|"]
    lines += [f"| {row.model} | {_number(row.ndcg)} | {_number(row.recall)} | {row.reads} |" for row in rows]
    return "\n".join([*lines, ""])


def _ours(report: dict[str, Any]) -> list[Published]:
    """Return the rows of our own runs: the best tuned peer, Tacit's defaults, and its transformer alone."""
    peer = best_peer(report["rows"])
    runs = [(f"{peer['model']}, tuned, run here", peer, "ids, without order")] if peer else []
    own = [row for row in report["rows"] if row["model"] == OURS and row["kind"] == "default"]
    runs += [
        ("**Tacit, defaults**", row, "text, users" if "ml-1m" in report["task"] else "text") for row in own
    ]
    rows = [Published(title, row.get(MAIN), row.get(SHORT), reads) for title, row, reads in runs]
    curve = CURVES / f"{report['task'].removesuffix('-loo')}.json"
    if curve.exists():
        found = json.loads(curve.read_text("utf-8"))
        reads = "text" if found["text"] else "ids"
        rows.append(Published("**Tacit's transformer alone**", found["result"][MAIN], None, reads))
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
