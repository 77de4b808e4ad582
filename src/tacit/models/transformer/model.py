"""Transformer: a causal transformer over the history, trained with a softmax over sampled negatives.

SASRec (Kang & McAuley, ICDM 2018) as it is trained today, see `network` and `training`. It learns from the
order of events, which counts do not hold; it needs a large log, and minutes where the others need seconds. An
item without events is scored by its text. Its state is plain arrays; PyTorch is imported only to fit, restore
or score.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from tacit.core.devices import check_device_name, chosen_device, own_randomness
from tacit.core.errors import ConfigError
from tacit.core.parameters import learned, parameter, values_of
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Bool, Float32, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.models.protocol import batches
from tacit.models.retriever import Retriever
from tacit.models.transformer.batches import Sequences

if TYPE_CHECKING:
    from tacit.models.transformer.network import Network
    from tacit.models.transformer.training import Epoch

_LENGTH = ("epochs", "patience", "minutes")
"""Parameters that only limit how long a run may take."""

_NO_WEIGHTS = ("trained", "centre", "timed")
"""Arrays beside the weights of the network."""


class Transformer(Retriever):
    """Dot product of the network's state after the history with the item's vector.

    Parameters
    ----------
    embedding_size : int
        A multiple of ``heads``.
    heads : int
        Heads of the attention.
    blocks : int
        Blocks of attention and feed-forward network, one after the other.
    max_length : int
        Last events of a history that are read.
    dropout : float
        Share of the activations that are set to 0 while training, in [0, 1).
    negatives : int, optional
        Items that the softmax of each batch compares the true item with; None takes all (small catalogues).
    learning_rate, weight_decay : float
        Of AdamW.
    epochs : int
        At most; training stops after ``patience`` epochs without a better NDCG@10 of held-out last events,
        and the best epoch is kept.
    batch_size : int
        Windows of ``max_length`` events a step.
    patience : int
        Epochs without an improvement after which training stops.
    minutes : float, optional
        Once the epochs have taken so long (wall-clock) no further one begins; by default only
        ``epochs`` and ``patience`` end the training. With it a fit depends on the speed of the machine.
    device : str
        "cpu", "cuda", "cuda:0" (or another number), "mps"; "auto" takes a GPU where there is one
        (in bfloat16, compiled).

    Attributes
    ----------
    epochs_ : tuple of Epoch
        Of the training; empty in a restored model.
    n_kinds_ : int
        Event types of the log, and one for the unknown.
    timed_ : bool
        Whether the log has times.
    trained_ : bool[items]
        Items with events.
    centre_ : float32[v]
        Mean of the catalogue's vectors; empty where there are none.
    known_ : bool[items]
        Items that can be scored.
    table_ : float32[items, d]
        Vectors of all items.
    network_ : Network
    """

    name: str = "transformer"
    embedding_size: int = parameter(default=64, low=1, high=8_192)
    heads: int = parameter(default=2, low=1, high=256)
    blocks: int = parameter(default=2, low=1, high=100)
    max_length: int = parameter(default=100, low=1, high=10_000, unit="events")
    dropout: float = parameter(default=0.2, low=0, below=1)
    negatives: int | None = parameter(default=256, low=1, high=100_000)
    learning_rate: float = parameter(default=1e-3, above=0, high=1)
    weight_decay: float = parameter(default=0.01, low=0, high=10)
    epochs: int = parameter(default=60, low=1, high=100_000)
    batch_size: int = parameter(default=128, low=1, high=100_000)
    patience: int = parameter(default=8, low=1, high=100_000)
    minutes: float | None = parameter(default=None, above=0, unit="minutes")
    device: str = parameter(default="auto")
    epochs_: "tuple[Epoch, ...]" = learned(default=())
    n_kinds_: int = learned()
    timed_: bool = learned()
    trained_: Bool = learned()
    centre_: Float32 = learned()
    known_: Bool = learned()
    table_: Float32 = learned()
    network_: "Network" = learned()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device_name(self.device, self.name)
        if self.embedding_size % self.heads:
            raise ConfigError(
                f"{self.name}: embedding_size is {self.embedding_size}; it must be a multiple of heads, "
                f"which is {self.heads}"
            )

    def fit(
        self,
        interactions: Interactions,
        catalogue: Catalogue,
        *,
        rng: np.random.Generator,
        progress: Progress = SILENT,
        checkpoint: Path | None = None,
        on_epoch: "Callable[[Epoch], None] | None" = None,
    ) -> Self:
        """Learn from the liked events and return self.

        Parameters
        ----------
        interactions : Interactions
        catalogue : Catalogue
            Its vectors are used where it has them.
        rng : numpy.random.Generator
        progress : Progress
        checkpoint : Path, optional
            A file that is written after every epoch; a fit that finds it there goes on from it.
        on_epoch : callable, optional
            Called after every epoch.
        """
        import torch

        from tacit.models.transformer.training import Examples, train_network

        device = chosen_device(self.device)
        seed = int(rng.integers(2**31))
        self.n_kinds_ = len(interactions.kinds) + 1
        self.timed_ = interactions.timing == "time"
        sequences = self._sequences(interactions.queries(exclude_seen=False), len(catalogue)).in_order()
        examples = Examples.of(sequences, len(catalogue), np.random.default_rng([seed, 0]))
        self.trained_ = examples.known
        self.centre_ = _centre(catalogue, examples.known)
        with own_randomness(device):
            torch.manual_seed(seed)
            self.network_ = self._network(catalogue)
            with torch.no_grad():
                self.network_.item.weight[torch.from_numpy(~examples.known)] = 0
            if len(examples.train.item):
                epochs = train_network(
                    self,
                    self.network_.to(device),
                    examples,
                    seed=seed,
                    fingerprint=self._fingerprint(seed, sequences),
                    progress=progress,
                    checkpoint=checkpoint,
                    on_epoch=on_epoch,
                )
                self.epochs_ = tuple(epochs)
        self.network_.cpu()
        self._tabulate(catalogue)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]; ``-inf`` for items with neither events nor text."""
        from tacit.models.transformer.training import states

        columns = np.arange(len(self.known_)) if items is None else items
        table = self.table_[columns].T
        parts = [
            states(self.network_, self._sequences(batch, len(self.known_)), self.max_length).numpy() @ table
            for batch in batches(queries, self.max_length * self.embedding_size)
        ]
        scores = np.concatenate(parts) if parts else np.empty((0, len(columns)), dtype=np.float32)
        scores[:, ~self.known_[columns]] = -np.inf
        return scores

    def similar(self, items: Int32, k: int) -> Ranking:
        """Return the k items with the largest cosine."""
        unit = self.table_ / np.maximum(np.linalg.norm(self.table_, axis=1, keepdims=True), 1e-9)
        scores = unit[items] @ unit.T
        scores[:, ~self.known_] = -np.inf
        scores[~self.known_[items]] = -np.inf
        scores[np.arange(len(items)), items] = -np.inf
        return top_k(scores, k)

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model that scores the items of the larger catalogue, new ones by their text."""
        larger = copy.copy(self)
        larger._rebuild(self.arrays(), catalogue)
        return larger

    def arrays(self) -> dict[str, Array]:
        """Return the weights of the network, and the parts of log and catalogue that its input needs."""
        weights = {name: tensor.numpy() for name, tensor in self.network_.state_dict().items()}
        own = {"trained": self.trained_, "centre": self.centre_, "timed": np.array(self.timed_)}
        return {**weights, **own}

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self._rebuild(arrays, catalogue)

    def _rebuild(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        """Take arrays of a catalogue that may have been smaller: its new items have no events."""
        import torch

        self.centre_, self.timed_ = arrays["centre"], bool(arrays["timed"].item())
        self.trained_ = _grown(arrays["trained"], len(catalogue))
        weights = {name: array for name, array in arrays.items() if name not in _NO_WEIGHTS}
        self.n_kinds_ = len(weights["kind.weight"])
        weights["item.weight"] = _grown(weights["item.weight"], len(catalogue))
        with own_randomness():
            self.network_ = self._network(catalogue)
        self.network_.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
        self._tabulate(catalogue)

    def _network(self, catalogue: Catalogue) -> "Network":
        import torch

        from tacit.models.transformer.network import Network, Shape

        shape = Shape(
            n_items=len(catalogue),
            n_kinds=self.n_kinds_,
            embedding_size=self.embedding_size,
            heads=self.heads,
            blocks=self.blocks,
            max_length=self.max_length,
            dropout=self.dropout,
        )
        vectors = _centred(catalogue, self.centre_)
        return Network(shape, None if vectors is None else torch.from_numpy(vectors))

    def _tabulate(self, catalogue: Catalogue) -> None:
        """Make the vectors of all items once, for scoring."""
        import torch

        with torch.inference_mode():
            self.table_ = self.network_.items(torch.arange(len(catalogue))).numpy()
        with_text = catalogue.has_text & (catalogue.vectors is not None) & bool(len(self.centre_))
        self.known_ = self.trained_ | with_text

    def _sequences(self, queries: Queries, n_items: int) -> Sequences:
        return Sequences.of(queries, n_items, self.n_kinds_, self.timed_)

    def _fingerprint(self, seed: int, sequences: Sequences) -> str:
        """Return what a run depends on, except how long it may take."""
        parameters = {name: value for name, value in values_of(self).items() if name not in _LENGTH}
        digest = hashlib.sha256(json.dumps([parameters, seed]).encode())
        for array in (sequences.offsets, sequences.item, sequences.kind, sequences.gap, self.centre_):
            digest.update(array.tobytes())
        return digest.hexdigest()


def _centre(catalogue: Catalogue, known: Bool) -> Float32:
    """Return the mean vector of the items with events and text; empty where there is none."""
    there = known & catalogue.has_text
    if catalogue.vectors is None or not there.any():
        return np.empty(0, dtype=np.float32)
    if catalogue.centred:
        return np.zeros(catalogue.vectors.shape[1], dtype=np.float32)
    return np.asarray(catalogue.vectors[there].mean(axis=0), dtype=np.float32)


def _centred(catalogue: Catalogue, centre: Float32) -> Float32 | None:
    """Return the vectors around the centre, zero for items without text: float32[items, v]."""
    if not len(centre) or catalogue.vectors is None:
        return None
    centred: Float32 = np.where(catalogue.has_text[:, None], catalogue.vectors - centre, 0).astype(np.float32)
    return centred


def _grown(rows: Array, size: int) -> Array:
    return np.concatenate([rows, np.zeros((size - len(rows), *rows.shape[1:]), dtype=rows.dtype)])
