"""Whether public logs may stand beside published figures: ``python benchmarks/order_proof.py DATA``.

Leave-one-out predicts the last item of each user, so a copy in another order than that of time measures
something else. Copies sorted by item id are known: whoever learns the order of ids predicts their last items.
For each log as it is, with the events of each user shuffled, and with these sorted by item id, it prints

- agreement: how often two users who took the same two items took them in the same order, over the pairs of
  the `POPULAR` most taken items. Half where there is no common order, 1 where all are sorted by one key.
- rising: from an item of a user to the next, how often the id rises; and the same of steps to a near id, of
  the nearest hundredth of all.
- highest last: how often the last item of a user has the highest id of all that this user took.

Then how often a time falls between successive events whose times are exact, and for how many users the item
that the comparison holds out is the last of this order. ``--same FILE`` compares amazon-beauty with another
copy: a line for each user, the user, the items, and after a tab the seconds since the item before, if known.
``--text`` measures what Tacit gains by the keywords of amazon-beauty, which a language model wrote: on the
validation cut, inside the training part, with them, without them and without any text; and with the seconds
of the other copy, apart by whether the target is of the same day as the item before (ten minutes).
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
from environments import BUILD, RESULTS
from judge import best_peer
from origins import fit_peer, scored, write_origin
from prepare import SEED, TASKS, Cuts, Task, stated

from tacit.core.progress import SILENT
from tacit.core.seeds import generator
from tacit.core.types import Bool, Float64, Int32
from tacit.engine.train import encoded
from tacit.evaluation.bootstrap import interval
from tacit.evaluation.evaluate import first_stage, fit_model, score
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split
from tacit.models.protocol import recommend
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage

LOGS = ("amazon-beauty", "ml-1m")
POPULAR = 500
NEAR = 0.01
KEYWORDS = "keywords"
WRITTEN = "amazon-beauty-loo"
"""The task whose items have a column that a language model wrote."""


@dataclass(frozen=True)
class Sequences:
    """The items of users in the order of a log: codes of users, of items by id, sorted by user."""

    user: Int32
    item: Int32

    @property
    def next_of_same(self) -> Bool:
        """Return which events have a next one of the same user: bool[events - 1]."""
        return self.user[1:] == self.user[:-1]

    def sorted_by(self, key: Float64 | Int32) -> "Sequences":
        """Return the same events with those of each user in another order."""
        order = np.lexsort((key, self.user))
        return Sequences(self.user[order], self.item[order])


def read(folder: Path) -> pl.DataFrame:
    """Return the ordered events of a log, sorted by user and order."""
    events = pl.read_parquet(folder / "events.parquet").drop_nulls("seq")
    return events.sort("user_id", "seq", maintain_order=True)


def sequences(events: pl.DataFrame) -> Sequences:
    """Return the sequences of sorted events; items are coded in the order of their ids."""
    ids = events["item_id"].unique()
    numeric = ids.str.contains(r"^\d+$").all()
    ordered = ids.sort() if not numeric else ids.cast(pl.Int64).sort().cast(pl.String)
    codes = pl.DataFrame({"item_id": ordered, "code": np.arange(len(ordered), dtype=np.int32)})
    item = events.join(codes, on="item_id", how="left", maintain_order="left")["code"].to_numpy()
    return Sequences(events["user_id"].rank("dense").cast(pl.Int32).to_numpy(), item)


def agreement(log: Sequences, popular: int = POPULAR) -> float:
    """Return how often two users put two popular items into the same order."""
    counts = np.bincount(log.item)
    kept = np.sort(np.argsort(-counts, kind="stable")[:popular])
    among = np.isin(log.item, kept)
    user, item = log.user[among], np.searchsorted(kept, log.item[among])
    first = np.zeros((len(kept), len(kept)), dtype=np.int64)
    for own in np.split(item, np.flatnonzero(np.diff(user)) + 1):
        early, late = np.triu_indices(len(own), 1)
        np.add.at(first, (own[early], own[late]), 1)
    upper = np.triu_indices(len(kept), 1)
    forward, backward = first[upper], first.T[upper]
    both = forward + backward
    same = forward * (forward - 1) + backward * (backward - 1)
    return float(same.sum() / (both * (both - 1)).sum())


def rising(log: Sequences, near: float = 1.0) -> float:
    """Return how often the id rises from an item to the next, of steps of at most a share of all ids."""
    step = np.diff(log.item)[log.next_of_same]
    step = step[np.abs(step) <= near * (int(log.item.max()) + 1)]
    return float((step > 0).mean())


def highest_last(log: Sequences) -> float:
    """Return how often the last item of a user has the highest id of this user's."""
    start = np.append(0, np.flatnonzero(~log.next_of_same) + 1)
    last = np.append(start[1:], len(log.user)) - 1
    return float((log.item[last] == np.maximum.reduceat(log.item, start)).mean())


