"""What the comparison counts, as hashes: ``python benchmarks/peers/frozen.py DATA`` compares all tasks.

Lists of peers are kept from earlier runs, so the cuts they were made on must never move, however Tacit comes
to read a log or to weigh its events. ``frozen_cuts.json`` holds the rows and a sha256 of each part of each
cut; it is written once, and a change of it needs all peers to be run again.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from prepare import TASKS, Cuts, stated

from tacit.evaluation.split import Split

FROZEN = Path(__file__).resolve().parent / "frozen_cuts.json"
UNKNOWN = "(unknown)"

Hashes = Mapping[str, Mapping[str, str]]
"""Name of a cut: part of it: its number of rows and their sha256."""


def hashes(cuts: Cuts) -> Hashes:
    """Return the hashes of both cuts of a task, as peers are given them."""
    made = {"valid": cuts.valid(stated), "test": cuts.test(stated)}
    return {
        name: {part: _hash(rows) for part, rows in contents(split).items()} for name, split in made.items()
    }


def contents(split: Split) -> Mapping[str, pl.DataFrame]:
    """Return what a cut consists of, by ids: independent of codes and of the order of rows in memory."""
    log, queries = split.train, split.queries
    users, items = log.users.ids, split.catalogue.items.ids
    train = pl.DataFrame(
        {"user": users[log.user], "item": items[log.item], "at": log.at, "weight": log.weight}
    )
    asked = users[queries.user]
    histories = pl.DataFrame({"user": asked[queries.row], "item": items[queries.item], "at": queries.at})
    targets = pl.DataFrame(
        {
            "user": asked[np.repeat(np.arange(len(queries)), np.diff(split.target_offsets))],
            "item": [items[code] if code >= 0 else UNKNOWN for code in split.targets.tolist()],
        }
    )
    return {
        "train": train.sort(train.columns),
        "histories": histories.sort("user", maintain_order=True),  # events stay in their order
        "targets": targets.sort(targets.columns),
        "candidates": items.sort().to_frame("item"),
    }


def _hash(rows: pl.DataFrame) -> str:
    return f"{len(rows)} {hashlib.sha256(rows.write_csv(float_precision=4).encode()).hexdigest()}"


def main(data: Path, *names: str) -> None:
    """Compare tasks, by default all, with what was frozen; write the file where it is missing."""
    found = {name: hashes(Cuts(TASKS[name], data)) for name in names or TASKS}
    if not FROZEN.exists():
        FROZEN.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    frozen = json.loads(FROZEN.read_text("utf-8"))
    moved = differences({name: frozen[name] for name in names} if names else frozen, found)
    if moved:
        raise SystemExit(f"not the cuts that peers were run on: {', '.join(moved)}; mend how they are made")
    print(f"the cuts of {len(found)} tasks are as frozen")


def differences(frozen: Mapping[str, Hashes], found: Mapping[str, Hashes]) -> list[str]:
    """Return "task cut part" of every hash that differs; what only one side has differs too."""
    before, now = (
        {
            f"{task} {cut} {part}": sha
            for task, cuts in side.items()
            for cut, parts in cuts.items()
            for part, sha in parts.items()
        }
        for side in (frozen, found)
    )
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
