"""CPU time of an answer by stage, each without the stages within it."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from stages import Stage, Stages

from tacit.features import families
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.pipeline import retrieval, secondstage, twostage
from tacit.pipeline.blend import Blend
from tacit.pipeline.twostage import TwoStage
from tacit.pipeline.unseen import TextFit


def _retriever(retriever: Any, *_: Any) -> str:
    return f"retriever {retriever.name}"


def _union(parts: Any, *_: Any) -> str:
    return "first stage, one call" if parts else "union"


def _family(family: Any, *_: Any) -> str:
    return next(f"features {name}" for name, one in families.FAMILIES.items() if one is family)


_STAGES: tuple[Stage, ...] = (
    (retrieval, "_sparse_scores", _retriever),
    (retrieval, "_full_scores", _retriever),
    (retrieval, "united", _union),
    (retrieval, "top_k", "union"),
    (retrieval, "_closest_unseen", "union"),
    (twostage, "candidates", "candidates, the rest"),
    (secondstage, "normalised", "standardise"),
    (Blend, "score", "blend"),
    (secondstage, "log_softmax", "blend"),
    (secondstage, "_best", "best by blend"),
    (families.Family, "values", _family),
    (FeatureMaker, "transform", "features, the rest"),
    (Normaliser, "transform", "normalise features"),
    (secondstage, "pair_scores", "ranker"),
    (secondstage.SecondStage, "score", "second stage, one call or the rest"),
    (TextFit, "joined", "items without events"),
    (TextFit, "listed", "items without events, best k"),
    (twostage, "_best_listed", "best k"),
    (twostage, "filled", "best k"),
    (TwoStage, "recommend", "list, the rest"),
    (TwoStage, "reasons", "reasons"),
)
"""What is timed: owner, attribute, name of the stage. One compiled call is one stage."""


class StageTimes(Stages):
    """Seconds of CPU of a thread by stage of an answer."""

    def __init__(self) -> None:
        super().__init__(time.thread_time)

    def answering(self) -> AbstractContextManager[None]:
        """Time the stages of the answers within."""
        return self.measuring(_STAGES)


def microseconds(old: StageTimes, new: StageTimes, answers: int) -> dict[str, list[float]]:
    """Return the mean microseconds of each stage of an answer by two paths, the longest first."""
    stages = dict.fromkeys([*new.spent, *old.spent])
    found = {
        stage: [1e6 * one.spent.get(stage, [0.0])[0] / answers for one in (old, new)] for stage in stages
    }
    found = dict(sorted(found.items(), key=lambda one: -one[1][1]))
    return found | {"all": [sum(times) for times in zip(*found.values(), strict=True)]}


def table(stages: Mapping[str, Sequence[float]]) -> str:
    """Return them as a table of Markdown."""
    lines = ["| stage, us of CPU | old | new |", "|---|---|---|"]
    lines += [f"| {stage} | {old:,.0f} | {new:,.0f} |" for stage, (old, new) in stages.items()]
    return "\n".join(lines)
