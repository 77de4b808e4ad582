"""Logs that are read and cleaned in buckets of a few users, to be compared with the path in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest

from tacit.core.executor import LOCAL, Executor
from tacit.data import buckets
from tacit.data.buckets import LogFacts, LogInBuckets, bucket_folders, write_part
from tacit.data.clean import Cleaned
from tacit.data.clean_buckets import clean_in_buckets
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.rules import Rules
from tacit.data.source import Source
from tacit.reading import textfile
from tacit.reading.read import read_large

PARTS = {"events": lambda log: texts(log.events).to_dict(as_series=False)} | {
    name: lambda log, name=name: getattr(log, name)
    for name in ("rows_in", "reasons", "mapping", "dialect", "columns", "notes")
}
"""What two cleaned logs must share; the quarantine beside it is compared as a frame."""


def texts(events: pl.DataFrame) -> pl.DataFrame:
    return events.with_columns(pl.col(pl.Categorical).cast(pl.String))


@contextmanager
def tiny(rows: int = 20, block: int = 600) -> Iterator[None]:
    """Make buckets of so many events, and blocks of so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "A_BUCKET", rows)
        patch.setattr(textfile, "_BLOCK", block)
        yield


def cleaned_in_buckets(
    source: Source,
    rules: Rules,
    now: float,
    event_map: EventMap = NO_EVENT_MAP,
    rows: int = 20,
    executor: Executor = LOCAL,
) -> Cleaned:
    """Return a log cleaned in buckets, each of whose files holds a few events of some twenty parts of it."""
    with tiny(rows), TemporaryDirectory() as folder:
        folders = bucket_folders(Path(folder), len(source.frame))
        parts = list(source.frame.iter_slices(max(10, len(source.frame) // 20)))
        for number, part in enumerate(parts):
            write_part(folders, number, part)
        starts = tuple(accumulate(map(len, parts), initial=0))
        facts = LogFacts.joined([LogFacts.of(part, source.value_kind, event_map) for part in parts])
        about: dict[str, Any] = {**vars(source), "frame": source.frame.clear()}
        log = LogInBuckets(Source(**about), folders, starts, facts)
        return clean_in_buckets(log, rules, now=now, event_map=event_map, executor=executor)


def read_in_buckets(
    path: Path, now: float, event_map: EventMap = NO_EVENT_MAP, executor: Executor = LOCAL, **options: Any
) -> Cleaned:
    """Return a file read in some eight blocks and cleaned in four buckets or fewer."""
    data = path.read_bytes()
    with tiny(max(20, data.count(b"\n") // 4), max(600, len(data) // 8)), TemporaryDirectory() as folder:
        log = read_large(path, Path(folder), event_map=event_map, executor=executor, **options)
        return clean_in_buckets(log, now=now, event_map=event_map, executor=executor)


def assert_same(one: Cleaned, other: Cleaned) -> None:
    """Check that two cleaned logs hold the same; texts may be categories."""
    for name, part in PARTS.items():
        assert part(one) == part(other), name
    assert one.quarantine.equals(other.quarantine)
