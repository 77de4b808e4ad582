"""Logs of every dialect become the same events; what cannot be read is set aside line by line."""

import gzip
import random
from pathlib import Path

import polars as pl
import pytest
import zstandard
from tests.reading.logs import EVENTS, HEADER, NOW, ROWS, T, events, flat, read, rejected, table

from tacit.core.errors import DataError
from tacit.data.clean import clean
from tacit.reading.choices import Reading
from tacit.reading.read import read_events


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize(
    "separator", [",", "\t", ";", "|", "::", "||", "\x01", "~", "^", "#", "$$", " ", "§"]
)
def test_any_separator_with_and_without_header(separator: str, header: bool, tmp_path: Path) -> None:
    source = read(tmp_path, table(separator, header))
    assert source.separator == separator
    assert events(source) == EVENTS
    assert source.rows_in == len(ROWS)
    assert len(source.rejected) == 0
    assert source.frame["line"].to_list() == list(range(1 + header, len(ROWS) + 1 + header))


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
        ("gb18030", b""),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_encoding_and_line_end(encoding: str, mark: bytes, end: str, tmp_path: Path) -> None:
    source = read(tmp_path, mark + table().replace("\n", end).encode(encoding))
    assert events(source) == EVENTS
    assert source.mapping == {
        "user": "user_id",
        "item": "item_id",
        "event": "event",
        "timestamp": "timestamp",
    }


def test_latin_1(tmp_path: Path) -> None:
    rows = [("Zoë", "Café crème", "view", T), ("José", "Naïve", "view", T + 1)]
    source = read(tmp_path, table(rows=rows).encode("latin-1"))
    assert source.encoding == "windows-1252"
    assert [row[:2] for row in events(source)] == [("Zoë", "Café crème"), ("José", "Naïve")]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("text", [table(), table("::", False), flat()], ids=["csv", "::", "jsonl"])
def test_packed_files(pack, text: str, tmp_path: Path) -> None:
    assert events(read(tmp_path, pack(text.encode()), "log.bin")) == EVENTS


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_files_packed_in_several_pieces_are_read_to_their_end(pack, tmp_path: Path) -> None:
    first, second = table()[:100].encode(), table()[100:].encode()
    assert events(read(tmp_path, pack(first) + pack(second))) == EVENTS


def test_json_lines(tmp_path: Path) -> None:
    source = read(tmp_path, flat(), "log.jsonl")
    assert events(source) == EVENTS
    assert (source.dialect, source.separator) == ("JSON lines", None)


