"""Times of any kind and unit become Unix seconds, or are refused with a sentence."""

import email.utils
import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.errors import ConfigError, DataError
from tacit.data.times import (
    AmbiguousTimes,
    holds_times,
    read_moment,
    read_times,
    time_evidence,
)

DAY = datetime(2024, 3, 13, tzinfo=UTC)
MINUTE = DAY.replace(hour=8, minute=26)
SECOND = MINUTE.replace(second=5)
EVENING = SECOND.replace(hour=20)
MILLI = SECOND.replace(microsecond=123_000)
MICRO = SECOND.replace(microsecond=123_456)
BERLIN = SECOND - timedelta(hours=1)

# The right-hand sides are written by hand, not computed by what is tested.
FORMS = [
    # ISO 8601 and its kin
    ("2024-03-13", DAY),
    ("2024-03-13T08:26", MINUTE),
    ("2024-03-13 08:26:05", SECOND),
    ("  2024-03-13 08:26:05 ", SECOND),
    ('"2024-03-13 08:26:05"', SECOND),
    ("2024-03-13\u00a008:26:05", SECOND),
    ("2024-03-13T08:26:05Z", SECOND),
    ("2024-03-13t08:26:05z", SECOND),
    ("2024-03-13T08:26:05.123Z", MILLI),
    ("2024-03-13T08:26:05.123456Z", MICRO),
    ("2024-03-13T08:26:05.123456789Z", MICRO),
    ("2024-03-13T08:26:05+01:00", BERLIN),
    ("2024-03-13T08:26:05+0100", BERLIN),
    ("2024-03-13T08:26:05+01", BERLIN),
    ("2024-03-13 08:26:05 +01:00", BERLIN),
    ("2024-03-13T08:26:05-05:30", SECOND + timedelta(hours=5, minutes=30)),
    ("2024-03-13T08:26:05−01:00", SECOND + timedelta(hours=1)),
    ("2024-03-13T08:26:05+01:00[Europe/Berlin]", BERLIN),
    ("2024-03-13 08:26:05 Europe/Berlin", BERLIN),
    ("2024-03-13 08:26:05 America/Port-au-Prince", SECOND + timedelta(hours=4)),
    ("2024-03-13+01:00", DAY - timedelta(hours=1)),
    ("2024-03-13T08", DAY.replace(hour=8)),
    ("2024-03-13 08:26:05 UTC", SECOND),
    ("2024-03-13 08:26:05 GMT", SECOND),
    ("2024-03-13 08:26:05 CET", BERLIN),
    ("2024-03-13 08:26:05 EST", SECOND + timedelta(hours=5)),
    ("2024-03-13 08:26:05 UTC+8", SECOND - timedelta(hours=8)),
    ("2024-03-13 24:00:00", DAY + timedelta(days=1)),
    ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ("2024-3-13 8:26:5", SECOND),
    ("2024/03/13 08:26:05", SECOND),
    ("2024/3/13 8:26", MINUTE),
    ("2024.03.13 08:26:05", SECOND),
    ("20240313T082605Z", SECOND),
    ("20240313T0826", MINUTE),
    ("20240313 08:26:05", SECOND),
    ("20240313-082605", SECOND),
    ("2024-W11-3", DAY),
    ("2024W113T082605Z", SECOND),
    ("2020-W53-5", datetime(2021, 1, 1, tzinfo=UTC)),
    ("2024-073", DAY),
    ("2024-366", datetime(2024, 12, 31, tzinfo=UTC)),
    ("2024-03-13-08.26.05.123456", MICRO),
    ("2024-03-13_08-26-05", SECOND),
    ("2024-03-13 08:26:05,123", MILLI),
    # Go
    ("2024-03-13 08:26:05 +0000 UTC", SECOND),
    ("2024-03-13 08:26:05.123456 +0000 UTC m=+0.000012345", MICRO),
    ("2024-03-13 08:26:05.123456789 +0100 CET", MICRO - timedelta(hours=1)),
    # digits alone
    ("20240313082605", SECOND),
    ("20240313082605123", MILLI),
    ("202403130826", MINUTE),
    ("2024031308", DAY.replace(hour=8)),
    ("20240313", DAY),
    ("20240313.0", DAY),
    # numbers
    ("1710318365", SECOND),
    ("1710318365.123", MILLI),
    ("1710318365,123", MILLI),
    ("1.710318365E9", SECOND),
    ("+1710318365", SECOND),
    ("1710318365123", MILLI),
    ("1710318365123456", MICRO),
    ("1710318365123456000", MICRO),
    ("-86400", datetime(1969, 12, 31, tzinfo=UTC)),
    ("0", datetime(1970, 1, 1, tzinfo=UTC)),
    ("45364.25", DAY.replace(hour=6)),
    ("45364.3514467593", SECOND),
    ("638459151651230000", MILLI),
    ("133547919651230000", MILLI),
    ("13354791965123000", MILLI),
    ("/Date(1710318365123)/", MILLI),
    ("/Date(1710318365123+0100)/", MILLI),
    # Excel and its locales
    ("3/13/2024", DAY),
    ("3/13/2024 8:26", MINUTE),
    ("3/13/2024 8:26:05 AM", SECOND),
    ("3/13/2024 8:26:05 PM", EVENING),
    ("3/13/2024, 8:26:05 PM", EVENING),
    ("3/13/2024 8:26:05\u202fPM", EVENING),
    ("3/13/2024 12:26:05 AM", DAY.replace(minute=26, second=5)),
    ("3/13/2024 12:26:05 PM", DAY.replace(hour=12, minute=26, second=5)),
    ("03/13/2024 20:26:05", EVENING),
    ("13/03/2024", DAY),
    ("13/03/2024 08:26", MINUTE),
    ("13/03/2024 - 08:26", MINUTE),
    ("13.03.2024", DAY),
    ("13.3.2024 8:26:05", SECOND),
    ("13.03.2024, 08:26 Uhr", MINUTE),
    ("13-03-2024 08:26:05", SECOND),
    ("08:26:05 13/03/2024", SECOND),
    ("12/31/99", datetime(1999, 12, 31, tzinfo=UTC)),
    # names of months
    ("13 Mar 2024", DAY),
    ("13-Mar-2024", DAY),
    ("13-MAR-24 08:26:05", SECOND),
    ("13-MAR-24 08.26.05.123456 PM", MICRO.replace(hour=20)),
    ("13MAR2024:08:26:05", SECOND),
    ("13MAR24:08:26:05", SECOND),
    ("13 March 2024 at 08:26", MINUTE),
    ("13th of March 2024", DAY),
    ("March 13, 2024", DAY),
    ("Mar 13, 2024 8:26:05 PM", EVENING),
    ("Mar 13 2024 8:26:05:123AM", MILLI),
    ("Wednesday, March 13, 2024 8:26 AM", MINUTE),
    ("2024-Mar-13 08:26:05", SECOND),
    ("13. März 2024", DAY),
    ("Mi., 13. März 2024 um 08:26 Uhr", MINUTE),
    ("13 marzo 2024 08:26", MINUTE),
    ("13 de marzo de 2024", DAY),
    ("miércoles, 13 de marzo de 2024, 8:26 p. m.", MINUTE.replace(hour=20)),
    ("1er août 2024", datetime(2024, 8, 1, tzinfo=UTC)),
    ("13 févr. 2024", datetime(2024, 2, 13, tzinfo=UTC)),
    ("quarta-feira, 13 de março de 2024", DAY),
    ("13 maart 2024", DAY),
    ("13 października 2024", datetime(2024, 10, 13, tzinfo=UTC)),
    ("13 марта 2024 г.", DAY),
    ("13 марта 2024 г. в 08:26", MINUTE),
    ("13 Ağustos 2024", datetime(2024, 8, 13, tzinfo=UTC)),
    ("2024. március 13.", DAY),
    # mail, logs, programs
    ("Wed, 13 Mar 2024 08:26:05 GMT", SECOND),
    ("Wed, 13 Mar 2024 08:26:05 +0100", BERLIN),
    ("Wed, 13 Mar 2024 08:26:05 -0800 (PST)", SECOND + timedelta(hours=8)),
    ("Wednesday, 13-Mar-24 08:26:05 GMT", SECOND),
    ("Wed Mar 13 08:26:05 2024", SECOND),
    ("Fri Mar  1 00:00:00 2024", datetime(2024, 3, 1, tzinfo=UTC)),
    ("Wed Mar 13 08:26:05 +0000 2024", SECOND),
    ("Wed Mar 13 08:26:05 2024 +0100", BERLIN),
    ("Wed Mar 13 08:26:05 CET 2024", BERLIN),
    ("Wed Mar 13 2024 08:26:05 GMT+0100 (Central European Standard Time)", BERLIN),
    ("13/Mar/2024:08:26:05 +0000", SECOND),
    ("[13/Mar/2024:08:26:05 +0100]", BERLIN),
    # Chinese, Japanese, Korean
    ("2024年3月13日", DAY),
    ("2024年03月13日 08:26:05", SECOND),
    ("2024年3月13日 8时26分", MINUTE),
    ("2024年3月13日20时26分5秒", EVENING),
    ("2024年3月13日 下午8时26分", MINUTE.replace(hour=20)),
    ("2024年3月13日 星期三 上午8:26", MINUTE),
    ("2024/3/13 下午 8:26:05", EVENING),
    ("2024年3月13日(水) 8:26", MINUTE),
    ("2024年3月13日 午後8時26分05秒", EVENING),
    ("２０２４年３月１３日", DAY),
    ("2024년 3월 13일 오후 8시 26분", MINUTE.replace(hour=20)),
    ("2024. 3. 13. 오후 8:26:05", EVENING),
]


