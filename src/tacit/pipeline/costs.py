"""What a fit is expected to cost, from the size of the log: seconds and memory, before anything is fitted.

The figures are straight lines through measured fits on two cores (``benchmarks/fit_time.py``); another
machine is faster or slower by a factor, which a fit within a time learns from its first parts. They order the
steps of such a fit and say "about": none of them changes a result.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import ceil

from tacit.core.parameters import Parameterised, declared, values_of
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.models.ease import EASE, MOST
from tacit.models.protocol import Recommender
from tacit.pipeline import register
from tacit.pipeline.config import Config
from tacit.pipeline.windows import ENOUGH
from tacit.rankers.ranker import Ranker


@dataclass(frozen=True)
class Size:
    """The size of a log and its catalogue.

    Attributes
    ----------
    events, users, items : int
    """

    events: int
    users: int
    items: int

    @classmethod
    def of(cls, interactions: Interactions, catalogue: Catalogue) -> "Size":
        """Return the size of a log."""
        return cls(len(interactions), interactions.n_users, len(catalogue))

    def shorter(self, events: int) -> "Size":
        """Return the size of a part of the log with so many events, of as large a share of the users."""
        share = min(events / max(self.events, 1), 1.0)
        return Size(min(events, self.events), max(int(self.users * share), 1), self.items)


Seconds = Callable[[Size, int], float]
"""Seconds of a fit for a log, by a model of at most so many items."""


def _cubed(items: int, most: int) -> float:
    """Return billions of operations of a closed form over so many items."""
    return min(items, most) ** 3 / 1e9


_SECONDS: dict[str, Seconds] = {
    "trending": lambda size, _: 1.3e-7 * size.events,
    "forecast": lambda size, _: 0.1 + 6e-7 * size.events,
    "content": lambda size, _: 0.05 + 1.5e-5 * size.items,
    "repeats": lambda size, _: 3e-7 * size.events,
    "userknn": lambda size, _: 1.3e-7 * size.events,
    "sessionknn": lambda size, _: 2e-7 * size.events,
    # A pair of items is added where a cache holds a row of all items, or where none does.
    "itemknn": lambda size, _: (5e-7 + 1e-6 * min(size.items / 1e6, 1.0)) * size.events,
    # Groups of rare items, as many as make up `most`, cost together nearly what the popular ones do.
    "ease": lambda size, most: (
        3e-7 * size.events
        + 0.013 * _cubed(size.items, most)
        + 0.0105 * _cubed(size.items, most) * (max(min(size.items / most, MOST), 1.0) - 1)
    ),
    "sequential": lambda size, most: 3e-7 * size.events + 0.025 * _cubed(size.items, most),
    "slim": lambda size, most: 5e-7 * size.events + 1e-4 * min(size.items, most),
}
"""Seconds of a fit by the name of the entry in the register, with compiled loops."""

_WORTH = {"sessionknn": 3.0, "popular": 2.0, "sequential": 10.0}
"""How many seconds of the other retrievers one of these is worth where events have an order: on MovieLens 1M
(leave one out) popularity has NDCG@10 .162 with the sequential model, .054 with EASE, .116 with session kNN,
.18 with all; by time the sequential model alone has .15 in a fold, .24 with popularity and a few others."""

_CHEAP = 2.5e-7
"""Seconds an event, of those above, of what is always fitted: about an eighth of what reading it took."""
_LEAST_ITEMS = 500
"""A model of the most popular items is of at least so many: on MovieLens 1M (leave one out) the sequential
model of 500 items has NDCG@10 .112, and session kNN has .115."""

_LIST_SECONDS = 8e-5
"""Of the candidates of one list by one retriever, and of its part of a blend."""

STEP_LISTS = 1_000
"""Lists of the last fold that steps before the last learn from and are measured on."""

_QUERIES = 0.3
"""Queries of a window for each user of its log, about."""

_UNKNOWN = 1e-5
"""Seconds an event for models that were not measured: they come last."""


def fit_seconds(one: Recommender, size: Size) -> float:
    """Return about how many seconds the fit of a retriever takes on two cores."""
    entry = register.entry_of("retriever", one)
    seconds = _SECONDS.get(entry.name) if entry else None
    if seconds is None:
        return 0.1 + _UNKNOWN * size.events
    return seconds(size, getattr(one, "max_items", size.items))


def is_always_fitted(one: Recommender, size: Size) -> bool:
    """Return whether a retriever is worth so much for so little that no fit within a time is without it."""
    return one.name in _WORTH and fit_seconds(one, size) <= _CHEAP * size.events


def smaller(one: Recommender, size: Size, seconds: float) -> Recommender | None:
    """Return a retriever that learns as many of its most popular items as it can in so many seconds.

    None where there is no such choice, or where even few items take longer.
    """
    if not isinstance(one, Parameterised) or "max_items" not in declared(type(one)):
        return None
    most = min(values_of(one)["max_items"], size.items)
    while most >= _LEAST_ITEMS:
        found = replace(one, max_items=most)  # type: ignore[type-var]
        if fit_seconds(found, size) <= seconds:
            return found
        most = most * 3 // 4
    return None


def list_seconds(retrievers: int, lists: int) -> float:
    """Return about how many seconds the candidates of so many lists and a blend of them take."""
    return 0.1 + _LIST_SECONDS * retrievers * lists


def ranker_seconds(ranker: Ranker | None, lists: int) -> float:
    """Return about how many seconds the examples and the fit of a ranker take for so many lists."""
    if ranker is None:
        return 0.0
    return 1.0 + 5e-4 * lists * (1 + getattr(ranker, "members", 1))


@dataclass(frozen=True)
class Expected:
    """What a fit is expected to take.

    Attributes
    ----------
    seconds, gigabytes : float
        Of the whole fit of a cleaned log whose texts are encoded, and of the process at its peak.
    """

    seconds: float
    gigabytes: float


def expected(config: Config, size: Size, workers: int) -> Expected:
    """Return what the fit of a configuration is expected to take.

    Parameters
    ----------
    config : Config
    size : Size
        Of the whole log.
    workers : int
        How many retrievers are fitted at once.
    """
    part = size.shorter(config.max_events)
    # No further window is cut off once there are enough queries.
    windows = min(config.windows, ceil(ENOUGH / (_QUERIES * max(part.users, 1))))
    of_fits = [fit_seconds(one, log) for log in (size, *[part] * windows) for one in config.retrievers]
    lists = min(windows * min(config.max_users, part.users), ENOUGH + config.max_users)
    learning = list_seconds(len(config.retrievers), lists) + ranker_seconds(config.ranker, lists)
    largest = sorted((fit_gigabytes(one, size) for one in config.retrievers), reverse=True)
    folds = _EVENT_GB * part.events
    held = _PROCESS_GB + _EVENT_GB * size.events + folds + _ITEM_GB * size.items
    examples = 0.0 if config.ranker is None else _LIST_GB * lists
    return Expected(sum(of_fits) / workers + learning, held + max(sum(largest[:workers]), examples))


def reductions(config: Config, size: Size) -> list[str]:
    """Return what of a configuration is learned from a part of a log of a size, as sentences."""
    said = []
    if size.events > config.max_events:
        said.append(
            f"the blend and the ranker learn from a sample of users with about {config.max_events:,} of "
            f"the {size.events:,} events (max_events)"
        )
    limits = {one.name: most_items(one) for one in config.retrievers}
    few = [f"{name} {limit:,}" for name, limit in limits.items() if limit is not None and limit < size.items]
    if few:
        said.append(
            f"of the {size.items:,} items these learn the most popular ones (max_items): {', '.join(few)}; "
            "the other retrievers know the rest"
        )
    return said


def most_items(one: Recommender) -> int | None:
    """Return how many items a retriever learns at most; None for all."""
    most: int | None = getattr(one, "max_items", None)
    return MOST * most if most is not None and isinstance(one, EASE) else most


def in_words(seconds: float) -> str:
    """Return a stretch of time to about one digit: 40 s, 3 min, 2 h."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(round(seconds, -1), 1):.0f} s"


