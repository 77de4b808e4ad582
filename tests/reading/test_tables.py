"""Catalogues and files of users: named columns whatever the file, ids as in the log."""

import json
from pathlib import Path

import polars as pl
import pytest
from tests.reading.logs import write

from tacit.core.errors import ConfigError, DataError
from tacit.reading.choices import Reading
from tacit.reading.read import read_catalogue, read_items, read_users


def items(folder: Path, data: str | bytes, **options) -> pl.DataFrame:
    return read_items(write(folder, data, "items"), **options)


def test_csv_with_cells_over_several_lines(tmp_path: Path) -> None:
    text = 'item_id,title,description\n1,"Tent, green","two\nlines"\n2,Stove,\n\n3,"say ""hi""",x\n'
    assert items(tmp_path, text).rows() == [
        ("1", "Tent, green", "two\nlines"),
        ("2", "Stove", None),
        ("3", 'say "hi"', "x"),
    ]


def test_a_stray_quote_swallows_no_item(tmp_path: Path) -> None:
    text = 'item_id,title\n1,"19" rack\n2,Stove\n3,"a ""b"""\n4,"open\n5,Cup\n6,5" pipe\n7,19" rack\n'
    frame = items(tmp_path, text)
    assert frame["item_id"].to_list() == ["1", "2", "3", "4", "5", "6", "7"]
    assert frame["title"].to_list()[1:3] == ["Stove", 'a "b"']


