"""A classifier of pairs: a language model reads the last liked items and a candidate, and scores it.

Nogueira & Cho, "Passage re-ranking with BERT", arXiv 1901.04085, with the last liked items as the query.
It sees more than a comparison of two separate vectors can, and takes a pass through the model for every
candidate: it is for the top of a list. The lower layers keep their pretrained weights, and a snapshot holds
the trained tensors only. PyTorch is imported when a classifier fits, is restored or scores.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from tacit.core.devices import AUTO, check_device_name, has_device, own_randomness
from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameterised, build, learned, parameter
from tacit.core.parts import part_of
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32, Int32, Int64
from tacit.data.queries import Queries
from tacit.encoders.tokens import Tokens, tokenised
from tacit.rankers.pair_tokens import Marks, TokenPairs, histories
from tacit.rankers.ranker import Epoch
from tacit.rankers.ranker_metrics import accuracy, auc, cross_entropy

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from tacit.rankers.pair_network import Base, PairNetwork

_NOT_TRAINING = ("name", "top", "milliseconds", "device", "patience", "seconds")
"""Parameters that a run resumed from a checkpoint may change: they change no training step, or only when it
ends."""
_MEASURED = 5
"""After an epoch, losses are measured on samples of the training and of the validation pairs, each a fifth as
large as the training pairs."""
_NETWORK, _IDENTITY = "network", "identity"


@dataclass(frozen=True)
class PairLists:
    """Labelled pairs of a history and an item.

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
        """Return an empty list of pairs."""
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


