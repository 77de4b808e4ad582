"""Nested records become flat rows: one event a product, whoever wrote them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tacit.reading.nested import entries_of, flat, rows
from tacit.reading.read import read_events


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"user": "u", "item": "i"}, [{"user": "u", "item": "i"}]),
        (
            {"event": "e", "properties": {"product_id": "p", "more": {"n": "1"}}},
            [{"event": "e", "properties.product_id": "p", "properties.more.n": "1"}],
        ),
        (
            {
                "event": "e",
                "properties": {"total": "9", "products": [{"product_id": "p"}, {"product_id": "q"}]},
            },
            [
                {"event": "e", "properties.total": "9", "properties.product_id": "p"},
                {"event": "e", "properties.total": "9", "properties.product_id": "q"},
            ],
        ),
        (
            {"user": "u", "price": "9", "line_items": [{"id": "1", "product_id": "p", "price": "3"}]},
            [{"user": "u", "price": "9", "id": "1", "product_id": "p", "line_items.price": "3"}],
        ),
        (
            {"session": "s", "events": [{"aid": "a", "type": "clicks"}, {"aid": "b", "type": "carts"}]},
            [{"session": "s", "aid": "a", "type": "clicks"}, {"session": "s", "aid": "b", "type": "carts"}],
        ),
        (
            {"user": "u", "visits": [{"time": "1", "items": [{"id": "a"}, {"id": "b"}]}]},
            [{"user": "u", "time": "1", "item_id": "a"}, {"user": "u", "time": "1", "item_id": "b"}],
        ),
        (
            {"event_params": [{"key": "page", "value": {"string_value": "x", "int_value": None}}]},
            [{"event_params.page": "x"}],
        ),
        (
            {"user": "u", "product_ids": ["a", "b"]},
            [{"user": "u", "item_id": "a"}, {"user": "u", "item_id": "b"}],
        ),
        ({"item_id": "a", "tags": ["x", "y"]}, [{"item_id": "a", "tags": "x, y"}]),
        ({"item_id": "a", "also": [{"item_id": "b"}]}, [{"item_id": "a", "also": '[{"item_id": "b"}]'}]),
        ({"id": "s1", "events": [{"id": "e1"}]}, [{"outer.id": "s1", "id": "e1"}]),
    ],
)
def test_rows_of_a_record(record: dict[str, Any], expected: list[dict[str, str]]) -> None:
    assert rows(record) == expected


def test_an_object_keyed_by_ids_and_a_deep_one_stay_texts() -> None:
    many = {f"u{n}": "1" for n in range(400)}
    assert list(flat({"a": many})) == ["a"]
    deep: dict[str, Any] = {"end": "1"}
    for _ in range(50):
        deep = {"in": deep}
    (name,) = flat(deep)
    assert name.count("in") == 6


def test_a_catalogue_in_one_object() -> None:
    assert entries_of({"status": "ok", "products": [{"id": "1"}]}) == [{"id": "1"}]
    assert entries_of({"id": "1", "images": [{"src": "x"}]}) == []


@pytest.mark.parametrize(
    "around",
    [
        {"count": 40},
        {"total": 1_000, "page": 1, "per_page": 40, "has_more": True},
        {"total_count": 40, "limit": 100, "offset": 0, "next_cursor": None},
    ],
)
def test_the_counts_of_an_envelope_are_no_values(around: dict, tmp_path: Path) -> None:
    events = [
        {
            "user_id": f"u{n % 7}",
            "item_id": f"i{n % 11}",
            "event": "view",
            "timestamp": 1_700_000_000 + 60 * n,
        }
        for n in range(40)
    ]
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({**around, "events": events}, indent=1))
    source = read_events(path)
    assert len(source.frame) == 40
    assert source.frame["value"].is_null().all()
    assert not set(around) & set(source.frame.columns)


def test_who_acts_may_stand_around_a_list() -> None:
    record = {"user_id": "5", "number": "A1", "items": [{"product_id": "p1"}, {"product_id": "p2"}]}
    assert [(row["user_id"], row["number"]) for row in rows(record)] == [("5", "A1")] * 2
