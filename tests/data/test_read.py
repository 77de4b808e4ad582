"""Logs of every dialect become the same events; what cannot be read is set aside line by line."""

import gzip
import json
import random
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.logs import HEADER, NOW, T, events, read, rejected, write

from tacit.core.errors import DataError
from tacit.data import textfile
from tacit.data.clean import Rules, clean
from tacit.data.read import Source, raw_lines, read_events, read_items, read_users

ROWS = [("u1", "i1", "view", T), ("u2", "商品2", "cart", T + 60), ("u1", "i3", "purchase", T + 120)] * 4
EVENTS = [(u, i, e, float(t)) for u, i, e, t in ROWS]


def table(separator: str = ",", header: bool = True, rows: list[tuple] = ROWS) -> str:
    lines = [separator.join(map(str, row)) for row in rows]
    names = [separator.join(HEADER.split(","))] if header else []
    return "\n".join([*names, *lines, ""])


def flat(rows: list[tuple] = ROWS) -> str:
    names = HEADER.split(",")
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)


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
    assert source.encoding == "latin-1"
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


def test_movielens_100k(tmp_path: Path) -> None:
    source = read(
        tmp_path, "196\t242\t3\t881250949\n186\t302\t3\t891717742\n22\t377\t1\t878887116\n", "u.data"
    )
    assert source.dialect == "MovieLens 100K"
    assert events(source)[0] == ("196", "242", "rating", 881250949.0)
    assert source.frame["value"].to_list() == [3, 3, 1]


def test_movielens_1m(tmp_path: Path) -> None:
    source = read(tmp_path, "1::1193::5::978300760\n1::661::3::978302109\n", "ratings.dat")
    assert source.dialect == "MovieLens 1M"
    assert events(source) == [("1", "1193", "rating", 978300760.0), ("1", "661", "rating", 978302109.0)]


def test_movielens_25m(tmp_path: Path) -> None:
    source = read(tmp_path, "userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n", "ratings.csv")
    assert source.dialect == "MovieLens 25M"
    assert (events(source), source.frame["value"].to_list()) == (
        [("1", "296", "rating", 1147880044.0)],
        [5.0],
    )


def test_recbole_atomic(tmp_path: Path) -> None:
    text = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t7\t4\t978300760\n"
    source = read(tmp_path, text, "ml.inter")
    assert source.dialect == "RecBole atomic"
    assert events(source) == [("1", "7", "rating", 978300760.0)]


def test_amazon_personalize(tmp_path: Path) -> None:
    source = read(tmp_path, "USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP\n7,B0,Watch,1500000000\n")
    assert source.dialect == "Amazon Personalize"
    assert events(source) == [("7", "B0", "Watch", 1.5e9)]


def test_google_analytics_4(tmp_path: Path) -> None:
    records = [
        {
            "event_name": "view_item",
            "user_pseudo_id": "1.2",
            "event_timestamp": 1_700_000_000_000_000,
            "items": [{"item_id": "A", "price": 5}],
        },
        {
            "event_name": "add_to_cart",
            "user_pseudo_id": "1.2",
            "event_timestamp": 1_700_000_001_500_000,
            "items": [{"item_id": "A"}, {"item_id": "B"}],
        },
        {"event_name": "session_start", "user_pseudo_id": "1.2", "event_timestamp": 1_700_000_002_000_000},
    ]
    source = read(tmp_path, "\n".join(map(json.dumps, records)), "ga4.jsonl")
    assert source.dialect == "Google Analytics 4"
    assert events(source) == [
        ("1.2", "A", "view", T),
        ("1.2", "A", "cart", T + 1.5),
        ("1.2", "B", "cart", T + 1.5),
    ]
    assert rejected(source) == [(3, "no item id", json.dumps(records[2]))]


def test_google_retail(tmp_path: Path) -> None:
    record = {
        "eventType": "detail-page-view",
        "visitorId": "v1",
        "eventTime": "2023-11-14T22:13:20Z",
        "productDetails": [{"product": {"id": "sku9"}}],
    }
    bought = {
        **record,
        "eventType": "purchase-complete",
        "productDetails": [{"product": {"id": "a"}, "quantity": 2}, {"product": {"id": "b"}}],
    }
    source = read(tmp_path, json.dumps(record) + "\n" + json.dumps(bought), "retail.jsonl")
    assert source.dialect == "Google retail"
    assert events(source) == [
        ("v1", "sku9", "view", T),
        ("v1", "a", "purchase", T),
        ("v1", "b", "purchase", T),
    ]


def test_metarank(tmp_path: Path) -> None:
    base = {"timestamp": str(T * 1000), "user": "u1", "session": "s1", "fields": []}
    records = [
        {"event": "item", "id": "1", "timestamp": base["timestamp"], "item": "p1", "fields": []},
        {"event": "ranking", "id": "2", **base, "items": [{"id": "p1"}, {"id": "p2"}]},
        {"event": "interaction", "id": "3", "ranking": "2", "type": "click", "item": "p2", **base},
    ]
    source = read(tmp_path, "\n".join(map(json.dumps, records)), "metarank.jsonl")
    assert source.dialect == "Metarank"
    assert events(source) == [
        ("u1", "p1", "impression", T),
        ("u1", "p2", "impression", T),
        ("u1", "p2", "click", T),
    ]
    assert [row[:2] for row in rejected(source)] == [(1, "a record of an item, not an event")]


