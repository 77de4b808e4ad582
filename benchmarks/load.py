"""The service under load, and beside it a ten-line peer, in one run:

    python benchmarks/load.py SNAPSHOT [--seconds 10] [--workers N] [--old OLD] [--out load.json]
    python benchmarks/load.py SNAPSHOT --overload [--seconds 60]

Stages, each by a generator of its own process (`load_generator.py`), against `tacit serve` and then against
FastAPI around the factors of one model (`ten_line_peer.py`): the capacity (closed loop, 8 connections), 300
requests a second, then 1, 3 and 10 times the capacity (open loop), and half the capacity right after that.
Of `tacit serve` also durable events, 100 a request: the capacity, and 5,000 events a second.
Service and generator share the machine: figures are lower bounds. OLD is a checkout of an older version, with
a snapshot that it reads: it is measured too, in its one process.

With --overload only `tacit serve` is measured, at half and at ten times its capacity, and held to what is
promised of an overload; the exit code is 1 if a promise is broken. It needs a quiet machine. Service and
generator have processors of their own then, half of them each, as on two machines: ten times the load is as
much work for the one that sends it. --shared leaves all processors to both.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
from scipy.sparse.linalg import svds

from tacit.engine.snapshot import Snapshot, load

HERE = Path(__file__).resolve().parent
BATCH = 100
SHOWN = {
    "sent_a_second": "sent/s",
    "answered_a_second": "answered/s",
    "answered_p50_ms": "p50 ms",
    "answered_p99_ms": "p99 ms",
    "refused_a_second": "refused/s",
    "refused_p50_ms": "p50 ms",
    "refused_p99_ms": "p99 ms",
    "unanswered": "none",
}


def generated(port: int, requests: Sequence[str], seconds: float, **plan: float) -> dict[str, Any]:
    """Return what a generator found."""
    whole = {"host": "127.0.0.1", "port": port, "requests": requests, "seconds": seconds, **plan}
    done = subprocess.run(
        [sys.executable, HERE / "load_generator.py"],
        input=json.dumps(whole),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def stages(port: int, requests: Sequence[str], seconds: float, fixed: float) -> dict[str, dict[str, Any]]:
    """Return the figures of all stages."""
    generated(port, requests, 2.0)  # what is loaded at the first request is no part of it
    found = {"capacity": generated(port, requests, seconds)}
    capacity = found["capacity"]["figures"]["answered_a_second"]
    found[f"{fixed:.0f} a second"] = generated(port, requests, seconds, rate=fixed)
    for times in (1, 3, 10):
        found[f"{times} times"] = generated(port, requests, seconds, rate=times * capacity)
    found["half, right after"] = generated(port, requests, 6.0, rate=capacity / 2)
    return found


def overload_stages(port: int, requests: Sequence[str], seconds: float) -> dict[str, dict[str, Any]]:
    """Return the figures of a usual load, of ten times the capacity, and of the usual load right after."""
    generated(port, requests, 2.0)
    found = {"capacity": generated(port, requests, 10.0)}
    capacity = found["capacity"]["figures"]["answered_a_second"]
    found["half"] = generated(port, requests, 10.0, rate=capacity / 2)
    found["10 times"] = generated(port, requests, seconds, rate=10 * capacity)
    found["half, right after"] = generated(port, requests, 15.0, rate=capacity / 2)
    return found


def overload_bars(found: Mapping[str, dict[str, Any]]) -> list[tuple[str, float, float, bool]]:
    """Return what is promised of an overload: name, figure, bar, and whether it is kept."""
    crowd, usual = found["10 times"]["figures"], found["half"]["figures"]["answered_p99_ms"]
    later = found["half, right after"]["by_second"][5:]
    goodput = crowd["answered_a_second"] / found["capacity"]["figures"]["answered_a_second"]
    at_most = [
        ("refusals, p99 in ms", crowd["refused_p99_ms"], 50.0),
        ("lists, p99 in ms", crowd["answered_p99_ms"], min(2 * usual, 250.0)),
        ("requests without an answer", crowd["unanswered"] + crowd["other"], 0.0),
        ("refused 5 s after", float(sum(one.get("503", 0) for one in later)), 0.0),
        ("slowest list 5 s after, in ms", max(one["slowest_ms"] for one in later), 250.0),
    ]
    bars = [(name, figure, bar, figure <= bar) for name, figure, bar in at_most]
    return [*bars, ("lists answered, of the capacity", goodput, 0.8, goodput >= 0.8)]


def event_stages(port: int, users: Sequence[str], items: Sequence[str], seconds: float) -> dict[str, Any]:
    """Return the figures of stored events, in requests of `BATCH` events."""
    draw = np.random.default_rng(1)
    requests = []
    for _ in range(300):
        whose, what = draw.integers(len(users), size=BATCH), draw.integers(len(items), size=BATCH)
        pairs = zip(whose.tolist(), what.tolist(), strict=True)
        events = [{"user_id": users[u], "item_id": items[i], "event": "view"} for u, i in pairs]
        body = json.dumps({"events": events})
        head = f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body.encode())}\r\n\r\n"
        requests.append(head + body)
    generated(port, requests, 1.0)
    return {
        f"requests of {BATCH} events, capacity": generated(port, requests, seconds),
        "5,000 events a second": generated(port, requests, seconds, rate=5_000 / BATCH),
    }


def lists_of(users: Sequence[str]) -> list[str]:
    """Return a request for a list of each user."""
    return [
        f"GET /v1/users/{quote(user, safe='')}/recommendations?k=10 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for user in users
    ]


@contextmanager
def running(command: Sequence[Any], port: int, **environment: str) -> Iterator[None]:
    """Run a service until the end of the block; it begins when the service answers."""
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end and process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code != 503:  # the peer has none
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def apart(shared: bool) -> Iterator[None]:
    """Give what is started in the block half of the processors, and what is started later the others."""
    usable = sorted(os.sched_getaffinity(0))
    half = len(usable) // 2
    if shared or not half:
        yield
        return
    os.sched_setaffinity(0, usable[:half])
    try:
        yield
    finally:
        os.sched_setaffinity(0, usable[half:])


def served(snapshot: Path, port: int, store: Path) -> list[Any]:
    """Return the command that serves a snapshot."""
    command = [sys.executable, "-c", "from tacit.cli import main; main()", "serve", snapshot]
    return [*command, "--port", port, "--store", f"sqlite:///{store}"]


def write_factors(snapshot: Snapshot, place: Path, size: int = 64) -> None:
    """Write what the peer serves: the factors of a truncated SVD of the log, and the histories."""
    log = snapshot.interactions
    matrix = (log.matrix() > 0).astype(np.float32)
    left, singular, right = svds(matrix, k=size, random_state=0)
    np.savez(
        place,
        users=(left * singular).astype(np.float32),
        items=np.ascontiguousarray(right.T.astype(np.float32)),
        offsets=matrix.indptr,
        seen=matrix.indices,
        user_ids=np.array(log.users.ids, dtype=str),
        item_ids=np.array(log.items.ids, dtype=str),
    )


def table(found: Mapping[str, Mapping[str, dict[str, Any]]]) -> str:
    """Return the figures as a table of Markdown; latencies of answers first, of refusals second."""
    lines = ["| service | stage | " + " | ".join(SHOWN.values()) + " |"]
    lines.append("|" + "---|" * (len(SHOWN) + 2))
    for service, of in found.items():
        for stage, result in of.items():
            row = [result["figures"][name] for name in SHOWN]
            cells = ["" if np.isnan(one) else f"{one:,.0f}" if one >= 20 else f"{one:.1f}" for one in row]
            lines.append(f"| {service} | {stage} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("snapshot", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a stage")
    parser.add_argument("--rate", type=float, default=300.0, help="of the stage with a fixed rate")
    parser.add_argument("--workers", type=int, help="processes of each service; tacit's default if absent")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--overload", action="store_true", help="hold tacit to what it promises, no more")
    parser.add_argument("--shared", action="store_true", help="of an overload: processors are shared")
    parser.add_argument("--old", type=Path, nargs=2, metavar=("OLD", "ITS_SNAPSHOT"))
    parser.add_argument("--port", type=int, default=18_470)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    port = arguments.port
    snapshot = load(arguments.snapshot)
    log = snapshot.interactions
    drawn = np.random.default_rng(0).choice(log.n_users, min(2_000, log.n_users), replace=False)
    names = log.users.ids.to_list()
    requests = lists_of([names[user] for user in drawn.tolist()])
    found: dict[str, dict[str, dict[str, Any]]] = {}
    workers = [] if arguments.workers is None else ["--workers", arguments.workers]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if arguments.overload:
            with ExitStack() as stack:
                with apart(arguments.shared):
                    stack.enter_context(
                        running([*served(arguments.snapshot, port, place / "events.db"), *workers], port)
                    )
                found["tacit"] = overload_stages(port, requests, arguments.seconds)
            if arguments.out is not None:
                arguments.out.write_text(json.dumps(found, indent=1))
            print(table(found))
            bars = overload_bars(found["tacit"])
            for name, figure, bar, kept in bars:
                print(f"{'kept  ' if kept else 'BROKEN'} {name}: {figure:.3g} (bar {bar:.3g})")
            raise SystemExit(not all(kept for *_, kept in bars))
        if not arguments.no_peer:
            write_factors(snapshot, place / "factors.npz")
        items = log.items.ids.to_list()
        del snapshot, log
        if arguments.old is not None:
            checkout, own = arguments.old
            with running(served(own, port, place / "old.db"), port, PYTHONPATH=str(checkout / "src")):
                found["before"] = stages(port, requests, arguments.seconds, arguments.rate)
        with running([*served(arguments.snapshot, port, place / "events.db"), *workers], port):
            found["tacit"] = stages(port, requests, arguments.seconds, arguments.rate)
            found["tacit"] |= event_stages(
                port, [names[user] for user in drawn.tolist()], items, arguments.seconds
            )
        if not arguments.no_peer:
            peer = [sys.executable, "-m", "uvicorn", "--factory", "--app-dir", HERE]
            peer += ["ten_line_peer:create_app", "--port", port, "--no-access-log"]
            peer += ["--workers", arguments.workers or os.cpu_count() or 1]
            with running(peer, port, FACTORS=str(place / "factors.npz")):
                found["ten lines"] = stages(port, requests, arguments.seconds, arguments.rate)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(found, indent=1))
    print(table(found))


if __name__ == "__main__":
    main()
