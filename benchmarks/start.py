"""How soon a service is ready, and the memory of its processes: an older version beside this one.

    python benchmarks/start.py SNAPSHOT [--workers 2] [--old OLD ITS_SNAPSHOT] [--out start.json]

Seconds are from the start of the command to the first 200 of ``/readyz``, the middle of three starts. Memory
is read after `LISTS` lists: what a process has alone, and what the workers share.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from load import served

from tacit.engine.snapshot import load

LISTS, STARTS = 200, 3
MEMORY = ("Private_Clean", "Private_Dirty", "Shared_Clean", "Shared_Dirty")


def processes(root: int) -> list[int]:
    """Return a process and those that it started, and theirs."""
    found = [root]
    for task in Path(f"/proc/{root}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += processes(int(child))
    return found


def memory(pid: int) -> dict[str, float]:
    """Return the MB that a process has alone, and those that it shares."""
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    parts = {name.rstrip(":"): float(size) / 1024 for name, size, *_ in lines if name.rstrip(":") in MEMORY}
    own = sum(size for name, size in parts.items() if name.startswith("Private"))
    return {"alone": own, "shared": sum(parts.values()) - own}


def measured(command: Sequence[Any], port: int, users: Sequence[str], source: Path | None) -> dict[str, Any]:
    """Return the seconds of one start and the memory of each process, the largest first."""
    path = {} if source is None else {"PYTHONPATH": str(source / "src")}
    start = time.monotonic()
    with subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **path},
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            while not is_ready(address):
                time.sleep(0.01)
            seconds = time.monotonic() - start
            for number in range(LISTS):
                user = users[number % len(users)]
                httpx.get(f"{address}/v1/users/{user}/recommendations", timeout=20).raise_for_status()
            found = [memory(pid) for pid in processes(process.pid)]
        finally:
            process.terminate()
    return {"seconds": seconds, "processes": sorted(found, key=lambda one: -one["alone"])}


def is_ready(address: str) -> bool:
    """Return whether a service says that it is ready."""
    try:
        return httpx.get(f"{address}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False


def middle(command: Sequence[Any], port: int, users: Sequence[str], source: Path | None) -> dict[str, Any]:
    """Return the middle of several starts."""
    runs = [measured(command, port, users, source) for _ in range(STARTS)]
    return sorted(runs, key=lambda one: one["seconds"])[STARTS // 2]


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the figures as a table of Markdown."""
    return "\n".join(
        [
            "| service | s to ready | MB alone, by process | MB shared, the most of a process |",
            "|---|---|---|---|",
            *(_row(name, one) for name, one in found.items()),
        ]
    )


def _row(name: str, one: Mapping[str, Any]) -> str:
    alone = ", ".join(f"{each['alone']:.0f}" for each in one["processes"])
    shared = max(each["shared"] for each in one["processes"])
    return f"| {name} | {one['seconds']:.1f} | {alone} | {shared:.0f} |"


def services(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[str, list[Any], Path | None]]:
    """Yield the name, the command and the checkout of each service."""
    if arguments.old is not None:
        yield "before", served(arguments.old[1], arguments.port, folder / "old.db"), arguments.old[0]
    command = served(arguments.snapshot, arguments.port, folder / "store.db")
    yield "tacit", [*command, "--workers", arguments.workers], None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("snapshot", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--old", type=Path, nargs=2, metavar=("OLD", "ITS_SNAPSHOT"))
    parser.add_argument("--port", type=int, default=18_480)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    log = load(arguments.snapshot).interactions
    drawn = np.random.default_rng(0).choice(log.n_users, min(LISTS, log.n_users), replace=False)
    users = [log.users.ids[int(code)] for code in drawn]
    with tempfile.TemporaryDirectory() as folder:
        found = {
            name: middle(command, arguments.port, users, source)
            for name, command, source in services(arguments, Path(folder))
        }
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
