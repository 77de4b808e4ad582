"""Outcomes side by side: means with intervals, paired differences with the best simple model, and a choice.

The choice is the cheapest model that no more expensive one beats beyond noise: a difference that could be the
opposite for other users is not worth paying for.
"""

import platform
from collections.abc import Collection, Sequence
from importlib.metadata import version

import numpy as np

from tacit.core.seeds import generator
from tacit.core.types import Float64, Json
from tacit.core.version import __version__
from tacit.evaluation.bootstrap import interval, percentiles, resampled_means
from tacit.evaluation.evaluate import Outcome
from tacit.evaluation.split import Split

MAIN = "ndcg@10"


def leaderboard(
    outcomes: Sequence[Outcome],
    split: Split,
    *,
    simple: Collection[str],
    against: str | None = None,
    seed: int = 7,
) -> dict[str, Json]:
    """Return the report of an evaluation as JSON.

    Parameters
    ----------
    outcomes : sequence of Outcome
    split : Split
    simple : collection of str
        Names of the models of one idea each.
    against : str, optional
        Name of the baseline, the model that differences are taken against; the best of the simple ones
        (NDCG@10, all users) by default.
    seed : int
        Seed of the bootstrap.
    """
    best = best_simple(outcomes, simple)
    baseline = next((outcome for outcome in outcomes if outcome.name == against), best)
    rows = [row for part in outcomes[0].values for row in _rows(part, outcomes, baseline, seed)]
    return {
        "protocol": split.protocol,
        "cut": split.cut,
        "candidates": split.candidates,
        "baseline": baseline.name if baseline else None,
        "models": rows,
        "data": facts(split),
        "seed": seed,
        "conclusion": conclusion(outcomes, best, simple, seed),
        "choice": choice(outcomes, seed),
        "versions": versions(),
    }


def versions() -> dict[str, Json]:
    """Return the versions of what computes the figures."""
    libraries = {name: version(name) for name in ("numpy", "scipy", "polars", "torch")}
    return {"tacit": __version__, "python": platform.python_version(), **libraries}


def best_simple(outcomes: Sequence[Outcome], simple: Collection[str]) -> Outcome | None:
    """Return the simple model with the best NDCG@10 over all users; None where there is none."""
    among = [outcome for outcome in outcomes if outcome.name in simple]
    return max(among, key=lambda outcome: outcome.values["all"][MAIN].mean(), default=None)


def conclusion(
    outcomes: Sequence[Outcome], baseline: Outcome | None, simple: Collection[str], seed: int
) -> str:
    """Return one sentence: which model is best and whether it beats the best simple one beyond noise."""
    best = max(outcomes, key=lambda outcome: outcome.values["all"][MAIN].mean())
    lead = f"{best.name} is best with {MAIN} {best.values['all'][MAIN].mean():.4f}"
    if baseline is None:
        return f"{lead}; there is no simple model to compare it with."
    if best is baseline:
        costlier = [outcome.name for outcome in outcomes if outcome.name not in simple]
        if not costlier:
            return f"{lead} among the simple models; only such were compared."
        return f"{lead}: a simple model, and none of {', '.join(costlier)} does better."
    difference = best.values["all"][MAIN] - baseline.values["all"][MAIN]
    low, high = interval(difference, generator(seed, "bootstrap"))
    verdict = "beyond noise" if low > 0 else "but within noise"
    return (
        f"{lead}, {difference.mean():+.4f} over {baseline.name}, the best simple model "
        f"(95 % interval {low:+.4f} to {high:+.4f}): {verdict}."
    )


