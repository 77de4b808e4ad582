"""Randomness as an argument: one seed, independent named streams."""

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on the seed and on the names alone.

    Two parts of a program that ask with different names get independent streams, so adding a model
    to a pipeline does not change the numbers that another model draws.

    Parameters
    ----------
    seed : int
        The seed of the whole run.
    names : str
        Where the generator is used, for example ``"ranker", "mlp"``.
    """
    keys = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little") for name in names]
    return np.random.default_rng([seed, *keys])


@dataclass(frozen=True)
class Streams:
    """Independent generators by purpose and component, all from one seed.

    What one component draws changes nothing for another: a model that is added, left out or moved leaves the
    numbers of all others as they were.

    Attributes
    ----------
    seed : int
    """

    seed: int

    @classmethod
    def of(cls, rng: np.random.Generator) -> Self:
        """Return the streams of a seed that is drawn from a generator."""
        return cls(int(rng.integers(2**62)))

    def stream(self, purpose: str, *component: str) -> np.random.Generator:
        """Return the generator of a purpose, and of a component where several have it."""
        return generator(self.seed, purpose, *component)
