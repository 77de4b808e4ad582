"""The training loop of networks over pairs: batches of whole queries, AdamW, early stopping.

Several networks learn side by side, each by its own loss, and stop together. In epoch 0 the networks add
nothing to the first stage; it may be the best one.

`train_network` takes the lists to learn from and those to stop by: all networks learn from the same lists and
stop by the validation loss of the mean of their outputs. `cross_train` needs no lists set apart: each network
leaves out a share of them, and the first that left out a share is measured on it, out of fold.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tacit.core.devices import chosen_device, own_randomness
from tacit.core.progress import Progress
from tacit.core.types import Float32, Int64
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, joint
from tacit.rankers.losses import LOSSES
from tacit.rankers.ranker import Epoch, OnEpoch, Pairs
from tacit.rankers.ranker_metrics import accuracy, auc

_CHUNK = 16_384
"""Pairs scored at a time after an epoch."""
_SHOWN = 1_000
"""The most lists that training figures are computed on where they decide nothing: they are only shown."""


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
    parts = {"train": train, "valid": valid} | ({} if test is None else {"test": test})
    lists = {name: _Lists.of(pairs, pairs.base[:, None], device) for name, pairs in parts.items()}
    watched, shown = "train_loss", lists
    if len(valid):
        watched, shown = "valid_loss", {**lists, "train": lists["train"].take(lists["train"].spread(_SHOWN))}
    everything = torch.ones((len(lists["train"].start), ranker.members), dtype=torch.bool)

    def report(number: int, networks: nn.ModuleList) -> tuple[Epoch, list[float]]:
        epoch = _report(number, networks, shown, ranker)
        return epoch, [getattr(epoch, watched)] * (1 + ranker.members)

    return _train(
        ranker,
        columns,
        lists["train"],
        everything,
        report,
        device,
        rng=rng,
        progress=progress,
        on_epoch=on_epoch,
    )


def cross_train(
    ranker: Trained,
    columns: Sequence[Column],
    pairs: Pairs,
    share: Int64,
    bases: Float32,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> tuple[list[Epoch], list[Arrays]]:
    """Return the epochs, and the arrays of each network, which has not learned from the lists of its share.

    Of s shares, network m leaves out share ``m % s``. It is taken after the epoch in which the other shares
    are predicted best, each by the first network that left it out: its own share decides nothing about it.
    The validation figures of an epoch are those of all lists, each out of fold; the training figures are
    those of some lists, each by a network that learned from it.

    Parameters
    ----------
    ranker : Trained
        With at least as many members as there are shares.
    columns : sequence of f Column
    pairs : Pairs
    share : int64[pairs]
        The share of the list of the pair, in ``0 ... s - 1``.
    bases : float32[pairs, s]
        Log-odds by the first stage that the networks of each share start from.
    rng : numpy.random.Generator
    progress : Progress
    on_epoch : callable, optional
        Called after every epoch.
    """
    device = chosen_device(ranker.device)
    lists = _Lists.of(pairs, bases, device)
    own = torch.from_numpy(share).to(device)[lists.start]
    shares = torch.arange(ranker.members, device=device) % bases.shape[1]
    left_out = own[:, None] == shares

    def report(number: int, networks: nn.ModuleList) -> tuple[Epoch, list[float]]:
        return _cross_report(number, networks, lists, own, left_out, ranker)

    return _train(
        ranker, columns, lists, ~left_out, report, device, rng=rng, progress=progress, on_epoch=on_epoch
    )


def _train(
    ranker: Trained,
    columns: Sequence[Column],
    lists: "_Lists",
    learns: Tensor,
    report: Callable[[int, nn.ModuleList], tuple[Epoch, list[float]]],
    device: str,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> tuple[list[Epoch], list[Arrays]]:
    """Return the epochs, and the arrays of each network after the epoch with the lowest loss for it.

    ``learns`` is bool[queries, members]. ``report`` gives an epoch and the losses to watch: that which ends
    the training once it has not fallen for some epochs, then that of each network.
    """
    with own_randomness(device):
        torch.manual_seed(int(rng.integers(2**31)))
        networks = nn.ModuleList(ranker.network(columns) for _ in range(ranker.members)).to(device)
        optimiser = torch.optim.AdamW(
            networks.parameters(), lr=ranker.learning_rate, weight_decay=ranker.weight_decay
        )
        epochs: list[Epoch] = []
        best, best_epoch, lowest = _arrays(networks), 0, [0.0]
        with progress.task("training the ranker", total=ranker.epochs) as task:
            for number in range(ranker.epochs + 1):
                if number > 0:
                    _one_pass(networks, optimiser, lists, learns.to(device), ranker)
                    task.advance()
                epoch, losses = report(number, networks)
                epochs.append(epoch)
                if on_epoch is not None:
                    on_epoch(epoch)
                if number == 0:
                    lowest = losses
                    continue
                for place, arrays in enumerate(_arrays(networks)):
                    if losses[1 + place] < lowest[1 + place]:
                        best[place] = arrays
                if losses[0] < lowest[0]:
                    best_epoch = number
                elif number - best_epoch >= ranker.patience:
                    break
                lowest = [min(pair) for pair in zip(lowest, losses, strict=True)]
        return epochs, best


@dataclass(frozen=True)
class _Lists:
    """Pairs on the device of the network, and where the list of each query starts.

    ``base`` is float[pairs, shares]: what the networks that leave out a share start from, or all of one.
    """

    features: Tensor
    label: Tensor
    base: Tensor
    weight: Tensor
    start: Tensor
    count: Tensor

    @classmethod
    def of(cls, pairs: Pairs, base: Float32, device: str) -> "_Lists":
        start, count = np.unique(pairs.group, return_index=True, return_counts=True)[1:]
        arrays = (pairs.features, pairs.label, base, pairs.weight, start, count)
        return cls(*(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays))

    def take(self, queries: Tensor) -> "_Lists":
        """Return the lists of some queries."""
        rows, count = self.places(queries)[0], self.count[queries]
        features, label, base, weight = (
            one[rows] for one in (self.features, self.label, self.base, self.weight)
        )
        return _Lists(features, label, base, weight, count.cumsum(0) - count, count)

    def spread(self, most: int) -> Tensor:
        """Return the places of at most ``most`` queries, evenly spread over all."""
        step = max(-(-len(self.start) // most), 1)
        return torch.arange(0, len(self.start), step, device=self.start.device)

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
    networks: nn.ModuleList,
    optimiser: torch.optim.Optimizer,
    lists: _Lists,
    learns: Tensor,
    ranker: Trained,
) -> None:
    networks.train()
    # Of a batch each network takes a part: larger batches keep that part at the size that was asked for.
    size = round(ranker.batch_size / max(float(learns.float().mean()), 1e-9))
    for queries in lists.batches(size):
        losses = [
            _member_loss(network, lists, queries[mine], place, ranker)
            for place, network in enumerate(networks)
            if (mine := learns[queries, place]).any()
        ]
        optimiser.zero_grad(set_to_none=True)
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _member_loss(network: nn.Module, lists: _Lists, queries: Tensor, place: int, ranker: Trained) -> Tensor:
    """Return the loss of one network on some queries."""
    rows, real = lists.places(queries)
    base = lists.base[rows, place % lists.base.shape[1]][:, None]
    logits = network(lists.features[rows]) + base
    return _loss(ranker.loss, logits, lists.label[rows], lists.weight[rows], real)


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
    return _figures_of(added + lists.base, lists, ranker)


@torch.inference_mode()
def _cross_report(
    number: int, networks: nn.ModuleList, lists: _Lists, share: Tensor, left_out: Tensor, ranker: Trained
) -> tuple[Epoch, list[float]]:
    """Return an epoch, the loss of all lists out of fold, and for each network that of the other shares."""
    networks.eval()
    shares = lists.base.shape[1]
    some = lists.spread(_SHOWN)
    shown = lists.take(some)
    # A list is scored by the first network that left it out; those shown also by that of the next share.
    held_out = _logits_of(networks[:shares], lists, share)
    learned = _logits_of(networks[:shares], shown, (share[some] + 1) % shares)
    figures = {
        f"{name}_{figure}": value
        for name, each, of in (("train", learned, shown), ("valid", held_out, lists))
        for figure, value in _figures_of(each, of, ranker).items()
    }
    others = [_loss_of(held_out, lists, torch.nonzero(~mine)[:, 0], ranker) for mine in left_out.T]
    return Epoch(number, **figures), [figures["valid_loss"], *others]


def _logits_of(networks: Iterable[nn.Module], lists: _Lists, chosen: Tensor) -> Tensor:
    """Return the log-odds of each pair by the network that is ``chosen`` for its list: [pairs, tasks]."""
    logits = lists.label.new_zeros(lists.label.shape)
    of_pair = torch.repeat_interleave(chosen, lists.count)
    for place, network in enumerate(networks):
        for rows in torch.split(torch.nonzero(of_pair == place)[:, 0], _CHUNK):
            logits[rows] = network(lists.features[rows]) + lists.base[rows, place][:, None]
    return logits


def _figures_of(logits: Tensor, lists: _Lists, ranker: Trained) -> dict[str, float]:
    every = torch.arange(len(lists.start), device=lists.start.device)
    score = joint(_numpy(logits), ranker.task_weights)
    acted = _numpy(lists.label).max(axis=1, initial=0)
    return {
        "loss": _loss_of(logits, lists, every, ranker),
        "accuracy": accuracy(score, acted, _numpy(lists.weight)),
        "auc": auc(score, acted),
    }


def _loss_of(logits: Tensor, lists: _Lists, queries: Tensor, ranker: Trained) -> float:
    """Return the loss of some queries; NaN of none, where some losses are 0."""
    rows, real = lists.places(queries)
    loss = _loss(ranker.loss, logits[rows], lists.label[rows], lists.weight[rows], real)
    return float(loss) if len(queries) else float("nan")


def _arrays(networks: nn.ModuleList) -> list[Arrays]:
    return [
        {name: _numpy(tensor).copy() for name, tensor in network.state_dict().items()} for network in networks
    ]


def _numpy(tensor: Tensor) -> Float32:
    array: Float32 = tensor.detach().cpu().numpy()
    return array
