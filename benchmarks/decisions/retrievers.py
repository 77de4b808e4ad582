"""Which retrievers are blended by default: the text prior, and EASE scaled by the seen item, before any test.

``python benchmarks/decisions/retrievers.py DATA OUT [TASK ...]`` reads the training part of each task of
`benchmarks/peers` alone, cut as `forecast.py` beside it cuts it. The default retrievers and the others are
fitted once a cut; sets of them are blended without a ranker from the candidates that they alone propose. It
keeps a file for each cut in OUT and prints the tables of docs/decisions/019-default-retrievers.md.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy import sparse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from blend_form import chosen, gain
from forecast import LISTED, difference, first_stage, quality, reports_of, table
from time_gaps import TimeGaps

from tacit.core.types import Bool, Float64
from tacit.data.ranking import top_k
from tacit.evaluation.split import Split
from tacit.models.ease import EASE
from tacit.models.gram import largest, precision
from tacit.models.protocol import Recommender
from tacit.models.textprior import TextPrior
from tacit.pipeline import firststage, retrieval
from tacit.pipeline.blend import Blend, LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.retrieval import collect

TASKS = (*LISTED, "amazon-beauty-loo", "steam-200k-random", "ml-1m-time")
BASE = "defaults"
Names = Sequence[str]
Reports = Mapping[str, Sequence[Mapping[str, Any]]]
Sets = Mapping[str, Callable[[Names], Names]]
"""Which retrievers are blended, by what becomes of the names of the default ones; the first is these."""


class EASEBySeen(EASE):
    """EASE with weights divided by the diagonal of the seen item in place of the target's: its transpose."""

    name: str = "ease-by-seen"

    def _weights(self, X: sparse.csr_array, rng: np.random.Generator) -> sparse.coo_array:
        if X.shape[1] > self.max_items or self.rarity:
            return super()._weights(X, rng).T.tocoo()
        squares = np.bincount(X.indices, np.square(X.data, dtype=np.float64))
        P = precision(X, np.full(X.shape[1], self.l2 * squares.mean()))
        P /= -np.diagonal(P)[:, None]
        np.fill_diagonal(P, 0)
        return largest(P, self.keep)


def others(timing: str = "time") -> Sequence[Recommender]:
    """Return what is compared in a log of a kind, not fitted."""
    timed = (
        TimeGaps(max_items=5_000, name="gaps"),
        TimeGaps(max_items=5_000, tau=1e9, recent=0.3, name="recent"),
    )
    return TextPrior(), EASEBySeen(decay=1.0), *(timed if timing == "time" else ())


def instead(new: str, old: str) -> Callable[[Names], Names]:
    return lambda names: [new if name == old else name for name in names]


SETS: Sets = {
    BASE: lambda names: names,
    "+ textprior": lambda names: [*names, "textprior"],
    "textprior for ease": instead("textprior", "ease"),
    "ease-by-seen for ease": instead("ease-by-seen", "ease"),
    "+ ease-by-seen": lambda names: [*names, "ease-by-seen"],
    "gaps for sequential": instead("gaps", "sequential"),
    "+ gaps": lambda names: [*names, "gaps"],
    "recent for sequential": instead("recent", "sequential"),
}

TABLES: Sequence[tuple[Names, Names]] = (
    (("+ textprior", "textprior for ease"), ("ease", "textprior")),
    (("ease-by-seen for ease", "+ ease-by-seen"), ("ease", "ease-by-seen")),
    (("gaps for sequential", "+ gaps", "recent for sequential"), ("sequential", "gaps", "recent")),
)
"""Sets and retrievers of each table."""
PARTS = {"all": "all users", "history": "users with a history", "known": "known items"}


