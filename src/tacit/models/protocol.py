"""The protocols of models. A model needs no base class, only these methods."""

from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol, Self, TypeVar, cast, runtime_checkable

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.progress import Progress
from tacit.core.types import Array, Bool, Float32, Int32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.models.score_parts import CosineTables, ScoreParts, SumTables
from tacit.models.sparse_scores import SparseScores

BATCH_CELLS = 16_000_000
"""Largest number of scores held at once while recommending (64 MB of float32)."""


@runtime_checkable
class Scorer(Protocol):
    """Maps histories to scores."""

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]: the score of every item (or of ``items``: int32[m]) for each query.

        ``-inf`` where the model has no score. Excluded items are scored like all others: `recommend` leaves
        them out. A score depends on the model and the query only, never on the other queries of the batch.
        """
        ...


@runtime_checkable
class Recommender(Scorer, Protocol):
    """A scorer that learns from interactions and a catalogue."""

    name: str

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Learn from a log and return self. Called once: a fitted model never changes."""
        ...


@runtime_checkable
class Sparse(Protocol):
    """Can list the items that it has evidence for, without a score for each item of the catalogue."""

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores | None:
        """Return the scores that ``score`` gives, in sparse form; None where ``score`` is to be called.

        Parameters
        ----------
        queries : Queries
            n histories.
        k : int
        allowed : bool[items]
            Items that may be recommended. Only for estimates (`SparseScores.exact`): about the k best items
            that are allowed and not excluded from a query must be listed.
        """
        ...


@runtime_checkable
class Compiles(Protocol):
    """Has a compiled form of its sparse scores, where `tacit.core.kernels` are installed."""

    def compiled(self, shared: dict[Hashable, Any]) -> Any | None:
        """Return the scorer of `tacit_kernels` that lists what `sparse_scores` does; None if there is none.

        Parameters
        ----------
        shared : dict
            What the compiled forms of several models have in common; extended here.
        """
        ...


Found = TypeVar("Found")


@runtime_checkable
class SharesSearch(Protocol[Found]):
    """Scores in two steps, the first of which another model may have done already."""

    @property
    def search_key(self) -> Hashable:
        """What decides what a search finds: models with the same key find the same."""
        ...

    def search(self, queries: Queries) -> Found:
        """Return what the scores of the queries are computed from."""
        ...

    def scores_from(self, found: Found) -> SparseScores:
        """Return the scores of the queries for which a search found this."""
        ...


@runtime_checkable
class Indexes(Protocol):
    """Can prepare for requests what a fit on a part of the log does not need."""

    def indexed(self) -> Self:
        """Return the same fitted model with an index by which it has sparse scores."""
        ...


@runtime_checkable
class MakesLists(Protocol):
    """Returns lists itself: a pipeline of several stages, without meaningful scores of single items."""

    def recommend(self, queries: Queries, k: int, *, items: Int32 | None = None) -> Ranking:
        """Return the k best items of each query, without the excluded ones; see `recommend`."""
        ...


Model = Recommender | MakesLists
"""Any model that can be fitted and returns lists."""


@runtime_checkable
class ShowsProgress(Protocol):
    """Can show the progress of its fit."""

    def showing(self, progress: Progress) -> Self:
        """Return the same model, not fitted, whose fit shows its progress."""
        ...


@runtime_checkable
class SimilarItems(Protocol):
    """Knows which items are alike: alternatives to an item."""

    def similar(self, items: Int32, k: int) -> Ranking:
        """Return the k items most like each of ``items`` (int32[n]), itself left out."""
        ...


@runtime_checkable
class GoesTogether(Protocol):
    """Knows which items go together: chosen along with an item, within a basket or a few days."""

    def together(self, items: Int32, k: int) -> Ranking:
        """Return the k items that go best with each of ``items`` (int32[n]), itself left out."""
        ...


@runtime_checkable
class ComesNext(Protocol):
    """Knows what follows an item."""

    def following(self, items: Int32, k: int) -> Ranking:
        """Return the k items most likely to come after each of ``items`` (int32[n]), itself left out."""
        ...


