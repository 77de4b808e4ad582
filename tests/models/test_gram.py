"""Dense matrices of items x items: the pieces that several closed forms share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.models.small import fitted

from tacit.core.errors import UnsupportedError
from tacit.models import gram
from tacit.models.ease import EASE
from tacit.models.sequential import Sequential
from tacit.models.textprior import TextPrior

X = sparse.csr_array(np.array([[1, 0, 2, 0], [1, 0, 0, 1], [1, 0, 1, 0]], dtype=np.float32))


def test_the_most_popular_have_the_most_users_and_ties_go_to_the_lower_code() -> None:
    assert gram.most_popular(X, 1).tolist() == [0]
    assert gram.most_popular(X, 2).tolist() == [0, 2]
    assert gram.most_popular(X, 9).tolist() == [0, 2, 3]  # nobody wanted the second


def test_the_inverse_is_that_of_the_naive_form() -> None:
    penalty = np.array([1.0, 2.0, 3.0, 4.0])
    expected = np.linalg.inv(X.toarray().T @ X.toarray() + np.diag(penalty))
    np.testing.assert_allclose(gram.inverse(gram.regularised(gram.gram(X), penalty)), expected, rtol=1e-5)


@given(st.integers(0, 30), st.integers(1, 40), st.integers(0, 2**31 - 1))
def test_sparse_products_are_those_of_all_pairs(users: int, items: int, seed: int) -> None:
    X = sparse.random_array((users, items), density=0.3, format="csr", rng=np.random.default_rng(seed))
    X = sparse.csr_array(X.astype(np.float32))
    found = gram.products(X)
    assert (found.toarray() == (X.T @ X).toarray()).all()  # bit by bit: also below the diagonal
    assert (found.toarray() == gram.gram(X)).all()
    assert found.has_sorted_indices


def test_a_large_matrix_is_mirrored_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "_TILE", 3)
    rows = np.random.default_rng(0).normal(size=(20, 10))
    product = rows.T @ rows
    found = gram.inverse(product.astype(np.float32))
    assert (found == found.T).all()
    np.testing.assert_allclose(found, np.linalg.inv(product), rtol=1e-3, atol=1e-5)


@given(st.integers(1, 8), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31 - 1))
def test_the_largest_entries_are_the_same_of_dense_and_sparse(
    rows: int, columns: int, keep: int, seed: int
) -> None:
    # Few values: zeros and entries of equal size, of which none may be left out.
    B = np.random.default_rng(seed).integers(-2, 3, (rows, columns)).astype(np.float32)
    bar = np.sort(np.abs(B), axis=1)[:, ::-1][:, min(keep, columns) - 1]
    expected = np.where(np.abs(B) >= bar[:, None], B, 0)
    assert (gram.largest(B, keep).toarray() == expected).all()
    assert (gram.largest_of_sparse(sparse.csr_array(B), keep).toarray() == expected).all()


def test_a_matrix_without_an_inverse_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match="raise l2"):
        gram.inverse(-np.eye(3, dtype=np.float32))


def test_weights_of_some_items_stand_among_all() -> None:
    B = sparse.coo_array(np.array([[0, 5], [7, 0]], dtype=np.float32))
    whole = gram.among_all(B, np.array([1, 3]), np.array([0, 2]), 4).toarray()
    assert whole.tolist() == [[0] * 4, [0, 0, 5, 0], [0] * 4, [7, 0, 0, 0]]


@pytest.mark.parametrize("make", [EASE, Sequential, TextPrior])
def test_a_catalogue_beyond_the_memory_is_refused_before_the_work(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gram.os, "sysconf", lambda name: 1_000)  # a machine of a megabyte
    with pytest.raises(UnsupportedError, match=r"3 items needs .* GB .*lower max_items"):
        fitted(make(), X.toarray())
