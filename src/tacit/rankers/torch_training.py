"""Networks that learn side by side in PyTorch: those of `tacit.rankers.networks`, on any device.

The loop of epochs and the figures of each are in `tacit.rankers.network_training`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tacit.core.devices import chosen_device, own_randomness
from tacit.core.types import Bool, Float32, Int64
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays
from tacit.rankers.losses import LOSSES
from tacit.rankers.network_training import Trained
from tacit.rankers.ranking_lists import Lists


class InTorch(Trained, Protocol):
    """A ranker whose networks are those of PyTorch."""

    def network(self, columns: Sequence[Column]) -> nn.Module:
        """Return an untrained network: features to what is added to the base, float32[pairs, tasks]."""
        ...


class Networks:
    """Networks side by side, each with its own loss; one step moves all of them.

    Parameters
    ----------
    networks : torch.nn.ModuleList
    ranker : Trained
    lists : PaddedLists
    device : str
    """

    def __init__(self, networks: nn.ModuleList, ranker: Trained, lists: "PaddedLists", device: str) -> None:
        self._networks = networks
        self._ranker = ranker
        self._lists = lists
        self._device = device
        self._optimiser = torch.optim.AdamW(
            networks.parameters(), lr=ranker.learning_rate, weight_decay=ranker.weight_decay
        )

    def one_pass(self, learns: Bool) -> None:
        """Let each network learn from its lists once: bool[queries, members]."""
        self._networks.train()
        each = torch.from_numpy(learns).to(self._device)
        # Of a batch each network takes a part: larger batches keep that part at the size that was asked for.
        size = round(self._ranker.batch_size / max(float(learns.mean()), 1e-9))
        for queries in self._lists.batches(size):
            losses = [
                self._loss(network, queries[mine], place)
                for place, network in enumerate(self._networks)
                if (mine := each[queries, place]).any()
            ]
            self._optimiser.zero_grad(set_to_none=True)
            torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
            self._optimiser.step()

    def _loss(self, network: nn.Module, queries: Tensor, place: int) -> Tensor:
        """Return the loss of one network on some queries, summed over the tasks."""
        lists = self._lists
        rows, real = lists.places(queries)
        base = lists.base[rows, place % lists.base.shape[1]][:, None]
        logits, label = network(lists.features[rows]) + base, lists.label[rows]
        weight = padded(lists.weight[rows], real)
        parts = [
            LOSSES[self._ranker.loss](padded(logits[:, task], real), padded(label[:, task], real), weight)
            for task in range(logits.shape[1])
        ]
        return torch.stack(parts).sum()

    @torch.inference_mode()
    def added(self, features: Float32, parts: Sequence[tuple[int, Int64]]) -> list[Float32]:
        """Return the output of networks for the rows of each part, without dropout: float32[rows, tasks]."""
        self._networks.eval()
        return [
            _numpy(self._networks[place](torch.from_numpy(features[rows]).to(self._device)))
            for place, rows in parts
        ]

    def arrays(self) -> list[Arrays]:
        """Return the weights of each network."""
        return [
            {name: _numpy(tensor).copy() for name, tensor in network.state_dict().items()}
            for network in self._networks
        ]


@contextmanager
def torch_networks(
    ranker: InTorch, columns: Sequence[Column], lists: Lists, *, rng: np.random.Generator
) -> Iterator[Networks]:
    """Give untrained networks of a ranker on its device; the caller's random state of PyTorch stays."""
    device = chosen_device(ranker.device)
    with own_randomness(device):
        torch.manual_seed(int(rng.integers(2**31)))
        networks = nn.ModuleList(ranker.network(columns) for _ in range(ranker.members)).to(device)
        yield Networks(networks, ranker, PaddedLists.of(lists, device), device)


@dataclass(frozen=True)
class PaddedLists:
    """The lists on the device of the networks; ``start`` and ``count`` are those of each query."""

    features: Tensor
    label: Tensor
    base: Tensor
    weight: Tensor
    start: Tensor
    count: Tensor

    @classmethod
    def of(cls, lists: Lists, device: str) -> "PaddedLists":
        """Copy lists to a device."""
        arrays = (lists.features, lists.label, lists.base, lists.weight, lists.offsets[:-1], lists.count)
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


def padded(values: Tensor, real: Tensor) -> Tensor:
    """Return values of pairs, float[pairs], in lists padded with 0: float[queries, width]."""
    lists = values.new_zeros(real.shape)
    lists[real] = values
    return lists


def _numpy(tensor: Tensor) -> Float32:
    array: Float32 = tensor.detach().cpu().numpy()
    return array
