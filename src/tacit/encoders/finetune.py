"""Fine-tuning of a language model on interactions, by the loss of beeFormer.

Vančura, Kordík and Straka, "beeFormer", RecSys 2024 (arXiv 2409.10309): with A the unit vectors of the items'
texts and X the histories as rows, ``X (A A' - I)`` should have the direction of X. A step takes some users,
their items and some others, encodes the texts of these and follows the gradient through the model. The
vectors are centred on the mean of the initial ones: raw ones all have nearly the same direction.

The embeddings and the lower layers are frozen: a pretrained model needs little change, and a CPU gets through
more steps. There is no dropout: so few weights in so few steps need none. Some items are held out
(`tacit.encoders.cold`); ``on_epoch`` learns whether they are found better than after any epoch before, so
that the caller can save the model.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT, Progress, Task
from tacit.core.types import Float32, Int64
from tacit.data.interactions import Interactions
from tacit.encoders.cold import ColdItems, Quality
from tacit.encoders.huggingface import HuggingFaceEncoder
from tacit.encoders.pretrained import batch_tokens, computes_bfloat16, length_batches
from tacit.encoders.projection import Projection


@dataclass(frozen=True)
class Plan:
    """Settings of the fine-tuning.

    Attributes
    ----------
    layers : int
        How many of the last layers are trained.
    epochs : int
        Passes over the users, at most.
    patience : int
        It stops after so many epochs without a better one.
    seconds : float
        Time for the training; the last epoch may be cut short. The evaluations come on top.
    items : int
        Texts of a step.
    learning_rate : float
    """

    layers: int = 2
    epochs: int = 20
    patience: int = 3
    seconds: float = 600.0
    items: int = 256
    learning_rate: float = 5e-5


@dataclass(frozen=True)
class Epoch:
    """One pass over the users; epoch 0 is the initial model."""

    epoch: int
    seconds: float
    loss: float
    quality: Quality


def finetune(
    encoder: HuggingFaceEncoder,
    interactions: Interactions,
    texts: Sequence[str],
    plan: Plan | None = None,
    *,
    rng: np.random.Generator,
    on_epoch: Callable[[Epoch, bool], None],
    progress: Progress = SILENT,
) -> list[Epoch]:
    """Train a model's last layers in place and return all epochs, that before the training first.

    Parameters
    ----------
    encoder : HuggingFaceEncoder
        With float32 weights.
    interactions : Interactions
    texts : sequence of str
        One an item; an empty one is left out.
    plan : Plan, optional
    rng : numpy.random.Generator
    on_epoch : callable
        Called with every epoch and whether it is the best so far, that is, worth saving.
    progress : Progress
    """
    plan = plan or Plan()
    example = _Example.of(encoder, interactions, texts, rng, progress)
    parameters = _unfrozen(encoder.model, plan.layers)
    optimiser = torch.optim.AdamW(parameters, lr=plan.learning_rate)
    epochs = [Epoch(0, 0.0, float("nan"), example.before)]
    on_epoch(epochs[0], False)
    left = plan.seconds
    with progress.task("fine-tuning, seconds", total=plan.seconds) as task:
        while len(epochs) <= plan.epochs and left > 0 and _waited(epochs) < plan.patience:
            begin = time.perf_counter()
            loss = _one_pass(encoder, example, optimiser, plan.items, left, rng, task)
            seconds = time.perf_counter() - begin
            left -= seconds
            epochs.append(Epoch(len(epochs), seconds, loss, example.quality(encoder, progress)))
            on_epoch(epochs[-1], _waited(epochs) == 0)
    return epochs


def save_model(encoder: HuggingFaceEncoder, directory: Path) -> None:
    """Write a model for `HuggingFaceEncoder`: its weights, and the settings it came with."""
    for file in encoder.directory.rglob("*.json"):
        if file.name != "manifest.json" and not file.name.endswith(".index.json"):
            target = directory / file.relative_to(encoder.directory)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    encoder.model.save_pretrained(directory)


def beeformer_loss(vectors: Tensor, X: Tensor) -> Tensor:
    """Return the squared distance of ``X (A A' - I)`` and X as rows of length 1, a mean over the rows.

    Parameters
    ----------
    vectors : float[items, d]
        A: rows of length 1.
    X : float[n, items]
        1 where a user chose an item.
    """
    predicted = (X @ vectors) @ vectors.T - X
    wrong = functional.normalize(predicted, dim=1) - functional.normalize(X, dim=1)
    return wrong.square().sum(dim=1).mean()


@dataclass(frozen=True)
class _Example:
    """The data to train and to evaluate on.

    Attributes
    ----------
    X : csr_array float32[n, items]
        Histories of two items or more.
    tokens : list of list of int
        Of each item.
    items : int64[...]
        Those with events and tokens.
    mean : float32[d]
        The centre of the vectors in training.
    """

    X: sparse.csr_array
    tokens: list[list[int]]
    items: Int64
    mean: Float32
    cold: ColdItems
    texts: list[str]
    before: Quality

    @classmethod
    def of(
        cls,
        encoder: HuggingFaceEncoder,
        interactions: Interactions,
        texts: Sequence[str],
        rng: np.random.Generator,
        progress: Progress,
    ) -> "_Example":
        tokens = [ids if text else [] for ids, text in zip(encoder.tokens(texts), texts, strict=True)]
        known = np.array([len(ids) > 0 for ids in tokens], dtype=bool)
        cold = ColdItems.of(interactions, known, rng)
        X = cold.train.select(known[cold.train.item]).matrix()
        X = X[np.diff(X.indptr) > 1]
        if not X.shape[0]:
            raise ConfigError("nobody chose two items with a text: there is nothing to fine-tune on")
        X.data[:] = 1
        vectors = _encoded(encoder, list(texts), cold, progress)
        mean = vectors[cold.candidates].mean(axis=0)
        return cls(
            X,
            tokens,
            np.unique(X.indices).astype(np.int64),
            mean,
            cold,
            list(texts),
            _evaluated(vectors, cold),
        )

    def quality(self, encoder: HuggingFaceEncoder, progress: Progress) -> Quality:
        """Return how well the current model finds the held-out items."""
        return _evaluated(_encoded(encoder, self.texts, self.cold, progress), self.cold)

    def steps(self, size: int, rng: np.random.Generator) -> Iterator[tuple[Int64, Int64]]:
        """Yield users and ``size`` items, their own and random others, until every user had a turn."""
        users = rng.permutation(self.X.shape[0])
        while len(users):
            total = np.cumsum(np.diff(self.X.indptr)[users])
            count = max(1, int(np.searchsorted(total, size // 2)))
            some, users = users[:count], users[count:]
            own = np.unique(self.X[some].indices)[: size - 1]
            others = rng.choice(self.items, min(size, len(self.items)), replace=False)
            more = np.setdiff1d(others, own)
            yield some, np.concatenate([own, rng.permutation(more)[: max(size - len(own), 0)]])


def _evaluated(vectors: Float32, cold: ColdItems) -> Quality:
    centre = Projection().fit(vectors[cold.candidates])
    return cold.quality(centre.transform(vectors))


def _encoded(encoder: HuggingFaceEncoder, texts: list[str], cold: ColdItems, progress: Progress) -> Float32:
    """Return the vectors of the candidates, zeros for all other items."""
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    with _mixed_precision(next(encoder.model.parameters()).device):
        vectors[cold.candidates] = encoder.encode(
            [texts[item] for item in cold.candidates], progress=progress
        )
    return vectors


def _mixed_precision(device: torch.device) -> torch.autocast:
    """Return the context in which the model computes with bfloat16, if that is faster."""
    return torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device))


def _one_pass(
    encoder: HuggingFaceEncoder,
    example: _Example,
    optimiser: torch.optim.Optimizer,
    size: int,
    seconds: float,
    rng: np.random.Generator,
    task: Task,
) -> float:
    """Train on every user once, or for so many seconds, and return the mean loss of a step."""
    device = next(encoder.model.parameters()).device
    mean = torch.from_numpy(example.mean).to(device)
    begin = last = time.perf_counter()
    losses = []
    for users, items in example.steps(size, rng):
        X = torch.from_numpy(example.X[users][:, items].toarray()).to(device)
        with _mixed_precision(device):
            pooled = _pooled(encoder, [example.tokens[item] for item in items])
        raw = functional.normalize(pooled, dim=1)
        loss = beeformer_loss(functional.normalize(raw - mean, dim=1), X)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
        now = time.perf_counter()
        task.advance(now - last)
        last = now
        if now - begin >= seconds:
            break
    return float(np.mean(losses))


def _pooled(encoder: HuggingFaceEncoder, tokens: list[list[int]]) -> Tensor:
    """Return the vectors in the order of the tokens; texts of similar length are encoded together."""
    size = batch_tokens(next(encoder.model.parameters()).device)
    batches = length_batches(np.array([len(ids) for ids in tokens], dtype=np.int64), size)
    parts = [encoder.pooled([tokens[row] for row in rows]) for rows in batches]
    return torch.cat(parts)[np.argsort(np.concatenate(batches))]


def _unfrozen(model: nn.Module, layers: int) -> list[nn.Parameter]:
    """Freeze all but the last layers of a model and return the trainable parameters."""
    stacks = [part for part in model.modules() if isinstance(part, nn.ModuleList) and len(part)]
    if not stacks:
        raise ConfigError("the layers of the model cannot be told from each other; use --method head")
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    learning = [parameter for layer in stacks[0][-layers:] for parameter in layer.parameters()]
    for parameter in learning:
        parameter.requires_grad_(True)
    return learning


def _waited(epochs: list[Epoch]) -> int:
    """Return the epochs since the best one."""
    return len(epochs) - 1 - int(np.argmax([epoch.quality.ndcg for epoch in epochs]))
