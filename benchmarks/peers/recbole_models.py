"""Models of RecBole: EASE, item neighbours, Multi-VAE and LightGCN, on distinct pairs of user and item.

Its own data format is written to a temporary folder, its own trainer trains. The trained ones train for at
most `TRAINING` processor seconds a fit, without its early stopping (that would need a third cut).
"""

import logging
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.utils import get_model, get_trainer, init_seed
from search import Data, Model, main

TRAINING = 40.0
SETTINGS = {
    "USER_ID_FIELD": "user",
    "ITEM_ID_FIELD": "item",
    "load_col": {"inter": ["user", "item"]},
    "eval_args": {"split": {"RS": [1.0, 0.0, 0.0]}, "group_by": "none", "order": "RO", "mode": "full"},
    "use_gpu": False,
    "seed": 7,
    "show_progress": False,
}


def fit(model: str, data: Data, epochs: int = 0, **parameters: Any) -> Callable[[], NDArray[Any]]:
    torch.set_num_threads(1)
    sys.argv = sys.argv[:1]  # the library reads the command line as well
    # It writes logs where it is run.
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        _write(data, Path(folder))
        config = Config(model, "log", config_dict={**SETTINGS, **parameters, "data_path": folder})
        config["checkpoint_dir"] = folder
        logging.disable(logging.CRITICAL)
        init_seed(7, True)
        log = create_dataset(config)
        batches = data_preparation(config, log)[0]
        made = get_model(model)(config, batches.dataset)
        _train(config, made, batches, epochs)
    return lambda: data.best(partial(_scores, made, log, data.shape[1]))


def _write(data: Data, folder: Path) -> None:
    pairs = data.matrix(binary=True).tocoo()
    lines = (f"{user}\t{item}\n" for user, item in zip(pairs.row, pairs.col, strict=True))
    (folder / "log").mkdir()
    (folder / "log" / "log.inter").write_text("user:token\titem:token\n" + "".join(lines), "utf-8")


def _train(config: Config, model: Any, batches: Any, epochs: int) -> None:
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    end = time.process_time() + TRAINING
    for epoch in range(epochs):
        trainer._train_epoch(batches, epoch, show_progress=False)
        if time.process_time() > end:
            return


def _scores(model: Any, log: Any, n_items: int, users: NDArray[np.int32]) -> NDArray[Any]:
    """Return scores of our item codes for our user codes; nothing for who or what it does not know."""
    theirs = log.field2token_id["user"]
    known = np.flatnonzero([str(user) in theirs for user in users])
    asked = torch.tensor([theirs[str(users[row])] for row in known])
    model.eval()
    with torch.no_grad():
        found = model.full_sort_predict(Interaction({"user": asked}))
    whole = np.full((len(users), n_items), -np.inf, dtype=np.float32)
    tokens = log.field2id_token["item"][1:].astype(np.int64)
    whole[np.ix_(known, tokens)] = np.asarray(found).reshape(len(known), -1)[:, 1:]
    return whole


EASE = {"reg_weight": (1.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3)}
ITEM_KNN = {"k": (5, 10, 20, 50, 100, 200, 400), "shrink": (0.0, 0.1, 0.5, 1.0, 2.0, 10.0, 100.0)}
VAE = {
    "learning_rate": (5e-4, 1e-3, 5e-3, 1e-2),
    "latent_dimension": (64, 128, 200),
    "mlp_hidden_size": ([300], [600]),
    "dropout_prob": (0.3, 0.5, 0.7),
    "anneal_cap": (0.05, 0.2, 0.5),
    "epochs": (50, 100, 200),
}
LIGHT_GCN = {
    "learning_rate": (1e-3, 2e-3, 5e-3, 1e-2),
    "n_layers": (1, 2, 3),
    "reg_weight": (1e-5, 1e-4, 1e-3, 1e-2),
    "embedding_size": (64, 128),
    "epochs": (50, 100, 200),
}

MODELS = {
    "recbole-itemknn": Model(partial(fit, "ItemKNN"), ITEM_KNN),
    "recbole-ease": Model(partial(fit, "EASE"), EASE),
    "recbole-multivae": Model(partial(fit, "MultiVAE", epochs=300), VAE),
    "recbole-lightgcn": Model(partial(fit, "LightGCN", epochs=300), LIGHT_GCN),
}

if __name__ == "__main__":
    main("recbole", MODELS)
