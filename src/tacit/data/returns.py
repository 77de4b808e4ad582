"""Purchases that were undone: negative amounts, cancelled orders, and what is left of a purchase.

Logs tell of a return in three ways: by an event type of its own (``refund``, ``order_cancelled``), by a
negative quantity or price on a purchase, or by the number of the order (UCI Online Retail marks a
cancelled invoice with a leading C). The last two become events of a type of their own, so that they are no
yes anywhere: not in what is learned, not in a report and not among the targets of an evaluation.
"""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tacit.core.types import Float64
from tacit.data import columns as col
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.event_names import meaning
from tacit.data.event_parts import words_of
from tacit.data.event_words import ValueKind
from tacit.data.order_status import UNDONE
from tacit.data.value_kinds import Counts, joined_counts, missing_rating, rating_counts

RETURN, CANCEL = "return", "cancel"
"""Types of the events that negative amounts and cancelled orders become."""

_ORDER_WORDS = re.compile(
    "order|invoice|bill|receipt|transaction|rechnung|bestell|fact?ur|commande|pedido|fattura|ordine|zamow|订单|注文|주문"
)
_CANCELLED = r"^\s*[cC]-?\d{3,}\s*$"
_NUMBERED = r"^\s*\d{3,}\s*$"


@dataclass(frozen=True)
class Settlement:
    """What a whole log shows of orders and ratings, so that some of its events can be settled alone.

    Attributes
    ----------
    orders : mapping of column to pair of bool
        Whether a column of order numbers holds cancelled ones, and whether it holds plain ones.
    ratings : mapping of event type to counts
        How often each value stands on the events of a type whose values may be ratings.
    """

    orders: Mapping[str, tuple[bool, bool]]
    ratings: Mapping[str, Counts]

    @classmethod
    def of(
        cls,
        events: pl.DataFrame,
        value_kind: ValueKind | None = None,
        event_map: EventMap = NO_EVENT_MAP,
    ) -> "Settlement":
        """Return what events show; parameters as for `settled`."""
        event, value = events[col.EVENT], events[col.VALUE]
        types = event.unique().to_list()
        bought = [name for name in types if _can_be_returned(name, value_kind, event_map)]
        kept = ~((value < 0).fill_null(False) & event.is_in(bought))
        rated = [name for name in types if meaning(name).rated or meaning(name).plain]
        return cls(
            {name: _order_numbers(events[name]) for name in events.columns if _numbers_orders(events[name])},
            {name: rating_counts(value.filter((event == name) & kept)) for name in rated},
        )

    @classmethod
    def joined(cls, parts: Sequence["Settlement"]) -> "Settlement":
        """Return what a log shows from what its parts show."""
        columns = dict.fromkeys(name for part in parts for name in part.orders)
        types = dict.fromkeys(name for part in parts for name in part.ratings)
        either = {name: [part.orders[name] for part in parts if name in part.orders] for name in columns}
        return cls(
            {name: (any(c for c, _ in found), any(n for _, n in found)) for name, found in either.items()},
            {name: joined_counts(part.ratings.get(name, {}) for part in parts) for name in types},
        )

    @property
    def order_column(self) -> str | None:
        """The column whose numbers say which orders were cancelled."""
        return next((name for name, both in self.orders.items() if all(both)), None)


def settled(
    events: pl.DataFrame,
    value_kind: ValueKind | None = None,
    event_map: EventMap = NO_EVENT_MAP,
    whole: Settlement | None = None,
) -> pl.DataFrame:
    """Return a log in which returned and cancelled purchases are events of their own types.

    Ratings that say only that there is none (a lone -1, a frequent 0 below a scale from 1) become missing.

    Parameters
    ----------
    events : polars.DataFrame
        See `tacit.data.columns`; rows and their order stay.
    value_kind : ValueKind, optional
        What the values are: a negative quantity or price undoes whatever says yes.
    event_map : EventMap
        What the user says that event types mean.
    whole : Settlement, optional
        What the whole log shows, where these are some of its events; by default what they show.
    """
    whole = whole or Settlement.of(events, value_kind, event_map)
    types = events[col.EVENT].unique()
    bought = [name for name in types if _can_be_returned(name, value_kind, event_map)]
    given = event, value = events[col.EVENT], events[col.VALUE]
    if bought and bool((value < 0).any()):
        negative = (value < 0).fill_null(False) & event.is_in(bought)
        event, value = event.set(negative, RETURN), value.set(negative, None).fill_null(-value)
    if whole.order_column is not None:
        cancelled = events[whole.order_column].str.contains(_CANCELLED).fill_null(False)
        event = event.set(cancelled & event.is_in([name for name in types if _is_buy(name)]), CANCEL)
    for name, counts in whole.ratings.items():
        if (missing := missing_rating(counts)) is not None:
            value = value.set((event == name) & (value == missing).fill_null(False), None)
    if event is given[0] and value is given[1]:
        return events
    return events.with_columns(event.alias(col.EVENT), value.alias(col.VALUE))


