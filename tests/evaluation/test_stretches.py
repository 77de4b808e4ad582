"""Rolling origins of a log: where the stretches begin, and what their models may know."""

import numpy as np
import polars as pl
import pytest
from tests.evaluation.tinylog import frame

from tacit.core.errors import ConfigError, DataError, UnsupportedError
from tacit.evaluation.split import Split, make_split
from tacit.evaluation.stretches import check_origins, origin_moments, origin_splits, stretch_share


def log(users: int = 20, each: int = 10) -> pl.DataFrame:
    """Each user takes another item a day, at a moment of the day that is the user's own."""
    rows = [
        (f"u{user}", f"i{(user + day) % 15}", day * 100.0 + user)
        for day in range(each)
        for user in range(users)
    ]
    return frame(rows)


def stretches(events: pl.DataFrame, origins: int, share: float = 0.1) -> list[Split]:
    return list(origin_splits(events, origins=origins, share=share))


@pytest.mark.parametrize(("origins", "share"), [(2, 0.1), (5, 0.1), (10, 0.05), (50, 0.01)])
def test_stretches_are_as_long_as_a_test_unless_half_of_the_log_must_be_left(
    origins: int, share: float
) -> None:
    assert stretch_share(0.1, origins) == share


def test_stretches_are_the_last_of_the_log_one_after_the_other() -> None:
    events = log()
    cuts = stretches(events, 4)
    at = events["timestamp"].to_numpy()
    assert (
        [len(one.train) for one in cuts]
        == [int((at < one.cut).sum()) for one in cuts]
        == [120, 140, 160, 180]
    )
    assert [one.test_events for one in cuts] == [20] * 4
    for one in cuts:
        assert one.train.at.max() < one.cut
        assert (one.queries.now == one.cut).all()
        assert one.user_ids.to_list() == sorted(one.user_ids)


def test_the_last_stretch_is_the_usual_test() -> None:
    last, usual = stretches(log(), 3)[-1], make_split(log(), share=0.1)
    assert (last.cut, last.test_events) == (usual.cut, usual.test_events)
    np.testing.assert_array_equal(last.targets, usual.targets)
    np.testing.assert_array_equal(last.train.item, usual.train.item)
    assert last.user_ids.equals(usual.user_ids)


@pytest.mark.parametrize("candidates", ["catalogue", "log"])
def test_what_lies_after_a_stretch_changes_nothing_of_it(candidates: str) -> None:
    events = log()
    known = list(origin_splits(events, origins=4, share=0.1, candidates=candidates))
    start = known[2].cut
    assert start is not None
    later = pl.col("timestamp") >= start
    altered = events.with_columns(
        item_id=pl.when(later).then(pl.lit("new ") + pl.col("item_id")).otherwise(pl.col("item_id")),
        event=pl.when(later).then(pl.lit("purchase")).otherwise(pl.col("event")),
        value=pl.when(later).then(5.0).otherwise(pl.col("value")),
    )
    others = list(origin_splits(altered, origins=4, share=0.1, candidates=candidates))
    for one, other in zip(known[:2], others, strict=False):
        assert one.catalogue.items == other.catalogue.items
        for name in ("user", "item", "weight", "at"):
            np.testing.assert_array_equal(getattr(one.train, name), getattr(other.train, name))
        np.testing.assert_array_equal(one.targets, other.targets)
        np.testing.assert_array_equal(one.queries.item, other.queries.item)
    np.testing.assert_array_equal(
        known[2].train.weight, others[2].train.weight
    )  # the cut itself: the test alone
    assert others[2].targets.tolist() != known[2].targets.tolist()


@pytest.mark.parametrize("timing", ["order", "none"])
def test_a_log_without_times_is_refused(timing: str) -> None:
    events = frame([(f"u{n % 5}", f"i{n}", n) for n in range(50)], timing=timing)
    with pytest.raises(UnsupportedError, match="leave out --origins"):
        stretches(events, 3)


def test_more_stretches_than_moments_are_refused() -> None:
    events = frame([(f"u{n}", f"i{n % 7}", float(n // 25)) for n in range(100)])
    with pytest.raises(
        UnsupportedError, match=r"too many carry one time; (give fewer to|leave out) --origins"
    ):
        stretches(events, 8)
    with pytest.raises(UnsupportedError, match="every event carries the same time"):
        origin_moments(np.zeros(10), 2, 0.1)


def test_a_stretch_with_nothing_to_predict_is_named() -> None:
    rows = [
        ("a", "x", 1.0),
        ("b", "y", 2.0),
        *(("a", "x", 3.0 + n) for n in range(16)),
        ("b", "x", 30.0),
        ("a", "y", 31.0),
    ]
    with pytest.raises(DataError, match=r"stretch 1 of 3 cannot be predicted .*; give fewer to --origins"):
        stretches(frame(rows), 3)


@pytest.mark.parametrize("origins", [-1, 0, 1, 51])
def test_a_number_of_origins_that_nobody_can_use_is_refused(origins: int) -> None:
    with pytest.raises(ConfigError, match="between 2 and 50"):
        check_origins(origins)
