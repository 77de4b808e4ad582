from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.small import fitted

from tacit.core.types import DAY
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.models import csr, sequential
from tacit.models.ease import EASE
from tacit.models.sequential import Sequential
from tacit.testing.conformance import Conformance
from tacit.testing.generated import small_log


class TestSequential(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> Sequential:
        return Sequential()


class TestOrderOnly(Conformance):
    minimum_ndcg = 0.05

    def make(self) -> Sequential:
        return Sequential(similarity=0.0, window=3, decay=0.5, half_life=30.0, keep=40, name="steps")


class TestSimilarityOnly(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> Sequential:
        return Sequential(similarity=1.0, half_life=None)


def sequences(seed: int, n_users: int = 25, n_items: int = 8) -> tuple[Interactions, Catalogue]:
    """Return short histories with repeats, noes and weights; one user has a single event."""
    rng = np.random.default_rng(seed)
    lengths = np.append(rng.integers(2, 9, n_users - 1), 1)
    user = np.repeat(np.arange(n_users, dtype=np.int32), lengths)
    items = Vocabulary([f"i{n}" for n in range(n_items)])
    log = Interactions(
        users=Vocabulary([f"u{n:02d}" for n in range(n_users)]),
        items=items,
        kinds=("view",),
        user=user,
        item=rng.integers(0, n_items, len(user)).astype(np.int32),
        weight=rng.choice([-1.0, 0.5, 1.0, 3.0], len(user), p=[0.1, 0.2, 0.5, 0.2]).astype(np.float32),
        at=1.7e9 + DAY * np.arange(len(user), dtype=np.float64),
        kind=np.zeros(len(user), dtype=np.int16),
        timing="time",
    )
    return log, Catalogue.from_frame(None, items)


def naive(log: Interactions, model: Sequential) -> tuple[np.ndarray, np.ndarray]:
    """The two sides of the transition half, one row a step, as the paper writes them."""
    half_life = np.inf if model.half_life is None else model.half_life
    liked, unit = np.maximum(log.weight, 0), np.eye(log.n_items)
    SS, ST = np.zeros((2, log.n_items, log.n_items))
    for user in range(log.n_users):
        events = range(log.offsets[user], log.offsets[user + 1])
        for target in events[1:]:
            previous = [event for event in events if target - model.window <= event < target]
            S = sum(liked[e] * model.decay ** (target - 1 - e) * unit[log.item[e]] for e in previous)
            step = (liked[target] > 0) * 0.5 ** ((log.end - log.at[target]) / DAY / half_life)
            SS += step * np.outer(S, S)
            ST += step * np.outer(S, liked[target] * unit[log.item[target]])
    return SS, ST


def solved(G: np.ndarray, A: np.ndarray) -> np.ndarray:
    """Ridge regression with each item's weight on itself held at zero, column by column."""
    B = np.zeros_like(G)
    for j in range(len(G)):
        others = np.delete(np.arange(len(G)), j)
        B[others, j] = np.linalg.solve(G[np.ix_(others, others)], A[others, j])
    return B


def weights(model: Sequential, n_items: int) -> np.ndarray:
    """The score of a history of one item is that item's row."""
    return model.score(Queries.of([[item] for item in range(n_items)]))


def fit(model: Sequential, log: Interactions, catalogue: Catalogue) -> Sequential:
    return model.fit(log, catalogue, rng=np.random.default_rng(0))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    window=st.integers(1, 9),
    decay=st.sampled_from([0.3, 0.8, 1.0]),
    half_life=st.sampled_from([np.inf, 10.0]),
)
def test_the_products_are_those_of_one_row_a_step(
    seed: int, window: int, decay: float, half_life: float
) -> None:
    log, _ = sequences(seed)
    model = Sequential(similarity=0.0, window=window, decay=decay, half_life=half_life)
    for found, expected in zip(model._products(log, np.arange(log.n_items)), naive(log, model), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("similarity", [0.0, 0.3])
def test_the_weights_solve_both_halves_with_an_empty_diagonal(similarity: float) -> None:
    log, catalogue = sequences(1)
    model = fit(Sequential(similarity=similarity, window=3, l2=0.5), log, catalogue)
    SS, ST = naive(log, model)
    X = csr.wanted(log, None)
    gram = (X.T @ X).toarray()
    gram *= similarity * np.trace(SS) / np.trace(gram)
    G, A = (1 - similarity) * SS + gram, (1 - similarity) * ST + gram
    expected = solved(G + 0.5 * np.diagonal(G).mean() * np.eye(len(G)), A)
    np.testing.assert_allclose(weights(model, log.n_items), expected, atol=1e-4)


def test_without_the_steps_it_is_ease() -> None:
    log, catalogue = small_log()
    ours = fit(Sequential(similarity=1.0, l2=3.0, decay=0.7), log, catalogue)
    ease = EASE(l2=3.0, decay=0.7).fit(log, catalogue, rng=np.random.default_rng(0))
    queries = log.queries()
    np.testing.assert_allclose(ours.score(queries), ease.score(queries), atol=1e-4)


def test_a_log_without_order_is_learned_from_what_people_share() -> None:
    log, catalogue = sequences(2)
    bare = replace(log, at=np.zeros(len(log)), timing="none")
    np.testing.assert_array_equal(
        weights(fit(Sequential(similarity=0.0), bare, catalogue), log.n_items),
        weights(fit(Sequential(similarity=1.0), bare, catalogue), log.n_items),
    )


def test_what_follows_differs_from_what_precedes() -> None:
    log, catalogue = sequences(3, n_users=2, n_items=3)
    chain = replace(
        log,
        user=np.zeros(30, dtype=np.int32),
        item=np.tile(np.arange(3, dtype=np.int32), 10),
        weight=np.ones(30, dtype=np.float32),
        at=log.at[0] + np.arange(30.0),
        kind=np.zeros(30, dtype=np.int16),
    )
    B = weights(fit(Sequential(similarity=0.0, window=1), chain, catalogue), 3)
    assert np.argmax(B, axis=1).tolist() == [1, 2, 0]


def test_histories_do_not_flow_into_each_other() -> None:
    log, catalogue = sequences(4, n_users=3, n_items=3)
    pairs = replace(
        log,
        user=np.array([0, 0, 1, 1], dtype=np.int32),
        item=np.array([0, 1, 2, 1], dtype=np.int32),
        weight=np.ones(4, dtype=np.float32),
        at=log.at[:4],
        kind=np.zeros(4, dtype=np.int16),
    )
    B = weights(fit(Sequential(similarity=0.0), pairs, catalogue), 3)
    assert np.isneginf(B[1]).all()  # item 1 ends both histories: nothing follows it


def test_blocks_do_not_change_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    log, catalogue = small_log()
    whole = fit(Sequential(keep=30), log, catalogue).score(log.queries())
    monkeypatch.setattr(sequential, "CELLS", 700)
    monkeypatch.setattr("tacit.models.gram.CELLS", 700)
    np.testing.assert_allclose(
        fit(Sequential(keep=30), log, catalogue).score(log.queries()), whole, atol=1e-5
    )


def test_a_log_in_pieces_of_users_gives_the_same_products(monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = sequences(5)
    model = Sequential(similarity=0.3, window=4, half_life=20.0)
    whole = model._products(log, np.arange(log.n_items))
    monkeypatch.setattr("tacit.models.chunks.EVENTS", 7)
    for one, other in zip(whole, model._products(log, np.arange(log.n_items)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_items_without_events_and_beyond_the_limit_have_no_score() -> None:
    log, catalogue = small_log()
    scores = weights(fit(Sequential(max_items=40), log, catalogue), log.n_items)
    users = np.bincount(log.matrix().indices, minlength=log.n_items)
    popular = np.lexsort((np.arange(log.n_items), -users))[:40]
    assert np.isneginf(scores[np.ix_(popular, np.setdiff1d(np.arange(log.n_items), popular))]).all()
    assert np.isfinite(scores[np.ix_(popular, popular)]).all()


def test_a_log_of_noes_only_teaches_nothing() -> None:
    assert np.isneginf(weights(fitted(Sequential(), -np.ones((4, 3))), 3)).all()
