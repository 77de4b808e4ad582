"""Purchases whose own line says that they came to nothing: the status of an order.

Exports of shops list every order with its status (订单状态: 交易成功, 交易关闭, 退款成功; ``order_status``:
shipped, cancelled, refunded). An order that was cancelled, closed without payment or refunded is no purchase,
and one that waits for its payment is a checkout. The line is the order itself: unlike a refund with a line
of its own it undoes no other purchase.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from tacit.core.shell import map_option
from tacit.data import columns as col
from tacit.data.categories import holds_texts
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
_LEAST_WORDS, _MOST_WORDS = 2, 60
_NO_STATUS = (
    col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE, col.SEQ, col.LINE, col.WEIGHT
)  # fmt: skip
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


@dataclass(frozen=True)
class StatusColumn:
    """The column of a log that says of orders that they came to nothing.

    Attributes
    ----------
    name : str
    types : mapping of str to str
        Event types by the words of the column, of those that are no purchase.
    """

    name: str
    types: Mapping[str, str]


def status_words(events: pl.DataFrame) -> dict[str, frozenset[str] | None]:
    """Return the words of each column named as a status of orders, None where they are too many."""
    names = [name for name in events.columns if name not in _NO_STATUS and names_status(name)]
    return {name: _few_words(events[name]) for name in names}


def joined_words(
    parts: Sequence[Mapping[str, frozenset[str] | None]],
) -> dict[str, frozenset[str] | None]:
    """Return the words of the columns of a log from those of its parts."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: _all_words([part.get(name, frozenset()) for part in parts]) for name in names}


def _all_words(parts: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    whole: set[str] = set()
    for words in parts:
        if words is None:
            return None
        whole |= words
    return frozenset(whole) if len(whole) <= _MOST_WORDS else None


def status_column(
    types: Iterable[str], words: Mapping[str, frozenset[str] | None], event_map: EventMap = NO_EVENT_MAP
) -> StatusColumn | None:
    """Return the column by which orders of a log are no purchases, None if there is none.

    Parameters
    ----------
    types : iterable of str
        The event types of the log.
    words : mapping of column to words
        From `status_words`.
    event_map : EventMap
    """
    if not _bought(types, event_map):
        return None
    for name, few in words.items():
        found = _types(sorted(few or ()))
        if found:
            return StatusColumn(name, found)
    return None


def by_status(
    events: pl.DataFrame, event_map: EventMap = NO_EVENT_MAP, column: StatusColumn | None = None
) -> ByStatus:
    """Return a log in which purchases with a status of no purchase are events of their own types.

    Parameters
    ----------
    events : polars.DataFrame
        See `tacit.data.columns`; rows and their order stay.
    event_map : EventMap
        What the user says that event types mean: types with a meaning of their own stay.
    column : StatusColumn, optional
        That of the whole log, where these are some of its events; by default it is looked for in them.
    """
    types = events[col.EVENT].unique()
    bought = _bought(types, event_map)
    if column is None and bought:
        column = status_column(types, status_words(events), event_map)
    if column is None:
        return ByStatus(events)
    found = column.types
    changed = events[column.name].cast(pl.String).replace_strict(found, default=None, return_dtype=pl.String)
    changed = changed.set(~events[col.EVENT].is_in(bought), None)
    event = pl.coalesce(changed.alias("changed"), pl.col(col.EVENT).cast(pl.String))
    dtype = events[col.EVENT].dtype
    return ByStatus(
        events.with_columns(event.cast(dtype).alias(col.EVENT)),
        {column.name: "says what was undone"},
        (_note(column.name, found),),
    )


def _bought(types: Iterable[str], event_map: EventMap) -> list[str]:
    """Return the event types whose orders may have come to nothing."""
    return [name for name in types if meaning(name).sense == "buy" and event_map.chosen(name) is None]


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
    return names_status(column.name) and bool(_types(_words(column)))


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


def _types(words: Sequence[str]) -> dict[str, str]:
    """Return event types by the words of a column; empty where it is no status of orders."""
    if not _LEAST_WORDS <= len(words) <= _MOST_WORDS:
        return {}
    types = {word: type_ for word in words if (type_ := type_of(word)) is not None}
    return types if len(types) < len(words) else {}


def _words(column: pl.Series) -> list[str]:
    """Return the words of a column, none where it holds no few words."""
    words = sorted(_few_words(column) or ())
    return words if len(words) >= _LEAST_WORDS else []


def _few_words(column: pl.Series) -> frozenset[str] | None:
    """Return the different texts of a column, None where they are many or no texts."""
    if not holds_texts(column.dtype):
        return None
    words = column.drop_nulls().unique()
    return frozenset(words.cast(pl.String)) if len(words) <= _MOST_WORDS else None


def _note(name: str, types: Mapping[str, str]) -> str:
    undone = ", ".join(word for word, type_ in types.items() if type_ in UNDONE)
    unpaid = ", ".join(word for word, type_ in types.items() if type_ == CHECKOUT)
    done = [f"undone ({undone}) count as cancelled or returned"] if undone else []
    done += [f"not paid ({unpaid}) count as checkouts"] if unpaid else []
    return (
        f"{name}: orders that it says are {', those '.join(done)}, not as purchases; "
        f"{map_option(name, 'event')} takes each word for an event type instead"
    )
