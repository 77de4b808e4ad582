"""Fit a model on the past, ask it about the future, count."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.seeds import generator
from tacit.core.types import Float64
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.evaluation import metrics
from tacit.evaluation.meter import Cost, metered
from tacit.evaluation.slices import Slice, slices
from tacit.evaluation.split import Split
from tacit.models.protocol import recommend

_TIMED_QUERIES = 30


@dataclass(frozen=True)
class Outcome:
    """One model on one split.

    Attributes
    ----------
    name : str
    values : mapping of slice to mapping of metric to float64[users of the slice]
    beyond : mapping of slice to mapping
        Coverage, novelty and diversity of the lists.
    fit : Cost
    ms_per_list : float
        Median milliseconds of one list asked for alone.
    model : the fitted model
    """

    name: str
    values: dict[str, dict[str, Float64]]
    beyond: dict[str, dict[str, float | None]]
    fit: Cost
    ms_per_list: float
    model: Any


def evaluate(
    name: str,
    make: Callable[[], Any],
    split: Split,
    *,
    seed: int = 7,
    progress: Progress = SILENT,
) -> Outcome:
    """Fit a model on the training part and measure its lists for every test user.

    Parameters
    ----------
    name : str
    make : callable
        Returns an unfitted model: a recommender, or a two-stage one.
    split : Split
    seed : int
        The model's randomness depends on it and on its name.
    progress : Progress
        Shown by models that take one.
    """
    model = make()
    with metered() as cost:
        fit_model(model, split, seed=seed, name=name, progress=progress)
        ranking = lists(model, split.queries, metrics.LONGEST)
    values, beyond = {}, {}
    popularity = np.bincount(split.train.item, minlength=len(split.catalogue))
    for part in slices(split):
        listed = Ranking(ranking.items[part.rows], ranking.scores[part.rows])
        values[part.name] = score(listed, part)
        beyond[part.name] = {
            "coverage@10": metrics.coverage(listed, int(split.catalogue.available.sum())),
            "novelty@10": metrics.novelty(listed, popularity),
            "diversity@10": metrics.diversity(listed, split.catalogue.vectors),
        }
    return Outcome(name, values, beyond, cost, _milliseconds(model, split.queries), model)


def score(ranking: Ranking, part: Slice) -> dict[str, Float64]:
    """Return every metric for each query of a slice."""
    hit = metrics.hits(ranking, part.target_offsets, part.targets)
    return metrics.per_query(hit, part.totals)


def fit_model(model: Any, split: Split, *, seed: int, name: str, progress: Progress) -> None:
    """Fit a model on the training part; one that shows progress gets it."""
    rng = generator(seed, "evaluate", name)
    more: Mapping[str, Any] = {"progress": progress} if hasattr(model, "recommend") else {}
    model.fit(split.train, split.catalogue, rng=rng, **more)


def lists(model: Any, queries: Queries, k: int) -> Ranking:
    """Return a model's lists, by its own `recommend` or by its scores."""
    if hasattr(model, "recommend"):
        return model.recommend(queries, k)  # type: ignore[no-any-return]
    return recommend(model, queries, k)


def _milliseconds(model: Any, queries: Queries) -> float:
    places = np.unique(np.linspace(0, len(queries) - 1, min(_TIMED_QUERIES, len(queries))).astype(int))
    seconds: list[float] = []
    for place in places:
        one = queries.slice(int(place), int(place) + 1)
        start = time.perf_counter()
        lists(model, one, 10)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)) * 1e3


def evaluate_all(
    makers: Mapping[str, Callable[[], Any]],
    split: Split,
    *,
    seed: int = 7,
    progress: Progress = SILENT,
) -> Sequence[Outcome]:
    """Evaluate models one after the other."""
    outcomes = []
    with progress.task("evaluating models", total=len(makers)) as task:
        for name, make in makers.items():
            outcomes.append(evaluate(name, make, split, seed=seed, progress=progress))
            task.advance()
    return outcomes
