"""The cut of an evaluation: the training events, the test queries and their targets."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import polars as pl

from tacit.core.errors import ConfigError, DataError
from tacit.core.seeds import generator
from tacit.core.types import Bool, Int32, Int64
from tacit.data import columns as col
from tacit.data import splits
from tacit.data.catalogue import Catalogue
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.interactions import Interactions, time_of, timing_of
from tacit.data.queries import Queries
from tacit.data.users import Users
from tacit.data.vocabulary import Vocabulary
from tacit.data.weights import EventWeights, Mode
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.own_catalogue import catalogue_of_log

CandidatesOf = Literal["catalogue", "log"]
CleanTrain = Callable[[pl.DataFrame], pl.DataFrame]


def _as_it_is(train: pl.DataFrame) -> pl.DataFrame:
    return train


@dataclass(frozen=True)
class Split:
    """One cut of a log into training and test.

    Attributes
    ----------
    protocol : str
        "time", "leave-one-out", "random" or "files".
    cut : float or None
        The moment of a time cut, Unix seconds.
    train : Interactions
    catalogue : Catalogue
        Items of the catalogue file and of the training events, without items that only the test has, unless
        the candidates are those of the log. All are available: whether an item is on sale today is no
        information on the days of the test.
    queries : Queries
        One per test user, the history before the cut.
    target_offsets : int64[n + 1], targets : int32[...]
        Items that each of them chose next; -1 for an unknown item, which stays in the denominator.
    candidates : {"catalogue", "log"}
    test_events : int
        Held-out events of the kept users, weak and repeated ones included.
    left_out_users : int
        Test users left out because rules removed all of their training events (bots).
    user_ids : polars.Series
        Ids of the users of the queries; empty where nobody needs them.
    """

    protocol: str
    cut: float | None
    train: Interactions
    catalogue: Catalogue
    queries: Queries
    target_offsets: Int64
    targets: Int32
    candidates: CandidatesOf = "catalogue"
    test_events: int = 0
    left_out_users: int = 0
    user_ids: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))

    @property
    def cold(self) -> Bool:
        """Whether an item has no training event; exposures do not count: bool[items]."""
        acted = self.train.item[self.train.weight != 0]
        return np.asarray(np.bincount(acted, minlength=len(self.catalogue)) == 0)


def make_split(
    events: pl.DataFrame,
    items: pl.DataFrame | None = None,
    *,
    users: pl.DataFrame | None = None,
    protocol: splits.Protocol | None = None,
    share: float = 0.1,
    seed: int = 7,
    allow_seen: bool = False,
    candidates: CandidatesOf = "catalogue",
    clean_train: CleanTrain = _as_it_is,
    weights: Mode = "default",
    event_map: EventMap = NO_EVENT_MAP,
    reading: Reading = NO_CHOICES,
) -> Split:
    """Cut a cleaned event frame.

    Parameters
    ----------
    events : polars.DataFrame
        See `tacit.data.columns`; cleaned by rules that look at rows only.
    items : polars.DataFrame, optional
        The catalogue; by default what the training part itself says of its items, if anything.
    users : polars.DataFrame, optional
        Attributes of users, of test users too: they must have been known at the cut.
    protocol : {"time", "leave-one-out", "random"}, optional
        By default the strictest one that the log supports.
    share : float
        Share of the events (time), or of the items of each user (random), to hold out.
    seed : int
        Of the random hold-out.
    allow_seen : bool
        Keep items of the history as candidates and as targets (groceries, music).
    candidates : {"catalogue", "log"}
        Items to rank; see `Split.catalogue`.
    clean_train : callable
        Rules on statistics over the log, applied to the training part only. Users who lose all events are
        left out of the test as well: they are no new users.
    weights : {"default", "names", "auto"}
        How event types are weighed; see `tacit.data.weights`.
    event_map : EventMap
        What the user says that event types mean: targets are events of types that say yes.
    reading : Reading
        Columns that it names for items, where the log is its own catalogue.

    Raises
    ------
    ConfigError
        If there is no such protocol, share or set of candidates.
    UnsupportedError
        If the log cannot support the protocol.
    """
    for value, known in (
        (protocol, (None, *get_args(splits.Protocol))),
        (candidates, get_args(CandidatesOf)),
    ):
        if value not in known:
            raise ConfigError(f"{value!r} is none of {', '.join(filter(None, known))}")
    if not 0 < share < 1:
        raise ConfigError(f"share is {share}; it must lie between 0 and 1")
    timing = timing_of(events)
    chosen = protocol or splits.DEFAULT[timing]
    held = _held(events, chosen, share, seed, event_map)
    cut = splits.cut_time(time_of(events, timing), share) if chosen == "time" else None
    return split_of_parts(
        events.filter(~held),
        events.filter(held),
        items,
        users=users,
        protocol=chosen,
        cut=cut,
        clean_train=clean_train,
        weights=weights,
        event_map=event_map,
        allow_seen=allow_seen,
        candidates=candidates,
        reading=reading,
    )


def training_part(
    events: pl.DataFrame,
    *,
    protocol: splits.Protocol | None = None,
    share: float = 0.1,
    seed: int = 7,
    event_map: EventMap = NO_EVENT_MAP,
) -> pl.DataFrame:
    """Return the events that models learn from in the `make_split` with the same arguments.

    The test of that split stays unseen, so it can evaluate anything chosen on these events.
    """
    chosen = protocol or splits.DEFAULT[timing_of(events)]
    return events.filter(~_held(events, chosen, share, seed, event_map))


def _held(
    events: pl.DataFrame, protocol: splits.Protocol, share: float, seed: int, event_map: EventMap
) -> pl.Series:
    timing = timing_of(events)
    splits.check(protocol, timing)
    user, item = (Vocabulary.of(events[name]).encode(events[name]) for name in (col.USER, col.ITEM))
    # Strengths of types: weights that are learned would be learned from the test too.
    says_yes = [event for event in events[col.EVENT].unique() if event_map.strength(event) > 0]
    chosen = events[col.EVENT].is_in(says_yes).to_numpy()
    at, rng = time_of(events, timing), generator(seed, "split")
    return pl.Series(splits.held_out(user, item, at, chosen, protocol, share, rng))


def split_from_files(
    train: pl.DataFrame,
    test: pl.DataFrame,
    items: pl.DataFrame | None = None,
    *,
    users: pl.DataFrame | None = None,
    allow_seen: bool = False,
    candidates: CandidatesOf = "catalogue",
    clean_train: CleanTrain = _as_it_is,
    weights: Mode = "default",
    event_map: EventMap = NO_EVENT_MAP,
    reading: Reading = NO_CHOICES,
) -> Split:
    """Return the split that two files make: histories from the first, targets from the second.

    The moment of the queries is the end of the first. Parameters as in `make_split`.
    """
    return split_of_parts(
        train,
        test,
        items,
        users=users,
        protocol="files",
        cut=None,
        clean_train=clean_train,
        weights=weights,
        event_map=event_map,
        allow_seen=allow_seen,
        candidates=candidates,
        reading=reading,
    )


def split_of_parts(
    train: pl.DataFrame,
    test: pl.DataFrame,
    items: pl.DataFrame | None,
    *,
    users: pl.DataFrame | None = None,
    protocol: str,
    cut: float | None,
    clean_train: CleanTrain = _as_it_is,
    weights: Mode = "default",
    event_map: EventMap = NO_EVENT_MAP,
    allow_seen: bool = False,
    candidates: CandidatesOf = "catalogue",
    reading: Reading = NO_CHOICES,
) -> Split:
    """Return the split of events that were cut before.

    Parameters as in `make_split`; ``cut`` is the moment of the queries, by default the end of ``train``.
    """
    cleaned = clean_train(train)
    gone = train.select(col.USER).unique().join(cleaned, on=col.USER, how="anti")
    remaining = test.join(gone, on=col.USER, how="anti")
    if not len(cleaned) or not len(remaining):
        raise DataError("the split leaves no event on one side; give a longer log or another --share")
    left_out = test[col.USER].n_unique() - remaining[col.USER].n_unique()
    train, test = cleaned, remaining
    rule = EventWeights.fit(train, weights, events=event_map)
    if items is None:  # of the training part: what the test says of its items is not known at the cut
        items = catalogue_of_log(train, reading)
    vocabulary, rows = _known_items(train, test, items, candidates)
    catalogue = Catalogue.from_frame(rows, vocabulary)
    catalogue = replace(catalogue, available=np.ones(len(catalogue), dtype=bool))
    people = Users.of(users, train[col.USER])
    log = Interactions.from_frame(rule.weigh(train), vocabulary, people)
    # By type: how much an event was a yes (its rating, its quantity) is for models to learn, not a target.
    says_yes = [event for event in test[col.EVENT].unique() if rule.type_strength(event) > 0]
    liked = test.filter(pl.col(col.EVENT).is_in(says_yes))
    choosers, offsets, targets = _targets(log, liked, vocabulary, allow_seen)
    now = cut if cut is not None else log.end
    moments = first_moments(log, test, choosers) if len(log.moment_columns) else None
    queries = log.queries(log.users.encode(choosers), now=now, moments=moments, exclude_seen=not allow_seen)
    return Split(
        protocol,
        cut,
        log,
        catalogue,
        queries,
        offsets,
        targets,
        candidates,
        len(test),
        left_out,
        choosers,
    )


def first_moments(log: Interactions, test: pl.DataFrame, users: pl.Series) -> Int32:
    """Return the traits of the moment of each query, the first test event of its user: int32[n, c]."""
    order = np.argsort(time_of(test, log.timing), kind="stable")
    first = test[order].unique(col.USER, keep="first", maintain_order=True)
    return log.moment_columns.traits(first)[Vocabulary(first[col.USER]).encode(users)]


def _known_items(
    train: pl.DataFrame, test: pl.DataFrame, items: pl.DataFrame | None, candidates: CandidatesOf
) -> tuple[Vocabulary, pl.DataFrame | None]:
    if candidates == "log":
        return Vocabulary.of(train[col.ITEM], test[col.ITEM]), items
    listed = [] if items is None else [items[col.ITEM]]
    return Vocabulary.of(train[col.ITEM], *listed), items


def _targets(
    log: Interactions, liked: pl.DataFrame, vocabulary: Vocabulary, allow_seen: bool
) -> tuple[pl.Series, Int64, Int32]:
    """Return the test users, and the distinct items each chose (new ones, unless seen are allowed)."""
    chosen = liked.select(col.USER, col.ITEM).unique().sort(col.USER, col.ITEM)
    item = vocabulary.encode(chosen[col.ITEM])
    user = log.users.encode(chosen[col.USER])
    width = np.int64(max(len(vocabulary), 1))
    known = (user >= 0) & (item >= 0)
    seen = np.zeros(len(chosen), dtype=bool)
    if not allow_seen:
        acted = log.select(log.weight != 0)
        seen[known] = np.isin(
            user[known].astype(np.int64) * width + item[known],
            acted.user.astype(np.int64) * width + acted.item,
        )
    kept = chosen.filter(pl.Series(~seen))
    counts = kept.group_by(col.USER, maintain_order=True).len()
    if not len(counts):
        raise DataError("no user of the test part chose anything new; try --allow-seen")
    offsets = np.concatenate([[0], np.cumsum(counts["len"].to_numpy())]).astype(np.int64)
    return counts[col.USER], offsets, item[~seen]