class PairClassifier(Parameterised):
    """Log-odds that the user acts on an item, from the texts of the history and of the item.

    Parameters
    ----------
    name : str
        Name of the re-ranker in a configuration and in reports.
    model : str
        Pretrained model: "minilm", or a directory with a model like BERT (safetensors).
    train : str
        "last:N" trains the last N layers, "all" every weight (for a GPU).
    pooling : {"mean", "cls"}
        Input of the linear layer on top: the mean of the states of all tokens, or the state of the first.
    history : int
        Number of last liked items that are read.
    history_tokens, item_tokens : int
        Tokens of the history, and of a candidate, that are read at most. Time grows with both.
    learning_rate, weight_decay : float
        Of AdamW.
    epochs : int
        The most passes over the training pairs; the epoch with the lowest validation loss is kept.
    batch_size : int
        Pairs in a training step.
    patience : int
        Training stops after so many epochs without a lower validation loss.
    pairs : int
        The most pairs to train on; of more, a random sample.
    seconds : float
        Training ends after so long, in the middle of an epoch if need be. Two runs that this limit ends
        differ.
    device : str
        "cpu", "cuda", "cuda:0" (or another number), "mps"; "auto" takes a GPU where there is one.
    dtype : {"auto", "float32", "bfloat16"}
        "auto" takes bfloat16 on a GPU and on CPUs that compute with it.
    top : int
        The most candidates of a list that it reads when it re-ranks.
    milliseconds : float
        The longest that re-ranking a list may take on one thread; where ``top`` candidates take longer, fewer
        are read.
    """

    name: str = "pair"
    model: str = "minilm"
    train: str = "last:2"
    pooling: Literal["mean", "cls"] = "mean"
    history: int = parameter(default=3, low=1, high=1_000)
    history_tokens: int = parameter(default=24, low=1, high=10_000)
    item_tokens: int = parameter(default=16, low=1, high=10_000)
    learning_rate: float = parameter(default=1e-4, above=0, high=1)
    weight_decay: float = parameter(default=0.01, low=0, high=10)
    epochs: int = parameter(default=3, low=1, high=100_000)
    batch_size: int = parameter(default=32, low=1, high=100_000)
    patience: int = parameter(default=1, low=1, high=100_000)
    pairs: int = parameter(default=10_000, low=1, high=100_000_000)
    seconds: float = parameter(default=600.0, above=0, unit="seconds")
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    top: int = parameter(default=20, low=2, high=10_000)
    milliseconds: float = parameter(default=50.0, above=0, unit="milliseconds")
    epochs_: list[Epoch] = learned(default_factory=list)
    identity_: str = learned(default="")
    arrays_: dict[str, Array] = learned(default_factory=dict)
    texts_: Sequence[str] = learned(default=())
    tokenizer_: "Tokenizer" = learned()
    items_: Tokens = learned()
    marks_: Marks = learned()
    network_: "PairNetwork" = learned()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device_name(self.device, self.name)

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
        """Learn from the training pairs, stop by the validation pairs, and return self.

        Parameters
        ----------
        texts : sequence of str
            Text of every item, by code.
        train, valid : PairLists
        rng : numpy.random.Generator
        progress : Progress
        checkpoint : Path, optional
            A file, written after every epoch; training resumes from it where it exists.
        on_epoch : callable, optional
            Called after every epoch.

        Raises
        ------
        ConfigError
            If the model cannot be used, or ``train`` names layers that it does not have.
        """
        from tacit.rankers.pair_training import Examples, train_network

        base = self._base(self.device)
        self._tokenise(base, texts)
        train = train.sample(self.pairs, rng)
        measured = [part.sample(-(-len(train) // _MEASURED), rng) for part in (train, valid)]
        seed = int(rng.integers(2**31))
        network = base.network(self.pooling, seed)
        self._check_length(network.longest)
        examples = Examples(*((self._pairs(p), p.label) for p in (train, *measured)))
        with own_randomness(str(base.device)):
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
            Query and item of each pair.
        """
        label = np.zeros(len(row), dtype=np.float32)
        return self.network_.score(self._pairs(PairLists(queries, row, item, label)))

    def on_processor(self) -> "PairClassifier":
        """Return this fitted classifier as a machine without a GPU has it."""
        if self.network_.head.weight.device.type == "cpu":
            return self
        return copy.copy(self)._with(self._base("cpu"), self.arrays_)

    def evaluate(self, pairs: PairLists) -> dict[str, float]:
        """Return loss, accuracy and AUC on pairs."""
        logits = self.score(pairs.queries, pairs.row, pairs.item)
        measures = {"loss": cross_entropy, "accuracy": accuracy, "auc": auc}
        return {name: measure(logits, pairs.label) for name, measure in measures.items()}

    def extended(self, texts: Sequence[str]) -> "PairClassifier":
        """Return a classifier for a catalogue that has grown or changed; only new texts are tokenised."""
        known = len(self.texts_)
        new = np.array([i for i, text in enumerate(texts) if i >= known or text != self.texts_[i]], np.int64)
        tokens = tokenised([texts[i] for i in new], self.tokenizer_, self.item_tokens)
        codes = np.zeros((len(texts), self.item_tokens), dtype=np.int32)
        lengths = np.zeros(len(texts), dtype=np.int64)
        codes[:known], lengths[:known] = self.items_.codes, self.items_.lengths
        codes[new], lengths[new] = tokens.codes, tokens.lengths
        larger = copy.copy(self)
        larger.texts_, larger.items_ = texts, Tokens(codes, lengths)
        return larger

    def arrays(self) -> dict[str, Array]:
        """Return the trained tensors (``network:...``), and the hash of the pretrained model as UTF-8 bytes.

        All other tensors are those of the pretrained model, which is not part of a snapshot.
        """
        identity = np.frombuffer(self.identity_.encode("utf-8"), dtype=np.uint8)
        trained = {f"{_NETWORK}:{name}": array for name, array in self.arrays_.items()}
        return {_IDENTITY: identity, **trained}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], texts: Sequence[str]) -> Self:
        """Return the fitted classifier of what `spec` and `arrays` returned.

        Parameters
        ----------
        spec : mapping
        arrays : mapping of name to array
        texts : sequence of str
            Text of every item, by code.

        Raises
        ------
        ConfigError
            If the pretrained model is not there, or is another than the one that was fine-tuned.
        """
        parameters = {name: value for name, value in spec.items() if name != "name"}
        classifier = build(cls, parameters, f"the re-ranker {spec['name']!r}", name=spec["name"])
        # It serves on another machine than the one that trained it, too.
        device = classifier.device if has_device(classifier.device) else AUTO
        base, identity = classifier._base(device), str(arrays[_IDENTITY].tobytes(), "utf-8")
        if base.identity != identity:
            raise ConfigError(
                f"the language model {classifier.model} in {base.directory} is not the one that the "
                f"re-ranker was trained on ({base.identity}, expected {identity}); put that one back, or fit "
                "again"
            )
        classifier._tokenise(base, texts)
        return classifier._with(base, part_of(arrays, _NETWORK, ":"))

    def _base(self, device: str) -> "Base":
        from tacit.rankers.pair_network import Base

        return Base.of(self.model, device=device, dtype=self.dtype)

    def _tokenise(self, base: "Base", texts: Sequence[str]) -> None:
        self.texts_ = texts
        self.tokenizer_ = base.tokenizer()
        self.items_ = tokenised(texts, self.tokenizer_, self.item_tokens)
        self.marks_ = Marks.of(self.tokenizer_)

    def _pairs(self, pairs: PairLists) -> TokenPairs:
        count, budget = self.history, self.history_tokens
        tokens = histories(pairs.queries, self.items_, self.marks_, count=count, budget=budget)
        return TokenPairs(tokens, self.items_, pairs.row, pairs.item, self.marks_)

    def _with(self, base: "Base", arrays: dict[str, Array]) -> Self:
        self.identity_ = base.identity
        self.arrays_ = arrays
        self.network_ = base.scorer(self.pooling, arrays)
        return self

    def _check_length(self, longest: int) -> None:
        wanted = self.history_tokens + self.item_tokens + 3  # [CLS] history [SEP] item [SEP]
        if wanted > longest:
            raise ConfigError(
                f"{self.model} reads {longest} tokens; history_tokens and item_tokens make {wanted} with the "
                "marks around them: lower one of them"
            )

    def _fingerprint(self, identity: str, texts: Sequence[str], train: PairLists, seed: int) -> str:
        parameters = {name: value for name, value in self.spec().items() if name not in _NOT_TRAINING}
        digest = hashlib.sha256(json.dumps([identity, parameters, seed]).encode())
        digest.update("\0".join(texts).encode("utf-8", "surrogatepass"))
        for array in (train.row, train.item, train.label, train.queries.item):
            digest.update(array.tobytes())
        return digest.hexdigest()
