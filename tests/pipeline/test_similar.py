"""Items beside an item: who is asked, how lists are fused, what is refused."""

from typing import Any

import numpy as np
import pytest
from tests.pipeline.test_pair_counts import BASKETS, items, log_of

from tacit.core.errors import ConfigError, UnsupportedError
from tacit.core.types import Float32, Int32
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.models.content import Content
from tacit.models.itemknn import ItemKNN
from tacit.models.sequential import Sequential
from tacit.pipeline.config import Config, config_of_toml
from tacit.pipeline.pair_counts import PairCounts
from tacit.pipeline.similar import SimilarKind, checked_kind, fused, similar_items
from tacit.testing.generated import small_log

NO = -np.inf
N_ITEMS = 12


def ranking(*rows: list[int]) -> Ranking:
    listed = np.array(rows, dtype=np.int32)
    return Ranking(listed, np.where(listed < 0, NO, 0).astype(np.float32))


class Listing:
    """Has one list, of nothing but its name known."""

    def __init__(self, name: str, listed: list[int]) -> None:
        self.name = name
        self.listed = listed

    def fit(self, interactions: Any, catalogue: Any, *, rng: Any) -> "Listing":
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        return np.zeros((len(queries), N_ITEMS), dtype=np.float32)

    def _list(self, requested: Int32, k: int) -> Ranking:
        padded = (self.listed + [-1] * k)[:k]
        return ranking(*[padded] * len(requested))


class Alike(Listing):
    def similar(self, items: Int32, k: int) -> Ranking:
        return self._list(items, k)


class Along(Listing):
    def together(self, items: Int32, k: int) -> Ranking:
        return self._list(items, k)


class After(Listing):
    def following(self, items: Int32, k: int) -> Ranking:
        return self._list(items, k)


ALL = [
    Alike("a", [3, 4, 5]),
    Alike("b", [4, 3, 6]),
    Along("c", [7, 8]),
    After("d", [9, 10]),
    Listing("e", []),
]


def answer(retrievers: list[Any], k: int, kind: SimilarKind, **more: Any) -> Ranking:
    options = {"weights": {}, "counts": None, "available": np.ones(N_ITEMS, dtype=bool), **more}
    return similar_items(retrievers, items(0), k, kind=kind, **options)


def test_each_question_goes_to_all_who_can_answer_it_whatever_they_are_called() -> None:
    assert answer(ALL, 5, "alike").items.tolist() == [[3, 4, 5, 6, -1]]
    assert answer(ALL, 3, "together").items.tolist() == [[7, 8, -1]]
    assert answer(ALL, 3, "next").items.tolist() == [[9, 10, -1]]


def test_scores_lie_on_one_scale_and_fall_with_the_place() -> None:
    scores = answer(ALL, 4, "alike").scores[0]
    expected = [(1 + 61 / 62) / 2, (1 + 61 / 62) / 2, 61 / 63 / 2, 61 / 63 / 2]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert answer(ALL, 1, "next").scores[0, 0] == 1


def test_a_weight_makes_a_list_count_more_and_0_leaves_it_out() -> None:
    assert answer(ALL, 2, "alike", weights={"b": 2.0}).items.tolist() == [[4, 3]]
    assert answer(ALL, 4, "alike", weights={"a": 0.0}).items.tolist() == [[4, 3, 6, -1]]


@pytest.mark.parametrize("weight", [1e-320, 1e-30, 1e6])
def test_the_scale_does_not_depend_on_the_weights(weight: float) -> None:
    both = {"a": weight, "b": weight}
    np.testing.assert_allclose(
        answer(ALL, 4, "alike", weights=both).scores, answer(ALL, 4, "alike").scores, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([3, 4], "the retriever 'a' returns a list from similar; return a tacit.data.ranking.Ranking"),
        (ranking([3, 99]), "the retriever 'a' lists the item 99; items are codes from 0 to 11"),
        (ranking([3, 3]), "the retriever 'a' lists an item twice"),
        (ranking([3], [4]), r"the items of lists of the shape \(2, 1\)"),
    ],
)
def test_lists_that_are_none_are_refused(given: Any, message: str) -> None:
    odd = Alike("a", [])
    odd.similar = lambda items, k: given  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match=message):
        answer([odd], 2, "alike")


def test_the_item_itself_and_what_is_not_available_are_left_out() -> None:
    available = np.ones(N_ITEMS, dtype=bool)
    available[4] = False
    given = answer([Alike("a", [0, 4, 5])], 3, "alike", available=available)
    assert given.items.tolist() == [[5, -1, -1]]