@pytest.mark.parametrize(("text", "moment"), FORMS)
def test_forms(text: str, moment: datetime) -> None:
    alone = read_moment(text)
    assert alone == pytest.approx(moment.timestamp(), abs=1e-6)
    assert read_times(pl.Series([text, None, text])).seconds.to_list() == [alone, None, alone]


def test_many_forms_stand_in_one_column() -> None:
    # Numbers that are judged together, and dates with two readings, have tests of their own.
    two_readings = re.compile(r"^(\d\d:\d\d:\d\d )?\d{1,2}[/.-]\d{1,2}[/.-]|^[-+\d.,E]+$")
    some = [(text, at) for text, at in FORMS if not two_readings.match(text)]
    assert len(some) > 90
    seconds = read_times(pl.Series([text for text, _ in some])).seconds
    assert seconds.to_list() == pytest.approx([at.timestamp() for _, at in some], abs=1e-6)


REFUSED = [
    ("08:26", "is an hour without a day"),
    ("8:26:05 PM", "is an hour without a day"),
    ("T08:26:05", "is an hour without a day"),
    ("2024-W11", "is a week, not a day"),
    ("2024-03", "is a month, not a day"),
    ("March 2024", "is a month, not a day"),
    ("2024年3月", "is a month, not a day"),
    ("2024", "years"),
    ("202403", "months"),
    ("2024-Q1", "is a quarter, not a day"),
    ("Mar 13 08:26:05", "has no year"),
    ("3月13日 8:26", "has no year"),
    ("PT8H26M", "is a span of time"),
    ("3 days", "is a span of time"),
    ("2 days ago", "depends on when it was written"),
    ("yesterday", "depends on when it was written"),
    ("令和6年3月13日", "another calendar"),
    ("1402/12/23", "another calendar"),
    ("13/03/2567 08:26", "Buddhist"),
    ("2567-03-13", "Buddhist"),
    ("13/03/2024 08:26 CH", "SA or CH"),
    ("2024-13-03", "day before the month"),
    ("2024-02-30", "no time that can be read"),
    ("31.04.2024", "no time that can be read"),
    ("2024-03-13 25:00:00", "no time that can be read"),
    ("2024-03-13 08:61", "no time that can be read"),
    ("2024-03-13 08:26:05 soon", "no time that can be read|unknown zone"),
    ("2024-03-13 08:26:05 QQT", "unknown zone QQT"),
    ("2024-03-13 08:26:05 CST", "America/Chicago or Asia/Shanghai.*--timezone"),
    ("2024-03-13 08:26:05 IST", "Asia/Kolkata"),
    ("10.1.12.13", "no time that can be read"),
    ("view", "no time that can be read"),
    ("", "is no time"),
    ("null", "is no time"),
    ("0000-00-00 00:00:00", "is no time"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_names_no_moment_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(DataError, match=why):
        read_moment(text)


@pytest.mark.parametrize("value", [True, None, [1], float("nan"), float("inf")])
def test_what_is_neither_text_nor_number_is_refused(value: object) -> None:
    with pytest.raises(DataError):
        read_moment(value)  # type: ignore[arg-type]


# Writers that owe nothing to Tacit: the standard library writes, Tacit reads.
def _offset(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))


WRITERS = [
    lambda at: at.isoformat(),
    lambda at: at.isoformat(sep=" "),
    lambda at: at.strftime("%Y%m%dT%H%M%SZ"),
    lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    lambda at: at.strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
    lambda at: at.strftime("%a %b %d %H:%M:%S %Y"),
    lambda at: at.strftime("%a %b %d %H:%M:%S UTC %Y"),
    lambda at: at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
    lambda at: at.strftime("%d %B %Y %H:%M:%S"),
    lambda at: at.strftime("%B %d, %Y, %I:%M:%S %p"),
    lambda at: at.strftime("%d-%b-%y %H:%M:%S"),
    lambda at: at.strftime("%G-W%V-%uT%H:%M:%S"),
    lambda at: at.strftime("%Y-%jT%H:%M:%S"),
    lambda at: at.strftime("%Y年%m月%d日 %H时%M分%S秒"),
    lambda at: at.strftime("%Y/%m/%d %H:%M:%S"),
    lambda at: at.strftime("%Y%m%d%H%M%S"),
    lambda at: email.utils.format_datetime(at),
    lambda at: email.utils.format_datetime(at.replace(tzinfo=UTC), usegmt=True),
    lambda at: str(int(at.timestamp())),
    lambda at: str(int(at.timestamp()) * 1_000),
    lambda at: str(int(at.timestamp()) * 1_000_000),
    lambda at: str(int(at.timestamp()) * 1_000_000_000),
    lambda at: repr(at.timestamp()),
    lambda at: str((int(at.timestamp()) + 11_644_473_600) * 10_000_000),
    lambda at: str((int(at.timestamp()) + 62_135_596_800) * 10_000_000),
]
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2032, 12, 31)).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)


