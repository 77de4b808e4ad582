"""Milliseconds of processor time a list of the linear retrievers: `pytest -s benchmarks/test_retrieval.py`.

Weights are drawn, not learned, with the shape that the models learn: items speak for popular ones, 200 each;
in the models of co-occurrence they are spoken for, and a popular item speaks for many.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy import sparse

from tacit.core.types import Int64
from tacit.data.queries import Queries
from tacit.models import csr
from tacit.models.covisitation import CoVisitation
from tacit.models.ease import EASE
from tacit.models.ials import IALS, Factors
from tacit.models.itemitem import ByItems, ItemItem
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import Scorer, recommend
from tacit.models.sequential import Sequential
from tacit.models.slim import SLIM
from tacit.models.textprior import TextPrior
from tacit.models.userknn import UserKNN

_ITEMS, _KEPT, _HISTORY, _USERS = 50_000, 200, 50, 50_000


def _chosen(rng: np.random.Generator, size: int) -> Int64:
    """Return items by Zipf's law, 0 the most popular."""
    return (_ITEMS ** rng.random(size)).astype(np.int64) - 1


def _weights(rows: int, each: int) -> sparse.csr_array:
    """Return positive weights of popular items: csr_array float32[rows, items]."""
    rng = np.random.default_rng(0)
    parts = rng.random(rows * each, dtype=np.float32), _chosen(rng, rows * each)
    weights = sparse.csr_array((*parts, np.arange(0, rows * each + 1, each)), shape=(rows, _ITEMS))
    weights.sum_duplicates()
    return weights


def _by_items(model: ByItems | CoVisitation, *, spread: bool = False, known: bool = False) -> Scorer:
    weights = _weights(_ITEMS, _KEPT)
    model.weights_ = ItemItem(weights.T.tocsr() if spread else weights, np.full(_ITEMS, known))
    return model


def _ials() -> IALS:
    model = IALS()
    vectors = np.random.default_rng(0).normal(size=(_ITEMS, model.embedding_size))
    model.items_, model.scale_ = Factors(vectors.astype(np.float32)), 1e-3
    return model


def _userknn() -> UserKNN:
    model = UserKNN()
    model.wanted_ = _weights(_USERS, _KEPT // 2)
    model.unit_ = csr.scaled(model.wanted_, rows=1 / csr.row_norms(model.wanted_)).T.tocsr()
    model.rarity_ = np.ones(_ITEMS, dtype=np.float32)
    return model


_MODELS: Mapping[str, Callable[[], Scorer]] = {
    "itemknn": lambda: _by_items(ItemKNN(), spread=True),
    "covisitation": lambda: _by_items(CoVisitation(), spread=True),
    "ease": lambda: _by_items(EASE(), known=True),
    "slim": lambda: _by_items(SLIM(), known=True),
    "sequential": lambda: _by_items(Sequential(), known=True),
    "textprior": lambda: _by_items(TextPrior(), known=True),
    "ials": _ials,
    "userknn": _userknn,
}


@pytest.mark.parametrize("name", _MODELS)
def test_one_list_is_quick(name: str) -> None:
    model, rng = _MODELS[name](), np.random.default_rng(1)
    for k in (10, 100):
        seconds = []
        for _ in range(300):
            queries = Queries.of([_chosen(rng, _HISTORY).tolist()])
            start = time.process_time()
            recommend(model, queries, k)
            seconds.append(time.process_time() - start)
        p50, p99 = 1e3 * np.quantile(seconds, [0.5, 0.99])
        print(f"\n{name}, k = {k}: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
        assert p50 < (2 if name == "userknn" else 1)  # which is no linear model
