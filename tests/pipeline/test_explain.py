"""Reasons, by hand."""

from typing import Any

import numpy as np
from tests.models.small import fitted

from tacit.core.types import Float32, Int32
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.models.repeats import Repeats
from tacit.pipeline.explain import Reason, reasons

NO = -np.inf


class Popular:
    """Says the same to everybody and tells of no event."""

    def __init__(self, name: str, scores: list[float]) -> None:
        self.name = name
        self.scores = np.array(scores, dtype=np.float32)

    def fit(self, interactions: Any, catalogue: Any, *, rng: Any) -> "Popular":
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        return np.tile(self.scores, (len(queries), 1))


class Telling(Popular):
    """An event on item h speaks for item i by ``table[h, i]``."""

    def __init__(self, name: str, table: dict[tuple[int, int], float]) -> None:
        super().__init__(name, [0] * 100)
        self.table = table

    def explain(self, queries: Queries, items: Int32) -> Float32:
        pairs = zip(queries.item.tolist(), items[queries.row].tolist(), strict=True)
        return np.array([self.table.get(pair, 0.0) for pair in pairs], dtype=np.float32)


def ranking(*rows: list[int]) -> Ranking:
    items = np.array(rows, dtype=np.int32)
    return Ranking(items, np.where(items < 0, NO, 0).astype(np.float32))


def test_the_event_that_speaks_loudest_is_the_reason() -> None:
    ease = Telling("ease", {(1, 7): 0.2, (2, 7): 0.8, (1, 8): 1.0, (3, 8): -0.5})
    told = reasons([ease], Queries.of([[1, 2, 3], [3, 1]]), ranking([7, 8], [8, 7]))
    assert told == [
        [[Reason("ease", 2)], [Reason("ease", 1)]],
        [[Reason("ease", 1)], [Reason("ease", 1)]],
    ]


def test_what_speaks_against_is_no_reason() -> None:
    ease = Telling("ease", {(1, 7): -1.0})
    assert reasons([ease], Queries.of([[1, 2]]), ranking([7, 8])) == [[[], []]]


def test_behaviour_is_told_before_text_and_one_event_is_enough() -> None:
    content = Telling("content", {(1, 7): 1.0, (1, 8): 1.0, (2, 9): 1.0})
    itemknn = Telling("itemknn", {(2, 7): 0.3, (1, 9): -1.0})
    ease = Telling("ease", {(2, 8): 0.3})
    told = reasons([content, itemknn, ease], Queries.of([[1, 2]]), ranking([7, 8, 9]))
    assert told == [[[Reason("itemknn", 2)], [Reason("ease", 2)], [Reason("content", 2)]]]


def test_what_somebody_chose_before_is_its_own_reason() -> None:
    ease = Telling("ease", {(2, 1): 1.0, (1, 7): 1.0})
    repeats = fitted(Repeats(), np.eye(9))
    told = reasons([ease, repeats], Queries.of([[1, 2]], exclude_seen=False), ranking([1, 7]))
    assert told == [[[Reason("repeats", 1)], [Reason("ease", 1)]]]


def test_popular_items_say_so_beside_the_event() -> None:
    trending = Popular("trending", [float(n) for n in range(100)])
    ease = Telling("ease", {(1, 60): 1.0, (1, 10): 1.0})
    told = reasons([trending, ease], Queries.of([[1]]), ranking([60, 10, 50, 49]))
    assert told == [
        [[Reason("ease", 1), Reason("trending", -1)], [Reason("ease", 1)], [Reason("trending", -1)], []]
    ]


def test_what_a_rule_put_forward_says_so_and_two_reasons_are_enough() -> None:
    rules = Popular("rules", [NO, -1, NO])
    trending = Popular("trending", [3, 2, NO])
    ease = Telling("ease", {(0, 1): 1.0})
    told = reasons([ease, rules, trending], Queries.of([[0], []]), ranking([1, 2], [1, 0]))
    assert told == [
        [[Reason("ease", 0), Reason("rules", -1)], []],
        [[Reason("rules", -1), Reason("trending", -1)], [Reason("trending", -1)]],
    ]


def test_free_places_and_empty_histories_have_no_reasons() -> None:
    ease = Telling("ease", {(1, 7): 1.0})
    told = reasons([ease], Queries.of([[1], [], [1]]), ranking([7, -1], [7, -1], [-1, -1]))
    assert told == [[[Reason("ease", 1)], []], [[], []], [[], []]]
    assert reasons([ease], Queries.of([]), Ranking(np.empty((0, 3), np.int32), np.empty((0, 3)))) == []
