"""Models of RecTools: EASE, PureSVD, popularity of a period, and two transformers (SASRec and eSASRec).

eSASRec is SASRec with LiGR blocks and a sampled softmax, as its documentation sets it up. Transformers train
for at most `TRAINING` processor seconds a fit: on one thread that is their share of the budget.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pytorch_lightning import Callback, Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, PopularModel, PureSVDModel, SASRecModel
from rectools.models.nn.transformers.ligr import LiGRLayers
from search import Data, Model, main

logging.disable(logging.WARNING)  # Lightning tells of every training
TRAINING = 40.0


def dataset(data: Data, binary: bool = False) -> Dataset:
    keep = data.liked
    events = pd.DataFrame(
        {
            Columns.User: data.user[keep],
            Columns.Item: data.item[keep],
            Columns.Weight: 1.0 if binary else data.weight[keep],
            Columns.Datetime: pd.to_datetime(data.at[keep], unit="s"),
        }
    )
    return Dataset.construct(events)


def fit(
    make: Callable[..., Any], data: Data, binary: bool = False, **parameters: Any
) -> Callable[[], NDArray[Any]]:
    log = dataset(data, binary)
    model = make(**parameters).fit(log)

    def recommend() -> NDArray[Any]:
        known = data.asked[np.isin(data.asked, log.user_id_map.external_ids)]
        seen = not data.allow_seen
        # A transformer says nothing to a user none of whose items it learned: an empty list.
        found = model.recommend(known, log, k=data.k, filter_viewed=seen, on_unsupported_targets="ignore")
        lists = np.full((len(data.asked), data.k), -1)
        rows = np.searchsorted(data.asked, found[Columns.User])
        lists[rows, found[Columns.Rank] - 1] = found[Columns.Item]
        return lists

    return recommend


def popular(days: float | None = None, popularity: str = "n_users") -> PopularModel:
    return PopularModel(popularity=popularity, period=None if days is None else timedelta(days=days))


def transformer(**parameters: Any) -> SASRecModel:
    seed_everything(7)
    torch.set_num_threads(1)
    return SASRecModel(deterministic=True, epochs=200, get_trainer_func=trainer, **parameters)


def trainer(**_: Any) -> Trainer:
    return Trainer(
        max_epochs=200, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, callbacks=[Until(TRAINING)],
    )  # fmt: skip


class Until(Callback):
    """Stops after so much processor time."""

    def __init__(self, seconds: float) -> None:
        self.end = time.process_time() + seconds

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if time.process_time() > self.end:
            trainer.should_stop = True


REGULARISATION = {"regularization": (3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3), "binary": (False, True)}
SEQUENCES = {
    "n_factors": (32, 64, 128),
    "n_blocks": (1, 2),
    "n_heads": (1, 2, 4),
    "dropout_rate": (0.1, 0.2, 0.4),
    "session_max_len": (20, 50, 100),
    "lr": (0.001, 0.003),
    "loss": ("softmax", "BCE", "gBCE"),
}
ESASREC = {name: values for name, values in SEQUENCES.items() if name != "loss"}
ENHANCED = {"transformer_layers_type": LiGRLayers, "loss": "sampled_softmax", "n_negatives": 256}
DAYS = {"days": (0.5, 1.0, 3.0, 7.0, 14.0, 30.0, 90.0, 365.0), "popularity": ("n_users", "sum_weight")}

MODELS = {
    "rectools-popular": Model(partial(fit, popular), DAYS, needs=("time",)),
    "rectools-ease": Model(partial(fit, EASEModel), REGULARISATION),
    "rectools-puresvd": Model(
        partial(fit, PureSVDModel),
        {"factors": (8, 16, 32, 64, 128, 256), "binary": (False, True)},
    ),
    "rectools-sasrec": Model(partial(fit, transformer), SEQUENCES, needs=("time", "order")),
    "rectools-esasrec": Model(
        partial(fit, partial(transformer, **ENHANCED)), ESASREC, needs=("time", "order")
    ),
}

if __name__ == "__main__":
    main("rectools", MODELS)
