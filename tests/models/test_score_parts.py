"""Parts of scores by look-up, against what the models say when they score and explain everything."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from tacit.core.types import Bool
from tacit.data.queries import Queries
from tacit.models.content import Content
from tacit.models.ease import EASE
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import ExplainsByParts, Recommender
from tacit.models.repeats import Repeats
from tacit.models.score_parts import between
from tacit.models.sequential import Sequential
from tacit.models.slim import SLIM
from tacit.testing.generated import small_log

LOG, CATALOGUE = small_log()
N_ITEMS = len(CATALOGUE)
MODELS = (
    ItemKNN(decay=0.8),
    EASE(),
    SLIM(decay=0.9),
    Sequential(),
    Repeats(decay=0.7),
    Content(),
    Content(decay=1.0, closest=1.0, recent=2, name="closest"),
    Content(closest=0.0, name="mean"),
)


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: model.name)
def model(request: pytest.FixtureRequest) -> Recommender:
    fitted: Recommender = request.param.fit(LOG, CATALOGUE, rng=np.random.default_rng(0))
    return fitted


def histories(ordered: bool = True) -> list[Queries]:
    """Histories of many lengths, with repetitions, refusals and events that do not count."""
    rng = np.random.default_rng(5)
    found = []
    for length in (0, 1, 2, 3, 20, 300):
        items = [rng.integers(0, N_ITEMS, length).tolist()]
        weights = [rng.choice([1.0, 0.8, 0.3, -1.0, 0.0, 1e-30], length).tolist()]
        found.append(replace(Queries.of(items, weights=weights), ordered=ordered))
    return [*found, Queries.of([[1] * 7]), Queries.of([[0, 1]], weights=[[-1.0, -1.0]])]


def drawn(query: Queries, rng: np.random.Generator) -> Bool:
    """Some events to leave out for each of five items: those on one item of the history, as a reason does."""
    if not len(query.item):
        return np.ones((0, 5), dtype=bool)
    return query.item[:, None] != rng.choice(query.item, 5)


@pytest.mark.parametrize("ordered", [True, False])
def test_shares_are_those_of_an_explanation(model: Recommender, ordered: bool) -> None:
    assert isinstance(model, ExplainsByParts)
    items = np.array([0, 3, 7, 8, N_ITEMS - 1], dtype=np.int32)
    for query in histories(ordered):
        expected = model.explain(query.take(np.zeros(5, dtype=np.int64)), items)
        shares = model.parts(query, items).shares
        np.testing.assert_allclose(shares, expected.reshape(5, -1).T, atol=1e-6)


@pytest.mark.parametrize("ordered", [True, False])
def test_scores_with_and_without_events_are_those_of_the_model(model: Recommender, ordered: bool) -> None:
    assert isinstance(model, ExplainsByParts)
    items, rng = np.array([0, 3, 7, 8, N_ITEMS - 1], dtype=np.int32), np.random.default_rng(3)
    compared = 0
    for query in histories(ordered):
        parts, kept = model.parts(query, items), drawn(query, rng)
        for place, item in enumerate(items):
            for own, score in (
                (query, parts.scores()[place]),
                (query.keep(kept[:, place]), parts.scores(kept)[place]),
            ):
                expected = model.score(own, np.array([item], dtype=np.int32))[0, 0]
                # Without any evidence a model may answer -inf; its parts say 0 then.
                if np.isfinite(expected):
                    assert score == pytest.approx(expected, rel=1e-4, abs=1e-6)
                    compared += 1
                else:
                    assert score <= 0
    assert compared > 5


def test_entries_of_a_matrix_whatever_the_order_of_its_indices() -> None:
    rng = np.random.default_rng(1)
    dense = rng.integers(0, 3, (30, 40)).astype(np.float32)
    matrix = sparse.csr_array(dense)
    turned = sparse.csr_array((matrix.data.copy(), matrix.indices.copy(), matrix.indptr), shape=matrix.shape)
    for start, stop in zip(turned.indptr[:-1], turned.indptr[1:], strict=True):
        turned.indices[start:stop] = turned.indices[start:stop][::-1]
        turned.data[start:stop] = turned.data[start:stop][::-1]
    rows, columns = rng.integers(0, 30, 50).astype(np.int32), rng.integers(0, 40, 10).astype(np.int32)
    for one in (matrix, turned):
        np.testing.assert_array_equal(between(one, rows, columns), dense[rows][:, columns])
    beyond = between(matrix, np.array([29, 30, 99], dtype=np.int32), np.array([39, 40], dtype=np.int32))
    np.testing.assert_array_equal(beyond, [[dense[29, 39], 0], [0, 0], [0, 0]])
    assert between(sparse.csr_array((3, 3), dtype=np.float32), rows[:1], columns[:2]).tolist() == [[0, 0]]
    assert between(matrix, rows[:0], columns).shape == (0, 10)
