"""Outcomes side by side: means with intervals, and paired differences against the best simple model."""

import platform
from collections.abc import Collection, Sequence
from importlib.metadata import version

import numpy as np

from tacit import __version__
from tacit.core.seeds import generator
from tacit.core.types import Float64, Json
from tacit.evaluation.bootstrap import interval
from tacit.evaluation.evaluate import Outcome
from tacit.evaluation.split import Split

MAIN = "ndcg@10"


def leaderboard(
    outcomes: Sequence[Outcome], split: Split, *, simple: Collection[str], seed: int = 7
) -> dict[str, Json]:
    """Return the report of an evaluation as JSON.

    Parameters
    ----------
    outcomes : sequence of Outcome
    split : Split
    simple : collection of str
        Names of the models that are one idea each; the best of them (NDCG@10, all users) is the baseline
        that differences are taken against.
    seed : int
        Of the bootstrap.
    """
    baseline = best_simple(outcomes, simple)
    rows: list[Json] = [
        _row(outcome, part, baseline, seed) for outcome in outcomes for part in outcome.values
    ]
    return {
        "protocol": split.protocol,
        "cut": split.cut,
        "candidates": split.candidates,
        "baseline": baseline.name if baseline else None,
        "models": rows,
        "data": _facts(split),
        "seed": seed,
        "conclusion": conclusion(outcomes, baseline, seed),
        "versions": {
            "tacit": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "polars", "torch")},
        },
    }


def best_simple(outcomes: Sequence[Outcome], simple: Collection[str]) -> Outcome | None:
    """Return the simple model with the best NDCG@10 over all users; None where there is none."""
    among = [outcome for outcome in outcomes if outcome.name in simple]
    return max(among, key=lambda outcome: outcome.values["all"][MAIN].mean(), default=None)


def conclusion(outcomes: Sequence[Outcome], baseline: Outcome | None, seed: int) -> str:
    """Return one sentence: which model is best and whether it beats the best simple one beyond noise."""
    best = max(outcomes, key=lambda outcome: outcome.values["all"][MAIN].mean())
    value = best.values["all"][MAIN].mean()
    if baseline is None:
        return f"{best.name} is best with {MAIN} {value:.4f}; there is no simple model to compare it with."
    if best is baseline:
        return f"{best.name}, a simple model, is best with {MAIN} {value:.4f}: nothing dearer pays here."
    difference = best.values["all"][MAIN] - baseline.values["all"][MAIN]
    low, high = interval(difference, generator(seed, "bootstrap"))
    verdict = "beyond noise" if low > 0 else "but within noise"
    return (
        f"{best.name} is best with {MAIN} {value:.4f}, {difference.mean():+.4f} over {baseline.name} "
        f"(95 % interval {low:+.4f} to {high:+.4f}): {verdict}."
    )


def _row(outcome: Outcome, part: str, baseline: Outcome | None, seed: int) -> dict[str, Json]:
    values = outcome.values[part]
    figures: dict[str, Json] = {}
    for name, value in values.items():
        figures[name] = _figure(value, seed)
        if baseline is not None and outcome is not baseline:
            figures[name]["difference"] = _figure(value - baseline.values[part][name], seed)  # type: ignore[index, call-overload]
    for name, whole in outcome.beyond[part].items():
        figures[name] = {"value": whole, "low": None, "high": None}
    return {
        "name": outcome.name,
        "slice": part,
        "users": len(values[MAIN]),
        "metrics": figures,
        "fit_seconds": round(outcome.fit.seconds, 3),
        "ms_per_list": round(outcome.ms_per_list, 3),
        "peak_mb": round(outcome.fit.peak_mb, 1),
    }


def _figure(values: Float64, seed: int) -> dict[str, Json]:
    # The same resamples of users for every model and metric: the bootstrap is paired.
    low, high = interval(values, generator(seed, "bootstrap"))
    return {"value": float(values.mean()), "low": low, "high": high}


def _facts(split: Split) -> dict[str, Json]:
    unknown = split.targets < 0
    cold = unknown | split.cold[split.targets]
    return {
        "train_events": len(split.train),
        "train_users": len(split.train.active_users()),
        "items": len(split.catalogue),
        "test_users": len(split.queries),
        "warm_test_users": int((split.queries.lengths > 0).sum()),
        "targets": len(split.targets),
        "cold_target_share": float(np.mean(cold)),
        "unknown_target_share": float(np.mean(unknown)),
    }
