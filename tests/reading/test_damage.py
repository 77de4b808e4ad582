"""Broken rows, cut files and random damage: nothing is lost, and nothing is taken for what it is not."""

import gzip
import random
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.reading.logs import HEADER, NOW, ROWS, T, events, flat, read, rejected, table, write

from tacit.core.errors import DataError
from tacit.data.clean import Rules, clean
from tacit.data.source import Source
from tacit.reading import textfile
from tacit.reading.read import read_events, read_items, read_users

GOLDEN = [
    ("###", "expected 5 columns, found 1"),
    ("", "empty line"),
    ("   ", "empty line"),
    ("u1,i2", "expected 5 columns, found 2"),
    (f"u1,i2,view,{T},1,more", "expected 5 columns, found 6"),
    (f"u1;i2;view;{T};1", "expected 5 columns, found 1"),
    (f",i2,view,{T},1", "no user id"),
    (f"u1,,view,{T},1", "no item id"),
    (f"  ,i2,view,{T},1", "no user id"),
    (",,,,", "no user id"),
    ("u1,i2,view,yesterday,1", "the time cannot be read"),
    ("u1,i2,view,inf,1", "the time cannot be read"),
    (f"u1,i2,view,{T},cheap", "the value is not a number"),
    (f"u1,i2,view,{T},1e400", "the value is not a number"),
    (f'u1,i2,view,{T},"1', "a quote is opened and not closed"),
    (f'"u1,i2,view,{T},1', "a quote is opened and not closed"),
    (f"u\0,i2,view,{T},1", "holds a NUL character"),
    (f"u\x07,i2,view,{T},1", "the user id holds a control character"),
    (f"u1,i\x1b2,view,{T},1", "the item id holds a control character"),
    (f"{'u' * 257},i2,view,{T},1", "the user id is longer than 256 bytes"),
    (f"u1,{'é' * 129},view,{T},1", "the item id is longer than 256 bytes"),
    ("user_id,item_id,event,timestamp,value", "the header again"),
    (f"u1,i2,view,{T},{'9' * 1_000_001}", "longer than 1,000,000 bytes"),
    (b"u\xff1,i2,view,1700000000,1", "bytes that do not fit the encoding"),
]


@pytest.mark.fault(36)
def test_each_of_many_kinds_of_broken_rows_is_named_with_its_line_and_text(tmp_path: Path) -> None:
    good = b"u1,caf\xc3\xa9,view,1700000000,1\n"
    data, expected = b"user_id,item_id,event,timestamp,value\n" + good * 5, []
    for line, (raw, reason) in enumerate(GOLDEN):
        coded = raw if isinstance(raw, bytes) else raw.encode()
        data += coded + b"\n" + good
        expected.append((7 + 2 * line, reason, coded.decode("utf-8", "replace")))
    source = read(tmp_path, data)
    assert rejected(source) == expected
    assert len(source.frame) == 5 + len(GOLDEN)
    assert source.rows_in == 5 + 2 * len(GOLDEN)


@pytest.mark.parametrize("block", [64, 1_000])
def test_the_golden_file_does_not_depend_on_the_block(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textfile, "_BLOCK", block)
    few = [row for row in GOLDEN if len(row[0]) < 1_000]
    monkeypatch.setitem(globals(), "GOLDEN", few)
    test_each_of_many_kinds_of_broken_rows_is_named_with_its_line_and_text(tmp_path)


@pytest.mark.fault(36)
def test_an_unclosed_quote_swallows_no_row(tmp_path: Path) -> None:
    rows = ['u1,"i1', "u2,i2", 'u3,"i,3"', 'u4,a"b"c']
    text = "\n".join([HEADER, *(f"{row},view,{T}" for row in rows)])
    source = read(tmp_path, text)
    assert [row[:2] for row in events(source)] == [("u2", "i2"), ("u3", "i,3"), ("u4", 'a"b"c')]
    assert rejected(source) == [(2, "a quote is opened and not closed", f'u1,"i1,view,{T}')]


def test_quotes_that_open_late_in_an_even_line_swallow_no_row(tmp_path: Path) -> None:
    text = f'user_id,item_id,event,timestamp\nu"1,"i1,view,{T}\nu2,i2,view,{T}\nu3,"i3",view,{T}\n'
    source = read(tmp_path, text)
    assert [row[0] for row in events(source)] == ["u2", "u3"]
    assert rejected(source)[0][:2] == (2, "a quote is opened and not closed")


@pytest.mark.fault(37)
def test_a_cut_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user_id": ["u"], "item_id": ["i"]}).write_parquet(path)
    data = path.read_bytes()
    for size in range(4, len(data), 37):
        with pytest.raises(DataError, match="not a whole Parquet file"):
            read(tmp_path, data[:size])


