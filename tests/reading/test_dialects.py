"""Logs as other projects and shops write them: each dialect with rows of its own kind."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.reading.logs import T, events, read, rejected, write

from tacit.core.errors import AmbiguousError
from tacit.reading.choices import Reading
from tacit.reading.read import read_events


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
    assert read_events(path, reading=Reading(columns={"item": "items"})).frame["item_id"].to_list() == [
        "7",
        "8",
        "9",
    ]


def test_times_of_impressions_are_read_by_the_choices_of_the_user(tmp_path: Path) -> None:
    lines = "".join(f"{n}\tU{n}\t2/3/2020 10:00:00 AM\tN1 N2\tN{n}-1 N4-0\n" for n in range(1, 4))
    path = write(tmp_path, lines, "behaviors.tsv")
    with pytest.raises(AmbiguousError, match=r"behaviors\.tsv"):
        read_events(path)
    source = read_events(path, reading=Reading(dates="mdy", timezone="Europe/Berlin"))
    assert set(source.frame["timestamp"]) == {datetime(2020, 2, 3, 9, tzinfo=UTC).timestamp()}
