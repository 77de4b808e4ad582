"""Models of LensKit: ALS factors, item and user neighbours, EASE and SLIM, all on implicit feedback.

Components are asked directly, with a user's training items as the query and all items as candidates.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.data import ItemList, RecQuery, from_interactions_df
from lenskit.knn import EASEScorer, ItemKNNScorer, UserKNNScorer
from lenskit.knn.slim import SLIMScorer
from lenskit.training import TrainingOptions
from numpy.typing import NDArray
from search import Data, Model, main


def fit(component: Callable[..., Any], data: Data, **parameters: Any) -> Callable[[], NDArray[Any]]:
    events = data.matrix().tocoo()
    frame = pd.DataFrame({"user_id": events.row, "item_id": events.col, "rating": events.data})
    log = from_interactions_df(frame)
    model = component(**parameters)
    model.train(log, TrainingOptions(rng=7))
    everything = ItemList(log.items.ids(), vocabulary=log.items)

    def scores(user: int) -> NDArray[Any]:
        query = RecQuery(user_id=user, history_items=log.user_row(user))
        found = model(query=query, items=everything)
        whole = np.full(data.shape[1], -np.inf, dtype=np.float32)
        whole[found.ids()] = found.scores()
        return whole

    return lambda: data.best(lambda users: np.stack([scores(int(user)) for user in users]))


ALS = {
    "embedding_size": (32, 50, 64, 128, 256),
    "regularization": (0.01, 0.1, 1.0, 10.0),
    "weight": (1.0, 5.0, 10.0, 40.0),
    "epochs": (5, 10, 20),
    "use_ratings": (False, True),
}
NEIGHBOURS = {"max_nbrs": (5, 10, 20, 50, 100, 200, 500), "min_sim": (1e-6, 0.01, 0.05, 0.1)}
SLIM = {"l1_reg": (0.1, 0.5, 1.0, 3.0, 10.0), "l2_reg": (0.1, 1.0, 10.0, 50.0), "max_nbrs": (50, 100, 200)}

MODELS = {
    "lenskit-itemknn": Model(partial(fit, partial(ItemKNNScorer, feedback="implicit")), NEIGHBOURS),
    "lenskit-userknn": Model(partial(fit, partial(UserKNNScorer, feedback="implicit")), NEIGHBOURS),
    "lenskit-ease": Model(
        partial(fit, EASEScorer), {"regularization": (1.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4)}
    ),
    "lenskit-als": Model(partial(fit, ImplicitMFScorer), ALS),
    "lenskit-slim": Model(partial(fit, SLIMScorer), SLIM),
}

if __name__ == "__main__":
    main("lenskit", MODELS)
