"""The exact scan lists what scores of all items say, by NumPy and compiled."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.by_loops import MANY, WEIGHTS, by_numpy

from tacit.core import kernels
from tacit.core.types import Bool, Float32, Int64
from tacit.data.queries import Queries
from tacit.models import content
from tacit.models.content import Content
from tacit.models.sparse_scores import SparseScores
from tacit.models.text_scan import TextScan, lowest_to_mean
from tacit.pipeline import retrieval
from tacit.pipeline.retrieval import candidates

CLOSE = 3e-5


@pytest.fixture(params=["compiled", "numpy"])
def loops(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "numpy":
        with by_numpy():
            yield
    elif kernels.COMPILED is None:
        pytest.skip(f"requests are answered by {kernels.STATE}")
    else:
        yield


def unit(vectors: Float32) -> Float32:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


def directions(kind: str, n: int, d: int, rng: np.random.Generator) -> Float32:
    """Return vectors of length 1: without any order, of a few groups, or many times the same few."""
    if kind == "random":
        return unit(rng.standard_normal((n, d)))
    groups = rng.standard_normal((max(n // 20, 1), d))[rng.integers(0, max(n // 20, 1), n)]
    return unit(groups + (0.3 * rng.standard_normal((n, d)) if kind == "groups" else 0))


def model_of(vectors: Float32, known: Bool, **parameters: float) -> Content:
    model = Content(**parameters)  # type: ignore[arg-type]
    model.vectors_, model.known_ = vectors * known[:, None], known
    return model


@st.composite
def questions(draw: st.DrawFn) -> tuple[Content, Queries, Bool, int]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.sampled_from([1, 2, 5, 31, 32, 33, 100, 333, 800]))
    kind = draw(st.sampled_from(["random", "groups", "same"]))
    vectors = directions(kind, n, draw(st.sampled_from([1, 2, 15, 16, 40])), rng)
    known = rng.random(n) < draw(st.sampled_from([1.0, 0.8, 0.0]))
    model = model_of(
        *(vectors, known),
        closest=draw(st.sampled_from([0.0, 0.3, 1.0])),
        decay=draw(st.sampled_from([1.0, 0.85, 0.1])),
        recent=draw(st.sampled_from([1, 10, 15, 16, 40])),
    )
    lengths = draw(st.lists(st.sampled_from([0, 1, 3, 20, 2_000]), min_size=0, max_size=20))
    # Some events are on items that came later.
    items = [rng.integers(0, n + (length > 3), length).tolist() for length in lengths]
    weights = [rng.choice(WEIGHTS, length).tolist() for length in lengths]
    excluded = [rng.permutation(n + 1)[: rng.choice([0, 3, n // 2, n + 1])].tolist() for _ in lengths]
    queries = replace(
        Queries.of(items, weights=weights, exclude_seen=False),
        exclude_offsets=np.cumsum([0, *map(len, excluded)]).astype(np.int64),
        exclude=np.array([item for one in excluded for item in one], dtype=np.int32),
    )
    allowed = rng.random(n) < draw(st.sampled_from([1.0, 0.5, 0.05, 0.0]))
    return model, queries, allowed, draw(st.sampled_from([1, 2, 10, 100, n, n + 5]))


def scan_of(model: Content, queries: Queries, rows: Int64 | None = None) -> TextScan:
    rows = np.arange(len(queries)) if rows is None else rows
    return TextScan.of(model._sides(queries), rows, model.vectors_, model.known_, queries)


def assert_best(model: Content, queries: Queries, allowed: Bool, k: int, found: SparseScores) -> None:
    """Check that the k best by ``score`` are listed, with their scores, and nothing worse."""
    full = model.score(queries)
    full[:, ~allowed] = -np.inf
    assert len(found) == len(queries)
    for query in range(len(queries)):
        excluded = queries.exclude[queries.exclude_offsets[query] : queries.exclude_offsets[query + 1]]
        full[query, excluded[excluded < len(allowed)]] = -np.inf
        items, scores = found.listed(query)
        assert (np.diff(items) > 0).all()
        np.testing.assert_allclose(scores, full[query, items], atol=CLOSE, rtol=0)
        ordered = np.sort(full[query][np.isfinite(full[query])])[::-1]
        assert len(items) >= min(k, len(ordered))
        if len(ordered):
            last = ordered[min(k, len(ordered)) - 1]
            assert np.isin(np.flatnonzero(full[query] > last + CLOSE), items).all()
            assert (scores >= last - CLOSE).all()


@MANY
@given(questions())
def test_the_k_best_of_all_items_are_listed(question: tuple[Content, Queries, Bool, int]) -> None:
    model, queries, allowed, k = question
    with np.errstate(all="ignore"):
        assert_best(*question, scan_of(model, queries).best(allowed, k))
        with by_numpy():
            assert_best(*question, scan_of(model, queries).best(allowed, k))


@MANY
@given(questions())
def test_candidates_are_those_of_scores_of_all_items(question: tuple[Content, Queries, Bool, int]) -> None:
    model, queries, allowed, k = question
    unseen = np.arange(len(allowed)) % 3 < 2
    found = []
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        for dense_items in (0, len(allowed)):
            patch.setattr(content, "DENSE_ITEMS", dense_items)
            patch.setattr(retrieval, "WHOLE_ROWS", 0)
            found.append(candidates([model], queries, k, allowed, unseen=unseen))
    scanned, dense = found
    assert scanned.by_text is not None and dense.by_text is not None
    for mine, others in ((scanned, dense), (scanned.by_text, dense.by_text)):
        best, expected = (np.sort(one.scores.reshape(one.scores.shape[:2]), axis=1) for one in (mine, others))
        width = min(best.shape[1], expected.shape[1])
        np.testing.assert_allclose(best[:, -width:], expected[:, -width:], atol=CLOSE, rtol=0)


def histories(n_items: int) -> Queries:
    rng = np.random.default_rng(3)
    return Queries.of([rng.integers(0, n_items, length).tolist() for length in (5, 0, 30, 1)])


@pytest.mark.parametrize("kind", ["random", "groups"])
def test_some_histories_are_scanned_and_the_others_keep_what_they_have(loops: None, kind: str) -> None:
    n = 400
    model = model_of(directions(kind, n, 24, np.random.default_rng(0)), np.full(n, True))
    queries, allowed = histories(n), np.arange(n) % 2 > 0
    kept = np.array([7], np.int32), np.ones(1, np.float32)
    found = scan_of(model, queries, np.array([0, 3])).best_with([kept] * 4, allowed, 10)
    whole = scan_of(model, queries).best(allowed, 10)
    for query, expected in enumerate([whole.listed(0), kept, kept, whole.listed(3)]):
        np.testing.assert_array_equal(found.listed(query)[0], expected[0])
        np.testing.assert_allclose(found.listed(query)[1], expected[1], atol=1e-6)


def test_of_groups_few_items_are_compared_with_all_events(loops: None) -> None:
    n = 20_000
    model = model_of(directions("groups", n, 24, np.random.default_rng(0)), np.full(n, True))
    queries = histories(n)
    sides, full = model._sides(queries), model.score(queries)
    for query in (0, 3):
        tenth = float(np.sort(full[query])[-10])
        lowest = lowest_to_mean(sides, query, model.vectors_, tenth)
        to_mean = model.vectors_ @ sides.means[query]
        assert (full[query, to_mean < lowest] < tenth).all()
        assert (to_mean >= lowest).mean() < 0.1


def test_nothing_is_below_the_bound_of_no_score_and_nothing_reaches_a_score_above_one() -> None:
    model = model_of(directions("random", 50, 8, np.random.default_rng(0)), np.full(50, True))
    sides = model._sides(histories(50))
    assert lowest_to_mean(sides, 0, model.vectors_, -np.inf) == -np.inf
    assert lowest_to_mean(sides, 0, model.vectors_, 1.1) == np.inf
    assert lowest_to_mean(sides, 0, model.vectors_, -1.1) < -1


def test_vectors_that_are_no_numbers_do_not_stop_a_scan(loops: None) -> None:
    vectors = directions("random", 200, 8, np.random.default_rng(0))
    vectors[5] = np.nan
    model = model_of(vectors, np.full(200, True))
    found = scan_of(model, Queries.of([[1, 2], [5, 1]])).best(np.full(200, True), 10)
    assert len(found.listed(0)[0]) >= 10 and 5 not in found.listed(0)[0]


@pytest.mark.skipif(kernels.COMPILED is None, reason=f"requests are answered by {kernels.STATE}")
@pytest.mark.parametrize("n", [0, 1, 6, 7, 16, 17, 25, 40])
@pytest.mark.parametrize("items", [1, 5, 6, 7, 100])
def test_cosines_side_by_side_are_a_product_of_matrices(n: int, items: int) -> None:
    rng = np.random.default_rng(n)
    means, vectors = (rng.standard_normal((size, 19)).astype(np.float32) for size in (n, items))
    found = kernels.COMPILED.text_cosines(means, vectors)
    np.testing.assert_allclose(found, means @ vectors.T, atol=1e-5)


@pytest.mark.skipif(kernels.COMPILED is None, reason=f"requests are answered by {kernels.STATE}")
def test_arrays_that_do_not_fit_are_refused() -> None:
    model = model_of(directions("random", 20, 8, np.random.default_rng(0)), np.full(20, True))
    scan = scan_of(model, histories(20))
    with pytest.raises(ValueError, match="fit"):
        kernels.COMPILED.text_cosines(scan.sides.means, np.zeros((3, 5), np.float32))
    with pytest.raises(ValueError, match="fit"):
        replace(scan, to_mean=scan.to_mean[:, :5].copy()).best(np.full(20, True), 3)
    with pytest.raises(ValueError, match="histories"):
        replace(scan, rows=scan.rows + 1).best(np.full(20, True), 3)