def choice(outcomes: Sequence[Outcome], seed: int) -> dict[str, Json]:
    """Return the ``name`` of the model to choose and the ``reason``, a sentence.

    It is the cheapest that no more expensive one beats beyond noise: NDCG@10 over all users, the 95 %
    interval of the paired difference. The cost is milliseconds a list; ties: seconds of the fit.
    """
    ranked = sorted(outcomes, key=lambda outcome: (outcome.costs.ms_per_list, outcome.costs.fit_seconds))
    values = np.stack([outcome.values["all"][MAIN] for outcome in ranked], axis=1)
    means = resampled_means(values, generator(seed, "bootstrap"))
    chosen = next(
        one
        for one in range(len(ranked))
        if all(percentiles(costlier - means[:, one])[0] <= 0 for costlier in means[:, one + 1 :].T)
    )
    return {"name": ranked[chosen].name, "reason": _reason(ranked, chosen, values, means)}


def _reason(ranked: Sequence[Outcome], chosen: int, values: Float64, means: Float64) -> str:
    """Return the sentence of a choice; models from cheap to expensive, ``means`` those of the resamples."""
    lead, quality = f"Choose {ranked[chosen].name}", values.mean(axis=0)
    if len(ranked) == 1:
        return f"{lead}: no other was compared."
    if chosen < len(ranked) - 1:
        one, other = chosen + 1 + int(quality[chosen + 1 :].argmax()), chosen
        lead = f"{lead}: no more expensive model is better beyond noise; {ranked[one].name} has"
    else:
        one, other = chosen, int(quality[:-1].argmax())
        lead = f"{lead}: each cheaper model is beaten beyond noise; over {ranked[other].name} it has"
    low, high = percentiles(means[:, one] - means[:, other])
    times = ranked[one].costs.ms_per_list / ranked[other].costs.ms_per_list
    return (
        f"{lead} {quality[one] - quality[other]:+.4f} (95 % interval {low:+.4f} to {high:+.4f}) "
        f"at {times:,.{int(times < 10)}f} times the cost of a list."
    )


def _rows(part: str, outcomes: Sequence[Outcome], baseline: Outcome | None, seed: int) -> list[Json]:
    """Return one row a model for a slice, all from the same resamples of its users."""
    values = np.stack([np.stack(list(o.values[part].values()), axis=1) for o in outcomes], axis=1)
    users, models, metrics = values.shape
    means = resampled_means(values.reshape(users, models * metrics), generator(seed, "bootstrap"))
    means = means.reshape(-1, models, metrics)
    base = None if baseline is None else list(outcomes).index(baseline)
    rows: list[Json] = []
    for place, outcome in enumerate(outcomes):
        figures: dict[str, Json] = {}
        for column, name in enumerate(outcome.values[part]):
            figure = _figure(values[:, place, column], means[:, place, column])
            if base is not None and base != place:
                figure["difference"] = _figure(
                    values[:, place, column] - values[:, base, column],
                    means[:, place, column] - means[:, base, column],
                )
            figures[name] = figure
        for name, whole in outcome.beyond[part].items():
            figures[name] = {"value": whole, "low": None, "high": None}
        rows.append(
            {"name": outcome.name, "slice": part, "users": users, "metrics": figures, **_costs(outcome)}
        )
    return rows


def _figure(values: Float64, means: Float64) -> dict[str, Json]:
    low, high = percentiles(means)
    return {"value": float(values.mean()), "low": low, "high": high}


def _costs(outcome: Outcome) -> dict[str, Json]:
    costs = outcome.costs
    return {
        "fit_seconds": round(costs.fit_seconds, 3),
        "ms_per_list": round(costs.ms_per_list, 3),
        "ms_per_list_batch": round(costs.ms_per_list_batch, 4),
        "peak_mb": round(costs.peak_mb, 1),
    }


def facts(split: Split) -> dict[str, Json]:
    """Return what a split holds: events, users, items and targets."""
    unknown = split.targets < 0
    cold = unknown | split.cold[split.targets]
    return {
        "train_events": len(split.train),
        "train_users": len(split.train.active_users()),
        "items": len(split.catalogue),
        "test_events": split.test_events,
        "test_users": len(split.queries),
        "left_out_test_users": split.left_out_users,
        "warm_test_users": int((split.queries.acted().lengths > 0).sum()),
        "targets": len(split.targets),
        "cold_target_share": float(np.mean(cold)),
        "unknown_target_share": float(np.mean(unknown)),
    }
