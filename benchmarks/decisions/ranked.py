"""How many candidates the ranker scores: lists and NDCG@10 against those with all of them, before any test.

``python benchmarks/decisions/ranked.py DATA OUT [TASK ...]`` reads the training part of each task of
`benchmarks/peers` alone, cuts off its last part as `forecast.py` does, fits the default configuration once a
task, and asks it for the lists of all users of that cut with every number in turn. It keeps a file for each
task in OUT and prints a table: NDCG@10, its difference from that of all ranked with its standard error, and
the share of the first ten items that are the same.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
from forecast import ndcg, validation
from prepare import TASKS, Cuts

from tacit.core.seeds import generator
from tacit.core.types import Int32
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage

SEED = 7
ALL = 1_000_000
NUMBERS = (50, 100, 200, 400)
LISTED = (
    "ml-100k-time",
    "ml-latest-small-time",
    "amazon-2023-mini-time",
    "mind-sample-time",
    "douban-sample-time",
    "ml-100k-loo",
    "yoochoose-100k-loo",
    "amazon-industrial-loo",
)


def measured(task: str, data: Path) -> dict[str, Any]:
    split = validation(Cuts(TASKS[task], data))
    config = Config(repeats=TASKS[task].allow_seen)
    model = TwoStage(config, protocol=split.protocol)  # type: ignore[arg-type]
    model.fit(split.train, split.catalogue, rng=generator(SEED, "model"))

    def with_ranked(number: int) -> tuple[Any, Int32]:
        model.config = replace(config, ranked=number)
        return ndcg(model, split), model.recommend(split.queries, 10).items

    values, lists = with_ranked(ALL)
    table = {}
    for number in NUMBERS:
        own, own_lists = with_ranked(number)
        change = own - values
        table[str(number)] = {
            "ndcg": float(own.mean()),
            "change": float(change.mean() / values.mean()),
            "error": float(change.std() / np.sqrt(len(change)) / values.mean()),
            "overlap": overlap(own_lists, lists),
        }
    return {
        "weight": model.second_.ranker_weight,
        "users": len(values),
        "ndcg": float(values.mean()),
        "ranked": table,
    }


def overlap(lists: Int32, others: Int32) -> float:
    """Return the mean share of the items of a list that another list has too."""
    same = [np.isin(one[one >= 0], other).mean() for one, other in zip(lists, others, strict=True)]
    return float(np.mean(same))


def main(data: Path, out: Path, *tasks: str) -> None:
    for task in tasks or LISTED:
        file = out / f"{task}.json"
        found = json.loads(file.read_text()) if file.exists() else measured(task, data)
        file.write_text(json.dumps(found, indent=1))
        print(
            f"{task}: ranker weight {found['weight']:.2f}, {found['users']} users, ndcg {found['ndcg']:.4f}"
        )
        for number, row in found["ranked"].items():
            print(
                f"  {number:>4s} {row['change']:+.3%} +- {row['error']:.3%}  overlap {row['overlap']:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main(*(Path(one) for one in sys.argv[1:3]), *sys.argv[3:])
