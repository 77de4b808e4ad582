"""The learning curve of the transformer on a data folder: epoch, seconds, NDCG@10 of the held-out events.

``python benchmarks/transformer_curve.py FOLDER --out curve.json [key=value ...]`` reads
``FOLDER/events.parquet`` (and ``items.parquet``, whose texts are encoded), leaves the last event of every
user out and trains on the rest with the given parameters of `Transformer`. The epoch to keep is chosen by
last events inside the training part; the test events are looked at once, at the end. With ``--valid`` the
last event of every user is dropped first and the one before it is the test: to choose parameters by.
A run that was stopped goes on from the checkpoint beside ``--out``.
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tacit.core.seeds import generator
from tacit.core.types import Float64
from tacit.data.clean import Rules, clean
from tacit.engine.train import encoded
from tacit.evaluation.evaluate import score
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split, make_split, training_part
from tacit.models.protocol import recommend
from tacit.models.transformer import Transformer
from tacit.models.transformer.training import Epoch
from tacit.reading.read import read_events, read_items

SEED = 7


def cut(folder: Path, valid: bool, text: bool) -> Split:
    """Return the leave-one-out split of a folder; the items of the log are the candidates."""
    events = clean(read_events(folder / "events.parquet"), Rules().rows_only(), now=time.time()).events
    file = folder / "items.parquet"
    items = read_items(file) if file.exists() else None
    if valid:
        events = training_part(events, protocol="leave-one-out")
    split = make_split(events, items, protocol="leave-one-out", candidates="log")
    return replace(split, catalogue=encoded(split.catalogue, "auto")[1]) if text else split


def measured(model: Transformer, split: Split) -> dict[str, float]:
    """Return the means of the test users with a history, and half their 95 % interval."""
    ranking = recommend(model, split.queries, 20)
    part = next(part for part in slices(split) if part.name == "all")
    values = score(ranking, part)
    return {name: round(float(values[name].mean()), 4) for name in ("ndcg@10", "recall@20")} | {
        "ndcg@10 half interval": round(_half_interval(values["ndcg@10"]), 4)
    }


def _half_interval(values: Float64) -> float:
    return float(1.96 * values.std() / np.sqrt(len(values)))


def main() -> None:
    """Train, print a line an epoch, and write the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--valid", action="store_true")
    parser.add_argument("--no-text", action="store_true")
    parser.add_argument("parameters", nargs="*", metavar="key=value")
    asked = parser.parse_intermixed_args()
    parameters: dict[str, Any] = {
        key: json.loads(value) for key, value in (pair.split("=") for pair in asked.parameters)
    }
    split = cut(asked.folder, asked.valid, not asked.no_text)
    model = Transformer(**parameters)
    model.fit(
        split.train,
        split.catalogue,
        rng=generator(SEED, "transformer"),
        checkpoint=asked.out.with_suffix(".safetensors"),
        on_epoch=_told,
    )
    result = {
        "data": asked.folder.name,
        "protocol": "leave-one-out, all unseen items of the log ranked",
        "part": "valid" if asked.valid else "test",
        "text": not asked.no_text,
        "users": len(split.queries),
        "items": len(split.catalogue),
        "events": len(split.train),
        "parameters": model.spec(),
        "device": "cuda" if torch.cuda.is_available() else f"cpu, {torch.get_num_threads()} threads",
        "seconds": round(sum(epoch.seconds for epoch in model.epochs_), 1),
        "result": measured(model, split),
        "curve": [_rounded(epoch) for epoch in model.epochs_],
    }
    asked.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["result"]))


def _told(epoch: Epoch) -> None:
    print(json.dumps(_rounded(epoch)), flush=True)


def _rounded(epoch: Epoch) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(epoch).items()}


if __name__ == "__main__":
    main()
