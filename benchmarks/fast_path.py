"""The figures of an answer, a batch, items and events: an older Tacit beside this one, in one run.

    python benchmarks/fast_path.py OLD OUT SNAPSHOT [SNAPSHOT ...] [--users 300]

OLD is a checkout of the older version (``git worktree add OLD before-fast-path``), which fitted the
snapshots. Both versions answer from the same fitted models, each in a process of its own with one thread,
one after the other for each snapshot. This version answers from a copy that is prepared for requests, as
`tacit fit` prepares its own; the seconds of that are a row of their own. OUT keeps the copies and the
figures.

Times are processor times of the thread, but for events: those wait for the disk, and all threads count.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
K = 10
EVENTS = 50
"""Events of a history: the users asked for have about so many."""
BATCH, BATCHES = 100, 100


def measured(place: Path, users: int) -> dict[str, Any]:
    """Return all figures of a snapshot, by the version of Tacit that is imported."""
    from tacit.engine.engine import Engine
    from tacit.engine.snapshot import load
    from tacit.store.events import EventStore

    start = time.process_time()
    snapshot = load(place)
    figures: dict[str, Any] = {"load_s": time.process_time() - start, "items": len(snapshot.catalogue)}
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(snapshot, EventStore(f"sqlite:///{folder}/store.db"))
        figures |= answers(engine, snapshot, users)
        figures |= batches(snapshot, users)
        figures |= items(engine, snapshot)
        figures |= events(engine, snapshot)
        engine.close()
    return figures


def answers(engine: Any, snapshot: Any, users: int) -> dict[str, Any]:
    """Return milliseconds of a list with reasons for stored users, and the lists themselves."""
    import numpy as np

    from tacit.engine.requests import Request

    log = snapshot.interactions
    length = np.diff(log.offsets)
    closest = np.argsort(np.abs(length - EVENTS), kind="stable")[:users]
    asked = [str(log.users.ids[int(code)]) for code in closest]
    for user in asked[:20]:
        engine.recommend(Request(user_id=user, k=K))
    times, lists = [], []
    for user in asked:
        start = time.thread_time()
        answer = engine.recommend(Request(user_id=user, k=K))
        times.append(1e3 * (time.thread_time() - start))
        lists.append([[one.item_id, list(one.reasons)] for one in answer.items])
    return {"answer_ms": np.quantile(times, [0.5, 0.9, 0.99]).tolist(), "lists": lists}


def batches(snapshot: Any, users: int) -> dict[str, float]:
    """Return users a second of lists of 10 as a batch makes them, and of 20 as an evaluation does.

    An evaluation does not prepare its model for requests.
    """
    import copy

    import numpy as np

    log, model = snapshot.interactions, snapshot.pipeline
    codes = np.random.default_rng(0).choice(log.n_users, min(users, log.n_users), replace=False)
    queries = log.queries(np.sort(codes).astype(np.int32), now=log.end + 3_600).excluding_seen()
    plain = copy.copy(model)
    plain.retrievers_ = tuple(unprepared(one) for one in model.retrievers_)
    rates = {}
    for name, one, k in (("batch", model, K), ("evaluation", plain, 20)):
        one.recommend(queries.slice(0, 20), k)
        start = time.process_time()
        one.recommend(queries, k)
        rates[f"{name}_users_s"] = len(queries) / (time.process_time() - start)
    return rates


def unprepared(retriever: Any) -> Any:
    import copy

    if getattr(retriever, "near_", None) is None:
        return retriever
    plain = copy.copy(retriever)
    plain.near_ = None
    return plain


def items(engine: Any, snapshot: Any) -> dict[str, float]:
    """Return milliseconds of a put of a new item without the encoding of its text: median of 30."""
    import numpy as np

    from tacit.engine.state import ItemEncoder

    encoding = [0.0]
    encode = ItemEncoder.encode

    def timed(self: Any, texts: Any) -> Any:
        start = time.process_time()
        found = encode(self, texts)
        encoding[0] += time.process_time() - start
        return found

    ItemEncoder.encode = timed  # type: ignore[method-assign]
    titles = snapshot.catalogue.titles.to_list()
    times = []
    for number in range(33):
        encoding[0] = 0.0
        start = time.process_time()
        engine.put_item(f"new-{number}", {"title": titles[number % len(titles)]})
        times.append(1e3 * (time.process_time() - start - encoding[0]))
    ItemEncoder.encode = encode  # type: ignore[method-assign]
    return {"put_ms": float(np.median(times[3:]))}


def events(engine: Any, snapshot: Any) -> dict[str, float]:
    """Return durable events a second in batches of `BATCH`, one after the other, and p99 of a batch in ms."""
    import numpy as np

    from tacit.engine.requests import NewEvent

    log = snapshot.interactions
    rng = np.random.default_rng(0)
    ids, kind = snapshot.catalogue.items.ids.to_list(), log.kinds[0]
    value = 4.0 if kind == "rating" else None
    batches = [
        [
            NewEvent(ids[item], kind, user_id=f"u{user}", timestamp=log.end + number, value=value)
            for item, user in zip(
                rng.integers(len(ids), size=BATCH).tolist(),
                rng.integers(5_000, size=BATCH).tolist(),
                strict=True,
            )
        ]
        for number in range(BATCHES)
    ]
    times = []
    for batch in batches:
        start = time.perf_counter()
        engine.observe(batch)
        times.append(time.perf_counter() - start)
    return {
        "events_s": BATCH * BATCHES / sum(times),
        "events_p99_ms": 1e3 * float(np.quantile(times, 0.99)),
    }


def compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, float]:
    """Return how alike the lists and the reasons of both are."""
    pairs = [
        (dict(map(tuple, a)), dict(map(tuple, b))) for a, b in zip(old["lists"], new["lists"], strict=True)
    ]
    both = [(a[item] == b[item]) for a, b in pairs for item in a.keys() & b.keys()]
    overlap = sum(len(a.keys() & b.keys()) for a, b in pairs) / max(sum(len(a) for a, _ in pairs), 1)
    same = [
        [item for item, _ in a] == [item for item, _ in b]
        for a, b in zip(old["lists"], new["lists"], strict=True)
    ]
    return {
        "overlap": overlap,
        "same_lists": sum(same) / len(same),
        "same_reasons": sum(both) / max(len(both), 1),
    }


def prepared(place: Path, target: Path) -> float:
    """Save a copy of a snapshot that is prepared for requests, and return the processor time of that."""
    from dataclasses import replace

    from tacit.engine.snapshot import load, save

    snapshot = load(place)
    start = time.process_time()
    pipeline = snapshot.pipeline.indexed()
    seconds = time.process_time() - start
    save(replace(snapshot, pipeline=pipeline), target)
    return seconds


def child(source: Path, task: str, *arguments: str) -> Any:
    """Return what a task of this file gives under the version of Tacit in a checkout."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    kernels = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = os.pathsep.join([str(source / "src"), *kernels])
    result = subprocess.run(
        [sys.executable, __file__, f"--{task}", *arguments],
        env={**os.environ, **one_thread, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=tempfile.gettempdir(),
    )
    return json.loads(result.stdout.splitlines()[-1])


ROWS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "answer, ms: p50 / p90 / p99": lambda one: " / ".join(f"{value:.1f}" for value in one["answer_ms"]),
    "batch, users a second": lambda one: f"{one['batch_users_s']:.0f}",
    "lists of an evaluation, users a second": lambda one: f"{one['evaluation_users_s']:.0f}",
    "put of an item, ms": lambda one: f"{one['put_ms']:.1f}",
    f"events in batches of {BATCH}: a second / p99 ms": lambda one: (
        f"{one['events_s']:,.0f} / {one['events_p99_ms']:.1f}"
    ),
}


