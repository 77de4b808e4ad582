"""What hours played count for, before any test.

``python benchmarks/decisions/play_values.py DATA OUT`` reads the training part of the task of
`benchmarks/peers` whose log has values of plays (steam-200k: hours) alone, and cuts it as `forecast.py`
beside it cuts it. Five retrievers are fitted with each way to weigh a play, and blended without a ranker. It
keeps a file for each way in OUT and prints the table of docs/decisions/020-values-of-plays.md.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from blend_form import gain
from forecast import difference, first_stage, table, validation
from prepare import TASKS, Cuts
from retrievers import of_cut

from tacit.core.types import Float64
from tacit.data import columns as col
from tacit.data.weights import EventWeights
from tacit.evaluation.split import Split
from tacit.pipeline.blend import Blend
from tacit.pipeline.config import Config

TASK = "steam-200k-random"
RETRIEVERS = ("popular", "itemknn", "userknn-ever", "ease", "slim")
PLAYS = "play"
Change = Callable[[pl.DataFrame], pl.Expr]
"""Returns the weight of each event of a weighed frame."""


def damped(low: float, high: float) -> Change:
    """Return log2(1 + value / median) within bounds as the weight of a play."""

    def of(events: pl.DataFrame) -> pl.Expr:
        median = events.filter(_played())[col.VALUE].median()
        damped = (1 + pl.col(col.VALUE).clip(0) / median).log(2).clip(low, high)
        return pl.when(_played()).then(damped).otherwise(pl.col(col.WEIGHT))

    return of


def alone(change: Change) -> Change:
    """Return that a purchase of what the user played counts nothing beside the play."""

    def of(events: pl.DataFrame) -> pl.Expr:
        replaced = (~_played()) & _played().any().over(col.USER, col.ITEM)
        return pl.when(replaced).then(pl.lit(1e-3)).otherwise(change(events))

    return of


def _played() -> pl.Expr:
    return (pl.col(col.EVENT) == PLAYS) & pl.col(col.VALUE).is_finite().fill_null(False)


WAYS: Mapping[str, Change] = {
    "a yes": lambda events: pl.col(col.WEIGHT),
    "log2, .1 to 3": damped(0.1, 3),
    "log2, .5 to 2": damped(0.5, 2),
    "log2, .8 to 1.25": damped(0.8, 1.25),
    "log2, .5 to 2, in place of the purchase": alone(damped(0.5, 2)),
    "log2, .1 to 1, in place of the purchase": alone(damped(0.1, 1)),
}
"""What a play counts for; the first is what it does."""


def weighed(change: Change) -> Any:
    """Return a context in which events are weighed in another way."""
    usual = EventWeights.weigh

    def weigh(self: EventWeights, events: pl.DataFrame) -> pl.DataFrame:
        found = usual(self, events)
        return found.with_columns(change(found).cast(pl.Float32).alias(col.WEIGHT))

    return patch.object(EventWeights, "weigh", weigh)


def measured(split: Split) -> dict[str, list[float]]:
    """Return NDCG@10 of each user by each retriever and by their blend."""
    config = Config(retrievers={name: {} for name in RETRIEVERS}, ranker=None)
    first = first_stage(config, split)
    test = of_cut(split, first.retrievers, config.candidates)
    blend = Blend().fit([fold.labelled for fold in first.folds], len(RETRIEVERS))
    values = {name: test.candidates.scores[:, :, place] for place, name in enumerate(RETRIEVERS)}
    values["blend"] = blend.score(test.candidates)
    return {name: gain(own, test).round(5).tolist() for name, own in values.items()}


def main(data: Path, out: Path) -> None:
    """Measure what is missing and print the table."""
    out.mkdir(parents=True, exist_ok=True)
    cuts, found = Cuts(TASKS[TASK], data), {}
    for number, (way, change) in enumerate(WAYS.items()):
        report = out / f"{number}.json"
        if not report.exists():
            with weighed(change):
                report.write_text(json.dumps(measured(validation(cuts, 0))), "utf-8")
        found[way] = {name: np.array(own) for name, own in json.loads(report.read_text("utf-8")).items()}
    print(table_of_ways(found))


def table_of_ways(found: Mapping[str, Mapping[str, Float64]]) -> str:
    """Return NDCG@10 of a play that is a yes, and the gain of the other ways in percent."""
    base, *others = found
    rows = []
    for name, own in found[base].items():
        away = [difference(found[way][name], own) for way in others]
        gains = [
            " ± ".join((f"{100 * one['mean'] / own.mean():+.1f}", f"{100 * one['half'] / own.mean():.1f}"))
            for one in away
        ]
        rows.append([name, f"{own.mean():.4f}", *gains])
    return table(["", *found], rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
