"""Compares compiled loops with NumPy: histories that strain them, and the comparison."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tacit.core import kernels
from tacit.core.types import Float32
from tacit.data.queries import Queries

MANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
WEIGHTS = (1.0, 0.5, -1.0, 0.0, -0.0, 1e-38, 1e-45, -1e-38, 1e6)


@contextmanager
def by_numpy() -> Iterator[None]:
    """Leave the compiled loops unused."""
    kept, kernels.COMPILED = kernels.COMPILED, None
    try:
        yield
    finally:
        kernels.COMPILED = kept


def both(call: Callable[[], Any]) -> tuple[Any, Any]:
    """Return what a call gives with compiled loops, and without."""
    with np.errstate(all="ignore"):
        found = call()
        with by_numpy():
            return found, call()


def assert_close(call: Callable[[], Float32]) -> None:
    """Check that a call gives the same array, to 1e-5, with compiled loops and without."""
    found, expected = both(call)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@st.composite
def histories(draw: st.DrawFn, n_items: int, most: int = 3) -> Queries:
    """Draw histories of up to 2,000 events: repeats, all kinds of weights, codes beyond ``n_items``."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lengths = draw(st.lists(st.sampled_from([0, 1, 2, 7, 50, 2_000]), min_size=1, max_size=most))
    some = rng.choice(n_items + 3, size=draw(st.sampled_from([1, 4, n_items + 3])), replace=False)
    weights = draw(st.sampled_from([WEIGHTS, (1.0,), (1e-38,), (-1.0, 0.0), (1.0, 3.0, -1.0)]))
    now = 1.75e9
    found = Queries.of(
        [rng.choice(some, length).tolist() for length in lengths],
        weights=[rng.choice(weights, length).tolist() for length in lengths],
        times=[np.sort(now - rng.random(length) * 1e7).tolist() for length in lengths],
        now=now,
        exclude_seen=draw(st.booleans()),
    )
    return replace(
        found,
        kind=rng.integers(-1, 3, len(found.item)).astype(np.int16),
        user=rng.integers(-1, 150, len(found)).astype(np.int32),
        ordered=draw(st.booleans()),
    )
