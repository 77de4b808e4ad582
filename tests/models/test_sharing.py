"""Matrices that several fits take: made once while they are shared, the same as without."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.models.small import log_of

from tacit.models import csr, sharing
from tacit.models.ease import EASE
from tacit.models.itemknn import ItemKNN
from tacit.models.sequential import Sequential
from tacit.models.sharing import shared_gram, shared_products, wanted
from tacit.models.slim import SLIM

X = (np.random.default_rng(0).random((30, 12)) < 0.3).astype(np.float32)
X[:, 7] = 0  # nobody wanted it


@pytest.mark.parametrize("make", [ItemKNN, EASE, SLIM, Sequential])
def test_a_fit_is_the_same_with_and_without(make: Callable[[], Any]) -> None:
    log, catalogue = log_of(X)
    alone = make().fit(log, catalogue, rng=np.random.default_rng(0)).weights_.matrix
    with sharing.sharing(log):
        EASE().fit(log, catalogue, rng=np.random.default_rng(0))
        shared = make().fit(log, catalogue, rng=np.random.default_rng(0)).weights_.matrix
    assert (alone.toarray() == shared.toarray()).all()


def test_each_matrix_is_made_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = log_of(X)
    made = []
    whole = csr.wanted
    monkeypatch.setattr(csr, "wanted", lambda *args: made.append(args) or whole(*args))
    with sharing.sharing(log), ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: wanted(log, None if n % 2 else 3.0), range(40)))
    assert len(made) == 2
    assert len({id(one) for one in found}) == 2


def test_nothing_is_kept_when_the_last_one_closes() -> None:
    log, _ = log_of(X)
    with sharing.sharing(log):
        with sharing.sharing(log):
            first = wanted(log, None)
        assert wanted(log, None) is first
    assert wanted(log, None) is not first
    assert not sharing._OPEN


def test_other_logs_are_not_mixed_up() -> None:
    log, _ = log_of(X)
    other, _ = log_of(1 - X)
    with sharing.sharing(log), sharing.sharing(other):
        assert wanted(log, None).nnz == X.sum()
        assert wanted(other, None).nnz == (1 - X).sum()


def test_nobody_can_write_to_what_is_shared() -> None:
    log, _ = log_of(X)
    with sharing.sharing(log), pytest.raises(ValueError, match="read-only"):
        wanted(log, None).data[:] = 1


def test_a_fault_is_that_of_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = log_of(X)
    monkeypatch.setattr(csr, "wanted", lambda *_: 1 / 0)
    with sharing.sharing(log):
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                wanted(log, None)


def test_too_many_products_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = log_of(X)
    items = np.array([0, 3, 8])
    expected = (X.T @ X)[np.ix_(items, items)]
    with sharing.sharing(log):
        assert shared_products(log, None) is not None
        assert (shared_gram(log, None, items) == expected).all()
    monkeypatch.setattr(sharing, "ENTRIES", 50)
    with sharing.sharing(log):
        assert shared_products(log, None) is None
        assert (shared_gram(log, None, items) == expected).all()
    assert shared_products(log, None) is None  # nobody shares
