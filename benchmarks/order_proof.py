"""Whether public logs may stand beside published figures: ``python benchmarks/order_proof.py DATA``.

Leave-one-out predicts the last item of each user, so a copy in another order than that of time measures
something else. Copies sorted by item id are known: whoever learns the order of ids predicts their last items.
For each log as it is, with the events of each user shuffled, and with these sorted by item id, it prints

- agreement: how often two users who took the same two items took them in the same order, over the pairs of
  the `POPULAR` most taken items. Half where there is no common order, 1 where all are sorted by one key.
- rising: of two successive items of a user, how often the id rises.
- highest last: how often the last item of a user has the highest id of all that this user took.

Then how often a time falls between successive events whose times are exact, and with ``--same NAME=FILE``
whether another copy of a log (a line for each user: user, then items) has the same sequences under other ids.
With ``--text`` it measures what Tacit gains by the keywords of amazon-beauty, which a language model wrote, on the
validation cut, inside the training part, with them, without them and without any text (ten minutes).
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
from prepare import SEED, TASKS, Cuts, Task

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


def rising(log: Sequences) -> float:
    """Return how often the id rises from an item to the next of the same user."""
    return float((np.diff(log.item) > 0)[log.next_of_same].mean())


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
    lines = ["| log | order | agreement | rising | highest last |", "|---|---|---|---|---|"]
    for name in LOGS:
        log = sequences(read(data / name))
        shuffled = log.sorted_by(generator(SEED, "shuffled").random(len(log.user)))
        for title, one in (
            ("of the copy", log),
            ("shuffled", shuffled),
            ("by item id", log.sorted_by(log.item)),
        ):
            figures = (agreement(one), rising(one), highest_last(one))
            lines.append(f"| {name} | {title} | {' | '.join(f'{value:.3f}' for value in figures)} |")
    return "\n".join(lines)


def times_line(data: Path, name: str) -> str:
    fell, of = falling(read(data / name))
    return f"{name}: {f'the time falls in {fell:,} of {of:,} steps with exact times' if of else 'no times'}"


def same_line(data: Path, name: str, file: Path) -> str:
    """Return whether another copy has the same sequences; users stand in the order of their first event."""
    events = read(data / name)
    whole = pl.read_parquet(data / name / "events.parquet", columns=["user_id"])["user_id"].unique(
        maintain_order=True
    )
    own = dict(events.group_by("user_id").agg("item_id").iter_rows())
    ours = [own[user] for user in whole]
    theirs = [line.split()[1:] for line in file.read_text("utf-8").splitlines()]
    same = "the same" if same_sequences(ours, theirs) else "NOT the same"
    return f"{name}: {len(ours):,} sequences, {sum(map(len, ours)):,} events, {same} as in {file.name}"


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


def rises(split: Split) -> Bool:
    """Return whether the id rises from the last item of each user to the first target: bool[users]."""
    ids = split.catalogue.items.ids
    last = split.queries.item[split.queries.offsets[1:] - 1]
    target = split.targets[split.target_offsets[:-1]]
    return (ids[target] > ids[last]).to_numpy()


def text_tables(task: Task, data: Path) -> str:
    """Return NDCG@10 on the validation cut, by what text there is and by the step to the target."""
    cuts = {
        "title and keywords": Cuts(task, data),
        "title": Without(task, data, (KEYWORDS,)),
        "no text": Without(task, data, (KEYWORDS, "title")),
    }
    split = cuts["title and keywords"].valid()
    up, found = rises(split), {title: measured(one.valid()) for title, one in cuts.items()}
    base = found["title and keywords"]
    lines = ["| text | blend | difference | tacit | difference |", "|---|---|---|---|---|"]
    for title, values in found.items():
        cells = [cell for name in values for cell in _cells(values[name], base[name])]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    lines += ["", "| id from the last item to the target | users | blend | tacit |", "|---|---|---|---|"]
    for title, rows in (("rises", up), ("falls", ~up)):
        lines.append(
            f"| {title} | {rows.sum()} | {base['blend'][rows].mean():.4f} | {base['tacit'][rows].mean():.4f} |"
        )
    return "\n".join(lines)


def _cells(values: Float64, base: Float64) -> tuple[str, str]:
    away = values - base
    low, high = interval(away, generator(SEED, "bootstrap"))
    return f"{values.mean():.4f}", f"{away.mean():+.4f} [{low:+.4f}, {high:+.4f}]" if away.any() else "-"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--same", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--text", action="store_true")
    asked = parser.parse_args()
    print(order_table(asked.data), *(times_line(asked.data, name) for name in LOGS), sep="\n\n")
    for name, _, file in (one.partition("=") for one in asked.same):
        print(same_line(asked.data, name, Path(file)))
    if asked.text:
        task = TASKS[WRITTEN]
        items = Cuts(task, asked.data).items
        words, whole = in_own_title(items)
        print(
            f"{words:.1%} of the words of the keywords are in the item's own title, all of {whole:.1%} of the items"
        )
        print(text_tables(task, asked.data))


if __name__ == "__main__":
    main()
