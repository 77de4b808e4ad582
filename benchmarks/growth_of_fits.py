"""How the cost of fits grows with events, users and items: a table with exponents, and a plot.

    python benchmarks/growth_of_fits.py [MODEL ...] [--events N ...] [--items N ...] [--users N ...]
        [--out growth_of_fits.json] [--plot growth_of_fits.svg]

Each default retriever, and the statistics of the features, is fitted on generated logs (`large_log`), each
in a process of its own, for its memory. Three series grow from one base: in the first events alone, in the
second users (with their events), in the third items (with as many events). The exponent of a series is the
slope of the logarithm of processor seconds over that of the size, between its last two sizes: 1 is linear. A
closed form over at most ``max_items`` items costs the same beyond them. Item kNN counts pairs of items of one
user, which grow with the square of a history: with events of the same users it grows faster, up to a billion
pairs. ``batch`` is the cost of one list: milliseconds of the processor in a batch over users (`Sparse` scores
where a model has them).
"""

import argparse
import json
import math
import multiprocessing
import resource
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from large_log import FEATURES, fit, generated

from tacit.models.protocol import is_sparse
from tacit.pipeline.config import Config
from tacit.pipeline.retrieval import candidates

EVENTS, ITEMS, USERS = (50_000, 500_000, 5_000_000), (5_000, 50_000, 500_000), (5_000, 50_000, 500_000)
BASE = {"events": 500_000, "items": 50_000, "users": 5_000}
LEAST = 0.05
"""Seconds below which a time says nothing of growth."""
ASKED = 512
"""Users of the batch."""

Row = Mapping[str, Any]


def sizes(asked: argparse.Namespace) -> list[tuple[str, dict[str, int]]]:
    """Return what varies, and events, items and users of each log."""
    users = [{**BASE, "events": count * 10, "users": count} for count in asked.users]
    return [
        *(("events", {**BASE, "events": count}) for count in asked.events),
        *(("users", one) for one in users),
        *(("items", {**BASE, "items": count}) for count in asked.items),
    ]


def measured(name: str, size: Mapping[str, int]) -> dict[str, float]:
    """Return processor seconds and gigabytes of a fit, and milliseconds of a list in a batch."""
    log, catalogue = generated(size["events"], size["items"], size["users"])
    before, start = _peak(), time.process_time()
    if name == FEATURES:
        fit(name, log, catalogue)
        return {"seconds": time.process_time() - start, "gb": _peak() - before}
    (one,) = (retriever for retriever in Config().retrievers if retriever.name == name)
    model = one.fit(log, catalogue, rng=np.random.default_rng(0))
    found = {"seconds": time.process_time() - start, "gb": _peak() - before}
    if not is_sparse(model) or name == "content":  # a scan of all texts without lists of near ones
        return found
    queries = log.queries(np.arange(min(ASKED, log.n_users), dtype=np.int32)).last(50)
    start = time.process_time()
    candidates((model,), queries, 100, np.ones(log.n_items, dtype=bool))
    return found | {"batch": 1e3 * (time.process_time() - start) / len(queries)}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def exponent(rows: Sequence[Row], varies: str) -> float:
    """Return the slope between the last two sizes of a series; NaN where times are too short to say."""
    series = [row for row in rows if row["varies"] == varies]
    if len(series) < 2 or series[-2]["seconds"] < LEAST:
        return math.nan
    ratio = series[-1]["seconds"] / series[-2]["seconds"]
    return math.log(ratio) / math.log(series[-1][varies] / series[-2][varies])


def table(rows: Sequence[Row]) -> str:
    """Return the figures as a table of Markdown."""
    lines = [
        "| model | varies | events | users | items | CPU s | GB | ms a list | exponent |",
        "|---" * 9 + "|",
    ]
    for row in rows:
        own = [one for one in rows if one["model"] == row["model"]]
        last = [one for one in own if one["varies"] == row["varies"]][-1] is row
        slope = exponent(own, row["varies"]) if last else math.nan
        lines.append(
            f"| {row['model']} | {row['varies']} | {row['events']:,} | {row['users']:,} | {row['items']:,} "
            f"| {row['seconds']:.2f} | {row['gb']:.2f} | {row.get('batch', math.nan):.2f} | {slope:.2f} |"
        )
    return "\n".join(lines).replace("nan", "-")


def plot(rows: Sequence[Row], file: Path) -> None:
    """Write a plot with a panel for each series, on logarithmic axes."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 3, figsize=(14, 5), sharey=True)
    for panel, varies in zip(panels, ("events", "users", "items"), strict=True):
        for name in dict.fromkeys(row["model"] for row in rows):
            series = [row for row in rows if row["model"] == name and row["varies"] == varies]
            panel.plot([row[varies] for row in series], [row["seconds"] for row in series], "o-", label=name)
        panel.set(xscale="log", yscale="log", xlabel=varies)
    panels[0].set_ylabel("processor seconds of a fit")
    panels[-1].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(file)


def main() -> None:
    """Measure the asked models at all sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*", default=[*(one.name for one in Config().retrievers), FEATURES])
    parser.add_argument("--events", type=int, nargs="+", default=EVENTS)
    parser.add_argument("--users", type=int, nargs="+", default=USERS)
    parser.add_argument("--items", type=int, nargs="+", default=ITEMS)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    rows: list[Row] = []
    for name in asked.models:
        for varies, size in sizes(asked):
            with multiprocessing.get_context("spawn").Pool(1) as process:  # for its memory
                found = process.apply(measured, (name, size))
            rows.append({"model": name, "varies": varies, **size, **found})
            print(json.dumps(rows[-1]), flush=True)
    print(table(rows))
    if asked.out is not None:
        asked.out.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    if asked.plot is not None:
        plot(rows, asked.plot)


if __name__ == "__main__":
    main()
