"""What a request costs apart from the list itself: processor time of the service, without a model behind it.

    python benchmarks/request_overhead.py [--seconds 4]

The engine is a stub that returns a list of ten at once. "raw" is the floor: an ASGI function that sends the
same bytes. "in threads" never uses the event loop for a list. "refused" keeps the lane full, so that every
list is refused before it is parsed. The last two use the processor for 1.5 ms a list. The generator closes
the loop over 8 connections; the time is that of the process of the service, read from /proc.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
from load import generated, lists_of

from tacit.core.types import Json
from tacit.engine.engine import Engine
from tacit.engine.requests import Recommended, Request, Response
from tacit.server.app import create_app
from tacit.server.keyring import Keyring
from tacit.server.keys import Key, digest_of
from tacit.server.pace import PacedProtocol

ANSWER = Response(
    "0b5c2ae6-5f3b-4b6e-9a55-0d4c4b7f3c11",
    "m1",
    [Recommended(f"i{n:05d}", 1 / (n + 1), f"Title {n}", ["bought with Tea"]) for n in range(10)],
)


class Stub(Engine):
    """An engine that knows one answer, and uses the processor for so many seconds to find it."""

    reads_locally = True

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    def recommend(self, request: Request) -> Response:
        end = time.thread_time() + self._seconds
        while time.thread_time() < end:
            pass
        return ANSWER

    def health(self) -> dict[str, Json]:
        return {}

    def close(self) -> None:
        pass


def raw_app() -> Any:
    """Return the least that an ASGI service can do."""
    import orjson

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = orjson.dumps(ANSWER)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def app_of(kind: str) -> Any:
    """Return the application of a kind."""
    if kind == "raw":
        return raw_app()
    engine = Stub(0.0015 if "1.5 ms" in kind else 0.0)
    engine.reads_locally = "in threads" not in kind
    keys = Keyring([Key("x", ("read",), digest_of(b"key"))]) if kind == "tacit, with a key" else None
    app = create_app(engine, keys=keys)
    if kind == "refused":
        app.state.answers = type("Full", (), {"reserve": staticmethod(lambda: False), "connections": 0})
    return app


def serve(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1_000) as bound:
        print(bound.getsockname()[1], flush=True)
        config = uvicorn.Config(
            app_of(kind),
            http=PacedProtocol,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        uvicorn.Server(config).run(sockets=[bound])


def processor_seconds(pid: int) -> float:
    """Return user and system time of a process."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    requests = lists_of([f"u{n:05d}" for n in range(1_000)])
    for kind in (
        "raw",
        "tacit",
        "tacit, with a key",
        "tacit, in threads",
        "refused",
        "1.5 ms in the loop",
        "1.5 ms in threads",
    ):
        process = subprocess.Popen(
            [sys.executable, __file__, "--serve", kind], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            keyed = [one.replace("\r\n\r\n", "\r\nX-API-Key: key\r\n\r\n") for one in requests]
            generated(port, keyed, 1.0)
            before = processor_seconds(process.pid)
            figures = generated(port, keyed, arguments.seconds, pause=0.0)["figures"]
            spent = processor_seconds(process.pid) - before
            each = spent / (figures["sent_a_second"] * arguments.seconds)
            shown = {"us_a_request": round(1e6 * each, 1), "a_second": round(figures["sent_a_second"])}
            shown |= {name: round(figures[f"answered_{name}"], 1) for name in ("p50_ms", "p99_ms")}
            print(json.dumps({"service": kind, **shown}), flush=True)
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
