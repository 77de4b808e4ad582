"""What is known of two items: who chose both, whether one follows the other, how near the texts are."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tacit.core.types import Float32, Float64, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.pipeline.pair_counts import PairCounts


@dataclass(frozen=True)
class Likeness:
    """What is known of an item beside another.

    Attributes
    ----------
    both : int
        Users who chose both.
    together, following : float
        How many times as many users as popularity predicts chose both within a day, and chose it right after
        the other; 0 where too few did.
    text : float
        Cosine of the texts around their mean; NaN where one of the two has none.
    """

    both: int
    together: float
    following: float
    text: float


class Evidence:
    """Counts and texts of pairs of items; safe to share, as nothing that it holds changes.

    Parameters
    ----------
    interactions : Interactions
    catalogue : Catalogue
        The one that was fitted on: texts are compared around the mean of its vectors.
    """

    def __init__(self, interactions: Interactions, catalogue: Catalogue) -> None:
        self.counts = PairCounts(interactions)
        self._catalogue = catalogue

    def between(self, item: int, others: Int32, catalogue: Catalogue) -> list[Likeness]:
        """Return what is known of each of ``others`` (int32[m]) beside an item of a catalogue."""
        counts = self.counts
        following = counts.lift(item, "next") if counts.ordered else np.zeros(1)
        columns = (
            counts.by_both(item, others).tolist(),
            _at(counts.lift(item, "together"), others).tolist(),
            _at(following, others).tolist(),
            self._cosine(item, others, catalogue).tolist(),
        )
        return [Likeness(*values) for values in zip(*columns, strict=True)]

    def _cosine(self, item: int, others: Int32, catalogue: Catalogue) -> Float32:
        if catalogue.vectors is None or self._centre is None or not catalogue.has_text[item]:
            return np.full(len(others), np.nan, dtype=np.float32)
        own, theirs = catalogue.vectors[item] - self._centre, catalogue.vectors[others] - self._centre
        lengths = np.linalg.norm(own) * np.linalg.norm(theirs, axis=1)
        cosine = np.divide(theirs @ own, lengths, out=np.zeros(len(others), np.float32), where=lengths > 0)
        return np.where(catalogue.has_text[others], cosine, np.nan).astype(np.float32)

    @cached_property
    def _centre(self) -> Float32 | None:
        there = self._catalogue.has_text
        if self._catalogue.vectors is None or not there.any():
            return None
        centre: Float32 = self._catalogue.vectors[there].mean(axis=0)
        return centre


def _at(values: Float64, codes: Int32) -> Float64:
    """Return the values of codes, 0 for those of items that are newer: float64[m]."""
    padded = np.append(values, 0.0)
    return padded[np.minimum(codes, len(values))]