def test_rows_too_short_or_too_long(tmp_path: Path) -> None:
    text = "item_id;title;price\n1;Tent\n2;Stove;5;more\n3;Cup;6\n4;Pot;7\n5;Pan;8\n"
    assert items(tmp_path, text).rows() == [
        ("1", "Tent", None),
        ("2", "Stove", 5.0),
        ("3", "Cup", 6.0),
        ("4", "Pot", 7.0),
        ("5", "Pan", 8.0),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese(encoding: str, tmp_path: Path) -> None:
    text = "商品编号,标题,简介\n甲,帐篷,双人\n乙,炉子,便携\n"
    frame = items(tmp_path, text.encode(encoding))
    assert frame.columns == ["item_id", "title", "description"]
    assert frame.rows() == [("甲", "帐篷", "双人"), ("乙", "炉子", "便携")]


def test_json_lines(tmp_path: Path) -> None:
    records = [{"sku": 7, "name": "Tent", "price": 1.50, "tags": ["a", "b"]}, {"sku": "8", "stock": {"n": 1}}]
    frame = items(tmp_path, "\n" + "\n".join(map(json.dumps, records)))
    assert frame.rows() == [("7", "Tent", 1.5, "a, b", None), ("8", None, None, None, "1")]


def test_metarank_items(tmp_path: Path) -> None:
    record = {"event": "item", "item": "p", "fields": [{"name": "title", "value": "Tent"}]}
    assert items(tmp_path, json.dumps(record)).rows() == [("p", "Tent")]


def test_movielens_items_and_users(tmp_path: Path) -> None:
    flags = ["0"] * 19
    flags[1] = flags[16] = "1"
    frame = items(tmp_path, f"1|Toy Story (1995)|01-Jan-1995||http://x|{'|'.join(flags)}\n" * 2)
    assert frame.select("item_id", "title", "genres").rows() == [
        ("1", "Toy Story (1995)", "Action, Thriller")
    ]
    frame = items(tmp_path, "1::Amélie (2001)::Comedy|Romance\n".encode("latin-1"))
    assert frame.rows() == [("1", "Amélie (2001)", "Comedy|Romance")]
    users = read_users(write(tmp_path, "1::F::1::10::48067\n2::M::56::16::70072\n", "users.dat"))
    assert users.columns == ["user_id", "gender", "age", "occupation", "zip"]


def test_mind_news(tmp_path: Path) -> None:
    frame = items(tmp_path, 'N1\tnews\tlocal\tA title\tAn "abstract"\thttp://x\t[]\t[]\n' * 2)
    assert frame.select("item_id", "title", "description").rows() == [("N1", "A title", 'An "abstract"')]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pl.DataFrame(
        {"movieId": [1.0, 2.0, None], "title": ["a", "b", "c"], "in_stock": [True, False, True]}
    ).write_parquet(path)
    assert read_items(path).rows() == [("1", "a", True), ("2", "b", False)]


def test_ids_are_those_of_the_log(tmp_path: Path) -> None:
    frame = items(tmp_path, "item_id,title\n 007 ,a\ncafe\u0301,b\nNA,c\n,d\n007,again\n")
    assert frame.rows() == [("007", "a"), ("caf\u00e9", "b"), ("NA", "c")]


def test_known_columns_are_named_and_typed(tmp_path: Path) -> None:
    text = (
        "id,product name,summary,status,published_at,price\n"
        "1,Tent,warm,active,2023-11-14,$1,299.00\n".replace("$1,299.00", '"$1,299.00"')
        + "2,Stove,,Out of stock,2023-11-15,free\n3,Cup,,1,,\n"
    )
    frame = items(tmp_path, text)
    assert frame.columns == ["item_id", "title", "description", "available", "created_at", "price"]
    assert frame["available"].to_list() == [True, False, True]
    assert frame["created_at"].to_list() == [1_699_920_000, 1_700_006_400, None]
    assert frame["price"].to_list() == [1299.0, None, None]


def test_a_list_of_ids_alone(tmp_path: Path) -> None:
    assert read_users(write(tmp_path, "u1\nu2\n\nu1\n")).rows() == [("u1",), ("u2",)]
    assert read_users(write(tmp_path, "user_id\nu1\n")).rows() == [("u1",)]


def test_a_mapped_column(tmp_path: Path) -> None:
    frame = items(tmp_path, "item_id,code\n1,x\n2,y\n", reading=Reading(item_columns={"item": "code"}))
    assert frame.rows() == [("1", "x"), ("2", "y")]
    assert frame.columns == ["item_id_as_read", "item_id"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"item_id,title\n", "no row has an id"),
        (b"item_id,title\n,a\n", "no row has an id"),
        (b'{"item_id": 1}\n{', "not JSON to its end"),
        (b'{"a":' * 100_000, "not JSON to its end"),
        (b"PAR1xxxx", "not a whole Parquet file"),
        (b"\x1f\x8bxxxx", "cannot be unpacked"),
    ],
)
def test_a_file_without_a_table_is_one_clear_error(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        items(tmp_path, data)


def test_a_header_with_an_empty_first_cell_is_a_header_and_the_row_numbers_are_dropped(
    tmp_path: Path,
) -> None:
    text = ",product_code,bezeichnung\n0,P7,Lampe\n1,P8,Stuhl\n2,P9,Tisch\n"
    path = write(tmp_path, text, "items.csv")
    table = read_catalogue(path)
    assert table.frame.rows() == [("P7", "Lampe"), ("P8", "Stuhl"), ("P9", "Tisch")]
    assert table.columns.item == "product_code"
    assert table.columns.title == "bezeichnung"
    assert table.columns.notes == (
        f"{path}: the first column has no name and counts the rows: it is dropped",
    )
    by_place = read_catalogue(path, reading=Reading(item_columns={"item": "1", "title": "2"}))
    assert by_place.frame["item_id"].to_list() == ["0", "1", "2"]
    assert by_place.frame["title"].to_list() == ["P7", "P8", "P9"]


def test_empty_columns_without_a_name_are_dropped(tmp_path: Path) -> None:
    table = read_catalogue(write(tmp_path, "item_id,title,,\n1,a,,\n2,b,,\n", "items"))
    assert table.frame.columns == ["item_id", "title"]
    assert "2 empty column(s) without a name" in table.columns.notes[0]


@pytest.mark.parametrize(
    ("header", "item", "title"),
    [
        ("Artikelnummer;Bezeichnung;Preis", "Artikelnummer", "Bezeichnung"),
        ("Preis;Artikel-Nr.;Produktname", "Artikel-Nr.", "Produktname"),
        ("codigo_producto;nombre del producto;precio", "codigo_producto", "nombre del producto"),
        ("Référence article;Libellé;Marque", "Référence article", "Libellé"),
        ("tytuł;id produktu;marka", "id produktu", "tytuł"),
        ("商品编号;商品标题;品牌", "商品编号", "商品标题"),
        ("品牌;品名;货品编码", "货品编码", "品名"),
        ("商品コード;商品名;価格", "商品コード", "商品名"),
        ("상품번호;상품명;가격", "상품번호", "상품명"),
        ("код товара;название;бренд", "код товара", "название"),
        ("Title;Product ID;Vendor", "Product ID", "Title"),
        ("product_type;SKU;short name", "SKU", "short name"),
        ("brand_name;track_code;name_of_track", "track_code", "name_of_track"),
        ("category_id;goodsNo;goodsName", "goodsNo", "goodsName"),
        ("isbn;author;book_title", "isbn", "book_title"),
    ],
)
def test_columns_are_found_by_the_parts_of_their_names(
    header: str, item: str, title: str, tmp_path: Path
) -> None:
    names = header.split(";")
    cells = {item: "A-{n}", title: "Red thing with {n} legs"}
    rows = [";".join(cells.get(name, "x{m}").format(n=n, m=n % 3) for name in names) for n in range(40)]
    table = read_catalogue(write(tmp_path, "\n".join([header, *rows]), "items"))
    assert (table.columns.item, table.columns.title) == (item, title)
    assert table.frame["item_id"].to_list() == [f"A-{n}" for n in range(40)]


def test_the_column_that_meets_the_log_holds_the_ids(tmp_path: Path) -> None:
    rows = "".join(f"{n},{900 + n},Thing {chr(65 + n)}\n" for n in range(20))
    path = write(tmp_path, "old_key,new_key,thing\n" + rows, "items")
    with pytest.raises(DataError, match=r"--item-map old_key=item.* or in new_key .*--accept-guess"):
        read_catalogue(path)
    assert read_catalogue(path, reading=Reading(accept_guess=True)).columns.item == "old_key"
    table = read_catalogue(path, log_ids=pl.Series(["903", "904", "904"]))
    assert table.columns.item == "new_key"
    assert table.columns.title == "thing"
    assert "the column new_key holds the item ids: 100% of the events meet it" in table.columns.notes[0]


def test_a_column_that_neither_its_name_nor_the_log_knows_is_not_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "thing,price\nx1,1.5\nx2,2.5\n", "items")
    assert read_items(path)["item_id"].to_list() == ["x1", "x2"]
    with pytest.raises(DataError, match="no column is known to hold item ids among thing, price"):
        read_items(path, log_ids=pl.Series(["y1", "y2"]))


