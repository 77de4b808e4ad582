"""Records of JSON lines: flat, nested, and what is none."""

import pytest

from tacit.reading.jsonlines import item_records, parse


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
            "g": '{"h": "1"}',
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
