"""Reasons, by hand and over a small shop."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given as any_given
from hypothesis import strategies as st
from tests.models.small import fitted
from tests.served import small_snapshot

from tacit.core.types import Bool, Float32, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.data.vocabulary import Vocabulary
from tacit.models.content import Content
from tacit.models.repeats import Repeats
from tacit.models.trending import Trending
from tacit.pipeline import register
from tacit.pipeline.config import Config
from tacit.pipeline.explain import (
    NOT_PERSONAL,
    PERSONAL,
    Explainer,
    Reason,
    is_personal,
    nameable,
    reasons,
)
from tacit.pipeline.twostage import TwoStage
from tacit.testing.generated import small_log

NO = -np.inf


class Silent:
    """Scores, and tells of nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(self, interactions: Any, catalogue: Any, *, rng: Any) -> "Silent":
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        return np.zeros((len(queries), 100), dtype=np.float32)


class Popular(Silent):
    """Puts some items forward."""

    def __init__(self, name: str, items: set[int], words: str) -> None:
        super().__init__(name)
        self.items = items
        self.reason_for_all = words

    def puts_forward(self, queries: Queries, items: Int32) -> Bool:
        return np.array([item in self.items for item in items.tolist()], dtype=bool)


class Telling(Silent):
    """An event on item h speaks for item i by ``table[h, i]``."""

    def __init__(self, name: str, table: dict[tuple[int, int], float]) -> None:
        super().__init__(name)
        self.table = table

    def explain(self, queries: Queries, items: Int32) -> Float32:
        pairs = zip(queries.item.tolist(), items[queries.row].tolist(), strict=True)
        return np.array([self.table.get(pair, 0.0) for pair in pairs], dtype=np.float32)

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        columns = np.arange(100, dtype=np.int32) if items is None else items
        columns_of = [self.explain(queries, np.full(len(queries), item, np.int32)) for item in columns]
        sums = [np.bincount(queries.row, parts, minlength=len(queries)) for parts in columns_of]
        return np.array(sums, dtype=np.float32).reshape(len(columns), len(queries)).T


class Wordy(Telling):
    because = "as soft as"


def ranking(*rows: list[int]) -> Ranking:
    items = np.array(rows, dtype=np.int32)
    return Ranking(items, np.where(items < 0, NO, 0).astype(np.float32))


def weights(*rows: list[float]) -> Float32:
    return np.array(rows, dtype=np.float32)


def test_the_event_that_speaks_loudest_is_the_reason() -> None:
    one = Telling("any name", {(1, 7): 0.2, (2, 7): 0.8, (1, 8): 0.6, (3, 8): -0.4, (3, 7): 0.7})
    given = reasons([one], Queries.of([[1, 2, 3], [3, 1]]), ranking([7, 8], [8, 7]))
    assert given == [
        [[Reason("any name", 2)], [Reason("any name", 1)]],
        [[Reason("any name", 1)], [Reason("any name", 3)]],
    ]


def test_what_speaks_against_is_no_reason() -> None:
    one = Telling("ease", {(1, 7): -1.0})
    assert reasons([one], Queries.of([[1, 2]]), ranking([7, 8])) == [[[], []]]


def test_an_event_that_holds_little_of_the_score_is_no_reason() -> None:
    history = list(range(20))
    one = Telling("ease", {(1, 70): 0.09, (1, 71): 0.11, (1, 72): 0.06})
    assert reasons([one], Queries.of([history]), ranking([70, 71])) == [[[], [Reason("ease", 1)]]]
    of_two = Telling("ease", {(1, 70): 0.4, (1, 71): 0.5})
    assert reasons([of_two], Queries.of([[1, 2]]), ranking([70, 71])) == [[[], [Reason("ease", 1)]]]
    # Two events on one item are one reason, with the share of both.
    assert reasons([one], Queries.of([[*history, 1]]), ranking([72, 73])) == [[[Reason("ease", 1)], []]]


def test_the_loudest_in_the_blend_is_heard_first() -> None:
    one = Telling("one", {(1, 7): 1.0, (1, 8): 1.0})
    other = Telling("other", {(1, 7): 1.0})
    queries = Queries.of([[1], [1]])
    given = reasons([one, other], queries, ranking([7, 8], [7, 8]), weights([0.3, 0.2], [0.2, 0.3]))
    assert given == [
        [[Reason("one", 1)], [Reason("one", 1)]],
        [[Reason("other", 1)], [Reason("one", 1)]],
    ]


