from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.ranking import Ranking
from tacit.evaluation import metrics

N_ITEMS = 40


def ranking(*lists: list[int]) -> Ranking:
    items = np.array(lists, dtype=np.int32)
    return Ranking(items, np.where(items >= 0, 1.0, -np.inf).astype(np.float32))


def measured(lists: list[list[int]], targets: list[list[int]]) -> dict[str, np.ndarray]:
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in targets])]).astype(np.int64)
    flat = np.array([code for t in targets for code in t], dtype=np.int32)
    hit = metrics.hits(ranking(*lists), offsets, flat)
    return metrics.per_query(hit, np.diff(offsets))


def test_a_list_worked_out_by_hand() -> None:
    # Hits at places 2 and 4 of three targets.
    values = measured([[7, 1, 8, 2, 9]], [[1, 2, 3]])
    gain = 1 / np.log2(3) + 1 / np.log2(5)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert values["ndcg@10"] == pytest.approx([gain / ideal], abs=1e-12)
    assert values["recall@20"] == pytest.approx([2 / 3])
    assert values["hitrate@10"].tolist() == [1]
    assert values["mrr@10"].tolist() == [0.5]
    assert values["map@10"] == pytest.approx([(1 / 2 + 2 / 4) / 3])


def test_more_targets_than_places_can_still_be_predicted_perfectly() -> None:
    values = measured([list(range(20))], [list(range(30))])
    assert values["ndcg@10"] == pytest.approx([1])
    assert values["recall@20"] == pytest.approx([20 / 30])
    assert values["map@10"] == pytest.approx([10 / 30])


def test_the_eleventh_place_counts_for_recall_only() -> None:
    values = measured([[*range(10, 20), 0, *range(20, 29)]], [[0]])
    assert [values[name][0] for name in metrics.NAMES] == [0, 1, 0, 0, 0]


def test_targets_nobody_could_know_stay_in_the_denominator_and_never_match_padding() -> None:
    values = measured([[1, -1, -1], [-1, -1, -1]], [[-1, 1], [-1]])
    assert values["recall@20"].tolist() == [0.5, 0]
    assert values["ndcg@10"][0] == pytest.approx(1 / (1 + 1 / np.log2(3)))
    assert values["hitrate@10"].tolist() == [1, 0]


def test_one_query_does_not_score_with_the_targets_of_another() -> None:
    values = measured([[0, 1], [0, 1]], [[1], [2]])
    assert values["mrr@10"].tolist() == [0.5, 0]


def naive(listed: list[int], targets: list[int]) -> list[float]:
    """Every metric of one list, as a newcomer would write it."""
    place = {item: p for p, item in enumerate(listed, start=1) if item >= 0 and item in targets}
    ten = sorted(p for p in place.values() if p <= 10)
    ideal = sum(1 / np.log2(p + 1) for p in range(1, min(len(targets), 10) + 1))
    return [
        sum(1 / np.log2(p + 1) for p in ten) / ideal,
        sum(p <= 20 for p in place.values()) / len(targets),
        float(bool(ten)),
        1 / ten[0] if ten else 0.0,
        sum(n / p for n, p in enumerate(ten, start=1)) / len(targets),
    ]


@st.composite
def cases(draw: Any) -> tuple[list[list[int]], list[list[int]]]:
    width = draw(st.integers(1, 25))
    one = st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=width)
    lists = draw(st.lists(one, min_size=1, max_size=6))
    known = st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=15)
    targets = [draw(known) + [-1] * draw(st.integers(0, 2)) for _ in lists]
    return [row + [-1] * (width - len(row)) for row in lists], [t or [-1] for t in targets]


@given(cases())
def test_every_metric_equals_ten_naive_lines(case: tuple[list[list[int]], list[list[int]]]) -> None:
    lists, targets = case
    values = measured(lists, targets)
    for row, (listed, wanted) in enumerate(zip(lists, targets, strict=True)):
        assert [values[name][row] for name in metrics.NAMES] == pytest.approx(naive(listed, wanted))


@pytest.mark.filterwarnings("ignore")
def test_every_metric_agrees_with_ranx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.config.DISABLE_JIT", True)  # compiling would take half a minute
    from ranx import Qrels, Run, evaluate

    rng = np.random.default_rng(7)
    lists, targets = [], []
    for _ in range(300):
        length = rng.integers(1, 21)  # short lists are padded
        lists.append(rng.permutation(60)[:length].tolist() + [-1] * (20 - length))
        targets.append(rng.permutation(60)[: rng.integers(1, 26)].tolist() + [-1] * rng.integers(0, 2))
    ours = measured(lists, targets)
    # A target nobody could know is an item that no list holds. Places become falling scores: ties are
    # broken before, by the top-k.
    qrels = {
        f"q{q:03d}": {f"i{code}" if code >= 0 else "unknown": 1 for code in t} for q, t in enumerate(targets)
    }
    runs = {
        f"q{q:03d}": {f"i{code}": 100.0 - place for place, code in enumerate(row) if code >= 0}
        for q, row in enumerate(lists)
    }
    theirs = {"ndcg@10": "ndcg@10", "recall@20": "recall@20", "hitrate@10": "hit_rate@10"}
    theirs |= {"mrr@10": "mrr@10", "map@10": "map@10"}
    for name, name_there in theirs.items():
        expected = evaluate(Qrels(qrels), Run(runs), name_there, return_mean=False)
        np.testing.assert_allclose(ours[name], expected, atol=1e-9, rtol=0, err_msg=name)


def test_coverage_counts_listed_items_once_and_ignores_places_beyond_k() -> None:
    assert metrics.coverage(ranking([0, 1, 5], [1, 0, -1]), 8, k=2) == 2 / 8


def test_novelty_is_the_mean_surprise_of_the_listed_items() -> None:
    popularity = np.array([3, 0, 1])  # 4 events on 3 items: shares 4/7, 1/7, 2/7
    expected = -(np.log2(4 / 7) + np.log2(1 / 7) + np.log2(1 / 7)) / 3
    assert metrics.novelty(ranking([0, 1], [1, -1]), popularity) == pytest.approx(expected)
    assert metrics.novelty(ranking([-1, -1]), popularity) is None


def test_diversity_is_the_mean_distance_of_the_pairs_of_a_list() -> None:
    vectors = np.array([[2, 0], [0, 3], [1, 1], [0, 0]], dtype=np.float32)
    lists = ranking([0, 1, 2], [0, 3, -1], [1, -1, -1])
    first = 1 - (0 + np.sqrt(0.5) + np.sqrt(0.5)) / 3
    assert metrics.diversity(lists, vectors) == pytest.approx((first + 1) / 2)  # the last has no pair
    assert metrics.diversity(ranking([1, -1]), vectors) is None
    assert metrics.diversity(lists, None) is None


def test_diversity_of_many_lists_is_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lists = ranking(*[rng.permutation(50)[:10].tolist() for _ in range(30)])
    vectors = rng.standard_normal((50, 8)).astype(np.float32)
    whole = metrics.diversity(lists, vectors)
    monkeypatch.setattr(metrics, "_LISTS", 7)
    assert metrics.diversity(lists, vectors) == pytest.approx(whole)