@given(st.lists(MOMENTS, min_size=1, max_size=8), st.sampled_from(WRITERS))
def test_a_column_of_any_form_reads_back(moments: list[datetime], write: object) -> None:
    column = pl.Series([write(at) for at in moments])  # type: ignore[operator]
    assert read_times(column).seconds.to_list() == [at.timestamp() for at in moments]


@given(st.lists(st.tuples(MOMENTS, st.sampled_from(WRITERS)), min_size=1, max_size=12))
def test_a_column_of_all_forms_reads_back(cells: list[tuple[datetime, object]]) -> None:
    column = pl.Series([write(at) for at, write in cells])  # type: ignore[operator]
    assert read_times(column).seconds.to_list() == [at.timestamp() for at, _ in cells]


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_an_offset_is_kept(at: datetime, minutes: int) -> None:
    local = at.astimezone(_offset(minutes))
    for text in (
        local.isoformat(),
        local.strftime("%d.%m.%Y %H:%M:%S %z"),
        email.utils.format_datetime(local),
    ):
        assert read_times(pl.Series([text]), dates="dmy").seconds[0] == at.timestamp()


@given(MOMENTS)
def test_one_moment_means_what_a_column_of_it_means(at: datetime) -> None:
    for value in (at.isoformat(), at.timestamp(), int(at.timestamp() * 1e6)):
        assert read_moment(value) == read_times(pl.Series([value])).seconds[0] == at.timestamp()