def falling(events: pl.DataFrame) -> tuple[int, int]:
    """Return between how many successive events of a user the time falls, and how many have exact times."""
    exact = events.filter(pl.col("timestamp").is_not_null())
    if "timestamp_exact" in exact.columns:
        exact = exact.filter(pl.col("timestamp_exact"))
    same = (exact["user_id"] == exact["user_id"].shift()).fill_null(False).to_numpy()[1:]
    steps = np.diff(exact["timestamp"].to_numpy())[same]
    return int((steps < 0).sum()), len(steps)


def same_sequences(ours: Sequence[Sequence[str]], theirs: Sequence[Sequence[str]]) -> bool:
    """Return whether two copies are the same sequences of users in the same order, under other ids."""
    if [len(one) for one in ours] != [len(one) for one in theirs]:
        return False
    pairs = {pair for one in zip(ours, theirs, strict=True) for pair in zip(*one, strict=True)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def order_table(data: Path) -> str:
    lines = [
        "| log | order | agreement | rising | to a near id | highest last |",
        "|---|---|---|---|---|---|",
    ]
    for name in LOGS:
        log = sequences(read(data / name))
        shuffled = log.sorted_by(generator(SEED, "shuffled").random(len(log.user)))
        for title, one in (
            ("of the copy", log),
            ("shuffled", shuffled),
            ("by item id", log.sorted_by(log.item)),
        ):
            figures = (agreement(one), rising(one), rising(one, NEAR), highest_last(one))
            lines.append(f"| {name} | {title} | {' | '.join(f'{value:.3f}' for value in figures)} |")
    return "\n".join(lines)


def times_line(data: Path, name: str) -> str:
    fell, of = falling(read(data / name))
    return f"{name}: {f'the time falls in {fell:,} of {of:,} steps with exact times' if of else 'no times'}"


def last_line(data: Path, name: str) -> str:
    """Return for how many users the test item is the last one in the order of the copy."""
    split = Cuts(TASKS[f"{name}-loo"], data).test()
    held = pl.DataFrame(
        {
            "user_id": split.train.users.ids[np.repeat(split.queries.user, np.diff(split.target_offsets))],
            "item_id": split.catalogue.items.ids[split.targets],
        }
    )
    last = read(data / name).group_by("user_id", maintain_order=True).last()
    same = held.join(last, on=["user_id", "item_id"], how="semi")
    return f"{name}: the test item is the last one for {len(same):,} of {len(held):,} users"


@dataclass(frozen=True)
class Copy:
    """Another copy of a log: the items of each user, and the seconds since the item before where known."""

    items: list[list[str]]
    seconds: list[list[float]]

    @classmethod
    def read(cls, file: Path) -> "Copy":
        lines = [line.split("\t") for line in file.read_text("utf-8").splitlines()]
        seconds = [[float(value) for value in line[1].split()] for line in lines if len(line) > 1]
        return cls([line[0].split()[1:] for line in lines], seconds)


def by_first_event(data: Path, name: str) -> dict[str, list[str]]:
    """Return the items of each user in order; users as their first events come, which is how copies do."""
    users = pl.read_parquet(data / name / "events.parquet", columns=["user_id"])["user_id"]
    own = dict(read(data / name).group_by("user_id").agg("item_id").iter_rows())
    return {user: own[user] for user in users.unique(maintain_order=True)}


def copy_lines(ours: Sequence[Sequence[str]], copy: Copy) -> str:
    """Return whether another copy is the same, and what its times say of the order."""
    same = "the same" if same_sequences(ours, copy.items) else "NOT the same"
    lines = [f"{len(ours):,} sequences, {sum(map(len, ours)):,} events: {same} as in the other copy"]
    if copy.seconds:
        after = np.concatenate([one[1:] for one in copy.seconds])
        last = np.array([one[-1] for one in copy.seconds])
        up = np.array([b > a for one in ours for a, b in pairwise(one)])
        day = after == 0
        lines += [
            f"its time falls in {(after < 0).sum():,} of {len(after):,} steps",
            f"within a day: {day.mean():.1%} of the steps, {np.mean(last == 0):.1%} of the last ones",
            f"the id rises in {up[day].mean():.1%} of these steps, in {up[~day].mean():.1%} of the others",
        ]
    return "\n\n".join(lines)


@dataclass(frozen=True)
class Without(Cuts):
    """The cuts of a task without some columns of its items."""

    columns: tuple[str, ...]

    @cached_property
    def items(self) -> pl.DataFrame | None:
        whole = Cuts(self.task, self.data).items
        return None if whole is None else whole.drop(self.columns)


def in_own_title(items: pl.DataFrame) -> tuple[float, float]:
    """Return the share of the words of keywords that the item's title has, and of items with all of them."""

    def words(name: str) -> pl.Expr:
        return pl.col(name).fill_null("").str.to_lowercase().str.extract_all("[a-z0-9]+")

    counts = items.select(
        n=words(KEYWORDS).list.unique().list.len(),
        shared=words(KEYWORDS).list.set_intersection(words("title")).list.len(),
    ).filter(pl.col("n") > 0)
    return float(counts["shared"].sum() / counts["n"].sum()), float((counts["shared"] == counts["n"]).mean())


def measured(split: Split) -> dict[str, Float64]:
    """Return NDCG@10 of each user of a cut, by the blend and by the whole of Tacit."""
    split = replace(split, catalogue=encoded(split.catalogue, "auto")[1])
    config = Config(seed=SEED)
    first = first_stage(config, split)
    found = {}
    for name, own in (("blend", replace(config, ranker=None)), ("tacit", config)):
        model = fit_model(TwoStage(own, first=first), split, seed=SEED, progress=SILENT)
        found[name] = score(recommend(model, split.queries, 20), slices(split)[0])["ndcg@10"]
    return found


def peer_of(task: Task, cuts: Cuts) -> tuple[str, Float64]:
    """Return the name of the task's best tuned peer and NDCG@10 of each validation user by it."""
    peer = best_peer(json.loads((RESULTS / f"{task.name}.json").read_text("utf-8"))["rows"])
    if peer is None:
        raise SystemExit(f"benchmarks/results/{task.name}.json has no tuned peer; run benchmarks/peers first")
    place = BUILD / "order" / task.name
    write_origin(cuts.valid(stated), task, place)
    fit_peer(peer, place)
    return peer["model"], scored(peer["model"], place)


def text_table(found: Mapping[str, Mapping[str, Float64]]) -> str:
    """Return NDCG@10 by what text there is, with differences from the first."""
    base = next(iter(found.values()))
    lines = ["| text | blend | difference | tacit | difference |", "|---|---|---|---|---|"]
    for title, values in found.items():
        cells = [cell for name in values for cell in _cells(values[name], base[name])]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def day_table(found: Mapping[str, Float64], same_day: Bool) -> str:
    """Return NDCG@10 of each model by whether the target is of the same day as the item before."""
    lines = [f"| target | users | {' | '.join(found)} |", "|---" * (len(found) + 2) + "|"]
    for title, rows in (("of the same day", same_day), ("of a later day", ~same_day)):
        figures = " | ".join(f"{values[rows].mean():.4f}" for values in found.values())
        lines.append(f"| {title} | {rows.sum():,} | {figures} |")
    return "\n".join(lines)


def _cells(values: Float64, base: Float64) -> tuple[str, str]:
    away = values - base
    low, high = interval(away, generator(SEED, "bootstrap"))
    return f"{values.mean():.4f}", f"{away.mean():+.4f} [{low:+.4f}, {high:+.4f}]" if away.any() else "-"


def text_part(data: Path, seconds: Mapping[str, Sequence[float]]) -> None:
    """Measure and print what text gives, and what the order within a day does."""
    task = TASKS[WRITTEN]
    cuts = {
        "title and keywords": Cuts(task, data),
        "title": Without(task, data, (KEYWORDS,)),
        "no text": Without(task, data, (KEYWORDS, "title")),
    }
    whole = cuts["title and keywords"]
    if whole.items is not None:
        words, items = in_own_title(whole.items)
        print(
            f"{words:.1%} of the words of keywords are in the item's own title, of {items:.1%} of items all"
        )
    found = {title: measured(one.valid()) for title, one in cuts.items()}
    print(text_table(found))
    if seconds:
        split = whole.valid()
        users = split.train.users.ids[split.queries.user]
        same_day = np.array(
            [seconds[user][-2] == 0 for user in users]
        )  # the validation target is next to last
        name, values = peer_of(task, whole)
        print(day_table({name: values, **found["title and keywords"]}, same_day))


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("data", type=Path)
    parser.add_argument("--same", type=Path, metavar="FILE")
    parser.add_argument("--text", action="store_true")
    options = parser.parse_args()
    data = options.data
    print(order_table(data), *(times_line(data, name) for name in LOGS), sep="\n\n")
    print("", *(last_line(data, name) for name in LOGS), sep="\n\n")
    seconds: Mapping[str, Sequence[float]] = {}
    if options.same:
        ours, copy = by_first_event(data, LOGS[0]), Copy.read(options.same)
        print("", copy_lines(list(ours.values()), copy), sep="\n")
        seconds = dict(zip(ours, copy.seconds, strict=False))
    if options.text:
        text_part(data, seconds)


if __name__ == "__main__":
    main()
