"""Losses against a few naive lines, and against what a sample stands for."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tacit.rankers.losses import LOSSES

Pair = tuple[float, int, float]
PAIRS = st.tuples(st.floats(-4, 4), st.integers(0, 1), st.sampled_from([1.0, 2.5, 7.0]))
LISTS = st.lists(st.lists(PAIRS, min_size=1, max_size=6), min_size=1, max_size=4)


def tensors(lists: list[list[Pair]]) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, labels and weights, padded with weight 0 and logits that must not matter."""
    width = max(map(len, lists))
    padded = [[*one, *[(9.0, 0, 0.0)] * (width - len(one))] for one in lists]
    logits, label, weight = torch.tensor(padded, dtype=torch.float64).permute(2, 0, 1)
    # A positive stands for itself.
    return logits, label, torch.where(label > 0, 1, weight)


def weighted(lists: list[list[Pair]]) -> list[list[Pair]]:
    return [[(z, y, 1.0 if y else w) for z, y, w in one] for one in lists]


def naive_bce(lists: list[list[Pair]]) -> float:
    pairs = [pair for one in weighted(lists) for pair in one]
    total = sum(w * -math.log(1 / (1 + math.exp(-z if y else z))) for z, y, w in pairs)
    return total / sum(w for _, _, w in pairs)


def naive_listwise(lists: list[list[Pair]]) -> float:
    total = users = 0.0
    for one in weighted(lists):
        positives = sum(y for _, y, _ in one)
        if positives:
            all_of_them = sum(w * math.exp(z) for z, _, w in one)
            surprise = sum(-math.log(math.exp(z) / all_of_them) for z, y, _ in one if y) / positives
            total, users = total + math.sqrt(positives) * surprise, users + math.sqrt(positives)
    return total / users if users else 0.0


def naive_pairwise(lists: list[list[Pair]]) -> float:
    each = []
    for one in weighted(lists):
        negatives = [(z, w) for z, y, w in one if not y]
        for z in (z for z, y, _ in one if y):
            wrong = sum(w * math.log1p(math.exp(other - z)) for other, w in negatives)
            each.append(wrong / sum(w for _, w in negatives) if negatives else 0.0)
    return sum(each) / len(each) if each else 0.0


NAIVE = {"bce": naive_bce, "listwise": naive_listwise, "pairwise": naive_pairwise}


@pytest.mark.parametrize("kind", LOSSES)
@given(lists=LISTS)
def test_a_loss_is_what_a_few_lines_say(kind: str, lists: list[list[Pair]]) -> None:
    assert float(LOSSES[kind](*tensors(lists))) == pytest.approx(NAIVE[kind](lists), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("kind", LOSSES)
def test_padding_and_silent_lists_have_no_pull(kind: str) -> None:
    logits, label, weight = tensors([[(0.5, 1, 1), (1.0, 0, 1)], [(2.0, 0, 1)]])
    logits.requires_grad_()
    LOSSES[kind](logits, label, weight).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[1, 1] == 0
    assert logits.grad[0, 0] < 0 < logits.grad[0, 1]
    assert (logits.grad[1, 0] > 0) == (kind == "bce")


@pytest.mark.parametrize("kind", LOSSES)
def test_a_sample_of_negatives_estimates_the_whole_list(kind: str) -> None:
    rng = np.random.default_rng(0)
    logits, label = torch.from_numpy(rng.normal(size=(1, 60))), torch.zeros(1, 60, dtype=torch.float64)
    label[0, :2] = 1
    whole = float(LOSSES[kind](logits, label, torch.ones_like(label)))
    sampled = []
    for _ in range(2_000):
        kept = np.concatenate([[0, 1], 2 + rng.permutation(58)[:29]])
        weight = torch.where(label > 0, 1.0, 2.0)[:, kept]
        sampled.append(float(LOSSES[kind](logits[:, kept], label[:, kept], weight)))
    assert np.mean(sampled) == pytest.approx(whole, rel=0.01)
    # Without the weights the list would seem half as long.
    if kind == "listwise":
        assert whole - float(LOSSES[kind](logits[:, :31], label[:, :31], torch.ones(1, 31))) > 0.4