def test_names_are_the_ids_where_the_log_has_names(tmp_path: Path) -> None:
    path = write(tmp_path, "app_id,name\n1,Dota 2\n2,Portal\n", "items")
    assert read_items(path, log_ids=pl.Series(["Portal", "Dota 2"]))["item_id"].to_list() == [
        "Dota 2",
        "Portal",
    ]
    assert read_items(path, log_ids=pl.Series(["1", "2"]))["item_id"].to_list() == ["1", "2"]
    assert read_items(path, log_ids=pl.Series(["strange"]))["item_id"].to_list() == ["1", "2"]


def test_no_column_of_ids_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "colour,wide\nred,1.5\nblue,2.5\nred,3.5\n", "items")
    with pytest.raises(
        DataError, match="no column is known to hold item ids among colour, wide; name it with"
    ):
        read_items(path)


LOG = "user_id,item_id,event,timestamp\n" + "".join(
    f"u{n % 7},i{n % 5},view,{1709251200 + n}\n" for n in range(60)
)


def test_a_log_given_as_a_catalogue_or_as_users_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, LOG, "log.csv")
    with pytest.raises(DataError, match="looks like an event log: item_id repeats its ids about 12 times"):
        read_items(path)
    with pytest.raises(DataError, match="looks like an event log: user_id repeats its ids about 9 times"):
        read_users(path)
    assert len(read_items(path, reading=Reading(item_columns={"item": "item_id"}))) == 5


def test_a_catalogue_with_several_rows_an_item_is_none(tmp_path: Path) -> None:
    rows = "".join(f"P{n // 3},Shirt,{n % 3}\n" for n in range(30))
    table = read_catalogue(write(tmp_path, "product_id,title,size\n" + rows, "items"))
    assert len(table.frame) == 10
    assert "20 row(s) repeat an id of product_id" in table.columns.notes[-1]


def test_who_sells_an_item_and_when_it_was_listed_make_no_log(tmp_path: Path) -> None:
    rows = "".join(f"P{n},u{n % 3},2024-03-{n + 1:02},Shirt {n}\n" for n in range(20))
    assert len(items(tmp_path, "item_id,user_id,created_at,title\n" + rows)) == 20


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("item_id,description\n1,Lamp\n2,Cup\n", "description"),
        ("item_id,brand,text\n1,A,Lamp\n2,A,Cup\n", "text"),
        ("item_id,category,anything\n1,Home,Red lamp\n2,Home,Cup\n", "anything"),
        ("item_id,name,description\n1,Lamp,Red\n2,Cup,Blue\n", "name"),
        ("item_id,name,title\n1,x,Lamp\n2,y,Cup\n", "title"),
        ("item_id,title\n1,\n2,nan\n3,N/A\n", "title"),
        ("item_id,colour\n1,red\n2,red\n3,red\n4,blue\n5,red\n", None),
    ],
)
def test_a_title_falls_back(text: str, title: str | None, tmp_path: Path) -> None:
    assert read_catalogue(write(tmp_path, text, "items")).columns.title == title


def test_a_long_description_is_no_title(tmp_path: Path) -> None:
    text = "item_id,description\n" + "".join(f"{n},{'many words ' * 20}{n}\n" for n in range(9))
    columns = read_catalogue(write(tmp_path, text, "items")).columns
    assert (columns.title, columns.description) == (None, "description")


def test_what_is_text_and_what_is_left_out_is_known(tmp_path: Path) -> None:
    rows = "".join(
        f'{n},Film {chr(65 + n)},https://x/{n},{n * 7},"Drama, {chr(65 + n % 3)}",K{n}Z\n' for n in range(25)
    )
    columns = read_catalogue(
        write(tmp_path, "movie_id,name,cover,votes,genres,key\n" + rows, "items")
    ).columns
    assert columns.texts == ("name", "genres")
    assert columns.left_out == {"cover": "web addresses", "votes": "numbers", "key": "codes"}
    assert columns.attributes == ("cover", "votes", "key")


