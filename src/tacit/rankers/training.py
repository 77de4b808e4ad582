"""The training loop of a network over pairs: Adam, early stopping, one report an epoch."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import nn

from tacit.core.progress import Progress
from tacit.core.types import Float32
from tacit.rankers.mlp import Epoch
from tacit.rankers.quality import accuracy, auc, cross_entropy

Layers = list[tuple[Float32, Float32]]


class Parameters(Protocol):
    """What the loop needs to know."""

    hidden: tuple[int, ...]
    dropout: float
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    patience: int
    device: str


@torch.random.fork_rng()  # seeded by the generator that is handed in; the caller's randomness stays as it was
def train_network(
    parameters: Parameters,
    train: tuple[Float32, Float32],
    valid: tuple[Float32, Float32],
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: Callable[[Epoch], None] | None,
) -> tuple[list[Epoch], Layers]:
    """Return the epochs and the layers (weight, bias) of the epoch with the lowest validation loss."""
    asked = parameters.device
    device = ("cuda" if torch.cuda.is_available() else "cpu") if asked == "auto" else asked
    torch.manual_seed(int(rng.integers(2**31)))
    network = _network(train[0].shape[1], parameters).to(device)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=parameters.learning_rate, weight_decay=parameters.weight_decay
    )
    features, label = (torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in train)
    epochs: list[Epoch] = []
    best, best_loss, worse = _layers(network), np.inf, 0
    with progress.task("training the ranker", total=parameters.epochs) as task:
        for number in range(1, parameters.epochs + 1):
            _one_pass(network, optimiser, features, label, parameters.batch_size)
            epoch = _report(number, network, train, valid, device)
            epochs.append(epoch)
            task.advance()
            if on_epoch is not None:
                on_epoch(epoch)
            # Without validation pairs the training loss decides: NaN would keep the untrained weights.
            watched = epoch.valid_loss if len(valid[1]) else epoch.train_loss
            if watched < best_loss:
                best, best_loss, worse = _layers(network), watched, 0
            else:
                worse += 1
                if worse >= parameters.patience:
                    break
    return epochs, best


def _network(width: int, parameters: Parameters) -> nn.Sequential:
    layers: list[nn.Module] = []
    for hidden in parameters.hidden:
        layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(parameters.dropout)]
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, 1))


def _one_pass(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    features: torch.Tensor,
    label: torch.Tensor,
    batch_size: int,
) -> None:
    network.train()
    order = torch.randperm(len(label), device=label.device)
    for start in range(0, len(label), batch_size):
        rows = order[start : start + batch_size]
        loss = nn.functional.binary_cross_entropy_with_logits(network(features[rows])[:, 0], label[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _report(
    number: int,
    network: nn.Module,
    train: tuple[Float32, Float32],
    valid: tuple[Float32, Float32],
    device: str,
) -> Epoch:
    # Both sides without dropout, so that the two losses can be compared.
    seen, held = _logits(network, train[0], device), _logits(network, valid[0], device)
    return Epoch(
        epoch=number,
        train_loss=cross_entropy(seen, train[1]),
        valid_loss=cross_entropy(held, valid[1]),
        train_accuracy=accuracy(seen, train[1]),
        valid_accuracy=accuracy(held, valid[1]),
        train_auc=auc(seen, train[1]),
        valid_auc=auc(held, valid[1]),
    )


@torch.inference_mode()
def _logits(network: nn.Module, features: Float32, device: str) -> Float32:
    network.eval()
    parts = [
        network(torch.from_numpy(np.ascontiguousarray(features[start : start + 65_536])).to(device))[
            :, 0
        ].cpu()
        for start in range(0, len(features), 65_536)
    ]
    return torch.cat(parts).numpy() if parts else np.empty(0, dtype=np.float32)


def _layers(network: nn.Sequential) -> Layers:
    return [
        (layer.weight.detach().cpu().numpy().copy(), layer.bias.detach().cpu().numpy().copy())
        for layer in network
        if isinstance(layer, nn.Linear)
    ]
