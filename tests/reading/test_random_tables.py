"""Catalogues of random columns under names of many vocabularies: read right or refused, never wrong."""

import random

import polars as pl
from tests.examples import TIMES

from tacit.core.errors import DataError
from tacit.reading.choices import Reading
from tacit.reading.tables import catalogue_table

_TABLES = round(60 * TIMES)
_ROWS = 60
_WORD_LIST = "red blue lamp chair shoe running light trail wood glass cup pot garden phone travel bag"

_ID_NAMES = (
    "id|ID|_id|item_id|ItemID|item id|Product ID|productCode|goods_sn|article number|Artikelnummer|ART_NO|"
    "StockCode|PROD_NBR|prd_id|itemNo|Handle|variant_sku|asin|movieId|trackid|isbn13|content_id|recipe_id|"
    "ref|code|商品编号|货号|物料编码|商品コード|品番|상품코드|товар_id|Артикул|codigo|id_producto|référence|"
    "code_article|codice articolo|kod_produktu|gtin|barcode|entity_id|docid|listing_id|offerid|pid|nr|key|uri"
)
_TITLE_NAMES = (
    "title|Name|product_name|productname|Description|label|Bezeichnung|Artikelbezeichnung|"
    "Nombre del producto|"
    "titre|libellé|nome|descrizione|nazwa|название|наименование товара|标题|商品名称|品名|タイトル|"
    "商品名|제목|"
    "상품명|headline|caption|movie_title|song|display_name|text|product|item|what|book_title"
)
_WORDS, _IDS, _TITLES = _WORD_LIST.split(), _ID_NAMES.split("|"), _TITLE_NAMES.split("|")


def _noise(rng: random.Random) -> dict[str, list[str]]:
    """Return columns that are neither ids nor titles."""
    return {
        "price": [f"{rng.random() * 90:.2f}" for _ in range(_ROWS)],
        "category": [rng.choice(["Home", "Sport", "Toys"]) for _ in range(_ROWS)],
        "category_id": [str(rng.randint(1, 9)) for _ in range(_ROWS)],
        "brand_name": [rng.choice(["Acme Inc", "Bolt Co"]) for _ in range(_ROWS)],
        "image": [f"https://x/{n}.jpg" for n in range(_ROWS)],
        "created_at": [f"2024-03-{n % 28 + 1:02} 10:00:00" for n in range(_ROWS)],
        "updated": [str(1_709_251_200 + n * 977) for n in range(_ROWS)],
        "ean": [str(4_006_381_000_000 + n * 7) for n in range(_ROWS)],
        "description": ["It is made of " + " ".join(rng.choices(_WORDS, k=40)) for _ in range(_ROWS)],
        "seller_name": [rng.choice(["Tom Shop", "Ann Shop"]) for _ in range(_ROWS)],
        "views": [str(rng.randint(0, 10**6)) for _ in range(_ROWS)],
        "rank": [str(n + 1) for n in range(_ROWS)],
    }


def _ids(rng: random.Random) -> list[str]:
    forms = ("{n}", "AB-{n:04}", "B0{r:08X}", "{r:032x}")
    form = rng.choice(forms)
    return [form.format(n=1000 + n, r=rng.getrandbits(32)) for n in range(_ROWS)]


def _titles(rng: random.Random) -> list[str]:
    if rng.random() < 0.5:
        return [f"{' '.join(rng.sample(_WORDS, 3))} {n}" for n in range(_ROWS)]
    return [
        rng.choice(["红色", "轻便"]) + rng.choice(["跑鞋", "台灯", "牛奶"]) + f"{n}号" for n in range(_ROWS)
    ]


def test_no_catalogue_is_read_wrongly() -> None:
    rng = random.Random(5)
    refused = 0
    for _ in range(_TABLES):
        ids = rng.choice(_IDS)
        title = rng.choice([name for name in _TITLES if name != ids])
        noise = _noise(rng)
        chosen = {name: noise[name] for name in rng.sample(list(noise), rng.randint(0, 5)) if name != title}
        columns = {ids: _ids(rng), title: _titles(rng), **chosen}
        table = pl.DataFrame({name: columns[name] for name in rng.sample(list(columns), len(columns))})
        log_ids = pl.Series(columns[ids] * 2) if rng.random() < 0.5 else None
        try:
            found = catalogue_table(table, Reading(), where="items", log_ids=log_ids).columns
        except DataError as error:
            assert "--item-map" in str(error)
            assert log_ids is None
            refused += 1
            continue
        assert (found.item, found.title) == (ids, title), table.head(3)
        assert not {"ean", "views", "rank", "image", "updated", "created_at"} & set(found.texts)
    assert refused < 0.1 * _TABLES
