"""Seconds and memory by stage of a log of 100 million events x 1 million items x 5 million users.

``python benchmarks/hundred_million.py make DIR --events 100000000`` writes ``log.csv`` (about 4 GB) and
``items.csv`` in chunks, in memory that does not grow with the log. ``... run DIR`` reads and cleans the log,
makes its interactions, fits the default pipeline, makes lists for 100,000 users and answers one; each command
is a process of its own, and each stage is printed with its wall seconds, processor seconds and peak memory:
that of its process from its start to its end, with what the process held before.

The log has the shape of real ones: users are 5 % and items 1 % of the events (or as many as ``--users`` and
``--items`` say); sessions of a user with one taste, in the order of time; the busiest user and item have far
more events than the median one; four types of events, purchases with a price; ids as text that say nothing of
their frequency. Ten items share each text, as sizes and colours of one article do. A line in 1,000 is broken,
some are copies, double clicks, or of a bot.
``--stages read`` stops after the interactions.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

COLUMNS = ("user_id", "item_id", "event", "timestamp", "value")
USER_SHARE, ITEM_SHARE, ITEMS_A_TEXT = 0.05, 0.01, 10
END, DAYS, CHUNK, A_SESSION = 1_750_000_000, 180, 1_000_000, 5
TASTES, LOYAL = 200, 0.7
EVENTS, SHARES = ("view", "click", "cart", "purchase"), (0.72, 0.16, 0.07, 0.05)
BROKEN = (
    "###",
    ",,,,",
    "{user},{item}",
    "{user},{item},view,yesterday,",
    "{user},{item},view,1740000000,,more",
)
BROKEN_SHARE, COPIED_SHARE, DOUBLE_SHARE, BOT_ROWS = 0.001, 0.003, 0.005, 1_500
BATCH = 100_000
STAGES = ("read", "fit", "batch", "answer")


def make(
    folder: Path, events: int, seed: int = 0, *, users: int | None = None, items: int | None = None
) -> None:
    """Write a log of so many rows, in time, and its catalogue; users and items by default as shares."""
    folder.mkdir(parents=True, exist_ok=True)
    users = max(int(events * USER_SHARE), 10) if users is None else users
    items = max(int(events * ITEM_SHARE), ITEMS_A_TEXT) if items is None else items
    rng = np.random.default_rng(seed)
    with (folder / "items.csv").open("wb") as stream:
        stream.write(b"item_id,title,category,price\n")
        for first in range(0, items, CHUNK):
            rows = _catalogue(np.arange(first, min(first + CHUNK, items)))
            stream.write(rows.write_csv(include_header=False).encode())
    with (folder / "log.csv").open("wb") as stream:
        stream.write(f"{','.join(COLUMNS)}\n".encode())
        for first in range(0, events, CHUNK):
            rows = _session_rows(rng, first, min(CHUNK, events - first), events, users, items)
            stream.write(
                _lines(rng, rows).to_frame().write_csv(include_header=False, quote_style="never").encode()
            )


def _session_rows(
    rng: np.random.Generator, first: int, count: int, events: int, users: int, items: int
) -> dict[str, np.ndarray]:
    """Return rows of whole sessions in a slice of time, sorted by time."""
    length = rng.geometric(1 / A_SESSION, count)
    session = np.repeat(np.arange(count), length)[:count]
    user = (users * rng.random(count) ** 2).astype(np.int64)[session]  # by rank: squares make a heavy tail
    # Which users are busy changes from one slice of time to the next, for half of the sessions.
    moved = (rng.random(count) < 0.5)[session]
    user[moved] = (user[moved] + first // CHUNK * 7_919) % users
    item = (items * rng.random(count) ** 3).astype(np.int64)
    loyal = rng.random(count) < LOYAL
    # Items of a taste are those with the same remainder, so that each has popular and rare ones.
    item[loyal] += (user % TASTES - item % TASTES)[loyal]
    span = DAYS * 86_400 / events
    start = (END - DAYS * 86_400 + first * span + rng.random(count) * count * span)[session]
    at = (start + np.cumsum(rng.exponential(40, count)) % 3_600).astype(np.int64)
    event = rng.choice(len(EVENTS), count, p=SHARES)
    order = np.argsort(at, kind="stable")
    rows = {
        "user": user[order],
        "item": np.clip(item, 0, items - 1)[order],
        "event": event[order],
        "at": at[order],
    }
    again = np.flatnonzero(rng.random(count - 1) < DOUBLE_SHARE) + 1
    for name in rows:
        rows[name][again] = rows[name][again - 1] + (name == "at")
    if count > 4 * BOT_ROWS:
        bot = slice(count // 2, count // 2 + BOT_ROWS)
        rows["user"][bot], rows["event"][bot] = users - 1 - first // CHUNK % users, 0
        rows["item"][bot] = rng.choice(items, BOT_ROWS, replace=items < BOT_ROWS)
        rows["at"][bot] = rows["at"][count // 2] + np.arange(BOT_ROWS) // 2
    return rows


def _user_id(number: pl.Expr) -> pl.Expr:
    """Return ids whose order says nothing: a factor without 2 and 5 maps the numbers one to one."""
    return pl.lit("U") + (number * 2_654_435_761 % 10**10).cast(pl.String).str.zfill(10)


def _item_id(number: pl.Expr) -> pl.Expr:
    return pl.lit("P") + (number * 48_271 % 10**8).cast(pl.String).str.zfill(8)


def _lines(rng: np.random.Generator, rows: dict[str, np.ndarray]) -> pl.Series:
    """Return the lines of rows, some of them broken or copies of the line before."""
    price = pl.format("{}.{}", pl.col("item") * 31 % 90 + 5, pl.col("item") % 90 + 10)
    bought = pl.col("event") == EVENTS.index("purchase")
    text = pl.format(
        "{},{},{},{},{}",
        _user_id(pl.col("user")),
        _item_id(pl.col("item")),
        pl.col("event").replace_strict(dict(enumerate(EVENTS))),
        "at",
        pl.when(bought).then(price).otherwise(pl.lit("")),
    )
    lines = pl.DataFrame(rows).select(text.alias("line"))["line"]
    copied = np.flatnonzero(rng.random(len(lines) - 1) < COPIED_SHARE) + 1
    lines = lines.scatter(copied, lines.gather(copied - 1))
    broken = np.flatnonzero(rng.random(len(lines)) < BROKEN_SHARE)
    kinds = rng.integers(len(BROKEN), size=len(broken))
    told = [
        BROKEN[kind].format(user=f"U{place:010d}", item="P00000001")
        for kind, place in zip(kinds, broken, strict=True)
    ]
    return lines.scatter(broken, told)


_MADE_OF = (
    *("cotton", "linen", "leather", "wool", "steel", "oak", "silk", "denim"),
    *("glass", "paper", "canvas", "bamboo", "rubber", "velvet", "copper", "clay"),
)
_THINGS = (
    *("shirt", "lamp", "chair", "bag", "watch", "desk", "scarf", "jacket"),
    *("bowl", "notebook", "tent", "basket", "boot", "cushion", "kettle", "vase"),
)
_COLOURS = ("red", "blue", "green", "black", "white", "grey", "brown", "yellow")


def _catalogue(number: np.ndarray) -> pl.DataFrame:
    """Return items of a text each tenth of them shares; the words of a text say its taste."""
    text = pl.col("number") // (TASTES * ITEMS_A_TEXT) * TASTES + pl.col("number") % TASTES
    rows = pl.DataFrame({"number": number}).with_columns(text=text, taste=pl.col("number") % TASTES)
    made, thing = (
        (pl.col("taste") // divisor % 16).replace_strict(dict(enumerate(words)), return_dtype=pl.String)
        for words, divisor in ((_MADE_OF, 1), (_THINGS, 16))
    )
    colour = (pl.col("text") // TASTES % 8).replace_strict(dict(enumerate(_COLOURS)))
    title = pl.format("{} {} {} no {}", colour, made, thing, pl.col("text"))
    return rows.select(
        _item_id(pl.col("number")).alias("item_id"),
        title.alias("title"),
        thing.alias("category"),
        # The price is a part of the text that is read: one of the number would make each text another one.
        pl.format("{}.{}", pl.col("text") * 31 % 90 + 5, pl.col("text") % 90 + 10).alias("price"),
    )


class Peak:
    """The greatest resident memory since it was started, in bytes, sampled 50 times a second."""

    def __init__(self) -> None:
        self.most, self._going = 0, True
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while self._going:
            with Path("/proc/self/statm").open() as stream:
                self.most = max(self.most, int(stream.read().split()[1]) * page)
            time.sleep(0.02)

    def stop(self) -> int:
        self._going = False
        self._thread.join()
        return self.most


@contextmanager
def stage(name: str) -> Iterator[dict[str, Any]]:
    """Print the figures of a stage as a line of JSON; what is put into the dict is printed too."""
    peak, more = Peak(), {}
    start, processor = time.perf_counter(), time.process_time()
    yield more
    figures = {
        "stage": name,
        "wall_s": round(time.perf_counter() - start, 2),
        "cpu_s": round(time.process_time() - processor, 2),
        "peak_gb": round(peak.stop() / 1e9, 3),
        "process_peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3),
    }
    print(json.dumps(figures | more), flush=True)


def run_read(folder: Path) -> None:
    """Read and clean the log, and make its interactions."""
    import tacit
    from tacit.data.interactions import Interactions
    from tacit.data.users import Users
    from tacit.data.weights import EventWeights
    from tacit.engine.train import catalogue_of

    with stage("read") as told:
        cleaned = tacit.read(folder / "log.csv")
        told |= {"rows": cleaned.rows_in, "events": len(cleaned.events), "reasons": cleaned.reasons}
        told["frame_gb"] = round(cleaned.events.estimated_size() / 1e9, 3)
    with stage("interactions") as told:
        events = cleaned.events
        weights = EventWeights.fit(events)
        catalogue = catalogue_of(events, None)
        people = Users.of(None, events["user_id"])
        log = Interactions.from_frame(weights.weigh(events), catalogue.items, people)
        told |= {"events": len(log), "users": log.n_users, "items": log.n_items}


def run_fit(folder: Path) -> None:
    """Fit the default pipeline on the log and its catalogue, and save it."""
    from fit_stages import told_by_stage

    import tacit

    with stage("fit"), told_by_stage():
        model = tacit.fit(folder / "log.csv", folder / "items.csv", on_note=print)
        model.save(folder / "snapshot.tacit")


def run_batch(folder: Path) -> None:
    """Make lists of ten for 100,000 users."""
    from tacit.engine.batch import recommend_all
    from tacit.engine.snapshot import load

    with stage("open"):
        snapshot = load(folder / "snapshot.tacit")
    with stage("batch") as told:
        ids = snapshot.interactions.users.ids
        few = ids.gather_every(max(len(ids) // BATCH, 1)).head(BATCH).to_list()
        told["rows"] = sum(map(len, recommend_all(snapshot, few, k=10)))


def run_answer(folder: Path) -> None:
    """Open the snapshot and answer one user."""
    import tacit

    with stage("open and answer") as told:
        model = tacit.load(folder / "snapshot.tacit")
        user = model.snapshot.interactions.users.ids[0]
        start = time.perf_counter()
        model.recommend(user=user, k=10)
        told["first_answer_ms"] = round(1e3 * (time.perf_counter() - start), 1)
        start = time.perf_counter()
        model.recommend(user=user, k=10)
        told["answer_ms"] = round(1e3 * (time.perf_counter() - start), 1)


RUNS: dict[str, Callable[[Path], None]] = {
    "read": run_read, "fit": run_fit, "batch": run_batch, "answer": run_answer
}  # fmt: skip


def main() -> None:
    """Make a log, or measure the stages on one, each in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("make", "run"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--items", type=int, help="of `make`; by default 1 %% of the events")
    parser.add_argument("--users", type=int, help="of `make`; by default 5 %% of the events")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stages", nargs="*", choices=STAGES, default=STAGES)
    parser.add_argument("--here", action="store_true", help="run the stages in this process")
    asked = parser.parse_args()
    if asked.what == "make":
        with stage("make"):
            make(asked.folder, asked.events, asked.seed, users=asked.users, items=asked.items)
        return
    for name in asked.stages:
        if asked.here:
            RUNS[name](asked.folder)
        else:
            command = [sys.executable, __file__, "run", str(asked.folder), "--stages", name, "--here"]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
