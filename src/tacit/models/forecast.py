"""Forecast: the share of the next choices that each item will have, from how it rose and fell so far.

`Trending` counts by one half-life; which one suits a log is not known, and a log can need several: what is
wanted at this hour, and for years. Here every item has at a moment t the features

    f(i, t) = [log(c_h(i, t) + s) for a ladder of half-lives h] + [log age, log time since its last event]

and its share of the choices of the next stretch is the softmax of ``w . f(i, t)`` over the items with events.
The weights maximise the likelihood of the stretches after some rolling origins inside the log: a multinomial
logit of about fifteen numbers, convex, fitted in a fraction of a second. Every unit cancels: s is a part of
the mean count, times are parts of the log's span. A stretch counts by the root of its choices, since the
choices of a stretch depend on each other; and a user by the root of theirs.

Not known: what happened between the end of the log and the query. The forecast is that of the log's end, or
of the last event that an update brought: the weights stay as they were fitted, and the counts go on.
"""

import copy
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np

from tacit.core.growing_arrays import padded
from tacit.core.kernels import loops
from tacit.core.parameters import learned, parameter
from tacit.core.spaces import Choice, Float
from tacit.core.types import DAY, Array, Bool, Float32, Float64, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.models.loops import baseline_of
from tacit.models.retriever import Retriever
from tacit.models.rolling import (
    Choices,
    ItemState,
    choices,
    counts_of,
    half_lives,
    last_state,
    moment_after,
    of_users,
    states,
)
from tacit.models.share_logit import Stretch, fit_weights, log_softmax
from tacit.models.sparse_scores import Baseline, SparseScores
from tacit.models.trending import among_most_popular

_FIRST_ORIGIN = 0.2
"""Share of the choices before the first origin."""
_EVENTS = 5_000_000
"""Of a longer log the weights, the period and what rises are learned from users with about so many events;
the state of each item at the end is that by all events."""
_MOST_ITEMS = 50_000
"""Items of an origin that the weights are learned from; of more, those without a choice are sampled."""
_PERIODS = {"today": 1, "this week": 7, "this month": 30, "this year": 365}
"""Days that a reason may speak of, in words."""
_ENOUGH = 0.02
"""The period of the reason is the shortest with this share of the choices."""
_RISE, _SURE = 1.5, 2.0
"""A rising item has so many times its former share, and so many standard deviations more than it."""