@runtime_checkable
class ScoresByText(Protocol):
    """Scores items by what is written about them alone: also those that nobody has touched.

    Attributes
    ----------
    by_text : bool
        True where the events of an item do not count in its score.
    """

    by_text: bool


@runtime_checkable
class Explains(Protocol):
    """Knows how much each event of the history adds to the score of an item."""

    def explain(self, queries: Queries, items: Int32) -> Float32:
        """Return float32[events]: the share of each history event in the score of ``items[q]`` (int32[n])."""
        ...


@runtime_checkable
class ExplainsByParts(Explains, Protocol):
    """Explains all items of a list at once, without scoring any other item."""

    def parts(self, query: Queries, items: Int32) -> ScoreParts:
        """Return what the events of one history (n = 1) add to the scores of ``items`` (int32[m])."""
        ...


@runtime_checkable
class ExplainsByTables(ExplainsByParts, Protocol):
    """Hands out, once, what the parts of every history are taken from, for compiled loops."""

    def tables(self) -> SumTables | CosineTables | None:
        """Return the tables that `parts` looks up; None if they have no such form."""
        ...


@runtime_checkable
class ExplainsInWords(Explains, Protocol):
    """Explains, and words its reasons; without this a reason is "because you chose" the event's item.

    Attributes
    ----------
    because : str
        The words before the title of the event's item: "similar in text to".
    """

    because: str


@runtime_checkable
class ExplainsForAll(Protocol):
    """Recommends items for a reason that is no event of the history: popularity, or a rule."""

    @property
    def reason_for_all(self) -> str:
        """The reason in words: "popular now"."""
        ...

    def puts_forward(self, queries: Queries, items: Int32) -> Bool:
        """Return whether that reason holds for ``items[q]`` (int32[n]) and query q: bool[n]."""
        ...


@runtime_checkable
class ForEveryQuery(ExplainsForAll, Protocol):
    """Puts forward the same items whoever asks.

    Attributes
    ----------
    for_every_query : bool
        True where ``puts_forward`` does not depend on the queries.
    """

    for_every_query: bool


@runtime_checkable
class ExplainsItemsForAll(ExplainsForAll, Protocol):
    """Has a reason for each item that it puts forward; without this all have the same."""

    def reasons_for_all(self, items: Int32) -> list[str]:
        """Return the reason for each of ``items`` (int32[n]) in words: "rising this week"."""
        ...


@runtime_checkable
class Persistent(Protocol):
    """Can be written to and read from a snapshot without running code from it."""

    def spec(self) -> dict[str, Json]:
        """Return the hyperparameters and small learned values as JSON."""
        ...

    def arrays(self) -> dict[str, Array]:
        """Return the learned arrays by name (dense arrays only; sparse ones as their parts)."""
        ...

    @classmethod
    def restore(cls, spec: Mapping[str, Json], arrays: Mapping[str, Array], catalogue: Catalogue) -> Self:
        """Rebuild the model from what `spec` and `arrays` returned."""
        ...


class PersistentRecommender(Recommender, Persistent, Protocol):
    """A recommender that a snapshot can hold."""


