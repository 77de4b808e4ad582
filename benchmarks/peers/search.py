"""Random search with one budget for every model; runs inside each library's own environment.

A model is a function that fits on `Data` and returns lists; its parameters are drawn at random from finite
sets, the library's own defaults first. Each trial runs in a fork, so that its memory and its processor time
are its own and a trial that is too dear can be ended. Time is processor time on one thread: other work on the
machine changes nothing. Imports nothing of Tacit.
"""

import json
import os
import pickle
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

TRIALS = 10
SECONDS = 60
"""A search ends after so many trials or so much processor time, whichever comes first."""
LONGEST = 3 * SECONDS
"""A fit with its lists is ended after so much processor time."""
K = 20
KINDS = ("default", "tuned")
BLOCK = 1_000
"""Users whose scores over all items are held at once."""

Space = Mapping[str, Sequence[Any]]
Parameters = Mapping[str, Any]
Measure = Callable[[Parameters], dict[str, Any]]
"""Fits with parameters and returns at least ``ndcg`` (None where it failed) and ``seconds``."""


@dataclass(frozen=True)
class Data:
    """One cut: events sorted by user and time, the users asked about, and their targets."""

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    weight: NDArray[np.float32]
    at: NDArray[np.float64]
    asked: NDArray[np.int32]
    target_row: NDArray[np.int32]
    target_item: NDArray[np.int32]
    timing: str
    allow_seen: bool

    @classmethod
    def read(cls, folder: Path) -> "Data":
        import pyarrow.parquet as pq

        train = pq.read_table(folder / "train.parquet")
        targets = pq.read_table(folder / "targets.parquet")
        asked, row = np.unique(targets["user"].to_numpy(), return_inverse=True)
        told = json.loads((folder / "facts.json").read_text())
        columns = (train[name].to_numpy() for name in ("user", "item", "weight", "at"))
        return cls(*columns, asked, row, targets["item"].to_numpy(), told["timing"], told["allow_seen"])

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.user.max()) + 1, int(self.item.max()) + 1

    @property
    def liked(self) -> NDArray[np.bool_]:
        return self.weight > 0

    def matrix(self, binary: bool = False) -> sparse.csr_matrix:
        """Return users x items with the summed positive weights, or with ones."""
        keep = self.liked
        made = sparse.csr_matrix((self.weight[keep], (self.user[keep], self.item[keep])), self.shape)
        made.sum_duplicates()
        if binary:
            made.data[:] = 1
        return made

    @cached_property
    def seen(self) -> sparse.csr_matrix:
        """Users asked x items: what they had to do with, liked or not; what was only shown is not in it."""
        acted = self.weight != 0
        ones = np.ones(int(acted.sum()), dtype=np.float32)
        return sparse.csr_matrix((ones, (self.user[acted], self.item[acted])), self.shape)[self.asked]

    @property
    def k(self) -> int:
        """How many items to ask a library for that leaves out only what a user liked."""
        if self.allow_seen:
            return K
        liked = (self.matrix(binary=True)[self.asked]).sum(axis=1)
        disliked = (self.seen > 0).sum(axis=1) - liked
        return min(K + int(disliked.max()), self.shape[1])

    def without_seen(self, lists: NDArray[Any]) -> NDArray[np.int32]:
        """Return the first `K` of each list that the user had nothing to do with; -1 pads.

        A place of a list that is negative is empty.
        """
        lists = np.asarray(lists).astype(np.int64)
        gone = lists < 0
        if not self.allow_seen:
            rows = np.arange(len(lists))[:, None]
            gone |= np.asarray(self.seen[rows, np.maximum(lists, 0)].todense()) > 0
        order = np.argsort(gone, axis=1, kind="stable")[:, :K]
        cut = np.where(np.take_along_axis(gone, order, 1), -1, np.take_along_axis(lists, order, 1))
        padded = np.full((len(lists), K), -1, dtype=np.int32)
        padded[:, : cut.shape[1]] = cut
        return padded

    def best(self, scores: Callable[[NDArray[np.int32]], NDArray[Any]]) -> NDArray[np.int64]:
        """Return the best unseen items of the users asked, -1 where nothing is known.

        ``scores`` returns a row of scores over all items for each of some users.
        """
        starts = range(0, len(self.asked), BLOCK)
        return np.concatenate([self._best(scores, start) for start in starts])

    def _best(self, scores: Callable[[NDArray[np.int32]], NDArray[Any]], start: int) -> NDArray[np.int64]:
        given = scores(self.asked[start : start + BLOCK])
        given = np.where(np.isfinite(given), given, -np.inf)
        if not self.allow_seen:
            given[self.seen[start : start + BLOCK].nonzero()] = -np.inf
        width = min(K, given.shape[1])
        found = np.argpartition(-given, width - 1, axis=1)[:, :width]
        order = np.argsort(-np.take_along_axis(given, found, 1), axis=1, kind="stable")
        found = np.take_along_axis(found, order, 1)
        return np.where(np.isfinite(np.take_along_axis(given, found, 1)), found, -1)

    def ndcg(self, lists: NDArray[np.int32], k: int = 10) -> float:
        """Return mean NDCG@k of lists for the users asked, as `tacit.evaluation.metrics.ndcg`."""
        width = max(int(lists.max()), int(self.target_item.max())) + 1
        wanted = self.target_row.astype(np.int64) * width + self.target_item
        places = np.arange(len(lists), dtype=np.int64)[:, None] * width + lists
        hit = np.isin(places, wanted)[:, :k] & (lists[:, :k] >= 0)
        discount = 1 / np.log2(np.arange(2, k + 2))
        ideal = np.cumsum(discount)[np.minimum(np.bincount(self.target_row), k) - 1]
        return float(np.mean(hit @ discount / ideal))


