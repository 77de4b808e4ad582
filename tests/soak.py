"""A long run: a mixed load on a service that is killed, renewed and asked to forget, and what became of it.

    python -m tests.soak --hours 1 --page docs/reliability.md

Clients ask for lists, send events (again until they are acknowledged), put and change items and delete
users. Now and again a worker is killed, or the whole service, which is then started anew; the current version
of the model is changed; ``tacit refit --every`` publishes further ones, in runs of ten minutes and more;
items are made to trend. A ledger holds the events that were acknowledged. Every few seconds memory, files,
threads, times and errors are noted.
"""

import argparse
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from tests.fleet import WORKER, command
from tests.served import small_snapshot

from tacit.engine.snapshot import save
from tacit.store.events import EventStore
from tacit.store.versions import Versions

_WITH_REFIT = 600.0
"""Seconds of a run that refits."""
_TREND = 120.0
"""Seconds after which an item that trends must be in the lists of newcomers."""
_TEMPORARY = (503, 507)
_BEGIN, _END = "<!-- soak -->", "<!-- end of soak -->"


@dataclass(frozen=True)
class Sample:
    """What was found at a moment; sums over the workers, times since the sample before."""

    at: float
    memory: int
    files: int
    threads: int
    pids: tuple[int, ...]
    p50: float
    p99: float
    lists: int