@runtime_checkable
class FoldsIn(Protocol):
    """Accepts a catalogue that has grown, without a refit."""

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a new model that scores the items of the larger catalogue (known codes unchanged)."""
        ...


@runtime_checkable
class HoldsUsers(Protocol):
    """Holds rows of single users, which score for others: all other models hold sums of many."""

    def without_users(self, gone: Bool) -> Self:
        """Return a model in which the rows of some users count no more: bool[users of the fitted log].

        Codes of users and items stay what they were. What the rows of all users add up to, such as the rarity
        of an item, may stay as well.
        """
        ...


@runtime_checkable
class Updates(Protocol):
    """Learns from later events without a refit."""

    def updated(self, later: Later) -> Self:
        """Return a new model that has learned from later events too; this one stays as it is.

        Parameters
        ----------
        later : Later
            Events after all that the model learned from, and what came before them in the same histories.

        Returns
        -------
        Self
            Has the scores of a model fitted on all events at once. What a fit learns of the log as a whole
            (a half-life, weights) may stay as it was fitted.
        """
        ...


def fitted(
    model: Recommender, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator
) -> Recommender:
    """Return what the ``fit`` of a model returns.

    Raises
    ------
    ConfigError
        If that is no model: ``fit`` must return self.
    """
    learned = model.fit(interactions, catalogue, rng=rng)
    if not hasattr(learned, "fit"):
        raise ConfigError(
            f"the fit of the model {getattr(model, 'name', type(model).__name__)!r} returned a "
            f"{type(learned).__name__}; it must return self"
        )
    return learned


def is_sparse(model: object) -> bool:
    """Return whether a model has sparse scores that are those of its ``score``.

    A class derived from a sparse one may replace ``score`` alone: its sparse scores are those of its base.
    """
    return "score" not in getattr(model, "__dict__", ()) and _sparse_class(cast("Any", type(model)))


@cache
def _sparse_class(of: Any) -> bool:
    first = next((one for one in of.__mro__ if {"score", "sparse_scores"} & set(vars(one))), object)
    return "sparse_scores" in vars(first)


def can(model: object, protocol: Any) -> bool:
    """Return what ``isinstance`` does for a protocol, without its cost of 10 to 40 us a call."""
    return _class_can(cast("Any", type(model)), protocol) or all(
        hasattr(model, name) for name in _names(protocol)
    )


@cache
def _class_can(of: Any, protocol: Any) -> bool:
    return all(hasattr(of, name) for name in _names(protocol))


@cache
def _names(protocol: Any) -> tuple[str, ...]:
    return tuple(name for name in (*vars(protocol), *protocol.__annotations__) if not name.startswith("_"))


def recommend(model: Scorer | MakesLists, queries: Queries, k: int, *, items: Int32 | None = None) -> Ranking:
    """Return the k best items of each query by a model, without the excluded ones.

    Parameters
    ----------
    model : Scorer or MakesLists
    queries : Queries
        n histories; scored in batches of bounded memory.
    k : int
        List length, at least 1.
    items : int32[m], optional
        The candidates; all items that the scorer knows by default.

    Returns
    -------
    Ranking
        n x k; ties in a fixed order (lower code first).
    """
    if isinstance(model, MakesLists):
        return model.recommend(queries, k) if items is None else model.recommend(queries, k, items=items)
    parts = []
    for batch in batches(queries, 1 if items is None else len(items)):
        scores = model.score(batch.acted(), items)
        mask_excluded(scores, batch, items)
        parts.append(top_k(scores, k, items))
    if not parts:
        return Ranking(np.empty((0, k), np.int32), np.empty((0, k), np.float32))
    return Ranking(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))


def batches(queries: Queries, width: int, cells: int = BATCH_CELLS) -> Iterator[Queries]:
    """Cut queries into consecutive batches of at most ``cells / width`` (and at most 512) queries."""
    size = batch_size(width, cells)
    if 0 < len(queries) <= size:
        yield queries  # with what it has computed already
        return
    for start in range(0, len(queries), size):
        yield queries.slice(start, min(start + size, len(queries)))


def batch_size(width: int, cells: int = BATCH_CELLS) -> int:
    """Return how many queries are a batch of at most ``cells`` scores, ``width`` for each query."""
    return min(max(cells // max(width, 1), 1), 512)


def mask_excluded(scores: Float32, queries: Queries, items: Int32 | None = None) -> None:
    """Set the scores of each query's excluded items to -inf, in place: float32[n, m]."""
    rows = np.repeat(np.arange(len(queries)), np.diff(queries.exclude_offsets))
    columns = queries.exclude.astype(np.int64)
    if items is None:
        known = columns < scores.shape[1]
    else:
        place = np.full(max(int(items.max(initial=-1)), int(columns.max(initial=-1))) + 1, -1, dtype=np.int64)
        place[items] = np.arange(len(items))
        columns = place[columns]
        known = columns >= 0
    scores[rows[known], columns[known]] = -np.inf
