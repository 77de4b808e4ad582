"""Interactions: the cleaned log as arrays, sorted by user and time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl
from scipy import sparse

from tacit.core.types import Array, Bool, Float32, Float64, Int16, Int32, Int64
from tacit.data import columns as col
from tacit.data.categories import distinct_texts
from tacit.data.queries import Queries, gather_ranges
from tacit.data.users import NO_COLUMNS, UNKNOWN, TraitColumns, Users, traits_by_code
from tacit.data.vocabulary import Vocabulary

Timing = Literal["time", "order", "none"]
"""What the log knows of time: timestamps, an order within each user, or nothing."""


_AT_ONCE = 8_000_000
"""Events that are sorted together."""


def _no_traits() -> Int32:
    return np.zeros((0, 0), dtype=np.int32)


@dataclass(frozen=True)
class Interactions:
    """Who did what to which item and when; frozen, sorted by user, then time, then order in the source.

    Attributes
    ----------
    users, items : Vocabulary
        ``items`` is the vocabulary of the catalogue: items without an event have a code too, and so has a
        user of whom only attributes are known.
    kinds : tuple of str
        Event types; ``kind`` holds places in it.
    user, item : int32[events]
    weight : float32[events]
        Strength; negative for a refusal, 0 where an item was only shown.
    at : float64[events]
        Unix seconds; the place in the user's order if ``timing`` is "order", zero if it is "none".
    kind : int16[events]
    timing : {"time", "order", "none"}
    trait_columns : TraitColumns
    traits : int32[users, t]
        Traits of each user; see `tacit.data.users`. No row at all if nothing is known of any user.
    moment_columns : TraitColumns
    moments : int32[events, c]
        Traits of the moment of each event (its device, ...); no row at all if c is 0.
    end_at : float or None
        The end of the log, where its last events were taken out (of users who are forgotten); by default
        the time of the last event.
    """

    users: Vocabulary
    items: Vocabulary
    kinds: tuple[str, ...]
    user: Int32
    item: Int32
    weight: Float32
    at: Float64
    kind: Int16
    timing: Timing
    trait_columns: TraitColumns = NO_COLUMNS
    traits: Int32 = field(default_factory=_no_traits)
    moment_columns: TraitColumns = NO_COLUMNS
    moments: Int32 = field(default_factory=_no_traits)
    end_at: float | None = None

    @classmethod
    def from_frame(
        cls, events: pl.DataFrame, items: Vocabulary, users: Users | None = None
    ) -> "Interactions":
        """Build interactions from a cleaned (and weighed) event frame; see `tacit.data.columns`.

        Parameters
        ----------
        events : polars.DataFrame
            Weight 1 is used where the column is absent. Events on ids that are not in the
            vocabularies are left out.
        items : Vocabulary
        users : Users, optional
            The users of the frame by default, without traits.
        """
        return cls.arranged(events, items, users)[0]

    @classmethod
    def arranged(
        cls,
        events: pl.DataFrame,
        items: Vocabulary,
        users: Users | None = None,
        beside: Sequence[Array] = (),
    ) -> "tuple[Interactions, list[Array]]":
        """Return the interactions of `from_frame`, and further columns of the same events in their order.

        Parameters
        ----------
        events, items, users
            As in `from_frame`.
        beside : sequence of arrays
            Each of [events], in the order of the frame.
        """
        people = Users.of(None, events[col.USER]) if users is None else users
        timing = timing_of(events)
        kinds = tuple(distinct_texts(events[col.EVENT]).sort().to_list())
        user, item = people.ids.encode(events[col.USER]), items.encode(events[col.ITEM])
        weight = (
            events[col.WEIGHT].to_numpy().astype(np.float32)
            if col.WEIGHT in events.columns
            else np.ones(len(events), dtype=np.float32)
        )
        at = time_of(events, timing)
        kind = Vocabulary(kinds).encode(events[col.EVENT]).astype(np.int16)
        moment_columns = TraitColumns.of_moments(events, people.columns)
        moments = moment_columns.traits(events) if len(moment_columns) else _no_traits()
        columns = (user, item, weight, at, kind, *([moments] if len(moment_columns) else []), *beside)
        whole = _by_user_and_time(columns, len(people.ids))
        further = whole[len(whole) - len(beside) :]
        interactions = cls(
            people.ids,
            items,
            kinds,
            whole[0],
            whole[1],
            whole[2],
            whole[3],
            whole[4],
            timing=timing,
            trait_columns=people.columns,
            traits=people.traits,
            moment_columns=moment_columns,
            moments=whole[5] if len(moment_columns) else _no_traits(),
        )
        return interactions, further

    def __len__(self) -> int:
        return len(self.user)

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items, with or without events."""
        return len(self.items)

    @cached_property
    def offsets(self) -> Int64:
        """Events of user u are ``offsets[u]:offsets[u + 1]``: int64[users + 1]."""
        return np.searchsorted(self.user, np.arange(self.n_users + 1)).astype(np.int64)

    @property
    def trait_names(self) -> tuple[str, ...]:
        """Columns of the traits of a query: those of the user, then those of the moment."""
        return (*self.trait_columns.names, *self.moment_columns.names)

    @cached_property
    def end(self) -> float:
        """Time of the last event, Unix seconds (0 for an empty log)."""
        if self.end_at is not None:
            return self.end_at
        return float(self.at.max()) if len(self) else 0.0

    def matrix(self, weight: Float32 | None = None) -> sparse.csr_array:
        """Return users x items with summed positive weights: csr_array float32[users, items]."""
        values = self.weight if weight is None else weight
        keep = values > 0
        matrix = sparse.coo_array(
            (values[keep].astype(np.float32), (self.user[keep], self.item[keep])),
            shape=(self.n_users, self.n_items),
        ).tocsr()
        matrix.sum_duplicates()
        return matrix

    def select(self, mask: Bool) -> "Interactions":
        """Return the interactions of the mask; the vocabularies stay: bool[events]."""
        if mask.all():
            return self  # frozen: a copy of a large log costs gigabytes
        return replace(
            self,
            user=self.user[mask],
            item=self.item[mask],
            weight=self.weight[mask],
            at=self.at[mask],
            kind=self.kind[mask],
            moments=self.moments[mask] if len(self.moment_columns) else self.moments,
        )

    def without_users(self, gone: Bool) -> "Interactions":
        """Return the log as if some users (bool[users]) had never been there, with the same end.

        The others have new codes, in the order of the old ones.
        """
        kept = ~gone
        mask = kept[self.user]
        codes = np.cumsum(kept, dtype=np.int32) - 1
        rest = self.select(mask)
        return replace(
            rest,
            users=Vocabulary(self.users.ids.filter(pl.Series(kept))),
            user=codes[rest.user].astype(np.int32),
            traits=self.traits[kept] if len(self.traits) else self.traits,
            end_at=self.end,
        )

    def of_first_users(self, count: int) -> "Interactions":
        """Return the interactions without users behind so many, who have no event."""
        if count == self.n_users:
            return self
        return replace(self, users=Vocabulary(self.users.ids.head(count)), traits=self.traits[:count])

    def before(self, at: float) -> "Interactions":
        """Return the events strictly before a moment."""
        return replace(self, end_at=None).select(self.at < at)

    def since(self, at: float) -> "Interactions":
        """Return the events at or after a moment."""
        return self.select(self.at >= at)

    def active_users(self) -> Int32:
        """Return the codes of users with at least one event, ascending."""
        return np.unique(self.user)

    def queries(
        self,
        users: Int32 | Sequence[int] | None = None,
        *,
        now: float | None = None,
        moments: Int32 | None = None,
        exclude_seen: bool = True,
    ) -> Queries:
        """Return the histories of users as queries.

        Parameters
        ----------
        users : int32[n], optional
            User codes, -1 for a user without a history; all users by default.
        now : float, optional
            The moment of the queries; the end of the log by default.
        moments : int32[n, c], optional
            Traits of that moment; none by default.
        exclude_seen : bool
            Leave the items of a history out of its recommendations.
        """
        codes = np.arange(self.n_users) if users is None else np.asarray(users, dtype=np.int64)
        if moments is None:
            moments = np.full((len(codes), len(self.moment_columns)), UNKNOWN, dtype=np.int32)
        padded = np.append(self.offsets, self.offsets[-1])  # code -1 is the empty range at the end
        index, offsets = gather_ranges(padded, np.where(codes < 0, self.n_users, codes))
        queries = Queries(
            offsets=offsets,
            item=self.item[index],
            weight=self.weight[index],
            at=self.at[index],
            kind=self.kind[index],
            now=np.full(len(codes), self.end if now is None else now, dtype=np.float64),
            user=codes.astype(np.int32),
            traits=np.concatenate([traits_by_code(self.traits, codes), moments], axis=1),
            exclude_offsets=np.zeros(len(codes) + 1, dtype=np.int64),
            ordered=self.timing != "none",
        )
        return queries.excluding_seen() if exclude_seen else queries


