"""Randomness as an argument: one seed, independent named streams."""

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on the seed and the names only.

    Different names give independent streams, so adding a model to a pipeline does not change the numbers
    that another model draws.

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

    What one component draws changes nothing for the others: adding, removing or moving a model leaves their
    numbers as they were.

    Attributes
    ----------
    seed : int
    """

    seed: int

    @classmethod
    def of(cls, rng: np.random.Generator) -> Self:
        """Return streams whose seed is drawn from a generator."""
        return cls(int(rng.integers(2**62)))

    def stream(self, purpose: str, *component: str) -> np.random.Generator:
        """Return the generator for a purpose and, where several components share it, for one of them."""
        return generator(self.seed, purpose, *component)