@contextmanager
def timed() -> Iterator[Mapping[str, dict[str, float]]]:
    """Yield the processor seconds of fits and of scores by retriever, which grow inside."""
    seconds: dict[str, dict[str, float]] = {"fit": defaultdict(float), "score": defaultdict(float)}

    def watched(work: Callable[..., Any], kind: str) -> Callable[..., Any]:
        def run(one: Recommender, *rest: Any, **named: Any) -> Any:
            start = time.process_time()
            found = work(one, *rest, **named)
            seconds[kind][one.name] += time.process_time() - start
            return found

        return run

    with (
        patch.object(firststage, "fitted", watched(firststage.fitted, "fit")),
        patch.object(retrieval, "scores_of", watched(retrieval.scores_of, "score")),
    ):
        yield seconds


def proposed(one: LabelledCandidates, count: int) -> Mapping[str, Bool]:
    """Return which candidates are among the ``count`` best of each retriever: bool[n, c] by its name."""
    found = {}
    for place, name in enumerate(one.candidates.retrievers):
        best = top_k(one.candidates.scores[:, :, place], count).items
        found[name] = np.zeros(one.labels.shape, dtype=bool)
        rows = np.broadcast_to(np.arange(len(best))[:, None], best.shape)
        found[name][rows[best >= 0], best[best >= 0]] = True
    return found


def of_some(one: LabelledCandidates, by: Mapping[str, Bool], names: Names) -> LabelledCandidates:
    """Return the candidates of some retrievers alone, as if there had been no others."""
    kept = np.logical_or.reduce([by[name] for name in names]) & one.candidates.real
    width = max(int(kept.sum(axis=1).max(initial=0)), 1)
    order = np.argsort(~kept, axis=1, kind="stable")[:, :width]
    there = np.take_along_axis(kept, order, axis=1)
    places = [one.candidates.retrievers.index(name) for name in names]
    scores = [np.take_along_axis(one.candidates.scores[:, :, place], order, axis=1) for place in places]
    candidates = replace(
        one.candidates,
        items=np.where(there, np.take_along_axis(one.candidates.items, order, axis=1), -1),
        scores=np.where(there[:, :, None], np.stack(scores, axis=2), -np.inf).astype(np.float32),
        retrievers=tuple(names),
    )
    return LabelledCandidates(candidates, np.take_along_axis(one.labels, order, axis=1) * there, one.totals)


def of_cut(split: Split, retrievers: Sequence[Recommender], count: int) -> LabelledCandidates:
    found = collect(retrievers, split.queries, count, split.catalogue.available)
    return LabelledCandidates(found, chosen(split, found.items), np.diff(split.target_offsets))


def of_known(one: LabelledCandidates, split: Split) -> LabelledCandidates:
    """Return lists and choices without the items that have no event before the cut."""
    cold = split.cold
    rows = np.repeat(np.arange(len(one.labels)), np.diff(split.target_offsets))
    asked = split.targets >= 0
    asked[asked] = ~cold[split.targets[asked]]
    totals = np.bincount(rows[asked], minlength=len(one.labels))
    items = np.where(cold[np.maximum(one.candidates.items, 0)], -1, one.candidates.items)
    kept = LabelledCandidates(replace(one.candidates, items=items), one.labels * (items >= 0), totals)
    return kept.take(np.flatnonzero(totals))


def alone(one: LabelledCandidates, place: int) -> Float64:
    """Return NDCG@10 of the list of one retriever, which ends where it has no score: float64[n]."""
    scores = one.candidates.scores[:, :, place]
    return gain(scores, replace(one, labels=one.labels * np.isfinite(scores)))