@given(
    st.lists(MOMENTS.filter(lambda at: at.year < 2026), min_size=1),
    st.sampled_from(["%d/%m/%Y %H:%M:%S", "%m-%d-%Y %I:%M:%S %p", "%d.%m.%y %H:%M:%S"]),
)
def test_a_column_whose_order_is_not_shown_is_read_right_or_refused(
    moments: list[datetime], form: str
) -> None:
    try:
        found = read_times(pl.Series([at.strftime(form) for at in moments])).seconds.to_list()
    except AmbiguousTimes as error:
        assert "--dates dmy" in str(error) and "--dates mdy" in str(error)
        return
    right = [at.timestamp() for at in moments]
    in_order = right in (sorted(right), sorted(right, reverse=True))
    # A few days in disorder may by chance be in order in the other reading; a note says that this decided.
    assert found == right or (not in_order and len({at.date() for at in moments}) <= 12)


def _written(days: list[date], form: str) -> pl.Series:
    return pl.Series([day.strftime(form) for day in days])


def _seconds(days: list[date]) -> list[float]:
    return [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in days]


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d/%m/%y"])
def test_a_value_above_12_decides_wherever_it_stands(form: str) -> None:
    days = [date(2024, 1 + at % 12, 1 + at % 7) for at in range(5_000)]
    days[4_321] = date(2024, 5, 31)
    found = read_times(_written(days, form))
    assert found.seconds.to_list() == _seconds(days)
    assert "row 4,322" in found.notes[0]


