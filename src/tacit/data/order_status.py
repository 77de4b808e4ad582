"""Purchases whose own line says that they came to nothing: the status of an order.

Exports of shops list every order with its status (订单状态: 交易成功, 交易关闭, 退款成功; ``order_status``:
shipped, cancelled, refunded). An order that was cancelled, closed without payment or refunded is no purchase,
and one that waits for its payment is a checkout. The line is the order itself: unlike a refund with a line
of its own it undoes no other purchase.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from tacit.core.shell import map_option
from tacit.data import columns as col
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.event_names import meaning
from tacit.data.event_parts import base_forms, senses_of, words_of
from tacit.data.event_words import ACTS
from tacit.data.status_words import says

CANCELLED, RETURNED, CHECKOUT = "cancelled by status", "returned by status", "checkout"
"""Types of the events that such orders become."""

UNDONE = frozenset({CANCELLED, RETURNED})

_STATUS = re.compile("status|state$|statut|zustand|estado|stato|状态|狀態|ステータス|状況|상태|статус|durum")
_UNPAID = re.compile(r"unpaid|(?:pending|await\w*)[\W_]*payment|(?:待|等待.{0,4}|未)(?:付款|支付)|入金待ち")
_ENDED = re.compile(r"关闭|關閉|删除|刪除|失效|過期|过期|fail|expired|void|declined|dishonou?red")
_PARTLY = re.compile(r"part|部分|teil")
_MOST_WORDS = 60
_REFUSED = ("reject", "decline", "dismiss", "remove")


@dataclass(frozen=True)
class ByStatus:
    """A log in which orders that came to nothing are no purchases.

    Attributes
    ----------
    events : polars.DataFrame
    uses : mapping of column to str
        What the column of the status is used for; empty where no order came to nothing by it.
    notes : tuple of str
        What was done, in a sentence.
    """

    events: pl.DataFrame
    uses: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def by_status(events: pl.DataFrame, event_map: EventMap = NO_EVENT_MAP) -> ByStatus:
    """Return a log in which purchases with a status of no purchase are events of their own types.

    Parameters
    ----------
    events : polars.DataFrame
        See `tacit.data.columns`; rows and their order stay.
    event_map : EventMap
        What the user says that event types mean: types with a meaning of their own stay.
    """
    bought = [
        name
        for name in events[col.EVENT].unique()
        if meaning(name).sense == "buy" and event_map.chosen(name) is None
    ]
    if not bought:
        return ByStatus(events)
    known = (
        col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE, col.SEQ, col.LINE, col.WEIGHT
    )  # fmt: skip
    for name in events.columns:
        if name in known or not names_status(name):
            continue
        types = _types(events[name])
        if types:
            changed = events[name].cast(pl.String).replace_strict(types, default=None, return_dtype=pl.String)
            changed = changed.set(~events[col.EVENT].is_in(bought), None)
            event = pl.coalesce(changed.alias("changed"), pl.col(col.EVENT).cast(pl.String))
            dtype = events[col.EVENT].dtype
            return ByStatus(
                events.with_columns(event.cast(dtype).alias(col.EVENT)),
                {name: "says what was undone"},
                (_note(name, types),),
            )
    return ByStatus(events)


def type_of(status: str) -> str | None:
    """Return the event type of an order with a status, None where it is a purchase or says nothing."""
    text, sense = status.lower(), meaning(status).sense
    if _PARTLY.search(text):
        return None
    if sense == "return":
        return RETURNED
    if sense in ("cancel", *_REFUSED) or _ENDED.search(text) or says(status, "ended"):
        return None if sense == "exposure" and _is_kept(text) else CANCELLED
    return CHECKOUT if _UNPAID.search(text) or says(status, "unpaid") else None


def _is_kept(text: str) -> bool:
    """Return whether it was the refund that came to nothing (``refund_rejected``, 退款失败)."""
    return re.search("refund|return|退|返", text) is not None


def says_undone(column: pl.Series) -> bool:
    """Return whether a column is a status of orders of which some came to nothing."""
    return names_status(column.name) and bool(_types(column))


def unknown_words(column: pl.Series) -> list[str]:
    """Return the words of a status that say neither that an order stands nor that it does not."""
    if not names_status(column.name):
        return []
    return [word for word in _words(column) if type_of(word) is None and not _stands(word)]


def _stands(status: str) -> bool:
    """Return whether a status says that an order was paid, sent, or is on its way to that."""
    text = status.lower()
    if _PARTLY.search(text) or _is_kept(text) or says(status, "unsent"):
        return True
    turned = "not" in {sense for _, sense in senses_of(list(base_forms(status)))}
    return not turned and (says(status, "stands") or meaning(status).sense in ACTS)


def names_status(name: str) -> bool:
    """Return whether a column is named as a status of orders."""
    parts = any(map(_STATUS.search, words_of(name))) or _STATUS.search(name.lower()) is not None
    return (parts or says(name, "names")) and not says(name, "goods")


def _types(column: pl.Series) -> dict[str, str]:
    """Return event types by the words of a column; empty where it is no status of orders."""
    words = _words(column)
    types = {word: type_ for word in words if (type_ := type_of(word)) is not None}
    return types if len(types) < len(words) else {}


def _words(column: pl.Series) -> list[str]:
    """Return the words of a column, none where it holds no few words."""
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return []
    words = column.cast(pl.String).drop_nulls().unique().sort()
    return words.to_list() if 2 <= len(words) <= _MOST_WORDS else []


def _note(name: str, types: dict[str, str]) -> str:
    undone = ", ".join(word for word, type_ in types.items() if type_ in UNDONE)
    unpaid = ", ".join(word for word, type_ in types.items() if type_ == CHECKOUT)
    done = [f"undone ({undone}) count as cancelled or returned"] if undone else []
    done += [f"not paid ({unpaid}) count as checkouts"] if unpaid else []
    return (
        f"{name}: orders that it says are {', those '.join(done)}, not as purchases; "
        f"{map_option(name, 'event')} takes each word for an event type instead"
    )
