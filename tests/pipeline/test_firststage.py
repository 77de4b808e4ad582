"""The first stage: retrievers on the whole log and on the stretches before each fold."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.pipeline.toys import CONFIG, fit_fold, window
from threadpoolctl import threadpool_limits

from tacit.core.executor import LOCAL, Executor, LocalExecutor
from tacit.core.progress import SILENT, Silent
from tacit.core.seeds import Streams
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.splits import Protocol
from tacit.encoders.projection import Projection
from tacit.features.candidates import Candidates
from tacit.models.protocol import fitted
from tacit.models.trending import Trending
from tacit.pipeline import firststage
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import TEST, TRAIN, VALID, FirstStage, assign_parts, fit_first_stage
from tacit.testing.generated import small_log


def first_of(
    config: Config = CONFIG,
    *,
    protocol: Protocol | None = None,
    log: Interactions | None = None,
    catalogue: Catalogue | None = None,
    seed: int = 0,
) -> FirstStage:
    whole, items = small_log()
    return fit_first_stage(
        config,
        log or whole,
        catalogue or items,
        protocol=protocol,
        streams=Streams(seed),
        progress=SILENT,
    )


def of(config: Config, **more: object) -> Config:
    """Return the configuration with other values."""
    return replace(config, **more)  # type: ignore[arg-type]


def test_a_user_is_in_one_part_in_all_windows_and_the_shares_are_right() -> None:
    assigned = assign_parts(20_000, np.random.default_rng(0))
    assert [round(float((assigned == part).mean()), 2) for part in (TRAIN, VALID, TEST)] == [0.7, 0.2, 0.1]
    np.testing.assert_array_equal(assigned, assign_parts(20_000, np.random.default_rng(0)))
    first = first_of()
    assert len(first.folds) == 3
    for fold in first.folds:
        np.testing.assert_array_equal(fold.part, first.part[fold.window.queries.user])


def test_retrievers_of_a_fold_know_the_events_before_it_and_those_that_serve_know_all() -> None:
    log, catalogue = small_log()
    first = first_of()
    ends = [fold.window.train.end for fold in first.folds]
    assert ends == sorted(ends)
    assert ends[-1] < log.end
    every = log.queries(np.arange(log.n_users, dtype=np.int32))
    for interactions, retrievers in [
        *((fold.window.train, fold.retrievers) for fold in first.folds),
        (log, first.retrievers),
    ]:
        (trending, content) = retrievers
        again = type(trending)().fit(interactions, catalogue, rng=np.random.default_rng(0))
        np.testing.assert_array_equal(trending.score(every), again.score(every))
        assert [trending.name, content.name] == ["trending", "content"]


def test_candidates_are_labelled_by_what_was_chosen_later() -> None:
    # Of three candidates of each retriever many choices are missed; they count all the same.
    for fold in first_of(of(CONFIG, candidates=3)).folds:
        assert 0 < fold.labelled.labels.sum() < fold.labelled.totals.sum()
        found, window = fold.labelled.candidates, fold.window
        np.testing.assert_array_equal(fold.labelled.labels, window.labels(found.items))
        np.testing.assert_array_equal(fold.labelled.totals, np.diff(window.target_offsets))
        assert found.retrievers == ("trending", "content")
        assert isinstance(found, Candidates)


def test_the_configuration_is_not_fitted_and_can_be_fitted_again() -> None:
    log, _ = small_log()
    own = Config(retrievers={"trending": {}, "content": {}}, ranker=None)
    first, again = first_of(own), first_of(own)
    every = log.queries(np.arange(5, dtype=np.int32))
    for one, other, unfitted in zip(first.retrievers, again.retrievers, own.retrievers, strict=True):
        np.testing.assert_array_equal(one.score(every), other.score(every))
        assert one is not unfitted
    assert len({id(fold.retrievers[0]) for fold in first.folds}) == len(first.folds)


def test_the_cut_is_the_strictest_that_the_log_supports_unless_another_is_named() -> None:
    log, _ = small_log()
    assert first_of().protocol == "time"
    assert first_of(log=replace(log, timing="order")).protocol == "leave-one-out"
    assert first_of(log=replace(log, timing="none")).protocol == "random"
    named = first_of(protocol="leave-one-out")
    assert named.protocol == "leave-one-out"
    for fold in named.folds:
        assert len(set(fold.window.queries.user.tolist())) == len(fold.window.queries)


def test_count_share_and_repeats_of_the_windows_are_those_of_the_configuration() -> None:
    log, _ = small_log()
    sizes = {
        (windows, share): [
            len(fold.window.train) for fold in first_of(of(CONFIG, windows=windows, share=share)).folds
        ]
        for windows, share in ((1, 0.2), (2, 0.2), (2, 0.1))
    }
    n = len(log)
    assert sizes[1, 0.2] == [pytest.approx(0.8 * n, abs=2)]
    assert sizes[2, 0.2] == [pytest.approx(0.6 * n, abs=2), pytest.approx(0.8 * n, abs=2)]
    assert sizes[2, 0.1] == [pytest.approx(0.8 * n, abs=2), pytest.approx(0.9 * n, abs=2)]
    (plain,) = first_of(of(CONFIG, windows=1)).folds
    (repeated,) = first_of(of(CONFIG, windows=1, repeats=True)).folds
    assert len(repeated.window.targets) > len(plain.window.targets)
    assert not len(repeated.window.queries.exclude)


def test_a_fold_has_at_most_so_many_queries_and_as_many_candidates_as_configured() -> None:
    part = np.zeros(small_log()[0].n_users, dtype=int)
    everyone = fit_fold(of(CONFIG, candidates=5), part)
    some = fit_fold(of(CONFIG, candidates=5, max_users=7), part)
    assert len(everyone.part) == len(window().queries) > 7 == len(some.part)
    assert len(some.labelled.labels) == 7
    assert set(some.window.queries.user.tolist()) <= set(window().queries.user.tolist())
    assert 5 <= everyone.labelled.candidates.items.shape[1] <= 10  # the union of five each


def test_items_that_are_not_available_are_no_candidates() -> None:
    log, catalogue = small_log()
    gone = np.arange(len(catalogue)) % 2 == 1
    for fold in first_of(catalogue=replace(catalogue, available=~gone), log=log).folds:
        items = fold.labelled.candidates.items
        assert not gone[items[items >= 0]].any()


def test_folds_come_from_some_users_of_a_long_log_and_what_serves_from_all() -> None:
    log, _ = small_log()
    first = first_of(of(CONFIG, max_events=len(log) // 3))
    assert all(len(fold.window.train) < len(log) // 2 for fold in first.folds)
    every = log.queries(np.arange(log.n_users, dtype=np.int32))
    np.testing.assert_array_equal(first.retrievers[0].score(every), first_of().retrievers[0].score(every))


def test_features_mean_the_same_in_all_folds() -> None:
    # The projection is that of the items with events before the earliest fold.
    log, catalogue = small_log()
    late = log.select((log.item % 2 == 0) | (log.at > np.quantile(log.at, 0.75)))
    first = first_of(log=late)
    seen = np.unique(first.folds[0].window.train.item)
    assert len(seen) < len(np.unique(first.folds[1].window.train.item)) <= len(np.unique(late.item))
    assert first.projection is not None
    assert catalogue.vectors is not None
    again = Projection(dimension=first.projection.dimension, mode="pca")
    again.fit(catalogue.vectors[seen], centred=catalogue.centred)
    np.testing.assert_allclose(
        first.projection.transform(catalogue.vectors), again.transform(catalogue.vectors), atol=1e-5
    )
    assert first_of(catalogue=replace(catalogue, vectors=None)).projection is None


def test_a_log_that_cannot_be_cut_has_no_fold_and_retrievers_all_the_same() -> None:
    log, _ = small_log()
    one = log.select(np.arange(len(log)) == 0)
    first = first_of(log=one)
    assert first.folds == ()
    assert [each.name for each in first.retrievers] == ["trending", "content"]


class Counted(Silent):
    """Progress that keeps what was announced and what was done."""

    def __init__(self) -> None:
        self.total: float | None = 0
        self.done = 0

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator["Counted"]:
        self.total = total
        yield self

    def advance(self, amount: float = 1) -> None:
        self.done += int(amount)


def test_progress_counts_the_retrievers_of_all_folds_and_those_that_serve() -> None:
    log, catalogue = small_log()
    progress = Counted()
    fit_first_stage(CONFIG, log, catalogue, protocol=None, streams=Streams(0), progress=progress)
    assert progress.done == progress.total == 2 * (3 + 1)


ALL = Config(ranker=None, windows=2)
"""The usual retrievers."""


def arrays_of(first: FirstStage) -> dict[str, np.ndarray]:
    """Every array of a first stage, by a name."""
    found = {}
    for place, fold in enumerate(first.folds):
        candidates = fold.labelled.candidates
        found |= {f"{place} items": candidates.items, f"{place} scores": candidates.scores}
    groups = [first.retrievers, *(fold.retrievers for fold in first.folds)]
    for place, group in enumerate(groups):
        for one in group:
            found |= {f"{place} {one.name} {name}": array for name, array in one.arrays().items()}  # type: ignore[attr-defined]
    return found


@cache
def one_by_one() -> FirstStage:
    with threadpool_limits(1, user_api="blas"):  # as in each thread of an executor
        return fitted_by(LOCAL)


def fitted_by(executor: Executor | None) -> FirstStage:
    log, items = small_log()
    return fit_first_stage(
        ALL, log, items, protocol=None, streams=Streams(0), progress=SILENT, executor=executor
    )


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_threads_find_the_same_to_the_last_bit(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firststage, "batch_size", lambda width: 16)  # several ranges of queries
    expected, found = arrays_of(one_by_one()), arrays_of(fitted_by(LocalExecutor(workers)))
    assert expected.keys() == found.keys() and len(found) > 20
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_large_logs_are_fitted_by_one_retriever_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[str] = set()

    def note(*given: object, **more: object) -> object:
        threads.add(threading.current_thread().name)
        return fitted(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(firststage, "fitted", note)
    monkeypatch.setattr(firststage, "in_threads", lambda: LocalExecutor(2))
    fitted_by(None)
    assert len(threads) == 2 and threading.current_thread().name not in threads
    threads.clear()
    monkeypatch.setattr(firststage, "_SIDE_BY_SIDE", len(small_log()[0]) - 1)
    fitted_by(None)
    assert threads == {threading.current_thread().name}


class Foreign(Trending):
    """A retriever of somebody else: whether it may share a process with others is not known."""

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> "Foreign":
        assert threading.current_thread() is threading.main_thread()
        return super().fit(interactions, catalogue, rng=rng)  # type: ignore[return-value]


def test_retrievers_of_others_are_fitted_alone_and_stay_in_their_place() -> None:
    config = replace(CONFIG, retrievers=(Foreign(name="foreign"), *CONFIG.retrievers))
    log, items = small_log()
    first = fit_first_stage(
        config,
        log,
        items,
        protocol=None,
        streams=Streams(0),
        progress=SILENT,
        executor=LocalExecutor(2),
    )
    assert [one.name for one in first.retrievers] == [one.name for one in config.retrievers]
