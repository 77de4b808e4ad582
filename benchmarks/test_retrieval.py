"""Milliseconds a list of the linear retrievers, one thread: `pytest -s benchmarks/test_retrieval.py`."""

import time

import numpy as np
import pytest
from scipy import sparse

from tacit.data.queries import Queries
from tacit.models.ease import EASE
from tacit.models.itemitem import ItemItem
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import recommend

_ITEMS, _KEPT, _HISTORY = 50_000, 200, 50


@pytest.fixture(scope="module")
def matrix() -> sparse.csr_array:
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(_ITEMS, size=(_ITEMS, _KEPT)), axis=1)
    indptr = np.arange(0, columns.size + 1, _KEPT)
    data = rng.normal(size=columns.size).astype(np.float32)
    weights = sparse.csr_array((data, columns.ravel(), indptr), shape=(_ITEMS, _ITEMS))
    weights.sum_duplicates()
    return weights


@pytest.mark.parametrize("k", [10, 100])
@pytest.mark.parametrize("model", [EASE(), ItemKNN()], ids=lambda model: model.name)
def test_one_list_takes_less_than_a_millisecond(
    matrix: sparse.csr_array, model: EASE | ItemKNN, k: int
) -> None:
    model.weights_ = ItemItem(matrix, np.full(_ITEMS, isinstance(model, EASE)))
    rng = np.random.default_rng(1)
    seconds = []
    for _ in range(300):
        queries = Queries.of([rng.integers(_ITEMS, size=_HISTORY).tolist()])
        start = time.perf_counter()
        recommend(model, queries, k)
        seconds.append(time.perf_counter() - start)
    p50, p99 = 1e3 * np.quantile(seconds, [0.5, 0.99])
    print(f"\n{model.name}, k = {k}: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    assert p50 < 1
