"""Pretrained models on disk: found, loaded, and named by a hash of their content.

Safetensors weights only, remote code never; nothing is downloaded unless ``TACIT_ALLOW_DOWNLOAD=1``.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.manifest import sha256
from tacit.core.types import Int64

if TYPE_CHECKING:  # PyTorch takes seconds to import: the name of an encoder whose texts are cached needs none
    import torch
    from tokenizers import Tokenizer

_BATCH_TOKENS = {"cpu": 1_024, "cuda": 32_768}
_MAX_TOKENS = 512
_LENGTHS = "sentence_bert_config.json"


def load(directory: Path, dtype: "torch.dtype") -> Any:
    """Return the model of a directory, in evaluation mode.

    Raises
    ------
    ConfigError
        If it has no safetensors weights, or has an encoder and a decoder.
    """
    from safetensors import SafetensorError
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


def tokenizer_of(directory: Path, config: Any) -> "Tokenizer":
    """Return the tokenizer of a model: it does not pad, and cuts a text at the model's limit.

    Raises
    ------
    ConfigError
        If there is none.
    """
    from tokenizers import Tokenizer

    file = directory / "tokenizer.json"
    if not file.is_file():
        raise ConfigError(f"{directory} has no tokenizer.json; save the model with a fast tokenizer")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()  # a fixed padding to 128 tokens would make short titles six times slower
    tokenizer.enable_truncation(_longest(directory, config))
    return tokenizer


def _longest(directory: Path, config: Any) -> int:
    stated = read_json(directory / _LENGTHS).get("max_seq_length")
    positions = getattr(config, "max_position_embeddings", _MAX_TOKENS)
    return int(min(stated or _MAX_TOKENS, positions))


def identity(directory: Path) -> str:
    """Return a short hash of everything that changes a model's output."""
    # Weights, architecture, tokenizer and the limit of tokens.
    settings = [directory / name for name in ("config.json", "tokenizer.json", _LENGTHS)]
    files = [*sorted(directory.glob("*.safetensors")), *(file for file in settings if file.is_file())]
    return hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()[:16]


def dtype_of(name: str, device: "torch.device") -> "torch.dtype":
    """Return the type of numbers; "auto" takes bfloat16 where the device computes with it, else float32."""
    import torch

    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    return known[fastest_numbers(device.type) if name == "auto" else name]


def fastest_numbers(kind: str) -> str:
    """Return the name of the type of numbers that "auto" takes on a kind of device ("cpu", "cuda", "mps")."""
    return "bfloat16" if kind == "cuda" or _processor_has_bfloat16() else "float32"


def computes_bfloat16(device: "torch.device") -> bool:
    """Return whether a device is faster with bfloat16 than with float32."""
    return fastest_numbers(device.type) == "bfloat16"


def _processor_has_bfloat16() -> bool:
    # torch names a capability only up to AVX512, so the flags of the processor are read (Linux only).
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.is_file() and "avx512_bf16" in cpuinfo.read_text("utf-8")


def read_json(file: Path, missing: Any = None) -> Any:
    """Return the content of a JSON file; ``missing`` (by default an empty mapping) where there is none."""
    if not file.is_file():
        return {} if missing is None else missing
    return json.loads(file.read_text("utf-8"))


def batch_tokens(device: "torch.device") -> int:
    """Return how many tokens a device should be given at once."""
    return _BATCH_TOKENS.get(device.type, _BATCH_TOKENS["cpu"])


def length_batches(lengths: Int64, size: int) -> list[Int64]:
    """Return rows in batches of similar length, longest first, of at most about ``size`` tokens.

    Rows without a token are left out.
    """
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    batches, start = [], 0
    while start < len(order):
        rows = max(1, size // int(lengths[order[start]]))
        batches.append(order[start : start + rows])
        start += rows
    return batches
