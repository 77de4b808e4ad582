"""Which items of a catalogue may be recommended: names of columns and words in many languages."""

from pathlib import Path

import polars as pl
import pytest

from tacit.core.errors import DataError
from tacit.data.catalogue import Catalogue
from tacit.reading.availability import availability
from tacit.reading.choices import Reading
from tacit.reading.read import read_catalogue


def flags(name: str, *values: object) -> list[bool] | None:
    found = availability(pl.DataFrame({name: list(values)}), None, "items")
    return None if found.flags is None else found.flags.to_list()


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        ("Verfügbar", "ja", "nein"),
        ("disponible", "Oui", "Non"),
        ("disponible", "sí", "no"),
        ("Disponibilità", "disponibile", "esaurito"),
        ("上架状态", "上架", "下架"),
        ("是否上架", "是", "否"),
        ("商品状态", "在售", "已下架"),
        ("在庫状況", "在庫あり", "在庫なし"),
        ("판매상태", "판매중", "품절"),
        ("Наличие", "в наличии", "нет в наличии"),
        ("Status", "active", "draft"),
        ("product_status", "Active", "archived"),
        ("availability", "in stock", "out of stock"),
        ("availability", "https://schema.org/InStock", "https://schema.org/OutOfStock"),
        ("is_active", "1", "0.0"),
        ("Published", "true", "false"),
        ("in_stock", "12", "0"),
        ("stock", "in stock", "sold out"),
    ],
)
def test_words_of_many_languages_say_what_is_available(name: str, yes: str, no: str) -> None:
    assert flags(name, yes, no, None, yes) == [True, False, True, True]


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        ("hidden", "yes", "no"),
        ("discontinued", "1", "0"),
        ("is_deleted", "true", "false"),
        ("Product Archived", "x", "n"),
        ("ausverkauft", "ja", "nein"),
        ("是否下架", "是", "否"),
        ("下架状态", "已下架", "上架"),
        ("품절여부", "Y", "N"),
        ("hidden", True, False),
        ("discontinued", 1, 0),
    ],
)
def test_a_yes_of_hidden_or_discontinued_takes_an_item_away(name: str, yes: object, no: object) -> None:
    assert flags(name, yes, no, None) == [False, True, True]


def test_an_item_is_out_where_one_of_several_columns_says_so() -> None:
    table = pl.DataFrame({"Published": ["true", "true", "false"], "Status": ["active", "draft", "active"]})
    found = availability(table, None, "items")
    assert found.columns == ("Published", "Status")
    assert found.flags is not None
    assert found.flags.to_list() == [True, False, False]
    assert found.notes == ("items: 2 of 3 items are not available by Published and Status",)


@pytest.mark.parametrize(
    ("name", "values", "note"),
    [
        ("status", ["Released", "Rumored"], "'Released', 'Rumored'"),
        ("status", ["1", "2", "3"], "'1', '2', '3'"),
        ("discontinued", ["2024-01-05", None], "'2024-01-05'"),
        ("hidden", ["2", "7"], "'2', '7'"),
    ],
)
def test_values_that_are_not_understood_are_said(name: str, values: list[str | None], note: str) -> None:
    found = availability(pl.DataFrame({name: values}), None, "items")
    assert found.flags is None
    assert found.notes[0].startswith(f"items: {name} may say which items are available")
    assert note in found.notes[0]


def test_a_word_that_is_not_understood_counts_as_available_and_is_said() -> None:
    found = availability(pl.DataFrame({"status": ["active", "draft", "zorp"]}), None, "items")
    assert found.flags is not None
    assert found.flags.to_list() == [True, False, True]
    assert "the values 'zorp' of status are not understood" in found.notes[0]


def test_empty_cells_beside_nothing_but_yes_are_said() -> None:
    found = availability(pl.DataFrame({"available": ["x", None, "x"]}), None, "items")
    assert found.notes == (
        "items: available says yes of 2 items and nothing of 1: these count as available too; write no where "
        "that is meant",
    )


@pytest.mark.parametrize(
    ("name", "values"), [("published", ["1998", "2004"]), ("price", ["0", "1"]), ("stock", ["AAPL", "MSFT"])]
)
def test_columns_of_something_else_say_nothing(name: str, values: list[str]) -> None:
    found = availability(pl.DataFrame({name: values}), None, "items")
    assert (found.flags, found.notes) == (None, ())


def test_pieces_in_stock_are_asked_about_and_may_be_chosen() -> None:
    table = pl.DataFrame({"stock": ["5", "0", "3"], "discontinued": ["0", "0", "1"]})
    found = availability(table, None, "items")
    assert found.flags is not None
    assert found.flags.to_list() == [True, True, False]
    assert '--item-map "stock=available" leaves them out' in found.notes[0]
    chosen = availability(table, "stock", "items")
    assert chosen.flags is not None
    assert chosen.flags.to_list() == [True, False, False]


def test_a_chosen_column_that_is_not_understood_is_refused() -> None:
    with pytest.raises(DataError, match=r"none of its values is understood \('blue', 'red'\)"):
        availability(pl.DataFrame({"colour": ["red", "blue"]}), "colour", "items")


def test_a_catalogue_holds_what_its_columns_say(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("sku,name,available,hidden\na,Red hat,ja,no\nb,Blue coat,nein,no\nc,Old shoe,ja,yes\n")
    table = read_catalogue(path)
    assert table.columns.available == ("available", "hidden")
    assert table.frame["available"].to_list() == [True, False, False]
    assert Catalogue.from_frame(table.frame).available.tolist() == [True, False, False]


def test_a_column_that_is_called_available_and_not_understood_stays_an_attribute(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("sku,name,available\na,Red hat,monday\nb,Blue coat,friday\n")
    frame = read_catalogue(path, reading=Reading()).frame
    assert "available" not in frame.columns
    assert Catalogue.from_frame(frame).available.all()
