"""A log with all that is hard to read in parts."""

import csv
import io
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tests.buckets import tiny
from tests.reading.logs import NOW, T

from tacit.core.executor import Executor
from tacit.core.progress import SILENT, Progress
from tacit.data.clean import Cleaned, clean
from tacit.data.clean_buckets import clean_in_buckets
from tacit.data.rules import Rules
from tacit.reading.read import read_events, read_large

ROWS = 600
RULES = Rules(min_item_events=2, outliers="mad", bot_items_per_minute=20)


def log_of(rows: int = ROWS, *, noted: bool = True) -> bytes:
    """Return a log with notes over several lines, double clicks, a bot and rows that are no events."""
    rng = np.random.default_rng(5)
    stream = io.StringIO()
    out = csv.writer(stream)
    out.writerow(["user_id", "item_id", "event", "timestamp", "value", "note"])
    for n in range(rows):
        note = 'a "note"\nover\r\nlines' if noted and n % 3 == 0 else "short"
        who = "bot" if n % 5 == 0 else f"u{rng.integers(60)}"
        at = T + (n // 5 if who == "bot" else 7 * n)
        row = [who, f"i{rng.integers(80)}", ("view", "click", "purchase")[n % 3], at, n % 4, note]
        out.writerow(row)
        if n % 50 == 7:
            out.writerow(row)
        if n % 90 == 11:
            out.writerow(["", "i1", "view", T, 1, "nobody"])
    return stream.getvalue().encode()


def in_parts(path: Path, parts: int) -> AbstractContextManager[None]:
    """Make blocks so small that there are about so many parts, and as many buckets."""
    return tiny(-(-ROWS // parts), path.stat().st_size // (4 * parts) + 20)


def read_and_cleaned(path: Path, executor: Executor, parts: int, progress: Progress = SILENT) -> Cleaned:
    with in_parts(path, parts), TemporaryDirectory() as folder:
        log = read_large(path, Path(folder), progress=progress, executor=executor)
        return clean_in_buckets(log, RULES, now=NOW, progress=progress, executor=executor)


def read_in_memory(path: Path) -> Cleaned:
    found = clean(read_events(path), RULES, now=NOW)
    assert {"duplicate", "bot"} <= set(found.reasons) and len(found.events) > 100
    return found
