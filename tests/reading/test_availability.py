"""Which items of a catalogue may be recommended: names of columns and words in many languages."""

from datetime import date
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
        ("Verfügbarkeit", "auf Lager", "nicht verfügbar"),
        ("estado", "activo", "agotado"),
        ("disponibilidad", "en stock", "fuera de stock"),
        ("statut", "en ligne", "hors ligne"),
        ("etat", "en vente", "plus en vente"),
        ("situação", "ativo", "esgotado"),
        ("stato", "attivo", "fuori produzione"),
        ("beschikbaarheid", "op voorraad", "niet op voorraad"),
        ("статус", "опубликован", "снят с продажи"),
        ("stok durumu", "stokta", "stokta yok"),
        ("dostupnost", "skladem", "není skladem"),
        ("lagerstatus", "i lager", "slut i lager"),
        ("наявність", "є в наявності", "немає в наявності"),
        ("販売状態", "販売中", "廃盤"),
        ("ステータス", "公開中", "下書き"),
        ("الحالة", "متوفر", "غير متوفر"),
        ("उपलब्धता", "उपलब्ध", "स्टॉक में नहीं"),
        ("สถานะ", "มีสินค้า", "เลิกขาย"),
        ("tình trạng", "còn hàng", "ngừng kinh doanh"),
        ("status", "tersedia", "habis"),
        ("販售狀態", "販售中", "缺貨"),
        ("销售状态", "现货", "断货"),
        ("state", "enabled", "suspended"),
        ("lifecycle", "Live", "EOL"),
        ("visibility", "Catalog, Search", "Not Visible Individually"),
        ("是否有效", "是", "否"),
        ("上下架", "1", "0"),
        ("approve_status", "onsale", "instock"),
        ("enabled", "enabled", "not enabled"),
        ("available", "not sold out", "sold out"),
        ("available", "yes", "no longer"),
        ("在架状态", "在架", "不在架"),
        ("never_hidden", "1", "0"),
        ("not_discontinued", "1", "0"),
        ("未删除", "是", "否"),
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
        ("not_for_sale", "1", "0"),
        ("no_longer_available", "true", "false"),
        ("Out of print", "Yes", "No"),
        ("not in stock", "1", "0"),
        ("suppressed", "yes", "no"),
        ("blocked", "y", "n"),
        ("gesperrt", "1", "0"),
        ("ausgelistet", "ja", "nein"),
        ("nicht_verfügbar", "ja", "nein"),
        ("nicht mehr lieferbar", "ja", "nein"),
        ("売り切れ", "はい", "いいえ"),
        ("放入仓库", "1", "0"),
        # A negation before a name that says it straight.
        ("is_not_enabled", "yes", "no"),
        ("unapproved", "yes", "no"),
        ("in_active", "yes", "no"),
        ("non_visible", True, False),
        ("kein_aktiv", "ja", "nein"),
        ("pas disponible", "oui", "non"),
        ("não disponível", "sim", "não"),
        ("не активен", "да", "нет"),
        ("是否不可售", "是", "否"),
        ("未上架", "是", "否"),
        ("非公開", "はい", "いいえ"),
        ("停用", "是", "否"),
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
        ("active", ["1", "2"], "'1', '2'"),
        ("宝贝状态", ["1", "2"], "'1', '2'"),
        ("state", ["enabled", "zorp"], "'zorp'"),
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
    ("name", "values"),
    [
        ("published", ["1998", "2004"]),
        ("price", ["0", "1"]),
        ("stock", ["AAPL", "MSFT"]),
        ("state", ["NY", "OFF", "NO", "CA"]),
        ("state", ["yes", "no"]),
        ("sold", ["3", "0"]),
        ("draft", ["IPA", "Stout"]),
        ("no_status", ["yes", "no"]),
        ("in_state", ["yes", "no"]),
        ("上架时间", ["2023-01-06", "2023-01-11"]),
        ("available_on", ["Kindle", "PC"]),
        ("不锈钢", ["是", "否"]),
    ],
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


