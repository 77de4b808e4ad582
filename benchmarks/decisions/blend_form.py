"""The form in which scores enter the blend, and the blend beside its best retriever, before any test.

``python benchmarks/decisions/blend_form.py DATA OUT [TASK ...]`` reads the training part of each task of
`benchmarks/peers` alone, cut as `forecast.py` beside it cuts it. The default retrievers are fitted once a
cut, and blended in every form without a ranker: learned from all folds and scored on the cut, and learned
from all folds but the last and scored on that. It keeps a file for each cut in OUT and prints the tables of
docs/decisions/016-form-of-the-blend.md.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from forecast import difference, first_stage, quality, reports_of, table

from tacit.core.types import Float32, Float64, Int32
from tacit.data.gain import ndcg_of_scores
from tacit.evaluation.split import Split
from tacit.pipeline import blend as blending
from tacit.pipeline.blend import Blend, LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.retrieval import collect, normalised

POPULARITY = ("forecast", "popular")
"""Retrievers whose scores are those of popularity: the first two by default."""
BEND, TAIL = 3.0, 3.0


def compressed(z: Float32) -> Float32:
    """Return asinh(3 z) / 3: linear near the mean, a logarithm far from it."""
    return np.asarray(np.arcsinh(BEND * z) / BEND, dtype=np.float32)


def tails(z: Float32) -> Float32:
    """Return z, and beyond three standard deviations its logarithm: 3 (1 + log(z / 3))."""
    away = np.abs(z)
    bent = TAIL * (1 + np.log(np.maximum(away, TAIL) / TAIL))
    return np.asarray(np.sign(z) * np.where(away > TAIL, bent, away), dtype=np.float32)


def but_popularity(form: Callable[[Float32], Float32]) -> Callable[[Float32], Float32]:
    """Return a form that leaves the scores of popularity as they are."""

    def of(z: Float32) -> Float32:
        known = len(POPULARITY)
        return np.concatenate([z[:, :, :known], form(z[:, :, known:])], axis=2)

    return of


FORMS: Mapping[str, Callable[[Float32], Float32]] = {
    "standardised": lambda z: z,
    "compressed": compressed,
    "compressed but popularity": but_popularity(compressed),
    "tails but popularity": but_popularity(tails),
}
"""What becomes of standardised scores; the first is what there is."""
BASE = "standardised"


def in_form(form: Callable[[Float32], Float32]) -> Any:
    """Return a context in which the blend takes scores in a form."""

    def changed(scores: Float32) -> tuple[Float32, Float32]:
        standard, missing = normalised(scores)
        return form(standard), form(missing)

    return patch.object(blending, "normalised", changed)


def chosen(split: Split, items: Int32) -> Float32:
    """Return float32[n, c]: 1 where a candidate (int32[n, c]) was chosen next."""
    width = np.int64(len(split.catalogue))
    rows = np.repeat(np.arange(len(items)), np.diff(split.target_offsets))
    known = split.targets >= 0
    keys = rows[known] * width + split.targets[known]
    among = np.isin(np.arange(len(items))[:, None] * width + items, keys)
    return (among & (items >= 0)).astype(np.float32)


def kept_back(folds: Sequence[LabelledCandidates]) -> tuple[Sequence[LabelledCandidates], LabelledCandidates]:
    """Return what to learn from, and the last fold or every other query of a single one."""
    if len(folds) > 1:
        return folds[:-1], folds[-1]
    rows = np.arange(len(folds[0].labels))
    return [folds[0].take(rows[::2])], folds[0].take(rows[1::2])


def gain(scores: Float32, one: LabelledCandidates) -> Float64:
    listed = np.isfinite(scores)  # as ties, what has no score would be ranked by its code
    return ndcg_of_scores(scores, one.labels * listed, one.totals)


def measured(split: Split, repeats: bool) -> dict[str, Any]:
    """Return all figures of one cut."""
    config = Config(ranker=None, repeats=repeats)
    first = first_stage(config, split)
    folds, names = [fold.labelled for fold in first.folds], [one.name for one in first.retrievers]
    if tuple(names[: len(POPULARITY)]) != POPULARITY:
        raise SystemExit(f"the first retrievers are {names[: len(POPULARITY)]}, not {POPULARITY}")
    found = collect(first.retrievers, split.queries, config.candidates, split.catalogue.available)
    test = LabelledCandidates(found, chosen(split, found.items), np.diff(split.target_offsets))
    earlier, last = kept_back(folds)
    on_fold, on_cut, seconds = {}, {}, {}
    for name, form in FORMS.items():
        with in_form(form):
            on_fold[name] = gain(Blend().fit(earlier, len(names)).score(last.candidates), last)
            begin = time.process_time()
            whole = Blend().fit(folds, len(names))
            seconds[name] = time.process_time() - begin
            on_cut[name] = gain(whole.score(test.candidates), test)
    alone = {
        name: (gain(last.candidates.scores[:, :, r], last), gain(found.scores[:, :, r], test))
        for r, name in enumerate(names)
    }
    best = max(alone, key=lambda name: alone[name][0].mean())
    return {
        "users": len(split.queries),
        "queries": [len(one.labels) for one in folds],
        "forms": {
            name: {
                **quality(on_cut[name], split),
                "seconds": seconds[name],
                "cut": difference(on_cut[name], on_cut[BASE]),
                "fold": difference(on_fold[name], on_fold[BASE]),
                "on fold": float(on_fold[name].mean()),
            }
            for name in FORMS
        },
        "best": {
            "name": best,
            "on fold": difference(on_fold[BASE], alone[best][0]),
            **quality(alone[best][1], split),
            "on cut": difference(on_cut[BASE], alone[best][1]),
        },
    }


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure what is missing and print the tables."""
    reports = reports_of(measured, data, out, names)
    print(table_of_forms(reports), table_of_parts(reports), sep="\n\n")


def table_of_forms(reports: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return NDCG@10 of what there is, and the gain of the other forms on all users, cut by cut."""
    others = [name for name in FORMS if name != BASE]
    rows = []
    for name, cuts in reports.items():
        base = " ".join(f"{one['forms'][BASE]['all']:.4f}" for one in cuts)
        gains = [" ".join(percent(one["forms"], form) for one in cuts) for form in others]
        rows.append([name, base, *gains])
    means = [f"**{mean_gain(reports, form):+.1f}**" for form in others]
    return table(["task", *FORMS], [*rows, ["mean, %", "", *means]])


def mean_gain(reports: Mapping[str, list[dict[str, Any]]], form: str) -> float:
    """Return the mean over tasks of the mean gain of a cut in percent (of logarithms)."""
    logs = [
        np.mean([np.log(one["forms"][form]["all"] / one["forms"][BASE]["all"]) for one in cuts])
        for cuts in reports.values()
    ]
    return float(100 * np.expm1(np.mean(logs)))


def percent(forms: Mapping[str, Any], form: str) -> str:
    away, there = forms[form]["cut"], forms[BASE]["all"]
    return f"{100 * away['mean'] / there:+.1f} ± {100 * away['half'] / there:.1f}"


def table_of_parts(reports: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return the best retriever of the last fold beside the blend, on that fold and on the cut."""
    rows = []
    for name, cuts in reports.items():
        for one in cuts:
            best = one["best"]
            away = [f"{best[on]['mean']:+.4f} ± {best[on]['half']:.4f}" for on in ("on fold", "on cut")]
            rows.append([name, best["name"], f"{best['all']:.4f}", *away])
    return table(
        ["task", "best retriever", "its NDCG@10 on the cut", "blend less it, last fold", "on the cut"], rows
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