def test_mind_behaviors(tmp_path: Path) -> None:
    text = "1\tU1\t11/14/2023 10:13:20 PM\tN9 N8\tN1-0 N2-1\n2\tU2\t11/14/2023 10:13:21 PM\t\tN3-0\n"
    source = read(tmp_path, text, "behaviors.tsv")
    assert source.dialect == "MIND behaviors"
    assert events(source) == [
        ("U1", "N1", "impression", T),
        ("U1", "N2", "click", T),
        ("U2", "N3", "impression", T + 1),
    ]
    assert source.frame["line"].to_list() == [1, 1, 2]


@pytest.mark.parametrize("header", ["user\titems\n", ""])
def test_browse_records_become_ordered_events(header: str, tmp_path: Path) -> None:
    source = read(tmp_path, header + "u1\tb,a,b\nu2\tc\nu1\td,e\n", "log.tsv")
    assert source.dialect == "browse records"
    mine = source.frame.filter(pl.col("user_id") == "u1").sort("seq")
    assert mine["item_id"].to_list() == ["b", "a", "b", "d", "e"]
    assert mine["seq"].is_unique().all()
    assert source.frame["event"].unique().to_list() == ["view"]
    assert source.rows_in == 6


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_browse_records_in_chinese_with_a_quoted_list(encoding: str, tmp_path: Path) -> None:
    source = read(
        tmp_path, '用户,商品\n张三,"手机,耳机,充电器"\n李四,"手机,电脑"\n'.encode(encoding), "浏览.csv"
    )
    assert source.frame["item_id"].to_list() == ["手机", "耳机", "充电器", "手机", "电脑"]
    assert source.frame["user_id"].to_list() == ["张三"] * 3 + ["李四"] * 2


def test_browse_records_with_an_empty_place_are_counted(tmp_path: Path) -> None:
    source = read(tmp_path, "u1\ta,,b\nu2\tc,d\n")
    assert source.frame["item_id"].to_list() == ["a", "b", "c", "d"]
    assert rejected(source) == [(1, "no item id", "u1\ta,,b")]
    assert source.rows_in == 5


def test_a_parquet_column_of_lists_is_a_browse_record(tmp_path: Path) -> None:
    path = tmp_path / "browse.parquet"
    pl.DataFrame({"user": ["u", "v"], "items": [[7, 8], [9]]}).write_parquet(path)
    assert read_events(path, mapping={"item": "items"}).frame["item_id"].to_list() == [
        "7",
        "8",
        "9",
    ]


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
    pl.DataFrame({"user_id": [7.0, float("nan"), 8.0], "item_id": [1e30, 2.0, 3.0]}).write_parquet(path)
    source = read_events(path)
    assert source.frame["user_id"].to_list() == ["7", "8"]
    assert rejected(source)[0][:2] == (2, "no user id")


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
    ("u1,i2,view,2023-11-14,1", "the time cannot be read"),
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
    source = read(tmp_path, "user_id,item_id\na,b\n", mapping={"user": "item_id", "item": "user_id"})
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
        (gzip.compress(b""), "is empty"),
        (gzip.compress(table().encode() * 99)[:-20], "cannot be unpacked"),
        (gzip.compress(table().encode() * 99)[:60] + b"\xff" * 99, "cannot be unpacked"),
        (zstandard.compress(random.Random(0).randbytes(9_999))[:-20], "cannot be unpacked"),
        (b"PAR1" + b"\0" * 99, "not a whole Parquet file"),
        (b"PK\x03\x04" + b"\0" * 99, "is not a text"),
        (b'[{"user_id": 1}]', "JSON array"),
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


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_events(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="is a folder"):
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


@pytest.mark.parametrize("sizes", [(1, 2), (7, 64), (64, 1_000)])
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
def test_the_result_does_not_depend_on_the_size_of_a_block(
    data: bytes, sizes: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(tmp_path, data)
    for size in sizes:
        monkeypatch.setattr(textfile, "_BLOCK", size)
        parts = read(tmp_path, data)
        assert parts.frame.equals(whole.frame)
        assert rejected(parts) == rejected(whole)
        assert raw_lines(parts, parts.frame["line"]).equals(raw_lines(whole, whole.frame["line"]))


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


@settings(max_examples=80, deadline=None)
@given(data=damaged(), block=st.sampled_from([16, 200, 2**20]))
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
        every = pl.concat([result.events["line"], result.quarantine["line"]])
        text = [line for part in textfile.blocks(source.path, source.encoding) for line in part.lines]
        header = set(range(1, len(text) + 1)) - set(every)
        assert len(header) <= 1
        assert every.is_unique().all()
        assert all(text[line - 1] == raw for line, raw in result.quarantine.select("line", "raw").rows())


@settings(max_examples=60, deadline=None)
@given(data=st.binary(min_size=1, max_size=400))
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


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(4, 600), at=st.integers(4, 600), blow=st.binary(max_size=8))
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
