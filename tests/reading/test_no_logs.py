"""Files that are no logs, or logs with rows that are no events, are refused with what to do."""

import json
from pathlib import Path

import polars as pl
import pytest

from tacit.core.errors import AmbiguousError, DataError
from tacit.reading.choices import Reading
from tacit.reading.read import read_events

ROWS = 60
NUMBERS = range(ROWS)


def written(tmp_path: Path, text: str | bytes, name: str = "log.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def log(header: str, *cells: list[str]) -> str:
    return "\n".join([header, *(",".join(row) for row in zip(*cells, strict=True))]) + "\n"


USERS = [f"u{n * 7 % 23}" for n in NUMBERS]
TIMES = [f"2024-03-{1 + n % 28:02d} 10:{n:02d}:00" for n in NUMBERS]


@pytest.mark.parametrize(
    "form",
    ["{0}|{1}|{2}", "{0};{1};{2}", '"{0}, {1}"', '"[""p{0}"", ""p{1}""]"'],
    ids=["pipe", "semi", "comma", "json"],
)
def test_lists_of_items_are_refused(tmp_path: Path, form: str) -> None:
    lists = [form.format(n % 9, (n + 2) % 9, (n + 5) % 9) for n in NUMBERS]
    with pytest.raises(DataError, match=r"items holds lists .*; write one row per item"):
        read_events(written(tmp_path, log("customer,date,items", USERS, TIMES, lists)))


def test_a_list_column_of_parquet_is_refused(tmp_path: Path) -> None:
    lists = [[n % 9, (n + 2) % 9] for n in NUMBERS]
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user": USERS, "items": lists, "ts": TIMES}).write_parquet(path)
    with pytest.raises(DataError, match="write one row per item"):
        read_events(path)


def test_ids_of_several_parts_are_no_lists(tmp_path: Path) -> None:
    ids = [f"s{n % 3}|a{n * 5 % 17}" for n in NUMBERS]
    source = read_events(written(tmp_path, log("user,item,ts", USERS, ids, TIMES)))
    assert sorted(source.frame["item_id"].unique()) == sorted(set(ids))


def test_ids_that_a_spreadsheet_rounded_are_refused(tmp_path: Path) -> None:
    ids = [f"400638133{n % 17:04d}" if n % 3 else "4.00638E+12" for n in NUMBERS]
    with pytest.raises(DataError, match=r"ean holds ids that a spreadsheet has rounded \(4.00638E\+12\)"):
        read_events(written(tmp_path, log("user,ean,ts", USERS, ids, TIMES)))


@pytest.mark.parametrize("text", ['[[1, 10, "2024-01-01"], [2, 11, "2024-01-02"]]', "[1, 10]\n[2, 11]\n"])
def test_json_lists_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"log.json holds JSON lists without names; write each event as"):
        read_events(written(tmp_path, text, "log.json"))


@pytest.mark.parametrize("text", ["[]", "null", '"hello"', "{}", "[{}]"])
def test_json_without_a_record_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"log.json holds JSON without a record"):
        read_events(written(tmp_path, text, "log.json"))


def test_json_with_records_is_read(tmp_path: Path) -> None:
    records = [{"user": "a", "item": "x"}, {"user": "b", "item": "y"}]
    assert len(read_events(written(tmp_path, json.dumps(records), "log.json")).frame) == 2


INSERT = "INSERT INTO events VALUES (25,0,'2024-01-07 19:33:56','view');\n"
LETTER = "Dear colleague,\nplease find the export attached, as discussed.\nBest, Ann\n"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (INSERT * 20, "a dump of a database"),
        (f"-- MySQL dump\n{INSERT}", "a dump of a database"),
        (LETTER, "a text to read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(200)), "an image"),
        (bytes(n * 167 % 251 + 1 for n in range(4_000)), "binary"),
    ],
    ids=["inserts", "dump", "letter", "image", "bytes"],
)
def test_other_files_are_named(tmp_path: Path, content: str | bytes, kind: str) -> None:
    with pytest.raises(DataError, match=f"log.csv is not .* {kind}"):
        read_events(written(tmp_path, content))


def test_what_is_wrong_with_a_header_is_said_with_the_path(tmp_path: Path) -> None:
    lines = [f"{'U' + str(n % 7):<8}{'P' + str(n % 11):<10}2024-01-{1 + n % 28:02d}" for n in NUMBERS]
    path = written(tmp_path, "\n".join([f"{'user':<8}{'item':<10}date", *lines]), "fixed-width.txt")
    with pytest.raises(DataError, match=r"fixed-width.txt: the header"):
        read_events(path)


def test_a_second_header_in_another_order_is_refused(tmp_path: Path) -> None:
    text = log("user,item,ts", USERS, [f"p{n % 17}" for n in NUMBERS], TIMES)
    other = log("item,user,ts", [f"p{n % 17}" for n in NUMBERS], USERS, TIMES)
    with pytest.raises(DataError, match=r"log.csv: line 62 is a second header"):
        read_events(written(tmp_path, text + other))


@pytest.mark.parametrize("word", ["Grand Total", "合计", "Summe", "Total général", "sum"])
def test_a_line_of_totals_is_rejected(tmp_path: Path, word: str) -> None:
    text = log("Customer,Product,Date,Qty", USERS, [f"p{n % 17}" for n in NUMBERS], TIMES, ["1"] * ROWS)
    source = read_events(written(tmp_path, f"{text}{word},All products,2024-08-01,400\n"))
    assert source.rejected["reason"].to_list() == ["a line of totals and no event"]
    assert len(source.frame) == ROWS


def test_an_item_may_be_called_total(tmp_path: Path) -> None:
    items = ["Total" if n % 5 == 0 else f"Cereal {n % 13}" for n in NUMBERS]
    source = read_events(written(tmp_path, log("user,product,ts", USERS, items, TIMES)))
    assert len(source.rejected) == 0


def test_the_id_that_decides_the_title_is_the_item(tmp_path: Path) -> None:
    numbers = [n * 11 % 29 for n in NUMBERS]
    text = log(
        "user_id,ref,product,ts",
        USERS,
        [f"c{n}" for n in numbers],
        [f"Red Shirt {'ABCDE'[n % 5]}" for n in numbers],
        TIMES,
    )
    assert read_events(written(tmp_path, text)).mapping["item"] == "ref"


def test_a_title_that_goes_its_own_way_beside_an_id_is_asked_about(tmp_path: Path) -> None:
    ids = [f"B{n * 11 % 29:04d}" for n in NUMBERS]
    titles = [["红楼梦", "西游记", "水浒传", "三国演义"][n * n % 7 % 4] for n in NUMBERS]
    path = written(tmp_path, log("读者证号,馆藏编号,书名,借阅日期", USERS, ids, titles, TIMES))
    with pytest.raises(AmbiguousError, match=r"--map 馆藏编号=item .*--map 书名=item"):
        read_events(path)
    assert read_events(path, reading=Reading(columns={"item": "书名"})).mapping["item"] == "书名"
