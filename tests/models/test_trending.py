import numpy as np
import polars as pl
import pytest

from tacit.core.types import DAY
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.models.trending import Trending
from tacit.testing.conformance import Conformance
from tacit.testing.generated import small_log

ITEMS = Vocabulary(["a", "b", "c", "d"])
RNG = np.random.default_rng(0)


class TestTrending(Conformance):
    minimum_ndcg = 0.02
    updates_are_refits = False

    def make(self) -> Trending:
        return Trending()


class TestPopular(Conformance):
    minimum_ndcg = 0.02

    def make(self) -> Trending:
        return Trending(half_life=float("inf"), name="popular")


def log(rows: list[tuple[str, str, float | None, float]]) -> Interactions:
    frame = pl.DataFrame(
        rows, schema=["user_id", "item_id", "timestamp", "weight"], orient="row", strict=False
    ).with_columns(
        pl.lit("view").alias("event"),
        pl.lit(None, dtype=pl.Int64).alias("seq"),
        pl.col("timestamp").cast(pl.Float64),
    )
    return Interactions.from_frame(frame, ITEMS)


def popularity(model: Trending, interactions: Interactions) -> list[float]:
    fitted = model.fit(interactions, Catalogue.from_frame(None, ITEMS), rng=RNG)
    return [round(float(score), 4) for score in fitted.score(Queries.of([[]]))[0]]


def test_an_event_counts_half_after_a_half_life() -> None:
    rows = [("u", "a", 10 * DAY, 1.0), ("v", "b", 8 * DAY, 1.0), ("v", "c", 6 * DAY, 4.0)]
    assert popularity(Trending(half_life=2.0), log(rows)) == [1.0, 0.5, 1.0, -np.inf]


def test_repeats_of_a_user_are_damped_and_noes_are_not_counted() -> None:
    rows = (
        [("u", "a", DAY, 1.0)] * 20 + [(f"v{n}", "b", DAY, 1.0) for n in range(5)] + [("u", "c", DAY, -1.0)]
    )
    scores = popularity(Trending(half_life=float("inf")), log(rows))
    assert scores == [round(1 + np.log(20), 4), 5.0, -np.inf, -np.inf]


def test_the_default_half_life_is_the_time_of_the_last_tenth() -> None:
    # Events at days 0 to 100, so that the last tenth takes ten days.
    rows = [
        ("u", "a", 0.0, 1.0),
        *[("u", "d", day * DAY, 1.0) for day in range(1, 90)],
        ("v", "b", 90 * DAY, 1.0),
    ]
    rows += [("w", "d", day * DAY, 1.0) for day in range(91, 100)] + [("w", "c", 100 * DAY, 1.0)]
    scores = popularity(Trending(), log(rows))
    assert scores[1] == pytest.approx(0.5)
    assert scores[2] == pytest.approx(1.0)
    scores = popularity(Trending(share=0.05), log(rows))
    assert scores[1] == pytest.approx(0.25, abs=1e-3)  # the last twentieth takes five days


def test_without_timestamps_everything_counts_alike() -> None:
    rows = [("u", "a", None, 1.0), ("v", "a", None, 1.0), ("v", "b", None, 3.0)]
    assert popularity(Trending(half_life=0.001), log(rows))[:2] == [2.0, 3.0]


def test_the_most_popular_tenth_is_popular_and_what_nobody_wanted_is_not() -> None:
    items = Vocabulary([f"i{n:02d}" for n in range(20)])
    rows = [(f"u{user}", f"i{item:02d}", float(user), 1.0) for item in range(4) for user in range(9 - item)]
    frame = pl.DataFrame(
        rows, schema=["user_id", "item_id", "timestamp", "weight"], orient="row"
    ).with_columns(pl.lit("view").alias("event"), pl.lit(None, dtype=pl.Int64).alias("seq"))
    many = Interactions.from_frame(frame, items)
    catalogue = Catalogue.from_frame(None, items)
    requested = np.array([0, 1, 2, 19], dtype=np.int32)
    for half_life, words in ((None, "popular now"), (float("inf"), "popular")):
        model = Trending(half_life=half_life).fit(many, catalogue, rng=RNG)
        assert model.reason_for_all == words
        assert model.puts_forward(Queries.of([[]] * 4), requested).tolist() == [True, True, False, False]
    nothing = Trending().fit(many.select(np.zeros(len(many), dtype=bool)), catalogue, rng=RNG)
    assert not nothing.puts_forward(Queries.of([[]]), requested[:1]).any()


def test_a_log_in_pieces_of_users_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    log, catalogue = small_log()
    whole = Trending().fit(log, catalogue, rng=np.random.default_rng(0)).popularity_
    monkeypatch.setattr("tacit.models.chunks.EVENTS", 40)
    parts = Trending().fit(log, catalogue, rng=np.random.default_rng(0)).popularity_
    np.testing.assert_allclose(parts, whole, rtol=1e-6)
