"""Catalogues and files of users: named columns whatever the file, ids as in the log."""

import json
from pathlib import Path

import polars as pl
import pytest
from tests.reading.logs import write

from tacit.core.errors import DataError
from tacit.reading.choices import Reading
from tacit.reading.read import read_items, read_users


def items(folder: Path, data: str | bytes, **options) -> pl.DataFrame:
    return read_items(write(folder, data, "items"), **options)


def test_csv_with_cells_over_several_lines(tmp_path: Path) -> None:
    text = 'item_id,title,description\n1,"Tent, green","two\nlines"\n2,Stove,\n\n3,"say ""hi""",x\n'
    assert items(tmp_path, text).rows() == [
        ("1", "Tent, green", "two\nlines"),
        ("2", "Stove", None),
        ("3", 'say "hi"', "x"),
    ]


def test_a_stray_quote_swallows_no_item(tmp_path: Path) -> None:
    text = 'item_id,title\n1,"19" rack\n2,Stove\n3,"a ""b"""\n4,"open\n5,Cup\n6,5" pipe\n7,19" rack\n'
    frame = items(tmp_path, text)
    assert frame["item_id"].to_list() == ["1", "2", "3", "4", "5", "6", "7"]
    assert frame["title"].to_list()[1:3] == ["Stove", 'a "b"']


def test_rows_too_short_or_too_long(tmp_path: Path) -> None:
    text = "item_id;title;price\n1;Tent\n2;Stove;5;more\n3;Cup;6\n4;Pot;7\n5;Pan;8\n"
    assert items(tmp_path, text).rows() == [
        ("1", "Tent", None),
        ("2", "Stove", 5.0),
        ("3", "Cup", 6.0),
        ("4", "Pot", 7.0),
        ("5", "Pan", 8.0),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese(encoding: str, tmp_path: Path) -> None:
    text = "商品编号,标题,简介\n甲,帐篷,双人\n乙,炉子,便携\n"
    frame = items(tmp_path, text.encode(encoding))
    assert frame.columns == ["item_id", "title", "description"]
    assert frame.rows() == [("甲", "帐篷", "双人"), ("乙", "炉子", "便携")]


def test_json_lines(tmp_path: Path) -> None:
    records = [{"sku": 7, "name": "Tent", "price": 1.50, "tags": ["a", "b"]}, {"sku": "8", "stock": {"n": 1}}]
    frame = items(tmp_path, "\n" + "\n".join(map(json.dumps, records)))
    assert frame.rows() == [("7", "Tent", 1.5, "a, b", None), ("8", None, None, None, '{"n": "1"}')]


def test_metarank_items(tmp_path: Path) -> None:
    record = {"event": "item", "item": "p", "fields": [{"name": "title", "value": "Tent"}]}
    assert items(tmp_path, json.dumps(record)).rows() == [("p", "Tent")]


def test_movielens_items_and_users(tmp_path: Path) -> None:
    flags = ["0"] * 19
    flags[1] = flags[16] = "1"
    frame = items(tmp_path, f"1|Toy Story (1995)|01-Jan-1995||http://x|{'|'.join(flags)}\n" * 2)
    assert frame.select("item_id", "title", "genres").rows() == [
        ("1", "Toy Story (1995)", "Action, Thriller")
    ]
    frame = items(tmp_path, "1::Amélie (2001)::Comedy|Romance\n".encode("latin-1"))
    assert frame.rows() == [("1", "Amélie (2001)", "Comedy|Romance")]
    users = read_users(write(tmp_path, "1::F::1::10::48067\n2::M::56::16::70072\n", "users.dat"))
    assert users.columns == ["user_id", "gender", "age", "occupation", "zip"]


def test_mind_news(tmp_path: Path) -> None:
    frame = items(tmp_path, 'N1\tnews\tlocal\tA title\tAn "abstract"\thttp://x\t[]\t[]\n' * 2)
    assert frame.select("item_id", "title", "description").rows() == [("N1", "A title", 'An "abstract"')]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pl.DataFrame(
        {"movieId": [1.0, 2.0, None], "title": ["a", "b", "c"], "in_stock": [True, False, True]}
    ).write_parquet(path)
    assert read_items(path).rows() == [("1", "a", True), ("2", "b", False)]


def test_ids_are_those_of_the_log(tmp_path: Path) -> None:
    frame = items(tmp_path, "item_id,title\n 007 ,a\ncafe\u0301,b\nNA,c\n,d\n007,again\n")
    assert frame.rows() == [("007", "a"), ("caf\u00e9", "b"), ("NA", "c")]


def test_known_columns_are_named_and_typed(tmp_path: Path) -> None:
    text = (
        "id,product name,summary,status,published_at,price\n"
        "1,Tent,warm,active,2023-11-14,$1,299.00\n".replace("$1,299.00", '"$1,299.00"')
        + "2,Stove,,Out of stock,2023-11-15,free\n3,Cup,,1,,\n"
    )
    frame = items(tmp_path, text)
    assert frame.columns == ["item_id", "title", "description", "available", "created_at", "price"]
    assert frame["available"].to_list() == [True, False, True]
    assert frame["created_at"].to_list() == [1_699_920_000, 1_700_006_400, None]
    assert frame["price"].to_list() == [1299.0, None, None]


def test_a_list_of_ids_alone(tmp_path: Path) -> None:
    assert read_users(write(tmp_path, "u1\nu2\n\nu1\n")).rows() == [("u1",), ("u2",)]
    assert read_users(write(tmp_path, "user_id\nu1\n")).rows() == [("u1",)]


def test_a_mapped_column(tmp_path: Path) -> None:
    frame = items(tmp_path, "item_id,code\n1,x\n2,y\n", reading=Reading(item_columns={"item": "code"}))
    assert frame.rows() == [("1", "x"), ("2", "y")]
    assert frame.columns == ["item_id_as_read", "item_id"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"item_id,title\n", "no row has an id"),
        (b"item_id,title\n,a\n", "no row has an id"),
        (b'{"item_id": 1}\n{', "not JSON lines to its end"),
        (b'{"a":' * 100_000, "not JSON lines to its end"),
        (b"PAR1xxxx", "not a whole Parquet file"),
        (b"\x1f\x8bxxxx", "cannot be unpacked"),
    ],
)
def test_a_file_without_a_table_is_one_clear_error(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        items(tmp_path, data)
