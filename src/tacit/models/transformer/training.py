"""The training loop: softmax over few negatives, AdamW, early stopping, a checkpoint after every epoch.

The loss matters more than the network: Petrov & Macdonald and Klenitskiy & Vasilev (both RecSys 2023)
show what a softmax over hundreds of negatives does to SASRec. The negatives are drawn evenly from the items
with events and shared by a batch, so that scoring them is one matrix product.

The randomness of epoch n depends on the seed and n only: a run resumed from a checkpoint gives the same
result as an uninterrupted one.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tacit.core.checkpoint import Checkpoint, Saved
from tacit.core.devices import can_compile
from tacit.core.progress import Progress
from tacit.core.types import Bool, Float32, Float64, Int64
from tacit.data.gain import discount
from tacit.models.transformer.batches import Sequences, Tokens
from tacit.models.transformer.network import Network

_HIDDEN = 0.1
"""Share of the windows whose event types and gaps are hidden: histories without them are scored too."""

_HELD_SHARE, _HELD_USERS = 0.1, 1000
"""Users whose last event is held out to stop by: a share of all, at most so many."""

_K = 10


@dataclass(frozen=True)
class Epoch:
    """One pass over the log; ``valid_ndcg`` is NDCG@10 of the held-out last events, all items ranked."""

    epoch: int
    seconds: float
    loss: float
    valid_ndcg: float


class Parameters(Protocol):
    """Parameters of the loop."""

    max_length: int
    negatives: int | None
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    patience: int
    minutes: float | None


@dataclass(frozen=True)
class Examples:
    """Training sequences and held-out events for early stopping.

    Attributes
    ----------
    train : Sequences
    held : Sequences
        Histories of the held-out users, without their last event.
    target : int64[held]
        Their last events.
    known : bool[items]
        Items with events: possible negatives.
    """

    train: Sequences
    held: Sequences
    target: Int64
    known: Bool

    @classmethod
    def of(cls, sequences: Sequences, n_items: int, rng: np.random.Generator) -> "Examples":
        """Hold out the last event of a sample of the users with three events or more."""
        able = np.flatnonzero(sequences.lengths >= 3)
        count = min(int(len(sequences) * _HELD_SHARE), _HELD_USERS, len(able))
        rows = np.sort(rng.choice(able, count, replace=False))
        train = sequences.without_last(rows)
        known = np.bincount(train.item, minlength=n_items) > 0
        return cls(train, train.take(rows), sequences.item[sequences.offsets[rows + 1] - 1], known)


@dataclass
class _State:
    """Everything that an epoch changes."""

    network: Network
    optimiser: torch.optim.Optimizer
    best: dict[str, Tensor]
    epochs: list[Epoch]

    @property
    def values(self) -> list[float]:
        # Without held-out users the loss decides.
        return [e.valid_ndcg if np.isfinite(e.valid_ndcg) else -e.loss for e in self.epochs]

    @property
    def waited(self) -> int:
        """Epochs since the best one."""
        return len(self.epochs) - 1 - int(np.argmax(self.values)) if self.epochs else 0

    def goes_on(self, parameters: Parameters) -> bool:
        """Whether to train another epoch."""
        longest = math.inf if parameters.minutes is None else 60 * parameters.minutes
        return (
            len(self.epochs) < parameters.epochs
            and self.waited < parameters.patience
            and sum(epoch.seconds for epoch in self.epochs) < longest
        )


def train_network(
    parameters: Parameters,
    network: Network,
    examples: Examples,
    *,
    seed: int,
    fingerprint: str,
    progress: Progress,
    checkpoint: Path | None,
    on_epoch: Callable[[Epoch], None] | None,
) -> list[Epoch]:
    """Train the network in place, up to its best epoch, and return all epochs.

    Parameters
    ----------
    parameters : Parameters
    network : Network
        On the device to train on.
    examples : Examples
    seed : int
    fingerprint : str
        Hash of what the run depends on; a checkpoint of another run is refused.
    progress : Progress
    checkpoint : Path, optional
        Written after every epoch; the run resumes from it where it exists.
    on_epoch : callable, optional
    """
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=parameters.learning_rate, weight_decay=parameters.weight_decay
    )
    state = _State(network, optimiser, _copied(network), [])
    kept = Checkpoint(checkpoint, fingerprint)
    if saved := kept.load():
        _go_on(state, saved)
    with progress.task("training the transformer", total=parameters.epochs) as task:
        task.advance(len(state.epochs))
        while state.goes_on(parameters):
            _epoch(state, parameters, examples, seed)
            kept.save(_saved(state))
            task.advance()
            if on_epoch is not None:
                on_epoch(state.epochs[-1])
    network.load_state_dict(state.best)
    return state.epochs


def _epoch(state: _State, parameters: Parameters, examples: Examples, seed: int) -> None:
    begin = time.perf_counter()
    number = len(state.epochs) + 1
    loss = _one_pass(state, parameters, examples, np.random.default_rng([seed, number]))
    quality = (
        float(np.mean(_ndcg(state.network, examples, parameters.max_length)))
        if len(examples.held)
        else np.nan
    )
    state.epochs.append(Epoch(number, time.perf_counter() - begin, loss, quality))
    if state.waited == 0:
        state.best = _copied(state.network)


def _one_pass(state: _State, parameters: Parameters, examples: Examples, rng: np.random.Generator) -> float:
    """Train on every window once and return the mean loss of an event."""
    network = state.network.train()
    device = network.start.device
    torch.manual_seed(int(rng.integers(2**31)))
    # Without dynamic shapes every width of a batch would be compiled again.
    forward: Callable[..., Tensor] = (
        torch.compile(network, dynamic=True) if can_compile(device.type) else network
    )
    known = np.flatnonzero(examples.known)
    total, events = 0.0, 0
    for tokens in examples.train.batches(parameters.max_length, parameters.batch_size, rng):
        drawn = known if parameters.negatives is None else rng.choice(known, parameters.negatives)
        negatives = torch.from_numpy(drawn).to(device)
        hidden = rng.random(len(tokens.lengths)) < _HIDDEN
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            state_, vector, target = _predicted(network, forward, tokens, hidden)
            loss = sampled_softmax(state_, vector, target, network.items(negatives), negatives)
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimiser.step()
        total += float(loss.detach()) * len(target)
        events += len(target)
    return total / events


def _predicted(
    network: Network, forward: Callable[..., Tensor], tokens: Tokens, hidden: Bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the state before each event, the event's item vector (float32[events, d]) and its item."""
    device = network.start.device
    item, kind, gap = _tensors(tokens, device, hidden)
    vectors = network.items(item)
    filled = torch.from_numpy(tokens.filled).to(device)
    states = forward(vectors[:, :-1], kind[:, :-1], gap[:, :-1])
    return states[filled], vectors[filled], item[filled]


