"""Fits within a time: what is reached with how much of it, and that the end is a fit without a limit."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from tacit.core.seeds import Streams
from tacit.pipeline import costs
from tacit.pipeline.anytime import Step, groups, steps, without_texts
from tacit.pipeline.config import Config
from tacit.pipeline.costs import Size, step_seconds
from tacit.pipeline.firststage import WHOLE, Fits
from tacit.pipeline.twostage import TwoStage
from tacit.testing.generated import small_log

RANKER = {"name": "mlp", "hidden": [8], "epochs": 2, "members": 2}
CONFIG = Config(candidates=30, windows=2, ranker=RANKER)


def seed() -> np.random.Generator:
    return np.random.default_rng(7)


def fits_of(config: Config = CONFIG) -> Fits:
    log, catalogue = small_log()
    return Fits(config, log, catalogue, protocol=None, streams=Streams.of(seed()))


class Ticking:
    """Seconds that are left, some fewer at each look."""

    def __init__(self, seconds: float, a_look: float = 0.0) -> None:
        self.seconds, self.a_look = seconds, a_look

    def __call__(self) -> float:
        self.seconds -= self.a_look
        return self.seconds


def climbed(left: Ticking, config: Config = CONFIG) -> list[Step]:
    return list(steps(config, fits_of(config), seed=seed, left=left))


@cache
def unlimited() -> list[Step]:
    return climbed(Ticking(1e9))


def test_the_last_step_is_the_fit_without_a_limit() -> None:
    log, catalogue = small_log()
    whole = TwoStage(CONFIG).fit(log, catalogue, rng=seed())
    last = unlimited()[-1]
    assert last.complete
    assert last.pipeline.config == CONFIG
    expected, found = whole.recommend(log.queries(), 12), last.pipeline.recommend(log.queries(), 12)
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert last.ndcg == whole.fold_ndcg_


def test_each_step_holds_what_the_one_before_it_held() -> None:
    names = [{one.name for one in step.pipeline.retrievers_} for step in unlimited()]
    assert all(before <= after for before, after in pairwise(names))
    assert len(names) >= 2
    assert [step.complete for step in unlimited()] == [False] * (len(names) - 1) + [True]
    assert all(step.ndcg is not None and 0 <= step.ndcg <= 1 for step in unlimited())


@pytest.mark.parametrize("seconds", [-5.0, 0.0, 1e-6])
def test_one_step_is_made_however_little_time_there_is(seconds: float) -> None:
    (only,) = climbed(Ticking(seconds))
    assert not only.complete
    # Of what costs nearly nothing here, the first; and what is always fitted.
    assert [one.name for one in only.pipeline.retrievers_] == ["popular", "sequential", "sessionknn"]
    log, _ = small_log()
    assert (only.pipeline.recommend(log.queries(), 5).items >= 0).all()


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_where_items_may_be_chosen_again_every_step_knows_who_chose_them(seconds: float) -> None:
    config = replace(CONFIG, repeats=True)
    for step in climbed(Ticking(seconds), config):
        assert "repeats" in {one.name for one in step.pipeline.retrievers_}
        assert [one.name for one in step.pipeline.retrievers_] == [
            one.name for one in step.pipeline.config.retrievers
        ]


def test_steps_end_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tacit.pipeline.anytime._FIRST_SECONDS", 0.0)
    found = climbed(Ticking(30.0, a_look=1.0))
    assert 2 <= len(found) < len(climbed(Ticking(1e9)))
    assert not any(step.complete for step in found)


def nothing() -> None:
    """Show no progress."""


def test_a_retriever_serves_as_fitted_for_the_last_fold_while_time_is_short() -> None:
    fits = fits_of()
    one, last = CONFIG.retrievers[0], [*fits.windows][-1]
    fits.fit([(last, one)], nothing)
    early = fits.first_stage([one], [last], 1_000)
    assert early.retrievers[0] is early.folds[-1].retrievers[0]
    fits.fit([(WHOLE, one)], nothing)
    later = fits.first_stage([one], [last], 1_000)
    assert later.retrievers[0] is not later.folds[-1].retrievers[0]


def test_a_retriever_is_fitted_once_on_a_log() -> None:
    fits = fits_of()
    one, last = CONFIG.retrievers[0], [*fits.windows][-1]
    fits.fit([(last, one)], nothing)
    first = fits.first_stage([one], [last], 100).retrievers[0]
    fits.fit([(last, one)], nothing)
    assert fits.first_stage([one], [last], 100).retrievers[0] is first


def test_a_dear_retriever_learns_fewer_items_where_it_would_not_end_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tacit.pipeline.costs._LEAST_ITEMS", 10)
    slow = dict(costs._SECONDS) | {"sequential": lambda size, most: float(min(size.items, most))}
    monkeypatch.setattr("tacit.pipeline.costs._SECONDS", slow)
    config = replace(CONFIG, retrievers=("popular", "sequential"), ranker=None)
    fits = fits_of(config)
    few = next(
        step
        for step in steps(config, fits, seed=seed, left=Ticking(60.0))
        if len(step.pipeline.retrievers_) == 2
    )
    small = few.pipeline.retrievers_[1]
    assert 10 <= small.max_items < 60 / 1.25 < fits.interactions.n_items  # type: ignore[attr-defined]
    assert few.what == f"popular, sequential of {small.max_items} items"  # type: ignore[attr-defined]
    # It is no fit of the configuration: where there is time, the whole is made.
    *_, last = steps(config, fits, seed=seed, left=Ticking(1e9))
    assert last.complete
    *_, whole = climbed(Ticking(1e9), config)
    scores = [one.pipeline.recommend(fits.interactions.queries(), 10).scores for one in (last, whole, few)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert (scores[2] != scores[1]).any()


def test_groups_grow_with_what_was_spent_and_hold_everything_once() -> None:
    size = Size(events=1_000_000, users=6_000, items=4_000)
    found = groups(CONFIG.retrievers, size, ordered=True)
    assert sorted(one.name for group in found for one in group) == sorted(r.name for r in CONFIG.retrievers)
    spent = [sum(step_seconds(one, size) for one in group) for group in found]
    for place, group in enumerate(found[1:], start=1):
        assert len(group) == 1 or spent[place] <= max(sum(spent[:place]), 3.5)
    assert [one.name for one in found[0]] == ["sessionknn", "popular", "sequential", "content", "userknn"]
    assert "sequential" not in [one.name for one in groups(CONFIG.retrievers, size, ordered=False)[0]]


def test_without_texts_nothing_that_reads_texts_is_left_and_the_rest_is_kept_for_later() -> None:
    textless = without_texts(replace(CONFIG, similar={"content": 2.0, "ease": 1.0}))
    assert textless is not None
    assert textless.encoder == "none"
    assert "content" not in {one.name for one in textless.retrievers}
    assert dict(textless.similar) == {"ease": 1.0}
    assert without_texts(Config(retrievers=["content"])) is None
    log, catalogue = small_log()
    bare = replace(catalogue, vectors=None)
    fits = Fits(textless, log, bare, protocol=None, streams=Streams.of(seed()))
    list(steps(textless, fits, seed=seed, left=Ticking(1e9)))
    again = list(steps(CONFIG, fits.with_texts(CONFIG, catalogue), seed=seed, left=Ticking(1e9)))
    assert again[-1].complete
    assert "content" in {one.name for one in again[-1].pipeline.retrievers_}
    expected = unlimited()[-1].pipeline.recommend(log.queries(), 10)
    np.testing.assert_array_equal(again[-1].pipeline.recommend(log.queries(), 10).items, expected.items)


def test_a_log_without_a_fold_is_fitted_whole_at_once() -> None:
    log, catalogue = small_log()
    kept = np.zeros(len(log), dtype=bool)
    kept[np.unique(log.user, return_index=True)[1]] = True
    lone = replace(log.select(kept), at=np.zeros(kept.sum()), timing="none")
    fits = Fits(CONFIG, lone, catalogue, protocol=None, streams=Streams.of(seed()))
    assert not fits.windows
    (only,) = steps(CONFIG, fits, seed=seed, left=Ticking(0.0))
    assert only.complete
    assert only.ndcg is None
