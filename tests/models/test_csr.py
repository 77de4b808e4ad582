from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from tacit.models import chunks, csr
from tacit.models.decay import fading
from tacit.testing.generated import small_log

matrices = arrays(
    np.float32, st.tuples(st.integers(0, 6), st.integers(1, 8)), elements=st.integers(-3, 3).map(float)
)


@given(matrices, st.integers(1, 9))
def test_the_best_of_each_row_are_those_of_a_stable_sort(dense: np.ndarray, k: int) -> None:
    best = csr.best_of_rows(sparse.csr_array(dense), k).toarray()
    assert best.shape == dense.shape
    for row, kept in zip(dense, best, strict=True):
        filled = np.flatnonzero(row)
        order = filled[np.argsort(-row[filled], kind="stable")][:k]
        expected = np.zeros_like(row)
        expected[order] = row[order]
        assert kept.tolist() == expected.tolist()


def test_the_order_in_which_a_matrix_holds_its_entries_does_not_matter() -> None:
    data, columns = np.array([1, 2, 2, 2], np.float32), np.array([3, 2, 1, 0])
    matrix = sparse.csr_array((data, columns, np.array([0, 4])), shape=(1, 4))
    assert csr.best_of_rows(matrix, 2).toarray().tolist() == [[2, 2, 0, 0]]


def test_empty_cells_are_filled() -> None:
    matrix = sparse.csr_array(np.array([[0, 2], [0, 0]], dtype=np.float32))
    assert csr.densified(matrix, -np.inf).tolist() == [[-np.inf, 2], [-np.inf, -np.inf]]


def test_a_stored_zero_is_no_empty_cell() -> None:
    matrix = sparse.csr_array((np.zeros(1, np.float32), np.array([1]), np.array([0, 1])), shape=(1, 3))
    assert csr.densified(matrix, -np.inf).tolist() == [[-np.inf, 0, -np.inf]]


@given(matrices, matrices)
def test_a_dense_product_is_the_sum_of_the_rows(left: np.ndarray, right: np.ndarray) -> None:
    rows, matrix = sparse.csr_array(left[:, : len(right)]), sparse.csr_array(right[: left.shape[1]])
    fill = np.arange(right.shape[1], dtype=np.float32) + 50
    product = (rows @ matrix).toarray()
    evidence = (abs(rows) @ abs(matrix)).toarray().any(axis=1, keepdims=True)
    expected = np.where(evidence, np.where(product == 0, fill, product), -np.inf)
    assert csr.dense_product(rows, matrix, fill).tolist() == expected.tolist()


@given(matrices)
def test_scaling_is_a_product_with_diagonals(dense: np.ndarray) -> None:
    rows, columns = np.arange(dense.shape[0]) + 2.0, np.arange(dense.shape[1]) + 3.0
    scaled = csr.scaled(sparse.csr_array(dense), rows=rows, columns=columns)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.toarray(), np.diag(rows) @ dense @ np.diag(columns), rtol=1e-6)


@given(matrices)
def test_lengths_of_rows_are_euclidean(dense: np.ndarray) -> None:
    np.testing.assert_allclose(csr.row_norms(sparse.csr_array(dense)), np.linalg.norm(dense, axis=1))


def test_larger_shapes_hold_the_same_entries() -> None:
    matrix = sparse.csr_array(np.array([[0, 2], [3, 0]], dtype=np.float32))
    assert csr.resized(matrix, 3, 4).toarray().tolist() == [[0, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]]
    assert csr.resized(matrix, 2, 2).toarray().tolist() == matrix.toarray().tolist()


@given(matrices)
def test_a_matrix_comes_back_from_its_parts(dense: np.ndarray) -> None:
    parts = csr.parts(sparse.csr_array(dense))
    assert {name: array.dtype for name, array in parts.items()} == {
        "data": np.float32,
        "indices": np.int32,
        "indptr": np.int64,
    }
    np.testing.assert_array_equal(csr.assembled(parts, dense.shape[1]).toarray(), dense)


def test_of_a_pair_the_strongest_event_counts() -> None:
    rng = np.random.default_rng(5)
    log, _ = small_log()
    log = replace(log, weight=rng.choice([-1.0, 0.0, 0.5, 1.0, 2.0], len(log)).astype(np.float32))
    expected = np.zeros((log.n_users, log.n_items), dtype=np.float32)
    np.maximum.at(expected, (log.user, log.item), log.weight)
    np.testing.assert_array_equal(csr.wanted(log, None).toarray(), expected)
    faded = csr.wanted(log, 5.0).toarray()
    assert ((faded > 0) == (expected > 0)).all()
    assert (faded <= expected).all()


