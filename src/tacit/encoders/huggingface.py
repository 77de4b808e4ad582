"""Any Hugging Face encoder or decoder, by local path or name.

Safetensors weights only, remote code never. How token vectors become one text vector (mean, first token, last
token) is read from the model's sentence-transformers configuration; without one, models whose attention looks
back only (decoders) take the last token and all others the mean. Texts are sorted by length before they are
cut into batches: worth 1.3x to 6.9x.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32, Int64

Pooling = Literal["mean", "cls", "last"]

_POOLINGS: dict[str, Pooling] = {"mean": "mean", "mean_sqrt_len": "mean", "cls": "cls", "lasttoken": "last"}
"""By the names that sentence-transformers gives them; two of them differ in length only, which is made 1."""

_BATCH_TOKENS = 4_096
_MAX_TOKENS = 512
_LENGTHS = "sentence_bert_config.json"


class HuggingFaceEncoder:
    """A language model with pooling.

    Parameters
    ----------
    source : str or Path
        Directory of the model, or a name that the local Hugging Face cache knows.
    pooling : {"mean", "cls", "last"}, optional
        Overrides the model's configuration.
    device : str
        "auto" takes a GPU where there is one.
    dtype : {"auto", "float32", "bfloat16"}
        "auto" takes bfloat16 on a GPU and on processors that compute with it, else float32.

    Raises
    ------
    ConfigError
        If there is no such model, or it is none that this class can use.

    Attributes
    ----------
    directory : Path
        Where its files lie.
    model : torch.nn.Module
    """

    def __init__(
        self, source: str | Path, *, pooling: Pooling | None = None, device: str = "auto", dtype: str = "auto"
    ) -> None:
        directory = self.directory = _directory(str(source))
        self._device = torch.device(_device(device))
        kind = _dtype(dtype, self._device)
        self.model = _load(directory, kind).to(self._device)
        self._tokenizer = _tokenizer(directory, self.model.config)
        self._pooling: Pooling = pooling or _pooling(directory, self.model)
        self.dimension = int(self.model.config.hidden_size)
        precision = str(kind).removeprefix("torch.")
        self.name = f"{_identity(directory)}:{self._pooling}:{precision}"

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension], each of length 1 (zero without a token)."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        ids = self.tokens(texts)
        lengths = np.array([len(one) for one in ids], dtype=np.int64)
        with progress.task("encoding texts", total=len(texts)) as task, torch.inference_mode():
            for rows in batches_by_length(lengths):
                pooled = self.pooled([ids[row] for row in rows])
                vectors[rows] = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
                task.advance(len(rows))
        return vectors

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, no more than the model reads."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    def pooled(self, ids: list[list[int]]) -> torch.Tensor:
        """Return one vector a list of tokens, which a loss can be traced through: float32[n, dimension]."""
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


def batches_by_length(lengths: Int64) -> list[Int64]:
    """Return rows in batches of like length, longest first, of about the same number of tokens.

    Rows without a token are left out: a model has nothing to say about them.
    """
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    batches, start = [], 0
    while start < len(order):
        size = max(1, _BATCH_TOKENS // int(lengths[order[start]]))
        batches.append(order[start : start + size])
        start += size
    return batches


def _directory(source: str) -> Path:
    if Path(source).is_dir():
        return Path(source)
    if source.startswith((".", "/", "~")) or source.count("/") > 1:
        raise ConfigError(f"there is no model directory {source}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    online = os.environ.get("TACIT_ALLOW_DOWNLOAD") == "1"
    patterns = ["*.json", "*.safetensors", "*.txt", "*.model"]
    try:
        return Path(snapshot_download(source, allow_patterns=patterns, local_files_only=not online))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        raise ConfigError(
            f"the model {source} is not on this machine; download it into a directory and name that, "
            "or set TACIT_ALLOW_DOWNLOAD=1"
        ) from error


def _load(directory: Path, dtype: torch.dtype) -> Any:
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = AutoModel.from_pretrained(
            directory, use_safetensors=True, trust_remote_code=False, local_files_only=True, dtype=dtype
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ConfigError(f"{directory} holds no model with safetensors weights: {error}") from error
    if model.config.is_encoder_decoder:
        raise ConfigError(f"{directory} is an encoder with a decoder; name a model that is one of the two")
    return model.eval()


def _tokenizer(directory: Path, config: Any) -> Tokenizer:
    file = directory / "tokenizer.json"
    if not file.is_file():
        raise ConfigError(f"{directory} has no tokenizer.json; save the model with a fast tokenizer")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()  # a fixed padding to 128 tokens would make short titles six times slower
    tokenizer.enable_truncation(_longest(directory, config))
    return tokenizer


def _longest(directory: Path, config: Any) -> int:
    stated = _json(directory / _LENGTHS).get("max_seq_length")
    positions = getattr(config, "max_position_embeddings", _MAX_TOKENS)
    return int(min(stated or _MAX_TOKENS, positions))


def _pooling(directory: Path, model: Any) -> Pooling:
    for module in _json(directory / "modules.json", []):
        if module.get("type", "").endswith("Pooling"):
            return _stated_pooling(directory / module["path"] / "config.json")
    # The class or its name tells little (LlamaModel, GPT2LMHeadModel): the attention itself does.
    return "last" if any(getattr(part, "is_causal", False) for part in model.modules()) else "mean"


def _stated_pooling(file: Path) -> Pooling:
    settings = _json(file)
    # One key a mode ("pooling_mode_cls_token": true), or in newer files one key for all.
    modes = [
        key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
        for key, chosen in settings.items()
        if key.startswith("pooling_mode_") and chosen
    ]
    mode = settings.get("pooling_mode") or "+".join(modes) or "mean"
    if mode not in _POOLINGS:
        raise ConfigError(f"{file} asks for {mode} pooling; known: {', '.join(_POOLINGS)}")
    return _POOLINGS[mode]


def _json(file: Path, missing: Any = None) -> Any:
    if not file.is_file():
        return {} if missing is None else missing
    return json.loads(file.read_text("utf-8"))


def _identity(directory: Path) -> str:
    from tacit.core.manifest import sha256

    # Whatever changes a vector: weights, how they are wired, how texts become tokens, how many of them.
    settings = [directory / name for name in ("config.json", "tokenizer.json", _LENGTHS)]
    files = [*sorted(directory.glob("*.safetensors")), *(file for file in settings if file.is_file())]
    return hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()[:16]


def _device(asked: str) -> str:
    if asked != "auto":
        return asked
    return "cuda" if torch.cuda.is_available() else "cpu"


def _dtype(asked: str, device: torch.device) -> torch.dtype:
    if asked != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[asked]
    return torch.bfloat16 if computes_bfloat16(device) else torch.float32


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether a device is faster with bfloat16 than with float32."""
    return device.type == "cuda" or _processor_has_bfloat16()


def _processor_has_bfloat16() -> bool:
    # torch names a capability only up to AVX512, so the processor's own flags are asked (Linux only).
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.is_file() and "avx512_bf16" in cpuinfo.read_text("utf-8")