@pytest.mark.parametrize(
    ("form", "dates"),
    [("%d/%m/%Y", "dmy"), ("%m/%d/%Y", "mdy"), ("%d/%m/%Y %H:%M", "dmy"), ("%m.%d.%Y", "mdy")],
)
@pytest.mark.parametrize("newest_first", [False, True])
def test_the_order_of_the_rows_decides_where_no_value_does(form: str, dates: str, newest_first: bool) -> None:
    days = sorted([date(2024, month, day) for month in (2, 3, 4) for day in (1, 5, 9)], reverse=newest_first)
    found = read_times(_written(days, form))
    assert found.seconds.to_list() == _seconds(days)
    assert ("day first" if dates == "dmy" else "month first") in found.notes[0]


@pytest.mark.parametrize(
    ("texts", "first", "note"),
    [
        ([f"0{day}/03/2024" for day in range(1, 9)], "01/03/2024", "the days follow each other"),
        ([f"3/{day}/2024 0:00" for day in range(1, 9)], "01/03/2024", "the days follow each other"),
        (["01.03.2024 00:00", "02.02.2024 00:00"], "01/03/2024", "dates with points have the day first"),
    ],
)
def test_days_in_a_row_and_points_decide(texts: list[str], first: str, note: str) -> None:
    found = read_times(pl.Series(texts))
    assert found.seconds[0] == datetime.strptime(f"{first} +0000", "%d/%m/%Y %z").timestamp()
    assert note in found.notes[0]


@pytest.mark.parametrize(
    "texts",
    [
        ["01/02/2024"],
        ["01/02/2024", "03/04/2024", "02/01/2024"],
        ["01/03/2024", "02/03/2024", "03/03/2024"],  # both rise, and three days are few
        ["1-2-24"],
    ],
)
def test_what_nothing_decides_is_refused_with_both_readings(texts: list[str]) -> None:
    with pytest.raises(AmbiguousTimes, match=r"may be .* or .*--dates dmy.*--dates mdy"):
        read_times(pl.Series(texts))
    day_first, month_first = (read_times(pl.Series(texts), dates=order).seconds for order in ("dmy", "mdy"))
    assert (day_first != month_first).any()
    assert not day_first.has_nulls()
    assert not month_first.has_nulls()


def test_two_readings_are_shown() -> None:
    with pytest.raises(AmbiguousTimes) as error:
        read_times(pl.Series(["05/05/2024", "03/04/2024 10:00"]))
    assert "03/04/2024 10:00 in row 2 may be 3 April 2024 or 4 March 2024" in str(error.value)


def test_dates_of_both_orders_are_refused() -> None:
    with pytest.raises(AmbiguousTimes, match=r"03/14/2024 in row 2 .*13/03/2024 in row 1"):
        read_times(pl.Series(["13/03/2024", "03/14/2024"]))


def test_one_mistake_among_thousands_of_dates_is_no_date() -> None:
    days = [date(2024, 1, 1) + timedelta(days=at % 90) for at in range(3_000)]
    texts = [day.strftime("%d/%m/%Y") for day in days]
    texts[1_500] = "01/31/2024"
    found = read_times(pl.Series(texts))
    assert found.seconds.null_count() == 1
    assert any("01/31/2024 in row 1,501" in note for note in found.notes)
    assert found.unread.to_list() == [1_500]


def test_dates_without_two_readings_ask_nothing() -> None:
    days = [date(2024, month, month) for month in range(1, 13)]
    assert read_times(_written(days, "%d/%m/%Y")).seconds.to_list() == _seconds(days)


def test_each_sign_has_its_own_order() -> None:
    found = read_times(pl.Series(["13/03/2024", "03-14-2024", "02/03/2024", "03-02-2024"]))
    assert found.seconds.to_list() == _seconds([date(2024, 3, day) for day in (13, 14, 2, 2)])


