"""What a person wants to see of a log: its most popular items, and examples of what went wrong or is odd."""

import re
from dataclasses import dataclass

import polars as pl

from tacit.data import columns as col
from tacit.data.categories import with_texts
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.order_status import UNDONE
from tacit.data.returns import undoes

_TOP = 10
_LONGEST = 200
_SERVICE_WORDS = """
postage shipping freight carriage handling surcharge charges fee fees amazonfee voucher vouchers coupon
discount adjustment adjust manual samples sample deposit commission rounding tip tax vat insurance
versand versandkosten porto gutschein rabatt pfand livraison port remise frais envio envío gastos
descuento spedizione sconto frete wysyłka доставка скидка
运费 邮费 补运费 补邮费 补差价 差价 补差 差额 快递费 优惠券 代金券 礼品卡 送料 配送料 手数料 배송비 쿠폰
"""
_OTHER_WORDS = """
bank card gift delivery dotcom amazon ebay paypal dhl ups express standard priority next day free of
international extra order bad debt by de d y e a per und and for
专拍 专用 链接 补拍 补 拍 请勿拍 勿拍 单拍 的 险 不发货
"""
_SERVICES = frozenset(_SERVICE_WORDS.split())
_BESIDE = frozenset(_OTHER_WORDS.split())
"""Words that may stand beside those of services: "DOTCOM POSTAGE", "bank charges"."""

_WITHOUT_BLANKS = re.compile(
    "(" + "|".join(sorted((w for w in _SERVICES | _BESIDE if w[0] >= "\u3000"), key=lambda w: -len(w))) + ")"
)
"""Known words of Chinese, Japanese and Korean, longer ones first; with its group ``split`` keeps them."""

_LEAST_SHARE = 0.0005


@dataclass(frozen=True)
class PopularItem:
    """One of the most popular items: id, title (None where unknown), events and users."""

    item: str
    title: str | None
    events: int
    users: int


@dataclass(frozen=True)
class Example:
    """A rejected row: its reason, its line and its text (shortened), and of several files its file."""

    reason: str
    line: int
    raw: str
    file: str | None = None


@dataclass(frozen=True)
class Services:
    """Lines that look like postage, fees or vouchers and stand among the goods.

    Attributes
    ----------
    items : list of PopularItem
        The most frequent ones.
    share : float
        Their share of the events.
    """

    items: list[PopularItem]
    share: float


@dataclass(frozen=True)
class Cancellations:
    """Events that undo a choice: returns, refunds, cancelled orders, purchases of a negative quantity.

    Attributes
    ----------
    count : int
    share : float
        Of all events.
    matched_share : float
        Share of them whose user chose the same item too.
    """

    count: int
    share: float
    matched_share: float


def popular_items(
    events: pl.DataFrame, items: pl.DataFrame | None, event_map: EventMap = NO_EVENT_MAP
) -> list[PopularItem]:
    """Return the items with most events that say yes, most popular first."""
    yes = [name for name in events[col.EVENT].unique() if event_map.strength(name) > 0]
    return _described(_counted(events.filter(pl.col(col.EVENT).is_in(yes))).head(_TOP), items)


def examples(quarantine: pl.DataFrame) -> list[Example]:
    """Return the first row of each reason of rejection."""
    first = quarantine.unique("reason", keep="first", maintain_order=True)
    files = first[col.FILE] if col.FILE in first.columns else [None] * len(first)
    rows = first.select("reason", col.LINE, pl.col("raw").fill_null("")).iter_rows()
    return [
        Example(reason, line, raw if len(raw) <= _LONGEST else f"{raw[:_LONGEST]}…", file)
        for (reason, line, raw), file in zip(rows, files, strict=True)
    ]


def services(events: pl.DataFrame, items: pl.DataFrame | None) -> Services | None:
    """Return lines that look like services; None where there are none worth a word."""
    counted = _counted(events)
    titled = counted if items is None else _with_titles(counted, items)
    named = pl.coalesce("title", pl.col(col.ITEM)) if "title" in titled.columns else pl.col(col.ITEM)
    texts = titled.select(named.cast(pl.String).alias("text"))["text"]
    found = counted.filter(pl.Series([_is_service(text) for text in texts.to_list()], dtype=pl.Boolean))
    share = float(found["events"].sum()) / max(len(events), 1)
    return Services(_described(found.head(_TOP), items), share) if share >= _LEAST_SHARE else None


def cancellations(events: pl.DataFrame) -> Cancellations | None:
    """Return the events that undo a choice; None where there are none."""
    undo = [name for name in events[col.EVENT].unique() if undoes(name) or name in UNDONE]
    wrong = pl.col(col.EVENT).is_in(undo) | (pl.col(col.VALUE) < 0).fill_null(False)
    pairs = [col.USER, col.ITEM]
    undone = events.filter(wrong).select(pairs)
    if not len(undone):
        return None
    chosen = events.filter(~wrong).select(pairs).unique()
    matched = len(undone.join(chosen, on=pairs, how="semi"))
    return Cancellations(len(undone), len(undone) / len(events), matched / len(undone))


def _is_service(text: str) -> bool:
    """Return whether a text holds words of services only: a title that mentions postage is a good."""
    words = _words(text)
    return any(word in _SERVICES for word in words) and all(
        word in _SERVICES or word in _BESIDE for word in words
    )


def _words(text: str) -> list[str]:
    """Return the words of a text; known ones are cut out of scripts that write without blanks."""
    return [
        part
        for word in re.findall(r"[^\W\d_]+", text.lower())
        for part in (_WITHOUT_BLANKS.split(word) if _WITHOUT_BLANKS.search(word) else [word])
        if part
    ]


def _counted(events: pl.DataFrame) -> pl.DataFrame:
    """Return items with their number of events and users, most popular first."""
    counted = (
        events.lazy()
        .group_by(col.ITEM)
        .agg(pl.len().alias("events"), pl.col(col.USER).n_unique().alias("users"))
        .collect()
    )
    return with_texts(counted).sort(["events", col.ITEM], descending=[True, False])


def _with_titles(counted: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    if col.TITLE not in items.columns:
        return counted
    titles = items.select(col.ITEM, pl.col(col.TITLE).cast(pl.String).alias("title"))
    return counted.join(titles.unique(col.ITEM, keep="first"), on=col.ITEM, how="left", maintain_order="left")


def _described(counted: pl.DataFrame, items: pl.DataFrame | None) -> list[PopularItem]:
    titled = counted if items is None else _with_titles(counted, items)
    return [
        PopularItem(row[col.ITEM], row.get("title"), row["events"], row["users"])
        for row in titled.iter_rows(named=True)
    ]
