"""A language model that reads the top of every list: the last stage, where it is asked for.

Half of what it learns from is the top of the lists of the windows that the blend learned from: that is what
it will judge, and an item from below would be told by how little it is wanted. These pairs are few: the other
half is what people chose next in the log before those windows. How much it counts is chosen on users that
neither it nor the ranker was trained on, "not at all" included, and how much it reads by what that costs. It
must gain beyond noise to count at all.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tacit.core.errors import ConfigError
from tacit.core.parameters import build as made
from tacit.core.progress import Progress
from tacit.core.types import Array, Bool, Float32, Float64, Json
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
"""Pairs to learn from are among so many at the top."""
_NEGATIVES = 4
"""Drawn for each positive of a list."""
_JUDGED = 500
"""Lists of validation users that choose the weight."""
_TIMED = 7
"""Lists that are timed, of the longest histories; the median counts."""
_STANDARD_ERRORS = 2.0
"""Standard errors that are taken off its gain: the dearest stage, and chance alone would often choose it."""
_WEIGHTS = (0.0, 0.1, 0.25, 0.5)
"""Half at most (docs/decisions/009-pair-classifier.md)."""

Lists = Sequence[tuple[Fold, Float32]]
"""Rehearsals and the second stage's scores in them (float32[n, c])."""


@dataclass(frozen=True)
class Limits:
    """What the re-ranker may cost.

    Attributes
    ----------
    top : int
        How many candidates of a list it reads at most.
    milliseconds : float
        For a list, on one thread: fewer candidates are read where they would take longer.
    """

    top: int = 20
    milliseconds: float = 50.0


