"""Lists of three logs by the defaults, as one hash each: whether a change of the code changes any digit.

``python benchmarks/golden_lists.py DATA`` prints the sha256 of the lists of 20 for every user of the
generated shop, ml-100k and amazon-2023-mini. The last digits depend on the machine and on the threads of the
linear algebra, so compare two versions on one machine, with OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1.
docs/log/register-and-configuration.md keeps what was found.
"""

import hashlib
import sys
import tempfile
import time
from pathlib import Path

import tacit
from tacit.data.shop import generate


def digest(events: Path, items: Path) -> str:
    """Return the beginning of the sha256 of the lists of all users by the defaults."""
    lists = tacit.fit(events, items).batch(k=20)
    return hashlib.sha256(lists.write_csv().encode()).hexdigest()[:16]


def main(data: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        generate(users=400, items=300, events=8_000, days=40).write(Path(folder))
        logs = {"shop": (Path(folder) / "events.csv", Path(folder) / "items.jsonl")}
        for name in ("ml-100k", "amazon-2023-mini"):
            logs[name] = (data / name / "events.parquet", data / name / "items.parquet")
        for name, (events, items) in logs.items():
            start = time.process_time()
            print(name, digest(events, items), f"{time.process_time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