def test_who_counts_for_nothing_in_the_blend_gives_no_reason() -> None:
    one = Telling("ease", {(1, 7): 1.0})
    trending = Popular("trending", {7}, "popular now")
    queries = Queries.of([[1]])
    assert reasons([one, trending], queries, ranking([7]), weights([0.001, 0.001])) == [[[]]]
    assert reasons([one, trending], queries, ranking([7]), weights([-0.2, 0.1])) == [
        [[Reason("trending", -1, "popular now")]]
    ]


class Averaging(Telling):
    """What is said of an item is the mean over the history: an event may add to it and yet hold it back."""

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        return super().score(queries, items) / np.maximum(queries.lengths, 1)[:, None]


def test_an_event_without_which_the_item_would_be_higher_is_no_reason() -> None:
    one = Averaging("mean", {(1, 7): 0.5, (2, 7): 0.5, (1, 8): 0.6, (2, 8): 0.4})
    assert reasons([one], Queries.of([[1, 2]]), ranking([7, 8])) == [[[], [Reason("mean", 1)]]]


def test_a_retriever_may_say_it_in_its_own_words() -> None:
    one = Wordy("wool", {(1, 7): 1.0})
    assert reasons([one], Queries.of([[1]]), ranking([7])) == [[[Reason("wool", 1, "as soft as")]]]
    assert Content.because == "similar in text to"


def test_what_somebody_chose_before_is_its_own_reason() -> None:
    ease = Telling("ease", {(2, 1): 1.0, (1, 7): 1.0})
    repeats = fitted(Repeats(), np.eye(9))
    queries = Queries.of([[1, 2]], exclude_seen=False)
    given = reasons([ease, repeats], queries, ranking([1, 7]), weights([0.2, 0.3]))
    assert given == [[[Reason("repeats", 1)], [Reason("ease", 1)]]]


def test_what_is_said_to_everybody_stands_beside_the_event_each_thing_once() -> None:
    now, ever = Popular("now", {6, 7}, "popular"), Popular("ever", {6, 8}, "popular")
    rule = Popular("some rule", {7}, "picked by a rule")
    ease = Telling("ease", {(0, 6): 1.0})
    queries = Queries.of([[0], []])
    lists = ranking([6, 7, 8], [7, 9, -1])
    given = reasons(
        [now, ever, ease, rule], queries, lists, weights([0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0, 0.1])
    )
    popular, other, picked = (
        Reason("now", -1, "popular"),
        Reason("ever", -1, "popular"),
        Reason("some rule", -1, "picked by a rule"),
    )
    assert given == [[[Reason("ease", 0), other], [picked, popular], [other]], [[popular, picked], [], []]]


class Rising(Popular):
    """Has another reason for one item."""

    def reasons_for_all(self, items: Int32) -> list[str]:
        return ["rising this week" if item == 7 else self.reason_for_all for item in items.tolist()]


def test_an_item_may_have_a_reason_of_its_own_for_all() -> None:
    forecast, trending = Rising("forecast", {6, 7}, "popular now"), Popular("trending", {7, 8}, "popular now")
    given = reasons([forecast, trending], Queries.of([[]]), ranking([6, 7, 8]), weights([0.3, 0.2]))
    now = Reason("forecast", -1, "popular now")
    assert given == [
        [
            [now],
            [Reason("forecast", -1, "rising this week"), Reason("trending", -1, "popular now")],
            [Reason("trending", -1, "popular now")],
        ]
    ]


def test_free_places_and_empty_histories_have_no_reasons() -> None:
    ease = Telling("ease", {(1, 7): 1.0})
    given = reasons([ease], Queries.of([[1], [], [1]]), ranking([7, -1], [7, -1], [-1, -1]))
    assert given == [[[Reason("ease", 1)], []], [[], []], [[], []]]
    assert reasons([ease], Queries.of([]), Ranking(np.empty((0, 3), np.int32), np.empty((0, 3)))) == []


def test_where_nothing_was_learned_the_list_says_so() -> None:
    ease, trending = Telling("ease", {(1, 7): 1.0}), Popular("trending", {7}, "popular now")
    given = reasons([ease, trending], Queries.of([[1]]), ranking([7, 8, -1]), personal=False)
    said = Reason("blend", -1, NOT_PERSONAL)
    assert given == [[[said, Reason("trending", -1, "popular now")], [said], []]]


