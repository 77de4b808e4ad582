"""Times of any kind and unit become Unix seconds."""

import polars as pl
import pytest

from tacit.data.times import parser_for, unit

T = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
MIDNIGHT = 1_699_920_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", T),
        (" 1700000000.25 ", T + 0.25),
        ("1700000000250", T + 0.25),
        ("1700000000250000", T + 0.25),
        ("1700000000250000000", T + 0.25),
        ("1.7e9", T),
        ("874965758", 874_965_758.0),
        ("2023-11-14T22:13:20", T),
        ("2023-11-14T22:13:20.250Z", T + 0.25),
        ("2023-11-14T22:13:20+00:00", T),
        ("2023-11-15T06:13:20+0800", T),
        ("2023-11-14T14:13:20-08:00", T),
        ("2023-11-14 22:13:20", T),
        ("2023-11-14 22:13:20.250", T + 0.25),
        ("2023-11-14 22:13:20 UTC", T),
        ("2023-11-14 22:13", T - 20),
        ("2023-11-14T22:13", T - 20),
        ("2023/11/14 22:13:20", T),
        ("2023/11/14 22:13", T - 20),
        ("11/14/2023 10:13:20 PM", T),
        ("11/14/2023 22:13:20", T),
        ("14/11/2023 22:13:20", T),
        ("14.11.2023 22:13:20", T),
        ("2023年11月14日 22:13:20", T),
        ("2023-11-14", MIDNIGHT),
        ("2023/11/14", MIDNIGHT),
        ("20231114", MIDNIGHT),
        ("14-Nov-2023", MIDNIGHT),
        ("11/14/2023", MIDNIGHT),
        ("14/11/2023", MIDNIGHT),
        ("14.11.2023", MIDNIGHT),
        ("2023年11月14日", MIDNIGHT),
    ],
)
def test_forms(text: str, seconds: float) -> None:
    column = pl.Series([text])
    parse = parser_for(column)
    assert parse is not None
    assert parse(column).to_list() == [seconds]


@pytest.mark.parametrize("texts", [[], [None], ["", " "], ["yesterday"], ["view", "cart"], ["2023-13-45"]])
def test_what_holds_no_times(texts: list[str | None]) -> None:
    assert parser_for(pl.Series(texts, dtype=pl.String)) is None


def test_a_cell_that_is_no_time_is_null() -> None:
    parse = parser_for(pl.Series(["1700000000"]))
    assert parse is not None
    cells = pl.Series(["1700000001", "", None, "soon", "inf", "nan", "2023-11-14", "1700000001"])
    assert parse(cells).to_list() == [T + 1, None, None, None, None, None, MIDNIGHT, T + 1]


def test_the_unit_is_that_of_the_middle_and_one_for_all() -> None:
    parse = parser_for(pl.Series(["1700000000000", "1700000000001", "0"]))
    assert parse is not None
    assert parse(pl.Series(["0", "1700000000000"])).to_list() == [0.0, T]


@pytest.mark.parametrize(
    ("number", "seconds"), [(T, 1), (T * 1e3, 1e-3), (T * 1e6, 1e-6), (T * 1e9, 1e-9), (0, 1), (1e11, 1e-3)]
)
def test_units_by_magnitude(number: float, seconds: float) -> None:
    assert unit(pl.Series([number, float("inf"), float("nan")], dtype=pl.Float64)) == seconds


def test_of_two_readings_the_one_that_fits_more_days_is_taken() -> None:
    column = pl.Series(["01/02/2023", "02/03/2023", "03/04/2023", "25/12/2023"])
    parse = parser_for(column)
    assert parse is not None
    assert parse(column).null_count() == 0
