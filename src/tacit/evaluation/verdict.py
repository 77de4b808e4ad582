"""Whether a new model may take the place of the one that is served, by what both do for the same users."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tacit.core.seeds import generator
from tacit.core.types import Float64, Json
from tacit.evaluation.bootstrap import interval

LEAST_USERS = 100
"""With fewer users a difference says nothing, and nothing is published."""

Verdict = Literal["ship", "hold", "roll back"]


@dataclass(frozen=True)
class Paired:
    """The difference of two models on the same users, with its 95 % interval.

    Attributes
    ----------
    mean, low, high : float
    """

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, one: Float64, other: Float64, seed: int) -> "Paired":
        """Return the difference of two models: float64[users] each."""
        difference = one - other
        low, high = interval(difference, generator(seed, "gate"))
        return cls(float(difference.mean()), low, high)

    @property
    def worse(self) -> bool:
        """Whether the first is worse beyond noise."""
        return self.high < 0

    def to_json(self) -> dict[str, Json]:
        """Return the difference as JSON."""
        return {"mean": round(self.mean, 5), "low": round(self.low, 5), "high": round(self.high, 5)}

    def __str__(self) -> str:
        return f"{self.mean:+.4f} (95 % interval {self.low:+.4f} to {self.high:+.4f})"


@dataclass(frozen=True)
class Ruling:
    """What a gate came to.

    Attributes
    ----------
    verdict : {"ship", "hold", "roll back"}
    why : str
        One sentence.
    figures : mapping
        NDCG@10 of each model and the differences, as JSON.
    """

    verdict: Verdict
    why: str
    figures: Mapping[str, Json]


def ruling(values: Mapping[str, Float64], simple: str, seed: int) -> Ruling:
    """Return whether a candidate may be served.

    Parameters
    ----------
    values : mapping of name to float64[users]
        NDCG@10 of ``candidate``, of the simple list, and of ``live`` where there is one.
    simple : str
        Name of the simple list.
    seed : int
    """
    users = len(values["candidate"])
    differences = {
        name: Paired.of(values["candidate"], values[name], seed)
        for name in ("live", simple)
        if name in values
    }
    figures: dict[str, Json] = {
        "ndcg@10": {name: round(float(one.mean()), 5) for name, one in values.items()},
        **{f"candidate - {name}": one.to_json() for name, one in differences.items()},
    }
    for name, one in differences.items():
        if one.worse:
            why = f"the candidate is worse than {_named(name)}: NDCG@10 {one} for {users:,} users"
            return Ruling("hold", why, figures)
    said = ", ".join(f"{one} against {_named(name)}" for name, one in differences.items())
    return Ruling("ship", f"the candidate is not worse for {users:,} users: NDCG@10 {said}", figures)


def ruling_on_live(live: Float64, before: Float64, seed: int) -> Ruling | None:
    """Return a roll-back where the live model does worse than the one before it; None where it does not.

    Parameters
    ----------
    live, before : float64[users]
        NDCG@10 since the live model was fitted.
    seed : int
    """
    difference = Paired.of(live, before, seed)
    if not difference.worse:
        return None
    why = (
        f"since it was published the live model does worse than the one before it: NDCG@10 {difference} "
        f"for {len(live):,} users"
    )
    means: Json = {"live": round(float(live.mean()), 5), "before": round(float(before.mean()), 5)}
    return Ruling("roll back", why, {"ndcg@10": means, "live - before": difference.to_json()})


def _named(name: str) -> str:
    return "the live model" if name == "live" else f"the simple list ({name})"
