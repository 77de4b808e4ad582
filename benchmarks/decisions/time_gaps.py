"""The sequential model with time gaps in place of places and with recent popularity (TALE), before any test.

Park et al., "Temporal linear item-item model for sequential recommendation", WSDM 2025: a previous event
counts ``max(exp(-gap / tau), floor)``, and a target with a power of its recent popularity.
"""

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from tacit.core.parameters import parameter
from tacit.core.types import DAY, Float32, Float64, Int32, Int64
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models import csr, sequential
from tacit.models.decay import decayed, fading
from tacit.models.sequential import Sequential, _Steps

GAPS = 8


@dataclass(frozen=True)
class _TimedSteps(_Steps):
    """Steps whose previous events count by their distance in time.

    Attributes
    ----------
    at : float64[events]
    tau : float
        Seconds.
    floor : float
    anchor : int
        0: the gap to the target counts; 1: that to the last event before it.
    """

    at: Float64
    tau: float
    floor: float
    anchor: int

    def weights(self, window: int, decay: float) -> list[Float64]:
        """Return what each event counts for the event ``lag`` after it, for lags 0 to ``window``."""
        found = []
        for lag in range(window + 1):
            gap = self.later(self.at, max(lag - self.anchor, 0)) - self.at
            found.append(decay ** (lag - 1) * np.maximum(np.exp(-np.maximum(gap, 0) / self.tau), self.floor))
        return found

    def of_previous(self, window: int, decay: float) -> Float32:
        added = np.zeros((window + 1, len(self.item)), dtype=np.float32)
        w = self.weights(window, decay)
        for lag in range(window):
            total = np.zeros(len(self.item))
            for m in range(1, window - lag + 1):
                total += w[lag + m] * self.later(w[m] * self.later(self.step, m), lag)
            added[lag] = self.liked * self.later(self.liked, lag) * total
        added[0] /= 2
        return added

    def of_next(self, window: int, decay: float) -> Float32:
        added = np.zeros((window + 1, len(self.item)), dtype=np.float32)
        w = self.weights(window, decay)
        target = self.liked * self.step
        for lag in range(1, window + 1):
            added[lag] = self.liked * self.later(target, lag) * w[lag]
        return added


class TimeGaps(Sequential):
    """The sequential model by gaps in time: ``tau`` in days, by default `GAPS` median gaps."""

    name: str = "time-gaps"
    tau: float | None = parameter(default=None, above=0)
    floor: float = parameter(default=0.4, low=0, high=1)
    anchor: int = parameter(default=1, low=0, high=1)
    recent: float = parameter(default=0.0, low=0, high=2)

    def _solved(self, interactions: Interactions, items: Int64) -> Float32:
        def steps(log: Interactions, among: Int64, half_life: float | None) -> _Steps:
            plain = usual(log, among, half_life)
            own = {field.name: getattr(plain, field.name) for field in fields(plain)}
            return _TimedSteps(**own, at=log.at, tau=self.seconds_, floor=self.floor, anchor=self.anchor)

        usual = sequential._steps
        B: Float32
        if interactions.timing == "time":
            with patch.object(sequential, "_steps", steps):
                B = super()._solved(interactions, items)
        else:
            B = super()._solved(interactions, items)
        if self.recent:
            now = np.bincount(
                interactions.item,
                fading(interactions, None) * np.maximum(interactions.weight, 0),
                minlength=interactions.n_items,
            )[items]
            B *= ((now + now.mean()) / now.mean()).astype(np.float32) ** self.recent
        return B

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        weight = decayed(queries, self.decay)
        if queries.ordered and len(queries.at):
            last = queries.at[np.maximum(queries.offsets[1:] - 1, 0)][queries.row]
            gap = np.maximum(last - queries.at, 0)
            if self.timed_:
                weight = weight * np.maximum(np.exp(-gap / self.seconds_), self.floor)
        rows = queries.matrix(len(self.weights_.known), weight.astype(np.float32))
        scores = csr.dense_product(rows, self.weights_.matrix, self.weights_._baseline)
        return scores if items is None else scores[:, items]

    def fit(self, interactions: Interactions, catalogue: Any, *, rng: Any) -> "TimeGaps":
        self.timed_ = interactions.timing == "time"
        gaps = np.diff(interactions.at)[np.diff(interactions.user) == 0]
        gaps = gaps[gaps > 0]
        usual = GAPS * float(np.median(gaps)) if len(gaps) else 1.0
        self.seconds_ = usual if self.tau is None else self.tau * DAY
        return super().fit(interactions, catalogue, rng=rng)
