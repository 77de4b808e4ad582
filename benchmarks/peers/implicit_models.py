"""Models of implicit: ALS and BPR factors, and item-item neighbours by cosine, TF-IDF and BM25.

Spaces follow its documentation and benchmarks: 32 to 256 factors, confidence alpha up to 40, tens to
hundreds of neighbours. Event weights are its confidence, unless a trial takes ones.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from numpy.typing import NDArray
from search import Data, Model, main

SEEDED = {"random_state": 7}


def fit(
    make: Callable[..., Any], data: Data, binary: bool = False, **parameters: Any
) -> Callable[[], NDArray[Any]]:
    events = data.matrix(binary)
    model = make(num_threads=1, **parameters)
    model.fit(events, show_progress=False)

    def recommend() -> NDArray[Any]:
        items, scores = model.recommend(
            data.asked, events[data.asked], N=data.k, filter_already_liked_items=not data.allow_seen
        )
        return np.where(scores > np.finfo(np.float32).min, items, -1)

    return recommend


ALS = {
    "factors": (32, 64, 128, 256),
    "regularization": (0.001, 0.01, 0.1, 1.0, 10.0),
    "alpha": (1.0, 3.0, 10.0, 40.0),
    "iterations": (10, 15, 30),
    "binary": (False, True),
}
BPR = {
    "factors": (32, 64, 128, 256),
    "learning_rate": (0.003, 0.01, 0.03, 0.1),
    "regularization": (0.001, 0.01, 0.03, 0.1),
    "iterations": (50, 100, 200, 400),
}
NEIGHBOURS = {"K": (5, 10, 20, 50, 100, 200, 400), "binary": (False, True)}
BM25 = {**NEIGHBOURS, "K1": (0.3, 0.6, 1.2, 2.0, 5.0, 20.0, 100.0), "B": (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)}

MODELS = {
    "implicit-cosine": Model(partial(fit, CosineRecommender), NEIGHBOURS),
    "implicit-tfidf": Model(partial(fit, TFIDFRecommender), NEIGHBOURS),
    "implicit-bm25": Model(partial(fit, BM25Recommender), BM25),
    "implicit-als": Model(partial(fit, partial(AlternatingLeastSquares, **SEEDED)), ALS),
    "implicit-bpr": Model(partial(fit, partial(BayesianPersonalizedRanking, **SEEDED)), BPR),
}

if __name__ == "__main__":
    main("implicit", MODELS)
