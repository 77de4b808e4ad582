"""Storage of the trials of a search, so that an interrupted search continues where it was."""

from pathlib import Path

from tacit.core.errors import ConfigError

_SQLITE = b"SQLite format 3\0"


def storage_of(study: Path | None) -> str | None:
    """Return the URL of the SQLite file of a study; None if none is kept.

    Raises
    ------
    ConfigError
        If the file is something else, or could not be written.
    """
    if study is None:
        return None
    if study.is_dir():
        raise ConfigError(f"the study {study} is a folder; name a file")
    if not study.parent.is_dir():
        raise ConfigError(f"the study {study}: the folder {study.parent} does not exist; make it first")
    if study.exists() and _head(study) not in (b"", _SQLITE):
        raise ConfigError(f"the study {study} is not a study but another file; name a new one")
    return f"sqlite:///{study.resolve()}"


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:  # another file, which is to be refused, may be of any size
        return stream.read(len(_SQLITE))