def test_columns_may_be_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c,d,n\nx,y,no,2024-01-02,5\nz,w,yes,2024-01-03,6\n", "items")
    roles = {"item": "b", "title": "1", "available": "c", "created_at": "d"}
    frame = read_items(path, reading=Reading(item_columns=roles))
    assert frame["item_id"].to_list() == ["y", "w"]
    assert frame["title"].to_list() == ["x", "z"]
    assert frame["available"].to_list() == [False, True]
    assert frame["created_at"].to_list() == [1704153600, 1704240000]
    with pytest.raises(ConfigError, match="there is no column 'e' for the title"):
        read_items(path, reading=Reading(item_columns={"title": "e"}))


def test_rules_for_ids_hold_for_tables(tmp_path: Path) -> None:
    rules = Reading(ids=("trim-float", "fold-case"))
    assert items(tmp_path, "item_id,title\nSKU-1,a\n7.0,b\n", reading=rules)["item_id"].to_list() == [
        "sku-1",
        "7",
    ]
    users = write(tmp_path, "user_id,age\nU1,3\nu1,4\n", "users")
    assert read_users(users, reading=rules)["user_id"].to_list() == ["u1"]


def test_titles_that_mean_nothing_are_missing(tmp_path: Path) -> None:
    text = "item_id,title\ni0,\ni1,nan\ni2,N/A\ni3,null\ni4,None\ni5,-\n4711,4711\ni7,1984\n"
    assert items(tmp_path, text)["title"].to_list() == [None] * 7 + ["1984"]


def test_the_id_column_may_stand_second(tmp_path: Path) -> None:
    assert items(tmp_path, "title,item_id\nLamp,i0\nChair,i1\n").rows() == [("Lamp", "i0"), ("Chair", "i1")]


@pytest.mark.parametrize(
    ("cells", "prices"),
    [
        (["1.037,02 €", "10,37 €", "1.037 €"], [1037.02, 10.37, 1037.0]),
        (["1 037,02 zł", "10,50 zł", "7,00 zł"], [1037.02, 10.5, 7.0]),
        (["$1,037.02", "$10.37", "$7.00"], [1037.02, 10.37, 7.0]),
        (["(1.00)", "2.50", "3.00"], [-1.0, 2.5, 3.0]),
    ],
)
def test_prices_are_read_as_people_write_them(tmp_path: Path, cells: list[str], prices: list[float]) -> None:
    rows = "".join(f"{place};Thing {place};{cell}\n" for place, cell in enumerate(cells))
    assert items(tmp_path, "item_id;title;price\n" + rows)["price"].to_list() == prices


def test_what_is_no_price_or_no_time_is_said(tmp_path: Path) -> None:
    text = "item_id,title,price,created_at\n1,Tent,1万,112/01/06\n2,Stove,12,112/02/06\n3,Cup,7,112/03/06\n"
    found = read_catalogue(write(tmp_path, text, "items"))
    assert found.frame["price"].to_list() == [None, 12, 7]
    assert "1 cells of price are no numbers that can be read, for example '1万'" in " ".join(found.notes)
    assert "created_at is not used: '112/01/06'" in " ".join(found.notes)


def test_the_choices_of_times_hold_for_a_catalogue(tmp_path: Path) -> None:
    text = "item_id,title,created_at\n1,Tent,03/04/2024\n2,Stove,05/06/2024\n"
    reading = Reading(dates="dmy", timezone="Asia/Shanghai")
    assert items(tmp_path, text, reading=reading)["created_at"].to_list() == [1712073600, 1717516800]
    assert "--dates" in " ".join(read_catalogue(write(tmp_path, text, "items")).notes)


def test_the_encoding_of_a_catalogue_is_said(tmp_path: Path) -> None:
    text = "item_id,title\n1,绿色的帐篷\n2,小炉子和锅\n3,保暖的外套\n"
    found = read_catalogue(write(tmp_path, text.encode("gb18030"), "items"))
    assert "the encoding was guessed: gb18030" in " ".join(found.notes)


def test_two_columns_that_meet_all_events_are_said(tmp_path: Path) -> None:
    text = "a,b,c\n" + "".join(f"{n},{30 - n},Thing number {n}\n" for n in range(1, 30))
    ids = pl.Series([str(n) for n in range(1, 30)])
    notes = " ".join(read_catalogue(write(tmp_path, text, "items"), log_ids=ids).notes)
    assert (
        "the column a holds the item ids: 100% of the events meet it, and b as many: --item-map b=item"
        in notes
    )
