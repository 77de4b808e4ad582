"""A language model that re-ranks the top of every list: an optional last stage.

Half of its training pairs are candidates at the top of the lists of the folds that the blend learned from:
it will score such candidates, while candidates from further down differ by their popularity already.
Such pairs are few: the other half are the next choices of users in the log before those folds. Its weight is
chosen on users that neither it nor the ranker was trained on, and may be 0; the number of candidates that it
reads follows from the time that they take. It is used only if its gain exceeds chance.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tacit.core.progress import Progress
from tacit.core.types import Array, Bool, Float32, Float64, Int32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.gain import ndcg_of_scores
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.features.candidates import Candidates
from tacit.pipeline.firststage import TRAIN, VALID, FirstStage, Fold
from tacit.pipeline.training_report import defined, undefined
from tacit.pipeline.weight_choice import choose_weight
from tacit.rankers.pair import PairClassifier, PairLists
from tacit.rankers.ranker import Epoch

_DEPTH = 50
"""Training pairs are taken from so many candidates at the top of a list."""
_NEGATIVES = 4
"""Negatives sampled for each positive of a list."""
_WEIGHT_LISTS = 500
"""Lists of validation users that choose the weight."""
_TIMED = 7
"""Lists that are timed, those of the longest histories; the median counts."""
_STANDARD_ERRORS = 2.0
"""Standard errors subtracted from its gain: it is the slowest stage, and must gain more than chance would."""
_WEIGHTS = (0.0, 0.1, 0.25, 0.5)
"""Weights to choose from; 0.5 at most (docs/decisions/009-pair-classifier.md)."""

Lists = Sequence[tuple[Fold, Float32]]
"""Folds, and the scores of the second stage in each (float32[n, c])."""


@dataclass(frozen=True)
class RerankReport:
    """Training, time and weight of a re-ranker.

    Attributes
    ----------
    top : int
        Candidates that it reads: as many as the budget allows, up to the ``top`` of the classifier.
    milliseconds : float
        Time that a list takes on one thread. Where not even two candidates fit the budget, the time of a list
        of the ``top`` of the classifier; 0 where nothing was learned.
    budget : float
        The ``milliseconds`` of the classifier.
    weight : float
        Weight of the classifier against the order of the second stage; 0: it takes no part.
    valid_ndcg : mapping of weight to NDCG@10 on the validation users
    epochs : list of Epoch
        Empty where there was nothing to learn from.
    """

    top: int
    milliseconds: float
    budget: float
    weight: float = 0.0
    valid_ndcg: dict[str, float] = field(default_factory=dict)
    epochs: list[Epoch] = field(default_factory=list)

    def to_json(self) -> dict[str, Json]:
        """Return the report as JSON; null where a measure is not defined."""
        values: dict[str, Json] = defined(asdict(self))
        return values

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "RerankReport":
        """Return the report of what `to_json` returned."""
        epochs = [Epoch(**undefined(one)) for one in raw["epochs"]]
        return cls(**{**raw, "epochs": epochs})


@dataclass(frozen=True)
class Reranker:
    """Re-ranks the top of lists.

    Attributes
    ----------
    classifier : PairClassifier
    top : int
        Candidates that it reads.
    weight : float
        Weight of the classifier against the order of the second stage, in [0, 1].
    """

    classifier: PairClassifier
    top: int
    weight: float

    def reordered(self, queries: Queries, candidates: Candidates, scores: Float32) -> Float32:
        """Return the scores, float32[n, c], with those of the top of each list in a new order."""
        best = top_k(scores, self.top)
        return _reassigned(scores, best, self.log_odds(queries, candidates, best), self.weight)

    def log_odds(self, queries: Queries, candidates: Candidates, best: Ranking) -> Float32:
        """Return the log-odds of the candidates at the places ``best``: float32[n, top], -inf on padding."""
        odds = np.full(best.items.shape, -np.inf, dtype=np.float32)
        # One list at a time: rounding depends on the batch, and a list must not depend on other queries.
        for row, places in enumerate(best.items):
            real = places >= 0
            item = candidates.items[row, places[real]]
            only_query = np.zeros(len(item), dtype=np.int64)
            odds[row, real] = self.classifier.score(queries.slice(row, row + 1), only_query, item)
        return odds

    def extended(self, catalogue: Catalogue) -> "Reranker":
        """Return the re-ranker of a catalogue that has grown, with the new texts."""
        return replace(self, classifier=self.classifier.extended(catalogue.texts.to_list()))

    def spec(self) -> dict[str, Json]:
        """Return everything but the arrays as JSON."""
        return {"top": self.top, "weight": self.weight, "classifier": self.classifier.spec()}

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of the classifier."""
        return self.classifier.arrays()

    @classmethod
    def restore(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue
    ) -> "Reranker":
        """Return the fitted re-ranker of what `spec` and `arrays` returned."""
        classifier = PairClassifier.restore(spec["classifier"], arrays, catalogue.texts.to_list())
        return cls(classifier, spec["top"], spec["weight"])


