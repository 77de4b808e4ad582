"""Where tuning looks: the parameters of each model worth a search, as plain data.

One line a parameter; a model is added by adding its entry. Every space holds the defaults and is wide around
them; a search that starts elsewhere stretches it. What only trades memory or time for exactness (``keep``,
``max_items``) is not searched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Self

Value = float | int | str | None


@dataclass(frozen=True)
class Float:
    """A number between two, both possible; ``log`` where its size matters and not its steps."""

    low: float
    high: float
    log: bool = False

    def holding(self, value: float) -> Self:
        """Return the range stretched to a value."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))


@dataclass(frozen=True)
class Int:
    """A whole number between two, both possible."""

    low: int
    high: int
    log: bool = False

    def holding(self, value: int) -> Self:
        """Return the range stretched to a value."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Value, ...]

    def holding(self, value: Value) -> Self:
        """Return the values and one more, unless it is among them."""
        return self if value in self.values else replace(self, values=(*self.values, value))


Space = Mapping[str, Float | Int | Choice]

_DECAY = Float(0.6, 1.0)
_FORGETS = Choice((None, 30.0, 90.0, 365.0))

SPACES: dict[str, Space] = {
    "trending": {"half_life": Choice((None, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 400.0, inf))},
    "itemknn": {
        "weighting": Choice(("cosine", "tfidf", "bm25")),
        "k": Int(20, 500, log=True),
        "shrinkage": Float(1.0, 200.0, log=True),
        "decay": _DECAY,
        "half_life": _FORGETS,
    },
    "repeats": {"decay": Float(0.9, 1.0)},
    "userknn": {
        "weighting": Choice(("cosine", "tfidf")),
        "k": Int(20, 500, log=True),
        "decay": _DECAY,
        "half_life": Choice((None, inf)),
    },
    "ease": {
        "l2": Float(0.3, 30.0, log=True),
        "rarity": Float(0.0, 1.0),
        "decay": _DECAY,
        "half_life": _FORGETS,
    },
    "slim": {
        "l1": Float(0.003, 0.3, log=True),
        "l2": Float(0.03, 10.0, log=True),
        "neighbours": Int(50, 200, log=True),
        "decay": _DECAY,
        "half_life": _FORGETS,
    },
    "textprior": {
        "l2": Float(0.3, 30.0, log=True),
        "prior": Float(1.0, 100.0, log=True),
        "ridge": Float(0.01, 1.0, log=True),
        "dimension": Choice((None, 64, 128, 256)),
        "decay": _DECAY,
        "half_life": _FORGETS,
    },
    "sequential": {
        "similarity": Float(0.02, 0.8, log=True),
        "window": Choice((10, 20, 40)),
        "decay": Float(0.6, 0.95),
        "l2": Float(0.1, 10.0, log=True),
        "half_life": _FORGETS,
    },
    "sessionknn": {
        "k": Int(50, 1000, log=True),
        "recent": Int(100, 2000, log=True),
        "last": Int(5, 50, log=True),
        "decay": _DECAY,
        "focus": Float(0.0, 2.0),
        "rarity": Float(0.0, 1.0),
        "evenness": Float(0.0, 0.75),
    },
    "covisitation": {
        "window": Int(3, 20, log=True),
        "half_life": Choice((inf, 7.0, 30.0, 90.0)),
        "backward": Float(0.0, 1.0),
        "distance": Float(0.5, 1.0),
        "popularity": Float(0.0, 0.5),
        "decay": Float(0.5, 0.9),
    },
    "ials": {
        "reg": Float(0.003, 0.1, log=True),
        "unobserved": Float(0.5, 10.0, log=True),
        "embedding_size": Choice((32, 64, 128)),
        "decay": _DECAY,
    },
    "content": {
        "mode": Choice(("centre", "pca", "whiten")),
        "dimension": Choice((None, 64, 128, 256)),
        "decay": _DECAY,
        "recent": Int(1, 30, log=True),
        "closest": Float(0.0, 1.0),
        "tuned": Choice((False, True)),
    },
}
