"""Sequential: linear weights from what came before to what comes next, in closed form.

Choi et al., "Session-aware linear item-item models for session-based recommendation" (SLIST), WWW 2021. One
ridge regression of two halves: from the decayed previous events of every event to that event (order matters),
and from the items of a user to each other (it does not: EASE). An item's weight on itself is held at zero, as
in EASE. A log without order is learned by the second half alone.

The weights minimise ``(1 - q) |T - S B|^2 + q u |X - X B|^2 + l2 |B|^2`` (each step with its own weight),
where a row of S is the decayed sum of the items before an event, the row of T that event, X users x items, q
the ``similarity`` and u what brings both halves to one scale. So ``B = G^-1 (A - diag(m))`` with
``G = (1 - q) S'S + q u X'X + l2 I`` and ``A = (1 - q) S'T + q u X'X``. S and T, one row an event, are never
made: what pairs of events some lag apart add to S'S and S'T is a recurrence over the lags.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from tacit.core import kernels
from tacit.core.parameters import parameter
from tacit.core.spaces import Choice, Float
from tacit.core.types import Float32, Float64, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.ranking import Ranking
from tacit.models.chunks import user_chunks
from tacit.models.decay import fading
from tacit.models.gram import CELLS, blocks, check_memory, inverse, largest, most_popular
from tacit.models.itemitem import ByItems, ItemItem
from tacit.models.shared_spaces import FORGETS
from tacit.models.sharing import shared_gram, wanted


class Sequential(ByItems):
    """Weights from the items of a history to the item that follows.

    Parameters
    ----------
    similarity : float
        Share of the half that does not look at the order, in [0, 1]; 1 is EASE. A log without times and
        without an order is learned as if it were 1.
    window : int
        Previous events from which an event is predicted, at most.
    decay : float
        How much less each earlier event of a history counts, in (0, 1]; the same for learning and scoring.
    half_life : float, optional
        Days after which a step from the previous events to the next counts half while learning; by default
        nothing fades.
    l2 : float
        Regularisation, in units of the mean of the diagonal of the products, so that one value suits
        logs of all sizes.
    keep : int
        Weights kept of each row, the largest by absolute value.
    max_items : int
        The most popular items that take part; time grows with the third power of their number, memory
        with the second (12,000: 1.3 GB). The others get ``-inf``.
    """

    name: str = "sequential"
    similarity: float = parameter(default=0.15, low=0, high=1, search=Float(0.02, 0.8, log=True))
    window: int = parameter(default=20, low=1, high=1_000, unit="events", search=Choice((10, 20, 40)))
    decay: float = parameter(default=0.8, above=0, high=1, search=Float(0.6, 0.95))
    half_life: float | None = parameter(default=None, above=0, unit="days", search=FORGETS)
    l2: float = parameter(default=0.5, low=0, high=1e6, search=Float(0.1, 10.0, log=True))
    keep: int = parameter(default=200, low=1, high=100_000)
    max_items: int = parameter(default=12_000, low=1, high=1_000_000)

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Solve for the weights and return self.

        Raises
        ------
        UnsupportedError
            If the items need more than half of the machine's memory.
        """
        items = most_popular(wanted(interactions, None), self.max_items)
        check_memory(f"a sequential model of {len(items):,} items", 2 * len(items) ** 2 + 4 * CELLS)
        B = largest(self._solved(interactions, items), self.keep) if len(items) else sparse.coo_array((0, 0))
        self.weights_ = ItemItem.among(items, B, len(catalogue))
        return self

    def following(self, items: Int32, k: int) -> Ranking:
        """Return the k items that an event on each of ``items`` leads to most."""
        return self.weights_.best(items, k)

    def _solved(self, interactions: Interactions, items: Int64) -> Float32:
        """Return the dense weights between ``items``: float32[items, items]."""
        G, A = self._products(interactions, items)
        G[np.diag_indices_from(G)] += self.l2 * np.diagonal(G).mean()
        return _ridge(G, A)

    def _products(self, interactions: Interactions, items: Int64) -> tuple[Float32, Float32]:
        """Return G without its penalty, and A: both float32[items, items]; see the head of this module."""
        G, A = (np.zeros((len(items), len(items)), dtype=np.float32) for _ in range(2))
        place = np.full(interactions.n_items, -1, dtype=np.int32)
        place[items] = np.arange(len(items), dtype=np.int32)
        for events in user_chunks(interactions):
            steps = _steps(interactions, events, place, self.half_life)
            _add_steps(G, A, steps, self.window, self.decay)
        _add_transposed(G)
        size = np.diagonal(G).mean()
        # In a log without order, or of single events, there is no step: only EASE remains.
        similarity = self.similarity if interactions.timing != "none" and size > 0 else 1.0
        for side in (G, A):
            side *= 1 - similarity
        gram = shared_gram(interactions, None, items)
        # u: the mean of the diagonal of S'S in units of that of X'X.
        gram *= np.float32(similarity * max(size, 1.0) / np.diagonal(gram).sum(dtype=np.float64) * len(items))
        G += gram
        A += gram
        return G, A


