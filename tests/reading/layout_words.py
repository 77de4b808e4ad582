"""Words that the random layouts name their columns and events with: many shops, many languages.

The phrases are not taken from the source: that half of the names stand nowhere in it is asserted.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split("|"))


NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    language: {role: tuple(phrases) for role, phrases in names.items()}
    for language, names in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}
"""Language -> role -> phrases."""

JOINED = frozenset({"zh", "ja", "ko"})
"""Languages whose phrases are written as they are."""


class EventWord(NamedTuple):
    """A word of an event column, and what it says: 1 yes, 0 only shown, -1 no."""

    text: str
    sign: int


def _funnel(text: str) -> tuple[EventWord, ...]:
    signs = {"+": 1, "0": 0, "-": -1}
    return tuple(EventWord(word[1:].strip(), signs[word[0]]) for word in _phrases(text))


FUNNELS: dict[str, tuple[tuple[EventWord, ...], ...]] = {
    language: tuple(_funnel(text) for text in texts)
    for language, texts in {
        "en": (
            "+view | +cart | +purchase",
            "+view | +add_to_cart | +purchase | -remove_from_cart",
            "+Product Viewed | +Product Added | +Order Completed",
            "+view_item | +add_to_cart | +begin_checkout | +purchase",
            "+click | +order | -return",
            "+VIEW | +BASKET | +BUY",
            "+pv | +cart | +fav | +buy",
            "+page_view | +wishlist | +sale",
            "+clicked | +bought | -returned | -refunded",
            "0impression | +click | +conversion",
            "0impressions | +clicks | +orders",
            "0shown | +clicked | -dismissed",
            "+like | -dislike",
            "+play | +complete | -skip",
            "+play | -skip_song | +add_to_playlist",
            "+read | +share | +bookmark",
            "+apply | +view | -reject",
            "+viewed | +applied | -rejected",
            "+detail_view | +reservation | -cancellation",
            "+swipe_right | -swipe_left",
            "+watch | +finish | -thumbs_down | +thumbs_up",
            "+listen | +favorite | -unfavorite | -block",
            "+install | +open | -uninstall",
            "+follow | -unfollow | -mute",
            "+productView | +addToCart | +transaction",
            "0served | +tapped | +subscribed",
        ),
        "de": ("+Ansicht | +Warenkorb | +Kauf", "+Klick | +Bestellung | -Rückgabe"),
        "fr": ("+vue | +panier | +achat", "+clic | +commande | -retour"),
        "es": ("+vista | +carrito | +compra", "+clic | +compra | -devolución"),
        "it": ("+visualizzazione | +carrello | +acquisto",),
        "pt": ("+visualização | +carrinho | +compra",),
        "nl": ("+bekeken | +winkelwagen | +aankoop",),
        "pl": ("+wyświetlenie | +koszyk | +zakup",),
        "cs": ("+zobrazení | +košík | +nákup",),
        "sv": ("+visning | +varukorg | +köp",),
        "tr": ("+görüntüleme | +sepet | +satın alma",),
        "ru": ("+просмотр | +корзина | +покупка", "+клик | +заказ | -возврат"),
        "zh": ("+浏览 | +加购 | +购买", "+点击 | +收藏 | +加购物车 | +购买", "+点击 | +下单 | -退货"),
        "ja": ("+閲覧 | +カート | +購入", "+クリック | +購入 | -返品"),
        "ko": ("+조회 | +장바구니 | +구매", "+클릭 | +주문 | -환불"),
    }.items()
}
"""Language -> sets of words of one event column, from the most to the least frequent."""

PLACES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        ("London", "Leeds", "Bristol", "Dublin", "Boston", "Austin", "Toronto"),
        ("United Kingdom", "Ireland", "USA", "Canada"),
    ),
    "de": (
        ("München", "Köln", "Berlin", "Düsseldorf", "Wien", "Zürich"),
        ("Deutschland", "Österreich", "Schweiz"),
    ),
    "fr": (("Paris", "Orléans", "Nîmes", "Lyon", "Besançon", "Genève"), ("France", "Belgique", "Suisse")),
    "es": (("Málaga", "Córdoba", "Madrid", "León", "Bogotá"), ("España", "México", "Perú")),
    "it": (("Roma", "Milano", "Forlì", "Napoli", "Cantù"), ("Italia", "Svizzera")),
    "pt": (("São Paulo", "Lisboa", "Brasília", "Évora"), ("Brasil", "Portugal")),
    "nl": (("Amsterdam", "Utrecht", "Den Haag", "Gent"), ("Nederland", "België")),
    "pl": (("Łódź", "Kraków", "Gdańsk", "Poznań", "Warszawa"), ("Polska", "Niemcy")),
    "cs": (("Praha", "Plzeň", "Brno", "České Budějovice"), ("Česko", "Slovensko")),
    "sv": (("Göteborg", "Malmö", "Stockholm", "Örebro"), ("Sverige", "Norge")),
    "tr": (("İstanbul", "Ankara", "İzmir", "Eskişehir"), ("Türkiye", "Almanya")),
    "ru": (("Москва", "Казань", "Самара", "Омск", "Тула"), ("Россия", "Беларусь")),
    "zh": (("上海", "北京", "广州", "成都", "杭州"), ("中国", "新加坡")),
    "ja": (("東京", "大阪", "名古屋", "札幌"), ("日本", "台湾")),
    "ko": (("서울", "부산", "대구", "인천"), ("대한민국", "일본")),
}
"""Language -> names of towns, names of countries."""

THINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        ("Red", "Small", "Classic", "Wooden", "Blue", "Old", "Soft", "Grand"),
        ("lamp", "chair", "novel", "jacket", "kettle", "puzzle", "guitar", "boots"),
    ),
    "de": (("Rote", "Kleine", "Grüne", "Schöne", "Weiße"), ("Lampe", "Jacke", "Tasse", "Schüssel", "Uhr")),
    "fr": (("Petite", "Grande", "Légère", "Élégante"), ("lampe", "théière", "veste", "chaîne", "poupée")),
    "es": (("Pequeña", "Gran", "Rápida", "Única"), ("lámpara", "silla", "cámara", "camiseta de niño")),
    "it": (("Piccola", "Grande", "Nuova", "Bella"), ("lampada", "sedia", "città in legno", "caffettiera")),
    "pt": (("Pequena", "Grande", "Básica", "Única"), ("lâmpada", "cadeira", "calça", "relógio de mão")),
    "nl": (("Kleine", "Grote", "Blauwe", "Mooie"), ("lamp", "stoel", "jas", "theepot")),
    "pl": (("Mała", "Duża", "Żółta", "Piękna"), ("lampa", "książka", "kurtka", "łyżka")),
    "cs": (("Malá", "Velká", "Žlutá", "Krásná"), ("lampa", "židle", "kniha", "lžíce")),
    "sv": (("Lilla", "Stora", "Blå", "Fina"), ("lampan", "stolen", "tröjan", "klockan på väggen")),
    "tr": (("Küçük", "Büyük", "Güzel", "Kırmızı"), ("lamba", "sandalye", "çanta", "gömlek")),
    "ru": (("Большая", "Малая", "Синяя", "Новая"), ("лампа", "книга", "куртка", "чашка")),
    "zh": (("红色", "小号", "经典", "新款"), ("台灯", "椅子", "跑鞋", "水壶", "外套")),
    "ja": (("赤い", "小さな", "新しい", "木製"), ("ランプ", "椅子", "カメラ", "やかん", "ジャケット")),
    "ko": (("빨간", "작은", "새로운", "나무"), ("램프", "의자", "카메라", "주전자", "재킷")),
}
"""Language -> adjectives, nouns: titles and categories of items."""

REMARKS = {
    "en": ("nice, would buy again", 'she said "great"', "not for me\nsorry", "ok; fits", "too small"),
    "de": ("sehr schön, gerne wieder", 'er sagte "prima"', "zu groß\nleider", "gut; günstig"),
    "fr": ("très bien, à recommander", "pas mal\nmerci", "livré à l'heure"),
    "es": ("muy bueno, lo recomiendo", "no está mal\ngracias", "llegó tarde; año nuevo"),
    "it": ("molto bello, grazie", "così così\npeccato", "qualità più alta"),
    "pt": ("muito bom, recomendo", "não gostei\nobrigado", "atenção; chegou tarde"),
    "nl": ("erg mooi, aanrader", "valt tegen\nhelaas", "prima; snel geleverd"),
    "pl": ("bardzo ładne, polecam", "może być\ndziękuję", "świetna jakość"),
    "cs": ("velmi pěkné, doporučuji", "ujde to\nděkuji", "špatná kvalita"),
    "sv": ("mycket bra, rekommenderas", "så där\ntyvärr", "för liten; ändå fin"),
    "tr": ("çok güzel, teşekkürler", "fena değil\nama küçük", "hızlı geldi"),
    "ru": ("очень хорошо, спасибо", "не понравилось\nжаль", "быстрая доставка"),
    "zh": ("很好,下次再买", "一般\n有点小", "物流很快"),
    "ja": ("とても良い,また買います", "普通\n少し小さい", "早く届きました"),
    "ko": ("아주 좋아요, 추천합니다", "그저 그래요\n조금 작아요", "배송이 빨라요"),
}  # fmt: skip
"""Language -> what people write: with separators, quotes and line breaks."""

CLOCKS = {
    "en": ("date", "time"), "de": ("datum", "uhrzeit"), "fr": ("date", "heure"), "es": ("fecha", "hora"),
    "it": ("data", "ora"), "pt": ("data", "hora"), "ru": ("дата", "время"), "zh": ("日期", "时间"),
}  # fmt: skip
"""Language -> names of a column of days and one of the time of day."""

LEGACY = {
    "de": ("cp1252",), "fr": ("cp1252",), "es": ("cp1252",), "it": ("cp1252",), "pt": ("cp1252",),
    "nl": ("cp1252",), "sv": ("cp1252",), "pl": ("cp1250", "iso8859-2"), "cs": ("cp1250", "iso8859-2"),
    "tr": ("cp1254",), "ru": ("cp1251",), "zh": ("gb18030",), "ja": ("shift_jis", "euc_jp"),
    "ko": ("euc_kr",),
}  # fmt: skip
"""Language -> encodings that its older programs write."""

FILE_NAMES = (
    "log", "export", "data", "report", "events", "orders_2024", "interactions", "part-00000", "ratings",
    "search_clicks", "history", "export (1)", "bestellungen", "ventes", "订单", "dump", "recommendations",
    "block_3", "removed_duplicates", "impressions_and_clicks", "returns_included", "feed",
)  # fmt: skip
"""What files are called: no name makes a no of what people did."""