def test_a_blend_is_personal_where_who_looks_at_histories_counts() -> None:
    models = [Trending(), Silent("own"), Silent("another")]
    assert is_personal(models, weights([0.9, 0.0, -0.5], [0.5, PERSONAL, -0.5]))
    assert not is_personal(models, weights([0.9, 0.07, 0.07], [0.9, 0.001, 0.001]))
    assert is_personal(models[:1], weights([0.5]))  # nobody looks at histories, so nothing was to be learned


def test_where_everybody_chooses_at_random_no_event_is_a_reason() -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "user_id": [f"u{user}" for user in rng.integers(0, 200, 3_000)],
            "item_id": [f"i{item}" for item in rng.integers(0, 100, 3_000)],
            "event": ["click"] * 3_000,
            "timestamp": rng.uniform(1.7e9, 1.71e9, 3_000),
            "seq": [None] * 3_000,
        },
        schema_overrides={"seq": pl.Int64},
    )
    items = Vocabulary.of(frame["item_id"])
    log, catalogue = Interactions.from_frame(frame, items), Catalogue.from_frame(None, items)
    config = Config(retrievers=["trending", "itemknn", "ease", "sequential"], ranker=None)
    model = TwoStage(config).fit(log, catalogue, rng=rng)
    assert not model.personal
    queries = log.queries(range(50))
    given = model.reasons(queries, model.recommend(queries, 5))
    assert all(said[0] == Reason("blend", -1, NOT_PERSONAL) for row in given for said in row)
    assert all(reason.because < 0 for row in given for said in row for reason in said)
    assert small_snapshot().pipeline.personal


@pytest.mark.parametrize(
    ("items", "given", "kinds", "expected"),
    [
        ([1, 2, 3], [1.0, 0.9, 0.8], [0, 0, 0], [True, True, False]),  # below the mean of the ratings
        ([1, 2], [0.8, 0.8], [0, 0], [True, True]),
        ([1, 2, 3], [1.0, 1.0, 0.8], [0, 0, 1], [True, True, True]),  # each kind has its own mean
        ([1, 1, 2], [1.0, 1.0, -1.0], [0, 1, 1], [True, True, False]),  # a no
        ([1, 1, 2], [1.0, -1.0, 1.0], [0, 1, 0], [False, False, True]),  # a no to something chosen
        ([1, 1, 2, 3], [1.0, 0.5, 1.0, 1.0], [0, 0, 0, 0], [True] * 4),  # a repetition weighs less
        ([1, 1, 2, 3], [0.8, 1.0, 1.0, 0.9], [0, 1, 0, 0], [False, False, True, True]),
    ],
)
def test_an_event_may_be_named_unless_it_is_disliked(
    items: list[int], given: list[float], kinds: list[int], expected: list[bool]
) -> None:
    queries = Queries.of([[], items, [1]], weights=[[], given, [0.1]])
    queries.kind[:-1] = kinds
    assert nameable(queries).tolist() == [*expected, True]


def test_of_no_event_none_may_be_named() -> None:
    assert nameable(Queries.of([[]])).tolist() == []


def test_a_disliked_event_is_skipped_for_the_next() -> None:
    one = Telling("ease", {(1, 7): 0.6, (2, 7): 0.4})
    queries = Queries.of([[2, 1]], weights=[[1.0, -1.0]])
    assert reasons([one], queries, ranking([7, 8])) == [[[], []]]  # .4 is less than its part of two
    louder = Telling("ease", {(1, 7): 0.5, (2, 7): 0.5})
    assert reasons([louder], queries, ranking([7])) == [[[Reason("ease", 2)]]]


def test_without_the_event_that_a_reason_names_the_item_loses() -> None:
    snapshot = small_snapshot()
    model, log = snapshot.pipeline, snapshot.interactions
    by_name = {one.name: one for one in model.retrievers_}
    queries = log.queries()
    lists = model.recommend(queries, 10)
    checked = 0
    for row, given in enumerate(model.reasons(queries, lists)):
        own = queries.take(np.array([row]))
        for item, said in zip(lists.items[row], given, strict=True):
            for reason in said:
                if reason.because < 0:
                    continue
                without = own.keep(own.item != reason.because)
                scorer, requested = by_name[reason.source], np.array([item], dtype=np.int32)
                assert scorer.score(without, requested)[0, 0] < scorer.score(own, requested)[0, 0]
                checked += 1
    assert checked > 100


def test_no_reason_is_given_by_a_text_that_is_not_there() -> None:
    log, catalogue = small_log()
    catalogue.has_text[::2] = False
    model = Content().fit(log, catalogue, rng=np.random.default_rng(0))
    queries = log.queries()
    lists = Ranking(np.tile(np.arange(20, dtype=np.int32), (len(queries), 1)), np.zeros((len(queries), 20)))
    named = [
        (place, reason.because)
        for given in reasons([model], queries, lists)
        for place, said in enumerate(given)
        for reason in said
    ]
    assert len(named) > 20
    assert all(item % 2 == 1 and because % 2 == 1 for item, because in named)


