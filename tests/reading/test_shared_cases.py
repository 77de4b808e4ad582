"""Small inputs that are easily read wrongly: those of ../shared/cases, and others of their kinds."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import SHARED_DATA
from tests.reading.known import (
    ANY,
    T0,
    Row,
    assert_reads,
    assert_roles,
    assert_times,
    assert_words,
    delimited,
    read,
    save,
    say_no,
    visits,
)

from tacit.data.event_names import is_rated
from tacit.reading.choices import Reading
from tacit.reading.read import read_items

CASES = SHARED_DATA.parent / "cases"
DAY = 86_400
STEP = 1_020
"""Seconds between the rows of most of the cases."""


@pytest.fixture
def case() -> Callable[[str], Path]:
    """A function from the name of a case to its file; the test is skipped where the cases are absent."""
    if not CASES.is_dir():
        pytest.skip(f"the shared cases are not found at {CASES}")
    return CASES.joinpath


def moment(at: float | None) -> datetime:
    """Return a moment of Unix seconds."""
    return datetime.fromtimestamp(at or 0, UTC)


# Layouts


SEPARATORS = {
    "08_bookcrossing.csv": ";", "17_foursquare.txt": "\t", "26_woocommerce.csv": ";",
    "28_moviTweetings.dat": "::",
}  # fmt: skip
NO_HEADER = (
    "10_steam200k.csv", "11_taobao.csv", "13_yoochoose.dat", "17_foursquare.txt",
    "19_amazon_ratings_only.csv", "28_moviTweetings.dat",
)  # fmt: skip
FRACTIONS = {"13_yoochoose.dat": 0.351, "16_kuairec.csv": 0.325}
NOT_RATED = ("07_goodreads.csv", "08_bookcrossing.csv", "09_anime.csv")
"""Logs in which 0 or -1 means that nothing was rated."""

WHOLE_DAYS = ("27_snake_customer.csv", "32_netflix_like.csv")
LAYOUTS = (
    "01_online_retail.csv", "03_instacart.csv", "04_rees46.csv", "07_goodreads.csv",
    "08_bookcrossing.csv", "09_anime.csv", "10_steam200k.csv", "11_taobao.csv", "13_yoochoose.dat",
    "14_dunnhumby.csv", "15_olist.csv", "16_kuairec.csv", "17_foursquare.txt",
    "19_amazon_ratings_only.csv", "21_pandas_index_ml.csv", "22_unnamed_index_ml.csv",
    "25_gorse_feedback.csv", "26_woocommerce.csv", "27_snake_customer.csv", "28_moviTweetings.dat",
    "29_jester.csv", "32_netflix_like.csv",
)  # fmt: skip


def cells_of(path: Path) -> list[list[str]]:
    """Return the cells of a delimited file, by Python's own reader."""
    text, separator = path.read_text("utf-8"), SEPARATORS.get(path.name, ",")
    if len(separator) > 1:
        return [line.split(separator) for line in text.splitlines()]
    return list(csv.reader(io.StringIO(text), delimiter=separator))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_public_layout_of_the_cases(name: str, case: Callable[[str], Path]) -> None:
    path = case("layouts") / name
    want = json.loads(case("layouts/want.json").read_text("utf-8"))[name]
    rows = cells_of(path)
    header = [str(place + 1) for place in range(len(rows[0]))] if name in NO_HEADER else rows.pop(0)
    log = read(path)
    events = log.events.sort("line", maintain_order=True)
    assert_roles(log, want)
    assert len(events) == len(rows) == 600, log.reasons
    for role, column in (("user", "user_id"), ("item", "item_id")):
        place = header.index(want[role].split("|")[0])
        assert events[column].to_list() == [row[place] for row in rows]
    moments = [T0 + STEP * number + FRACTIONS.get(name, 0) for number in range(600)]
    if name in WHOLE_DAYS:
        moments = [at // DAY * DAY for at in moments]
    assert_times(events, moments if "timestamp" in want else [None] * 600, 0.002)
    if "event" in want:
        place = header.index(want["event"])
        assert_words(events["event"].to_list(), [row[place] for row in rows])
    else:
        assert events["event"].n_unique() == 1 or "value" in want
    if "value" in want:
        place = header.index(want["value"])
        for value, row in zip(events["value"], rows, strict=True):
            unrated = name in NOT_RATED and float(row[place]) <= 0
            assert value == float(row[place]) or (unrated and value is None)


def test_every_layout_of_the_cases_is_tested(case: Callable[[str], Path]) -> None:
    assert sorted(json.loads(case("layouts/want.json").read_text("utf-8"))) == sorted(LAYOUTS)


# Times


@pytest.mark.parametrize(("name", "rows"), [("A_dmy_sorted.csv", 2700), ("A2_dmy_100_a_day.csv", 3100)])
def test_day_before_month_in_the_cases(name: str, rows: int, case: Callable[[str], Path]) -> None:
    events = read(case("times") / name).events
    assert len(events) == rows
    first, last = (
        datetime.fromtimestamp(at, UTC) for at in (events["timestamp"].min(), events["timestamp"].max())
    )
    assert (first.year, first.month, first.day) == (2024, 3, 1)
    assert (last.year, last.month, last.day) == (2024, 3, 31)


def test_empty_last_columns_in_the_cases(case: Callable[[str], Path]) -> None:
    log = read(case("times/B_trailing_empty.csv"))
    assert_roles(log, {"user": "user_id", "item": "item_id", "event": "event", "timestamp": "timestamp"})
    assert dict(log.events["event"].value_counts().iter_rows()) == {"view": 600, "cart": 200, "purchase": 100}


def test_the_index_of_pandas_in_the_cases(case: Callable[[str], Path]) -> None:
    log = read(case("times/B3_pandas_index_ratings.csv"))
    assert (log.events["user_id"].n_unique(), log.events["item_id"].n_unique()) == (40, 60)
    assert is_rated(log.events["event"][0])
    assert [use.role for use in log.columns[:1]] == [None]
    assert log.columns[0].note


def test_offsets_and_fractions_in_some_rows_of_the_cases(case: Callable[[str], Path]) -> None:
    start = 1_729_382_400  # 20 October 2024
    for name, fraction in (("E_mixed_offset.csv", 0.0), ("F_mixed_fraction.csv", 0.25)):
        events = read(case("times") / name).events
        written = [line.split(",")[3] for line in case(f"times/{name}").read_text().splitlines()[1:]]
        assert events["user_id"].n_unique() == 20
        wanted = [
            start + 1800 * number + (fraction if ".250" in text else 0) for number, text in enumerate(written)
        ]
        assert_times(events, wanted, 0.002)


@pytest.mark.parametrize(("letter", "rule"), [("G_float_ids", "trim-float"), ("H_case", "fold-case")])
def test_ids_of_the_cases_meet_on_request_only(letter: str, rule: str, case: Callable[[str], Path]) -> None:
    log, items = case(f"times/{letter}.csv"), case(f"times/{letter[0]}_items.csv")
    known = set(read_items(items)["item_id"])
    assert not set(read(log).events["item_id"]) & known
    reading = Reading(ids=(rule,))  # type: ignore[arg-type]
    events = read(log, reading).events
    assert len(events) == 400
    assert set(events["item_id"]) <= set(read_items(items, reading=reading)["item_id"])


def test_order_lines_of_the_cases(case: Callable[[str], Path]) -> None:
    log = read(case("times/I_order_lines.csv"))
    assert_roles(log, {"user": "user_id", "item": "product_id", "timestamp": "created_at"})
    assert len(log.events) == 400
    assert not any(map(is_rated, log.events["event"].unique()))


def test_a_session_beside_a_user_in_the_cases(case: Callable[[str], Path]) -> None:
    log = read(case("times/J_session_and_user.csv"))
    assert_roles(log, {"user": "user_id", "item": "item_id"})
    assert log.events["user_id"].to_list()[:3] == ["u0", "u1", "u2"]
    assert log.events["session_id"].to_list()[:3] == ["s0", "s1", "s2"]


# CSV


def small(count: int = 8, item: str = "i{}", event: str | None = "view") -> list[Row]:
    """Return the rows that most of the small cases hold: four users, five items, one row a day at 10:00."""
    return [
        Row(f"u{number % 4}", item.format(number % 5), event, T0 + 36_000 + number * DAY)
        for number in range(count)
    ]


def timed(rows: list[Row], at: Callable[[int], float]) -> list[Row]:
    """Return rows with other times."""
    return [row._replace(at=at(number)) for number, row in enumerate(rows)]


def valued(rows: list[Row], value: Callable[[int], float]) -> list[Row]:
    """Return rows with values."""
    return [row._replace(value=value(number)) for number, row in enumerate(rows)]


def a_second_later_each(rows: list[Row]) -> list[Row]:
    return timed(rows, lambda number: T0 + 36_000 + number * (DAY + 1))


MARCH_13 = T0 + 12 * DAY
SMALL = {
    "01_quoted_newline": small(6),
    "06_decimal_comma": valued(small(event=None), lambda number: 0.5 + number % 5),
    "07_thousands": valued(small(event="purchase"), lambda number: 1034.5 + 100 * number),
    "08_excel_serial": timed(small(), lambda number: T0 - 2 * DAY + DAY * number + 6 * 3600),
    "11_two_digit_year": timed(small(), lambda number: MARCH_13 + 36_000 + DAY * number),
    "12_us_nosec": timed(small(event="purchase"), lambda number: MARCH_13 + 30_360 + DAY * number),
    "13_eu_nosec": timed(small(event="purchase"), lambda number: MARCH_13 + 30_360 + DAY * number),
    "17_trailing_empty": a_second_later_each(small()),
    "18_trailing_sep_rows_only": a_second_later_each(small()),
    "23_sep_line": a_second_later_each(small()),
    "24_comment_preamble": a_second_later_each(small()),
    "25_space_after_comma_quotes": small(item="i,{}"),
    "26_backslash_quote": a_second_later_each(small(6)),
    "27_rfc2822": timed(small(6), lambda number: MARCH_13 + 36_000 + DAY * number),
    "32_cp1252_ids": small(item="café €{}"),
    "35_mixed_s_ms": timed(small(9), lambda number: 1_709_280_000 + DAY * number),
    "42_float_ids": [row._replace(user=row.user[1:] + ".0", item=row.item[1:] + ".0") for row in small()],
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_small_csv_of_the_cases(name: str, case: Callable[[str], Path]) -> None:
    rows = SMALL[name]
    if name == "32_cp1252_ids":
        ids = [line.split(",")[1] for line in case(f"csv/{name}.csv").read_text("cp1252").splitlines()[1:]]
        rows = [row._replace(item=item) for row, item in zip(rows, ids, strict=True)]
        assert "\N{RIGHT SINGLE QUOTATION MARK}" in ids[0] or "€" in ids[0]
    assert_reads(case(f"csv/{name}.csv"), rows)


def long_rows(count: int = 600, event: str | None = "view", users: int = 50, items: int = 60) -> list[Row]:
    """Return the rows that the long cases hold, 17 minutes apart."""
    return [
        Row(f"u{number % users}", f"i{number * 7 % items}", event, T0 + STEP * number)
        for number in range(count)
    ]


def cells(path: Path, column: int, separator: str = ",") -> list[str]:
    """Return a column of a file, which may have a line break only in its last column."""
    return [row[column] for row in csv.reader(io.StringIO(path.read_text("utf-8")), delimiter=separator)]


@pytest.mark.parametrize(
    ("name", "user", "item", "header"),
    [
        ("10_header_de", 0, 1, True),
        ("10_header_es", 0, 1, True),
        ("10_header_snake", 0, 1, True),
        ("20_noheader_const", 1, 2, False),
        ("21_noheader_item_first", 1, 0, False),
        ("01_newlines_5pct", 0, 1, True),
        ("24_two_times", 0, 1, True),
        ("22_price", 0, 1, True),
    ],
)
def test_a_long_csv_of_the_cases(
    name: str, user: int, item: int, header: bool, case: Callable[[str], Path]
) -> None:
    path = case(f"csv/{name}.csv")
    separator = ";" if name.startswith("10_") else ","
    users, items = (cells(path, place, separator)[int(header) :] for place in (user, item))
    event = "view" if name.startswith(("01", "10", "20")) else None
    rows = [
        Row(one, thing, event, T0 + STEP * number, ANY)
        for number, (one, thing) in enumerate(zip(users, items, strict=True))
    ]
    assert len(rows) == 600
    assert_reads(path, rows, rated=False)


def test_ragged_rows_of_the_cases(case: Callable[[str], Path]) -> None:
    log = read(case("csv/05_ragged.csv"))
    whole = [row for row in log.events.select("user_id", "item_id").rows() if row != ("u1", "i1")]
    assert whole == [("u0", "i0"), ("u2", "i2"), ("u3", "i3")]
    assert log.rows_in == 5
    assert "u1,i1" in log.quarantine["raw"].to_list()


def test_refunds_of_the_cases_are_no_purchases(case: Callable[[str], Path]) -> None:
    path = case("csv/25_refunds.csv")
    log, quantities = read(path), list(map(float, cells(path, 3)[1:]))
    assert log.rows_in == len(log.events) == len(quantities) == 600
    no = say_no(log.events.sort("line"))  # of purchases, those that a refund undoes
    assert all(one for one, number in zip(no, quantities, strict=True) if number < 0)
    assert sum(no) <= 2 * sum(number < 0 for number in quantities)


def test_counts_and_quantities_of_the_cases_are_no_ratings(case: Callable[[str], Path]) -> None:
    pairs = [("u1", "i1"), ("u1", "i2"), ("u2", "i1"), ("u2", "i3")]
    assert_reads(case("csv/28_counts.csv"), [Row(*pair, value=ANY) for pair in pairs], rated=False)
    rows = [Row(*pair, at=T0 + 100 * number, value=ANY) for number, pair in enumerate(pairs[:3])]
    assert_reads(case("csv/29_quantity.csv"), rows, rated=False)


# JSON


def test_nested_events_of_the_cases(case: Callable[[str], Path]) -> None:
    rows = [
        Row(f"{number % 5}.77", f"SKU{number % 7}", "view_item", T0 + 60 * number, ANY)
        for number in range(60)
    ]
    assert_reads(case("json/03_nested_ga4.jsonl"), rows)
    rows = [
        Row(f"u{number % 5}", f"p{number % 7}", "Product Viewed", T0 + 36_000 + DAY * number, ANY)
        for number in range(60)
    ]
    lines = case("json/04_segment.jsonl").read_text("utf-8").splitlines()
    moments = [datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp() for line in lines]
    assert_reads(case("json/04_segment.jsonl"), timed(rows, lambda number: moments[number]))


def test_odd_json_of_the_cases(case: Callable[[str], Path]) -> None:
    log = read(case("json/05_ndjson_with_array_line.jsonl"))
    assert (len(log.events), log.rows_in) == (20, 20 + len(log.quarantine))
    log = read(case("json/07_keys_vary.jsonl"))
    lines = list(map(json.loads, case("json/07_keys_vary.jsonl").read_text("utf-8").splitlines()))
    assert log.events["user_id"].to_list() == [line["user_id"] for line in lines]
    named = [
        (line["event"], event)
        for line, event in zip(lines, log.events["event"], strict=True)
        if "event" in line
    ]
    assert all(one == other for one, other in named)
    rows = [Row("u1", f"i{number}", None, T0 + number) for number in range(5)]
    assert_reads(case("json/13_array.json"), rows)


# Catalogues


def test_catalogues_of_the_cases(case: Callable[[str], Path]) -> None:
    table = read_items(case("items/01_newline_title.csv"))
    assert table["item_id"].to_list() == ["i0", "i1", "i2"]
    assert table["description"][0] == 'Bright.\nWith a "soft" switch'
    assert table["title"].to_list() == ["A lamp", "Chair", "Table, oak"]
    table = read_items(case("items/02_cp1252.csv"))
    assert table["title"].to_list() == ["Don’t panic – the guide", "Café “Noir”", "€ 5 mug"]
    table = read_items(case("items/05_empty_titles.csv"))
    assert table["title"].to_list() == [None] * 5
    table = read_items(case("items/07_id_second.csv"))
    assert table.select("item_id", "title").rows() == [("i0", "Lamp"), ("i1", "Chair")]
    table = read_items(case("items/09_shiftjis.csv"))
    assert table["title"].to_list() == ["ワイヤレスイヤホン", "海辺のカフカ", "空"]


# The same kinds, always there


def test_a_column_of_numbers_without_a_name_is_an_index(tmp_path: Path) -> None:
    seen = visits()
    for name in ("", "Unnamed: 0", "index"):
        text = delimited(
            (
                [visit.number, f"{visit.user:04}", 700 + visit.item, 1 + visit.number % 5, visit.at]
                for visit in seen
            ),
            header=(name, "reader", "novel_no", "stars", "finished_at"),
        )
        rows = [
            Row(f"{visit.user:04}", str(700 + visit.item), None, visit.at, 1 + visit.number % 5)
            for visit in seen
        ]
        assert_reads(save(tmp_path, "log.csv", text), rows, rated=True)


def test_day_before_month_is_seen_in_the_whole_column(tmp_path: Path) -> None:
    """Only the last rows of a long log have a day above 12."""
    moments = [T0 + 290 * number for number in range(6000)]
    rows = [Row(f"u{at % 71}", f"i{at % 53}", "view", at) for at in moments]
    text = delimited(
        ([row.user, row.item, row.event, moment(row.at).strftime("%d/%m/%Y %H:%M:%S")] for row in rows),
        header=("member", "film", "action", "seen_on"),
    )
    assert_reads(save(tmp_path, "log.csv", text), rows)


def test_empty_columns_are_dropped(tmp_path: Path) -> None:
    seen = visits()
    lines = [
        [
            f"c{visit.user}",
            f"g{visit.item}",
            "view",
            moment(visit.at).isoformat(),
            "",
            "",
        ]
        for visit in seen
    ]
    rows = [Row(f"c{visit.user}", f"g{visit.item}", "view", visit.at) for visit in seen]
    header = ("customer", "good", "what_happened", "moment", "", "")
    assert_reads(save(tmp_path, "log.csv", delimited(lines, header=header)), rows)
    assert_reads(save(tmp_path, "log2.csv", delimited(lines, header=header[:4])), rows)


TIME_FORMS: dict[str, Callable[[datetime], str]] = {
    "excel": lambda at: f"{at.month}/{at.day}/{at.year} {at.hour}:{at.minute:02}",
    "serial": lambda at: f"{(at - datetime(1899, 12, 30, tzinfo=UTC)).total_seconds() / DAY:.8f}",
    "short year": lambda at: at.strftime("%d/%m/%y %H:%M"),
    "rfc 2822": format_datetime,
    "digits": lambda at: at.strftime("%Y%m%d%H%M%S"),
    "seconds or milliseconds": lambda at: str(int(at.timestamp()) * (1000 if at.minute % 2 else 1)),
    "some offsets": lambda at: at.isoformat() if at.minute % 2 else at.strftime("%Y-%m-%dT%H:%M:%S"),
    "some fractions": lambda at: at.strftime("%Y-%m-%dT%H:%M:%S") + (".000Z" if at.minute % 2 else "Z"),
}


@pytest.mark.parametrize("form", TIME_FORMS)
def test_a_form_of_times(form: str, tmp_path: Path) -> None:
    rows = [
        Row(f"k{visit.user}", f"w{visit.item}", "buy", visit.at // 60 * 60) for visit in visits(step=20_000)
    ]
    lines = [[row.user, row.item, row.event, TIME_FORMS[form](moment(row.at))] for row in rows]
    text = delimited(lines, header=("buyer_code", "sku_code", "act", "bought_at"))
    assert_reads(save(tmp_path, "log.csv", text), rows, tolerance=0.6)


DIALECTS: dict[str, Callable[[list[list[str]]], str]] = {
    "sep line": lambda lines: "sep=;\n" + delimited(lines, ";"),
    "comments": lambda lines: "# export of the shop\n#\n" + delimited(lines),
    "blank before quotes": lambda lines: "".join(
        ", ".join(f'"{cell}"' for cell in line) + "\n" for line in lines
    ),
    "separator after the last cell": lambda lines: "".join(",".join([*line, ""]) + "\n" for line in lines),
    "backslash quotes": lambda lines: "".join(
        ",".join([*line, '"a \\"b\\", c"' if number else "note"]) + "\n" for number, line in enumerate(lines)
    ),
    "line breaks in quotes": lambda lines: delimited(
        [*line, 'first\nu9,i9,purchase,"2024-03-01"\n\n' if number else "note"]
        for number, line in enumerate(lines)
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect(dialect: str, tmp_path: Path) -> None:
    rows = [Row(f"k{visit.user}", f"w{visit.item}", "buy", visit.at) for visit in visits()]
    lines = [["customer", "article_code", "activity", "moment"]]
    lines += [[row.user, row.item, str(row.event), f"{row.at:.0f}"] for row in rows]
    assert_reads(save(tmp_path, "log.csv", DIALECTS[dialect](lines)), rows)


def test_a_price_a_quantity_and_a_count_are_no_ratings(tmp_path: Path) -> None:
    seen = visits()
    for name, cell in (("unit_price", "{}.99"), ("qty", "{}"), ("plays", "{}"), ("Preis", "{}.50")):
        text = delimited(
            ([visit.user, f"x{visit.item}", cell.format(1 + visit.item % 5), visit.at] for visit in seen),
            header=("client_no", "track", name, "heard_at"),
        )
        rows = [Row(str(visit.user), f"x{visit.item}", None, visit.at, ANY) for visit in seen]
        assert_reads(save(tmp_path, "log.csv", text), rows, rated=False)


def test_the_time_of_the_event_is_taken_of_two(tmp_path: Path) -> None:
    seen = visits()
    text = delimited(
        ([visit.user, f"x{visit.item}", "2019-05-01", visit.at] for visit in seen),
        header=("member_no", "song", "joined_on", "played_at"),
    )
    rows = [Row(str(visit.user), f"x{visit.item}", None, visit.at) for visit in seen]
    assert_reads(save(tmp_path, "log.csv", text), rows)


def test_a_session_an_order_line_and_an_email_beside_the_user(tmp_path: Path) -> None:
    seen = visits()
    text = delimited(
        (
            [visit.number, f"s{visit.user}-{visit.at // DAY}", f"b{visit.user}@mail.example", *visit[:3]]
            for visit in seen
        ),
        header=("line_id", "session", "e_mail", "customer_no", "product_no", "ordered_at"),
    )
    rows = [Row(str(visit.user), str(visit.item), None, visit.at) for visit in seen]
    assert_reads(save(tmp_path, "log.csv", text), rows)


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("cp1252", "’ Œuvre €"),
        ("shift_jis", "海辺のカフカ"),
        ("euc_jp", "海辺のカフカ"),
        ("gb18030", "红色跑鞋"),
        ("big5", "紅色跑鞋和書"),
        ("euc_kr", "빨간 자전거"),
        ("cp1251", "Большая книга"),
        ("iso8859-2", "Żółta książka"),
    ],
)
def test_an_encoding_of_old(encoding: str, mark: str, tmp_path: Path) -> None:
    rows = [Row(f"k{visit.user}", f"{mark} {visit.item}", "buy", visit.at) for visit in visits()]
    lines = [[row.user, row.item, row.event, int(row.at or 0)] for row in rows]
    text = delimited(lines, header=("customer", "product", "event", "time"))
    assert_reads(save(tmp_path, "log.csv", text, encoding), rows)


def test_nested_track_calls(tmp_path: Path) -> None:
    seen = visits()
    lines = [
        {
            "messageId": f"m-{visit.number}",
            "type": "track",
            "event": "Product Added",
            "anonymousId": f"a{visit.user}",
            "timestamp": moment(visit.at).isoformat(),
            "properties": {"product_id": f"p{visit.item}", "price": 3.5, "currency": "EUR"},
            "context": {"ip": "192.0.2.1", "library": {"name": "js"}},
        }
        for visit in seen
    ]
    rows = [Row(f"a{visit.user}", f"p{visit.item}", "Product Added", visit.at, ANY) for visit in seen]
    assert_reads(save(tmp_path, "log.jsonl", "\n".join(map(json.dumps, lines))), rows)
    assert_reads(save(tmp_path, "log.json", json.dumps(lines)), rows)


def test_an_event_with_several_products(tmp_path: Path) -> None:
    seen = visits(120)
    lines = [
        {
            "event_name": "purchase",
            "event_timestamp": visit.at * 1_000_000,
            "user_pseudo_id": f"{visit.user}.1",
            "ecommerce": {"items": [{"item_id": f"S{visit.item}"}, {"item_id": f"S{visit.item + 1}"}]},
        }
        for visit in seen
    ]
    rows = [
        Row(f"{visit.user}.1", f"S{visit.item + more}", "purchase", visit.at, ANY)
        for visit in seen
        for more in (0, 1)
    ]
    assert_reads(save(tmp_path, "log.jsonl", "\n".join(map(json.dumps, lines))), rows)


def test_keys_of_json_lines_that_come_late(tmp_path: Path) -> None:
    seen = visits(3000)
    lines = [
        {"user_id": f"u{visit.user}", "item_id": f"i{visit.item}", "timestamp": visit.at}
        | ({"event": "cart"} if visit.number > 2500 else {})
        for visit in seen
    ]
    log = read(save(tmp_path, "log.jsonl", "\n".join(map(json.dumps, lines))))
    assert log.events.filter(pl.col("event") == "cart").height == sum(visit.number > 2500 for visit in seen)
    assert log.rows_in == len(log.events) == 3000


@pytest.mark.parametrize(
    "name",
    ["report.csv", "search_clicks.csv", "returns 2024.csv", "unsubscribe_block.csv", "impressions.csv"],
)
def test_the_name_of_a_file_makes_no_no(name: str, tmp_path: Path) -> None:
    seen = visits()
    text = delimited(
        ([f"u{visit.user}", f"i{visit.item}", visit.at] for visit in seen),
        header=("user_id", "item_id", "timestamp"),
    )
    rows = [Row(f"u{visit.user}", f"i{visit.item}", None, visit.at) for visit in seen]
    assert_reads(save(tmp_path, name, text), rows)
