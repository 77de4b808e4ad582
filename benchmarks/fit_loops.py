"""Processor seconds of what a fit does by compiled loops and by their NumPy twins.

``python benchmarks/fit_loops.py DATA [--task FOLDER ...] [--turns 3]``

DATA holds a folder for each log, with ``events.parquet``. Each model is fitted on the whole log alone, with
the matrices that it needs; "followers" are the co-visits among the features; "training" is a pass of the
default networks over a hundred thousand drawn pairs of seventy columns. Loops and NumPy in turns in one
process with one thread of BLAS, the median of the turns.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from fit_time import files_of
from threadpoolctl import threadpool_limits

from tacit import api
from tacit.core import kernels
from tacit.core.seeds import generator
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.engine.train import prepared
from tacit.features.feature_state import _follows
from tacit.models.ease import EASE
from tacit.models.itemknn import ItemKNN
from tacit.models.sequential import Sequential
from tacit.models.slim import SLIM
from tacit.rankers.mlp import MLP
from tacit.rankers.perceptrons import perceptrons
from tacit.rankers.ranking_lists import Lists

MODELS = (ItemKNN, EASE, SLIM, Sequential)
PAIRS, COLUMNS, A_LIST = 100_000, 70, 80


def main() -> None:
    """Print a table for each log."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", nargs="*", default=["ml-100k", "ml-1m"])
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    with threadpool_limits(1, user_api="blas"):
        for task in asked.task:
            given = prepared(api.read(files_of(asked.data, task)["events"]).events)
            print(f"| {task} | NumPy | loops |\n|---|---|---|")
            for name, work in _works(given.interactions, given.catalogue):
                print(_row(name, work, asked.turns), flush=True)
        print(_row("training", _one_pass(), asked.turns))


def _works(log: Interactions, catalogue: Catalogue) -> list[tuple[str, Callable[[], object]]]:
    fits = [
        (model().name, lambda model=model: model().fit(log, catalogue, rng=generator(0, "fit")))
        for model in MODELS
    ]
    return [*fits, ("followers", lambda: _follows(log, catalogue))]


def _one_pass() -> Callable[[], None]:
    """Return a pass of the default networks over drawn pairs, each network over three quarters of them."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(PAIRS, COLUMNS)).astype(np.float32)
    label = (rng.random((PAIRS, 1)) < 1 / 20).astype(np.float32)
    base, weight = np.zeros((PAIRS, 4), np.float32), np.ones(PAIRS, np.float32)
    lists = Lists(features, label, base, weight, np.arange(0, PAIRS + 1, A_LIST))
    learns = rng.integers(0, 4, len(lists))[:, None] != np.arange(4)

    def work() -> None:
        with perceptrons(MLP(), (64, 32), lists, rng=np.random.default_rng(0)) as networks:
            networks.one_pass(learns)

    return work


def _row(name: str, work: Callable[[], object], turns: int) -> str:
    compiled, spent = kernels.COMPILED, {"numpy": [0.0], "loops": [0.0]}
    try:
        for turn in range(turns + 1):  # the first is not counted: it imports
            for kind, module in (("numpy", None), ("loops", compiled)):
                kernels.COMPILED = module
                start = time.process_time()
                work()
                if turn:
                    spent[kind].append(time.process_time() - start)
    finally:
        kernels.COMPILED = compiled
    return f"| {name} | {median(spent['numpy'][1:]):.2f} | {median(spent['loops'][1:]):.2f} |"


if __name__ == "__main__":
    main()