def test_nothing_wanted_is_an_empty_matrix() -> None:
    log, _ = small_log()
    nothing = csr.wanted(replace(log, weight=-np.ones(len(log), dtype=np.float32)), None)
    assert nothing.shape == (log.n_users, log.n_items)
    assert nothing.nnz == 0


@given(st.integers(1, 200))
def test_a_log_in_pieces_of_users_gives_the_same(events: int) -> None:
    log, _ = small_log()
    whole = [csr.wanted(log, half_life) for half_life in (None, 5.0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "EVENTS", events)
        pieces = list(chunks.user_chunks(log))
        parts = [csr.wanted(log, half_life) for half_life in (None, 5.0)]
    assert [(one.start, one.stop) for one in pieces] == [
        (start, stop) for start, stop in pairwise([0, *(one.stop for one in pieces)])
    ]
    assert pieces[-1].stop == len(log)
    assert all(log.user[one.stop - 1] != log.user[one.stop] for one in pieces[:-1])
    for one, other in zip(whole, parts, strict=True):
        for name, array in csr.parts(one).items():
            np.testing.assert_array_equal(csr.parts(other)[name], array)


def test_rows_are_spread_and_parts_are_cut_out() -> None:
    dense = np.array([[0, 2, 1], [3, 0, 0], [5, 0, 4]], dtype=np.float32)
    matrix = sparse.csr_array(dense)
    assert csr.spread(matrix, np.array([1, 2, 4]), 5).toarray().tolist() == [
        [0] * 3,
        [0, 2, 1],
        [3, 0, 0],
        [0] * 3,
        [5, 0, 4],
    ]
    assert csr.dense_among(matrix, np.array([0, 2])).tolist() == [[0, 1], [5, 4]]
    assert csr.dense_among(matrix, np.arange(3)).tolist() == dense.tolist()


def test_rows_of_very_different_lengths_are_not_padded_to_the_longest() -> None:
    lengths = np.array([0, 1, 5, 3_000, 2, 40])
    matrix = sparse.csr_array(
        (
            np.arange(lengths.sum(), dtype=np.float32),
            np.concatenate([np.arange(n) for n in lengths]),
            np.concatenate([[0], np.cumsum(lengths)]),
        ),
        shape=(6, 3_000),
    )
    groups = list(csr._alike_in_length(matrix, np.array([2, 3, 5]), lengths))
    assert sum(padded.size for _, padded in groups) < 2 * matrix.nnz
    best = csr.best_of_rows(matrix, 3)
    assert np.diff(best.indptr).tolist() == [0, 1, 3, 3, 2, 3]
    assert best.indices.tolist() == [0, 2, 3, 4, 2_997, 2_998, 2_999, 0, 1, 37, 38, 39]


def test_the_smallest_entry_of_a_row_is_its_own() -> None:
    matrix = sparse.csr_array(np.array([[0, 0], [3, 4], [0, 1], [0, 0], [5, 2]], dtype=np.float32))
    assert csr.row_minima(matrix, 9).tolist() == [9, 3, 1, 9, 2]


@given(st.integers(1, 200), st.sampled_from([None, 5.0, np.inf]))
def test_summed_weights_are_those_of_the_whole_log(events: int, half_life: float | None) -> None:
    log, _ = small_log()
    whole = log.matrix((log.weight * fading(log, half_life)).astype(np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "EVENTS", events)
        found = csr.summed(log, half_life)
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, part), getattr(whole, part))


@given(st.data())
def test_the_best_of_long_rows_are_found_in_any_order_of_their_entries(data: st.DataObject) -> None:
    dense = data.draw(arrays(np.float32, (3, 30), elements=st.integers(1, 4).map(float)))
    order = np.array([data.draw(st.permutations(range(30))) for _ in range(3)])
    values = np.take_along_axis(dense, order, axis=1).ravel()
    matrix = sparse.csr_array((values, order.ravel(), np.arange(0, 91, 30)), shape=(3, 1000))
    best = csr.best_of_rows(matrix, data.draw(st.integers(1, 29)))
    k = best.nnz // 3
    for row, kept in zip(dense, best, strict=True):
        expected = np.sort(np.argsort(-row, kind="stable")[:k])
        assert kept.indices.tolist() == expected.tolist()
        assert kept.data.tolist() == row[expected].tolist()
