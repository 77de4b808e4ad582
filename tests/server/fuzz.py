"""Requests made from the OpenAPI document by schemathesis, with all its checks, to a service on a socket.

``python -m tests.server.fuzz --cases 5000`` repeats its phases with other seeds until so many were sent.
"""

import argparse
import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from tests.served import small_snapshot

from tacit.engine.engine import Engine
from tacit.server import guesses
from tacit.server.accepting import Board, open_board
from tacit.server.app import create_app
from tacit.server.keyring import Keyring
from tacit.server.keys import Key, digest_of
from tacit.server.run import server_of
from tacit.store.events import EventStore

KEY = "the key of an admin"
PLACE = Path(__file__).parent


@contextlib.contextmanager
def service(place: Path) -> Iterator[str]:
    """Serve a tiny snapshot in a thread, and give the address."""
    engine = Engine(small_snapshot(), EventStore(f"sqlite:///{place / 'store.sqlite3'}"))
    app = create_app(engine, keys=Keyring([Key("fuzz", ("admin",), digest_of(KEY.encode()))]))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        ready = threading.Event()
        board = Board(open_board(1), 0)
        server = server_of(app, listener, board, on_ready=ready.set)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
        # Wrong keys are part of the requests: that many of them get 429 has tests of its own.
        with mock.patch.object(guesses, "_AT_ONCE", 10**9):
            thread.start()
            assert ready.wait(60)
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                thread.join(30)


def fuzz(address: str, place: Path, seed: int, *options: str) -> tuple[int, str]:
    """Run schemathesis once; return how many cases it sent, and what it said if anything was wrong."""
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    settings = ["--config-file", str(PLACE / "fuzz.toml"), "--no-color"]
    ways = ["--checks", "all", "--continue-on-failure", "--request-timeout", "60", "--seed", str(seed)]
    ways += ["--suppress-health-check", "all", "-H", f"Authorization: Bearer {KEY}"]
    done = subprocess.run(
        [*command, *settings, "run", f"{address}/openapi.json", *ways, *options],
        capture_output=True,
        text=True,
        cwd=place,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.server.fuzz_hooks",
            "PYTHONPATH": os.pathsep.join([str(PLACE.parents[1]), os.environ.get("PYTHONPATH", "")]),
        },
    )
    found = re.search(r"(\d+) generated", done.stdout)
    cases = int(found[1]) if found else 0
    return cases, "" if done.returncode == 0 and found else done.stdout + done.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--examples", type=int, default=30, help="of a route and a phase, each time")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    total, seed, begun = 0, given.seed, time.monotonic()
    with tempfile.TemporaryDirectory() as place, service(Path(place)) as address:
        while total < given.cases:
            cases, wrong = fuzz(address, Path(place), seed, "-n", str(given.examples))
            total, seed = total + cases, seed + 1
            if wrong:
                sys.exit(wrong)
            print(f"{total:,} cases in {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{total:,} cases: no answer of 5xx, no violation")


if __name__ == "__main__":
    main()
