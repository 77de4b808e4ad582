"""Any Hugging Face encoder or decoder, by local path or name.

Safetensors weights only, remote code never. How token vectors become one text vector (mean, first token, last
token) is read from the model's sentence-transformers configuration; without one, models with causal attention
(decoders) take the last token and all others the mean. Texts are sorted by length before they are cut into
batches, which is 1.3 to 6.9 times as fast.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from tacit.core.devices import chosen_device
from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32
from tacit.encoders.located import directory_of
from tacit.encoders.pretrained import (
    batch_tokens,
    dtype_of,
    identity,
    length_batches,
    load,
    read_json,
    tokenizer_of,
)

Pooling = Literal["mean", "cls", "last"]

_POOLINGS: dict[str, Pooling] = {"mean": "mean", "mean_sqrt_len": "mean", "cls": "cls", "lasttoken": "last"}
"""By their names in sentence-transformers; two of them differ in length only, and vectors have length 1."""


class HuggingFaceEncoder:
    """A language model with pooling.

    Parameters
    ----------
    source : str or Path
        Directory of the model, or its name in the local Hugging Face cache.
    pooling : {"mean", "cls", "last"}, optional
        Overrides the model's configuration.
    device : str
        "auto" takes a GPU if there is one.
    dtype : {"auto", "float32", "bfloat16"}
        "auto" takes bfloat16 on a GPU and on processors that compute with it, else float32.

    Raises
    ------
    ConfigError
        If there is no such model, or this class cannot use it.

    Attributes
    ----------
    directory : Path
        Directory of its files.
    model : torch.nn.Module
    """

    def __init__(
        self, source: str | Path, *, pooling: Pooling | None = None, device: str = "auto", dtype: str = "auto"
    ) -> None:
        directory = self.directory = directory_of(str(source))
        self._device = torch.device(chosen_device(device))
        kind = dtype_of(dtype, self._device)
        self.model = load(directory, kind).to(self._device)
        self._tokenizer = tokenizer_of(directory, self.model.config)
        self._pooling: Pooling = pooling or _pooling(directory, self.model)
        self.dimension = int(self.model.config.hidden_size)
        precision = str(kind).removeprefix("torch.")
        self.name = f"{identity(directory)}:{self._pooling}:{precision}"

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension], each of length 1 (zero without a token)."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        ids = self.tokens(texts)
        lengths = np.array([len(one) for one in ids], dtype=np.int64)
        with progress.task("encoding texts", total=len(texts)) as task, torch.inference_mode():
            for rows in length_batches(lengths, batch_tokens(self._device)):
                pooled = self.pooled([ids[row] for row in rows])
                vectors[rows] = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
                task.advance(len(rows))
        return vectors

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, cut at the model's limit."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    def pooled(self, ids: list[list[int]]) -> torch.Tensor:
        """Return one differentiable vector a list of tokens: float32[n, dimension]."""
        width = max(map(len, ids))
        tokens = torch.zeros((len(ids), width), dtype=torch.long)
        mask = torch.zeros((len(ids), width), dtype=torch.long)
        for row, one in enumerate(ids):
            tokens[row, : len(one)] = torch.tensor(one)
            mask[row, : len(one)] = 1
        mask = mask.to(self._device)
        states: torch.Tensor = self.model(
            input_ids=tokens.to(self._device), attention_mask=mask
        ).last_hidden_state.float()
        if self._pooling == "cls":
            return states[:, 0]
        if self._pooling == "last":
            return states[torch.arange(len(ids)), mask.sum(dim=1) - 1]
        return (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def _pooling(directory: Path, model: Any) -> Pooling:
    for module in read_json(directory / "modules.json", []):
        if module.get("type", "").endswith("Pooling"):
            return _stated_pooling(directory / module["path"] / "config.json")
    # The name of the class says little (LlamaModel, GPT2LMHeadModel); the attention is certain.
    return "last" if any(getattr(part, "is_causal", False) for part in model.modules()) else "mean"


def _stated_pooling(file: Path) -> Pooling:
    settings = read_json(file)
    # Older files have one key a mode ("pooling_mode_cls_token": true), newer ones one key for all.
    modes = [
        key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
        for key, chosen in settings.items()
        if key.startswith("pooling_mode_") and chosen
    ]
    mode = settings.get("pooling_mode") or "+".join(modes) or "mean"
    if mode not in _POOLINGS:
        raise ConfigError(f"{file} asks for {mode} pooling; known: {', '.join(_POOLINGS)}")
    return _POOLINGS[mode]
