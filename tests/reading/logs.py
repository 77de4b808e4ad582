"""Small event logs on disk for the tests of reading and cleaning."""

import json
from pathlib import Path

import polars as pl

from tacit.data import columns as col
from tacit.data.clean import Cleaned, Rules, clean
from tacit.data.source import Source
from tacit.reading.read import read_events

NOW = 1_800_000_000.0
T = 1_700_000_000
"""A moment in November 2023."""

HEADER = "user_id,item_id,event,timestamp"
ROWS = [("u1", "i1", "view", T), ("u2", "商品2", "cart", T + 60), ("u1", "i3", "purchase", T + 120)] * 4
EVENTS = [(u, i, e, float(t)) for u, i, e, t in ROWS]


def table(separator: str = ",", header: bool = True, rows: list[tuple] = ROWS) -> str:
    lines = [separator.join(map(str, row)) for row in rows]
    names = [separator.join(HEADER.split(","))] if header else []
    return "\n".join([*names, *lines, ""])


def flat(rows: list[tuple] = ROWS) -> str:
    names = HEADER.split(",")
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)


def write(folder: Path, text: str | bytes, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str | bytes, name: str = "log.csv", **options) -> Source:
    return read_events(write(folder, text, name), **options)


def events(source: Source) -> list[tuple]:
    """Return (user, item, event, time) of each event."""
    return source.frame.select(col.USER, col.ITEM, col.EVENT, col.TIMESTAMP).rows()


def rejected(source: Source) -> list[tuple[int, str, str]]:
    """Return (line, reason, raw) of each row set aside, by line."""
    return source.rejected.sort(col.LINE).rows()


def cleaned(folder: Path, rows: list[tuple], columns: str = HEADER, **rules) -> Cleaned:
    """Return the rows written, read and cleaned by the rules named and no other."""
    lines = [columns, *(",".join("" if cell is None else str(cell) for cell in row) for row in rows)]
    return clean(read(folder, "\n".join(lines) + "\n"), only(**rules), now=NOW)


def only(**rules) -> Rules:
    """Return rules of which only those named are on."""
    off = {
        "impossible_times": False,
        "missing_times": False,
        "duplicates": False,
        "burst_seconds": 0.0,
        "bots": False,
    }
    return Rules(**{**off, **rules})


def lines_of(frame: pl.DataFrame) -> list[int]:
    return frame[col.LINE].to_list()