class Forecast(Retriever):
    """Popularity in the next stretch of time, forecast from counts by many half-lives.

    Parameters
    ----------
    smoothing : float
        Added to a count, in mean counts of an item by the same half-life.
    horizon : float
        Share of the choices in the stretch after each origin: how far ahead is learned.
    origins : int
        How many moments inside the log are learned from.
    l2 : float
        Precision of a normal prior of the weights: around the geometric mean of all counts, with no weight
        for age. A log without origins has this prior for its weights.

    Attributes
    ----------
    log_share_ : float32[items]
        Logarithm of the share; ``-inf`` for items without events. Without timestamps it is that of the whole
        log.
    rising_ : bool[items]
        Items wanted far more in the last period than before.
    period_ : str
        That period in words: "this week"; "" for none.
    weights_ : float64[h + 2]
        Empty for a log without timestamps, and in older snapshots.
    items_ : int32[n]
        The items with events, ascending.
    state_ : ItemState
        These items at the moment of the forecast; counts are in units of the weights of events.
    span_ : float
        Seconds of the log that the weights were learned from.
    fitted_ : ItemState
        The same at the fit. Where a half-life holds less than it did then, what is missing is filled up with
        what was wanted then: one event after a silence is not all that anybody wants.
    """

    name: str = "forecast"
    smoothing: float = parameter(default=0.1, above=0, high=1e6, search=Float(0.01, 1.0, log=True))
    horizon: float = parameter(default=0.1, above=0, high=0.5, search=Choice((0.02, 0.05, 0.1, 0.2)))
    origins: int = parameter(default=12, low=1, high=1_000)
    l2: float = parameter(default=3.0, above=0, high=1e6, search=Float(0.3, 30.0, log=True))
    log_share_: Float32 = learned()
    baseline_: Baseline = learned()
    rising_: Bool = learned()
    period_: str = learned(default="")
    weights_: Float64 = learned()
    items_: Int32 = learned()
    state_: ItemState = learned()
    span_: float = learned(default=0.0)
    fitted_: ItemState = learned()

    for_every_query = True

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Learn the weights from stretches of the log, forecast from its end, and return self."""
        log = choices(of_users(interactions, _EVENTS, rng))
        timed = interactions.timing == "time" and log.span > 0
        self.weights_ = np.empty(0)
        if timed:
            self._learn(log, interactions, rng)
            self._share(interactions.n_items)
        else:
            self._spread(log.items, _log_totals(log), interactions.n_items)
        self.period_ = _period(log) if timed else ""
        self.rising_ = np.zeros(interactions.n_items, dtype=bool)
        self.rising_[log.items] = _rising(log, self.period_)
        return self

    def updated(self, later: Later) -> Self:
        """Return the forecast after later events, by the weights and half-lives of the fit."""
        if not len(self.weights_) or not (later.events.weight > 0).any():
            return self
        newer, halves = copy.copy(self), self._halves
        chosen = later.events.select(later.events.weight > 0)
        newer.items_ = np.union1d(self.items_, chosen.item).astype(np.int32)
        places = np.searchsorted(newer.items_, self.items_), len(newer.items_)
        newer.fitted_, state = self.fitted_.of(*places), self.state_.of(*places)
        moment = max(state.moment, moment_after(chosen))
        counts = state.counts * np.exp2(-(moment - state.moment) / halves)[:, None]
        # What the users of the events count for these items is taken out and counted anew.
        counts += counts_of(later.pairs_after, halves, moment, newer.items_)
        counts -= counts_of(later.pairs_before, halves, moment, newer.items_)
        item = np.searchsorted(newer.items_, chosen.item)
        np.minimum.at(state.first, item, chosen.at)
        np.maximum.at(state.last, item, chosen.at)
        newer.state_ = ItemState(moment, np.maximum(counts, 0), state.first, state.last)
        newer._share(len(self.log_share_))
        return newer

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]: the same log share for each query; ``-inf`` for items nobody wanted."""
        row = self.log_share_ if items is None else self.log_share_[items]
        return np.tile(row, (len(queries), 1))

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores:
        """Return the same scores for each query, none of which depends on its history."""
        return SparseScores.constant(len(queries), self.baseline_)

    def compiled(self, shared: dict[Hashable, Any]) -> Any:
        """Return the compiled form of the sparse scores."""
        return loops().SameForAll(baseline_of(self.baseline_))

    @property
    def reason_for_all(self) -> str:
        """The reason for the items that are forecast to be the most popular."""
        return "popular now"

    def reasons_for_all(self, items: Int32) -> list[str]:
        """Return the reason for each of ``items``: that it rises, if it does."""
        rising = f"rising {self.period_}"
        return [rising if rises else self.reason_for_all for rises in self.rising_[items]]

    def puts_forward(self, queries: Queries, items: Int32) -> Bool:
        """Return whether ``items[q]`` are forecast to be among the most popular: bool[n]."""
        return among_most_popular(self.baseline_, items)

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue: nobody wanted the new items yet."""
        larger = copy.copy(self)
        larger.baseline_ = self.baseline_.extended(len(catalogue))
        larger.log_share_ = larger.baseline_.scores
        larger.rising_ = padded(self.rising_, len(catalogue))
        return larger

    def arrays(self) -> dict[str, Array]:
        """Return the log shares, the rising items, their period as its place in `_PERIODS`, and the state."""
        place = list(_PERIODS).index(self.period_) if self.period_ else -1
        found = {"log_share": self.log_share_, "rising": self.rising_, "period": np.array([place])}
        if not len(self.weights_):
            return found
        own = vars(self.state_) | {"moment": np.array([self.state_.moment, self.span_])}
        return found | own | {"weights": self.weights_, "items": self.items_}

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self.log_share_, self.rising_ = arrays["log_share"], arrays["rising"]
        self.baseline_ = Baseline(self.log_share_)
        place = int(arrays["period"][0])
        self.period_ = list(_PERIODS)[place] if place >= 0 else ""
        self.weights_ = arrays.get("weights", np.empty(0))
        if len(self.weights_):
            moment, self.span_ = arrays["moment"].tolist()
            self.items_ = arrays["items"]
            columns = (arrays[name] for name in ("counts", "first", "last"))
            self.state_ = self.fitted_ = ItemState(moment, *columns)

    def _learn(self, log: Choices, interactions: Interactions, rng: np.random.Generator) -> None:
        """Learn the weights from choices of a log, and the state of its items at its end."""
        self.span_ = log.span
        halves = half_lives(log.span, len(log))
        self.weights_ = self._learned(log, halves, rng)
        if len(interactions) > _EVENTS:
            now = last_state(interactions, halves)
            self.items_ = now.known.astype(np.int32)
            self.state_ = now.take(self.items_)
        else:
            # A state knows what is strictly before its moment.
            (now,) = states(log, halves, np.nextafter(log.at[-1:], np.inf))
            self.items_, self.state_ = log.items, replace(now, counts=now.counts * log.mean)
        self.fitted_ = self.state_

    @property
    def _halves(self) -> Float64:
        return self.span_ / np.exp2(np.arange(1, len(self.weights_) - 1))

    def _share(self, n_items: int) -> None:
        """Set the shares of all items by the state."""
        state, fitted = self.state_, self.fitted_
        missing = np.maximum(1 - state.counts.sum(axis=1) / fitted.counts.sum(axis=1), 0)[:, None]
        features = self._features(
            self.span_, self._halves, replace(state, counts=state.counts + missing * fitted.counts)
        )
        self._spread(self.items_, features @ self.weights_, n_items)

    def _spread(self, items: Int32, logits: Float64, n_items: int) -> None:
        """Set the shares of all items by the logits of those with events: float64[n]."""
        every = np.full(n_items, -np.inf)
        every[items] = logits
        self.log_share_ = log_softmax(every).astype(np.float32)
        self.baseline_ = Baseline(self.log_share_)

    def _learned(self, log: Choices, halves: Float64, rng: np.random.Generator) -> Float64:
        """Return the weights of the features, learned from stretches after origins: float64[h + 2]."""
        stretches = [
            _stretch(log, state, self._features(log.span, halves, state), self.horizon, rng)
            for state in states(log, halves, moments_of(log, self.origins, self.horizon))
        ]
        return fit_weights(stretches, _prior(len(halves)), self.l2)

    def _features(self, span: float, halves: Float64, state: ItemState) -> Float64:
        """Return f(i, t) of the items with events: float64[known, h + 2]."""
        known, finest = state.known, halves[-1]
        counts = state.counts[:, known]
        mean = np.maximum(counts.mean(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        since = np.stack([state.moment - state.first[known], state.moment - state.last[known]])
        times = np.log((since + finest) / span)
        return np.concatenate([np.log(counts / mean + self.smoothing), times]).T


def moments_of(log: Choices, count: int, horizon: float) -> Float64:
    """Return the origins: ``count`` moments at even steps of choices, each with a whole stretch after it."""
    steps = np.linspace(min(_FIRST_ORIGIN, 1 - horizon), 1 - horizon, count)
    moments = np.unique(np.quantile(log.at, steps, method="higher"))
    return np.asarray(moments[moments > log.at[0]], dtype=np.float64)


def chosen_after(log: Choices, moment: float, horizon: float) -> Float64:
    """Return how much each item is chosen in the stretch from a moment on: float64[items].

    A user counts by the root of their choices, and so does the stretch: its sum is that root.
    """
    start = int(np.searchsorted(log.at, moment, side="left"))
    last = min(start + max(round(horizon * len(log)), 1), len(log)) - 1
    stop = int(np.searchsorted(log.at, log.at[last], side="right"))  # with all of the same moment
    user, item, value = log.user[start:stop], log.item[start:stop], log.value[start:stop]
    _, whose, theirs = np.unique(user, return_inverse=True, return_counts=True)
    chosen = np.bincount(item, value / np.sqrt(theirs[whose]), minlength=log.n_items)
    return np.asarray(chosen / np.sqrt(chosen.sum()), dtype=np.float64)


def _log_totals(log: Choices) -> Float64:
    """Return the logarithm of the count of each item in the whole log: float64[items]."""
    totals = np.bincount(log.item, log.value, minlength=log.n_items)
    return np.log(totals, out=np.full(log.n_items, -np.inf), where=totals > 0)


def _stretch(
    log: Choices, state: ItemState, features: Float64, horizon: float, rng: np.random.Generator
) -> Stretch:
    """Return what was known at an origin and chosen after it; of very many items a sample."""
    chosen = chosen_after(log, state.moment, horizon)[state.known]
    kept, offset = np.arange(len(chosen)), np.zeros(len(chosen))
    others = np.flatnonzero(chosen == 0)
    if len(others) > _MOST_ITEMS:
        kept = np.append(np.flatnonzero(chosen), rng.choice(others, _MOST_ITEMS, replace=False))
        offset[others] = np.log(len(others) / _MOST_ITEMS)
    return Stretch(features[kept], chosen[kept], offset[kept])


def _prior(n_counts: int) -> Float64:
    """Return the mean of the weights' prior: the geometric mean of the counts, and nothing of times."""
    return np.append(np.full(n_counts, 1 / n_counts), np.zeros(2))


def _period(log: Choices) -> str:
    """Return the shortest period, in words, with enough choices in and before it; "" if there is none."""
    age = log.at[-1] - log.at
    for words, days in _PERIODS.items():
        if days * DAY <= log.span / 2 and np.mean(age < days * DAY) >= _ENOUGH:
            return words
    return ""


def _rising(log: Choices, period: str) -> Bool:
    """Return which items are wanted far more in the last period than before: bool[items]."""
    if not period:
        return np.zeros(log.n_items, dtype=bool)
    late = log.at[-1] - log.at < _PERIODS[period] * DAY
    now, before = (
        np.bincount(log.item[part], log.value[part], minlength=log.n_items) for part in (late, ~late)
    )
    expected = before * now.sum() / before.sum()
    return np.asarray((now > _RISE * expected) & (now - expected > _SURE * np.sqrt(expected + 1)))
