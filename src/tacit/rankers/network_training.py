"""The training loop of networks over pairs: batches of whole queries, AdamW, early stopping.

Several networks learn from the same batches, each by its own loss, and stop together by the validation loss
of the mean of their outputs. In epoch 0 the networks add nothing to the first stage; it may be the best one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tacit.core.devices import chosen_device, own_randomness
from tacit.core.progress import Progress
from tacit.core.types import Float32
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, joint
from tacit.rankers.losses import LOSSES
from tacit.rankers.ranker import Epoch, OnEpoch, Pairs
from tacit.rankers.ranker_metrics import accuracy, auc

_CHUNK = 16_384
"""Pairs scored at a time after an epoch."""


class Trained(Protocol):
    """What the loop takes from a ranker; see `tacit.rankers.neural.NeuralRanker`."""

    members: int
    learning_rate: float
    weight_decay: float
    epochs: int
    patience: int
    batch_size: int
    device: str

    @property
    def loss(self) -> str:
        """One of `tacit.rankers.losses.LOSSES`."""
        ...

    @property
    def task_weights(self) -> Sequence[float]:
        """Weight of each output."""
        ...

    def network(self, columns: Sequence[Column]) -> nn.Module:
        """Return an untrained network: features to what is added to the base, float32[pairs, tasks]."""
        ...


def train_network(
    ranker: Trained,
    columns: Sequence[Column],
    train: Pairs,
    valid: Pairs,
    test: Pairs | None,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> tuple[list[Epoch], list[Arrays]]:
    """Return the epochs, and the arrays of each network after the epoch with the lowest validation loss.

    Without validation pairs the training loss decides.
    """
    device = chosen_device(ranker.device)
    with own_randomness(device):
        torch.manual_seed(int(rng.integers(2**31)))
        networks = nn.ModuleList(ranker.network(columns) for _ in range(ranker.members)).to(device)
        optimiser = torch.optim.AdamW(
            networks.parameters(), lr=ranker.learning_rate, weight_decay=ranker.weight_decay
        )
        parts = {"train": train, "valid": valid} | ({} if test is None else {"test": test})
        lists = {name: _Lists.of(pairs, device) for name, pairs in parts.items()}
        watched = "valid_loss" if len(valid) else "train_loss"
        epochs: list[Epoch] = []
        best, best_epoch = _arrays(networks), 0
        with progress.task("training the ranker", total=ranker.epochs) as task:
            for number in range(ranker.epochs + 1):
                if number > 0:
                    _one_pass(networks, optimiser, lists["train"], ranker)
                    task.advance()
                epochs.append(_report(number, networks, lists, ranker))
                if on_epoch is not None:
                    on_epoch(epochs[-1])
                if getattr(epochs[-1], watched) < getattr(epochs[best_epoch], watched):
                    best, best_epoch = _arrays(networks), number
                elif number - best_epoch >= ranker.patience:
                    break
        return epochs, best


@dataclass(frozen=True)
class _Lists:
    """Pairs on the device of the network, and where the list of each query starts."""

    features: Tensor
    label: Tensor
    base: Tensor
    weight: Tensor
    start: Tensor
    count: Tensor

    @classmethod
    def of(cls, pairs: Pairs, device: str) -> "_Lists":
        start, count = np.unique(pairs.group, return_index=True, return_counts=True)[1:]
        arrays = (pairs.features, pairs.label, pairs.base[:, None], pairs.weight, start, count)
        return cls(*(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays))

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield the places of all queries once, in random order, in batches of about ``size`` pairs."""
        order = torch.randperm(len(self.start)).to(self.start.device)
        # A query belongs to the batch in which its last pair falls.
        batch = torch.div(self.count[order].cumsum(0) - 1, size, rounding_mode="floor")
        yield from torch.split(order, torch.unique_consecutive(batch, return_counts=True)[1].tolist())

    def places(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pairs of queries, int64[pairs], and their places in padded lists, bool[n, width]."""
        count = self.count[queries][:, None]
        within = torch.arange(int(count.max()) if len(count) else 0, device=count.device)
        real = within < count
        return (self.start[queries][:, None] + within)[real], real


def _one_pass(
    networks: nn.ModuleList, optimiser: torch.optim.Optimizer, lists: _Lists, ranker: Trained
) -> None:
    networks.train()
    for queries in lists.batches(ranker.batch_size):
        rows, real = lists.places(queries)
        features, base, label, weight = (
            part[rows] for part in (lists.features, lists.base, lists.label, lists.weight)
        )
        losses = [_loss(ranker.loss, network(features) + base, label, weight, real) for network in networks]
        optimiser.zero_grad(set_to_none=True)
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _loss(kind: str, logits: Tensor, label: Tensor, weight: Tensor, real: Tensor) -> Tensor:
    """Return the loss of pairs (logits, label: float[pairs, tasks]), summed over the tasks."""
    padded_weight = _padded(weight, real)
    parts = [
        LOSSES[kind](_padded(logits[:, task], real), _padded(label[:, task], real), padded_weight)
        for task in range(logits.shape[1])
    ]
    return torch.stack(parts).sum()


def _padded(values: Tensor, real: Tensor) -> Tensor:
    """Return values of pairs, float[pairs], in lists padded with 0: float[queries, width]."""
    lists = values.new_zeros(real.shape)
    lists[real] = values
    return lists


@torch.inference_mode()
def _report(number: int, networks: nn.ModuleList, parts: dict[str, _Lists], ranker: Trained) -> Epoch:
    # All without dropout, so that the losses can be compared.
    networks.eval()
    return Epoch(
        number,
        **{
            f"{name}_{figure}": value
            for name, lists in parts.items()
            for figure, value in _figures(networks, lists, ranker).items()
        },
    )


def _figures(networks: nn.ModuleList, lists: _Lists, ranker: Trained) -> dict[str, float]:
    parts = torch.split(lists.features, _CHUNK)
    added = torch.cat([torch.stack([network(part) for network in networks]).mean(0) for part in parts])
    logits = added + lists.base
    rows, real = lists.places(torch.arange(len(lists.start), device=lists.start.device))
    loss = _loss(ranker.loss, logits[rows], lists.label[rows], lists.weight[rows], real)
    score = joint(_numpy(logits), ranker.task_weights)
    acted = _numpy(lists.label).max(axis=1, initial=0)
    return {
        "loss": float(loss) if len(lists.start) else float("nan"),  # of no pairs some losses are 0
        "accuracy": accuracy(score, acted, _numpy(lists.weight)),
        "auc": auc(score, acted),
    }


def _arrays(networks: nn.ModuleList) -> list[Arrays]:
    return [
        {name: _numpy(tensor).copy() for name, tensor in network.state_dict().items()} for network in networks
    ]


def _numpy(tensor: Tensor) -> Float32:
    array: Float32 = tensor.detach().cpu().numpy()
    return array