def table(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| snapshot | figure | old | new |"
    yield "| --- | --- | --- | --- |"
    for name, both in figures.items():
        title = f"{name}, {both['new']['items']:,} items"
        for row, shown in ROWS.items():
            yield f"| {title} | {row} | {shown(both['old'])} | {shown(both['new'])} |"
        alike = both["alike"]
        yield (
            f"| {title} | overlap@{K} / same list / reasons equal |  | {alike['overlap']:.4f} / "
            f"{alike['same_lists']:.3f} / {alike['same_reasons']:.4f} |"
        )
        yield f"| {title} | lists of near texts, s of the fit |  | {both['prepared_s']:.1f} |"


def main(old: Path, out: Path, snapshots: list[Path], users: int) -> None:
    """Measure both versions on each snapshot and print the table."""
    out.mkdir(parents=True, exist_ok=True)
    kept = out / "fast_path.json"
    figures = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    for place in snapshots:
        copy = out / f"{place.stem}.prepared.tacit"
        seconds = None if copy.exists() else child(ROOT, "prepare", str(place.resolve()), str(copy.resolve()))
        found: dict[str, Any] = {"prepared_s": seconds or figures.get(place.stem, {}).get("prepared_s", 0.0)}
        for name, source, own in (("old", old.resolve(), place), ("new", ROOT, copy)):
            found[name] = child(source, "measure", str(own.resolve()), "--users", str(users))
        found["alike"] = compared(found["old"], found["new"])
        for name in ("old", "new"):
            del found[name]["lists"]
        figures[place.stem] = found
        kept.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    print("\n".join(table(figures)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--prepare", type=Path, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("old", type=Path, nargs="?")
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("snapshots", type=Path, nargs="*")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measured(given.measure, given.users)))
    elif given.prepare:
        print(json.dumps(prepared(*given.prepare)))
    else:
        main(given.old, given.out, given.snapshots, given.users)
