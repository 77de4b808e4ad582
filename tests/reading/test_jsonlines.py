"""Records of JSON lines: flat, nested, and what is none."""

import json
from pathlib import Path

import polars as pl
import pytest
from tests.reading.logs import events, read, write

from tacit.core.errors import DataError
from tacit.reading import textfile
from tacit.reading.jsonlines import documents, item_records, layout_of, parse
from tacit.reading.textfile import Block


def test_cells_are_the_text_of_the_file() -> None:
    line = (
        '{"a": 12345678901234567890, "b": 1.10, "c": true, "d": null, "e": "007", '
        '"f": ["x", "y"], "g": {"h": 1}}'
    )
    frame, bad = parse([line], [5])
    assert len(bad) == 0
    assert frame.rows(named=True) == [
        {
            "a": "12345678901234567890",
            "b": "1.10",
            "c": "true",
            "d": None,
            "e": "007",
            "f": "x, y",
            "g.h": "1",
            "line": 5,
        }
    ]


def test_records_may_differ_in_their_keys() -> None:
    frame, _ = parse(['{"a": 1}', '{"b": "x", "a": 2}'], [1, 2])
    assert frame.rows() == [("1", None, 1), ("2", "x", 2)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "empty line"),
        ("  ", "empty line"),
        ("{", "not valid JSON"),
        ('{"a": 1} {"b": 2}', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("7", "not a JSON object"),
        ("NaN", "not a JSON object"),
        ('{"event": "item", "item": "p", "fields": []}', "a record of an item, not an event"),
        ('{"event": "user", "user": "u", "fields": []}', "a record of a user, not an event"),
        ('{"user_id": "\\ud800"}', "half of a surrogate pair, which is no text"),
        ('{"\\uDFFF": "u"}', "half of a surrogate pair, which is no text"),
    ],
)
def test_lines_that_hold_no_event(line: str, reason: str) -> None:
    frame, bad = parse([line, '{"user_id": "u"}'], [1, 2])
    assert frame["line"].to_list() == [2]
    assert bad.rows() == [(1, reason, line)]


@pytest.mark.fault(38)
def test_odd_numbers_and_keys() -> None:
    frame, bad = parse(
        [
            '{"v": NaN, "w": -Infinity}',
            '{"v": 1e400}',
            '{"v": 1, "v": 2}',
            '{"v": "\\ud83d\\ude00"}',
            '{"v": ' + "9" * 5_000 + "}",
            '{"line": 3}',
        ],
        range(1, 7),
    )
    assert frame["v"].to_list() == [None, "1e400", "2", "😀", "9" * 5_000, None]
    assert frame["line"].to_list() == [1, 2, 3, 4, 5, 6]
    assert len(bad) == 0


@pytest.mark.parametrize(
    "entry",
    ['{"item_id": "x"}', '{"id": "x"}', '{"itemId": "x"}', '{"sku": "x"}', '{"product": {"id": "x"}}', '"x"'],
)
def test_items_of_a_list_are_events_each(entry: str) -> None:
    frame, _ = parse([f'{{"user": "u", "items": [{entry}, {entry}]}}'], [1])
    assert frame.select("user", "item_id", "line").rows() == [("u", "x", 1)] * 2


def test_an_item_of_a_list_without_an_id_stays_a_row() -> None:
    frame, _ = parse(['{"user": "u", "items": [{"price": 5}, {"id": null}, 7]}'], [1])
    assert frame["item_id"].to_list() == [None, None, "7"]


def test_an_empty_list_leaves_one_row_without_an_item() -> None:
    frame, _ = parse(['{"user": "u", "items": []}'], [1])
    assert frame.rows() == [("u", 1)]


def test_catalogue_records() -> None:
    lines = [
        '{"item_id": 7, "title": "Tent", "tags": ["a", "b"]}',
        "",
        '{"event": "item", "item": "p", "fields": [{"name": "title", "value": "Stove"}, {"value": 1}]}',
    ]
    assert item_records(lines) == [
        {"item_id": "7", "title": "Tent", "tags": "a, b"},
        {"item_id": "p", "title": "Stove"},
    ]


RECORDS = [{"user_id": f"u{n % 7}", "item_id": f"i{n % 5}", "note": 'a "}{,[' * (n % 3)} for n in range(40)]
DOCUMENTS = {
    "array": json.dumps(RECORDS),
    "indented": json.dumps(RECORDS, indent=2),
    "flush": json.dumps(RECORDS, indent=0),
    "a record a line": "[\n" + ",\n".join(map(json.dumps, RECORDS)) + "\n]\n",
    "commas first": "[" + "\n,".join(map(json.dumps, RECORDS)) + "]",
    "printed objects": "\n".join(json.dumps(record, indent=4) for record in RECORDS),
}


