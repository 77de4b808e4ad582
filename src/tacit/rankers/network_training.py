"""The training loop of networks over pairs: who learns from which lists, early stopping, figures of an epoch.

Several networks learn side by side, each by its own loss, and stop together. In epoch 0 the networks add
nothing to the first stage; it may be the best one. What a step does is the matter of the networks:
`tacit.rankers.perceptrons` in NumPy, `tacit.rankers.torch_training` in PyTorch.

`train_network` takes the lists to learn from and those to stop by: all networks learn from the same lists and
stop by the validation loss of the mean of their outputs. `cross_train` needs no lists set apart: each network
leaves out a share of them, and the first that left out a share is measured on it, out of fold.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from tacit.core.progress import Progress
from tacit.core.types import Bool, Float32, Int64
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, joint
from tacit.rankers.list_losses import LIST_LOSSES
from tacit.rankers.ranker import Epoch, OnEpoch, Pairs
from tacit.rankers.ranker_metrics import accuracy, auc
from tacit.rankers.ranking_lists import Lists

_SHOWN = 1_000
"""The most lists that figures are computed on which decide nothing: they are only shown."""


class Learning(Protocol):
    """Networks while they learn."""

    def one_pass(self, learns: Bool) -> None:
        """Let each network learn once from its lists: bool[queries, members]."""
        ...

    def added(self, features: Float32, parts: Sequence[tuple[int, Int64]]) -> list[Float32]:
        """Return what networks add to the base of pairs, without dropout.

        For each part, the place of a network and the rows of its pairs: float32[rows, tasks].
        """
        ...

    def arrays(self) -> list[Arrays]:
        """Return the weights of each network."""
        ...


class Trained(Protocol):
    """What the loop takes from a ranker; see `tacit.rankers.neural.NeuralRanker`."""

    members: int
    learning_rate: float
    weight_decay: float
    dropout: float
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

    def learning(
        self, columns: Sequence[Column], lists: Lists, *, rng: np.random.Generator
    ) -> AbstractContextManager[Learning]:
        """Give the untrained networks, which are to learn from lists."""
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
    parts = {"train": train, "valid": valid} | ({} if test is None else {"test": test})
    lists = {name: Lists.of(pairs, pairs.base[:, None]) for name, pairs in parts.items()}
    watched, shown = "train_loss", lists
    if len(valid):
        watched, shown = "valid_loss", {**lists, "train": lists["train"].take(lists["train"].spread(_SHOWN))}
    everything = np.ones((len(lists["train"]), ranker.members), dtype=bool)

    def report(number: int, networks: Learning) -> tuple[Epoch, list[float]]:
        figures = {
            f"{name}_{figure}": value
            for name, one in shown.items()
            for figure, value in _figures(_mean(networks, one, ranker), one, ranker).items()
        }
        epoch = Epoch(number, **figures)
        return epoch, [getattr(epoch, watched)] * (1 + ranker.members)

    return _train(
        ranker, columns, lists["train"], everything, report, rng=rng, progress=progress, on_epoch=on_epoch
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
    The validation loss of an epoch is that of all lists, each out of fold. Its other figures are those of
    some lists: the validation figures out of fold, the training figures by a network that learned from them.

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
    lists = Lists.of(pairs, bases)
    own = share[lists.offsets[:-1]]
    left_out = own[:, None] == np.arange(ranker.members) % bases.shape[1]

    def report(number: int, networks: Learning) -> tuple[Epoch, list[float]]:
        return _cross_report(number, networks, lists, own, left_out, ranker)

    return _train(ranker, columns, lists, ~left_out, report, rng=rng, progress=progress, on_epoch=on_epoch)


def _train(
    ranker: Trained,
    columns: Sequence[Column],
    lists: Lists,
    learns: Bool,
    report: Callable[[int, Learning], tuple[Epoch, list[float]]],
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> tuple[list[Epoch], list[Arrays]]:
    """Return the epochs, and the arrays of each network after the epoch with the lowest loss for it.

    ``learns`` is bool[queries, members]. ``report`` gives an epoch and the losses to watch: that which ends
    the training once it has not fallen for some epochs, then that of each network.
    """
    with ranker.learning(columns, lists, rng=rng) as networks:
        epochs: list[Epoch] = []
        best, best_epoch, lowest = networks.arrays(), 0, [0.0]
        with progress.task("training the ranker", total=ranker.epochs) as task:
            for number in range(ranker.epochs + 1):
                if number > 0:
                    networks.one_pass(learns)
                    task.advance()
                epoch, losses = report(number, networks)
                epochs.append(epoch)
                if on_epoch is not None:
                    on_epoch(epoch)
                if number == 0:
                    lowest = losses
                    continue
                for place, arrays in enumerate(networks.arrays()):
                    if losses[1 + place] < lowest[1 + place]:
                        best[place] = arrays
                if losses[0] < lowest[0]:
                    best_epoch = number
                elif number - best_epoch >= ranker.patience:
                    break
                lowest = [min(pair) for pair in zip(lowest, losses, strict=True)]
        return epochs, best


def _cross_report(
    number: int, networks: Learning, lists: Lists, share: Int64, left_out: Bool, ranker: Trained
) -> tuple[Epoch, list[float]]:
    """Return an epoch, the loss of all lists out of fold, and for each network that of the other shares."""
    some = lists.spread(_SHOWN)
    shown, shares = lists.take(some), lists.base.shape[1]
    # A list is scored by the first network that left it out; those shown also by that of the next share.
    held_out = _logits_of(networks, lists, share)
    learned = _logits_of(networks, shown, (share[some] + 1) % shares)
    figures = {
        f"{name}_{figure}": value
        for name, each in (("train", learned), ("valid", held_out[lists.rows(some)[0]]))
        for figure, value in _figures(each, shown, ranker).items()
    }
    figures["valid_loss"] = _loss(held_out, lists, ranker)
    others = [_loss(held_out, lists, ranker, np.flatnonzero(~mine)) for mine in left_out.T[:shares]]
    return Epoch(number, **figures), [
        figures["valid_loss"],
        *(others[place % shares] for place in range(ranker.members)),
    ]


def _mean(networks: Learning, lists: Lists, ranker: Trained) -> Float32:
    """Return the log-odds of each pair by the mean of all networks: float32[pairs, tasks]."""
    rows = np.arange(len(lists.features))
    added = networks.added(lists.features, [(place, rows) for place in range(ranker.members)])
    return np.asarray(np.mean(added, axis=0) + lists.base, dtype=np.float32)


def _logits_of(networks: Learning, lists: Lists, chosen: Int64) -> Float32:
    """Return the log-odds of each pair by the network that is ``chosen`` for its list: [pairs, tasks]."""
    logits = np.zeros_like(lists.label)
    of_pair = np.repeat(chosen, lists.count)
    parts = [(place, np.flatnonzero(of_pair == place)) for place in range(lists.base.shape[1])]
    for (place, rows), added in zip(parts, networks.added(lists.features, parts), strict=True):
        logits[rows] = added + lists.base[rows, place, None]
    return logits


def _figures(logits: Float32, lists: Lists, ranker: Trained) -> dict[str, float]:
    score, acted = joint(logits, ranker.task_weights), lists.label.max(axis=1, initial=0)
    return {
        "loss": _loss(logits, lists, ranker),
        "accuracy": accuracy(score, acted, lists.weight),
        "auc": auc(score, acted),
    }


def _loss(logits: Float32, lists: Lists, ranker: Trained, queries: Int64 | None = None) -> float:
    """Return the loss of some queries, by default of all, summed over the tasks; NaN of none."""
    rows, offsets = (slice(None), lists.offsets) if queries is None else lists.rows(queries)
    if len(offsets) < 2:
        return float("nan")
    loss, weight = LIST_LOSSES[ranker.loss], lists.weight[rows]
    by_task = zip(logits[rows].T, lists.label[rows].T, strict=True)
    return sum(loss(own, label, weight, offsets)[0] for own, label in by_task)
