"""The first stage of the small log as arrays that can be compared, and a small comparison."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from tacit.core.executor import LOCAL, Executor
from tacit.core.progress import SILENT, Progress
from tacit.core.seeds import Streams
from tacit.core.types import Array
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import FirstStage, fit_first_stage
from tacit.testing.generated import small_log

USUAL = Config(ranker=None, windows=2)
"""All retrievers of the default, on two folds and on the whole log: thirty fits."""
FITS = 30


def first_stage(executor: Executor, progress: Progress = SILENT) -> dict[str, Array]:
    """Return every array of the first stage, by a name."""
    log, items = small_log()
    return arrays_of(
        fit_first_stage(
            USUAL, log, items, protocol=None, streams=Streams(0), progress=progress, executor=executor
        )
    )


def arrays_of(first: FirstStage) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for place, fold in enumerate(first.folds):
        candidates = fold.labelled.candidates
        found |= {f"{place} items": candidates.items, f"{place} scores": candidates.scores}
    for place, group in enumerate([first.retrievers, *(fold.retrievers for fold in first.folds)]):
        for one in group:
            arrays = one.arrays()  # type: ignore[attr-defined]
            found |= {f"{place} {one.name} {name}": array for name, array in arrays.items()}
    return found


@cache
def one_by_one() -> dict[str, Array]:
    return first_stage(LOCAL)


def assert_same(found: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