def test_a_late_cut_of_a_packed_file_is_refused_and_not_taken_for_its_end(tmp_path: Path) -> None:
    rows = [(f"u{n}", f"i{random.Random(n).random()}", "view", T + n) for n in range(60_000)]
    text = table(rows=rows).encode()
    for packed in (gzip.compress(text, 1), zstandard.compress(text, 1)):
        with pytest.raises(DataError, match="unpacked"):
            read(tmp_path, packed[: len(packed) - 50])


@pytest.mark.parametrize(
    "data",
    [
        table().encode(),
        table().replace("\n", "\r\n").encode("utf-16"),
        table("\t", False).replace("\n", "\r").encode("gb18030"),
        table().replace("u2", "u\ufffd2").encode()
        + b"u\xff,i,view,1700000000\n"
        + table(header=False).encode(),
        flat().encode() + b"{}\n[]\n" + b'{"user_id": "u", "item_id": "i", "colour": "red"}',
        b"u1\ta,b\nu2\tc,d\nu1\te\n",
        b"visitorid,itemid,event\n1,1,1\n1,2,1\n2,1,2\n",
    ],
    ids=["csv", "utf-16", "gb18030", "damaged", "jsonl", "browse", "flags"],
)
@pytest.mark.fault(36)
def test_the_result_does_not_depend_on_the_size_of_a_block(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(tmp_path, data)
    for size in (1, 2, 7, 64, 1_000):
        monkeypatch.setattr(textfile, "_BLOCK", size)
        parts = read(tmp_path, data)
        assert parts.frame.equals(whole.frame)
        assert rejected(parts) == rejected(whole)
        assert parts.raw(parts.frame["line"]).equals(whole.raw(whole.frame["line"]))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a file of a dialect after some blows: bytes put in, cut out, or changed for a separator."""
    form = draw(st.sampled_from([table(), table("\t", False), table("::"), table("|", False), flat()]))
    encoding = draw(st.sampled_from(["utf-8", "utf-16", "gb18030"]))
    data = bytearray(form.encode(encoding))
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(data)))
        blow = draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from(
                    [b"\n", b"\r", b'"', b",", b"\t", b"::", b"|", b";", b"\0", b"\\u0000", b"{", b"\xff"]
                ),
            )
        )
        data[at : at + draw(st.integers(0, 20))] = blow
    return bytes(data)


@examples(25)
@given(data=damaged(), block=st.sampled_from([16, 200, 2**20]))
@pytest.mark.fault(36)
def test_no_row_of_a_damaged_file_is_lost(
    data: bytes, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfile, "_BLOCK", block)
        try:
            source = read_events(write(tmp_path_factory.getbasetemp(), data, "damaged"))
        except DataError:
            return
        result = clean(source, Rules(burst_seconds=60), now=NOW)
        assert result.rows_in == len(result.events) + len(result.quarantine)
        assert sum(result.reasons.values()) == len(result.quarantine)
        if source.dialect == "JSON":  # its records stand on several lines
            return
        every = pl.concat([result.events["line"], result.quarantine["line"]])
        text = [line for part in textfile.blocks(source.path, source.encoding) for line in part.lines]
        header = set(range(1, len(text) + 1)) - set(every)
        said = any("before the table were left out" in note for note in source.notes)
        assert len(header) <= 1 or said
        assert every.is_unique().all()
        assert all(text[line - 1] == raw for line, raw in result.quarantine.select("line", "raw").rows())


@examples(25)
@given(data=st.binary(min_size=1, max_size=400))
@pytest.mark.fault(37)
def test_binary_garbage_is_a_result_or_a_data_error(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.getbasetemp(), data, "garbage")
    for reader in (read_events, read_items, read_users):
        try:
            result = reader(path)
        except DataError:
            continue
        if isinstance(result, Source):
            assert result.rows_in == len(result.frame) + len(result.rejected)


@examples(25)
@given(cut=st.integers(4, 600), at=st.integers(4, 600), blow=st.binary(max_size=8))
@pytest.mark.fault(37)
def test_a_damaged_parquet_file_is_a_result_or_a_data_error(
    cut: int, at: int, blow: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    pl.DataFrame(ROWS, schema=HEADER.split(","), orient="row").write_parquet(path)
    data = bytearray(path.read_bytes())
    data[at : at + len(blow)] = blow
    path.write_bytes(data if cut > 300 else data[: len(data) - cut])
    try:
        source = read_events(path)
    except DataError:
        return
    assert source.rows_in == len(source.frame) + len(source.rejected)