@dataclass(frozen=True)
class _Steps:
    """The events of a log, user by user, oldest first; a step leads from the events before an event to it.

    Attributes
    ----------
    item : int32[events]
        Place among the trained items.
    liked : float64[events]
        Weight of an event; 0 for a dislike and for items that are not trained.
    step : float64[events]
        Weight of the step to this event; 0 where there is nothing to learn.
    remaining : int64[events]
        How many events of the same user came later.
    """

    item: Int32
    liked: Float64
    step: Float64
    remaining: Int64

    def later(self, values: Float64, lag: int) -> Float64:
        """Return what the event ``lag`` after each event has, 0 beyond the user's last: float64[events]."""
        shifted = np.zeros(len(values))
        shifted[: max(len(values) - lag, 0)] = values[lag:]
        shifted *= self.remaining >= lag
        return shifted

    def of_previous(self, window: int, decay: float) -> Float32:
        """Return what each event and the one ``lag`` after it add to S'S: float32[lags, events].

        Events e and e + lag are both in the row of S of each step to e + lag + 1, ..., e + window. For the
        step to e + lag + n their product is ``decay ** (lag + 2 (n - 1))``, so the sum over n is
        ``decay ** lag`` times the sum of ``decay ** (2 (n - 1)) * step``: ``steps`` below, built from the
        largest lag down. Lag 0, an event with itself, is halved because the transpose is added later.
        """
        added = np.zeros((window + 1, len(self.item)), dtype=np.float32)
        steps = np.zeros(len(self.item))
        for lag in reversed(range(window)):
            steps = decay**2 * steps + self.later(self.step, lag + 1)
            added[lag] = self.liked * self.later(self.liked, lag) * steps * decay**lag
        added[0] /= 2
        return added

    def of_next(self, window: int, decay: float) -> Float32:
        """Return what each event and the one ``lag`` after it add to S'T: float32[lags, events]."""
        added = np.zeros((window + 1, len(self.item)), dtype=np.float32)
        target = self.liked * self.step
        for lag in range(1, window + 1):
            added[lag] = self.liked * self.later(target, lag) * decay ** (lag - 1)
        return added


def _steps(interactions: Interactions, events: slice, place: Int32, half_life: float | None) -> _Steps:
    """Return the steps of some events of whole users; ``place`` (int32[items]) is -1 for untrained items."""
    item = place[interactions.item[events]]
    liked = np.where(item >= 0, np.maximum(interactions.weight[events], 0), 0).astype(np.float64)
    ends = interactions.offsets[interactions.user[events] + 1] - events.start
    return _Steps(
        item=np.maximum(item, 0),
        liked=liked,
        step=fading(interactions, np.inf if half_life is None else half_life, events=events) * (liked > 0),
        remaining=ends - 1 - np.arange(len(item)),
    )


def _add_steps(G: Float32, A: Float32, steps: _Steps, window: int, decay: float) -> None:
    """Add S'S, each pair of events once, and S'T of some users to float32[items, items], in place."""
    if kernels.COMPILED is not None:
        kernels.COMPILED.add_steps(
            G, A, steps.item, steps.liked, steps.step, steps.remaining, window, float(decay)
        )
        return
    _add_crossed(G, steps, steps.of_previous(window, decay))
    _add_crossed(A, steps, steps.of_next(window, decay))


def _add_crossed(product: Float32, steps: _Steps, added: Float32) -> None:
    """Add the sum of the pairs by item of the earlier and the later event to float32[items, items], in place.

    Parameters
    ----------
    product : float32[items, items]
    steps : _Steps
    added : float32[lags, events]
        What each event and the one ``lag`` after it add.
    """
    n_items = len(product)
    order = np.argsort(steps.item, kind="stable")
    counts = np.bincount(steps.item, minlength=n_items)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    lags = len(added)
    for rows in _bounded(np.maximum(counts * lags, n_items)):
        first = order[offsets[rows.start] : offsets[rows.stop]]
        later = np.empty((len(first), lags), dtype=np.int32)
        value = np.empty((len(first), lags), dtype=np.float32)
        for lag in range(lags):
            later[:, lag] = steps.item.take(first + lag, mode="clip")
            value[:, lag] = added[lag].take(first)
        ends = (offsets[rows.start : rows.stop + 1] - offsets[rows.start]) * lags
        shape = (rows.stop - rows.start, n_items)
        # toarray adds entries of the same cell.
        product[rows] += sparse.csr_array((value.ravel(), later.ravel(), ends), shape=shape).toarray()


def _bounded(cost: Int64) -> Iterator[slice]:
    """Yield consecutive ranges of about `CELLS` summed cost each, or of one row that costs more."""
    group = (np.cumsum(cost) - cost) // CELLS
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(cost)], strict=True):
        yield slice(int(start), int(stop))


def _add_transposed(U: Float32) -> None:
    """Add its transpose to a square matrix, in place."""
    for block in blocks(len(U)):
        U[block, block] += U[block, block].T.copy()
        U[block, block.stop :] += U[block.stop :, block].T
        U[block.stop :, block] = U[block, block.stop :].T


def _ridge(G: Float32, A: Float32) -> Float32:
    """Return ``G^-1 (A - diag(m))`` in the memory of G, with the m that empties its diagonal."""
    P = inverse(G)
    diagonal = np.concatenate([np.einsum("ij,ji->i", P[rows], A[:, rows]) for rows in blocks(len(P))])
    multipliers = diagonal / np.diagonal(P)
    for rows in blocks(len(P)):  # a row of P is needed for its own row of the answer only
        P[rows] = P[rows] @ A - P[rows] * multipliers
    np.fill_diagonal(P, 0)
    return P
