"""What a network is trained by: one number for lists of log-odds.

All take logits, labels and weights float32[queries, c]. A weight says how many candidates of the list a pair
stands for; 0 is padding. Each returns the mean as a scalar tensor.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Return the binary cross entropy of a candidate of the lists."""
    each = functional.binary_cross_entropy_with_logits(logits, label, weight, reduction="sum")
    return each / weight.sum()


def listwise(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Return the cross entropy of the softmax over each list (Cao et al., ICML 2007, top-one).

    A pair that stands for several has them all in the denominator, as in a softmax over a sample. A list
    counts by the root of its positives: between every user alike and every choice alike. Lists without any
    say nothing.
    """
    chance = torch.log_softmax(logits + weight.log(), dim=1)
    positives = label.sum(dim=1)
    surprise = -torch.where(label > 0, chance * label, 0).sum(dim=1)
    importance = positives.sqrt()
    mean = surprise / positives.clamp(min=1)
    return (mean * importance).sum() / importance.sum().clamp(min=1e-12)


def pairwise(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Return the logistic loss of a positive before a negative of its list (Burges et al., ICML 2005).

    Each positive counts alike: the mean over its negatives.
    """
    row, place = torch.nonzero(label > 0, as_tuple=True)
    against = weight[row] * (label[row] <= 0)
    wrong = functional.softplus(logits[row] - logits[row, place][:, None])
    mean = (wrong * against).sum(dim=1) / against.sum(dim=1).clamp(min=1e-12)
    return mean.sum() / max(len(row), 1)


LOSSES: Mapping[str, Loss] = {"bce": cross_entropy, "listwise": listwise, "pairwise": pairwise}