def _by_user_and_time(columns: Sequence[Array], n_users: int) -> list[Array]:
    """Return columns without events of unknown users and items, sorted by user and then by time.

    Some users at a time: the places of all events in the new order would take as much as half of the columns.

    Parameters
    ----------
    columns : sequence of arrays
        User, item, weight, time, kind and whatever else, each of [events].
    n_users : int
    """
    user, item, _, at, *_ = columns
    known = item >= 0
    known &= user >= 0
    ends = np.cumsum(np.bincount(user if known.all() else user[known], minlength=n_users))
    total = int(ends[-1]) if n_users else 0
    whole = [np.empty((total, *column.shape[1:]), dtype=column.dtype) for column in columns]
    first, start = 0, 0
    while start < total:
        last = max(int(np.searchsorted(ends, start + _AT_ONCE, side="right")), first + 1)
        rows = np.flatnonzero((user >= first) & (user < last) & known)
        rows = rows[np.lexsort((at[rows], user[rows]))]
        for new, old in zip(whole, columns, strict=True):
            new[start : start + len(rows)] = old[rows]
        first, start = last, start + len(rows)
    return whole


def timing_of(events: pl.DataFrame) -> Timing:
    """Return what a cleaned event frame knows of time."""
    if events[col.TIMESTAMP].null_count() < len(events) or not len(events):
        return "time"
    return "order" if events[col.SEQ].null_count() < len(events) else "none"


def time_of(events: pl.DataFrame, timing: Timing) -> Float64:
    """Return the time or order of each event as Interactions keeps it: float64[events]."""
    if timing == "none":
        return np.zeros(len(events), dtype=np.float64)
    column = events[col.TIMESTAMP if timing == "time" else col.SEQ].cast(pl.Float64)
    # If a few events have no time, they count as the oldest: they never leak the future.
    return column.fill_null(column.min() or 0.0).to_numpy()
