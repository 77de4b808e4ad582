"""Outcomes of several cuts in time as one report: means, spreads, and what to expect of the next stretch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tacit.core.types import Float64, Json
from tacit.data.vocabulary import Vocabulary
from tacit.evaluation.evaluate import Outcome
from tacit.evaluation.leaderboard import MAIN, facts, versions
from tacit.evaluation.origins import (
    DIFFERENCES,
    LEVEL,
    SHARES,
    Moments,
    Sample,
    Scale,
    estimate,
    moments_of,
    moments_of_wholes,
    one_step_ahead,
)
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split

_ALL = "all"
_WHOLES: Mapping[str, Scale] = {
    "diversity@10": Scale(0.0, 2.0),
    "novelty@10": Scale(0.0, float("inf")),
}
"""What figures of all lists together can be that are no shares."""


@dataclass(frozen=True)
class Origin:
    """What the models did at one cut.

    Attributes
    ----------
    cut : float
        Unix seconds.
    outcomes : mapping of name to Outcome
        Without the fitted models.
    users : mapping of slice to Series of text
        Ids of the users of each slice, in the order of its values.
    facts : dict
        See `tacit.evaluation.leaderboard.facts`.
    candidates : str
    """

    cut: float
    outcomes: Mapping[str, Outcome]
    users: Mapping[str, pl.Series]
    facts: dict[str, Json]
    candidates: str = "catalogue"


def origin_of(outcomes: Sequence[Outcome], split: Split) -> Origin:
    """Return what is kept of one cut; the fitted models are let go."""
    users = {part.name: split.user_ids.gather(part.rows).cast(pl.String) for part in slices(split)}
    kept = {outcome.name: replace(outcome, model=None) for outcome in outcomes}
    return Origin(split.cut or 0.0, kept, users, facts(split), split.candidates)


def origins_report(
    origins: Sequence[Origin], *, simple: Collection[str], against: str | None = None, seed: int = 7
) -> dict[str, Json]:
    """Return the report of several cuts as JSON, of the same form as that of one cut.

    In place of a value of one test, ``value`` is the mean over the stretches and ``low`` to ``high`` the
    95 % interval of this mean. Beside them stand ``between_users`` and ``between_cuts``, the standard
    deviations that users and moments give the figure of one stretch, ``prediction`` (``low``, ``high``), the
    95 % interval of the next stretch, ``held`` of ``predicted`` intervals made from earlier stretches, and
    ``values``, stretch by stretch. Differences are paired and have the same fields.

    Parameters
    ----------
    origins : sequence of Origin
        In the order of time.
    simple, against, seed
        As in `tacit.evaluation.leaderboard.leaderboard`.
    """
    figures = _Figures(origins)
    ranked = sorted(figures.models, key=figures.mean, reverse=True)
    best = next((name for name in ranked if name in simple), None)
    baseline = against or best
    tried = [one_step_ahead(figures.moments(name), SHARES) for name in figures.models]
    return {
        "protocol": "time",
        "cut": None,
        "candidates": origins[0].candidates,
        "baseline": baseline,
        "origins": {
            "count": len(origins),
            "level": LEVEL,
            "held": sum(held for held, _ in tried),
            "predicted": sum(predicted for _, predicted in tried),
            "stretches": [{"cut": one.cut, **one.facts} for one in origins],
        },
        "models": [
            figures.row(name, part, baseline)
            for part in figures.slices
            for name in figures.models
            if figures.where(name, part)
        ],
        "data": origins[-1].facts,
        "seed": seed,
        "conclusion": _conclusion(figures, ranked[0], best, simple),
        "choice": _choice(figures),
        "versions": versions(),
    }


class _Figures:
    """The figures of models over origins; a slice or model that an origin lacks is left out there."""

    def __init__(self, origins: Sequence[Origin]) -> None:
        self.origins = origins
        self.models = list(dict.fromkeys(name for one in origins for name in one.outcomes))
        self.slices = list(dict.fromkeys(part for one in origins for part in one.users))
        people = Vocabulary.of(*(ids for one in origins for ids in one.users.values()))
        self._users = [
            {part: people.encode(ids).astype(np.int64) for part, ids in one.users.items()} for one in origins
        ]

    def where(self, name: str, part: str) -> list[int]:
        """Return the origins in which a model has a slice."""
        return [
            place
            for place, one in enumerate(self.origins)
            if name in one.outcomes and part in one.outcomes[name].values
        ]

    def moments(self, name: str, part: str = _ALL, metric: str = MAIN) -> Moments:
        return moments_of(
            [
                Sample(self._users[place][part], self._values(place, name, part, metric))
                for place in self.where(name, part)
            ]
        )

    def differences(self, name: str, base: str, part: str = _ALL, metric: str = MAIN) -> Moments | None:
        """Return the moments of paired differences; None where no origin has both."""
        both = set(self.where(base, part))
        samples = [
            Sample(
                self._users[place][part],
                self._values(place, name, part, metric) - self._values(place, base, part, metric),
            )
            for place in self.where(name, part)
            if place in both
        ]
        return moments_of(samples) if samples else None

    def mean(self, name: str) -> float:
        return float(self.moments(name).means.mean())

    def cost(self, name: str) -> tuple[float, float]:
        """Return the mean milliseconds of a list, and seconds of a fit."""
        costs = self._costs(name)
        return costs["ms_per_list"], costs["fit_seconds"]

    def row(self, name: str, part: str, baseline: str | None) -> dict[str, Json]:
        """Return a model in a slice as a row of the report."""
        places = self.where(name, part)
        first = self.origins[places[0]].outcomes[name]
        metrics: dict[str, Json] = {}
        for metric in first.values[part]:
            figure = _figure(self.moments(name, part, metric), SHARES)
            if baseline is not None and baseline != name:
                away = self.differences(name, baseline, part, metric)
                if away is not None:
                    figure["difference"] = _figure(away, DIFFERENCES)
            metrics[metric] = figure
        for metric in first.beyond[part]:
            metrics[metric] = self._whole(name, part, metric)
        return {
            "name": name,
            "slice": part,
            "users": sum(len(self._users[place][part]) for place in places),
            "origins": len(places),
            "metrics": metrics,
            **self._costs(name),
        }

    def _whole(self, name: str, part: str, metric: str) -> dict[str, Json]:
        """Return a figure of all lists of a stretch together: users give it no spread of its own."""
        found = [
            self.origins[place].outcomes[name].beyond[part].get(metric) for place in self.where(name, part)
        ]
        values = [value for value in found if value is not None]
        if not values:
            return {"value": None, "low": None, "high": None}
        return {
            **_figure(moments_of_wholes(values), _WHOLES.get(metric, SHARES)),
            "between_users": None,
        }

    def _values(self, place: int, name: str, part: str, metric: str) -> Float64:
        return self.origins[place].outcomes[name].values[part][metric]

    def _costs(self, name: str) -> dict[str, float]:
        costs = [one.outcomes[name].costs for one in self.origins if name in one.outcomes]
        return {
            "fit_seconds": round(float(np.mean([one.fit_seconds for one in costs])), 3),
            "ms_per_list": round(float(np.mean([one.ms_per_list for one in costs])), 3),
            "ms_per_list_batch": round(float(np.mean([one.ms_per_list_batch for one in costs])), 4),
            "peak_mb": round(max(one.peak_mb for one in costs), 1),
        }


def _figure(moments: Moments, scale: Scale) -> dict[str, Json]:
    found = estimate(moments, scale)
    held, predicted = one_step_ahead(moments, scale)
    low, high = found.interval or (None, None)
    return {
        "value": found.mean,
        "low": low,
        "high": high,
        "between_users": found.between_users,
        "between_cuts": found.between_cuts,
        "prediction": None
        if found.prediction is None
        else {"low": found.prediction[0], "high": found.prediction[1]},
        "held": held,
        "predicted": predicted,
        "values": moments.means.tolist(),
    }


def _conclusion(figures: _Figures, best: str, simple_best: str | None, simple: Collection[str]) -> str:
    """Return which model is best, whether beyond noise, and what to expect of the next stretch."""
    lead = (
        f"{best} is best with {MAIN} {figures.mean(best):.4f}, the mean of {len(figures.origins)} stretches"
    )
    return f"{lead}{_gain(figures, best, simple_best, simple)} {_expectation(figures.moments(best))}"


def _gain(figures: _Figures, best: str, simple_best: str | None, simple: Collection[str]) -> str:
    if simple_best is None:
        return "; there is no simple model to compare it with."
    if best == simple_best:
        others = [name for name in figures.models if name not in simple]
        return f": a simple model, and none of {', '.join(others)} does better." if others else "."
    gain = figures.differences(best, simple_best)
    if gain is None:
        return f"; no stretch has both it and {simple_best}, the best simple one."
    found = estimate(gain, DIFFERENCES)
    if found.interval is None:
        return f", {found.mean:+.4f} over {simple_best}, the best simple one."
    low, high = found.interval
    verdict = "beyond noise" if low > 0 else "but within noise"
    return (
        f", {found.mean:+.4f} over {simple_best}, the best simple one "
        f"(95 % interval {low:+.4f} to {high:+.4f}): {verdict}."
    )


def _expectation(moments: Moments) -> str:
    found = estimate(moments, SHARES)
    if found.prediction is None:
        return "Nothing varies between stretches or users, so there is no interval for the next stretch."
    low, high = found.prediction
    held, predicted = one_step_ahead(moments, SHARES)
    said = f"The next stretch lies between {low:.4f} and {high:.4f} (95 % prediction interval)"
    return f"{said}; made from earlier stretches, it held {held} of {predicted}." if predicted else f"{said}."


def _choice(figures: _Figures) -> dict[str, Json]:
    """Return the cheapest model that no more expensive one beats beyond noise, and a sentence on it."""
    ranked = sorted(figures.models, key=figures.cost)
    for place, name in enumerate(ranked):
        costlier = ranked[place + 1 :]
        if not any(_beats(figures, other, name) for other in costlier):
            break
    if len(ranked) == 1:
        reason = "no other was compared"
    elif costlier:
        reason = "no more expensive model is better beyond noise over these stretches"
    else:
        reason = "each cheaper model is beaten beyond noise over these stretches"
    return {"name": name, "reason": f"Choose {name}: {reason}."}


def _beats(figures: _Figures, one: str, other: str) -> bool:
    gain = figures.differences(one, other)
    found = None if gain is None else estimate(gain, DIFFERENCES)
    return found is not None and found.interval is not None and found.interval[0] > 0
