"""The form of the blend and its best retriever, before any test: what each form gains.

``python benchmarks/decisions/blend_form.py DATA OUT [TASK ...]`` reads the training part of each task of
`benchmarks/peers` alone, cut as `forecast.py` beside it cuts it. The default retrievers are fitted once a
cut; the blends differ in their form, and in the folds that they learn from. It keeps a file for each cut in
OUT and prints the tables of docs/decisions/016-form-of-the-blend.md.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from forecast import CUTS, LISTED, difference, first_stage, quality, validation
from prepare import TASKS, Cuts

from tacit.core.types import Float32, Float64, Int32
from tacit.data.gain import ndcg_of_scores
from tacit.evaluation.split import Split
from tacit.pipeline.blend import Blend, Form, LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import FirstStage
from tacit.pipeline.retrieval import collect

FORMS: tuple[Form, ...] = ("raw", "compressed", "personal", "tails")


def chosen(split: Split, items: Int32) -> Float32:
    """Return float32[n, c]: 1 where a candidate (int32[n, c]) was chosen next."""
    width = np.int64(len(split.catalogue))
    rows = np.repeat(np.arange(len(items)), np.diff(split.target_offsets))
    known = split.targets >= 0
    keys = rows[known] * width + split.targets[known]
    among = np.isin(np.arange(len(items))[:, None] * width + items, keys)
    return (among & (items >= 0)).astype(np.float32)


def halves(one: LabelledCandidates) -> tuple[LabelledCandidates, LabelledCandidates]:
    def rows(start: int) -> LabelledCandidates:
        chosen = np.arange(start, len(one.labels), 2)
        return LabelledCandidates(one.candidates.take(chosen), one.labels[chosen], one.totals[chosen])

    return rows(0), rows(1)


def learned(folds: Sequence[LabelledCandidates], form: Form, r: int) -> tuple[Blend, float]:
    begin = time.process_time()
    return Blend(form=form).fit(folds, r), time.process_time() - begin


def on(blend: Blend, one: LabelledCandidates) -> Float64:
    return ndcg_of_scores(blend.score(one.candidates), one.labels, one.totals)


def part_on(place: int, one: LabelledCandidates) -> Float64:
    scores = one.candidates.scores[:, :, place]
    return ndcg_of_scores(scores, one.labels, one.totals)


def measured(split: Split, repeats: bool) -> dict[str, Any]:
    """Return all figures of one cut."""
    config = Config(ranker=None, repeats=repeats)
    begin = time.process_time()
    first: FirstStage = first_stage(config, split)
    spent = time.process_time() - begin
    folds = [fold.labelled for fold in first.folds]
    names = [one.name for one in first.retrievers]
    earlier, last = (
        (folds[:-1], folds[-1]) if len(folds) > 1 else ([halves(folds[0])[0]], halves(folds[0])[1])
    )
    found = collect(first.retrievers, split.queries, config.candidates, split.catalogue.available)
    test = LabelledCandidates(found, chosen(split, found.items), np.diff(split.target_offsets))
    forms: dict[str, Any] = {}
    judged: dict[str, Float64] = {}
    tested: dict[str, Float64] = {}
    for form in FORMS:
        before, _ = learned(earlier, form, len(names))
        whole, seconds = learned(folds, form, len(names))
        judged[form], tested[form] = on(before, last), on(whole, test)
        forms[form] = {
            "seconds": seconds,
            "weights": dict(zip(names, whole.weights_.tolist(), strict=True)),
            "fold": float(judged[form].mean()),
            **quality(tested[form], split),
            "difference": difference(tested[form], tested["raw"]),
            "fold difference": difference(judged[form], judged["raw"]),
        }
    parts = {}
    for place, name in enumerate(names):
        fold, values = part_on(place, last), part_on(place, test)
        parts[name] = {
            "fold": float(fold.mean()),
            "fold difference": difference(judged["raw"], fold),
            **quality(values, split),
            **{form: difference(tested[form], values) for form in FORMS},
        }
    return {
        "users": len(split.queries),
        "history": int((split.queries.lengths > 0).sum()),
        "folds": [len(one.labels) for one in folds],
        "seconds": spent,
        "forms": forms,
        "parts": parts,
    }


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure what is missing and print the tables."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names or LISTED:
        cuts = Cuts(TASKS[name], data)
        for back in range(CUTS if cuts.task.protocol == "time" else 1):
            report = out / f"{name}.{back}.json"
            if not report.exists():
                figures = measured(validation(cuts, back), cuts.task.allow_seen)
                report.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
                print(report.name, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