@dataclass
class Ledger:
    """What clients know; each name is written by one thread at a time, under the lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    acknowledged: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    lost_connections: int = 0
    times: list[float] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    trends: list[float] = field(default_factory=list)
    deleted: int = 0


class Soak:
    """One run.

    Parameters
    ----------
    place : Path
        An empty folder.
    seconds : float
    workers : int
    pause : float
        Seconds between two requests of a client.
    """

    def __init__(self, place: Path, seconds: float, workers: int = 2, pause: float = 0.01) -> None:
        self.place, self.seconds, self.workers, self.pause = place, seconds, workers, pause
        self.ledger = Ledger()
        self.samples: list[Sample] = []
        self.kills = Counter[str]()
        self.swaps = 0
        self.refits = Counter[str]()
        """Refits by their decision."""
        self._ending = threading.Event()
        self._versions = Versions(place / "model")
        self._store = f"sqlite:///{place / 'store.sqlite3'}"
        self._snapshot = small_snapshot()
        for name in ("first", "second"):
            save(replace(self._snapshot, version=name), self._versions.path(name))
        self._versions.switch("first")
        self._items: list[str] = self._snapshot.catalogue.items.ids.to_list()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._log = (place / "service.log").open("w")
        self._service: subprocess.Popen[str]

    def run(self) -> None:
        """Run it to its end."""
        self._start()
        refit = self._start_refit() if self.seconds >= _WITH_REFIT else None
        begun = time.monotonic()
        tasks: list[Callable[[], None]] = [self._ask_for_lists, self._ask_for_sessions]
        tasks += [lambda n=n: self._send_events(n) for n in range(2)]  # type: ignore[misc]
        tasks += [self._change_items, self._forget_users, self._follow_trends]
        threads = [threading.Thread(target=self._guarded, args=(one,)) for one in tasks]
        for one in threads:
            one.start()
        try:
            self._disturb(begun)
        finally:
            self._ending.set()
            for one in threads:
                one.join(120)
                if one.is_alive():
                    self.ledger.wrong.append("a client hangs")
            if sys.exc_info()[0] is not None:
                self._service.kill()
        if refit is not None:
            refit.send_signal(signal.SIGTERM)
            if refit.wait(120) != 0:
                self.ledger.wrong.append("the refits did not end well")
            self._count_refits()
        self._service.send_signal(signal.SIGTERM)
        if self._service.wait(60) != 0:
            self.ledger.wrong.append("the service did not end well")
        self._log.close()
        self._compare()

    def said(self) -> str:
        """Return what the service wrote."""
        return (self.place / "service.log").read_text()

    def figures(self) -> dict[str, float]:
        """Return what is promised of a run: see `table`."""
        ledger = self.ledger
        settled = self.samples[len(self.samples) // 5 :]
        same = [one for one in settled if one.pids == settled[-1].pids]
        third = max(1, len(settled) // 3)
        p99 = [one.p99 for one in settled if one.lists]
        return {
            "hours": self.seconds / 3_600,
            "lists": ledger.statuses[200],
            "acknowledged": len(ledger.acknowledged),
            "faults": sum(
                n for status, n in ledger.statuses.items() if status >= 500 and status not in _TEMPORARY
            ),
            "refused": sum(ledger.statuses[one] for one in _TEMPORARY),
            "lost_connections": ledger.lost_connections,
            "memory_slope": _slope([(one.at, one.memory / 2**20) for one in same]) * 3_600,
            "memory": settled[-1].memory / 2**20,
            "files": settled[-1].files,
            "files_drift": settled[-1].files - same[0].files,
            "threads": settled[-1].threads,
            "threads_drift": settled[-1].threads - same[0].threads,
            "p50_ms": 1_000 * statistics.median([one.p50 for one in settled if one.lists] or [0.0]),
            "p99_ms": 1_000 * statistics.median(p99 or [0.0]),
            "p99_drift": statistics.median(p99[-third:]) / max(statistics.median(p99[:third]), 1e-9) - 1
            if p99
            else 0,
        }

    def _guarded(self, task: Callable[[], None]) -> None:
        try:
            task()
        except Exception as error:
            self.ledger.wrong.append(f"a client failed: {error!r}")

    def _start(self) -> None:
        options = ["--port", str(self._port), "--workers", str(self.workers), "--store", self._store]
        for _ in range(60):  # workers of a parent that was killed hold the port until they have answered
            self._service = subprocess.Popen(
                command(self.place / "model", *options), stdout=subprocess.PIPE, stderr=self._log, text=True
            )
            assert self._service.stdout is not None
            with self._service.stdout as answers:
                if answers.readline().startswith("listening on "):
                    return
            self._service.wait()
            self._ending.wait(0.5)
        raise AssertionError(f"the service did not start: {self.said()}")

    def _start_refit(self) -> subprocess.Popen[bytes]:
        main = [sys.executable, "-c", "from tacit.cli import main; main()", "refit"]
        every = f"{max(60, int(self.seconds / 6))}s"
        options = ["--from", self._store, "--out", str(self.place / "model"), "--every", every]
        with (self.place / "refit.log").open("w") as stream:
            return subprocess.Popen([*main, *options], stdout=stream, stderr=stream)

    def _count_refits(self) -> None:
        decisions = (self.place / "model" / "decisions").glob("*.json")
        self.refits.update(json.loads(one.read_text())["decision"] for one in decisions)
        said = (self.place / "refit.log").read_text()
        if failed := said.count("this refit failed"):
            self.ledger.wrong.append(f"{failed} refits failed")
        if not self.refits:
            self.ledger.wrong.append("no refit came to a decision")

    def _disturb(self, begun: float) -> None:
        """Note samples, kill and swap until the end."""
        every = min(10.0, self.seconds / 15)
        kill_every = max(self.seconds / 12, 15.0)
        next_kill, next_swap = kill_every, kill_every / 3
        while (now := time.monotonic() - begun) < self.seconds:
            self._ending.wait(every)
            self._note_sample(now)
            if now > next_swap:
                next_swap += kill_every / 3
                self._swap()
            if next_kill < now < 0.75 * self.seconds:  # the end is quiet: memory is compared there
                next_kill += kill_every
                self._kill()

    def _kill(self) -> None:
        if sum(self.kills.values()) % 3 == 2:
            self.kills["service"] += 1
            self._service.kill()
            self._service.wait()
            self._start()
        elif workers := self._workers():
            self.kills["worker"] += 1
            with suppress(ProcessLookupError):
                os.kill(random.choice(workers), signal.SIGKILL)

    def _swap(self) -> None:
        self.swaps += 1
        with suppress(OSError):  # a refit removed an old version at this moment
            self._versions.switch(random.choice(self._versions.names()))

    def _workers(self) -> list[int]:
        pid = self._service.pid
        with suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return [int(one) for one in children if WORKER in Path(f"/proc/{one}/cmdline").read_text()]
        return []

    def _note_sample(self, at: float) -> None:
        with self.ledger.lock:
            times, self.ledger.times = self.ledger.times, []
        memory = files = threads = 0
        workers = self._workers()
        with suppress(OSError):
            for pid in workers:
                place = Path(f"/proc/{pid}")
                memory += int((place / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
                files += len(os.listdir(place / "fd"))  # noqa: PTH208
                threads += len(os.listdir(place / "task"))  # noqa: PTH208
        p50, p99 = np.quantile(times, [0.5, 0.99]).tolist() if times else (0.0, 0.0)
        self.samples.append(Sample(at, memory, files, threads, tuple(workers), p50, p99, len(times)))

    def _asked(
        self, http: httpx.Client, method: str, path: str, body: Any = None, *, timed: bool = False
    ) -> Any:
        """Return the answer as JSON; None where there is none, or it is a refusal."""
        begun = time.monotonic()
        try:
            answer = http.request(method, path, json=body)
        except httpx.TransportError as error:
            with self.ledger.lock:
                self.ledger.lost_connections += 1
                if isinstance(error, httpx.TimeoutException):
                    self.ledger.wrong.append(f"no answer in time: {method} {path}")
            self._ending.wait(0.1)
            return None
        with self.ledger.lock:
            self.ledger.statuses[answer.status_code] += 1
            if timed and answer.status_code == 200:
                self.ledger.times.append(time.monotonic() - begun)
            if answer.status_code >= 500 and answer.status_code not in _TEMPORARY:
                self.ledger.wrong.append(f"{answer.status_code} {method} {path}: {answer.text[:200]}")
        if answer.status_code >= 400:
            self._ending.wait(0.05)
            return None
        return answer.json()

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=60)

    def _ask_for_lists(self) -> None:
        users = self._snapshot.interactions.users.ids.to_list()
        with self._client() as http:
            while not self._ending.wait(self.pause):
                path = f"/v1/users/{random.choice(users)}/recommendations?k=10"
                found = self._asked(http, "GET", path, timed=True)
                if found is not None:
                    self.ledger.models.add(found["model"])

    def _ask_for_sessions(self) -> None:
        with self._client() as http:
            while not self._ending.wait(self.pause):
                body = {"items": random.sample(self._items, 3), "k": 10}
                self._asked(http, "POST", "/v1/sessions/recommendations", body, timed=True)
                self._asked(http, "GET", f"/v1/items/{random.choice(self._items)}/similar", timed=True)

    def _send_events(self, client: int) -> None:
        batch = 0
        with self._client() as http:
            while not self._ending.wait(3 * self.pause):
                batch += 1
                ids = [f"{client}-{batch}-{n}" for n in range(1 + batch % 5)]
                user = f"writer-{client}-{batch % 50}"
                events = [
                    {"user_id": user, "item_id": random.choice(self._items), "event": "view", "event_id": id_}
                    | {"timestamp": time.time()}
                    for id_ in ids
                ]
                self.ledger.sent.update(ids)
                for _ in range(1 + batch % 3):  # a client that is not sure sends again
                    if self._until_acknowledged(http, events):
                        self.ledger.acknowledged.update(ids)

    def _until_acknowledged(self, http: httpx.Client, events: list[dict[str, Any]]) -> bool:
        while True:
            found = self._asked(http, "POST", "/v1/events", {"events": events})
            if found is not None:
                if found["accepted"] != len(events):
                    self.ledger.wrong.append(f"not all of a batch were taken: {found}")
                return True
            if self._ending.is_set():
                return False

    def _change_items(self) -> None:
        with self._client() as http:
            for n in range(10**9):
                if self._ending.wait(30 * self.pause):
                    return
                path = f"/v1/items/new-{n % 20}"
                self._asked(http, "PUT", path, {"title": f"Item {n % 20} of the soak", "price": n % 7})
                self._asked(http, "PATCH", path, {"available": n % 3 > 0})

    def _forget_users(self) -> None:
        with self._client() as http:
            for n in range(10**9):
                if self._ending.wait(100 * self.pause):
                    return
                user = f"leaving-{n}"
                event = {"user_id": user, "item_id": self._items[0], "event": "view"}
                self._asked(http, "POST", "/v1/events", {"events": [event]})
                if self._asked(http, "DELETE", f"/v1/users/{user}") is not None:
                    self.ledger.deleted += 1

    def _follow_trends(self) -> None:
        """Let an item trend, and note how long it takes to be in the lists of newcomers."""
        with self._client() as http:
            for n in range(10**9):
                if self._ending.wait(max(3.0, self.seconds / 20)):
                    return
                item = self._items[(7 * n) % len(self._items)]
                for user in range(60):
                    event = {"user_id": f"crowd-{n}-{user}", "item_id": item, "event": "purchase"}
                    event |= {"event_id": f"trend-{n}-{user}"}
                    self._until_acknowledged(http, [event])
                begun = time.monotonic()
                while not self._ending.wait(0.2):
                    took = time.monotonic() - begun
                    found = self._asked(http, "POST", "/v1/sessions/recommendations", {"items": [], "k": 10})
                    if found and item in [one["item_id"] for one in found["items"]]:
                        self.ledger.trends.append(took)
                        break
                    if took > _TREND:
                        self.ledger.wrong.append(f"what trends is in no list after {took:.0f} s: {item}")
                        break

    def _compare(self) -> None:
        """Compare the store with the ledger."""
        store = EventStore(self._store)
        kept = Counter(event.event_id for event in store.events())
        store.close()
        ledger = self.ledger
        ours = {id_ for id_ in kept if id_[:2] in ("0-", "1-")}
        if lost := ledger.acknowledged - kept.keys():
            ledger.wrong.append(f"{len(lost)} acknowledged events are lost, such as {min(lost)}")
        if twice := [id_ for id_, n in kept.items() if n > 1]:
            ledger.wrong.append(f"{len(twice)} events are stored twice, such as {twice[0]}")
        if invented := ours - ledger.sent:
            ledger.wrong.append(f"{len(invented)} events were never sent, such as {min(invented)}")


def _slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the line through points, by least squares; 0 for fewer than three."""
    if len(points) < 3:
        return 0.0
    at, values = np.array(points).T
    return float(np.polyfit(at, values, 1)[0])


