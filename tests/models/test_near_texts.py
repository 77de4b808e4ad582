"""Lists of the closest items, estimates of their union, exact scores of pairs; by NumPy and compiled."""

import copy
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from tacit.core import kernels
from tacit.core.types import Bool, Float32
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.models import near_texts
from tacit.models.content import Content
from tacit.models.near_texts import STEP, NearTexts
from tacit.pipeline import retrieval
from tacit.pipeline.retrieval import candidates

N_ITEMS, LATER = 300, 20


@pytest.fixture(params=["compiled", "numpy"])
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "COMPILED", None)
    elif kernels.COMPILED is None:
        pytest.skip(f"requests are answered by {kernels.STATE}")
    yield


@pytest.fixture(autouse=True)
def small_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "WHOLE_ROWS", 0)
    monkeypatch.setattr(near_texts, "SCANNED", 50)
    monkeypatch.setattr(near_texts, "LENGTH", 40)
    monkeypatch.setattr(near_texts, "SHORT", 40)


def unit(n: int, d: int = 24, seed: int = 0) -> Float32:
    """Return vectors of 12 groups, of length 1."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((12, d))[np.arange(n) % 12] + 0.7 * rng.standard_normal((n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def catalogue(n: int, without: int = 0) -> Catalogue:
    """Return items with texts and vectors, the first ``without`` of them without a text."""
    titles = [None if code < without else f"thing {code}" for code in range(n)]
    frame = pl.DataFrame({col.ITEM: [f"i{code:04d}" for code in range(n)], col.TITLE: titles})
    return Catalogue.from_frame(frame).with_vectors(unit(n))


def log(n_items: int) -> Interactions:
    items = np.arange(n_items, dtype=np.int32)
    return Interactions(
        users=Vocabulary(["u"]),
        items=Vocabulary([f"i{code:04d}" for code in range(n_items)]),
        kinds=("view",),
        user=np.zeros(n_items, np.int32),
        item=items,
        weight=np.ones(n_items, np.float32),
        at=np.arange(n_items, dtype=np.float64),
        kind=np.zeros(n_items, np.int16),
        timing="time",
    )


def content(without: int = 0, **parameters: float) -> Content:
    items = catalogue(N_ITEMS, without)
    return Content(**parameters).fit(log(N_ITEMS), items, rng=np.random.default_rng(0))  # type: ignore[arg-type]


def histories() -> Queries:
    rng = np.random.default_rng(4)
    lengths = [0, 1, 3, 60, 12]
    weights = [rng.choice([1.0, 0.5, -1.0, 0.0], length).tolist() for length in lengths]
    return Queries.of([rng.integers(0, N_ITEMS, length).tolist() for length in lengths], weights=weights)


def test_a_list_holds_the_largest_cosines() -> None:
    vectors, known = unit(N_ITEMS), np.arange(N_ITEMS) % 7 > 0
    lists = NearTexts.of(vectors * known[:, None], known)
    assert lists is not None and lists.items.shape == (N_ITEMS, 40)
    for item in (1, 100, 299):
        cosines = np.where(known, vectors @ vectors[item], -np.inf)
        cosines[item] = -np.inf
        assert lists.items[item].tolist() == np.argsort(-cosines, kind="stable")[:40].tolist()
        np.testing.assert_allclose(lists.cosines[item] * STEP, np.sort(cosines)[::-1][:40], atol=STEP)
    assert (lists.items[0] == -1).all() and not lists.cosines[0].any()


def test_main_directions_choose_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, known = unit(N_ITEMS, d=40), np.full(N_ITEMS, True)
    whole = NearTexts.of(vectors, known)
    monkeypatch.setattr(near_texts, "_NARROW", 16)
    monkeypatch.setattr(near_texts, "LARGE", 100)
    narrow = NearTexts.of(vectors, known)
    assert whole is not None and narrow is not None
    shared = [len(np.intersect1d(a, b)) for a, b in zip(whole.items, narrow.items, strict=True)]
    assert np.mean(shared) > 0.95 * 40
    assert (np.diff(narrow.cosines.astype(int), axis=1) <= 0).all()


def test_small_catalogues_have_no_lists() -> None:
    vectors, known = unit(60), np.full(60, True)
    assert NearTexts.of(vectors, known) is not None
    assert NearTexts.of(vectors[:50], known[:50]) is None


def test_very_large_catalogues_look_at_the_nearest_clusters_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    groups = unit(40)[rng.integers(0, 40, 2_000)]
    vectors = groups + 0.05 * rng.standard_normal(groups.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    known = np.arange(len(vectors)) % 7 > 0
    monkeypatch.setattr(near_texts, "BRIEF", 20)
    whole = NearTexts.of(vectors, known)
    monkeypatch.setattr(near_texts, "LARGE", 500)
    monkeypatch.setattr(near_texts, "WHOLE", 1_000)
    monkeypatch.setattr(near_texts, "_PROBED", 8)
    some = NearTexts.of(vectors, known)
    assert whole is not None and some is not None
    assert some.items.shape == (2_000, 20)
    assert (some.items[~known] == -1).all()
    assert known[some.items[known]].all()
    assert (some.items != np.arange(2_000)[:, None]).all()
    shared = [len(np.intersect1d(a[:20], b)) for a, b in zip(whole.items, some.items, strict=True)]
    assert np.mean(np.array(shared)[known]) > 0.95 * 20
    assert (np.diff(some.cosines.astype(int), axis=1) <= 0).all()


@pytest.mark.parametrize("parameters", [{}, {"closest": 1.0}, {"closest": 0.0}, {"recent": 1}])
def test_exact_scores_are_those_of_a_scan(loops: None, parameters: dict[str, float]) -> None:
    model, queries = content(without=9, **parameters).indexed(), histories()
    full = model.score(queries)
    found = model.sparse_scores(queries, 5, np.full(N_ITEMS, True))
    assert found is not None and found.exact is not None
    row, items = np.divmod(np.arange(full.size), N_ITEMS)
    exact = found.exact(row, items.astype(np.int32))
    np.testing.assert_allclose(exact, full.ravel(), rtol=1e-5, atol=1e-6)


def test_estimates_are_never_above_the_scores_and_list_the_near_ones(loops: None) -> None:
    model, queries = content().indexed(), histories()
    found, full = model.sparse_scores(queries, 5, np.full(N_ITEMS, True)), model.score(queries)
    assert found is not None
    for query in range(len(queries)):
        items, estimates = found.listed(query)
        assert (np.diff(items) > 0).all()
        assert model.near_ is not None
        rounding = model.near_.steps.max() / 2 * np.sqrt(model.vectors_.shape[1])
        assert (estimates <= full[query, items] + STEP + rounding).all()
        if len(items):
            best = np.argsort(-full[query])[:5]
            assert np.isin(best, items).mean() >= 0.8
    assert not len(found.listed(0)[0])


def assert_as_by_scan(model: Content, queries: Queries, allowed: Bool, k: int) -> None:
    unseen = np.arange(len(allowed)) % 3 == 0
    found = candidates([model], queries, k, allowed, unseen=unseen)
    scan = candidates([replace_lists(model)], queries, k, allowed, unseen=unseen)
    np.testing.assert_array_equal(found.items, scan.items)
    np.testing.assert_allclose(found.scores, scan.scores, rtol=1e-5, atol=1e-6)


def replace_lists(model: Content) -> Content:
    scan = copy.copy(model)
    scan.near_ = None
    return scan


def test_candidates_are_those_of_a_scan_where_lists_are_too_short(loops: None) -> None:
    few = np.zeros(N_ITEMS, bool)
    few[::50] = True
    assert_as_by_scan(content().indexed(), histories(), few, 5)
    assert_as_by_scan(content().indexed(), histories(), np.zeros(N_ITEMS, bool), 5)
    assert_as_by_scan(content().indexed(), histories(), np.full(N_ITEMS, True), 500)


def test_later_items_are_found_without_a_list_and_scanned_for(loops: None) -> None:
    later = content().indexed().extended(catalogue(N_ITEMS + LATER))
    assert later.near_ is not None and len(later.near_) == N_ITEMS
    allowed = np.full(N_ITEMS + LATER, True)
    on_later = Queries.of([[3, N_ITEMS + 2], [N_ITEMS + LATER - 1]])
    assert_as_by_scan(later, on_later, allowed, 5)
    only_later = allowed.copy()
    only_later[:N_ITEMS] = False
    assert_as_by_scan(later, Queries.of([[3], [5, 7]]), only_later, 5)
    found = later.sparse_scores(Queries.of([[3]]), 5, allowed)
    assert found is not None and np.isin(np.arange(N_ITEMS, N_ITEMS + LATER), found.items).all()


def test_an_item_whose_text_was_replaced_is_found_where_its_new_text_fits(loops: None) -> None:
    before = content().indexed()
    vectors = unit(N_ITEMS)
    vectors[[7, 8]] = vectors[[100, 9]]  # 7 becomes a twin of 100; 8 of its neighbour
    items = catalogue(N_ITEMS).with_vectors(vectors)
    after = before.extended(items)
    assert after.near_ is not None and after.near_.outdated.tolist() == [7, 8]
    assert before.near_ is not None and not len(before.near_.outdated)
    allowed = np.full(N_ITEMS, True)
    found = after.sparse_scores(Queries.of([[100]]), 5, allowed)
    assert found is not None and 7 in found.items.tolist()
    assert_as_by_scan(after, Queries.of([[7], [3, 8]]), allowed, 5)  # histories on them are scanned for
    gone = after.extended(catalogue(N_ITEMS, without=8))
    assert gone.near_ is not None and 7 not in gone.near_.unlisted(gone.known_)


def test_an_item_that_is_put_again_with_the_same_text_keeps_its_list() -> None:
    before = content().indexed()
    assert before.extended(catalogue(N_ITEMS)).near_ is before.near_


def test_lists_survive_a_snapshot() -> None:
    model = content().indexed()
    again = Content.restore({"name": "content"}, model.arrays(), catalogue(N_ITEMS))
    assert again.near_ is not None and model.near_ is not None
    np.testing.assert_array_equal(again.near_.items, model.near_.items)
    np.testing.assert_array_equal(again.near_.cosines, model.near_.cosines)
    assert Content.restore({"name": "content"}, content().arrays(), catalogue(N_ITEMS)).near_ is None
