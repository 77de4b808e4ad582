"""Rank windows: slices of the training log, each later than the events that its retrievers are fitted on.

Labels must be later than every statistic, so the last stretches of the training log are cut off one after
the other: retrievers and features are fitted on the events before a stretch and predict it. Requests come at
any moment (a mail to all users) and right after an event (during a visit), so the queries of a window are of
both kinds: in a log of short sessions nobody has a history at the cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tacit.core.errors import UnsupportedError
from tacit.core.types import Bool, Float32, Int32, Int64
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries, gather_ranges
from tacit.data.splits import Protocol, cut_time, held_out

ENOUGH = 2_000
"""Number of queries from which no further window is cut off: it would cost a fit of every retriever, and the
blend learns hardly more from it (docs/decisions/006-blend.md)."""


@dataclass(frozen=True)
class Window:
    """Events up to a moment, and the choices after it.

    Attributes
    ----------
    train : Interactions
        The events that models and features may see.
    queries : Queries
        Histories of users with a target, each up to the moment of its query. A user can have two.
    target_offsets : int64[n + 1], targets : int32[...]
        The items that the user of each query chose next, ascending; without those already seen, unless items
        may repeat.
    target_kinds : bool[..., kinds]
        The event types by which each of them was chosen.
    shown_not_chosen_offsets : int64[n + 1], shown_not_chosen : int32[...]
        The items that were shown to the user and not chosen, or refused, ascending.
    """

    train: Interactions
    queries: Queries
    target_offsets: Int64
    targets: Int32
    target_kinds: Bool
    shown_not_chosen_offsets: Int64
    shown_not_chosen: Int32

    def sample(self, size: int, rng: np.random.Generator) -> "Window":
        """Return the window with at most ``size`` of its queries, chosen at random."""
        if len(self.queries) <= size:
            return self
        return self.take(np.sort(rng.choice(len(self.queries), size, replace=False)).astype(np.int64))

    def take(self, rows: Int64) -> "Window":
        """Return the window with the given queries, in their order."""
        index, offsets = gather_ranges(self.target_offsets, rows)
        places, shown_not_chosen_offsets = gather_ranges(self.shown_not_chosen_offsets, rows)
        return Window(
            self.train,
            self.queries.take(rows),
            offsets,
            self.targets[index],
            self.target_kinds[index],
            shown_not_chosen_offsets,
            self.shown_not_chosen[places],
        )

    def labels(self, items: Int32, kind: int | None = None) -> Float32:
        """Return float32[n, c]: 1 where a candidate (int32[n, c]) is a target of its query.

        With a ``kind``, a place in the event types of the log, only of those chosen by such an event.
        """
        of_kind = slice(None) if kind is None else self.target_kinds[:, kind]
        return _among(items, self.target_offsets, self.targets, of_kind).astype(np.float32)

    def unchosen(self, items: Int32) -> Bool:
        """Return bool[n, c]: whether a candidate (int32[n, c]) was shown and not chosen, or refused."""
        return _among(items, self.shown_not_chosen_offsets, self.shown_not_chosen)


def rank_windows(
    log: Interactions,
    protocol: Protocol,
    *,
    count: int,
    share: float,
    rng: np.random.Generator,
    repeats: bool = False,
) -> Iterator[Window]:
    """Yield up to ``count`` windows, the earliest first; fewer where they have `ENOUGH` queries together.

    Parameters
    ----------
    log : Interactions
        The whole training log.
    protocol : {"time", "leave-one-out", "random"}
        The same kind of cut as in the evaluation or the use of the model.
    count : int
        How many stretches to cut off the end; for the random cut, how many times to draw it.
    share : float
        Share of the training events in each stretch (time cut), or of each user's items (random cut).
    rng : numpy.random.Generator
    repeats : bool
        Whether items of the history are candidates and targets too.
    """
    windows: list[Window] = []
    rest = log
    for place in range(count):
        # A share of the rest that gives every stretch the same size; a random cut is one of the whole log.
        part = share if protocol == "random" else share / (1 - place * share)
        try:
            held = held_out(rest.user, rest.item, rest.at, rest.weight > 0, protocol, part, rng)
        except UnsupportedError:
            break
        if not held.any() or held.all():
            break
        now = cut_time(rest.at, part) if protocol == "time" else rest.end
        parts = [_window(rest, held, repeats, now=now)]
        if protocol == "time":
            parts.append(_visits(rest, held, repeats, rng))
        window = _joined(rest.select(~held), parts)
        if len(window.queries) and len(window.train):
            windows.append(window)
        if sum(len(window.queries) for window in windows) >= ENOUGH:
            break
        rest = log if protocol == "random" else rest.select(~held)
    yield from reversed(windows)


def sampled_users(log: Interactions, max_events: int, rng: np.random.Generator) -> Interactions:
    """Return the log of as many users, chosen at random, as have about ``max_events`` events together."""
    if len(log) <= max_events:
        return log
    chosen = rng.random(log.n_users) < max_events / len(log)
    return log.select(chosen[log.user])


def _among(items: Int32, offsets: Int64, listed: Int32, kept: Bool | slice = slice(None)) -> Bool:
    """Return which candidates (int32[n, c]) are in the list of their query: bool[n, c]."""
    width = np.int64(max(int(listed.max(initial=0)), int(items.max(initial=0))) + 1)
    row = np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))
    cell = np.arange(len(items), dtype=np.int64)[:, None] * width + items
    return np.asarray(np.isin(cell, (row * width + listed)[kept]) & (items >= 0))


def _joined(train: Interactions, parts: Sequence[Window]) -> Window:
    """Return the queries of all parts as one window with these training events."""
    return Window(
        train,
        Queries.joined([part.queries for part in parts]),
        _offsets(np.concatenate([np.diff(part.target_offsets) for part in parts])),
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.target_kinds for part in parts]),
        _offsets(np.concatenate([np.diff(part.shown_not_chosen_offsets) for part in parts])),
        np.concatenate([part.shown_not_chosen for part in parts]),
    )


def _offsets(counts: Int64) -> Int64:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _window(log: Interactions, held: Bool, repeats: bool, *, now: float) -> Window:
    """Return the window of the held-out events: a query, before them, of each user with a target in them."""
    train = log.select(~held)
    width = np.int64(log.n_items)
    cell = log.user.astype(np.int64) * width + log.item
    liked = held & (log.weight > 0)
    chosen, place = np.unique(cell[liked], return_inverse=True)
    kinds = np.zeros((len(chosen), len(log.kinds)), dtype=bool)
    kinds[place, log.kind[liked]] = True
    kept = np.full(len(chosen), True)
    if not repeats and len(chosen):
        seen = cell[~held & (log.weight != 0)]
        at = np.minimum(np.searchsorted(chosen, seen), len(chosen) - 1)  # chosen ones are few: no sort of all
        kept[at[chosen[at] == seen]] = False
    wanted = chosen[kept]
    users, counts = np.unique(wanted // width, return_counts=True)
    moments = _moments(log, held, users) if len(log.moment_columns) else None
    shown_not_chosen = np.setdiff1d(cell[held & (log.weight <= 0)], chosen)
    shown_to, shown_not_chosen = shown_not_chosen // width, (shown_not_chosen % width).astype(np.int32)
    return Window(
        train,
        train.queries(users.astype(np.int32), now=now, moments=moments, exclude_seen=not repeats),
        _offsets(counts),
        (wanted % width).astype(np.int32),
        kinds[kept],
        _offsets(np.bincount(shown_to, minlength=log.n_users)[users]),
        shown_not_chosen[np.isin(shown_to, users)],
    )


def _moments(log: Interactions, held: Bool, users: Int64) -> Int32:
    """Return the traits of the moment of each query, the first held-out event of its user: int32[n, c]."""
    held_user, first = np.unique(log.user[held], return_index=True)
    return log.moments[held][first[np.searchsorted(held_user, users)]]


def _visits(log: Interactions, held: Bool, repeats: bool, rng: np.random.Generator) -> Window:
    """Return the window of queries during visits: each right after one of the user's acts in the stretch.

    A user with m > 1 acts in the stretch gets one query. The number of acts that the query may see is drawn
    evenly from 1 to m - 1: the acts up to it join the history, the held-out events after it are the targets.
    """
    acts = held & (log.weight != 0)  # an exposure alone is no visit
    count = np.bincount(log.user[acts], minlength=log.n_users)
    start = _offsets(count)
    # The number of held-out acts of the same user before each event: a log is sorted by user and time.
    place = np.cumsum(acts) - acts - start[log.user]
    known = np.floor(1 + rng.random(log.n_users) * (count - 1))  # in 1 ... count - 1, for count > 1
    here = count[log.user] > 1
    later = held & (place >= known[log.user])
    window = _window(log.select(here), later[here], repeats, now=log.end)
    queries = window.queries
    # The moment of a query is that of the last event of its history.
    return replace(window, queries=replace(queries, now=queries.at[queries.offsets[1:] - 1]))
