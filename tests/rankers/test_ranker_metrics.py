"""Figures of scores agree with scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from tacit.rankers.ranker_metrics import accuracy, auc, cross_entropy


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
