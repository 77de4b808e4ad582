"""A service whose model changes a hundred times under a steady load, ten times to a damaged version.

    python -m benchmarks.swaps SNAPSHOT OTHER [--swaps 100] [--damaged 10] [--pause 0] [--clients 4]

Two workers serve the two snapshots in turns. Every answer must have the list of the model that it names; no
request is sent twice. Before the changes the same clients ask for as many seconds as are given by --before.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tests.fleet import WORKER, Fleet, fleet, wait_until
from tests.server.swapping import Asking, lists_of

from tacit.core.manifest import publish_copy
from tacit.engine.snapshot import load
from tacit.store.versions import Versions

USERS = 50


def memory(service: Fleet) -> list[float]:
    """Return the MB that each worker has alone: what is mapped by both is not counted."""
    found = []
    for pid in service.pids(WORKER):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        found.append(sum(float(line.split()[1]) for line in lines if line.startswith("Private")) / 1024)
    return found


def damaged(versions: Versions, name: str) -> str:
    """Add a copy of a version with a flipped bit."""
    bad = versions.new_name()
    shutil.copytree(versions.path(name), versions.path(bad))
    file = versions.path(bad) / "pipeline.safetensors"
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        byte = stream.read(1)[0]
        stream.seek(-1, 1)
        stream.write(bytes([byte ^ 4]))
    return bad


def changed(service: Fleet, versions: Versions, swaps: int, bad: int, pause: float) -> list[float]:
    """Change the model many times, and return the seconds of each change that was to be."""
    names, seconds = versions.names(), []
    for number in range(1, swaps + 1):
        time.sleep(pause)
        if bad and number % (swaps // bad) == 0:
            name = damaged(versions, names[0])
            versions.switch(name)
            wait_until(lambda name=name: f"versions/{name}/" in service.said(), 60)
            shutil.rmtree(versions.path(name))
            continue
        said = service.said().count("tacit: serving model")
        versions.switch(names[number % len(names)])
        seconds.append(wait_until(lambda said=said: service.said().count("tacit: serving model") > said, 60))
    return seconds


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return milliseconds of answers."""
    found = np.quantile(seconds, [0.5, 0.99, 1.0]) * 1_000
    return dict(zip(("p50_ms", "p99_ms", "max_ms"), found.round(2).tolist(), strict=True))


def measured(
    snapshots: Sequence[Path], swaps: int, bad: int, pause: float, clients: int, before: float
) -> dict[str, Any]:
    """Return what one run found."""
    expected, users = {}, None
    for snapshot in map(load, snapshots):
        users = users or snapshot.interactions.users.ids.head(USERS).to_list()
        expected[snapshot.version] = lists_of(snapshot, users)
    with tempfile.TemporaryDirectory() as place:
        versions = Versions(Path(place) / "model")
        for number, source in enumerate(snapshots):
            publish_copy(source, versions.path(f"a{number}"))
        versions.switch("a0")
        with fleet(versions.directory, Path(place), workers=2) as service:
            asking = [Asking(service.address, expected, 0.01) for _ in range(clients)]
            time.sleep(before / 4)  # warm
            start = [len(one.seconds) for one in asking]
            time.sleep(before)
            quiet = [second for one, at in zip(asking, start, strict=True) for second in one.seconds[at:]]
            held = memory(service)
            start = [len(one.seconds) for one in asking]
            changes = changed(service, versions, swaps, bad, pause)
            busy = [second for one, at in zip(asking, start, strict=True) for second in one.seconds[at:]]
            time.sleep(5)
            for one in asking:
                one.stop()
            return {
                "swaps": swaps,
                "damaged": bad,
                "pause_s": pause,
                "answers": sum(len(one.seconds) for one in asking),
                "failed": sum(len(one.failures) for one in asking),
                "mixed": sum(len(one.mixed) for one in asking),
                "before": quantiles(quiet),
                "during": quantiles(busy),
                "change_s": {"median": float(np.median(changes)), "longest": max(changes)},
                "worker_mb_before": held,
                "worker_mb_after": memory(service),
                "ended_with": service.stop(),
            }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("snapshots", type=Path, nargs=2)
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--damaged", type=int, default=10)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds before each change")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--before", type=float, default=20.0)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    found = measured(
        chosen.snapshots, chosen.swaps, chosen.damaged, chosen.pause, chosen.clients, chosen.before
    )
    text = json.dumps(found, indent=1)
    print(text)
    if chosen.out is not None:
        chosen.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
