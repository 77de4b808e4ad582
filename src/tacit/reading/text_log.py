"""An event log that is a text file: how its lines become tables, and its parts that are read alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from tacit.core.errors import AmbiguousError, DataError
from tacit.core.executor import LOCAL, Executor
from tacit.data import columns as col
from tacit.reading import delimited, jsonlines, textfile
from tacit.reading.choices import Reading
from tacit.reading.delimited import REJECTED
from tacit.reading.dialects import RECBOLE
from tacit.reading.parallel import in_order, threads_of
from tacit.reading.text_records import Quoting, Records, is_open_behind, records
from tacit.reading.textfile import Span

SAMPLE_ROWS = 20_000


@dataclass(frozen=True)
class Form:
    """How the text of a file becomes a table.

    Attributes
    ----------
    records : callable
        Blocks of lines to records.
    parse : callable
        Records to a table of text columns and the rejected records.
    named : bool
        Whether the columns have names of their own.
    separator : str or None
    kind : str or None
        "JSON", "JSON lines" or the name of a dialect; None where the columns decide.
    notes : tuple of str
    quoting : Quoting or None
        How records go over several lines; None where each line is one.
    """

    records: Callable[[Iterable[textfile.Block]], Iterator[Records]]
    parse: Callable[[Records], tuple[pl.DataFrame, pl.DataFrame]]
    named: bool
    separator: str | None = None
    kind: str | None = None
    notes: tuple[str, ...] = ()
    quoting: Quoting | None = None

    def parsed(self, part: Records) -> tuple[pl.DataFrame, pl.DataFrame, int]:
        """Return the table of some records, the rejected ones, and the bytes that they were."""
        return *self.parse(part), part.size


def typed_form(kind: str, *, named: bool = True) -> Form:
    """Return the form of a table whose columns have types: no text of it is parsed."""
    return Form(partial(records, quoting=None), _no_records, named, kind=kind)


def _no_records(_: Records) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.DataFrame(), pl.DataFrame(schema=REJECTED)


def form_of(path: Path, encoding: str, reading: Reading) -> Form:
    """Return how to read a file, judging by its first lines."""
    lines = _first_lines(path, encoding)
    blank = next((place for place, line in enumerate(lines) if line.strip()), None)
    if blank is None:
        raise DataError(f"{path} is empty: there is no event in it")
    texts = lines[blank:]
    if (found := jsonlines.without_records(texts)) is not None:
        raise DataError(
            f'{path} holds {found}; write each event as an object with names, {{"user": 1, "item": 10}}'
        )
    if (written := jsonlines.layout_of(texts)) is not None:
        split = jsonlines.documents if written == "document" else partial(records, quoting=None)
        return Form(split, _parse_json, True, kind="JSON lines" if written == "lines" else "JSON")
    layout = _delimited_layout(path, texts, blank + 1, reading)
    if layout.header is not None and not any(line.strip() for line in texts[1:]):
        raise DataError(f"{path} has a header and no row beneath it")
    return Form(
        layout.records,
        partial(delimited.parse, layout=layout),
        layout.header is not None,
        layout.separator,
        RECBOLE if layout.header and ":token" in layout.header else None,
        layout.notes,
        layout.quoting,
    )


def _delimited_layout(path: Path, texts: list[str], first: int, reading: Reading) -> delimited.Layout:
    """Return the layout of rows and cells; what is wrong with it is said with the path."""
    try:
        return delimited.layout_of(texts, first, reading)
    except (AmbiguousError, DataError) as error:
        raise type(error)(f"{path}: {error}") from error


def _parse_json(part: Records) -> tuple[pl.DataFrame, pl.DataFrame]:
    return jsonlines.parse(part.text, part.line, part.damaged)


def _first_lines(path: Path, encoding: str) -> list[str]:
    """Return the first lines of a file, the same whatever the size of a block."""
    lines: list[str] = []
    for block in textfile.blocks(path, encoding):
        lines += block.lines.head(SAMPLE_ROWS - len(lines)).to_list()
        if len(lines) >= SAMPLE_ROWS:
            break
    return lines


@dataclass(frozen=True)
class TextLog:
    """A log that is a text file, and its parts: spans of the file, None for all of it.

    Attributes
    ----------
    path : Path
    encoding : str
    form : Form
    """

    path: Path
    encoding: str
    form: Form

    @classmethod
    def of(cls, path: Path, reading: Reading) -> "TextLog":
        """Return how to read a file, judging by its first lines."""
        encoding, notes = textfile.encoding_of_file(path, reading.encoding)
        form = form_of(path, encoding, reading)
        return cls(path, encoding, replace(form, notes=(*notes, *form.notes)))

    def parts(self, executor: Executor = LOCAL) -> list[Span | None]:
        """Return the parts of the file, none of which begins or ends within a record.

        The spans are cut where a line ends. Each is looked at by itself: how many lines it has, and whether a
        quote may be open at its end. If so, it and the next one become one.
        """
        spans = [] if self.form.kind == "JSON" else textfile.spans(self.path, self.encoding)
        if len(spans) < 2:
            return [None]
        seen = list(executor.map(TextLog._seen, spans, shared=self))
        while any(one.open for one in seen[:-1]):
            joined = _joined_where_open(seen)
            again = iter(executor.map(TextLog._seen, [one.span for one in joined if one.open], shared=self))
            seen = [next(again) if one.open else one for one in joined]
        found: list[Span | None] = []
        first = 1
        for one in seen:
            found.append(replace(one.span, first=first))
            first += one.lines
        return found

    def _seen(self, span: Span) -> "_Seen":
        lines, quoted = textfile.count_lines(self.path, span)
        blocks = textfile.blocks(self.path, self.encoding, span)
        return _Seen(span, lines, quoted and is_open_behind(blocks, self.form.quoting))

    def size(self, part: Span | None) -> int:
        """Return the bytes of a part; those of a packed file unpacked are not known."""
        return self.path.stat().st_size if part is None else part.end - part.start

    def tables(
        self, part: Span | None, threads: int | None = None
    ) -> Iterator[tuple[pl.DataFrame, pl.DataFrame, int]]:
        """Yield the rows of a part as text, block by block, with the rejected records and the bytes read."""
        found = self.form.records(textfile.blocks(self.path, self.encoding, part))
        yield from in_order(self.form.parsed, found, threads)

    def raw(self, lines: pl.Series) -> pl.Series:
        """Return the text of records by the numbers of their first lines."""
        return self.raw_of([None], LOCAL, lines)

    def raw_of(self, parts: Sequence[Span | None], executor: Executor, lines: pl.Series) -> pl.Series:
        """Return the text of records, looked up by an executor in all parts of the file."""
        wanted = lines.unique().sort().cast(pl.Int64)
        lookups = [(part, some) for part, some in _by_part(parts, wanted) if len(some)]
        found = [pl.DataFrame(schema={col.LINE: pl.Int64, "raw": pl.String})]
        found += executor.map(_texts, lookups, shared=(self, threads_of(executor, len(parts))))
        return (
            lines.cast(pl.Int64)
            .alias(col.LINE)
            .to_frame()
            .join(pl.concat(found), on=col.LINE, how="left", maintain_order="left")["raw"]
        )


@dataclass(frozen=True)
class _Seen:
    """A span, how many lines it has, and whether a record may be open at its end."""

    span: Span
    lines: int
    open: bool


def _joined_where_open(seen: Sequence[_Seen]) -> list[_Seen]:
    """Return spans of which those that end within a record are one with the next; only these are open."""
    found: list[_Seen] = []
    waiting = list(reversed(seen))
    while waiting:
        one = waiting.pop()
        joins = one.open and bool(waiting)
        if joins:
            other = waiting.pop()
            one = _Seen(Span(one.span.start, other.span.end), one.lines + other.lines, True)
        found.append(replace(one, open=joins))
    return found


def _by_part(parts: Sequence[Span | None], lines: pl.Series) -> Iterator[tuple[Span | None, pl.Series]]:
    """Yield each part with those of some ordered numbers of lines that are in it."""
    starts = np.array([0 if part is None else part.first for part in parts])
    places = [*map(int, np.searchsorted(lines.to_numpy(), starts)), len(lines)]
    for part, start, end in zip(parts, places[:-1], places[1:], strict=True):
        yield part, lines[start:end]


def _texts(shared: tuple[TextLog, int | None], lookup: tuple[Span | None, pl.Series]) -> pl.DataFrame:
    """Return number and text of the records of a part that begin on wanted lines."""
    (log, threads), (part, wanted) = shared, lookup
    found = log.form.records(textfile.blocks(log.path, log.encoding, part))
    return pl.concat([_of_lines(wanted, _NONE), *in_order(partial(_of_lines, wanted), found, threads)])


_NONE = Records(pl.Series([], dtype=pl.Int64), pl.Series([], dtype=pl.String), frozenset(), 0)


def _of_lines(wanted: pl.Series, part: Records) -> pl.DataFrame:
    """Return number and text of those of some records that begin on wanted lines."""
    found = part.line.is_in(wanted.implode())
    # By a list: texts that Polars takes from others keep the memory of all of them, here of the whole file.
    texts = pl.Series("raw", part.text.filter(found).to_list(), dtype=pl.String)
    return pl.DataFrame([part.line.filter(found).alias(col.LINE), texts])
