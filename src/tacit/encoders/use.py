"""The embedded multilingual encoder: Universal Sentence Encoder multilingual v3, from the files of a package.

Yang et al., "Multilingual universal sentence encoder for semantic retrieval", ACL 2020 (the convolutional
model): texts of one meaning in 16 languages lie close to each other. Two files of the package are used, the
weights and the tokens; the network below is Tacit's own, and the sha256 of both is checked before.

A text is the list of its pieces e. Three parts of ``norm(e P + p)`` are the x of n = 2, 3 and 5:
``h = relu([x] W1 + b1) + x`` and ``c = relu([h] W2 + b2) + h``, where ``[x]`` are the n neighbours of a token
as one row, zeros beyond the text. The rows ``norm(e, c2, c3, c5) C + c`` are added up, divided by the root of
the length, and go through a small network with short cuts. The tokens of many texts are one matrix, so
nothing is padded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tacit.core.devices import chosen_device
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32, Int64
from tacit.encoders.pretrained import batch_tokens, dtype_of
from tacit.encoders.use_tokens import (
    DIMENSION,
    FIRST,
    LAST,
    LIMIT,
    check,
    encodable,
    find,
    name_of,
    tokenizer,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BLOCKS = 17
"""The table of pieces is cut into so many blocks, each with a scale of its own."""
_BATCHES = 2
"""Batches are so many times those of a model with attention: measured."""
_NEIGHBOURS = ((2, 0), (3, 1), (5, 2))
"""Widths of the convolutions, and how many of the neighbours lie to the left."""


class UseEncoder:
    """USE multilingual v3: 512 dimensions.

    Parameters
    ----------
    device : str
        "auto" takes a GPU if there is one.
    dtype : {"auto", "float32", "bfloat16"}
        Of the large products; "auto" takes bfloat16 on a GPU and on processors that compute with it.

    Raises
    ------
    MissingExtraError
        If the package with the files is not installed.
    ArtifactError
        If a file is not the known one.
    """

    dimension = DIMENSION

    def __init__(self, *, device: str = "auto", dtype: str = "auto") -> None:
        self._device = torch.device(chosen_device(device))
        kind = dtype_of(dtype, self._device)
        file = find()
        check(file)
        self._tokenizer: Tokenizer = tokenizer()
        self._network = _Network.read(file, self._device, kind)
        self.name = name_of(str(kind).removeprefix("torch."))

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, first and last included, cut at the limit; none if it is empty."""
        found = self._tokenizer.encode_batch_fast(encodable(texts), add_special_tokens=False)
        return [[FIRST, *one.ids[: LIMIT - 2], LAST] if one.ids else [] for one in found]

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, 512], each of length 1 (zero without a token)."""
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        ids = self.tokens(texts)
        lengths = np.array([len(one) for one in ids], dtype=np.int64)
        with progress.task("encoding texts", total=len(texts)) as task, torch.inference_mode():
            for rows in _batches(lengths, _BATCHES * batch_tokens(self._device)):
                flat = np.concatenate([ids[row] for row in rows])
                vectors[rows] = self._network(flat, lengths[rows]).cpu().numpy()
                task.advance(len(rows))
        return vectors


@dataclass(frozen=True)
class _Branch:
    """One convolution of two layers."""

    width: int
    left: int
    layers: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]

    def __call__(self, x: Tensor, around: Tensor) -> Tensor:
        for W, b in self.layers:
            beyond = functional.pad(x.to(W.dtype), (0, 0, 0, 1))  # the last row is what lies beyond a text
            window = beyond[around].reshape(len(x), -1)
            x = functional.relu((window @ W).float() + b) + x
        return x


@dataclass(frozen=True)
class _Network:
    table: Tensor  # uint8[pieces, 512]: rows are made numbers when a batch needs them
    scale: Tensor
    low: Tensor
    P: Tensor  # of all branches beside each other, as p and the norm of them
    p: Tensor
    narrow: tuple[Tensor, Tensor]
    branches: tuple[_Branch, ...]
    norm: tuple[Tensor, Tensor]
    C: Tensor
    c: Tensor
    d: tuple[Tensor, ...]
    p1: Tensor
    p3: Tensor
    eps: float

    @classmethod
    def read(cls, file: Path, device: torch.device, kind: torch.dtype) -> "_Network":
        with np.load(file, allow_pickle=False) as arrays:
            first = arrays["q1"]
            table = np.empty((_BLOCKS * len(first), first.shape[1]), dtype=np.uint8)
            for block in range(_BLOCKS):  # piece t is row t // 17 of block t % 17
                table[block::_BLOCKS] = arrays[f"q{block + 1}"] if block else first
            rest = {name: arrays[name] for name in arrays.files if not name.startswith("q")}
        return cls._of(torch.from_numpy(table), rest, device, kind)

    @classmethod
    def _of(
        cls, table: Tensor, arrays: Mapping[str, Array], device: torch.device, kind: torch.dtype
    ) -> "_Network":
        def part(name: str, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.from_numpy(arrays[name]).to(device, dtype)

        def beside(name: str, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.cat([part(f"{name}{n}", dtype) for n, _ in _NEIGHBOURS], dim=-1)

        branches = tuple(
            _Branch(
                width=n,
                left=left,
                layers=(
                    (part(f"w1_{n}", kind), part(f"b1_{n}")),
                    (part(f"w2_{n}", kind), part(f"b2_{n}")),
                ),
            )
            for n, left in _NEIGHBOURS
        )
        return cls(
            table=table.to(device),
            scale=part("scale"),
            low=part("lo"),
            P=beside("proj", kind),
            p=beside("proj_b"),
            narrow=(beside("ln_g"), beside("ln_b")),
            branches=branches,
            norm=(part("ln_g"), part("ln_b")),
            C=part("cnn_W"),
            c=part("cnn_b"),
            d=tuple(part(f"d{layer}") for layer in range(4)),
            p1=part("p1"),
            p3=part("p3"),
            eps=float(arrays["eps"]),
        )

    def __call__(self, flat: Int64, lengths: Int64) -> Tensor:
        """Return the vectors of texts whose tokens follow each other: float32[n, 512]."""
        device = self.table.device
        sizes = torch.from_numpy(lengths).to(device)
        codes = torch.from_numpy(flat).to(device)
        block = codes % _BLOCKS
        e = self.table[codes] * self.scale[block, None] + self.low[block, None]
        x = functional.layer_norm(
            (e.to(self.P.dtype) @ self.P).float() + self.p, self.p.shape, *self.narrow, self.eps
        )
        parts = [
            branch(own, torch.from_numpy(around(lengths, branch.width, branch.left)).to(device))
            for branch, own in zip(self.branches, x.chunk(len(self.branches), dim=1), strict=True)
        ]
        rows = torch.cat([e, *parts], dim=1)
        f = functional.layer_norm(rows, rows.shape[1:], *self.norm, self.eps)
        total = torch.segment_reduce(f, "sum", lengths=sizes, axis=0)
        m = (total @ self.C + sizes[:, None] * self.c) / sizes[:, None].sqrt()
        return functional.normalize(self._last(m), dim=1)

    def _last(self, m: Tensor) -> Tensor:
        d0, d1, d2, d3 = self.d
        y0 = functional.relu(m @ d0)
        y1 = functional.relu(m @ self.p1 + y0 @ d1)
        y2 = functional.relu(y1 @ d2)
        return torch.tanh(y1 @ self.p3 + y2 @ d3)


def around(lengths: Int64, width: int, left: int) -> Int64:
    """Return the places of the neighbours of each token: int64[tokens, width].

    Beyond the own text it is the number of all tokens, the place of a row of zeros.
    """
    total = int(lengths.sum())
    stop = np.repeat(np.cumsum(lengths), lengths)[:, None]
    start = stop - np.repeat(lengths, lengths)[:, None]
    places = np.arange(total)[:, None] + np.arange(-left, width - left)
    return np.where((places >= start) & (places < stop), places, total)


def _batches(lengths: Int64, size: int) -> Iterator[Int64]:
    """Yield the rows with tokens in batches of about ``size`` tokens, shorter texts together.

    Nothing is padded, so the order is of no consequence for the time; it keeps a batch near its size.
    """
    rows = np.flatnonzero(lengths)
    if not len(rows):
        return
    number = (np.cumsum(lengths[rows]) - 1) // size
    yield from np.split(rows, np.flatnonzero(np.diff(number)) + 1)