@pytest.mark.parametrize(
    ("name", "values", "answer", "expected"),
    [
        ("sold", ["yes", "no", "no"], "yes", [False, True, True]),
        ("draft", ["1", "0", None], "yes", [False, True, True]),
        ("offline", [True, False, False], "yes", [False, True, True]),
        ("Auslaufartikel", ["ja", "nein", "nein"], "yes", [False, True, True]),
        ("live", ["no", "yes", "yes"], "no", [False, True, True]),
    ],
)
def test_a_column_that_may_say_another_thing_is_asked_about_and_may_be_chosen(
    name: str, values: list[object], answer: str, expected: list[bool]
) -> None:
    table = pl.DataFrame({name: values})
    found = availability(table, None, "items")
    assert found.flags is None
    assert found.notes == (
        f"items: 1 items have a {answer} in {name} and count as available; --item-map "
        f'"{name}=available" leaves them out',
    )
    chosen = availability(table, name, "items")
    assert chosen.flags is not None
    assert chosen.flags.fill_null(True).to_list() == expected


@pytest.mark.parametrize("name", ["not_for_sale", "Out of print", "auslaufartikel", "未上架", "offline"])
def test_a_chosen_column_of_a_negative_name_is_turned_around(name: str) -> None:
    found = availability(pl.DataFrame({name: ["1", "0"]}), name, "items")
    assert found.flags is not None
    assert found.flags.to_list() == [False, True]
    assert found.notes == (f"items: 1 of 2 items are not available by {name}",)


@pytest.mark.parametrize(
    ("name", "values", "read"),
    [
        ("zorp", ["yes", "no"], "yes"),
        ("zorp", ["1", "0"], "yes"),
        ("zorp", [True, False], "yes"),
        ("state", ["yes", "no"], "yes"),
        ("zorp", ["12", "0"], "a number above 0"),
    ],
)
def test_a_chosen_column_says_which_way_it_is_read_where_its_name_does_not(
    name: str, values: list[object], read: str
) -> None:
    found = availability(pl.DataFrame({name: values}), name, "items")
    assert found.flags is not None
    assert found.flags.to_list() == [True, False]
    assert found.notes[0] == (
        f"items: {name} does not say by its name what it means: {read} is read as available; where it means "
        'the opposite, call the column "not available"'
    )


def test_a_chosen_column_of_states_needs_no_way() -> None:
    found = availability(pl.DataFrame({"zorp": ["active", "sold out"]}), "zorp", "items")
    assert found.notes == ("items: 1 of 2 items are not available by zorp",)


def test_codes_of_a_chosen_column_are_refused() -> None:
    with pytest.raises(DataError, match=r"none of its values is understood \('1', '2'\)"):
        availability(pl.DataFrame({"active": ["1", "2"]}), "active", "items")


@pytest.mark.parametrize(
    "name", ["下架时间", "available_until", "available_from", "availability_date", "有效期"]
)
@pytest.mark.parametrize("value", ["2023-05-01", "01.05.2023", "1682899200", date(2023, 5, 1)])
def test_days_of_availability_are_not_used_and_said(name: str, value: object) -> None:
    found = availability(pl.DataFrame({name: [value, None]}), None, "items")
    assert found.flags is None
    assert found.notes == (
        f"items: {name} says when items are available or gone and is not used for it: all items count as "
        "available; write a column of yes or no",
    )


def test_in_stock_beside_on_sale_is_in_the_warehouse_or_not_understood() -> None:
    assert flags("approve_status", "instock", "instock") == [False, False]
    found = availability(pl.DataFrame({"status": ["on sale", "in stock"]}), None, "items")
    assert found.flags is not None
    assert found.flags.to_list() == [True, True]
    assert "the values 'in stock' of status are not understood" in found.notes[0]
    assert flags("status", "on sale", "in stock", "sold out") == [True, True, False]


@pytest.mark.parametrize("name", ["宝贝数量", "quantity", "庫存數量"])
def test_more_names_of_pieces_in_stock_are_asked_about(name: str) -> None:
    found = availability(pl.DataFrame({name: ["5", "0"]}), None, "items")
    assert found.notes == (
        f"items: 1 items have no stock by {name} and count as available; --item-map "
        f'"{name}=available" leaves them out',
    )


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
