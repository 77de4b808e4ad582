"""The gate: what may be published, by the interval of a paired difference."""

import numpy as np
import pytest

from tacit.core.types import Float64
from tacit.evaluation.verdict import ruling, ruling_on_live

RNG = np.random.default_rng(3)
LIVE = RNG.uniform(0, 1, 400)


def less(by: float) -> Float64:
    return LIVE - by + RNG.normal(0, 0.05, len(LIVE))


@pytest.mark.promise("P24")
@pytest.mark.parametrize(
    ("candidate", "simple", "verdict", "why"),
    [
        (less(-0.1), less(0.2), "ship", "not worse"),
        (less(0.0), less(0.2), "ship", "not worse"),
        (less(0.1), less(0.2), "hold", "worse than the live model"),
        (less(0.0), less(-0.1), "hold", "worse than the simple list"),
    ],
)
def test_a_candidate_ships_unless_it_is_worse_beyond_noise(
    candidate: Float64, simple: Float64, verdict: str, why: str
) -> None:
    found = ruling({"candidate": candidate, "live": LIVE, "popular": simple}, "popular", 7)
    assert (found.verdict, why in found.why) == (verdict, True), found.why
    difference = found.figures["candidate - live"]
    assert isinstance(difference, dict)
    assert difference["low"] <= difference["mean"] <= difference["high"]  # type: ignore[operator]


@pytest.mark.promise("P24")
def test_a_live_model_goes_back_only_if_it_is_worse_beyond_noise() -> None:
    assert ruling_on_live(less(0.0), LIVE, 7) is None
    assert ruling_on_live(less(-0.1), LIVE, 7) is None
    back = ruling_on_live(less(0.1), LIVE, 7)
    assert back is not None
    assert back.verdict == "roll back"