def test_the_order_holds_with_and_without_a_clock() -> None:
    texts = ["01/03/2024 08:26:05", "01/03/2024 08:26", "13/03/2024", "1/3/2024 8:26 AM"] * 400
    at = datetime(2024, 3, 1, 8, 26, tzinfo=UTC).timestamp()
    assert read_times(pl.Series(texts)).seconds.head(4).to_list() == [at + 5, at, DAY.timestamp(), at]


@pytest.mark.parametrize(
    ("form", "name"), [("%y-%m-%d", "year first"), ("%d/%m/%y", "day first"), ("%m/%d/%y", "month first")]
)
def test_years_of_two_digits_stand_where_they_change_least(form: str, name: str) -> None:
    days = [date(2023, 1, 1) + timedelta(days=at * 7 % 500) for at in range(500)]
    found = read_times(_written(days, form))
    assert found.seconds.to_list() == _seconds(days)
    assert name in found.notes[0]


def test_a_lone_day_with_a_year_of_two_digits_is_refused() -> None:
    with pytest.raises(AmbiguousTimes, match="13 March 2024 or 24 March 2013"):
        read_moment("13/03/24")
    assert read_moment("13/03/24", dates="dmy") == DAY.timestamp()


def test_years_before_months_after_days_are_refused() -> None:
    with pytest.raises(DataError, match="day before the month"):
        read_times(pl.Series(["2024-05-03", "2024-13-03"] + ["2024-04-03"] * 20))


# Numbers


def test_units_may_be_mixed_and_it_is_said() -> None:
    found = read_times(pl.Series(["1709280000", "1709366400000", "1709452800000000", "-5"]))
    assert found.seconds.to_list() == [1_709_280_000, 1_709_366_400, 1_709_452_800, -5]
    assert "2 seconds and 1 milliseconds and 1 microseconds" in found.notes[0]


@given(
    st.floats(1e9, 1.9e9),
    st.sampled_from([1.0, 1e3, 1e6, 1e9]),
    st.sampled_from([pl.Float64, pl.String, pl.Int64]),
)
def test_the_unit_of_a_number_follows_from_its_size(at: float, unit: float, kind: pl.DataType) -> None:
    whole = round(at * unit)
    assert read_times(pl.Series([whole]).cast(kind)).seconds[0] == pytest.approx(at, abs=1)


def test_days_of_excel_are_known_by_the_whole_column() -> None:
    found = read_times(pl.Series(["45350.25", "45351", None, "45352.5"]))
    assert found.seconds.to_list() == [1_709_100_000, 1_709_164_800, None, 1_709_294_400]
    assert "Excel's days since 1900" in found.notes[0]
    steps = pl.Series(
        [float(at) for at in range(0, 100_000, 500)]
    )  # seconds since some beginning stay what they are
    assert read_times(steps).seconds.to_list() == steps.to_list()


def test_days_of_excel_are_local_and_may_stand_beside_dates() -> None:
    found = read_times(
        pl.Series(["45350.25", "28/02/2024 06:00", "2024-02-28T05:00:00Z"]), timezone="Europe/Berlin"
    )
    assert found.seconds.to_list() == [1_709_096_400] * 3


def test_dates_in_digits_need_no_text() -> None:
    numbers = pl.Series([20240313, 20240314])
    assert read_times(numbers).seconds.to_list() == [DAY.timestamp(), DAY.timestamp() + 86_400]
    assert read_times(numbers.cast(pl.Float64)).seconds[0] == DAY.timestamp()
    assert read_times(pl.Series([20240313082605, 202403130826])).seconds.to_list() == [
        SECOND.timestamp(),
        MINUTE.timestamp(),
    ]
    assert read_times(pl.Series([20240313082605123])).seconds[0] == MILLI.timestamp()


def test_numbers_that_are_no_dates_stay_numbers() -> None:
    steps = pl.Series(range(20_000_000, 20_400_000, 997))  # some of them read as days
    assert read_times(steps).seconds.to_list() == steps.to_list()


def test_seconds_of_the_early_nineties_are_doubted() -> None:
    apple = pl.Series([732_000_000, 732_000_100])
    assert any("Apple" in note for note in read_times(apple).notes)
    assert not read_times(pl.Series([874_965_758, 893_286_638])).notes  # ml-100k


@pytest.mark.parametrize(
    ("values", "names"), [([2023, 2024], "years"), ([202312, 202401], "months"), (["2024", "2025"], "years")]
)
def test_years_and_months_as_numbers_are_refused(values: list[object], names: str) -> None:
    with pytest.raises(DataError, match=f"holds {names}"):
        read_times(pl.Series(values))