def fit_reranker(
    classifier: PairClassifier,
    first: FirstStage,
    scores: Sequence[Float32],
    catalogue: Catalogue,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: Callable[[Epoch], None] | None,
) -> tuple[Reranker | None, RerankReport]:
    """Return a re-ranker of the lists of the second stage, None where its weight is 0, and its report.

    Parameters
    ----------
    classifier : PairClassifier
        Unfitted; it stays so, a copy is fitted.
    first : FirstStage
    scores : sequence of float32[n, c]
        Scores of the second stage in each fold.
    catalogue : Catalogue
    rng : numpy.random.Generator
    progress : Progress
    on_epoch : callable, optional
        Called after every epoch.
    """
    classifier = copy.copy(classifier)
    lists = list(zip(first.folds, scores, strict=True))
    train, valid = (list_pairs(lists, part, rng) for part in (TRAIN, VALID))
    if not all(0 < part.label.sum() < len(part) for part in (train, valid)):
        return None, RerankReport(classifier.top, 0.0, classifier.milliseconds)
    # Pairs of the log fill the rest of the budget: each choice comes with its negatives.
    train = train.sample(classifier.pairs // 2, rng)
    count = (classifier.pairs - len(train)) // (1 + _NEGATIVES)
    train = train.joined(log_pairs(first.folds[0].window.train, first.part == TRAIN, count, rng))
    texts = catalogue.texts.to_list()
    classifier.fit(texts, train, valid, rng=rng, progress=progress, on_epoch=on_epoch)
    top, took = affordable(classifier, lists)
    quality, user = _quality_by_weight(classifier, top, lists, rng, progress) if top > 1 else ({}, None)
    weight = 0.0 if user is None else choose_weight(quality, user, standard_errors=_STANDARD_ERRORS)
    valid_ndcg = {str(w): float(values.mean()) for w, values in quality.items()}
    report = RerankReport(top, took, classifier.milliseconds, weight, valid_ndcg, classifier.epochs_)
    return Reranker(classifier, top, weight) if weight else None, report


def log_pairs(log: Interactions, users: Bool, count: int, rng: np.random.Generator) -> PairLists:
    """Return choices of users in a log, each after its history, with negatives sampled by popularity.

    Parameters
    ----------
    log : Interactions
    users : bool[users]
        Users whose choices may be taken.
    count : int
        The most choices.
    rng : numpy.random.Generator
    """
    place = np.arange(len(log)) - log.offsets[log.user]  # of an event in the history of its user
    possible = np.flatnonzero((place > 0) & (log.weight > 0) & users[log.user])
    chosen = np.sort(rng.choice(possible, min(count, len(possible)), replace=False))
    # Whole histories of the users, then only the events before each choice.
    queries = log.queries(log.user[chosen])
    before = np.arange(len(queries.item)) - queries.offsets[queries.row] < place[chosen][queries.row]
    liked = log.item[log.weight > 0]
    # A random liked event gives an item in proportion to its popularity; items of the user are dropped.
    sampled = liked[rng.integers(0, max(len(liked), 1), (len(chosen), _NEGATIVES))]
    width = np.int64(log.n_items)
    known = np.isin(log.user[chosen][:, None] * width + sampled, log.user * width + log.item)
    row, column = np.nonzero(~known)
    label = np.repeat(np.array([1, 0], dtype=np.float32), [len(chosen), len(row)])
    every_query = np.arange(len(chosen), dtype=np.int64)
    items = np.concatenate([log.item[chosen], sampled[row, column]])
    return PairLists(queries.keep(before), np.concatenate([every_query, row]), items, label)


def list_pairs(lists: Lists, part: int, rng: np.random.Generator) -> PairLists:
    """Return the positives at the top of the lists of one part of the users, and sampled negatives."""
    found = PairLists.none()
    for one, scores in lists:
        found = found.joined(_of_a_fold(one, scores, part, rng))
    return found


def _of_a_fold(one: Fold, scores: Float32, part: int, rng: np.random.Generator) -> PairLists:
    """Return the pairs of the users of a part in one fold; ``scores`` are float32[n, c]."""
    rows = np.flatnonzero(one.part == part)
    best = top_k(scores[rows], _DEPTH).items
    real = best >= 0
    positive = real & (np.take_along_axis(one.labelled.labels[rows], np.maximum(best, 0), axis=1) > 0)
    positives = positive.sum(axis=1, keepdims=True)
    # The share of a list's negatives that gives `_NEGATIVES` for each positive on average.
    share = _NEGATIVES * positives / np.maximum(real.sum(axis=1, keepdims=True) - positives, 1)
    row, rank = np.nonzero(positive | (real & (rng.random(best.shape) < share)))
    item = one.labelled.candidates.items[rows[row], best[row, rank]]
    return PairLists(one.window.queries.take(rows), row, item, positive[row, rank].astype(np.float32))


def affordable(classifier: PairClassifier, lists: Lists) -> tuple[int, float]:
    """Return how many candidates can be read in the time of a list, and the time that they take (ms)."""
    took = _milliseconds(classifier, classifier.top, lists)
    top = int(min(classifier.top, classifier.top * classifier.milliseconds / took))
    if top < 2:  # one candidate has no order
        return 0, round(took, 1)
    return top, round(_milliseconds(classifier, top, lists) if top < classifier.top else took, 1)


def _milliseconds(classifier: PairClassifier, top: int, lists: Lists) -> float:
    """Return the median time of re-ranking the longest histories, one at a time, on one thread.

    Measured on the processor: the list is served by a machine that may have no GPU.
    """
    one, scores = lists[-1]
    queries, found = one.window.queries, one.labelled.candidates
    reranker = Reranker(classifier.on_processor(), top, 1.0)
    took = []
    with threadpool_limits(1):  # as a service does
        for row in np.resize(np.argsort(-queries.lengths, kind="stable"), _TIMED + 1).tolist():
            part = slice(row, row + 1)
            begin = time.perf_counter()
            reranker.reordered(queries.slice(row, row + 1), found.take(part), scores[part])
            took.append(1_000 * (time.perf_counter() - begin))
    return float(np.median(took[1:]))  # the first one includes the warm-up


def _quality_by_weight(
    classifier: PairClassifier, top: int, lists: Lists, rng: np.random.Generator, progress: Progress
) -> tuple[dict[float, Float64], Int32]:
    """Return NDCG@10 of lists of validation users at each weight, float64[lists] each, and their users."""
    reranker, users = Reranker(classifier, top, 1.0), []
    values: dict[float, list[Float64]] = {weight: [] for weight in _WEIGHTS}
    with progress.task("choosing the weight of the re-ranker", total=len(lists)) as task:
        for one, scores in lists:
            found = one.labelled.candidates
            rows = np.flatnonzero(one.part == VALID)
            rows = np.sort(rng.permutation(rows)[: _WEIGHT_LISTS // len(lists)])
            users.append(one.window.queries.user[rows])
            best = top_k(scores[rows], top)
            odds = reranker.log_odds(one.window.queries.take(rows), found.take(rows), best)
            for weight in _WEIGHTS:
                reranked = _reassigned(scores[rows], best, odds, weight)
                values[weight].append(
                    ndcg_of_scores(reranked, one.labelled.labels[rows], one.labelled.totals[rows])
                )
            task.advance()
    return {weight: np.concatenate(parts) for weight, parts in values.items()}, np.concatenate(users)


def _reassigned(scores: Float32, best: Ranking, odds: Float32, weight: float) -> Float32:
    """Return the scores with those of the best candidates permuted among them, by a mixture of two scores.

    The top keeps the values that were there in another order, so it stays above the rest of its list.

    Parameters
    ----------
    scores : float32[n, c]
    best : Ranking
        Places of the best candidates in each row of ``scores`` (n, top), the best first.
    odds : float32[n, top]
        Log-odds of these candidates.
    weight : float
        Weight of the log-odds in the mixture.
    """
    order = np.argsort(-mixed(best.scores, odds, weight), axis=1, kind="stable")
    place = np.take_along_axis(best.items, order, axis=1)  # of the candidate at each new rank
    # Padding is -inf in the mixture too and comes last in both orders: the same ranks are real in both.
    row, rank = np.nonzero(best.items >= 0)
    reassigned = scores.copy()
    reassigned[row, place[row, rank]] = _strictly_falling(best.scores)[row, rank]
    return reassigned


def _strictly_falling(scores: Float32) -> Float32:
    """Return scores of lists, best first, with ties broken by the least possible: a new order must show.

    From the last rank upwards, each score is at least the next larger float than the one below it.
    """
    falling = scores.copy()
    for rank in range(scores.shape[1] - 2, -1, -1):
        above = np.nextafter(falling[:, rank + 1], np.float32(np.inf))
        falling[:, rank] = np.maximum(falling[:, rank], above)
    return falling


def mixed(blended: Float32, ranked: Float32, weight: float) -> Float32:
    """Return the weighted sum of two scores after each is stretched to [0, 1] within its list.

    Parameters
    ----------
    blended, ranked : float32[n, c]
        ``-inf`` on padding.
    weight : float
        Weight of ``ranked``, in [0, 1].
    """
    mean = (1 - weight) * _stretched(blended) + weight * _stretched(ranked)
    return np.where(np.isfinite(blended), mean, -np.inf).astype(np.float32)


def _stretched(scores: Float32) -> Float32:
    """Return ``(score - min) / (max - min)`` of each list; 0.5 where all its scores are equal."""
    finite = np.isfinite(scores)
    low = np.min(scores, axis=1, keepdims=True, where=finite, initial=np.inf)
    high = np.max(scores, axis=1, keepdims=True, where=finite, initial=-np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        stretched = (scores - low) / (high - low)
    return np.where(finite & (high > low), stretched, 0.5).astype(np.float32)
