"""The training loop of a pair classifier: binary cross entropy, AdamW, early stopping, checkpoints.

The learning rate rises at first and falls to 0 at the end of the budget of steps or of time, whichever ends
sooner. The randomness of epoch n depends on the seed and n alone: a run resumed from a checkpoint gives the
same network as an uninterrupted one. Only the trained tensors are written; the others are in the pretrained
model.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tacit.core.checkpoint import Checkpoint, Saved
from tacit.core.progress import Progress, Task
from tacit.core.types import Array, Float32, Int64
from tacit.rankers.pair_network import PairNetwork
from tacit.rankers.pair_tokens import TokenPairs
from tacit.rankers.ranker import Epoch
from tacit.rankers.ranker_metrics import accuracy, auc, cross_entropy

_WARM_UP = 0.05
"""Share of the budget in which the learning rate rises."""
_HEAD = 10.0
"""The linear layer is not pretrained: its learning rate is so many times that of the pretrained layers."""
_BUCKET = 16
"""Batches that are sorted by length together, so that short pairs are not padded to long ones."""

Labelled = tuple[TokenPairs, Float32]


class Parameters(Protocol):
    """What the loop takes from a classifier; see `tacit.rankers.pair.PairClassifier`."""

    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    patience: int
    seconds: float


@dataclass(frozen=True)
class Examples:
    """Pairs to learn from, and samples of training and validation pairs to measure after every epoch."""

    train: Labelled
    measured: Labelled
    valid: Labelled


@dataclass
class _State:
    """Everything that an epoch changes: what a checkpoint holds."""

    network: PairNetwork
    optimiser: torch.optim.Optimizer
    trained: list[str]
    best: dict[str, Tensor] = field(default_factory=dict)
    epochs: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def tensors(self) -> dict[str, Tensor]:
        parameters = dict(self.network.named_parameters())
        return {name: parameters[name].detach() for name in self.trained}

    @property
    def waited(self) -> int:
        """Epochs since the best one."""
        # Without validation pairs the training loss decides.
        losses = [e.train_loss if np.isnan(e.valid_loss) else e.valid_loss for e in self.epochs]
        return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def train_network(
    parameters: Parameters,
    network: PairNetwork,
    examples: Examples,
    *,
    trained: list[str],
    seed: int,
    fingerprint: str,
    progress: Progress,
    checkpoint: Path | None,
    on_epoch: Callable[[Epoch], None] | None,
) -> tuple[list[Epoch], dict[str, Array]]:
    """Return the epochs, and the trained tensors of the one with the lowest validation loss.

    Parameters
    ----------
    parameters : Parameters
    network : PairNetwork
        On the device to train on; changed in place.
    examples : Examples
    trained : list of str
        Names of the parameters that are trained.
    seed : int
    fingerprint : str
        Hash of everything that the run depends on; a checkpoint of another run is refused.
    progress : Progress
    checkpoint : Path, optional
        Written after every epoch; the run resumes from it where it exists.
    on_epoch : callable, optional
        Called after every epoch.
    """
    state = _State(network, _optimiser(network, parameters), trained)
    kept = Checkpoint(checkpoint, fingerprint)
    if saved := kept.load():
        _resume(state, saved)
    steps = -(-len(examples.train[0]) // parameters.batch_size)
    with progress.task("fine-tuning the language model", total=parameters.epochs * steps) as task:
        task.advance(len(state.epochs) * steps)
        while _unfinished(state, parameters):
            _epoch(state, parameters, examples, np.random.default_rng([seed, len(state.epochs)]), task)
            kept.save(_saved(state))
            if on_epoch is not None:
                on_epoch(state.epochs[-1])
    return state.epochs, {name: tensor.cpu().numpy() for name, tensor in state.best.items()}


def _unfinished(state: _State, parameters: Parameters) -> bool:
    return (
        len(state.epochs) < parameters.epochs
        and state.waited < parameters.patience
        and state.seconds < parameters.seconds
    )


def _optimiser(network: PairNetwork, parameters: Parameters) -> torch.optim.Optimizer:
    rate = parameters.learning_rate
    model = [parameter for parameter in network.model.parameters() if parameter.requires_grad]
    groups = [
        {"params": model, "rate": rate},
        {"params": list(network.head.parameters()), "rate": rate * _HEAD},
    ]
    return torch.optim.AdamW(groups, lr=rate, weight_decay=parameters.weight_decay)


def _epoch(
    state: _State, parameters: Parameters, examples: Examples, rng: np.random.Generator, task: Task
) -> None:
    begin = time.perf_counter()
    spent = state.seconds
    torch.manual_seed(int(rng.integers(2**31)))
    pairs, label = examples.train
    batches = list(_batches(pairs.lengths, parameters.batch_size, rng))
    state.network.train()
    for number, rows in enumerate(batches, 1):
        steps = (len(state.epochs) + number / len(batches)) / parameters.epochs  # share of all steps
        _set_rate(state.optimiser, max(steps, state.seconds / parameters.seconds))
        _step(state, pairs.take(rows), label[rows])
        task.advance()
        state.seconds = spent + time.perf_counter() - begin
        if state.seconds >= parameters.seconds:
            break
    state.network.eval()
    state.epochs.append(_report(len(state.epochs) + 1, state.network, examples))
    state.seconds = spent + time.perf_counter() - begin
    if state.waited == 0:
        state.best = {name: tensor.clone() for name, tensor in state.tensors.items()}


def _batches(lengths: Int64, size: int, rng: np.random.Generator) -> Iterator[Int64]:
    """Yield every pair once, in random batches of similar length."""
    order = rng.permutation(len(lengths))
    for start in range(0, len(order), size * _BUCKET):
        bucket = order[start : start + size * _BUCKET]
        bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
        batches = [bucket[first : first + size] for first in range(0, len(bucket), size)]
        yield from (batches[place] for place in rng.permutation(len(batches)))


def _set_rate(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Set the learning rates at a share of the budget: a linear rise to 1, then a linear fall to 0."""
    factor = min(share / _WARM_UP, (1 - share) / (1 - _WARM_UP))
    for group in optimiser.param_groups:
        group["lr"] = group["rate"] * max(factor, 0.0)


def _step(state: _State, pairs: TokenPairs, label: Float32) -> None:
    logits = state.network.of(pairs)
    loss = functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(label).to(logits.device))
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimiser.step()


def _report(number: int, network: PairNetwork, examples: Examples) -> Epoch:
    # Both without dropout, so that the two losses can be compared.
    train, valid = network.score(examples.measured[0]), network.score(examples.valid[0])
    return Epoch(
        epoch=number,
        train_loss=cross_entropy(train, examples.measured[1]),
        valid_loss=cross_entropy(valid, examples.valid[1]),
        train_accuracy=accuracy(train, examples.measured[1]),
        valid_accuracy=accuracy(valid, examples.valid[1]),
        train_auc=auc(train, examples.measured[1]),
        valid_auc=auc(valid, examples.valid[1]),
    )


def _saved(state: _State) -> Saved:
    slots = state.optimiser.state_dict()["state"]
    numbers = {"epochs": [asdict(epoch) for epoch in state.epochs], "seconds": state.seconds}
    return Saved(state.tensors, state.best, slots, numbers)


def _resume(state: _State, saved: Saved) -> None:
    state.network.load_state_dict(saved.network, strict=False)  # the others are in the pretrained model
    state.best = dict(saved.best)
    state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": saved.slots})
    state.epochs = [Epoch(**epoch) for epoch in saved.numbers["epochs"]]
    state.seconds = saved.numbers["seconds"]
