"""The conformance kit: the properties that every model must have, in a test of three lines.

::

    class TestEASE(Conformance):
        minimum_ndcg = 0.4

        def make(self) -> EASE:
            return EASE()

pytest collects the methods of the subclass. The tests of a protocol that the model does not have
(`Persistent`, `FoldsIn`, `Updates`, `SimilarItems`, `ComesNext`, `Explains`, `Sparse`) are skipped.
"""

import json
from dataclasses import replace
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np
import polars as pl

from tacit.core.types import Float32
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.data.gain import ndcg
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.data.splits import cut_time
from tacit.models.protocol import (
    ComesNext,
    Explains,
    FoldsIn,
    Persistent,
    Recommender,
    SimilarItems,
    Sparse,
    Updates,
    is_sparse,
    recommend,
)
from tacit.testing.generated import small_events, small_items, small_log, small_vectors


class Conformance:
    """Tests that hold for every model.

    Attributes
    ----------
    minimum_ndcg : float
        Floor of NDCG@10 on the generated log, cut in time, all unseen items ranked.
    tolerance : float
        Relative and absolute difference that counts as equal scores.
    updates_are_refits : bool
        Whether a model that is brought up to date has the scores of a refit; not if something that a fit
        learns of the log as a whole stays.
    """

    minimum_ndcg: ClassVar[float] = 0.0
    tolerance: ClassVar[float] = 1e-5
    updates_are_refits: ClassVar[bool] = True
    _fitted: ClassVar[dict[type, Recommender]] = {}

    def make(self) -> Any:  # the model's own type in a subclass
        """Return a model that is not fitted yet."""
        raise NotImplementedError

    def fit(self, log: Interactions, catalogue: Catalogue) -> Recommender:
        """Return a fresh model, fitted with the kit's seed."""
        model: Recommender = self.make().fit(log, catalogue, rng=np.random.default_rng(7))
        return model

    def fitted(self) -> Recommender:
        """Return the model of this class fitted on the whole generated log; one for all tests."""
        if type(self) not in self._fitted:
            self._fitted[type(self)] = self.fit(*small_log())
        return self._fitted[type(self)]

    def assert_same(self, first: Float32, second: Float32) -> None:
        """Fail unless the scores are equal within the tolerance, with -inf at the same places."""
        np.testing.assert_allclose(first, second, rtol=self.tolerance, atol=self.tolerance)

    def test_has_the_methods_of_a_recommender(self) -> None:
        model = self.make()
        assert isinstance(model, Recommender)
        assert model.name

    def test_learns(self) -> None:
        log, catalogue = small_log()
        cut = cut_time(log.at, 0.2)
        train, future = log.before(cut), log.since(cut)
        queries = train.queries(np.intersect1d(train.user, future.user), now=cut)
        ranking = recommend(self.fit(train, catalogue), queries, 10)
        quality = _ndcg(ranking, queries, future)
        assert quality >= self.minimum_ndcg, f"NDCG@10 is {quality:.4f}, the floor is {self.minimum_ndcg}"

    def test_scores_are_numbers_or_minus_infinity(self) -> None:
        scores = self.fitted().score(_histories())
        assert scores.dtype == np.float32
        assert scores.shape == (len(_histories()), small_log()[0].n_items)
        assert not np.isnan(scores).any()
        assert not np.isposinf(scores).any()

    def test_scores_are_the_callers_to_change(self) -> None:
        model, queries = self.fitted(), _histories()
        before = model.score(queries)
        changed = model.score(queries)
        changed[:] = 0
        np.testing.assert_array_equal(model.score(queries), before)

    def test_given_items_are_columns(self) -> None:
        items = np.array([17, 3, 60], dtype=np.int32)
        model, queries = self.fitted(), _histories()
        self.assert_same(model.score(queries, items), model.score(queries)[:, items])

    def test_the_same_seed_gives_the_same_model(self) -> None:
        first, second = (self.fit(*small_log()).score(_histories()) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_one_query_scores_as_in_a_batch(self) -> None:
        model, queries = self.fitted(), _histories()
        alone = [model.score(queries.slice(row, row + 1)) for row in range(len(queries))]
        self.assert_same(np.concatenate(alone), model.score(queries))

    def test_sparse_scores_are_the_scores(self) -> None:
        model, queries = self._having(Sparse), _histories()
        if not is_sparse(model):
            raise SkipTest(f"{model.name} has a score of its own, and the sparse scores of its base")
        full = model.score(queries)
        sparse = model.sparse_scores(queries, 5, np.full(full.shape[1], True))
        if sparse is None:
            raise SkipTest(f"{model.name} has no sparse scores without an index")
        for query in range(len(queries)):
            items, _ = sparse.listed(query)
            assert (np.diff(items) > 0).all(), f"the items listed for query {query} do not ascend"
        if sparse.exact is None:
            self.assert_same(sparse.dense(full.shape[1]), full)
        else:
            row, items = (place.ravel() for place in np.indices(full.shape))
            self.assert_same(sparse.exact(row, items.astype(np.int32)), full.ravel())

    def test_no_query_is_a_batch(self) -> None:
        model = self.fitted()
        assert model.score(Queries.of([])).shape == (0, small_log()[0].n_items)
        assert recommend(model, Queries.of([]), 3).items.shape == (0, 3)

    def test_the_user_code_of_a_stranger_changes_nothing(self) -> None:
        model, queries = self.fitted(), _histories()
        stranger = replace(queries, user=np.full(len(queries), 10**6, dtype=np.int32))
        self.assert_same(model.score(stranger), model.score(queries))

    def test_empty_and_unknown_histories_are_answered(self) -> None:
        log, _ = small_log()
        newer = [log.n_items + 3, log.n_items]
        queries = Queries.of([[], newer, [4, *newer], [4]], exclude_seen=False)
        scores = self.fitted().score(queries)
        assert not np.isnan(scores).any()
        self.assert_same(scores[1], scores[0])
        assert (np.isfinite(scores[2]) == np.isfinite(scores[3])).all()

    def test_lists_longer_than_the_catalogue_are_padded(self) -> None:
        n_items = small_log()[0].n_items
        ranking = recommend(self.fitted(), _histories(), n_items + 5)
        assert ranking.items.shape[1] == n_items + 5
        assert (ranking.items[:, n_items:] == -1).all()
        for row in ranking.items:
            listed = row[row >= 0]
            assert len(np.unique(listed)) == len(listed)
            assert (row[len(listed) :] == -1).all()

    def test_excluded_items_are_scored_but_never_listed(self) -> None:
        model, queries = self.fitted(), _histories()
        free = replace(queries, exclude_offsets=np.zeros_like(queries.offsets), exclude=queries.item[:0])
        self.assert_same(model.score(queries), model.score(free))
        ranking = recommend(model, queries, 90)
        for row, listed in enumerate(ranking.items):
            excluded = queries.exclude[queries.exclude_offsets[row] : queries.exclude_offsets[row + 1]]
            assert not np.isin(excluded, listed).any()

    def test_the_order_of_the_users_does_not_matter(self) -> None:
        _, catalogue = small_log()
        events = small_events(np.random.default_rng(3))
        renamed = events.with_columns(pl.col(col.USER).str.reverse())  # another order of the user codes
        self._assert_alike(events, renamed, catalogue)

    def test_the_order_of_the_rows_does_not_matter(self) -> None:
        _, catalogue = small_log()
        events = small_events(np.random.default_rng(3))
        self._assert_alike(events, events.sample(fraction=1, shuffle=True, seed=5), catalogue)

    def test_a_snapshot_keeps_everything(self) -> None:
        model = self._having(Persistent)
        spec = json.loads(json.dumps(model.spec(), allow_nan=False))
        arrays = {name: np.array(array) for name, array in model.arrays().items()}
        assert all(array.dtype != object for array in arrays.values())
        again: Any = type(model).restore(spec, arrays, small_log()[1])
        np.testing.assert_array_equal(again.score(_histories()), self.fitted().score(_histories()))
        assert again.spec() == model.spec()
        for name, array in again.arrays().items():
            np.testing.assert_array_equal(array, arrays[name])

    def test_a_larger_catalogue_keeps_old_scores(self) -> None:
        model = self._having(FoldsIn)
        log, catalogue = small_log()
        larger = catalogue.extended(
            small_items(4, log.n_items), small_vectors(np.random.default_rng(1), 4, log.n_items)
        )
        before: Any = self.fitted()
        after: Any = model.extended(larger)
        queries = Queries.of([[], [1, 7], [2, log.n_items + 1], [log.n_items]])
        scores = after.score(queries)
        assert scores.shape == (4, log.n_items + 4)
        assert not np.isnan(scores).any()
        old = slice(0, 2)
        self.assert_same(scores[old, : log.n_items], before.score(queries)[old])
        assert before.score(queries).shape == (4, log.n_items)  # the old model is untouched

    def test_an_update_is_a_refit(self) -> None:
        self._having(Updates)
        log, catalogue = small_log()
        queries = _histories()
        first, second = cut_time(log.at, 0.4), cut_time(log.at, 0.2)
        old: Any = self.fit(log.before(first), catalogue)
        before = old.score(queries)
        newer = old.updated(Later(log.since(first).before(second), log.before(first)))
        newer = newer.updated(Later(log.since(second), log.before(second)))
        if self.updates_are_refits:
            self.assert_same(newer.score(queries), self.fitted().score(queries))
        np.testing.assert_array_equal(old.score(queries), before)  # the old model is untouched
        nothing = newer.updated(Later(log.select(np.zeros(len(log), dtype=bool)), log))
        self.assert_same(nothing.score(queries), newer.score(queries))

    def test_similar_items_are_others_best_first(self) -> None:
        model = self._having(SimilarItems)
        items = np.array([0, 33, 5], dtype=np.int32)
        ranking = model.similar(items, 7)
        assert ranking.items.shape == (3, 7)
        assert not (ranking.items == items[:, None]).any()
        assert (ranking.items[:, 0] >= 0).all()
        assert (np.diff(ranking.scores[np.isfinite(ranking.scores).all(axis=1)]) <= 0).all()

    def test_what_comes_next_are_others_best_first(self) -> None:
        model = self._having(ComesNext)
        items = np.array([0, 33, 5], dtype=np.int32)
        ranking = model.following(items, 7)
        assert ranking.items.shape == (3, 7)
        assert not (ranking.items == items[:, None]).any()
        assert (ranking.items[:, 0] >= 0).all()

    def test_shares_of_the_history_sum_to_one(self) -> None:
        model = self._having(Explains)
        queries = _histories()
        best = top_k(model.score(queries), 1).items[:, 0]
        listed = np.flatnonzero(best >= 0)
        assert len(listed)
        shares = model.explain(queries.take(listed), best[listed])
        row = queries.take(listed).row
        assert shares.shape == row.shape
        assert shares.dtype == np.float32
        np.testing.assert_allclose(np.bincount(row, np.abs(shares)), 1, rtol=1e-4)
        assert (np.bincount(row, shares) > 0).all()  # a best item has more for it than against it

    def _assert_alike(self, first: pl.DataFrame, second: pl.DataFrame, catalogue: Catalogue) -> None:
        logs = (Interactions.from_frame(events, catalogue.items) for events in (first, second))
        scores = [self.fit(log, catalogue).score(_histories()) for log in logs]
        self.assert_same(*scores)

    def _having(self, protocol: Any) -> Any:
        model = self.fitted()
        if not isinstance(model, protocol):
            raise SkipTest(f"{model.name} is not {protocol.__name__}")
        return model


def _histories() -> Queries:
    """Return histories of many lengths without user codes: known users, an empty one, repeats, a dislike."""
    log, _ = small_log()
    known = replace(log.queries(np.arange(0, 150, 7, dtype=np.int32)), user=np.full(22, -1, dtype=np.int32))
    assert len(known) == 22
    histories = np.split(known.item, known.offsets[1:-1])
    weights = np.split(known.weight, known.offsets[1:-1])
    return Queries.of(
        [*(h.tolist() for h in histories), [], [8], [8, 8, 2], [3, 9]],
        weights=[*(w.tolist() for w in weights), [], [1.0], [1.0, 1.0, 2.0], [-1.0, -1.0]],
        now=log.end,
    )


def _ndcg(ranking: Ranking, queries: Queries, future: Interactions) -> float:
    """Return the mean NDCG@10 of the items that each user newly liked."""
    values = []
    for row, user in enumerate(queries.user):
        seen = queries.exclude[queries.exclude_offsets[row] : queries.exclude_offsets[row + 1]]
        chosen = np.setdiff1d(future.item[(future.user == user) & (future.weight > 0)], seen)
        if len(chosen):
            hits = np.isin(ranking.items[row], chosen)
            values.append(ndcg(hits[None], np.array([len(chosen)]), len(hits)))
    return float(np.mean(values))
