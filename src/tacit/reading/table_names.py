"""What the names of columns of catalogues and files of users say, by their parts, in many languages."""

import re
import unicodedata
from collections.abc import Collection

from tacit.reading import availability_words

_ITEM = (
    "item product prod sku article articles artikel articulo articolo artigo producto produit produkt "
    "prodotto produto goods good ware movie film book game song track video news asin isbn offer "
    "listing variant stock content material joke venue poi recipe course app album show podcast hotel "
    "restaurant anime manga towar tovar urun beer wine job ad post document 商品 物品 产品 货品 电影 "
    "图书 品目 アイテム 製品 상품 제품 товар артикул продукт фильм книга منتج สินค้า"
)
_USER = (
    "user customer client buyer member visitor viewer reviewer shopper account household person "
    "subscriber patron kunde kunden kaeufer nutzer benutzer mitglied cliente utente usuario utilisateur "
    "klient uzytkownik acheteur comprador acquirente membre kullanici musteri 用户 会员 买家 顾客 客户 "
    "顧客 会員 ユーザー ユーザ 고객 사용자 회원 пользователь покупатель клиент مستخدم عميل ผู้ใช้ "
    "ลูกค้า"
)
_ID = (
    "id ids code no nr num number nummer numero key ref reference sku kod codigo codice kennung uid md5 "
    "sha hash isbn13 handle pid iid nid docid 编号 编码 代码 号 品番 型号 コード 番号 번호 코드 номер "
    "код رقم รหัส"
)
_TITLE = (
    "title name titel bezeichnung nombre titulo titre nom intitule libelle designation tytul nazwa "
    "titolo nome denominazione denominacao denominacion naam benaming название наименование имя baslik "
    "isim adi adı 标题 名称 品名 片名 书名 题名 商品名 品目名 タイトル 名前 題名 書名 제목 이름 상품명 "
    "제품명 품명 عنوان اسم ชื่อ ชื่อเรื่อง"
)
_DESCRIPTION = (
    "description desc text body abstract storyline plot summary overview synopsis details detail about "
    "blurb beschreibung beschreibungstext inhalt descripcion descrizione descricao omschrijving opis "
    "resume описание аннотация aciklama 描述 简介 剧情简介 说明 详情 介绍 説明 内容 설명 내용 وصف الوصف "
    "คำอธิบาย รายละเอียด"
)
_OTHERS = (
    "postcode zip zipcode postal plz brand category categories cat categ genre seller vendor shop store "
    "author artist file image img picture photo supplier manufacturer maker merchant creator director "
    "actor actors publisher studio label department color colour size type group class tag tags parent "
    "order invoice transaction session basket cart event country city region state street host url link "
    "path page query campaign currency unit nick first last sort alias marke kategorie hersteller marca "
    "categoria marque categorie fabricante lieferant verlag autor auteur autore farbe groesse proveedor "
    "fournisseur fornitore editeur kategoria marki producent kategori marka 品牌 类目 分类 类别 店铺 "
    "卖家 作者 导演 演员 类型 颜色 订单 カテゴリ ブランド 著者 브랜드 카테고리 бренд категория автор"
)
_CREATED = (
    "createdat creationtimestamp addedat publishedat listedat dateadded creationdate createdon created "
    "publishdate listingdate datecreated 上架时间 创建时间 发布时间 登録日 登録日時 등록일"
)
_PRICE = "price preis prix precio prezzo preco cena prijs цена fiyat 价格 单价 価格 가격 unitprice cost"
_ORDER = (
    "order orders invoice transaction basket session receipt visit booking bestellung warenkorb "
    "rechnung pedido commande ordine zamowienie siparis 订单 会话 注文 주문 заказ"
)
_TIME = (
    "time date datetime timestamp at ts when moment datum zeit zeitpunkt fecha heure data ora hora czas "
    "дата время tarih 时间 日期 日時 日付 시간 날짜"
)
_JOINED = "id ids no nr num number code key sku uid name title titel titre nom nombre url"
"""What stands behind a noun in names that are written as one word."""

_EVENT = (
    "event action behavior behaviour activity interaction verb aktion ereignis accion evento 行为 事件 "
    "行動 행동"
)


def name_parts(name: str) -> tuple[str, ...]:
    """Return the words of a column's name, small and without accents.

    ``productId``, ``product_id`` and ``Product ID`` have the parts product and id.
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return tuple(word for part in re.findall(r"[^\W_]+", plain_text(spaced)) for word in _taken_apart(part))


def _taken_apart(part: str) -> tuple[str, ...]:
    """Return the two words of a name that was written as one: ``movieid``, ``productname``."""
    for cut in range(2, len(part) - 1):
        noun, what = part[:cut], part[cut:]
        if what in _SECOND and noun in _FIRST:
            return noun, what
    return (part,)


class Words:
    """Words of one meaning, in many languages.

    Parameters
    ----------
    words : str
        Separated by blanks.
    """

    def __init__(self, words: str) -> None:
        plain = [plain_text(word) for word in words.split()]
        self._words = frozenset(plain)
        # In scripts without blanks a name is one word of several: 商品编号.
        self._unspaced = tuple(word for word in plain if not word.isascii())
        # German compounds: Artikelnummer, Produktbezeichnung.
        self._long = tuple(word for word in plain if word.isascii() and len(word) >= 5)

    def __contains__(self, part: str) -> bool:
        return part in self._words

    def among(self, parts: Collection[str]) -> bool:
        """Return whether one of the parts of a name is, begins or ends with one of the words."""
        return any(
            part in self._words
            or any(word in part for word in self._unspaced)
            or (len(part) >= 8 and part.startswith(self._long))
            for part in parts
        )

    def bound(self, parts: tuple[str, ...]) -> bool:
        """Return whether a name begins or ends with one of the words: ``product_id``, ``id_producto``."""
        if not parts:
            return False
        first, last = parts[0], parts[-1]
        return (
            last in self._words
            or first in self._words
            or last.endswith((*self._unspaced, *self._long))
            or first.startswith(self._unspaced)
        )


def plain_text(text: str) -> str:
    """Return a text in small letters, without accents where its script is Latin."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    if all(ord(sign) < 0x370 for sign in decomposed):
        return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).replace("ł", "l")
    return unicodedata.normalize("NFKC", text.casefold())


_FIRST = frozenset(f"{_ITEM} {_USER} {_OTHERS} doc".split())
_SECOND = frozenset(_JOINED.split())
ITEM, USER, ID, OTHERS = Words(_ITEM), Words(_USER), Words(_ID), Words(_OTHERS)
TITLE, DESCRIPTION, PRICE = Words(_TITLE), Words(_DESCRIPTION), Words(_PRICE)
BARCODE = Words("ean ean13 gtin gtin13 upc barcode strichcode 条码 条形码 바코드")
TIME, EVENT, ORDER = Words(_TIME), Words(_EVENT), Words(_ORDER)
AVAILABLE = frozenset(f"{availability_words.STRAIGHT} {availability_words.TURNED}".split())
CREATED = frozenset(_CREATED.split())


def is_vocabulary(name: str) -> bool:
    """Return whether all parts of a cell are words that name columns: such a cell is one of a header."""
    parts = name_parts(name)
    known = (ITEM, USER, ID, OTHERS, TITLE, DESCRIPTION, PRICE, TIME, EVENT)
    return (
        0 < len(parts) <= 4 and all(any(words.among((part,)) for words in known) for part in parts)
    ) or "".join(parts) in CREATED | AVAILABLE