def measured(split: Split, repeats: bool) -> dict[str, Any]:
    """Return all figures of one cut."""
    extra = others(split.train.timing)
    default = Config(ranker=None, repeats=repeats)
    usual = [one.name for one in default.retrievers]
    config = Config(retrievers=[*default.retrievers, *extra], ranker=None, repeats=repeats)
    with timed() as seconds:
        first = first_stage(config, split)
        test = of_cut(split, first.retrievers, config.candidates)
    folds = [(fold.labelled, proposed(fold.labelled, config.candidates)) for fold in first.folds]
    by = proposed(test, config.candidates)
    found: dict[str, Any] = {}
    base = None
    for title, names_of in SETS.items():
        names = names_of(usual)
        if not set(names) <= set(test.candidates.retrievers):
            continue
        start = time.process_time()
        blend = Blend().fit([of_some(one, some, names) for one, some in folds], len(names))
        spent = time.process_time() - start
        own = of_some(test, by, names)
        known = of_known(own, split)
        values = gain(blend.score(own.candidates), own), gain(blend.score(known.candidates), known)
        base = values if base is None else base
        found[title] = {
            **quality(values[0], split),
            "known": float(values[1].mean()),
            "difference": difference(values[0], base[0]),
            "difference known": difference(values[1], base[1]),
            "blend s": spent,
        }
    return {
        "users": len(split.queries),
        "items": len(split.catalogue),
        "texts": split.catalogue.vectors is not None,
        "folds": len(folds),
        "seconds": {kind: dict(own) for kind, own in seconds.items()},
        "usual": usual,
        "alone": {
            name: quality(alone(test, place), split) for place, name in enumerate(test.candidates.retrievers)
        },
        "blend": found,
    }


def main(data: Path, out: Path, names: Names) -> None:
    """Measure what is missing and print the tables."""
    reports = reports_of(measured, data, out, names, TASKS)
    for titles, retrievers in TABLES:
        print(table_of(reports, titles, retrievers), end="\n\n")


def table_of(reports: Reports, titles: Names, retrievers: Names) -> str:
    """Return NDCG@10 of the defaults, the gain of other sets, and retrievers alone with their seconds."""
    some = {name: cuts for name, cuts in reports.items() if concerns(cuts[0], titles)}
    rows = []
    for name, cuts in some.items():
        base = " ".join(f"{one['blend'][BASE]['all']:.4f}" for one in cuts)
        gains = [" ".join(percent(one, title) for one in cuts) for title in titles]
        alone = [" ".join(f"{one['alone'][own]['all']:.4f}" for one in cuts) for own in retrievers]
        spent = " ".join(f"{np.mean([_seconds(one, [own]) for one in cuts]):.1f}" for own in retrievers)
        total = f"{np.mean([_seconds(one, one['usual']) for one in cuts]):.1f}"
        rows.append([name, base, *gains, *alone, f"{spent} of {total}"])
    for part, words in PARTS.items():
        means = [f"**{mean_gain(some, title, part):+.1f}**" for title in titles]
        rows.append([f"mean of {words}, %", "", *means, *[""] * (len(retrievers) + 1)])
    return table(["task", BASE, *titles, *(f"`{own}`" for own in retrievers), "seconds"], rows)


def concerns(one: Mapping[str, Any], titles: Names) -> bool:
    """Return whether a task can tell anything: texts for what reads them, times for what looks at them."""
    reads = any("textprior" in title for title in titles)
    return set(titles) <= set(one["blend"]) and (one["texts"] or not reads)


def percent(one: Mapping[str, Any], title: str) -> str:
    away, there = one["blend"][title]["difference"], one["blend"][BASE]["all"]
    return f"{100 * away['mean'] / there:+.1f} ± {100 * away['half'] / there:.1f}"


def mean_gain(reports: Reports, title: str, part: str) -> float:
    """Return the mean over tasks of the mean gain of a cut in percent (of logarithms)."""
    logs = [
        np.mean([np.log(one["blend"][title][part] / one["blend"][BASE][part]) for one in cuts])
        for cuts in reports.values()
    ]
    return float(100 * np.expm1(np.mean(logs)))


def _seconds(one: Mapping[str, Any], names: Names) -> float:
    return sum(one["seconds"][kind].get(name, 0.0) for kind in ("fit", "score") for name in names)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
