"""Matrices of a log that several models are fitted from, made once for all of them.

Item kNN, EASE, SLIM and the sequential model take the same users x items, and the same products of its
columns. While `sharing` is open for a log, the first of them makes each matrix and the others find it,
whatever threads they run in; when it closes, all of them are dropped. Where it is not open, each fit makes
its own. The log itself holds nothing: it stays what it was. Values are the same either way, bit by bit.
"""

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

from tacit.core.types import Float32, Int32, Int64
from tacit.data.interactions import Interactions
from tacit.models import csr
from tacit.models.gram import gram, products

Kept = TypeVar("Kept")

ENTRIES = 40_000_000
"""Most entries of products that are kept, 8 bytes each; of a larger log each model makes its own."""

_OPEN: "dict[int, _Matrices]" = {}
"""By the identity of a log, which whoever opened it holds."""
_OPENING = Lock()


@dataclass
class _Matrices:
    """What was made for one log: by a key, what is or will be there."""

    users: int = 0
    found: dict[Hashable, "Future[Any]"] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what ``make`` returns; it is called once for a key, and other threads wait for it."""
        with self.lock:
            first = key not in self.found
            future = self.found.setdefault(key, Future())
        if first:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
        return future.result()


@contextmanager
def sharing(log: Interactions) -> Iterator[None]:
    """Keep the matrices of a log for the fits within, in any thread; they are dropped at the end."""
    with _OPENING:
        matrices = _OPEN.setdefault(id(log), _Matrices())
        matrices.users += 1
    try:
        yield
    finally:
        with _OPENING:
            matrices.users -= 1
            if not matrices.users:
                del _OPEN[id(log)]


def wanted(log: Interactions, half_life: float | None) -> sparse.csr_array:
    """Return what `tacit.models.csr.wanted` does; nobody may write to it."""
    matrices = _OPEN.get(id(log))
    if matrices is None:
        return csr.wanted(log, half_life)
    found: sparse.csr_array = matrices.get(("wanted", half_life), lambda: _locked(csr.wanted(log, half_life)))
    return found


def shared(log: Interactions, key: Hashable, make: Callable[[], Kept]) -> Kept:
    """Return what ``make`` returns; made once for a key while fits share it, and nobody may write to it."""
    matrices = _OPEN.get(id(log))
    if matrices is None:
        return make()
    found: Kept = matrices.get(key, make)
    return found


def shared_products(log: Interactions, half_life: float | None) -> sparse.csr_array | None:
    """Return the products of all pairs of columns of `wanted`: csr_array float32[items, items].

    None where no fits share them, or they are too many to be kept.
    """
    matrices = _OPEN.get(id(log))
    if matrices is None or most_pairs(X := wanted(log, half_life)) > ENTRIES:
        return None
    found: sparse.csr_array = matrices.get(("products", half_life), lambda: _locked(products(X)))
    return found


def shared_gram(log: Interactions, half_life: float | None, items: Int64 | Int32) -> Float32:
    """Return the products of the columns ``items`` of `wanted`, dense: float32[len(items), len(items)].

    Parameters
    ----------
    log : Interactions
    half_life : float or None
    items : int64 or int32
        Ascending.
    """
    found = shared_products(log, half_life)
    if found is None:
        return gram(wanted(log, half_life)[:, items])
    return csr.dense_among(found, items)


def most_pairs(X: sparse.csr_array) -> int:
    """Return how many entries the products of pairs of columns have at most."""
    lengths = np.diff(X.indptr).astype(np.int64)
    columns = len(np.unique(X.indices))
    return min(int(np.square(lengths).sum()), columns**2)


def _locked(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return a matrix in order whose arrays nobody can write to."""
    matrix.sort_indices()
    for part in (matrix.data, matrix.indices, matrix.indptr):
        part.setflags(write=False)
    return matrix
