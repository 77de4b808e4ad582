"""Randomness as an argument: one seed, independent named streams."""

import hashlib

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