class ByScores:
    """A model that has nothing but ``score`` and ``explain``: it is asked the slow way."""

    def __init__(self, model: Any) -> None:
        self.model, self.name = model, model.name
        self.explain, self.score, self.extended = model.explain, model.score, model.extended

    def fit(self, interactions: Any, catalogue: Any, *, rng: Any) -> "ByScores":
        return self


class ByScoresInWords(ByScores):
    because = Content.because


def edge_histories() -> Queries:
    rng = np.random.default_rng(4)
    items = [rng.integers(0, 90, length).tolist() for length in (0, 1, 2, 20, 300)] + [[5] * 6, [1, 2, 1, 2]]
    weights = [rng.choice([1.0, 0.9, 0.8, -1.0], len(history)).tolist() for history in items]
    weights[5] = [1.0] * 6
    return Queries.of(items, weights=weights)


@pytest.mark.parametrize("ordered", [True, False])
def test_by_look_up_the_reasons_are_those_of_scoring_everything_again(ordered: bool) -> None:
    log, catalogue = small_log()
    names = ("itemknn", "ease", "slim", "sequential", "content", "repeats")
    models = [register.create("retriever", name) for name in names]
    models = [one.fit(log, catalogue, rng=np.random.default_rng(0)) for one in models]
    slow = [ByScoresInWords(one) if one.name == "content" else ByScores(one) for one in models]
    drawn = edge_histories()
    queries = Queries.joined([log.queries(range(60), exclude_seen=False), drawn])
    queries = replace(queries, ordered=ordered)
    rng = np.random.default_rng(2)
    lists = ranking(*(rng.permutation(90)[:10].tolist() for _ in range(len(queries))))
    named = 0
    for _ in range(3):
        shares = rng.dirichlet(np.ones(6), len(queries)).astype(np.float32)
        found = reasons(models, queries, lists, shares)
        assert found == reasons(slow, queries, lists, shares)  # type: ignore[arg-type]
        named += sum(reason.because >= 0 for row in found for said in row for reason in said)
    assert named > 500


class Refitted(Trending):
    """A model derived from one of Tacit's own, with an opinion of its own."""

    def puts_forward(self, queries: Queries, items: Int32) -> Bool:
        return np.asarray(items == 3)


class Contrary(Repeats):
    """A model whose scores are not those of its base."""

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        scores = super().score(queries, items)
        return np.where(np.isfinite(scores), -scores, np.float32(0))


def test_what_a_base_says_of_itself_does_not_hold_for_a_derived_model() -> None:
    derived = fitted(Refitted(), np.eye(9))
    given = Explainer([derived], 9, 9).reasons(Queries.of([[1]]), ranking([3, 4]))
    assert [[reason.words for reason in said] for said in given[0]] == [["popular now"], []]
    queries = Queries.of([[1, 1, 2]], exclude_seen=False)
    assert reasons([fitted(Repeats(), np.eye(9))], queries, ranking([1])) == [[[Reason("repeats", 1)]]]
    assert reasons([fitted(Contrary(), np.eye(9))], queries, ranking([1])) == [[[]]]


@any_given(
    events=st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 4), st.integers(-1, 2), st.sampled_from([1, 0.9, 0.5, -1])
        ),
        max_size=30,
    )
)
def test_which_events_may_be_named_agrees_with_a_plain_count(
    events: list[tuple[int, int, int, float]],
) -> None:
    rows = [[event for event in events if event[0] == row] for row in range(3)]
    queries = Queries.of([[e[1] for e in row] for row in rows], weights=[[e[3] for e in row] for row in rows])
    queries.kind[:] = [event[2] for row in rows for event in row]
    expected = []
    for row in rows:
        best: dict[tuple[int, int], float] = {}
        for _, item, kind, weight in row:
            best[item, kind] = max(best.get((item, kind), -9), weight)
        usual = {k: np.mean([b for (_, own), b in best.items() if own == k]) for k in {e[2] for e in row}}
        bad = {item for (item, kind), b in best.items() if b < usual[kind] - 1e-5}
        bad |= {item for _, item, _, weight in row if weight < 0}
        expected += [weight > 0 and item not in bad for _, item, _, weight in row]
    assert nameable(queries).tolist() == expected