@dataclass(frozen=True)
class RerankReport:
    """What the re-ranker learned, what it costs and how much it counts.

    Attributes
    ----------
    top : int
        Candidates that it reads: what the budget allows, and no more than was asked for.
    milliseconds : float
        What a list takes, on one thread; where nothing can be afforded, one as long as was asked for; 0 where
        nothing was learned.
    budget : float
        What a list was allowed to take.
    weight : float
        Of the classifier beside the order that was there; 0: it takes no part.
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
    """Orders the top of a list anew.

    Attributes
    ----------
    classifier : PairClassifier
    top : int
        Candidates that it reads.
    weight : float
        Of the classifier beside the order that was there.
    """

    classifier: PairClassifier
    top: int
    weight: float

    def reordered(self, queries: Queries, candidates: Candidates, scores: Float32) -> Float32:
        """Return the scores (float32[n, c]) with those of the top of each list dealt out anew."""
        best = top_k(scores, self.top)
        return _dealt(scores, best, self.log_odds(queries, candidates, best), self.weight)

    def log_odds(self, queries: Queries, candidates: Candidates, best: Ranking) -> Float32:
        """Return what the classifier says of the candidates in some places: float32[n, top]."""
        odds = np.full(best.items.shape, -np.inf, dtype=np.float32)
        # One list at a time: what somebody is shown does not depend on who else asks, to the last bit.
        for row, places in enumerate(best.items):
            there = places >= 0
            item = candidates.items[row, places[there]]
            first = np.zeros(len(item), dtype=np.int64)
            odds[row, there] = self.classifier.score(queries.slice(row, row + 1), first, item)
        return odds

    def extended(self, catalogue: Catalogue) -> "Reranker":
        """Return the re-ranker for a catalogue that has grown: it reads the new texts."""
        return replace(self, classifier=self.classifier.extended(catalogue.texts.to_list()))

    def spec(self) -> dict[str, Json]:
        """Return everything but the arrays as JSON."""
        return {"top": self.top, "weight": self.weight, "classifier": self.classifier.spec()}

    def arrays(self) -> dict[str, Array]:
        """Return the trained tensors."""
        return self.classifier.arrays()

    @classmethod
    def restore(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue
    ) -> "Reranker":
        """Rebuild from what `spec` and `arrays` returned."""
        classifier = PairClassifier.restore(spec["classifier"], arrays, catalogue.texts.to_list())
        return cls(classifier, spec["top"], spec["weight"])


def new_reranker(parameters: Mapping[str, Json]) -> tuple[PairClassifier, Limits]:
    """Return an unfitted classifier of a configuration's ``rerank``, and what it may cost.

    Raises
    ------
    ConfigError
        If the name or a parameter is unknown.
    """
    if parameters.get("name") != "pair":
        raise ConfigError(f"there is no re-ranker {parameters.get('name')!r}; known: pair")
    names = Limits.__dataclass_fields__
    own = {name: value for name, value in parameters.items() if name in names}
    rest = {name: value for name, value in parameters.items() if name not in {*names, "name"}}
    limits = made(Limits, own, "the re-ranker 'pair'")
    if limits.top < 2:
        raise ConfigError(f"top of the re-ranker is {limits.top}; it must be at least 2")
    return made(PairClassifier, rest, "the re-ranker 'pair'"), limits


def fit_reranker(
    parameters: Mapping[str, Json],
    first: FirstStage,
    scores: Sequence[Float32],
    catalogue: Catalogue,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: Callable[[Epoch], None] | None,
) -> tuple[Reranker | None, RerankReport]:
    """Return a re-ranker of what the second stage gives, None where it would take no part, and the report.

    Parameters
    ----------
    parameters : mapping
        The ``rerank`` of a configuration.
    first : FirstStage
    scores : sequence of float32[n, c]
        What the second stage gives in each rehearsal; see `tacit.pipeline.secondstage_fit.learn`.
    catalogue : Catalogue
    rng : numpy.random.Generator
    progress : Progress
    on_epoch : callable, optional
        Called after every epoch.
    """
    classifier, limits = new_reranker(parameters)
    lists = list(zip(first.folds, scores, strict=True))
    train, valid = (list_pairs(lists, part, rng) for part in (TRAIN, VALID))
    if not all(0 < part.label.sum() < len(part) for part in (train, valid)):
        return None, RerankReport(limits.top, 0.0, limits.milliseconds)
    train = train.sample(classifier.pairs // 2, rng)
    count = (classifier.pairs - len(train)) // (1 + _NEGATIVES)
    train = train.joined(log_pairs(first.folds[0].window.past, first.part == TRAIN, count, rng))
    texts = catalogue.texts.to_list()
    classifier.fit(texts, train, valid, rng=rng, progress=progress, on_epoch=on_epoch)
    top, took = affordable(classifier, limits, lists)
    quality = _quality_by_weight(classifier, top, lists, rng, progress) if top > 1 else {}
    weight = choose_weight(quality, standard_errors=_STANDARD_ERRORS) if quality else 0.0
    told = {str(w): float(values.mean()) for w, values in quality.items()}
    report = RerankReport(top, took, limits.milliseconds, weight, told, classifier.epochs_)
    return Reranker(classifier, top, weight) if weight else None, report


def log_pairs(log: Interactions, users: Bool, count: int, rng: np.random.Generator) -> PairLists:
    """Return what users chose next in a log, and beside each choice items drawn by how often all chose them.

    Parameters
    ----------
    log : Interactions
    users : bool[users]
        Whose choices to take.
    count : int
        How many choices at most.
    rng : numpy.random.Generator
    """
    place = np.arange(len(log)) - log.offsets[log.user]
    able = np.flatnonzero((place > 0) & (log.weight > 0) & users[log.user])
    chosen = np.sort(rng.choice(able, min(count, len(able)), replace=False))
    queries = log.queries(log.user[chosen])
    before = np.arange(len(queries.item)) - queries.offsets[queries.row] < place[chosen][queries.row]
    liked = log.item[log.weight > 0]
    drawn = liked[rng.integers(0, max(len(liked), 1), (len(chosen), _NEGATIVES))]
    width = np.int64(log.n_items)
    known = np.isin(log.user[chosen][:, None] * width + drawn, log.user * width + log.item)
    row, column = np.nonzero(~known)
    label = np.repeat(np.array([1, 0], dtype=np.float32), [len(chosen), len(row)])
    everybody = np.arange(len(chosen), dtype=np.int64)
    items = np.concatenate([log.item[chosen], drawn[row, column]])
    return PairLists(queries.keep(before), np.concatenate([everybody, row]), items, label)


def list_pairs(lists: Lists, part: int, rng: np.random.Generator) -> PairLists:
    """Return the positives at the top of the lists of users with a role, and negatives beside them."""
    found = PairLists.none()
    for one, scores in lists:
        found = found.joined(_of_a_window(one, scores, part, rng))
    return found


def _of_a_window(one: Fold, scores: Float32, part: int, rng: np.random.Generator) -> PairLists:
    rows = np.flatnonzero(one.part == part)
    best = top_k(scores[rows], _DEPTH).items
    there = best >= 0
    acted = there & (np.take_along_axis(one.labelled.labels[rows], np.maximum(best, 0), axis=1) > 0)
    positives = acted.sum(axis=1, keepdims=True)
    share = _NEGATIVES * positives / np.maximum(there.sum(axis=1, keepdims=True) - positives, 1)
    row, rank = np.nonzero(acted | (there & (rng.random(best.shape) < share)))
    item = one.labelled.candidates.items[rows[row], best[row, rank]]
    return PairLists(one.window.queries.take(rows), row, item, acted[row, rank].astype(np.float32))


def affordable(classifier: PairClassifier, limits: Limits, lists: Lists) -> tuple[int, float]:
    """Return how many candidates can be read in the time that is given, and how long they take (ms)."""
    took = _milliseconds(classifier, limits.top, lists)
    top = min(limits.top, int(limits.top * limits.milliseconds / took))
    if top < 2:
        return 0, round(took, 1)
    return top, round(_milliseconds(classifier, top, lists) if top < limits.top else took, 1)


def _milliseconds(classifier: PairClassifier, top: int, lists: Lists) -> float:
    one, scores = lists[-1]
    queries, found = one.window.queries, one.labelled.candidates
    reranker = Reranker(classifier, top, 1.0)
    took = []
    with threadpool_limits(1):  # as a service does
        for row in np.resize(np.argsort(-queries.lengths, kind="stable"), _TIMED + 1).tolist():
            part = slice(row, row + 1)
            begin = time.perf_counter()
            reranker.reordered(queries.slice(row, row + 1), found.take(part), scores[part])
            took.append(1_000 * (time.perf_counter() - begin))
    return float(np.median(took[1:]))  # the first one pays for what is made once


def _quality_by_weight(
    classifier: PairClassifier, top: int, lists: Lists, rng: np.random.Generator, progress: Progress
) -> dict[float, Float64]:
    reranker = Reranker(classifier, top, 1.0)
    values: dict[float, list[Float64]] = {weight: [] for weight in _WEIGHTS}
    with progress.task("weighing the re-ranker", total=len(lists)) as task:
        for one, scores in lists:
            found = one.labelled.candidates
            rows = np.flatnonzero(one.part == VALID)
            rows = np.sort(rng.permutation(rows)[: _JUDGED // len(lists)])
            best = top_k(scores[rows], top)
            odds = reranker.log_odds(one.window.queries.take(rows), found.take(rows), best)
            for weight in _WEIGHTS:
                dealt = _dealt(scores[rows], best, odds, weight)
                values[weight].append(
                    ndcg_of_scores(dealt, one.labelled.labels[rows], one.labelled.totals[rows])
                )
            task.advance()
    return {weight: np.concatenate(parts) for weight, parts in values.items()}


def _dealt(scores: Float32, best: Ranking, odds: Float32, weight: float) -> Float32:
    """Return the scores with those of the best places given out in the order of the mixture."""
    order = np.argsort(-mixed(best.scores, odds, weight), axis=1, kind="stable")
    row, rank = np.nonzero(best.items >= 0)
    place = np.take_along_axis(best.items, order, axis=1)
    dealt = scores.copy()
    dealt[row, place[row, rank]] = _falling(best.scores)[row, rank]
    return dealt


def _falling(scores: Float32) -> Float32:
    """Return scores of lists, best first, with equal ones made to fall: an order among them is an order."""
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
    trust : float
        Weight of ``ranked``.
    """
    mean = (1 - weight) * _stretched(blended) + weight * _stretched(ranked)
    return np.where(np.isfinite(blended), mean, -np.inf).astype(np.float32)


def _stretched(scores: Float32) -> Float32:
    finite = np.isfinite(scores)
    low = np.min(scores, axis=1, keepdims=True, where=finite, initial=np.inf)
    high = np.max(scores, axis=1, keepdims=True, where=finite, initial=-np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        stretched = (scores - low) / (high - low)
    return np.where(finite & (high > low), stretched, 0.5).astype(np.float32)
