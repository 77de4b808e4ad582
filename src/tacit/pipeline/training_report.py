"""Report of a fit as plain data: kept in the snapshot, shown by pages and commands."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from tacit.core.types import Json
from tacit.pipeline.best_part import BestPart
from tacit.pipeline.similar_fit import SimilarReport
from tacit.pipeline.unseen import UnseenReport
from tacit.rankers.calibration import Bin
from tacit.rankers.importance import Importance
from tacit.rankers.ranker import Epoch


@dataclass(frozen=True)
class TrainingReport:
    """Learned weights, training curves, and quality on lists that the ranker was not trained on.

    Of a cross-fitted ranker (docs/decisions/003-how-much-the-ranker-counts.md) these are all lists, each
    scored by a network that left it out; validation figures of its epochs are those of all lists too. With a
    cut in time a network leaves out a whole stretch, else a share of the users.

    Attributes
    ----------
    weights : mapping of retriever to its weight in the blend
    epochs : list of Epoch
    test : mapping or None
        Loss (binary cross entropy), accuracy and AUC of the calibrated ranker on held-out users, of a
        cross-fitted one on every second share of the lists: the others calibrated it.
    ranker_weight : float
        Factor of the ranker's addition to the blend.
    valid_ndcg : mapping of ranker weight to NDCG@10 on the lists that the ranker was not trained on
    calibration : mapping or None
        ``temperature`` and ``bias`` that turn the ranker's scores into probabilities, fitted on the
        validation users or on the other shares, and the expected calibration ``error`` on the lists of
        ``test``.
    reliability : list of Bin
        Predicted and observed probabilities for the lists of ``test``.
    importance : list of Importance
        Loss of validation loss and NDCG@10 without each family and each column of the features; empty unless
        the configuration asks for it (``importance = true``).
    gain : mapping or None
        ``before`` and ``after``: that NDCG@10 of the blend and of the ranked lists, with the 95 % interval of
        the paired difference, ``low`` to ``high`` (normal approximation, over users). Neither blend nor
        ranker learned from the share of a list, nor did the share take part in the choice of the weight at
        which the list is ranked.
    part : BestPart or None
        The blend beside the best of its retrievers.
    unseen : UnseenReport or None
        What items without events get; None where nothing reads texts.
    similar : mapping of kind of related items to SimilarReport
        What their lists weigh; of kinds with two lists or more.
    queries, pairs : int
        Number of queries and of user/item pairs in the examples.
    """

    weights: dict[str, float]
    epochs: list[Epoch]
    test: dict[str, float] | None
    ranker_weight: float
    valid_ndcg: dict[str, float]
    gain: dict[str, float] | None
    calibration: dict[str, float] | None
    reliability: list[Bin]
    importance: list[Importance]
    part: BestPart | None
    queries: int
    pairs: int
    unseen: UnseenReport | None = None
    similar: dict[str, SimilarReport] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the report as JSON; null where a measure is not defined (JSON has no NaN)."""
        values: dict[str, Json] = defined(asdict(self))
        return values

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Rebuild the report from what `to_json` returned."""
        lists = {"epochs": Epoch, "reliability": Bin, "importance": Importance}
        values = {one.name: raw[one.name] for one in fields(cls) if one.name in raw}
        for name, kind in lists.items():
            values[name] = [kind(**undefined(one)) for one in raw[name]]
        values["part"] = None if raw["part"] is None else BestPart(**raw["part"])
        values["unseen"] = None if raw["unseen"] is None else UnseenReport(**raw["unseen"])
        values["similar"] = {kind: SimilarReport(**one) for kind, one in raw.get("similar", {}).items()}
        for name in ("test", "gain", "calibration"):
            values[name] = None if raw[name] is None else undefined(raw[name])
        return cls(**values)


def defined(value: Any) -> Any:
    """Return plain data with null in place of NaN, which JSON lacks."""
    if isinstance(value, dict):
        return {name: defined(part) for name, part in value.items()}
    if isinstance(value, list):
        return [defined(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def undefined(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat plain data with NaN in place of null: the inverse of `defined`."""
    return {name: math.nan if value is None else value for name, value in values.items()}
