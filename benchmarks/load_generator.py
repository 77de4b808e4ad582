"""An HTTP load generator: raw sockets, a process of its own.

Open loop: requests have moments at which they are due (a Poisson process), whether or not earlier ones are
answered, and a latency counts from that moment. So a service that stalls is charged with all that was due
meanwhile; to leave that out is called coordinated omission. Closed loop: each connection sends its next
request when it has the answer, which measures the capacity.
"""

import asyncio
import json
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np
import uvloop

MOST_CONNECTIONS = 500
OPENED = 100
"""Connections of an open loop that are there before its first request, as of a proxy that keeps them."""
TIMEOUT = 5.0
"""Seconds after which a request counts as not answered."""


@dataclass
class Plan:
    """What to send.

    Attributes
    ----------
    host, port : where
    requests : list of str
        Whole requests, sent in turn.
    seconds : float
    rate : float
        Requests a second of an open loop; 0 for a closed one.
    connections : int
        Of a closed loop.
    pause : float
        Seconds that a refused connection of a closed loop waits.
    """

    host: str
    port: int
    requests: Sequence[str]
    seconds: float
    rate: float = 0.0
    connections: int = 8
    pause: float = 0.1


@dataclass
class Found:
    """Moments and statuses of requests, in the order of their answers; status 0 is none in time."""

    due: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    late_sends: float = 0.0

    def add(self, due: float, done: float, status: int) -> None:
        self.due.append(due)
        self.done.append(done)
        self.status.append(status)


class Connection(asyncio.Protocol):
    """One connection: at most one request in flight."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.due = 0.0
        self.rest = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, due: float, request: bytes) -> None:
        self.due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        head = data.find(b"\r\n\r\n")
        place = data.find(b"content-length: ", 0, head) if head >= 0 else -1
        if place >= 0:
            length = int(data[place + 16 : data.index(b"\r\n", place)])
            if len(data) >= head + 4 + length:
                self.rest = b""
                self.load.answered(self, int(data[9:12]))
                return
        self.rest = data

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.lost(self)


class Load:
    """A run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.loop = asyncio.get_running_loop()
        self.found = Found()
        self.free: deque[Connection] = deque()
        self.waiting: deque[float] = deque()
        self.busy: set[Connection] = set()
        self.opening = 0
        self.requests: Iterator[bytes] = cycle([one.encode() for one in plan.requests])
        self.end = self.loop.time() + plan.seconds

    async def open(self) -> None:
        """Open a connection and send what waits."""
        self.opening += 1
        try:
            _, connection = await self.loop.create_connection(
                lambda: Connection(self), self.plan.host, self.plan.port
            )
        except OSError:
            if self.waiting:
                self.found.add(self.waiting.popleft(), self.loop.time(), 0)
            return
        finally:
            self.opening -= 1
        self.next(connection)

    def next(self, connection: Connection) -> None:
        """Send the request that waits longest, or keep the connection for the next one."""
        if self.waiting:
            self.busy.add(connection)
            connection.send(self.waiting.popleft(), next(self.requests))
        else:
            self.free.append(connection)

    def send(self, due: float) -> None:
        self.waiting.append(due)
        if self.free:
            self.next(self.free.pop())
        elif len(self.busy) + self.opening < MOST_CONNECTIONS:
            self.loop.create_task(self.open())

    def answered(self, connection: Connection, status: int) -> None:
        now = self.loop.time()
        self.found.add(connection.due, now, status)
        self.busy.discard(connection)
        if self.plan.rate:
            self.next(connection)
        elif status == 200 or not self.plan.pause:
            self.again(connection)
        else:
            self.loop.call_later(self.plan.pause, self.again, connection)

    def again(self, connection: Connection) -> None:
        """Send the next request of a closed loop."""
        now = self.loop.time()
        if now < self.end:
            self.busy.add(connection)
            connection.send(now, next(self.requests))

    def lost(self, connection: Connection) -> None:
        if connection in self.busy:
            self.busy.discard(connection)
            self.found.add(connection.due, self.loop.time(), 0)
        elif connection in self.free:
            self.free.remove(connection)

    async def run(self) -> Found:
        if self.plan.rate:
            await asyncio.gather(*(self.open() for _ in range(OPENED)))
            await self._open_loop()
        else:
            now = self.loop.time()
            self.waiting.extend([now] * self.plan.connections)
            await asyncio.gather(*(self.open() for _ in range(self.plan.connections)))
            await asyncio.sleep(self.end - self.loop.time())
        limit = self.loop.time() + TIMEOUT
        while (self.busy or self.waiting) and self.loop.time() < limit:
            await asyncio.sleep(0.01)
        for due in [one.due for one in self.busy] + list(self.waiting):
            self.found.add(due, self.loop.time(), 0)
        self.busy.clear()
        return self.found

    async def _open_loop(self) -> None:
        gaps = np.random.default_rng(0).exponential(
            1 / self.plan.rate, int(self.plan.rate * self.plan.seconds)
        )
        begun = self.loop.time()
        for due in (begun + np.cumsum(gaps)).tolist():
            now = self.loop.time()
            if due > now:
                await asyncio.sleep(due - now)
            self.found.late_sends = max(self.found.late_sends, self.loop.time() - due)
            self.send(due)


def figures(plan: Plan, found: Found) -> dict[str, float]:
    """Return rates a second and latencies in ms of answers and of refusals."""
    due, done, status = (np.array(one) for one in (found.due, found.done, found.status))
    latency = (done - due) * 1e3
    answered, refused = status == 200, np.isin(status, (429, 503))
    span = max(due.max() - due.min(), 1e-9) if plan.rate else plan.seconds
    result = {
        "sent_a_second": len(due) / span,
        "answered_a_second": float((answered & (latency < 1e3 * TIMEOUT)).sum() / span),
        "refused_a_second": float(refused.sum() / span),
        "unanswered": float((status == 0).sum()),
        "other": float((~answered & ~refused & (status != 0)).sum()),
        "late_sends_ms": found.late_sends * 1e3,
    }
    for name, chosen in (("answered", answered), ("refused", refused)):
        for quantile in (50, 90, 99):
            figure = np.percentile(latency[chosen], quantile) if chosen.any() else np.nan
            result[f"{name}_p{quantile}_ms"] = float(figure)
    return result


def main() -> None:
    """Read a plan from standard input, write the figures and what happened by second to standard output."""
    plan = Plan(**json.loads(sys.stdin.read()))

    async def run() -> Found:
        return await Load(plan).run()

    found = uvloop.run(run())
    begun = min(found.due)
    seconds: dict[int, Counter[str]] = {}
    slowest: dict[int, float] = {}
    for due, done, status in zip(found.due, found.done, found.status, strict=True):
        second = int(due - begun)
        seconds.setdefault(second, Counter())[str(status)] += 1
        if status == 200:
            slowest[second] = max(slowest.get(second, 0.0), (done - due) * 1e3)
    by_second = [{**seconds[one], "slowest_ms": slowest.get(one, 0.0)} for one in sorted(seconds)]
    json.dump({"figures": figures(plan, found), "by_second": by_second}, sys.stdout)


if __name__ == "__main__":
    main()
