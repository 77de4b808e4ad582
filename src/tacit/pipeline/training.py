"""How the second stage learns: windows become lessons, lessons become a blend, a ranker and trust in it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.progress import Progress
from tacit.core.types import Array, Bool, Float32, Int64, Json
from tacit.data.catalogue import Catalogue
from tacit.encoders.projection import Projection
from tacit.features.candidates import Candidates
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.models.protocol import Recommender, batches
from tacit.pipeline.blend import Blend, Judged, ndcg
from tacit.pipeline.config import Config, made
from tacit.pipeline.retrieval import collect
from tacit.pipeline.secondstage import SecondStage, mixed
from tacit.pipeline.windows import Window
from tacit.rankers.mlp import MLP, Epoch

TRAIN, VALID, TEST = 0, 1, 2
_SHARES = (0.7, 0.2, 0.1)
_NEGATIVES = 60
"""Negatives drawn per query for the losses. Which rank is best is judged on all candidates."""

_TRUSTS = (0.0, 0.25, 0.5)
"""Half at most (docs/decisions/003-how-much-the-ranker-counts.md)."""
_ALONE = 1.0
"""Told in the report; never chosen."""


@dataclass(frozen=True)
class Lesson:
    """One window, ready to learn from.

    Attributes
    ----------
    judged : Judged
    role : int[n]
        TRAIN, VALID or TEST of each query; a user has one role in all windows.
    features : float32[pairs, f]
        Of the kept pairs; no rows where no ranker is to be trained.
    pair : int64[pairs]
        Place of each kept pair in the flattened n x c candidates.
    drawn : bool[pairs]
        Whether the pair belongs to the sample that losses are computed on. Queries that are not trained on
        keep all their pairs, so that their lists can be ranked whole.
    """

    judged: Judged
    role: Array
    features: Float32
    pair: Int64
    drawn: Bool

    @property
    def candidates(self) -> Candidates:
        """The candidates that were judged."""
        return self.judged.candidates

    @property
    def query(self) -> Int64:
        """Query of each kept pair."""
        return np.floor_divide(self.pair, self.candidates.items.shape[1])

    @property
    def label(self) -> Float32:
        """Label of each kept pair."""
        return np.take(self.judged.labels, self.pair)


@dataclass(frozen=True)
class TrainingReport:
    """What was learned and how well it does on users that it was not trained on.

    Attributes
    ----------
    weights : mapping of retriever to its weight in the blend
    epochs : list of Epoch
    test : mapping or None
        Loss, accuracy and AUC of the ranker on held-out users.
    trust : float
        Weight of the ranker beside the blend.
    valid_ndcg : mapping of trust to NDCG@10 on the users that the ranker was not trained on
    queries, pairs : int
        Users and user/item pairs that were learned from.
    """

    weights: dict[str, float]
    epochs: list[Epoch]
    test: dict[str, float] | None
    trust: float
    valid_ndcg: dict[str, float]
    queries: int
    pairs: int

    def to_json(self) -> dict[str, Json]:
        """Return the report as JSON; null where a measure is not defined (JSON knows no NaN)."""
        defined: dict[str, Json] = _defined(asdict(self))
        return defined


def _defined(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _defined(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_defined(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def roles(n_users: int, rng: np.random.Generator) -> Array:
    """Return TRAIN, VALID or TEST for each user: int[users]."""
    return rng.choice(3, size=n_users, p=_SHARES)


def lesson(
    window: Window,
    retrievers: Sequence[Recommender],
    projection: Projection | None,
    catalogue: Catalogue,
    config: Config,
    role: Array,
    rng: np.random.Generator,
) -> Lesson:
    """Return what a window teaches: candidates by its retrievers, labels and features."""
    found = collect(retrievers, window.queries, config.candidates, catalogue.available)
    labels = window.labels(found.items)
    role_of_query = role[window.queries.user]
    judged = Judged(found, labels, np.diff(window.target_offsets))
    if config.ranker is None:
        no_features, no_pair = np.empty((0, 0), np.float32), np.empty(0, np.int64)
        return Lesson(judged, role_of_query, no_features, no_pair, no_pair > 0)
    drawn = _drawn_pairs(found, labels, rng)
    kept = drawn | (found.real & (role_of_query != TRAIN)[:, None])
    maker = FeatureMaker(projection=projection).fit(window.past, catalogue)
    features = _features(maker, window, found, kept)
    return Lesson(judged, role_of_query, features, np.flatnonzero(kept), drawn[kept])


def learn(
    lessons: Sequence[Lesson],
    config: Config,
    projection: Projection | None,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: Callable[[Epoch], None] | None,
) -> tuple[SecondStage, TrainingReport]:
    """Return the second stage (features not yet fitted on the whole log) and what it learned."""
    blend = Blend().fit([one.judged for one in lessons], len(config.retrievers))
    stage = SecondStage(blend, FeatureMaker(projection=projection))
    test = None
    valid: dict[str, float] = {}
    if config.ranker is not None and _teachable(lessons):
        stage, test, valid = _with_ranker(lessons, config.ranker, stage, rng, progress, on_epoch)
    report = TrainingReport(
        weights=dict(zip(config.retrievers, blend.weights_.tolist(), strict=True)),
        epochs=stage.ranker.epochs_ if stage.ranker else [],
        test=test,
        trust=stage.trust,
        valid_ndcg=valid,
        queries=sum(len(one.candidates.items) for one in lessons),
        pairs=sum(len(one.pair) for one in lessons),
    )
    return stage, report


def _with_ranker(
    lessons: Sequence[Lesson],
    parameters: dict[str, Json],
    stage: SecondStage,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: Callable[[Epoch], None] | None,
) -> tuple[SecondStage, dict[str, float], dict[str, float]]:
    parts = [_pairs(lessons, role) for role in (TRAIN, VALID, TEST)]
    normaliser = Normaliser().fit(parts[TRAIN][0])
    train, valid, test = [(normaliser.transform(f), label, group) for f, label, group in parts]
    ranker = new_ranker(parameters).fit(*train, valid=valid, rng=rng, progress=progress, on_epoch=on_epoch)
    quality = _quality_by_trust(lessons, stage.blend, normaliser, ranker)
    trust = max(_TRUSTS, key=lambda t: (quality[t], -t))  # of equals the one that trusts the ranker least
    report = ranker.evaluate(test[0], test[1]) if len(test[1]) else {}
    chosen = SecondStage(stage.blend, stage.maker, normaliser, ranker, trust)
    return chosen, report, {str(t): value for t, value in quality.items()}


def _quality_by_trust(
    lessons: Sequence[Lesson], blend: Blend, normaliser: Normaliser, ranker: MLP
) -> dict[float, float]:
    values: dict[float, list[Array]] = {trust: [] for trust in (*_TRUSTS, _ALONE)}
    for one in lessons:
        rows = np.flatnonzero(one.role != TRAIN)
        ranked = np.full(one.candidates.items.shape, -np.inf, dtype=np.float32)
        held = one.role[one.query] != TRAIN
        ranked.ravel()[one.pair[held]] = ranker.score(normaliser.transform(one.features[held]))
        blended = blend.score(one.candidates)
        for trust in values:
            scores = mixed(blended[rows], ranked[rows], trust)
            values[trust].append(ndcg(scores, one.judged.labels[rows], one.judged.totals[rows]))
    return {trust: float(np.concatenate(parts).mean()) for trust, parts in values.items()}


def _pairs(lessons: Sequence[Lesson], role: int) -> tuple[Float32, Float32, Int64]:
    features, labels, groups, first = [], [], [], 0
    for one in lessons:
        chosen = (one.role[one.query] == role) & one.drawn
        features.append(one.features[chosen])
        labels.append(one.label[chosen])
        groups.append(one.query[chosen] + first)
        first += len(one.role)
    return np.concatenate(features), np.concatenate(labels), np.concatenate(groups)


def _teachable(lessons: Sequence[Lesson]) -> bool:
    # A ranker needs both labels on the training side and something to stop on.
    labels = [
        np.concatenate([one.label[one.role[one.query] == role] for one in lessons] or [[]])
        for role in (TRAIN, VALID)
    ]
    return all(0 < part.sum() < len(part) for part in labels)


def _drawn_pairs(found: Candidates, labels: Float32, rng: np.random.Generator) -> Bool:
    """Return all positives and about `_NEGATIVES` negatives a query: bool[n, c]."""
    count = np.maximum(found.real.sum(axis=1, keepdims=True), 1)
    drawn: Bool = found.real & ((rng.random(found.items.shape) < _NEGATIVES / count) | (labels > 0))
    return drawn


def _features(maker: FeatureMaker, window: Window, found: Candidates, kept: Bool) -> Float32:
    parts = []
    start = 0
    for batch in batches(window.queries, found.items.shape[1] * len(maker.names(found.retrievers))):
        stop = start + len(batch)
        part = found.take(slice(start, stop))
        parts.append(maker.transform(batch, part)[kept[start:stop][part.real]])
        start = stop
    return np.concatenate(parts)


def new_ranker(parameters: Mapping[str, Json]) -> MLP:
    """Return an unfitted ranker of a configuration's ``ranker``.

    Raises
    ------
    ConfigError
        If the name or a parameter is unknown.
    """
    rest = {name: value for name, value in parameters.items() if name != "name"}
    if parameters.get("name") != "mlp":
        raise ConfigError(f"there is no ranker {parameters.get('name')!r}; known: mlp, none")
    return made(MLP, rest, "the ranker 'mlp'")
