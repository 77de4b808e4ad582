"""Popularity: of the whole log, or of its last share.

No library is needed, but it counts as a peer: on a cut in time it is hard to beat once its share is tuned.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from search import Data, Model, main

SHARES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005)


def fit(data: Data, share: float = 1.0) -> Callable[[], NDArray[Any]]:
    liked = data.liked
    recent = liked & (data.at >= np.quantile(data.at[liked], 1 - share))
    counts = np.bincount(data.item[recent], minlength=data.shape[1]).astype(np.float64)
    # Equals by their popularity in the whole log, which also fills lists beyond the last share.
    counts += np.bincount(data.item[liked], minlength=data.shape[1]) / (liked.sum() + 1)
    return lambda: data.best(lambda users: np.broadcast_to(counts, (len(users), len(counts))))


MODELS = {
    "popular": Model(fit),
    "recent-popular": Model(fit, {"share": SHARES}, needs=("time",)),
}

if __name__ == "__main__":
    main("plain", MODELS, package="numpy")
