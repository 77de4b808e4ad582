"""The network of a pair classifier: a language model that reads both texts, and a linear layer on its states.

Nogueira & Cho, "Passage re-ranking with BERT", arXiv 1901.04085. The embeddings and the lower layers keep
their pretrained weights: a fraction of the weights is trained, and only that fraction is stored.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from tacit.core.devices import chosen_device, own_randomness
from tacit.core.errors import ConfigError
from tacit.core.types import Array, Float32
from tacit.encoders import minilm_files
from tacit.encoders.located import directory_of
from tacit.encoders.pretrained import (
    batch_tokens,
    dtype_of,
    identity,
    length_batches,
    load,
    tokenizer_of,
)
from tacit.rankers.pair_tokens import TokenPairs

_SMALL = 0.02
"""Standard deviation of the initial weights of the linear layer, as in BERT itself."""


@dataclass(frozen=True)
class Base:
    """A pretrained model on disk.

    Attributes
    ----------
    directory : Path
    identity : str
        Hash of all files that its output depends on.
    device : torch.device
    dtype : torch.dtype
        Type that it computes with.
    """

    directory: Path
    identity: str
    device: torch.device
    dtype: torch.dtype

    @classmethod
    def of(cls, source: str, *, device: str, dtype: str) -> "Base":
        """Find a model: "minilm", a directory, or a name that the local Hugging Face cache knows."""
        directory = minilm_files.find() if source == "minilm" else directory_of(source)
        if source == "minilm":
            minilm_files.check(directory)
        place = torch.device(chosen_device(device))
        return cls(directory, identity(directory), place, dtype_of(dtype, place))

    def tokenizer(self) -> Tokenizer:
        """Return its tokenizer."""
        return tokenizer_of(self.directory, None)

    @own_randomness()
    def network(self, pooling: str, seed: int = 0) -> "PairNetwork":
        """Return a network with an untrained linear layer, on the device, its weights in float32."""
        torch.manual_seed(seed)
        return PairNetwork(_model_like_bert(self.directory), pooling, self.dtype).to(self.device)

    def scorer(self, pooling: str, trained: Mapping[str, Array]) -> "PairNetwork":
        """Return a trained network, ready to score."""
        network = self.network(pooling)
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in trained.items()}
        network.load_state_dict(tensors, strict=False)
        network.model.to(self.dtype)
        return network.eval()


class PairNetwork(nn.Module):
    """Token codes of pairs to log-odds.

    Parameters
    ----------
    model : module
        Like BERT.
    pooling : {"mean", "cls"}
        Input of the linear layer: the mean of the states of all tokens, or the state of the first.
    dtype : torch.dtype
        Type that it computes with, whatever the type of its weights.
    """

    def __init__(self, model: Any, pooling: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.model = model
        self.pooling = pooling
        self.dtype = dtype
        self.head = nn.Linear(model.config.hidden_size, 1)
        nn.init.normal_(self.head.weight, std=_SMALL)
        nn.init.zeros_(self.head.bias)

    def forward(self, codes: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """Return float32[n] for int64[n, tokens] each."""
        states = self.model(
            input_ids=codes, token_type_ids=types, attention_mask=mask
        ).last_hidden_state.float()  # n, tokens, hidden
        if self.pooling == "cls":
            pooled = states[:, 0]
        else:
            # The mean over the tokens that are no padding.
            pooled = (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        logits: Tensor = self.head(pooled)[:, 0].float()  # pooled: n, hidden
        return logits

    @property
    def longest(self) -> int:
        """The most tokens that it can read."""
        return int(self.model.config.max_position_embeddings)

    def of(self, pairs: TokenPairs) -> Tensor:
        """Return the log-odds of one batch of pairs, on the device."""
        tokens, types = pairs.joined()
        mask = np.arange(tokens.codes.shape[1]) < tokens.lengths[:, None]
        arrays = (tokens.codes.astype(np.int64), types, mask.astype(np.int64))
        device = self.head.weight.device
        # A context for every batch: within one, the cast weights of the first step would be reused for all.
        with torch.autocast(device.type, self.dtype, enabled=self.model.dtype != self.dtype):
            logits: Tensor = self(*(torch.from_numpy(array).to(device) for array in arrays))
        return logits

    @torch.inference_mode()
    def score(self, pairs: TokenPairs) -> Float32:
        """Return the log-odds of any number of pairs: float32[pairs]."""
        logits = np.empty(len(pairs), dtype=np.float32)
        for rows in length_batches(pairs.lengths, batch_tokens(self.head.weight.device)):
            logits[rows] = self.of(pairs.take(rows)).cpu().numpy()
        return logits

    def freeze(self, train: str) -> list[str]:
        """Freeze the weights that are not trained; return the names of the others.

        Parameters
        ----------
        train : str
            "last:N" for the last N layers and the linear one, "all" for everything.

        Raises
        ------
        ConfigError
            If ``train`` is neither, or N is larger than the number of layers.
        """
        layers = len(self.model.encoder.layer)
        wanted = _prefixes(train, layers)
        for name, parameter in self.named_parameters():
            parameter.requires_grad = name.startswith(wanted)
        return [name for name, parameter in self.named_parameters() if parameter.requires_grad]


def _prefixes(train: str, layers: int) -> tuple[str, ...]:
    """Return how the names of the trained weights begin."""
    if train == "all":
        return ("model.embeddings", "model.encoder", "head")
    match = re.fullmatch(r"last:(\d+)", train)
    if not match or int(match[1]) > layers:
        raise ConfigError(f"train is {train!r}; write last:N with N up to {layers} layers, or all")
    return (*(f"model.encoder.layer.{place}." for place in range(layers - int(match[1]), layers)), "head")


def _model_like_bert(directory: Path) -> Any:
    model = load(directory, torch.float32)
    types = getattr(model.config, "type_vocab_size", 0)
    if not hasattr(getattr(model, "encoder", None), "layer") or types < 2:
        raise ConfigError(
            f"{directory} is not like BERT (layers, and token types for two texts); name another"
        )
    return model
