"""What a fit within N seconds reaches: seconds of the whole process, and NDCG@10 on a test it did not see.

``python benchmarks/quick.py DATA [--task FOLDER-CUT ...] [--seconds N ...]``

DATA holds a folder for each log, with ``events.parquet`` and, if there are any, ``items.parquet`` and
``users.parquet``. Each log is cut as ``tacit evaluate`` cuts it. Every fit is a process of its own that reads
the file of the training part, makes folds by the same kind of cut as an evaluation does, and lists for the
test users; the seconds are those from the start of the process to its last snapshot. The whole configuration
is the last row, which the others are compared with (paired, 95 % interval over the users). Vectors of texts
are cached by a first fit that is not counted; ``--cached`` says that they are already.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from fit_time import CUTS, files_of

from tacit import api
from tacit.core.seeds import Streams, generator
from tacit.core.types import Float64
from tacit.data import columns as col
from tacit.engine.train import Prepared, encoded, import_ahead, prepared
from tacit.evaluation.evaluate import score
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split, make_split, training_part
from tacit.pipeline.anytime import Step, steps
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import Fits
from tacit.reading.read import read_items, read_users

_TASKS = (
    "ml-100k-time",
    "ml-100k-leave-one-out",
    "ml-1m-time",
    "ml-1m-leave-one-out",
    "amazon-beauty-leave-one-out",
)
_NO_LIMIT = 1e6


def rows(data: Path, task: str, limits: Sequence[float], *, warm: bool) -> Iterator[str]:
    """Yield the rows of the table of a task, the whole configuration last."""
    folder, cut = _parts(task)
    files = files_of(data, folder)
    log = api.read(files["events"]).events
    with TemporaryDirectory() as place:
        train = Path(place) / "train.parquet"
        training_part(log, protocol=cut, seed=Config().seed).drop(col.LINE).write_parquet(train)
        command = [sys.executable, __file__, str(data), "--child", task, str(train)]
        if warm:
            _reached(command, _NO_LIMIT)
        whole = _reached(command, _NO_LIMIT)
        full = np.array(whole["ndcg"])
        for limit in limits:
            yield _row(task, f"{limit:g}", _reached(command, limit), full)
        yield _row(task, "whole", whole, full)


def _parts(task: str) -> tuple[str, Any]:
    return next((task.removesuffix(f"-{cut}"), cut) for cut in CUTS if task.endswith(f"-{cut}"))


def _reached(command: Sequence[str], limit: float) -> dict[str, Any]:
    asked = [*command, str(limit), str(time.time())]
    said = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(said.splitlines()[-1]))


def child(data: Path, task: str, train: Path, seconds: float, started: float) -> None:
    """Fit within a time in this process, and print what was reached by which second."""
    folder, cut = _parts(task)
    files = files_of(data, folder)
    import_ahead()
    items = read_items(files["items"]) if "items" in files else None
    users = read_users(files["users"]) if "users" in files else None
    given = prepared(api.read(train).events, items, users=users)
    _, catalogue = encoded(given.catalogue, given.source)
    streams = Streams.of(generator(given.config.seed, "fit"))
    fits = Fits(given.config, given.interactions, catalogue, protocol=cut, streams=streams)
    curve: list[tuple[float, float, str]] = []
    for step in steps(
        given.config,
        fits,
        seed=lambda: generator(given.config.seed, "fit"),
        left=lambda: seconds - (time.time() - started),
    ):
        curve.append((time.time() - started, step.ndcg or 0.0, step.what))
    processor = time.process_time()
    log = api.read(files["events"]).events
    split = make_split(log, items, users=users, protocol=cut, seed=given.config.seed)
    found = _ndcg(split, step, given).tolist()
    print(json.dumps({"wall": curve[-1][0], "processor": processor, "curve": curve, "ndcg": found}))


def _ndcg(split: Split, step: Step, given: Prepared) -> Float64:
    """Return NDCG@10 of each test user of a split by the lists of a fit, whose codes are its own."""
    log = given.interactions
    queries = log.queries(log.users.encode(split.user_ids), now=float(split.queries.now[0]))
    ranking = step.pipeline.recommend(queries, 10)
    codes = split.train.items.encode(given.catalogue.items.ids)
    listed = np.where(ranking.items < 0, -1, codes[ranking.items]).astype(np.int32)
    return score(replace(ranking, items=listed), slices(split)[0])["ndcg@10"]


def _row(task: str, limit: str, found: dict[str, Any], full: Float64) -> str:
    here = np.array(found["ndcg"])
    difference = here - full
    half = 1.96 * difference.std(ddof=1) / np.sqrt(len(difference))
    mean, share = difference.mean(), here.mean() / full.mean()
    interval = f"{mean:+.4f} [{mean - half:+.4f}, {mean + half:+.4f}]"
    cells = [task, limit, f"{found['wall']:.1f}", f"{found['processor']:.1f}", f"{len(found['curve'])}"]
    return " | ".join(["", *cells, f"{here.mean():.4f}", f"{share:.3f}", interval, ""]).strip()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", nargs="*", default=_TASKS)
    parser.add_argument("--seconds", nargs="*", type=float, default=(5.0, 10.0, 20.0, 60.0))
    parser.add_argument("--cached", action="store_true", help="the vectors of texts are cached already")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        task, train, seconds, started = given.child
        child(given.data, task, Path(train), float(seconds), float(started))
        return
    print(
        "| task | seconds given | wall s | CPU s | steps | NDCG@10 | share of the whole | difference [95 %] |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for task in given.task:
        for row in rows(given.data, task, given.seconds, warm=not given.cached):
            print(row, flush=True)


if __name__ == "__main__":
    main()