# Typed columns


def test_typed_columns() -> None:
    naive = pl.Series([datetime(2024, 3, 13, 8, 26, 5), None])
    assert read_times(naive).seconds.to_list() == [SECOND.timestamp(), None]
    assert read_times(naive, timezone="Europe/Berlin").seconds[0] == BERLIN.timestamp()
    zoned = naive.dt.replace_time_zone("Europe/Berlin")
    assert read_times(zoned, timezone="Asia/Tokyo").seconds[0] == BERLIN.timestamp()
    for unit in ("ms", "us", "ns"):
        assert read_times(naive.dt.cast_time_unit(unit)).seconds[0] == SECOND.timestamp()
    assert read_times(pl.Series([date(2024, 3, 13)])).seconds[0] == DAY.timestamp()
    assert read_times(pl.Series(["2024-03-13"]).cast(pl.Categorical)).seconds[0] == DAY.timestamp()
    assert read_times(pl.Series("at", [None, None])).seconds.to_list() == [None, None]
    assert read_times(pl.Series("at", [], dtype=pl.String)).seconds.to_list() == []
    assert read_times(pl.Series([1.5e9, float("nan"), float("inf")])).seconds.to_list() == [1.5e9, None, None]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([True, False]),
        pl.Series([timedelta(hours=1)]),
        pl.Series([datetime(2024, 1, 1).time()]),
        pl.Series([[1], [2]]),
    ],
)
def test_other_types_are_refused(column: pl.Series) -> None:
    with pytest.raises(DataError, match="holds"):
        read_times(column)


# Zones


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_times_without_a_zone_take_the_one_given(at: datetime, zone: str) -> None:
    local = at.replace(microsecond=0)
    # PEP 495: fold=0 is the first of two, and the offset before the clock was moved where there is none.
    right = local.replace(tzinfo=ZoneInfo(zone)).timestamp()
    for text in (local.isoformat(), local.strftime("%d %b %Y %H:%M:%S"), local.strftime("%Y%m%d%H%M%S")):
        assert read_times(pl.Series([text]), timezone=zone).seconds[0] == right


def test_hours_that_come_twice_or_never_are_said() -> None:
    found = read_times(
        pl.Series(["2024-03-31 02:30:00", "2024-10-27 02:30:00", "2024-06-01 00:00:00"]),
        timezone="Europe/Berlin",
    )
    assert found.seconds.to_list()[:2] == [
        datetime(2024, 3, 31, 1, 30, tzinfo=UTC).timestamp(),
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC).timestamp(),
    ]
    assert [note[:9] for note in found.notes[1:]] == ["1 times l"] * 2


def test_a_zone_in_a_time_wins_over_the_one_given() -> None:
    texts = ["2024-03-13T08:26:05Z", "2024-03-13 08:26:05+00:00", "2024-03-13T09:26:05"]
    assert (
        read_times(pl.Series(texts), timezone="Europe/Berlin").seconds.to_list() == [SECOND.timestamp()] * 3
    )


def test_a_short_name_is_plain_in_its_own_zone() -> None:
    text = "2024-03-13 08:26:05 CST"
    assert read_moment(text, timezone="Asia/Shanghai") == (SECOND - timedelta(hours=8)).timestamp()
    # March 13 is summer time in Chicago: the clock of the zone counts.
    assert (
        read_moment("2024-01-13 08:26:05 CST", timezone="America/Chicago")
        == datetime(2024, 1, 13, 14, 26, 5, tzinfo=UTC).timestamp()
    )


def test_no_zone_is_said_once_and_only_where_there_is_none() -> None:
    assert read_times(pl.Series(["2024-03-13 08:26", "45350.25", "13.03.2024"])).notes.count(
        "times without a zone are read as UTC; --timezone Europe/Berlin for another (timezone=... in Python)"
    ) == 1  # fmt: skip
    assert read_times(pl.Series(["2024-03-13T08:26:05Z"])).notes == ()
    assert read_times(pl.Series([1_709_280_000])).notes == ()


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ConfigError, match="Mars/Olympus"):
        read_times(pl.Series(["2024-03-13"]), timezone="Mars/Olympus")


# What is missing, what is wrong


