"""The network: a causal transformer whose input and output vectors of an item are the same.

SASRec (Kang & McAuley, ICDM 2018) with the blocks of LiGR (arXiv 2508.06450): RMS norm before each part,
SwiGLU, and a gate on every residual. An item is its own embedding plus a projection of its language-model
vector, so that an item without events (embedding zero) has a vector too. Sequences are padded on
the right: a causal network never sees the padding, and no mask is needed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tacit.models.transformer.batches import GAPS


@dataclass(frozen=True)
class Shape:
    """Sizes of the weights; ``n_kinds`` includes the unknown kind."""

    n_items: int
    n_kinds: int
    embedding_size: int
    heads: int
    blocks: int
    max_length: int
    dropout: float


class Network(nn.Module):
    """Histories to vectors, items to vectors; a score is their dot product.

    Parameters
    ----------
    shape : Shape
    vectors : float32[items, v], optional
        Centred language-model vectors; they are data, not weights.
    """

    vectors: Tensor | None

    def __init__(self, shape: Shape, vectors: Tensor | None) -> None:
        super().__init__()
        d = shape.embedding_size
        self.start = nn.Parameter(torch.randn(d) * 0.02)
        self.item = _embedding(shape.n_items, d)
        self.kind = _embedding(shape.n_kinds, d)
        self.gap = _embedding(GAPS, d)
        self.position = _embedding(shape.max_length + 1, d)
        self.register_buffer("vectors", vectors, persistent=False)
        if vectors is not None:
            self.projection = nn.Linear(vectors.shape[1], d, bias=False)
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(d, shape.heads, shape.dropout) for _ in range(shape.blocks))
        self.norm = nn.RMSNorm(d)

    def items(self, codes: Tensor) -> Tensor:
        """Return the vectors of items: [...] to [..., d]."""
        own: Tensor = self.item(codes)
        if self.vectors is None:
            return own
        text: Tensor = self.projection(self.vectors[codes])
        return own + text

    def forward(self, events: Tensor, kind: Tensor, gap: Tensor) -> Tensor:
        """Return the state before any event and after each one.

        Parameters
        ----------
        events : float32[n, length, d]
            Vectors of the items, see `items`.
        kind, gap : int64[n, length]

        Returns
        -------
        float32[n, length + 1, d]
        """
        x = events + self.kind(kind) + self.gap(gap)  # [n, length, d]
        x = torch.cat([self.start.expand(len(x), 1, -1), x], dim=1)  # [n, length + 1, d]
        x = self.dropout(x + self.position.weight[: x.shape[1]])
        for block in self.blocks:
            x = block(x)
        state: Tensor = self.norm(x)
        return state


class Block(nn.Module):
    """Causal attention, then SwiGLU, both gated by their own input."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.RMSNorm(d) for _ in range(2))
        self.gates = nn.ModuleList(nn.Linear(d, d) for _ in range(2))
        self.attend = nn.Linear(d, 3 * d, bias=False)
        self.mix = nn.Linear(d, d, bias=False)
        self.wide = nn.Linear(d, 4 * d, bias=False)
        self.narrow = nn.Linear(2 * d, d, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the next state: [n, length, d] to the same."""
        for norm, gate, part in zip(self.norms, self.gates, (self._attention, self._swiglu), strict=True):
            x = x + self.dropout(part(norm(x))) * torch.sigmoid(gate(x))
        return x

    def _attention(self, x: Tensor) -> Tensor:
        n, length, d = x.shape
        split = self.attend(x).view(n, length, 3, self.heads, d // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each [n, heads, length, d / heads]
        # No dropout in here: it would cost the fused kernel.
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        mixed: Tensor = self.mix(seen.transpose(1, 2).reshape(n, length, d))  # heads side by side
        return mixed

    def _swiglu(self, x: Tensor) -> Tensor:
        gate, value = self.wide(x).chunk(2, dim=-1)  # each [n, length, 2 d]
        out: Tensor = self.narrow(functional.silu(gate) * value)
        return out


def _embedding(count: int, d: int) -> nn.Embedding:
    embedding = nn.Embedding(count, d)
    nn.init.normal_(embedding.weight, std=0.02)
    return embedding