@pytest.mark.parametrize("size", [1, 7, 100, 2**20])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(name: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DOCUMENTS[name]
    assert layout_of(text.split("\n")) == "document"
    monkeypatch.setattr(textfile, "_BLOCK", size)
    parts = list(documents(textfile.blocks(write(tmp_path, text), "utf-8")))
    frame, bad = parse(pl.concat([part.text for part in parts]), pl.concat([part.line for part in parts]))
    assert len(bad) == 0
    assert frame.drop("line").rows(named=True) == RECORDS
    lines = text.split("\n")
    for number in frame["line"] if len(lines) > len(RECORDS) else ():
        assert "{" in lines[number - 1]
    assert frame["line"].is_unique().all()
    assert sum(part.size for part in parts) <= len(text)


def test_a_broken_record_of_an_array_is_rejected_alone() -> None:
    lines = ["[", '{"a": "1"},', '{"a": "2", "b', '{"a": "3"},', '{"a": "4"}', "]"]
    (part,) = documents([Block(1, pl.Series(lines), frozenset(), 1)])
    frame, bad = parse(part.text, part.line)
    assert frame.rows() == [("1", 2), ("3", 4), ("4", 5)]
    assert bad.rows() == [(3, "not valid JSON", '{"a": "2", "b')]


@pytest.mark.parametrize(
    ("lines", "layout"),
    [
        (['{"a": 1}', '{"a": 2}'], "lines"),
        (["###", '{"a": 1}', '{"a": 2}'], "lines"),
        (['[{"a": 1}, {"a": 2}]', '{"a": 2}'], "lines"),
        (['[{"a": 1}]'], "document"),
        (["{", '"a": 1', "}"], "document"),
        (['{"events": [', '{"a": 1},'], "document"),
        (["[a],[b]", "[1],[2]"], None),
        (["{1},{2}", "{3},{4}", "x", "y"], None),
        (["user,item", "1,2"], None),
        ([""], None),
    ],
)
def test_the_layout_of_json(lines: list[str], layout: str | None) -> None:
    assert layout_of(lines) == layout


def test_the_entries_of_an_array_on_a_line_are_records() -> None:
    frame, bad = parse(['{"a": 1}', '[{"a": 2}, 7, {"a": 3}]'], [1, 2])
    assert frame.rows() == [("1", 1), ("2", 2), ("3", 2)]
    assert bad["reason"].to_list() == ["not a JSON object"]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_catalogue_in_an_array_or_in_an_object(indent: int | None) -> None:
    products = [{"id": n, "title": f"T{n}", "price": {"amount": "5"}} for n in range(3)]
    expected = [{"id": str(n), "title": f"T{n}", "price.amount": "5"} for n in range(3)]
    for value in (products, {"products": products, "page": 1}):
        assert item_records(json.dumps(value, indent=indent).split("\n")) == expected


def test_lines_with_damaged_bytes_are_rejected() -> None:
    frame, bad = parse(['{"a": "x"}', '{"a": "\ufffd"}'], [1, 2], {2})
    assert (frame["a"].to_list(), bad["reason"].to_list()) == (["x"], ["bytes that do not fit the encoding"])


def test_a_number_is_one_id_with_a_point_or_without(tmp_path: Path) -> None:
    lines = [
        '{"user_id": 7, "item_id": 4.0}',
        '{"user_id": 7.0, "item_id": 4}',
        '{"user_id": "8", "item_id": 4}',
    ]
    source = read(tmp_path, "\n".join(lines * 20) + "\n", "log.jsonl")
    assert {event[:2] for event in events(source)} == {("7", "4"), ("8", "4")}


@pytest.mark.parametrize(
    "table",
    [
        {"user_id": {"0": "a", "1": "b"}, "item_id": {"0": "x", "1": "y"}},
        {"user_id": ["a", "b"], "item_id": ["x", "y"]},
    ],
)
def test_a_table_by_columns_is_refused_with_what_to_write(tmp_path: Path, table: dict) -> None:
    with pytest.raises(DataError, match="columns and no records: write it with orient='records'"):
        read(tmp_path, json.dumps(table), "log.json")