@pytest.mark.parametrize("packed", [False, True])
def test_parquet(packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame(ROWS, schema=HEADER.split(","), orient="row").write_parquet(path)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    source = read_events(path)
    assert events(source) == EVENTS
    assert source.dialect == "Parquet"


@pytest.mark.parametrize(
    "ids",
    [
        [
            "007",
            "NA",
            "null",
            "NaN",
            "None",
            "1e5",
            "true",
            "9007199254740993",
            "12345678901234567890",
            "0.10",
            "-1",
        ],
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_ids_stay_text(ids: list[str], kind: str, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"user_id": ids, "item_id": ids[::-1], "timestamp": [T + n for n in range(len(ids))]}
    )
    path = tmp_path / f"log.{kind}"
    {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[kind](path)
    source = read_events(path)
    assert source.frame["user_id"].to_list() == ids
    assert source.frame["item_id"].to_list() == ids[::-1]


def test_numbers_as_ids_in_json_keep_every_digit(tmp_path: Path) -> None:
    text = '{"user_id": 9007199254740993, "item_id": 12345678901234567890}\n{"user_id": 1, "item_id": 2.50}\n'
    source = read(tmp_path, text, "log.jsonl")
    assert source.frame.select("user_id", "item_id").rows() == [
        ("9007199254740993", "12345678901234567890"),
        ("1", "2.50"),
    ]


def test_float_ids_of_parquet_lose_their_point_and_nan_is_no_id(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user_id": [7.0, float("nan"), 8.0], "item_id": [1.0, 2.0, 3.0]}).write_parquet(path)
    source = read_events(path)
    assert source.frame["user_id"].to_list() == ["7", "8"]
    assert rejected(source)[0][:2] == (2, "no user id")


def test_in_a_tab_file_a_quote_is_a_sign_like_any_other(tmp_path: Path) -> None:
    text = f'u1\t5" pipe\tview\t{T}\nu2\t"odd\tview\t{T}\nu3\ti3\tview\t{T}\n'
    assert [row[1] for row in events(read(tmp_path, text))] == ['5" pipe', '"odd', "i3"]


def test_a_second_column_of_a_name_gets_a_name_of_its_own(tmp_path: Path) -> None:
    source = read(tmp_path, f"user_id,item_id,item_id,timestamp\nu1,i1,x,{T}\nu2,i2,y,{T}\n")
    assert source.frame["item_id"].to_list() == ["i1", "i2"]
    assert source.frame["item_id_2"].to_list() == ["x", "y"]


def test_a_column_named_line_is_kept_beside_the_lines_of_the_file(tmp_path: Path) -> None:
    source = read(tmp_path, f"user_id,item_id,line,timestamp\nu1,i1,L7,{T}\n")
    assert (source.frame["line"].to_list(), source.frame["line_2"].to_list()) == ([2], ["L7"])


def test_columns_may_change_places_by_mapping(tmp_path: Path) -> None:
    source = read(
        tmp_path, "user_id,item_id\na,b\n", reading=Reading(columns={"user": "item_id", "item": "user_id"})
    )
    assert source.frame.select("user_id", "item_id").rows() == [("b", "a")]


def test_a_flag_column_takes_its_event_from_the_name_of_the_file(tmp_path: Path) -> None:
    source = read(tmp_path, "visitorid\titemid\tevent\n1\t1\t1\n1\t2\t1\n", "add_to_cart_ecommerce.dat")
    assert source.frame["event"].to_list() == ["cart", "cart"]


@pytest.mark.parametrize(
    ("stamps", "seconds"),
    [
        (["1700000000", "1700000001.5"], [T, T + 1.5]),
        (["1700000000000", "1700000001500"], [T, T + 1.5]),
        (["1700000000000000", "1700000001500000"], [T, T + 1.5]),
        (["2023-11-14T22:13:20Z", "2023-11-14T22:13:21.5Z"], [T, T + 1.5]),
        (["2023-11-15 06:13:20+08:00", "2023-11-14 22:13:21.5+00:00"], [T, T + 1.5]),
        (["2023-11-14 22:13:20 UTC", "2023-11-14 22:13:21 UTC"], [T, T + 1]),
        (["20231114", "20231115"], [1699920000, 1700006400]),
    ],
)
def test_times_of_any_unit(stamps: list[str], seconds: list[float], tmp_path: Path) -> None:
    text = "user_id,item_id,timestamp\n" + "".join(f"u,i{n},{s}\n" for n, s in enumerate(stamps))
    assert read(tmp_path, text).frame["timestamp"].to_list() == seconds


def test_a_missing_number_is_missing_whatever_its_word(tmp_path: Path) -> None:
    words = ["", "NULL", "NA", "nan", "None", "\\N", "N/A"]
    text = "user_id,item_id,timestamp,value\n" + "".join(f"u,i,{T},{word}\n" for word in [*words, "2"])
    source = read(tmp_path, text)
    assert source.frame["value"].to_list() == [None] * len(words) + [2.0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n \n\n", "is empty"),
        (b"user_id,item_id,event,timestamp\n", "a header and no row"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (gzip.compress(table().encode() * 99, mtime=0)[:-20], "cannot be unpacked"),
        (gzip.compress(table().encode() * 99, mtime=0)[:60] + b"\xff" * 99, "cannot be unpacked"),
        (zstandard.compress(random.Random(0).randbytes(9_999))[:-20], "cannot be unpacked"),
        (b"PAR1" + b"\0" * 99, "not a whole Parquet file"),
        (b"PK\x03\x04" + b"\0" * 99, "is not a text"),
        (b'[{"user_id": 1}]', "no item column"),
        (b"hello\nworld\n", "no item column"),
        (b"user_id,item_id,timestamp\nu,i,soon\nu,i,later\n", "holds no times"),
        (b"user_id,item_id\n,\n,\n", "no event that can be read"),
        (b'{"a": 1}\n{"a": 2}\n', "no item column"),
        (b"{\n{\n", "no JSON record"),
    ],
)
def test_a_file_without_events_is_one_clear_error(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        read(tmp_path, data)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_events(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match=r"there is no Parquet file in .*; name a file"):
        read_events(tmp_path)


@pytest.mark.parametrize(
    "text", ["user_id,item_id\nu,i\n", "u,i\n", "u\ti\tview\n", '{"user_id": "u", "item_id": "i"}']
)
def test_one_row(text: str, tmp_path: Path) -> None:
    source = read(tmp_path, text)
    assert events(source) == [("u", "i", "view", None)]


def test_one_user(tmp_path: Path) -> None:
    rows = [("me", f"i{n}", "view", T + 100 * n) for n in range(500)]
    source = read(tmp_path, table(rows=rows))
    kept = clean(source, now=NOW)
    assert (len(kept.events), len(kept.quarantine)) == (500, 0)


def test_a_headerless_row_that_ends_in_a_word_is_no_header(tmp_path: Path) -> None:
    assert len(read(tmp_path, "u1,i1,purchase\nu2,i2,view\n").frame) == 2


def test_blank_lines_before_the_header(tmp_path: Path) -> None:
    source = read(tmp_path, "\n\n" + table())
    assert events(source) == EVENTS
    assert [row[0] for row in rejected(source)] == [1, 2]
    assert source.frame["line"][0] == 4


def test_a_broken_first_line_leaves_json_lines_json_lines(tmp_path: Path) -> None:
    source = read(tmp_path, "###\n" + flat())
    assert events(source) == EVENTS
    assert rejected(source) == [(1, "not valid JSON", "###")]


def test_a_catalogue_given_as_a_log_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{n},Thing number {n},{n % 3}\n" for n in range(30))
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,price\n" + rows)
    with pytest.raises(
        DataError, match=r"items.csv looks like a catalogue: every row is another item_id, title"
    ):
        read_events(path)


def test_a_user_who_stands_for_everybody_is_noted(tmp_path: Path) -> None:
    rows = [("guest" if row % 3 == 0 else f"u{row % 7}", f"i{row % 9}", "view", T + row) for row in range(60)]
    source = read(tmp_path, table(rows=rows))
    assert "33% of the rows (20) are of the user 'guest'" in " ".join(source.notes)
