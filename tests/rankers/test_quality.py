"""Figures of scores agree with scikit-learn and with a naive NDCG."""

import math
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from tacit.rankers.quality import accuracy, auc, cross_entropy, ndcg


def test_quality_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=500).round(1).astype(np.float32)  # with ties
    label = (rng.random(500) < 0.2).astype(np.float32)
    weight = rng.integers(1, 5, size=500).astype(np.float32)
    chance = 1 / (1 + np.exp(-logits))
    assert auc(logits, label) == pytest.approx(roc_auc_score(label, logits), abs=1e-9)
    assert cross_entropy(logits, label) == pytest.approx(log_loss(label, chance), abs=1e-5)
    assert cross_entropy(logits, label, weight) == pytest.approx(
        log_loss(label, chance, sample_weight=weight), abs=1e-5
    )
    right = np.array([1, -1, 2, -2], np.float32), np.array([1, 0, 0, 0], np.float32)
    assert accuracy(*right) == 0.75
    assert accuracy(*right, np.array([1, 1, 2, 1], np.float32)) == 0.6


def naive_ndcg(rows: list[tuple[int, int, int]], k: int) -> list[float]:
    values = []
    for _, one in groupby(rows, key=lambda row: row[0]):
        pairs = [(score, gain) for _, score, gain in one]
        ranked = [gain for _, gain in sorted(pairs, key=lambda pair: -pair[0])]
        gained, ideal = (
            sum(gain / math.log2(place + 2) for place, gain in enumerate(gains[:k]))
            for gains in (ranked, sorted(ranked, reverse=True))
        )
        values += [gained / ideal] if ideal else []
    return values


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=40),
    st.integers(1, 10),
)
def test_ndcg_is_what_a_few_lines_say(rows: list[tuple[int, int, int]], k: int) -> None:
    rows.sort(key=lambda row: row[0])
    group, score, label = np.array(rows).T
    made = ndcg(score.astype(np.float32), label.astype(np.float32), group, k)
    assert made.tolist() == pytest.approx(naive_ndcg(rows, k))
