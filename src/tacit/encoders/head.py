"""A linear head behind a frozen encoder, learned from interactions: a way to tune an encoder on a CPU.

ELSA (Vančura et al., RecSys 2022) and beeFormer (Vančura et al., RecSys 2024, arXiv 2409.10309) learn item
vectors A whose similarities rebuild histories of unit length from themselves. With the encoder's vectors F
frozen, A is ``F W``, and for ``M = W W'`` that is a ridge regression: ``|X - X F M F'|^2 + l |M - s I|^2`` is
least where ``G M T + l M = R + l s I``, with ``G = F'X'XF`` and ``T = F'F``. R is G without the products of
items with themselves, ``G - F' diag(X'X) F``, which hold no information. In the eigenvectors U of G
(values g) and V of T (values t) that is ``(U'RV + l s U'V) / (g t' + l)``: two eigendecompositions and no
gradient.

The strength l of the pull to the identity (which leaves the encoder as it is) decides how good the head is
for items that nobody has clicked. So it is chosen on such items (`tacit.encoders.cold`); the identity itself
is one of the choices. docs/log/encoder-head.md has the measurements.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tacit.core.types import Array, Bool, Float32, Float64
from tacit.data.interactions import Interactions
from tacit.encoders.cold import ColdItems, Quality

STRENGTHS: tuple[float | None, ...] = (None, 100.0, 30.0, 10.0, 3.0, 1.0)
"""Strengths of the pull to the identity, in units of the mean of ``g t'``; None is the identity itself."""

_SCALE = 3.0
"""Length of the identity that M is pulled to, in units of the best-fitting multiple of it."""

_ROWS = 8_192
"""Histories held as dense vectors at once."""


@dataclass(frozen=True)
class Head:
    """A linear map of unit vectors.

    Attributes
    ----------
    matrix : float32[d, k]
    strength : float or None
        Strength of the pull to the identity; None if it is the identity.
    """

    matrix: Float32
    strength: float | None

    def transform(self, vectors: Float32) -> Float32:
        """Return float32[n, k] with rows of length 1; a row of zeros stays one."""
        turned = vectors if self.strength is None else vectors @ self.matrix
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        return (turned / np.where(length > 1e-9, length, np.inf)).astype(np.float32)

    def arrays(self) -> dict[str, Array]:
        """Return the matrix and the strength: float64, NaN where there is none."""
        strength = np.nan if self.strength is None else self.strength
        return {"head": self.matrix, "strength": np.array(strength, dtype=np.float64)}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array]) -> "Head":
        """Rebuild from what `arrays` returned."""
        strength = float(arrays["strength"].item())
        return cls(arrays["head"], None if np.isnan(strength) else strength)


@dataclass(frozen=True)
class Trial:
    """Quality of a strength on the held-out items."""

    strength: float | None
    quality: Quality


@dataclass(frozen=True)
class Fit:
    """A head, and the trials that it was chosen by.

    Attributes
    ----------
    head : Head
        Learned from the whole log with the best strength.
    trials : list of Trial
        The identity first.
    """

    head: Head
    trials: list[Trial]

    @property
    def before(self) -> Quality:
        """Quality of the encoder as it is on the held-out items."""
        return self.trials[0].quality

    @property
    def after(self) -> Quality:
        """Quality of the best head, learned without the held-out items; optimistic, as the best of a few."""
        return _best(self.trials).quality


def fit_head(
    interactions: Interactions,
    vectors: Float32,
    *,
    rng: np.random.Generator,
    strengths: tuple[float | None, ...] = STRENGTHS,
) -> Fit:
    """Learn a head from interactions.

    Parameters
    ----------
    interactions : Interactions
    vectors : float32[items, d]
        Centred vectors of length 1; zeros where an item has no text.
    rng : numpy.random.Generator
        Draws the held-out items if the log has no times.
    strengths : tuple of float or None
        Strengths to try, the identity (None) first; of equals the earlier one is taken.
    """
    cold = ColdItems.of(interactions, np.any(vectors, axis=1), rng)
    learned = _Normal.of(cold.train, vectors)
    trials = [
        Trial(strength, cold.quality(learned.head(strength).transform(vectors))) for strength in strengths
    ]
    head = _Normal.of(interactions, vectors).head(_best(trials).strength)
    return Fit(head, trials)


def _best(trials: list[Trial]) -> Trial:
    return max(trials, key=lambda trial: trial.quality.ndcg)


@dataclass(frozen=True)
class _Normal:
    """The normal equations of the regression, ready for any strength.

    Attributes
    ----------
    g, t : float64[d]
    U, V : float64[d, d]
    target : float64[d, d]
        ``U'RV``.
    scale : float
        The multiple of the identity that fits best, never negative.
    """

    g: Float64
    t: Float64
    U: Float64
    V: Float64
    target: Float64
    scale: float

    @classmethod
    def of(cls, interactions: Interactions, vectors: Float32) -> "_Normal":
        X = _histories(interactions, vectors)
        F = vectors.astype(np.float64)
        diagonal = np.bincount(X.indices, np.square(X.data), minlength=len(F))  # of X'X
        F[diagonal == 0] = 0
        G, T = _gram(X, F), F.T @ F
        R = G - (F.T * diagonal) @ F
        (g, U), (t, V) = np.linalg.eigh(G), np.linalg.eigh(T)
        fits = float(np.trace(R) / max(np.sum(G * T), 1e-12))
        return cls(g, t, U, V, U.T @ R @ V, max(fits, 0.0))

    def head(self, strength: float | None) -> Head:
        """Return the head of a strength: the symmetric root of the positive part of M."""
        if strength is None:
            return Head(np.eye(len(self.g), dtype=np.float32), None)
        pull = strength * self.g.mean() * self.t.mean()
        identity = _SCALE * self.scale * (self.U.T @ self.V)
        M = self.U @ ((self.target + pull * identity) / (np.outer(self.g, self.t) + pull + 1e-12)) @ self.V.T
        values, Q = np.linalg.eigh((M + M.T) / 2)
        root = (Q * np.sqrt(np.maximum(values, 0))) @ Q.T
        return Head(root.astype(np.float32), strength)


def _histories(interactions: Interactions, vectors: Float32) -> sparse.csr_array:
    """Return the histories of two known items or more, with rows of length 1: csr_array float32[n, items]."""
    known: Bool = np.any(vectors, axis=1)
    X = interactions.select(known[interactions.item]).matrix()
    X = X[np.diff(X.indptr) > 1]
    X.data = np.repeat(np.diff(X.indptr) ** -0.5, np.diff(X.indptr)).astype(np.float32)
    return X


def _gram(X: sparse.csr_array, F: Float64) -> Float64:
    """Return ``F'X'XF``: float64[d, d]."""
    G = np.zeros((F.shape[1], F.shape[1]))
    for start in range(0, X.shape[0], _ROWS):
        Z = X[start : start + _ROWS] @ F
        G += Z.T @ Z
    return G