Fit = Callable[..., Callable[[], NDArray[Any]]]
"""Fits on data and parameters; returns what makes the lists."""


@dataclass(frozen=True)
class Model:
    """A model of a library: how it is fitted, and what its parameters may be."""

    fit: Fit
    space: Space = field(default_factory=dict)
    needs: tuple[str, ...] = ("time", "order", "none")
    """What a log must know of time."""


def forked(job: Callable[[], Any], limit: float) -> tuple[Any, float]:
    """Return what a job returns in a fork (None where it fails or takes longer), and its processor time."""
    ours, theirs = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(ours)
        _answer(job, theirs, int(limit))
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        told = pipe.read()
    used = os.wait4(child, 0)[2]
    return (pickle.loads(told) if told else None), round(used.ru_utime + used.ru_stime, 2)


def _answer(job: Callable[[], Any], pipe: int, limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    try:
        answer = pickle.dumps(job())
        with os.fdopen(pipe, "wb") as out:
            out.write(answer)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


class Meter:
    """Processor time, and the largest growth of the memory of this process (Linux), since it was made."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the highest memory is the present one
        self._memory = _memory_mb("VmRSS")
        self._time = time.process_time()

    @property
    def seconds(self) -> float:
        return round(time.process_time() - self._time, 3)

    @property
    def peak_mb(self) -> int:
        return round(max(_memory_mb("VmHWM") - self._memory, 0))


def _memory_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def draws(space: Space, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Yield the defaults (nothing told), then random combinations, none of them twice."""
    yield {}
    told: set[str] = set()
    total = int(np.prod([len(values) for values in space.values()])) if space else 0
    while len(told) < total:
        drawn = {name: values[rng.integers(len(values))] for name, values in space.items()}
        if repr(drawn) not in told:
            told.add(repr(drawn))
            yield drawn


def measured(model: Model, folder: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fit in a fork and make the lists; return them, their NDCG@10, seconds and memory."""

    def job() -> dict[str, Any]:
        data = Data.read(folder)
        meter = Meter()
        recommend = model.fit(data, **parameters)
        fit_seconds = meter.seconds
        lists = data.without_seen(recommend())
        costs = {"seconds": meter.seconds, "fit_seconds": fit_seconds, "peak_mb": meter.peak_mb}
        return {"ndcg": data.ndcg(lists), **costs, "lists": lists}

    told, seconds = forked(job, LONGEST)
    return {"parameters": dict(parameters), "seconds": seconds, **(told or {"ndcg": None, "lists": None})}


def search(measure: Measure, space: Space, seed: int = 7, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """Return the trials of a random search within the budget."""
    trials: list[dict[str, Any]] = []
    for parameters in draws(space, np.random.default_rng(seed)):
        trial = measure(parameters)
        trial.pop("lists", None)
        trials.append(trial)
        if len(trials) == TRIALS or sum(one["seconds"] for one in trials) >= seconds:
            break
    return trials


def run(name: str, model: Model, task: Path, out: Path, about: Mapping[str, str], results: Path) -> None:
    """Search on the validation cut, fit on the whole training part, write lists and what they cost.

    What the results already have of the same version of a library is not searched again.
    """
    searched = remembered(results, name, about) or summary(
        search(partial(measured, model, task / "valid"), model.space)
    )
    asked = Data.read(task / "test").asked
    found: dict[str, Any] = {}
    for kind in KINDS:
        parameters = searched[kind]["parameters"]
        if parameters is not None:
            same = found.get("default") if not parameters else None
            found[kind] = {**(same or measured(model, task / "test", parameters)), **searched[kind]}
            write_lists(asked, found[kind]["lists"], out / f"{name}-{kind}.parquet")
    write_run({"model": name, **about, **found, "trials": searched["trials"]}, out / f"{name}.json")


def summary(trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many trials there were, and of the defaults and of the best of them the parameters and the
    validation NDCG@10; no parameters where nothing came to its end."""
    done = [trial for trial in trials if trial["ndcg"] is not None]
    chosen = {"default": trials[0], "tuned": max(done, key=lambda trial: trial["ndcg"], default=trials[0])}
    told = {
        kind: {"parameters": None if one["ndcg"] is None else one["parameters"], "valid": one["ndcg"]}
        for kind, one in chosen.items()
    }
    return {"trials": len(trials), **told}


def remembered(results: Path, name: str, about: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the `summary` of a search that the results of a task tell of; None where they tell of none."""
    rows = json.loads(results.read_text())["rows"] if results.exists() else []
    wanted = {"model": name, **about}
    told = {row["kind"]: row for row in rows if wanted.items() <= row.items()}
    if set(told) != set(KINDS):
        return None
    kept = {kind: {key: row[key] for key in ("parameters", "valid")} for kind, row in told.items()}
    return {"trials": told["tuned"]["trials"], **kept}


def write_run(told: Mapping[str, Any], path: Path) -> None:
    """Write what a model took and found, without its lists."""
    for kind in KINDS:
        told.get(kind, {}).pop("lists", None)
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def write_lists(asked: NDArray[np.int32], lists: NDArray[np.int32] | None, path: Path) -> None:
    """Write lists (users asked x `K`) as user, item and rank; nothing where a fit took too long."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if lists is None:
        return
    row, rank = np.nonzero(lists >= 0)
    table = {"user": asked[row], "item": lists[row, rank], "rank": (rank + 1).astype(np.int32)}
    pq.write_table(pa.table(table), path)


def main(library: str, models: Mapping[str, Model], package: str | None = None) -> None:
    """Run what is missing: ``python FILE TASK OUT RESULTS [MODEL ...]``."""
    task, out, results = (Path(place) for place in sys.argv[1:4])
    timing = json.loads((task / "test" / "facts.json").read_text())["timing"]
    about = {"library": library, "version": version(package or library)}
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[4:] or models:
        if not (out / f"{name}.json").exists() and timing in models[name].needs:
            start = time.time()
            run(name, models[name], task, out, about, results)
            print(f"{task.name}: {name} in {time.time() - start:.0f} s", flush=True)