def test_lists_are_read_to_their_ends_where_few_items_are_available() -> None:
    size = 400
    available = np.zeros(size, dtype=bool)
    available[[350, 390]] = True
    whole = Alike("a", list(range(1, size)))
    given = similar_items([whole], items(0), 2, kind="alike", available=available, weights={}, counts=None)
    assert given.items.tolist() == [[350, 390]]


def test_what_is_new_is_measured_by_who_can_know_it() -> None:
    unseen = np.zeros(N_ITEMS, dtype=bool)
    unseen[5] = True
    everything = np.ones(N_ITEMS, dtype=bool)
    answers = [(ranking([5, 3, 4]), 1.0), (ranking([3, 4, 6]), 1.0)]
    assert fused(answers, items(0), 3, available=everything, unseen=unseen).items.tolist() == [[5, 3, 4]]
    seen = np.zeros(N_ITEMS, dtype=bool)
    assert fused(answers, items(0), 3, available=everything, unseen=seen).items.tolist() == [[3, 4, 5]]


def test_the_log_answers_where_no_retriever_can() -> None:
    counts = PairCounts(log_of(BASKETS))
    available = np.ones(8, dtype=bool)
    bare = [Listing("e", [])]
    assert answer(bare, 2, "together", counts=counts, available=available).items.tolist() == [[1, -1]]
    assert answer(bare, 2, "next", counts=counts, available=available).items.tolist() == [[1, 2]]
    assert answer(ALL, 2, "next", counts=counts, available=np.ones(N_ITEMS, bool)).items.tolist() == [[9, 10]]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("alike", "can say what is like an item; add a retriever such as itemknn"),
        ("together", "can say what goes together with an item; add"),
        ("next", "can say what comes after an item; add a retriever such as sequential"),
    ],
)
def test_a_question_that_nobody_can_answer_is_refused_in_words(kind: SimilarKind, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        answer([Listing("e", [])], 3, kind)


def test_without_an_order_no_source_knows_what_comes_next() -> None:
    counts = PairCounts(log_of([("a", 1, None), ("a", 2, None)]))
    with pytest.raises(UnsupportedError, match="neither times nor an order"):
        answer(ALL, 3, "next", counts=counts)


@pytest.mark.parametrize("kind", ["like", "", None, 3])
def test_an_unknown_kind_is_refused_with_the_three_names(kind: object) -> None:
    with pytest.raises(UnsupportedError, match="give one of alike, together, next"):
        checked_kind(kind)
    assert checked_kind("next") == "next"


def test_the_configuration_weighs_the_lists_and_a_file_keeps_that() -> None:
    config = Config(retrievers=["itemknn", "content"], similar={"content": 2.5})
    assert config_of_toml(config.to_toml()).similar == {"content": 2.5}
    assert config_of_toml(Config(retrievers=["itemknn"]).to_toml()).similar == {}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"ease": 1.0}, "similar weighs 'ease', which is no retriever here; there are itemknn, content"),
        ({"content": -1.0}, "similar is .*-1.0.*; it must be at least 0"),
        ({"content": float("nan")}, "similar is .*nan"),
        ({"content": "much"}, "similar is .* of the wrong type"),
    ],
)
def test_weights_that_mean_nothing_are_refused(weights: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config(retrievers=["itemknn", "content"], similar=weights)


def test_fitted_models_answer_what_they_know() -> None:
    log, catalogue = small_log()
    rng = np.random.default_rng(7)
    models = [one.fit(log, catalogue, rng=rng) for one in (ItemKNN(), Content(), Sequential())]
    requested = np.array([6, 7], dtype=np.int32)
    options: Any = {"available": catalogue.available, "weights": {}, "counts": PairCounts(log)}
    lists = {
        kind: similar_items(models, requested, 8, kind=kind, **options)
        for kind in ("alike", "together", "next")
    }
    for given in lists.values():
        assert not (given.items == requested[:, None]).any()
        for codes, scores in zip(given.items, given.scores, strict=True):
            real = scores[codes >= 0]
            assert len(set(codes[codes >= 0])) == len(real) > 0
            assert (np.diff(real) <= 0).all()
            assert 0 < real.min() <= real.max() <= 1
    # Items of one group (every sixth) are alike, by behaviour and by text.
    assert (lists["alike"].items % 6 == requested[:, None] % 6).mean() > 0.8
    np.testing.assert_array_equal(lists["next"].items[:, 0], models[2].following(requested, 1).items[:, 0])
