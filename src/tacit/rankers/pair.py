"""A classifier of pairs: a language model reads what somebody liked and a candidate's text, and judges.

Nogueira & Cho, "Passage re-ranking with BERT", arXiv 1901.04085, with the last liked items for the question.
It sees what no vector of either text alone can tell, and costs a pass through the model for every candidate:
it is for the top of a list. The lower layers stay as they were pretrained, and only what was trained is kept
in a snapshot. PyTorch is imported when it fits, is restored or scores.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32, Int32, Int64, Json
from tacit.data.queries import Queries
from tacit.encoders.tokens import Tokens, tokenised
from tacit.rankers.pair_tokens import Marks, TokenPairs, histories
from tacit.rankers.ranker import Epoch
from tacit.rankers.ranker_metrics import accuracy, auc, cross_entropy

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from tacit.rankers.pair_network import Base, PairNetwork

_PARAMETERS = (
    "model",
    "train",
    "pooling",
    "history",
    "history_tokens",
    "item_tokens",
    "learning_rate",
    "weight_decay",
    "epochs",
    "batch_size",
    "patience",
    "pairs",
    "seconds",
    "device",
    "dtype",
)
_WATCHED = 5
"""After an epoch a fifth as many pairs as are learned from are scored, of those and of the held-out ones."""


@dataclass(frozen=True)
class PairLists:
    """Pairs of a history and an item with what came of them.

    Attributes
    ----------
    queries : Queries
    row : int64[pairs]
        Query of each pair.
    item : int32[pairs]
    label : float32[pairs]
        1 where the user acted on the candidate, else 0.
    """

    queries: Queries
    row: Int64
    item: Int32
    label: Float32

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def none(cls) -> "PairLists":
        """Return no pair of no query."""
        return cls(Queries.of([]), np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))

    def joined(self, other: "PairLists") -> "PairLists":
        """Return these pairs and others."""
        return PairLists(
            Queries.joined([self.queries, other.queries]),
            np.concatenate([self.row, other.row + len(self.queries)]),
            np.concatenate([self.item, other.item]),
            np.concatenate([self.label, other.label]),
        )

    def sample(self, size: int, rng: np.random.Generator) -> "PairLists":
        """Return at most ``size`` of the pairs, chosen at random."""
        if len(self) <= size:
            return self
        chosen = np.sort(rng.choice(len(self), size, replace=False))
        return PairLists(self.queries, self.row[chosen], self.item[chosen], self.label[chosen])


class PairClassifier:
    """History and item text to the log-odds that the user acts on the item.

    Parameters
    ----------
    model : str
        Pretrained model: "minilm", or a directory with a model like BERT (safetensors).
    train : str
        "last:N" trains the last N layers, "all" every weight (for a GPU).
    pooling : {"mean", "cls"}
        What the linear layer on top sees.
    history : int
        Last liked items that are read.
    history_tokens, item_tokens : int
        Tokens of the history, and of a candidate, that are read. Time grows with both.
    learning_rate, weight_decay : float
        Of AdamW.
    epochs : int
        At most; training stops after ``patience`` epochs without a better validation loss, and the best
        epoch is kept.
    batch_size : int
    patience : int
    pairs : int
        At most so many pairs are learned from, a random sample of a longer list.
    seconds : float
        Training ends after so long, in the middle of an epoch if need be. Where time decides, two runs
        differ.
    device : str
        "auto" takes a GPU where there is one.
    dtype : {"auto", "float32", "bfloat16"}
        "auto" takes bfloat16 on a GPU and on processors that compute with it.
    """

    def __init__(
        self,
        *,
        model: str = "minilm",
        train: str = "last:2",
        pooling: Literal["mean", "cls"] = "mean",
        history: int = 3,
        history_tokens: int = 24,
        item_tokens: int = 16,
        learning_rate: float = 1e-4,
        weight_decay: float = 0.01,
        epochs: int = 3,
        batch_size: int = 32,
        patience: int = 1,
        pairs: int = 10_000,
        seconds: float = 600.0,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        self.model = model
        self.train = train
        self.pooling = pooling
        self.history = history
        self.history_tokens = history_tokens
        self.item_tokens = item_tokens
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.pairs = pairs
        self.seconds = seconds
        self.device = device
        self.dtype = dtype
        self.epochs_: list[Epoch] = []
        self.arrays_: dict[str, Array] = {}

    def fit(
        self,
        texts: Sequence[str],
        train: PairLists,
        valid: PairLists,
        *,
        rng: np.random.Generator,
        progress: Progress = SILENT,
        checkpoint: Path | None = None,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> Self:
        """Learn from pairs and return self.

        Parameters
        ----------
        texts : sequence of str
            Text of every item, by code.
        train, valid : PairLists
        rng : numpy.random.Generator
        progress : Progress
        checkpoint : Path, optional
            A file, written after every epoch; where it is there, training goes on from it.
        on_epoch : callable, optional
            Called after every epoch.

        Raises
        ------
        ConfigError
            If the model, or what of it is to be trained, cannot be used.
        """
        from tacit.rankers.pair_training import Examples, train_network

        base = self._base()
        self._read(base, texts)
        train = train.sample(self.pairs, rng)
        watched = [part.sample(-(-len(train) // _WATCHED), rng) for part in (train, valid)]
        seed = int(rng.integers(2**31))
        network = base.network(self.pooling, seed)
        self._check(network.longest)
        examples = Examples(*((self._pairs(p), p.label) for p in (train, *watched)))
        epochs, arrays = train_network(
            self,
            network,
            examples,
            trained=network.freeze(self.train),
            seed=seed,
            fingerprint=self._fingerprint(base.identity, texts, train, seed),
            progress=progress,
            checkpoint=checkpoint,
            on_epoch=on_epoch,
        )
        self.epochs_ = epochs
        return self._with(base, arrays)

    def score(self, queries: Queries, row: Int64, item: Int32) -> Float32:
        """Return the log-odds of each pair: float32[pairs].

        Parameters
        ----------
        queries : Queries
        row : int64[pairs], item : int32[pairs]
            A query and a known item.
        """
        label = np.zeros(len(row), dtype=np.float32)
        return self.network_.score(self._pairs(PairLists(queries, row, item, label)))

    def evaluate(self, pairs: PairLists) -> dict[str, float]:
        """Return loss, accuracy and AUC on pairs."""
        logits = self.score(pairs.queries, pairs.row, pairs.item)
        measures = {"loss": cross_entropy, "accuracy": accuracy, "auc": auc}
        return {name: measure(logits, pairs.label) for name, measure in measures.items()}

    def extended(self, texts: Sequence[str]) -> "PairClassifier":
        """Return a classifier for a catalogue that has grown or changed; only what is new is read."""
        known = len(self.texts_)
        new = np.array([i for i, text in enumerate(texts) if i >= known or text != self.texts_[i]], np.int64)
        read = tokenised([texts[i] for i in new], self.tokenizer_, self.item_tokens)
        codes = np.zeros((len(texts), self.item_tokens), dtype=np.int32)
        lengths = np.zeros(len(texts), dtype=np.int64)
        codes[:known], lengths[:known] = self.items_.codes, self.items_.lengths
        codes[new], lengths[new] = read.codes, read.lengths
        larger = copy.copy(self)
        larger.texts_, larger.items_ = texts, Tokens(codes, lengths)
        return larger

    def spec(self) -> dict[str, Json]:
        """Return the parameters, and which pretrained model it needs, as JSON."""
        parameters = {name: getattr(self, name) for name in _PARAMETERS}
        return {"name": "pair", "identity": self.identity_, "parameters": parameters}

    def arrays(self) -> dict[str, Array]:
        """Return the trained tensors; all others are those of the pretrained model."""
        return self.arrays_

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], texts: Sequence[str]) -> Self:
        """Rebuild from what `spec` and `arrays` returned.

        Raises
        ------
        ConfigError
            If the pretrained model is not there, or is another than the one that was fine-tuned.
        """
        classifier = cls(**spec["parameters"])
        base = classifier._base()
        if base.identity != spec["identity"]:
            raise ConfigError(
                f"the language model {classifier.model} in {base.directory} is not the one that the "
                f"re-ranker was trained on ({base.identity}, expected {spec['identity']}); put that one "
                "back, or fit again"
            )
        classifier._read(base, texts)
        return classifier._with(base, dict(arrays))

    def _base(self) -> "Base":
        from tacit.rankers.pair_network import Base

        return Base.of(self.model, device=self.device, dtype=self.dtype)

    def _read(self, base: "Base", texts: Sequence[str]) -> None:
        self.texts_ = texts
        self.tokenizer_: Tokenizer = base.tokenizer()
        self.items_ = tokenised(texts, self.tokenizer_, self.item_tokens)
        self.marks_ = Marks.of(self.tokenizer_)

    def _pairs(self, pairs: PairLists) -> TokenPairs:
        count, budget = self.history, self.history_tokens
        read = histories(pairs.queries, self.items_, self.marks_, count=count, budget=budget)
        return TokenPairs(read, self.items_, pairs.row, pairs.item, self.marks_)

    def _with(self, base: "Base", arrays: dict[str, Array]) -> Self:
        self.identity_ = base.identity
        self.arrays_ = arrays
        self.network_: PairNetwork = base.scorer(self.pooling, arrays)
        return self

    def _check(self, longest: int) -> None:
        asked = self.history_tokens + self.item_tokens + 3
        if asked > longest:
            raise ConfigError(
                f"{self.model} reads {longest} tokens; history_tokens and item_tokens make {asked}"
            )

    def _fingerprint(self, identity: str, texts: Sequence[str], train: PairLists, seed: int) -> str:
        parameters = {n: getattr(self, n) for n in _PARAMETERS if n not in ("device", "patience", "seconds")}
        digest = hashlib.sha256(json.dumps([identity, parameters, seed]).encode())
        digest.update("\0".join(texts).encode("utf-8", "surrogatepass"))
        for array in (train.row, train.item, train.label, train.queries.item):
            digest.update(array.tobytes())
        return digest.hexdigest()
