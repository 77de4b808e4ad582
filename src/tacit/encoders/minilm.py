"""The embedded language model: all-MiniLM-L6-v2 from the files of an installed package.

The package's code is never run: its folder is located, and the sha256 of the weights is checked before they
are loaded.
"""

from typing import TYPE_CHECKING

from tacit.core.devices import chosen_device
from tacit.encoders.minilm_files import check, find
from tacit.encoders.pretrained import fastest_numbers, identity

if TYPE_CHECKING:
    from tacit.encoders.huggingface import HuggingFaceEncoder

DIMENSION = 384


def name() -> str:
    """Return the name of the encoder on this machine without loading it.

    Raises
    ------
    MissingExtraError
        If the package with the files is not installed.
    """
    return f"{identity(find())}:mean:{fastest_numbers(chosen_device('auto'))}"


def minilm(*, device: str = "auto", dtype: str = "auto") -> "HuggingFaceEncoder":
    """Return the embedded encoder: 384 dimensions, mean pooling."""
    from tacit.encoders.huggingface import HuggingFaceEncoder  # brings PyTorch

    directory = find()
    check(directory)
    return HuggingFaceEncoder(directory, device=device, dtype=dtype)