def table(soak: Soak) -> str:
    """Return the figures of a run as a table of Markdown."""
    found, ledger = soak.figures(), soak.ledger
    trends = (
        f"{statistics.median(ledger.trends):.1f} s (median), {max(ledger.trends):.1f} s (longest of "
        f"{len(ledger.trends)})"
        if ledger.trends
        else "none"
    )
    rows = [
        ("hours", f"{found['hours']:.2f}"),
        ("requests with 200", f"{found['lists']:,.0f}"),
        ("acknowledged events, each once in the store", f"{found['acknowledged']:,.0f}"),
        (
            "acknowledged events lost, duplicates, 5xx other than 503 and 507, trends and refits missed",
            "; ".join(ledger.wrong) or "0",
        ),
        ("refused for the moment (503, 507)", f"{found['refused']:,.0f}"),
        ("connections lost to kills", f"{found['lost_connections']:,.0f}"),
        ("kills of a worker, of the service", f"{soak.kills['worker']}, {soak.kills['service']}"),
        ("changes of the version by hand", f"{soak.swaps}"),
        ("refits by their decision", ", ".join(f"{n} {what}" for what, n in soak.refits.items()) or "none"),
        ("users deleted", f"{ledger.deleted:,}"),
        ("a planted trend is in the lists of newcomers after", trends),
        ("time of a list, median and 99 %", f"{found['p50_ms']:.1f} and {found['p99_ms']:.1f} ms"),
        ("drift of the 99 %", f"{100 * found['p99_drift']:+.0f} %"),
        (
            "memory of the workers, and its slope",
            f"{found['memory']:.0f} MB, {found['memory_slope']:+.1f} MB an hour"
            if found["hours"] >= 0.25
            else f"{found['memory']:.0f} MB; the run is too short for a slope",
        ),
        ("open files of the workers, drift", f"{found['files']:.0f}, {found['files_drift']:+.0f}"),
        ("threads of the workers, drift", f"{found['threads']:.0f}, {found['threads_drift']:+.0f}"),
    ]
    return "\n".join(["| last run of `make soak` | |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)])


def main() -> None:
    """Run it and print the table; exit with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--place", type=Path, required=True, help="an empty folder, with room for the store")
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between two requests of a client")
    parser.add_argument("--page", type=Path, help="page that takes the table")
    arguments = parser.parse_args()
    arguments.place.mkdir(parents=True, exist_ok=True)
    soak = Soak(arguments.place, 3_600 * arguments.hours, pause=arguments.pause)
    soak.run()
    found = table(soak)
    print(found)
    if arguments.page is not None:
        page = arguments.page.read_text("utf-8")
        before, _, rest = page.partition(_BEGIN)
        arguments.page.write_text(f"{before}{_BEGIN}\n{found}\n{_END}{rest.partition(_END)[2]}", "utf-8")
    sys.exit(1 if soak.ledger.wrong else 0)


if __name__ == "__main__":
    main()
