"""Losses of padded lists of log-odds that the neural rankers are trained by.

Each takes logits, labels and weights, float32[queries, c], and returns a scalar tensor. A weight is the
number of candidates that a pair stands for (more than 1 where negatives were sampled); 0 marks padding.
Below, ``z`` are logits, ``y`` labels in {0, 1} and ``w`` weights.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Return the mean binary cross entropy: ``sum w (log(1 + exp(z)) - y z) / sum w``."""
    each = functional.binary_cross_entropy_with_logits(logits, label, weight, reduction="sum")
    return each / weight.sum()


def listwise(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Return the cross entropy of the softmax over each list (Cao et al., ICML 2007, top-one).

    Of a list with ``p`` positives it is ``-1/p sum_positives log(exp(z_i) / sum_j w_j exp(z_j))``: in the
    denominator a pair counts for all candidates that it stands for, as in a sampled softmax. The result is
    the mean over lists, each weighted by ``sqrt(p)``: a compromise between equal users and equal events.
    Lists without a positive are left out.
    """
    # Adding log(w) multiplies exp(z) by w; log(0) = -inf takes padding out of the softmax. A positive has
    # weight 1, so its own logit stays as it is.
    log_share = torch.log_softmax(logits + weight.log(), dim=1)  # queries, c
    positives = label.sum(dim=1)  # queries
    # `where` before the sum: on padding, 0 * -inf would be NaN.
    total = -torch.where(label > 0, log_share * label, 0).sum(dim=1)
    list_weight = positives.sqrt()
    mean = total / positives.clamp(min=1)
    return (mean * list_weight).sum() / list_weight.sum().clamp(min=1e-12)


def pairwise(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Return the logistic loss of each positive against the negatives of its list (Burges et al., ICML 2005).

    Of a positive ``i`` it is ``sum_j w_j log(1 + exp(z_j - z_i)) / sum_j w_j`` over its negatives ``j``; the
    result is the mean over all positives.
    """
    row, place = torch.nonzero(label > 0, as_tuple=True)  # positives
    negative = weight[row] * (label[row] <= 0)  # positives, c; 0 on padding and other positives
    each = functional.softplus(logits[row] - logits[row, place][:, None])  # positives, c
    mean = (each * negative).sum(dim=1) / negative.sum(dim=1).clamp(min=1e-12)
    return mean.sum() / max(len(row), 1)


LOSSES: Mapping[str, Loss] = {"bce": cross_entropy, "listwise": listwise, "pairwise": pairwise}
