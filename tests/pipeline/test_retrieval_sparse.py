"""The candidates of sparse scores are those of dense ones, for every retriever."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.by_loops import both, by_numpy

from tacit.core import kernels
from tacit.core.errors import ConfigError
from tacit.core.types import Bool, Float32, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models.content import Content
from tacit.models.covisitation import CoVisitation
from tacit.models.ease import EASE
from tacit.models.forecast import Forecast
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import FoldsIn, Recommender, is_sparse
from tacit.models.repeats import Repeats
from tacit.models.rp3beta import RP3Beta
from tacit.models.sequential import Sequential
from tacit.models.sessionknn import SessionKNN
from tacit.models.slim import SLIM
from tacit.models.sparse_scores import SparseScores
from tacit.models.textprior import TextPrior
from tacit.models.trending import Trending
from tacit.models.userknn import UserKNN
from tacit.pipeline import retrieval
from tacit.pipeline.retrieval import candidates, compiled_scorers
from tacit.testing.generated import small_catalogue, small_log

N_ITEMS, LATER = 90, 12


@pytest.fixture(autouse=True)
def sparse_at_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "WHOLE_ROWS", 0)


MODELS: dict[str, Callable[[], Recommender]] = {
    "itemknn": lambda: ItemKNN(k=20),
    "ease": lambda: EASE(keep=15),
    "slim": lambda: SLIM(neighbours=20),
    "sequential": lambda: Sequential(keep=15),
    "rp3beta": lambda: RP3Beta(k=20),
    "textprior": lambda: TextPrior(keep=20),
    "covisitation": CoVisitation,
    "userknn": lambda: UserKNN(k=15),
    "userknn-ever": lambda: UserKNN(k=15, half_life=float("inf"), name="userknn-ever"),
    "userknn-tfidf": lambda: UserKNN(k=15, weighting="tfidf", name="userknn-tfidf"),
    "sessionknn": lambda: SessionKNN(k=20),
    "trending": Trending,
    "popular": lambda: Trending(half_life=float("inf"), name="popular"),
    "forecast": Forecast,
    "repeats": Repeats,
    "content": Content,
}


@cache
def fitted(name: str, extended: bool) -> Recommender:
    """Return a model fitted on the generated log, or on its larger catalogue."""
    log, catalogue = _log()
    model = MODELS[name]().fit(log, catalogue, rng=np.random.default_rng(7))
    if extended:
        assert isinstance(model, FoldsIn)
        model = model.extended(_larger())
    return model


@cache
def _log() -> tuple[Interactions, Catalogue]:
    return small_log()


@cache
def _larger() -> Catalogue:
    return small_catalogue(np.random.default_rng(3), N_ITEMS + LATER)


class Dense:
    """The same retriever without its sparse scores."""

    def __init__(self, retriever: Recommender) -> None:
        self.retriever, self.name = retriever, retriever.name

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> "Dense":
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        return self.retriever.score(queries, items).copy()

    def extended(self, catalogue: Catalogue) -> "Dense":
        return self


class DenseByText(Dense):
    by_text = True


WEIGHTS = (1.0, 2.5, 0.0, -1.0, 1e-38, 1e-44)


def _with_order(weights: np.ndarray) -> np.ndarray:
    """Return weights whose products have an order: numbers of three bits are rounded to any, and to 0."""
    return np.where((weights > 0) & (weights < 1e-36), 1e-36, weights)


@st.composite
def questions(draw: st.DrawFn) -> tuple[bool, Queries, Bool, int, bool]:
    """Draw whether the catalogue has grown, queries, allowed items, k, and whether some are not allowed."""
    extended = draw(st.booleans())
    n_items = N_ITEMS + LATER * extended
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lengths = draw(st.lists(st.sampled_from([0, 1, 2, 5, 50, 300, 2_000]), min_size=1, max_size=4))
    some = rng.choice(n_items, size=draw(st.sampled_from([1, 3, n_items])), replace=False)
    offered = draw(st.sampled_from([WEIGHTS, (1.0,), (1e-38,), (-1.0, 0.0), (1e-44, 1.0)]))
    histories = [rng.choice(some, length).tolist() for length in lengths]
    weights = [_with_order(rng.choice(offered, length)).tolist() for length in lengths]
    queries = Queries.of(histories, weights=weights, exclude_seen=draw(st.booleans()), now=1.8e9)
    queries = replace(
        queries,
        user=rng.integers(-1, 150, len(lengths)).astype(np.int32),
        ordered=draw(st.booleans()),
    )
    share = draw(st.sampled_from([1.0, 0.9, 0.1, 0.0]))
    return extended, queries, rng.random(n_items) < share, draw(st.sampled_from([1, 3, 20, 500])), share < 1


def assert_same(retrievers: list[Recommender], queries: Queries, k: int, allowed: Bool) -> None:
    unseen = np.arange(len(allowed)) % 3 == 0
    found = candidates(retrievers, queries, k, allowed, N_ITEMS, unseen=unseen)
    dense = [(DenseByText if one.name == "content" else Dense)(one) for one in retrievers]
    expected = candidates(dense, queries, k, allowed, N_ITEMS, unseen=unseen)
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5, atol=1e-5)
    assert (found.by_text is None) == (expected.by_text is None)
    if found.by_text is not None and expected.by_text is not None:
        np.testing.assert_array_equal(found.by_text.items, expected.by_text.items)
        np.testing.assert_allclose(found.by_text.scores, expected.by_text.scores, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(questions())
def test_candidates_are_those_of_dense_scores(
    name: str, question: tuple[bool, Queries, Bool, int, bool]
) -> None:
    extended, queries, allowed, k, _ = question
    assert_same([fitted(name, extended)], queries, k, allowed)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(questions())
def test_the_union_of_all_is_that_of_dense_scores(
    question: tuple[bool, Queries, Bool, int, bool],
) -> None:
    extended, queries, allowed, k, _ = question
    assert_same([fitted(name, extended) for name in MODELS], queries, k, allowed)


@pytest.mark.skipif(kernels.COMPILED is None, reason=f"requests are answered by {kernels.STATE}")
@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(questions())
def test_compiled_scorers_list_what_numpy_lists(
    name: str, question: tuple[bool, Queries, Bool, int, bool]
) -> None:
    extended, queries, allowed, k, _ = question
    found, expected = both(lambda: candidates([fitted(name, extended)], queries, k, allowed, N_ITEMS))
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5, atol=1e-42)


def test_all_but_content_have_compiled_scorers_at_a_fit() -> None:
    scorers = compiled_scorers([fitted(name, extended=False) for name in MODELS], N_ITEMS, N_ITEMS)
    without = [name for place, name in enumerate(MODELS) if place not in scorers]
    assert without == (["content"] if kernels.COMPILED is not None else [*MODELS])


def test_all_but_content_have_sparse_scores_at_a_fit() -> None:
    queries, allowed = Queries.of([[1, 2]]), np.full(N_ITEMS, True)
    models = {name: fitted(name, extended=False) for name in MODELS}
    without = [
        name
        for name, model in models.items()
        if not is_sparse(model) or model.sparse_scores(queries, 5, allowed) is None  # type: ignore[attr-defined]
    ]
    assert without == ["content"]


class Louder(EASE):
    """Replaces the scores, and inherits the sparse ones, which are those of its base."""

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        return -super().score(queries, items)


def test_a_class_that_replaces_score_alone_is_no_longer_sparse() -> None:
    log, catalogue = _log()
    louder = Louder().fit(log, catalogue, rng=np.random.default_rng(7))
    assert is_sparse(fitted("ease", extended=False)) and not is_sparse(louder)


def test_a_batch_is_cut_for_the_rows_of_all_items_that_it_holds() -> None:
    sparse, dense = fitted("itemknn", False), Louder()
    assert retrieval.held_at_once([sparse, sparse], 100) == 100
    assert retrieval.held_at_once([sparse, dense, dense], 100) == 200
    with by_numpy(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "WHOLE_ROWS", 100)
        assert retrieval.held_at_once([sparse, sparse, dense], 100) == 300
        assert retrieval.held_at_once([sparse, sparse, dense], 101) == 101


def test_two_models_with_the_same_likeness_share_one_search() -> None:
    recent, ever, tfidf = (fitted(name, False) for name in ("userknn", "userknn-ever", "userknn-tfidf"))
    assert isinstance(recent, UserKNN) and isinstance(ever, UserKNN) and isinstance(tfidf, UserKNN)
    assert recent.search_key == ever.search_key != tfidf.search_key
    log, catalogue = _log()
    other = UserKNN(k=15).fit(log.select(log.user > 3), catalogue, rng=np.random.default_rng(7))
    assert other.search_key != recent.search_key


class Wrong:
    """Lists an item twice."""

    name = "wrong"

    def __init__(self, items: list[int], scores: list[float]) -> None:
        self.items, self.scores = items, scores

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> "Wrong":
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        raise AssertionError

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores:
        listed = np.array(self.items, np.int32), np.array(self.scores, np.float32)
        return SparseScores.joined([listed] * len(queries))


@pytest.mark.parametrize(
    ("items", "scores", "message"),
    [
        ([2, 2], [1, 1], "ascending"),
        ([2, 9], [1, 1], "ascending"),
        ([-1, 2], [1, 1], "ascending"),
        ([1, 2], [1, np.nan], "NaN"),
        ([1], [1, 2], "ascending"),
    ],
)
def test_sparse_scores_of_somebody_else_are_checked(
    items: list[int], scores: list[float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        candidates([Wrong(items, scores)], Queries.of([[], []]), 3, np.full(5, True))


class Estimates:
    """Knows items 0 to 3 only: lists one of them by an estimate, and has exact scores of all four."""

    name = "estimates"

    def fit(
        self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator
    ) -> "Estimates":
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        raise AssertionError

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores:
        assert len(allowed) == 4

        def exact(row: Int64, items: Int32) -> Float32:
            assert (items < 4).all()
            return (10.0 * (row + 1) + items).astype(np.float32)

        listed = np.array([2], np.int32), np.array([0.5], np.float32)
        return SparseScores.joined([listed] * len(queries), exact=exact)


def test_estimates_choose_and_exact_scores_count() -> None:
    forecast = fitted("forecast", extended=False)
    found = candidates([Estimates(), forecast], Queries.of([[], []]), 100, np.full(N_ITEMS, True), known=4)
    assert found.items[1, :4].tolist() == [0, 1, 2, 3]
    assert found.scores[:, :4, 0].tolist() == [[10, 11, 12, 13], [20, 21, 22, 23]]
    assert (found.scores[:, 4:, 0] == -np.inf).all() and found.items.shape[1] > 4
