"""The embedded language model: all-MiniLM-L6-v2 from the files of an installed package.

The package's code is never run: its folder is located, and the sha256 of the weights is checked before they
are loaded.
"""

import torch

from tacit.core.devices import chosen_device
from tacit.encoders.huggingface import HuggingFaceEncoder
from tacit.encoders.minilm_files import check, find
from tacit.encoders.pretrained import dtype_of, identity

DIMENSION = 384


def name() -> str:
    """Return the name of the encoder on this machine without loading it.

    Raises
    ------
    MissingExtraError
        If the package with the files is not installed.
    """
    kind = dtype_of("auto", torch.device(chosen_device("auto")))
    return f"{identity(find())}:mean:{str(kind).removeprefix('torch.')}"


def minilm(*, device: str = "auto", dtype: str = "auto") -> HuggingFaceEncoder:
    """Return the embedded encoder: 384 dimensions, mean pooling."""
    directory = find()
    check(directory)
    return HuggingFaceEncoder(directory, device=device, dtype=dtype)
