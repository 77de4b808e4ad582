"""Fits a model on a matrix that can be worked out by hand."""

from typing import Any, TypeVar

import numpy as np

from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.vocabulary import Vocabulary

M = TypeVar("M")


def log_of(matrix: Any) -> tuple[Interactions, Catalogue]:
    """Return users x items as a log without times, and a catalogue of bare ids."""
    dense = np.asarray(matrix, dtype=np.float32)
    user, item = np.nonzero(dense)
    users, items = (
        Vocabulary([f"{kind}{n:02d}" for n in range(size)])
        for kind, size in zip("ui", dense.shape, strict=True)
    )
    log = Interactions(
        users=users,
        items=items,
        kinds=("view",),
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        weight=dense[user, item],
        at=np.zeros(len(user)),
        kind=np.zeros(len(user), dtype=np.int16),
        timing="none",
    )
    return log, Catalogue.from_frame(None, items)


def fitted(model: M, matrix: Any) -> M:
    """Return the model fitted on users x items."""
    log, catalogue = log_of(matrix)
    return model.fit(log, catalogue, rng=np.random.default_rng(0))  # type: ignore[attr-defined, no-any-return]
