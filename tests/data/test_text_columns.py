"""Which columns say something in words, in any language and whatever their names."""

import polars as pl
import pytest

from tacit.data.text_columns import is_missing, joined, meant_titles, reason_against, text_columns


@pytest.mark.parametrize(
    "values",
    [
        ["red", "blue", "green"],
        ["电影/爱情", "动作"],
        ["ドラマ", "한국 드라마", "драма"],
        ["electronics.phone", "home.kitchen"],
        ["Action|Comedy", "Film-Noir"],
        ["['Home', 'Kitchen']", "['Toys']"],
        ["Jean-Luc", "Zoë"],
        ["size 42", "12 cm", "1.5 L"],
    ],
)
def test_words(values: list[str]) -> None:
    assert reason_against(pl.Series("anything", values)) is None


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["12", "3.5", None], "numbers"),
        (["€ 3,50", "$1,299.00"], "numbers"),
        (["2024-05-01", "2024-05-01T10:00:00Z"], "times"),
        (["01-Jan-1995", "22 Nov 1995"], "times"),
        (["Fri Mar 01 00:00:00 +0000 2024"], "times"),
        (["1709251200"], "numbers"),
        (["https://x/1", "http://y"], "web addresses"),
        (["shoe-red.jpg", "a/b/c.PNG?w=3"], "web addresses"),
        (["a@x.org", "b@y.example"], "e-mail addresses"),
        (["B00X4WHP5E", "0345412X"], "codes"),
        (["4bf58dd8d48988d1", "9f86d081884c7d65"], "codes"),
        (["RmNQQeyzb", "EZnVfiNYf"], "codes"),
        (['[{"Label": "Florida", "Type": "G"}]', "[]"], "JSON"),
        (['{"n": "1"}'], "JSON"),
        (["yes", "no", "N"], "true or false"),
        (["", "nan", None, "-"], "empty"),
        (["United Kingdom"] * 30, "one value for all"),
    ],
)
def test_what_says_nothing_in_words(values: list[str], reason: str) -> None:
    assert reason_against(pl.Series("anything", values)) == reason


@pytest.mark.parametrize("name", ["ACTOR_IDS", "brandId", "seller id", "cover_url", "md5", "slug"])
def test_a_name_of_ids(name: str) -> None:
    assert reason_against(pl.Series(name, ["王博:|吴佳尼:1313262", "尹哲:1326188"])) == "ids, by its name"


@pytest.mark.parametrize("name", ["video", "grid", "acid", "category", "candid"])
def test_words_that_only_end_like_such_a_name(name: str) -> None:
    assert reason_against(pl.Series(name, ["mild", "strong"])) is None


def test_types_that_hold_no_words() -> None:
    frame = pl.DataFrame({"n": [1.5], "is_new": [True], "list": [["a"]], "price": [3.0], "year": [1999]})
    found = text_columns(frame)
    assert found.names == ("price", "year")
    assert found.left_out == {"n": "numbers", "is_new": "true or false", "list": "lists or records"}


def test_a_title_may_be_a_number_or_a_code_and_comes_first() -> None:
    frame = pl.DataFrame({"maker": ["Sony"], "description": ["Headphones"], "title": ["WH-1000XM4"]})
    assert text_columns(frame).names == ("title", "description", "maker")
    assert joined(frame, text_columns(frame).names).to_list() == ["WH-1000XM4. Headphones. maker: Sony"]


def test_lists_written_as_text_lose_their_signs() -> None:
    frame = pl.DataFrame({"kind": ["['Home', \"Children's\"]", "[plain]", "a [b]"]})
    assert joined(frame, ["kind"]).to_list() == ["kind: Home, Children's", "kind: plain", "kind: a [b]"]


def test_missing_texts() -> None:
    texts = pl.Series(["", " ", "NaN", "N/A", "null", "None", "-", "\\N", "\u200b", None, "0", "Nanny", "no"])
    assert is_missing(texts).to_list() == [True] * 10 + [False] * 3


def test_titles_that_mean_nothing() -> None:
    titles = pl.Series("title", ["Lamp", "1984", "5012345678900", "12 34 56", " ", "n/a", "7 Wonders", "☕"])
    assert meant_titles(titles).to_list() == ["Lamp", "1984", None, None, None, None, "7 Wonders", "☕"]


def test_where_most_titles_are_numbers_none_of_them_is_a_name() -> None:
    titles = pl.Series("title", [str(number) for number in range(60)] + ["Lamp"])
    assert meant_titles(titles).drop_nulls().to_list() == ["Lamp"]