def fit_gigabytes(one: Recommender, size: Size) -> float:
    """Return about how much memory the fit of a retriever takes at its peak."""
    most = getattr(one, "max_items", None)
    dense = 0.0 if most is None else 2 * 4e-9 * min(size.items, most) ** 2
    return _BLOCK_GB + dense + _AT_ONCE_GB * size.events


_PROCESS_GB, _EVENT_GB, _ITEM_GB, _LIST_GB = 0.8, 9e-8, 1e-5, 3.5e-4
"""Gigabytes of a process with its libraries; of an event and an item in the log and all that was fitted; of a
ranked list while features are computed."""
_BLOCK_GB, _AT_ONCE_GB = 0.4, 3e-8
"""Gigabytes of the blocks that a retriever works on, and of an event, while it is fitted."""


def by_worth(retrievers: Iterable[Recommender], size: Size, *, ordered: bool) -> list[Recommender]:
    """Return retrievers in the order in which a fit that may end at any moment takes them.

    By their `step_seconds`, but for `_WORTH`; equal ones in their own order.

    Parameters
    ----------
    retrievers : iterable of Recommender
    size : Size
    ordered : bool
        Whether the log has times or an order.
    """
    return sorted(
        retrievers, key=lambda one: step_seconds(one, size) / (_WORTH.get(one.name, 1) if ordered else 1)
    )


def step_seconds(one: Recommender, size: Size) -> float:
    """Return about how many seconds a retriever adds to a step of a fit within a time."""
    return fit_seconds(one, size) + list_seconds(1, STEP_LISTS)