@pytest.mark.parametrize(
    "word", ["", " ", "NULL", "NaN", "NaT", "\\N", "n/a", "None", "-", "0000-00-00", "0001-01-01T00:00:00Z"]
)
def test_words_for_nothing_are_missing(word: str) -> None:
    found = read_times(pl.Series(["2024-03-13", word, word, word]))
    assert found.seconds.to_list() == [DAY.timestamp(), None, None, None]
    assert not len(found.unread)


def test_a_cell_that_is_no_time_is_null_and_said() -> None:
    found = read_times(pl.Series(["2024-03-13", "08:26", "2024-03-14"]))
    assert found.seconds.null_count() == 1
    assert "1 cells hold no moment, for example row 2: '08:26' is an hour without a day" in found.notes[0]
    with pytest.raises(DataError, match=r"row 1, and 2 of 3"):
        read_times(pl.Series(["08:26", "08:27", "2024-03-14"]))


def test_a_wrong_weekday_gives_way_to_the_date_and_is_said() -> None:
    found = read_times(pl.Series(["Wed, 13 Mar 2024 10:00:00 GMT", "Wed, 14 Mar 2024 10:00:00 GMT"]))
    assert found.seconds.diff()[1] == 86_400
    assert "'Wed, 14 Mar 2024 10:00:00 GMT' in row 2" in found.notes[0]


# Whether a column holds times


@pytest.mark.parametrize(
    "values",
    [
        ["2024-03-13", "", "2024-03-14"],
        ["13/03/2024 08:26"] * 3,
        ["01/02/2024", "03/04/2024", "02/01/2024"],  # times, whatever their order
        ["Wed, 13 Mar 2024 10:00:00 GMT"],
        [1_709_280_000, 1_709_380_000],
        ["1709280000000", "1709380000000"],
        [20240313, 20240314],
        [datetime(2024, 3, 13)],
        ["2024-03-13 08:26:05"] * 999 + ["soon"],
    ],
)
def test_columns_that_hold_times(values: list[object]) -> None:
    assert holds_times(pl.Series(values))


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3],
        [2019, 2020, 2021],
        [90210, 10001, 60601],
        [12345678, 87654321, 55555555],
        ["0345154173", "1416524797", "9780345154"],
        [9_780_345_154_173, 9_781_416_524_797],
        [19.99, 45_350.25],
        [45_350.25, 45_351.25],
        [0.5, 3.5],
        ["SKU-20240313", "SKU-20240314"],
        ["Running shoes 2024", "Boots"],
        ["192.168.0.1", "10.1.12.13"],
        ["08:26", "09:13"],
        ["1961-02-03", "1975-08-09"],  # dates of birth
        ["2024-03-13", "soon"],
        ["", None],
        [True, False],
        [4_102_444_800, 4_102_444_900],  # the year 2100
    ],
)
def test_columns_that_hold_none(values: list[object]) -> None:
    assert not holds_times(pl.Series(values, strict=False))


def test_evidence_says_how_sure_it_is() -> None:
    assert time_evidence(pl.Series(["2024-03-13"] * 3)) == (1.0, "date", True, None)
    assert not time_evidence(
        pl.Series(range(1_000_000_034, 1_000_000_200))
    ).certain  # ids that look like 2001
    assert time_evidence(pl.Series(range(1_700_000_000, 1_701_000_000, 5_000))).certain
    excel = time_evidence(pl.Series([45_350.25, 45_351.5]))
    assert (excel.share, excel.kind, excel.certain) == (1.0, "excel days", False)
    assert not time_evidence(pl.Series(["13/03/24", "14/03/24"])).certain
    assert time_evidence(pl.Series(["2024-03-13"]), latest=1.7e9).share == 0


@pytest.mark.parametrize("rows", [1_000, 300_000])
def test_a_long_column_is_judged_by_all_of_it(rows: int) -> None:
    late = pl.Series(["2024-03-13"] * (rows // 2) + ["view"] * (rows - rows // 2))
    assert not holds_times(late)


def test_short_dates_that_rise_with_the_year_first_and_last_are_refused() -> None:
    column = pl.Series([f"01.01.{place:02}" for place in range(1, 10)])
    with pytest.raises(AmbiguousTimes, match="--dates dmy"):
        read_times(column)
    assert read_times(column, dates="dmy").seconds[8] == datetime(2009, 1, 1, tzinfo=UTC).timestamp()
