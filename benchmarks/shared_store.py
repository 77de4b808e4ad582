"""Several processes on one SQLite store: events a second, and when a changed item is in the lists of all.

Each process is one of a service without HTTP. Processor times are those of the process; "until all" is from
the call of the one that puts an item to the first list of each other one that has it, lists being asked for
one after the other.

    python benchmarks/shared_store.py SNAPSHOT [--processes 3] [--seconds 5]
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tacit.engine.engine import Engine
from tacit.engine.requests import Request
from tacit.engine.snapshot import load
from tacit.store.events import Event, EventStore
from tacit.store.lock import hold


class Process:
    """One process, which runs a function of this file with each line that it reads."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, __file__, "--child", *map(str, arguments)]
        self._popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, *words: object) -> None:
        """Send a line."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(json.dumps(words) + "\n")
        self._popen.stdin.flush()

    def read(self) -> Any:
        """Return the next answer."""
        assert self._popen.stdout is not None
        return json.loads(self._popen.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._popen.communicate()


def serve(snapshot: str, address: str) -> None:
    """Be a process: answer each line of the standard input."""
    store = EventStore(address, lock=False)
    engine = Engine(load(Path(snapshot)), store) if snapshot else None
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        if name == "write":
            print(json.dumps(write(store, *arguments)), flush=True)
        elif engine is not None:
            begun = time.process_time()
            result = put(engine, *arguments) if name == "put" else found(engine, *arguments)
            print(json.dumps([result, time.process_time() - begun]), flush=True)
    if engine is None:
        store.close()
    else:
        engine.close()


def put(engine: Engine, item: str, title: str) -> float:
    """Put an item; return the seconds it took."""
    begun = time.perf_counter()
    engine.put_item(item, {"title": title})
    return time.perf_counter() - begun


def found(engine: Engine, item: str) -> int:
    """Ask for lists until an item can be named; return how many lists that took."""
    lists = 1
    while True:
        engine.recommend(Request(user_id="nobody", k=10))
        if item in engine._current.state.catalogue.items:
            return lists
        lists += 1


def write(store: EventStore, name: str, seconds: float, rate: float) -> tuple[int, list[float]]:
    """Store batches of a hundred events; return how many were stored, and the seconds of each batch."""
    took: list[float] = []
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        number = len(took)
        if rate:
            time.sleep(max(0.0, begun + number * 100 / rate - time.monotonic()))
        events = [
            Event(f"{name}-{number}-{n}", "user", f"u{(7 * number + n) % 5_000}", f"i{n}", "view", 1.0)
            for n in range(100)
        ]
        at = time.perf_counter()
        store.append(events)
        took.append(time.perf_counter() - at)
    return 100 * len(took), took


def events_a_second(count: int, seconds: float, rate: float) -> dict[str, float]:
    """Return what processes that store events at once come to."""
    with tempfile.TemporaryDirectory() as place:
        address = f"sqlite:///{place}/store.sqlite3"
        processes = [Process("", address) for _ in range(count)]
        for process in processes:
            process.read()
        for number, process in enumerate(processes):
            process.send("write", number, seconds, rate / count)
        answers = [process.read() for process in processes]
        for process in processes:
            process.close()
    took = np.concatenate([each for _, each in answers]) * 1_000
    return {
        "processes": count,
        "asked for": rate,
        "events a second": round(sum(stored for stored, _ in answers) / seconds),
        "p50 ms": round(float(np.percentile(took, 50)), 1),
        "p99 ms": round(float(np.percentile(took, 99)), 1),
    }


def items(snapshot: Path, count: int, repetitions: int) -> dict[str, float]:
    """Return what an item costs that one process puts, in milliseconds (medians)."""
    with tempfile.TemporaryDirectory() as place:
        address = f"sqlite:///{place}/store.sqlite3"
        lock = hold(address)
        processes = [Process(snapshot, address) for _ in range(count)]
        for process in processes:
            process.read()
            process.send("found", load(snapshot).catalogue.items.ids[0])  # a first list, to warm
            process.read()
        rows = []
        for number in range(repetitions):
            one, *others = processes
            begun = time.perf_counter()
            one.send("put", f"new {number}", f"Brass lamp of the number {number}")
            took, own = one.read()
            lists, cpu = 0, 0.0
            for process in others:
                process.send("found", f"new {number}")
                needed, spent = process.read()
                lists, cpu = max(lists, needed), max(cpu, spent)
            rows.append([took, own, time.perf_counter() - begun, cpu, lists])
        for process in processes:
            process.close()
        if lock is not None:
            lock.close()
    took, own, until, cpu, lists = np.median(rows[1:], axis=0)
    return {
        "put ms": round(took * 1_000, 1),
        "put CPU ms": round(own * 1_000, 1),
        "until all ms": round(until * 1_000, 1),
        "CPU ms of another process, its list included": round(cpu * 1_000, 1),
        "lists until it is there": float(lists),
    }


def main() -> None:
    """Print what was measured as JSON lines."""
    if sys.argv[1:2] == ["--child"]:
        serve(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("snapshot", type=Path)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repetitions", type=int, default=20)
    options = parser.parse_args()
    load_now = round(os.getloadavg()[0], 1)
    print(json.dumps({"machine": f"{platform.machine()}, {os.cpu_count()} processors", "load": load_now}))
    print(json.dumps(items(options.snapshot, options.processes, options.repetitions)), flush=True)
    for rate in (0, 5_000):
        for count in sorted({1, options.processes}):
            print(json.dumps(events_a_second(count, options.seconds, rate)), flush=True)


if __name__ == "__main__":
    main()
