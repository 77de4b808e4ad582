"""What the parts of a column's name say, in many languages, and which of them decides."""

import pytest

from tacit.reading.column_names import Kind, meaning, meanings, parts_of


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (
            "user_id UserID customer_no Kundennummer id_cliente 用户id 会員ID кодКлиента",
            "user",
        ),
        (
            "product_code SKU Artikelnummer código_producto 商品编号 製品コード 품목코드 kod_produktu urun",
            "item",
        ),
        ("event_type action Ereignistyp eventCategory 行为类型 行動種別 tipo_evento did", "event"),
        (
            "timestamp created_at InvoiceDate Bestelldatum date_vente 下单时间 data_zamówienia",
            "time",
        ),
        ("updated_at ship_date birth_date fechaenvío Lieferdatum", "other time"),
        ("rating user_rating Book-Rating puntuación Bewertung 评分", "rating"),
        ("quantity qty num_items Anzahl cantidad miktar 数量", "quantity"),
        ("price item_price prix_unitaire SALES_VALUE цена_товара birim_fiyat", "price"),
        ("order_id InvoiceNo numéro_facture номер_заказа 订单编号", "order"),
        ("product_category_id category_code marca Warengruppe", "category"),
        ("customer_city city country Stadt 地区", "place"),
        ("user_agent browser payment_type 渠道", "tech"),
        ("seller_id store_id product_store", "shop"),
        ("review_id row_number Unnamed:0", "record"),
        ("play_duration watch_time dwell_time hours", "dwell"),
        ("add_to_cart_order position rank", "rank"),
        ("produktnamn product_name Bezeichnung", "title"),
        ("avg_rating num_ratings", "statistic"),
    ],
)
def test_kinds(names: str, kind: Kind) -> None:
    assert {name: meaning(name).kind for name in names.split()} == dict.fromkeys(names.split(), kind)


def test_unknown_words_say_nothing() -> None:
    assert meaning("frobnicated").kinds == ()
    assert not meaning("user_xyzzy").whole
    assert meaning("user_xyzzy").certainty < 0.5 < meaning("user_id").certainty


def test_a_word_that_ends_as_a_doer_is_weakly_a_person() -> None:
    assert meaning("job seeker").kind in ("user", "item")
    assert meaning("zuckerer").certainty < 0.5


def test_a_first_part_that_all_names_share_says_nothing() -> None:
    found = meanings(["orders.user", "orders.sku", "orders.city"])
    assert [said.kind for said in found.values()] == ["user", "item", "place"]


@pytest.mark.parametrize("name", ["productId", "product_id", "Product ID", "PRODUCT-ID", "product.id"])
def test_parts(name: str) -> None:
    assert parts_of(name) == ["product", "id"]


def test_the_head_of_a_compound_says_what_it_is() -> None:
    assert meaning("Freizeitdatum").kind == "time"
    assert meaning("Quietschpreis").kind == "price"
    assert meaning("candidate").kind != "time"


def test_a_doer_of_a_thing_is_a_person() -> None:
    assert meaning("game_rusher").kinds == ("user", "item")
    assert meaning("order_item_id").certainty == meaning("orderitemid").certainty < 0.5


def test_a_card_of_a_customer_names_the_user_and_what_was_written_is_text() -> None:
    assert {meaning(name).kind for name in ("loyaltycardno", "loyalty_card_id", "memberCard")} == {"user"}
    assert {meaning(name).kind for name in ("评论内容", "RMK", "remarks")} == {"text"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("رقم العميل", "user"), ("رقم المنتج", "item"), ("تاريخ الطلب", "time"), ("الكمية", "quantity")),
        *(("รหัสลูกค้า", "user"), ("รหัสสินค้า", "item"), ("วันที่", "time"), ("จำนวน", "quantity")),
    ],
)
def test_arabic_and_thai_names(name: str, kind: str) -> None:
    assert meaning(name).kind == kind
    assert meaning(name).whole
