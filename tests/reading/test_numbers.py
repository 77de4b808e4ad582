"""Numbers as people write them: the whole column decides."""

import math

import polars as pl
import pytest

from tacit.reading.numbers import plainly_written, read_numbers


@pytest.mark.parametrize(
    ("texts", "values", "note"),
    [
        (["1", "2.5", " -3 ", "1e3"], [1, 2.5, -3, 1000], None),
        (["0,5", "1,5", "10,25"], [0.5, 1.5, 10.25], "decimal commas"),
        (["1,034.50", "1,134.50", "999.00"], [1034.5, 1134.5, 999], "separate thousands"),
        (["1.034,50", "12,00", "999"], [1034.5, 12, 999], "decimal commas"),
        (["1,034", "12,500"], [1034, 12500], "separate thousands"),
        (["1,034,567", "12"], [1034567, 12], "separate thousands"),
        (["€ 9,99", "12,50 €", "$5"], [9.99, 12.5, 5], "decimal commas"),
        (["$1,299.00", "¥ 3"], [1299, 3], "separate thousands"),
        (["1 034,5", "1'034,5", "1\u202f034,5"], [1034.5] * 3, "decimal commas"),
        (["45 %", "7"], [45, 7], None),
        (["1.5", "1,5"], [1.5, 1.5], "decimal commas"),
        (["1.234", "12.500", "7"], [1.234, 12.5, 7], "three decimals"),
        (["1.234", "12.5"], [1.234, 12.5], None),
        (["0.234", "12.500"], [0.234, 12.5], None),
        (["\u22121", "2"], [-1, 2], None),
        (["1-", "2"], [-1, 2], None),
        (["(1)", "2"], [-1, 2], None),
        (["($12.00)", "$24.00"], [-12, 24], None),
        (
            ["-$12.00", "-€3", "£-4", "-5 zł", "R$ 6", "7元", "¥8", "9 EUR"],
            [-12, -3, -4, -5, 6, 7, 8, 9],
            None,
        ),
        (["2'000.50", "3"], [2000.5, 3], None),
        (["2 pcs", "3x", "1"], [2, 3, 1], None),
        (["★★★", "★★☆☆☆", "⭐"], [3, 2, 1], None),
        (["7/10", "10/10"], [7, 10], None),
        (["1 stars", "4 Sterne"], [1, 4], None),
    ],
)
def test_numbers_of_a_column(texts: list[str], values: list[float], note: str | None) -> None:
    found = read_numbers(pl.Series(texts))
    assert found.values.to_list() == values
    assert [note in said for said in found.notes] == ([] if note is None else [True])


def test_missing_words_are_null_and_other_words_are_nan() -> None:
    found = read_numbers(
        pl.Series(["", "NA", "nan", "NULL", "\\N", None, "many", "inf", "1,2,3", "5"])
    ).values
    assert found[:6].to_list() == [None] * 6
    assert [math.isnan(value) for value in found[6:8]] == [True, True]
    assert found[-1] == 5


def test_numbers_stay_what_they_are() -> None:
    found = read_numbers(pl.Series([1.5, None, float("nan"), float("inf")])).values
    assert found[:3].to_list() == [1.5, None, None]
    assert math.isnan(found[3])
    assert read_numbers(pl.Series([3, None])).values.to_list() == [3.0, None]


def test_parts_of_different_scales_are_no_numbers() -> None:
    assert all(map(math.isnan, read_numbers(pl.Series(["7/10", "3/5"])).values))


def test_currencies_without_digits_are_no_numbers() -> None:
    assert plainly_written(pl.Series(["EUR", "$", "x"])).to_list() == ["EUR", "$", "x"]


def test_ratings_that_were_not_given_are_missing() -> None:
    assert read_numbers(pl.Series(["not rated", "-", "4"])).values.to_list() == [None, None, 4]
