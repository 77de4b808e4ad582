"""The networks of the neural rankers in PyTorch.

Each maps features, float[n, f], to what is added to the log-odds of the first stage, float[n, tasks]. The
last layer starts at zero: an untrained network adds nothing. `tacit.rankers.layers` computes the same with
NumPy.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Dense(nn.ModuleList):
    """Affine layers with ReLU and dropout; without a layer the output is the input."""

    def __init__(self, width: int, hidden: Sequence[int], dropout: float) -> None:
        widths = [width, *hidden]
        super().__init__(nn.Linear(before, after) for before, after in zip(widths, hidden, strict=False))
        self.width = widths[-1]
        self.dropout = dropout

    def forward(self, state: Tensor) -> Tensor:
        """Return float[n, width] for float[n, inputs]."""
        for layer in self:
            state = torch.relu(layer(state))
            if self.training:
                state = dropped(state, self.dropout)
        return state


def dropped(state: Tensor, share: float) -> Tensor:
    """Return the state after dropout: a random share of it is zero, the rest scaled up to the same mean.

    The share is rounded to 1/256: one random byte decides each number, and a draw of 64 bits gives eight of
    them. On a CPU, PyTorch's own dropout draws once a number, which took half of the time of training.
    """
    zero = min(round(share * 256), 255)  # bytes below it drop their number; never all 256
    draws = torch.empty(-(-state.numel() // 8), dtype=torch.int64, device=state.device)
    draws.random_(-(2**63), None)  # all 64 bits, the sign included: each of the eight bytes is uniform
    kept = draws.view(torch.uint8)[: state.numel()].view(state.shape) >= zero
    # P(kept) = (256 - zero) / 256. The factor is multiplied first: the gradient then has one product less.
    return state * (kept * (256 / (256 - zero)))


def output(width: int, tasks: int) -> nn.Linear:
    """Return a last layer that starts at zero."""
    layer = nn.Linear(width, tasks)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Buckets(nn.Module):
    """The features with the sum of the embeddings of all buckets in place of the buckets.

    Buckets share the rows of a table (feature hashing); bucket 0, nothing known, adds nothing.
    """

    numbers: Tensor
    buckets: Tensor

    def __init__(self, numbers: Sequence[int], buckets: Sequence[int], table: int, width: int) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.tensor(numbers, dtype=torch.int64))
        self.register_buffer("buckets", torch.tensor(buckets, dtype=torch.int64))
        self.table = nn.Embedding(table, width)
        nn.init.normal_(self.table.weight, std=0.01)

    def forward(self, features: Tensor) -> Tensor:
        """Return float[n, numbers + width]."""
        bucket = features[:, self.buckets].long()  # n, buckets
        embedded = self.table(bucket % self.table.num_embeddings) * (bucket > 0)[:, :, None]
        return torch.cat([features[:, self.numbers], embedded.sum(dim=1)], dim=1)


class Perceptron(nn.Module):
    """Layers over all features."""

    def __init__(
        self, inputs: nn.Module, width: int, hidden: Sequence[int], dropout: float, tasks: int
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.deep = Dense(width, hidden, dropout)
        self.out = output(self.deep.width, tasks)

    def forward(self, features: Tensor) -> Tensor:
        """Return float[n, tasks]."""
        result: Tensor = self.out(self.deep(self.inputs(features)))
        return result


class TwoStreams(nn.Module):
    """A tower over the columns of the user, one over those of the item, and layers over both and the rest."""

    user: Tensor
    item: Tensor
    pair: Tensor

    def __init__(
        self,
        inputs: nn.Module,
        sides: dict[str, list[int]],
        hidden: Sequence[int],
        dropout: float,
        tasks: int,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        for side, places in sides.items():
            self.register_buffer(side, torch.tensor(places, dtype=torch.int64))
        self.user_tower, self.item_tower = (
            Dense(len(sides[side]), hidden[:1] if sides[side] else (), dropout) for side in ("user", "item")
        )
        widths = [self.user_tower.width, self.item_tower.width]
        product = widths[0] if widths[0] == widths[1] else 0
        self.deep = Dense(sum(widths) + product + len(sides["pair"]), hidden, dropout)
        self.out = output(self.deep.width, tasks)

    def forward(self, features: Tensor) -> Tensor:
        """Return float[n, tasks]."""
        features = self.inputs(features)
        user = self.user_tower(features[:, self.user])  # n, first width
        item = self.item_tower(features[:, self.item])
        # A tower without columns has no layer and no width: then there is no product.
        product = [user * item] if user.shape == item.shape else []
        result: Tensor = self.out(self.deep(torch.cat([user, item, *product, features[:, self.pair]], dim=1)))
        return result


class Cross(nn.Module):
    """One cross layer: ``features * (W state + b) + state``, with W whole or of low rank."""

    def __init__(self, width: int, rank: int | None) -> None:
        super().__init__()
        self.down = None if rank is None else nn.Linear(width, rank, bias=False)
        self.up = nn.Linear(width if rank is None else rank, width)

    def forward(self, features: Tensor, state: Tensor) -> Tensor:
        """Return float[n, width]."""
        result: Tensor = self.up(state if self.down is None else self.down(state))
        return features * result + state


class DeepAndCross(nn.Module):
    """Cross layers beside a perceptron."""

    def __init__(
        self,
        inputs: nn.Module,
        width: int,
        crosses: int,
        rank: int | None,
        hidden: Sequence[int],
        dropout: float,
        tasks: int,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.cross = nn.ModuleList(Cross(width, rank) for _ in range(crosses))
        self.deep = Dense(width, hidden, dropout)
        self.out = output(width + self.deep.width, tasks)

    def forward(self, features: Tensor) -> Tensor:
        """Return float[n, tasks]."""
        features = self.inputs(features)
        state = features  # n, width: stays so through all cross layers
        for layer in self.cross:
            state = layer(features, state)
        result: Tensor = self.out(torch.cat([state, self.deep(features)], dim=1))
        return result


class Convolutions(nn.ModuleList):
    """Convolutions with ReLU over maps of one or two dimensions; a window never exceeds the map."""

    def __init__(
        self, inputs: int, size: Sequence[int], channels: Sequence[int], kernel: int, stride: int
    ) -> None:
        super().__init__()
        kind = nn.Conv1d if len(size) == 1 else nn.Conv2d
        for outputs in channels:
            window = [min(kernel, side) for side in size]  # later maps are smaller than the kernel
            self.append(kind(inputs, outputs, window, stride))  # type: ignore[arg-type]
            size = [(side - own) // stride + 1 for side, own in zip(size, window, strict=True)]
            inputs = outputs
        self.width = inputs * math.prod(size)

    def forward(self, maps: Tensor) -> Tensor:
        """Return float[n, channels of the last layer, ...] for float[n, inputs, ...]."""
        for layer in self:
            maps = torch.relu(layer(maps))
        return maps


class OuterProduct(nn.Module):
    """Convolutions over the products of every number of the user with every number of the item."""

    user: Tensor
    item: Tensor

    def __init__(
        self, user: Sequence[int], item: Sequence[int], channels: Sequence[int], kernel: int, stride: int
    ) -> None:
        super().__init__()
        self.register_buffer("user", torch.tensor(user))
        self.register_buffer("item", torch.tensor(item))
        self.convolutions = Convolutions(1, (len(user), len(item)), channels, kernel, stride)
        self.width = self.convolutions.width

    def forward(self, features: Tensor) -> Tensor:
        """Return float[n, width]."""
        outer = features[:, self.user, None] * features[:, None, self.item]  # n, user, item
        result: Tensor = self.convolutions(outer[:, None]).flatten(1)
        return result


class History(nn.Module):
    """A convolution over the last events, each beside its product with the item; the maximum over events."""

    places: Tensor
    item: Tensor | None

    def __init__(
        self, places: Sequence[Sequence[int]], item: Sequence[int] | None, filters: int, kernel: int
    ) -> None:
        super().__init__()
        self.register_buffer("places", torch.tensor(places))
        self.register_buffer("item", None if item is None else torch.tensor(item))
        inputs = len(places[0]) * (1 if item is None else 2)
        self.convolutions = Convolutions(inputs, (len(places),), (filters,), kernel, 1)
        self.width = filters

    def forward(self, features: Tensor) -> Tensor:
        """Return float[n, filters]."""
        events = features[:, self.places]  # n, events, width
        if self.item is not None:
            events = torch.cat([events, events * features[:, None, self.item]], dim=2)  # n, events, 2 * width
        # The numbers of an event are the channels of a one-dimensional convolution over events.
        result: Tensor = self.convolutions(events.transpose(1, 2)).amax(dim=2)
        return result


class Convolutional(nn.Module):
    """Convolutions over raw vectors, and layers over their outputs and the other features."""

    rest: Tensor

    def __init__(
        self,
        inputs: nn.Module,
        maps: Sequence[OuterProduct],
        history: History | None,
        rest: Sequence[int],
        hidden: Sequence[int],
        dropout: float,
        tasks: int,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.maps = nn.ModuleList(maps)
        self.history = history
        self.register_buffer("rest", torch.tensor(rest, dtype=torch.int64))
        widths = [one.width for one in maps] + ([history.width] if history is not None else [])
        self.deep = Dense(sum(widths) + len(rest), hidden, dropout)
        self.out = output(self.deep.width, tasks)

    def forward(self, features: Tensor) -> Tensor:
        """Return float[n, tasks]."""
        features = self.inputs(features)
        parts = [one(features) for one in self.maps] + [features[:, self.rest]]
        if self.history is not None:
            parts.append(self.history(features))
        result: Tensor = self.out(self.deep(torch.cat(parts, dim=1)))
        return result