def sampled_softmax(state: Tensor, vector: Tensor, target: Tensor, negative: Tensor, codes: Tensor) -> Tensor:
    """Return the mean cross entropy of the true item among it and the negatives.

    Parameters
    ----------
    state, vector : float[n, d]
        The predicted state, and the item that came.
    target : int64[n]
        Its code.
    negative : float[k, d]
    codes : int64[k]
        Codes of the negatives; a negative that is the target does not count.
    """
    right = (state * vector).sum(dim=1, keepdim=True)
    wrong = (state @ negative.T).masked_fill(target[:, None] == codes, -torch.inf)
    none = torch.zeros(len(target), dtype=torch.int64, device=target.device)
    return functional.cross_entropy(torch.cat([right, wrong], dim=1).float(), none)


@torch.inference_mode()
def states(network: Network, sequences: Sequences, max_length: int) -> Tensor:
    """Return the state after the last event of each sequence: float32[n, d]."""
    network.eval()
    tokens = sequences.padded(*sequences.ends(max_length))
    device = network.start.device
    item, kind, gap = _tensors(tokens, device, np.zeros(len(sequences), dtype=bool))
    every = network(network.items(item), kind, gap)
    last = torch.arange(len(sequences), device=device), torch.from_numpy(tokens.lengths).to(device)
    state: Tensor = every[last]
    return state


def _tensors(tokens: Tokens, device: torch.device, hidden: Bool) -> tuple[Tensor, Tensor, Tensor]:
    shown = ~hidden[:, None]
    arrays = (tokens.item, tokens.kind * shown, tokens.gap * shown)
    item, kind, gap = (torch.from_numpy(array).to(device) for array in arrays)
    return item, kind, gap


def _ndcg(network: Network, examples: Examples, max_length: int) -> Float64:
    """Return NDCG@10 of each held-out event among the known items that the history does not hold."""
    with torch.inference_mode():
        table = network.items(torch.arange(len(examples.known), device=network.start.device)).cpu().numpy()
    table = table[examples.known]
    place = np.where(examples.known, np.cumsum(examples.known) - 1, -1)
    parts = []
    for start in range(0, len(examples.held), 256):
        rows = np.arange(start, min(start + 256, len(examples.held)))
        held = examples.held.take(rows)
        scores = states(network, held, max_length).cpu().numpy() @ table.T
        parts.append(_gain(scores, held, place, place[examples.target[rows]]))
    return np.concatenate(parts)


def _gain(scores: Float32, held: Sequences, place: Int64, target: Int64) -> Float64:
    """Return the gain of the one target at its place, 0 where it is unknown: float64[n]."""
    rows = np.arange(len(scores))
    right = scores[rows, target]
    scores[np.repeat(rows, held.lengths), place[held.item]] = -np.inf
    better = (scores > right[:, None]).sum(axis=1)
    return np.where(target >= 0, discount(better, _K), 0)


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _saved(state: _State) -> Saved:
    slots = state.optimiser.state_dict()["state"]
    epochs = [asdict(epoch) for epoch in state.epochs]
    return Saved(state.network.state_dict(), state.best, slots, {"epochs": epochs})


def _go_on(state: _State, saved: Saved) -> None:
    state.network.load_state_dict(saved.network)
    state.best = dict(saved.best)
    state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": saved.slots})
    state.epochs = [Epoch(**epoch) for epoch in saved.numbers["epochs"]]
