"""Records of delimited text: what stands in quotes never begins or ends one."""

import csv
import io
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.reading.logs import write

from tacit.reading import text_records as module
from tacit.reading import textfile
from tacit.reading.read import read_events
from tacit.reading.text_records import Quoting, records
from tacit.reading.textfile import Block

COMMAS = Quoting(",")
Rows = list[tuple[int, str]]


def found(text: str, quoting: Quoting | None = COMMAS, *, at: tuple[int, ...] = ()) -> Rows:
    """Return line and text of the records of a text that comes in blocks which end at some lines."""
    lines = text.split("\n")
    edges = [0, *at, len(lines)]
    blocks = [
        Block(1 + start, pl.Series("raw", lines[start:end], dtype=pl.String), frozenset(), 0)
        for start, end in pairwise(edges)
        if start < end
    ]
    return [
        row
        for part in records(blocks, quoting)
        for row in zip(part.line.to_list(), part.text.to_list(), strict=True)
    ]


def test_a_line_break_in_quotes_belongs_to_its_field() -> None:
    text = 'a,"x\n\ny",b\nc,d,e\nf,"g ""h""\n""",i'
    whole = [(1, 'a,"x\n\ny",b'), (4, "c,d,e"), (5, 'f,"g ""h""\n""",i')]
    for at in ((), (1,), (2, 3), (1, 2, 3, 4, 5)):
        assert found(text, at=at) == whole


def test_a_quote_that_opens_nothing_leaves_its_line_alone() -> None:
    for text in ('a,5" screen\nb,c\nd,6" screen', 'a,"b" c\nd,e', 'a,"open\nb,c\nd,e', 'a,"x\nb,"y\nc,d'):
        assert [line for line, _ in found(text)] == [*range(1, text.count("\n") + 2)]


def test_without_quoting_each_line_is_a_record() -> None:
    assert len(found('a,"b\nc",d', None)) == 2


def test_backslashes_before_quotes() -> None:
    text = '"a \\"b\\"\nc",d\n"e",f'
    assert [line for line, _ in found(text, Quoting(",", escape=True))] == [1, 3]


def test_an_open_quote_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LINES", 4)
    assert len(found('"a\nb\nc\nd",e')) == 1
    assert len(found('"a\nb\nc\nd\ne",f')) == 5
    monkeypatch.setattr(module, "MOST_BYTES", 8)
    assert len(found('"aaaa\nbbbb",c')) == 2
    assert len(found('"a\n' + "b\n" * 50 + "c", at=(1, 20, 30))) == 52


CELLS = st.text(st.sampled_from("ab,;\"\n\\ \t'é商#{}"), max_size=8)


@examples(25)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8),
    block=st.sampled_from([8, 64, 2**20]),
    quote=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
)
def test_text_in_quotes_never_adds_removes_or_changes_a_record(
    rows: list[tuple[str, str]], block: int, quote: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=quote, lineterminator="\n")
    writer.writerow(["user_id", "item_id", "event", "timestamp", "note", "text"])
    for place, (note, text) in enumerate(rows):
        writer.writerow([f"u{place}", f"i{place}", "view", 1_700_000_000 + place, f"{note};", f"{text}."])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfile, "_BLOCK", block)
        source = read_events(write(tmp_path_factory.getbasetemp(), stream.getvalue(), "quoted.csv"))
    assert source.rows_in == len(source.frame) + len(source.rejected) == len(rows)
    assert source.frame["user_id"].to_list() == [f"u{place}" for place in range(len(rows))]
    assert source.frame["note"].to_list() == [f"{note};" for note, _ in rows]
    assert source.frame["text"].to_list() == [f"{text}." for _, text in rows]


def test_a_review_cannot_forge_purchases(tmp_path: Path) -> None:
    forged = "\n".join(f"x{n},i1,purchase,1700000000," for n in range(50))
    log = (
        "user_id,item_id,event,timestamp,review\n"
        + f'u1,i1,view,1700000000,"nice\n{forged}\n"\nu2,i2,view,1700000001,\n'
    )
    source = read_events(write(tmp_path, log))
    assert source.frame["user_id"].to_list() == ["u1", "u2"]
    assert source.frame["line"].to_list() == [2, 54]
    assert source.raw(pl.Series([54, 2])).to_list() == [
        "u2,i2,view,1700000001,",
        f'u1,i1,view,1700000000,"nice\n{forged}\n"',
    ]
