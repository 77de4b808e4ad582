import numpy as np
import pytest
from numpy.typing import NDArray

from tacit.models.share_logit import Stretch, fit_weights, log_softmax


def random_stretches(rng: np.random.Generator, weights: NDArray[np.float64], total: float) -> list[Stretch]:
    """Return stretches in which items have just the shares that the weights give."""
    found = []
    for n_items in (30, 50):
        features, offset = rng.normal(size=(n_items, len(weights))), rng.normal(size=n_items)
        share = np.exp(log_softmax(features @ weights + offset))
        found.append(Stretch(features, total * share, offset))
    return found


def loss(
    stretches: list[Stretch], weights: NDArray[np.float64], prior: NDArray[np.float64], l2: float
) -> float:
    """Return what is minimised, one item at a time."""
    value = l2 / 2 * sum((w - p) ** 2 for w, p in zip(weights, prior, strict=True))
    for one in stretches:
        logits = [float(f @ weights) + o for f, o in zip(one.features, one.offset, strict=True)]
        total = sum(np.exp(logit) for logit in logits)
        value -= sum(c * np.log(np.exp(z) / total) for c, z in zip(one.chosen, logits, strict=True))
    return float(value)


def test_the_weights_that_made_the_shares_are_found() -> None:
    weights = np.array([1.0, -0.5, 0.2])
    stretches = random_stretches(np.random.default_rng(1), weights, 1e6)
    np.testing.assert_allclose(fit_weights(stretches, np.zeros(3), 1e-3), weights, atol=1e-5)


def test_no_step_away_from_the_found_weights_is_better() -> None:
    rng = np.random.default_rng(2)
    stretches = random_stretches(rng, np.array([1.0, -0.5, 0.2]), 20.0)
    prior, l2 = np.array([0.5, 0.5, 0.5]), 2.0
    found = fit_weights(stretches, prior, l2)
    least = loss(stretches, found, prior, l2)
    for step in rng.normal(size=(30, 3)):
        for size in (1e-3, 0.3):
            assert loss(stretches, found + size * step, prior, l2) > least


def test_without_a_stretch_the_weights_are_the_prior() -> None:
    np.testing.assert_array_equal(fit_weights([], np.array([0.5, 0.0]), 1.0), [0.5, 0.0])


def test_an_item_that_stands_for_several_has_their_share() -> None:
    features = np.array([[1.0], [0.0], [0.0], [0.0]])
    alone = [Stretch(features, np.array([4.0, 1.0, 0.0, 0.0]), np.zeros(4))]
    joined = [Stretch(features[:2], np.array([4.0, 1.0]), np.array([0.0, np.log(3)]))]
    found = [fit_weights(one, np.zeros(1), 0.1) for one in (alone, joined)]
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_shares_sum_to_one_and_what_cannot_be_chosen_stays_so() -> None:
    logits = log_softmax(np.array([800.0, 799.0, -np.inf]))
    assert np.exp(logits).sum() == pytest.approx(1)
    assert logits[2] == -np.inf
    assert log_softmax(np.array([-np.inf])).tolist() == [-np.inf]
    assert not len(log_softmax(np.zeros(0)))
