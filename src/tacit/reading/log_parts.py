"""The first pass over a log that memory does not hold: its parts become tables on disk, and are surveyed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from tacit.core.executor import LOCAL, Executor
from tacit.core.progress import SILENT, Progress
from tacit.data.buckets import written_whole
from tacit.reading.in_blocks import TablePart
from tacit.reading.parallel import threads_of
from tacit.reading.survey import Survey
from tacit.reading.text_log import Form


class LogParts(Protocol):
    """A log whose parts can be read one without the other, by any process that sees its files."""

    @property
    def path(self) -> Path:
        """The log, for messages."""
        ...

    @property
    def form(self) -> Form:
        """How its records become rows."""
        ...

    @property
    def encoding(self) -> str:
        """Of its text, or "binary"."""
        ...

    def parts(self, executor: Executor) -> Sequence[Any]:
        """Return the parts in their order: the same for every executor."""
        ...

    def size(self, part: Any) -> int:
        """Return how large a part is, in the unit of ``tables``."""
        ...

    def raw_of(self, parts: Sequence[Any], executor: Executor, lines: pl.Series) -> pl.Series:
        """Return the text of rows by their lines, looked up in all parts."""
        ...

    def tables(self, part: Any, threads: int | None) -> Iterator[tuple[pl.DataFrame, pl.DataFrame, int]]:
        """Yield the numbered rows of a part in blocks, each with what was rejected and its size."""
        ...


@dataclass(frozen=True)
class LogOnDisk:
    """The tables of a log.

    Attributes
    ----------
    tables : list of TablePart
    survey : Survey
        Of all of them.
    rejected : polars.DataFrame
        Records that are no rows.
    """

    tables: list[TablePart]
    survey: Survey
    rejected: pl.DataFrame


def write_tables(
    log: LogParts,
    parts: Sequence[Any],
    folder: Path,
    progress: Progress = SILENT,
    executor: Executor = LOCAL,
) -> LogOnDisk:
    """Write the rows of a log into files, and return what was seen.

    Parameters
    ----------
    log : LogParts
    parts : sequence
        All parts of the log.
    folder : Path
        To make.
    progress : Progress
    executor : Executor
        Where the parts are read: workers of other processes see the log and the folder.
    """
    folder.mkdir(parents=True)
    tabling = _Tabling(log, folder, len(parts), threads_of(executor, len(parts)))
    numbered = list(enumerate(parts))
    found = []
    with progress.task(f"reading {log.path.name}", total=sum(map(log.size, parts))) as task:
        if len(parts) == 1:  # nothing to do side by side: it shows how far it is
            found.append(tabling.written(*numbered[0], task.advance))
        else:
            for (_, part), one in zip(
                numbered, executor.map(_Tabling.part, numbered, shared=tabling), strict=True
            ):
                found.append(one)
                task.advance(log.size(part))
    return LogOnDisk(
        [tables for one in found for tables in one.tables],
        Survey.joined([one.survey for one in found]),
        pl.concat([one.rejected for one in found]),
    )


@dataclass(frozen=True)
class _Tabling:
    log: LogParts
    folder: Path
    count: int
    threads: int | None

    def part(self, numbered: tuple[int, Any]) -> LogOnDisk:
        """Write the tables of a part."""
        return self.written(*numbered, lambda _: None)

    def written(self, number: int, part: Any, advance: Callable[[float], None]) -> LogOnDisk:
        """Write the tables of a part, and say how far it is."""
        survey, rejected = Survey(number, self.count), []
        files: list[Path] = []
        for table, bad, size in self.log.tables(part, self.threads):
            rejected.append(bad)
            if len(table):
                survey.add(table)
                files.append(self.folder / f"{number:06d}-{len(files):06d}")
                with written_whole(files[-1]) as path:
                    table.write_parquet(path, compression="lz4", statistics=False)
            advance(size)
        tables = [TablePart(number, tuple(files), survey.rows)] if files else []
        return LogOnDisk(tables, survey, pl.concat(rejected))
