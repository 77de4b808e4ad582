"""The part of RESULTS.md that puts leave-one-out figures beside published ones, with what differs."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from judge import MAIN, OURS, SHORT, best_peer

CURVES = Path(__file__).resolve().parents[1] / "transformer"
HEAD = """## Beside published figures

Two of the tasks have the protocol of many papers: the last item of each user, among all items of the log.
The papers' figures are as published, from other machines and hours of a GPU where ours have two cores:
these are no rows of one experiment. What differs stands below the tables. The figures there are printed by
`python benchmarks/order_proof.py DATA --same FILE --text`; FILE is the copy of amazon-beauty with days of
AraVio/TimeWeaver (`data/Beauty.txt`), which has the sequences of that of RUCAIBox/CIKM2020-S3Rec.
"""
NOTES = """\
- **The same sequences.** Our amazon-beauty is S3-Rec's copy, of which the papers give the counts: 22,363
  sequences and 198,502 events in the same order, under other ids. In ml-1m the published order has no step
  back in time in 113,661 steps with exact times, and our test item is its last one for 5,978 of 6,040
  users (most of our times lie between exact ones; papers also leave out the 290 films with fewer than 5
  ratings).
- **In order of days, not of ids.** In the copy with days no step of amazon-beauty goes back. Two users who
  took the same two of the 500 most taken items took them in the same order in 82.7 % of the cases there,
  and in 54.2 % on ml-1m: in 50 % when shuffled, in 100 % in a copy sorted by item id. The last item has
  the highest id of its user for 45.2 % and 3.9 % of the users (14.4 % and 1.6 % when shuffled, 100 % in a
  sorted copy).
- **Within a day amazon-beauty is sorted by id**, in the published copy too: 43.9 % of the steps, and 43.5
  % of those to the test item, are within a day, and in all of them the id rises (in 45.4 % of the others).
  Whoever learns which item stands before which learns some of that; a peer without order cannot. So a lead
  over such a peer might be one on an artefact of the log, unlike one over the papers' models of sequences
  that read the same copy. On the validation cut it is not: within a day the defaults have 0.1046 NDCG@10
  and lenskit-slim, which has no order, 0.0684; on later days 0.0448 and 0.0280. The lead is as large on
  the steps that no order of ids explains.
- **Text.** Tacit reads the titles of both logs, on ml-1m genres, plots, directors and actors too, on
  amazon-beauty keywords that a language model wrote from the listings alone: 84.0 % of their words are in
  the item's own title. The keywords bring nothing: on the validation cut the blend has 0.0704 with them
  and 0.0703 without (-0.0000 [-0.0021, +0.0020]), the whole 0.0728 and 0.0755 (+0.0027 [+0.0001, +0.0055]
  without). Without any text the whole has 0.0671 (-0.0057 [-0.0097, -0.0019]). eSASRec, FuXi-alpha and
  HSTU read ids alone; TIGER, ActionPiece and OneRec read text.
- **What the last fit sees.** Tacit and our peers are fitted on all but the test item. Most papers keep the
  item before it for validation and show it in the history alone: one training event of each user less.
- **Users.** On ml-1m Tacit knows gender, age group and occupation; the papers' models do not.
- **Seen items** are left out of our lists, and no target is among them. Not every paper does so.
- **Tuning.** None for the defaults; the papers' models were tuned on their validation item.
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