def settled_event(
    event: str, value: float | None, amounts: Container[str] = (), event_map: EventMap = NO_EVENT_MAP
) -> tuple[str, float | None]:
    """Return the type and the value of a single event, as `settled`: a return where its amount is negative.

    Parameters
    ----------
    event : str
    value : float or None
    amounts : container of str
        Types whose values are quantities or prices.
    event_map : EventMap
    """
    if value is None or value >= 0:
        return event, value
    kind: ValueKind | None = "quantity" if event in amounts else None
    return (RETURN, -value) if _can_be_returned(event, kind, event_map) else (event, value)


def undoes(event: str) -> bool:
    """Return whether an event type undoes a purchase; an order that was itself undone undoes no other."""
    return event not in UNDONE and meaning(event).sense in ("return", "cancel")


def left_of_purchases(events: pl.DataFrame, counted: Sequence[str] = ()) -> pl.Series | None:
    """Return what share of each purchase is left after returns, 1 for other events; None if none was undone.

    Amounts count where both sides have them, else events. A return before the first purchase of its pair
    undoes one that the log does not have.

    Parameters
    ----------
    events : polars.DataFrame
    counted : sequence of str
        Types whose value is a quantity.
    """
    types = events[col.EVENT].unique().to_list()
    undoing, bought = [name for name in types if undoes(name)], [name for name in types if _is_buy(name)]
    if not undoing or not bought:
        return None
    returns = events.filter(pl.col(col.EVENT).is_in(undoing)).select(col.USER, col.ITEM, _moment(), col.VALUE)
    pairs = returns.select(col.USER, col.ITEM).unique()
    rows = events.with_row_index("row").join(pairs, on=[col.USER, col.ITEM], how="semi")
    buys = rows.filter(pl.col(col.EVENT).is_in(bought)).with_columns(_moment())
    by_amount = pl.col(col.EVENT).is_in(list(counted)) & (pl.col(col.VALUE) > 0)
    totals = buys.group_by(col.USER, col.ITEM).agg(
        pl.when(by_amount).then(pl.col(col.VALUE)).otherwise(1.0).sum().alias("bought"),
        by_amount.all().alias("has_amounts"),
        pl.col("moment").min().alias("first"),
    )
    amount = pl.col(col.VALUE).abs()
    undone = (
        returns.join(totals, on=[col.USER, col.ITEM])
        .filter(pl.col("moment") >= pl.col("first"))
        .group_by(col.USER, col.ITEM)
        .agg(pl.when(pl.col("has_amounts") & (amount > 0)).then(amount).otherwise(1.0).sum().alias("undone"))
    )
    left = buys.join(totals, on=[col.USER, col.ITEM]).join(undone, on=[col.USER, col.ITEM])
    share = left.select("row", (1 - pl.col("undone") / pl.col("bought")).clip(0, 1).alias("left"))
    whole = pl.Series("left", [1.0], dtype=pl.Float64).new_from_index(0, len(events))
    return whole.scatter(share["row"], share["left"])


def left_in_history(
    items: Sequence[int],
    kinds: Sequence[str],
    at: Sequence[float],
    values: Sequence[float],
    counted: Container[str] = (),
) -> Float64:
    """Return what share of each purchase of one history is left after returns, as `left_of_purchases`.

    Parameters
    ----------
    items, kinds, at, values : sequences
        In order of time; NaN where there is no value.
    counted : container of str
        Types whose value is a quantity.
    """
    left = np.ones(len(items))
    undoing = {kind for kind in set(kinds) if undoes(kind)}
    for item in {item for item, kind in zip(items, kinds, strict=True) if kind in undoing}:
        its = [place for place, one in enumerate(items) if one == item]
        buys = [place for place in its if _is_buy(kinds[place])]
        if not buys:
            continue
        # As in `left_of_purchases`, where an amount that is not known speaks neither for nor against amounts.
        by_amount = [kinds[place] in counted and values[place] > 0 for place in buys]
        has_amounts = all(kinds[place] in counted and not values[place] <= 0 for place in buys)
        bought = sum(values[place] if known else 1.0 for place, known in zip(buys, by_amount, strict=True))
        undone = sum(
            abs(values[place]) if has_amounts and abs(values[place]) > 0 else 1.0
            for place in its
            if kinds[place] in undoing and at[place] >= at[buys[0]]
        )
        left[buys] = min(max(1 - undone / bought, 0), 1)
    return left


def _is_buy(event: str) -> bool:
    return meaning(event).sense == "buy"


def _can_be_returned(event: str, value_kind: ValueKind | None, event_map: EventMap) -> bool:
    if event_map.chosen(event) is not None:
        return False  # the user has said what it means
    return _is_buy(event) or (value_kind in ("quantity", "price") and meaning(event).strength > 0)


def _numbers_orders(column: pl.Series) -> bool:
    """Return whether a column is text and named for orders."""
    if column.dtype != pl.String or column.name in (col.USER, col.ITEM, col.EVENT):
        return False
    return any(map(_ORDER_WORDS.search, words_of(column.name)))


def _order_numbers(numbers: pl.Series) -> tuple[bool, bool]:
    """Return whether there are numbers of cancelled orders in a column, and plain ones."""
    cancelled, plain = (bool(numbers.str.contains(form).any()) for form in (_CANCELLED, _NUMBERED))
    return cancelled, plain


def _moment() -> pl.Expr:
    return pl.coalesce(col.TIMESTAMP, pl.col(col.SEQ).cast(pl.Float64), pl.lit(0.0)).alias("moment")
