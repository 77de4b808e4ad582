"""Evidence on two items: users who chose both, whether one follows the other, similarity of the texts."""

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from tacit.core.types import Float32, Float64, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.pipeline.pair_counts import PairCounts


@dataclass(frozen=True)
class Likeness:
    """Evidence on a pair of items.

    Attributes
    ----------
    both : int
        Users who chose both.
    together, following : float
        Number of users who chose both within a day, and who chose it right after the other, as a multiple of
        what popularity predicts; 0 if they are too few.
    text : float
        Cosine of the centred vectors of the texts; NaN if one of the two has none.
    """

    both: int
    together: float
    following: float
    text: float


class Evidence:
    """Counts and texts of pairs of items; safe to share between threads.

    Parameters
    ----------
    interactions : Interactions
    catalogue : Catalogue
        That of the fit: vectors are centred on the mean of its vectors.
    """

    def __init__(self, interactions: Interactions, catalogue: Catalogue) -> None:
        self.counts = self._fitted = PairCounts(interactions)
        self._catalogue = catalogue

    def updated(self, histories: Interactions, n_items: int) -> Self:
        """Return the evidence where some users have other histories than at the fit.

        Parameters
        ----------
        histories : Interactions
            All events of every user who has later ones.
        n_items : int
        """
        newer = copy.copy(self)
        newer.counts = self._fitted.updated(histories, n_items)
        return newer

    def between(self, item: int, others: Int32, catalogue: Catalogue) -> list[Likeness]:
        """Return the evidence on an item of a catalogue and each of ``others`` (int32[m])."""
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
        if self._catalogue.centred:
            return np.zeros(self._catalogue.vectors.shape[1], dtype=np.float32)
        centre: Float32 = self._catalogue.vectors[there].mean(axis=0)
        return centre


def _at(values: Float64, codes: Int32) -> Float64:
    """Return the values of codes, 0 for those of items that are newer: float64[m]."""
    padded = np.append(values, 0.0)
    return padded[np.minimum(codes, len(values))]
