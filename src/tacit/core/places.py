"""Where things may be written, checked before the work begins: it would be lost otherwise."""

import os
import tempfile
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from tacit.core.errors import ConfigError
from tacit.core.manifest import MANIFEST

_LONGEST_NAME = 255 - 32
"""Bytes of a name; a file is written beside its place first, under a name with some more."""


def checked_path(path: str | Path, what: str) -> Path:
    """Return a path that a file system can take.

    Raises
    ------
    ConfigError
        If it is empty or holds a NUL character.
    """
    if "\0" in str(path):
        raise ConfigError(f"the {what} {str(path)!r} holds a NUL character; give another path")
    if not str(path):
        raise ConfigError(f"the {what} is empty; give a path")
    return Path(path)


def check_directory_place(directory: Path, what: str) -> None:
    """Refuse a directory that could not be made or replaced, or that lies within a snapshot.

    Raises
    ------
    ConfigError
    """
    check_name(directory, what)
    if directory.resolve() in (here := Path.cwd(), *here.parents):
        raise ConfigError(f"{what} {directory} is the folder of this process; name one within it")
    try:  # rights alone do not tell: a read-only or a virtual file system refuses later
        check_outside_snapshots(directory, what)
        parent = next(one for one in directory.absolute().parents if one.exists())
        tempfile.TemporaryFile(dir=parent).close()  # on Linux without a name: a kill leaves nothing behind
    except OSError as error:
        raise ConfigError(
            f"{what} {directory} cannot be written: {error.strerror or error}; name another place"
        ) from error


def check_name(path: Path, what: str) -> None:
    """Refuse a path with a name that file systems do not take.

    Raises
    ------
    ConfigError
    """
    checked_path(path, what)
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
        raise ConfigError(
            f"{what}: a name in {path} is longer than {_LONGEST_NAME} bytes; give a shorter one"
        )


def check_outside_snapshots(path: Path, what: str) -> None:
    """Refuse a place within a snapshot: another file in it would make it a damaged one.

    Raises
    ------
    ConfigError
    """
    for above in path.resolve().parents:
        if (above / MANIFEST).is_file():
            raise ConfigError(f"{what} {path} lies within the snapshot {above}; name a place outside it")


def check_apart(outputs: Mapping[str, str | Path | None], inputs: Mapping[str, str | Path | None]) -> None:
    """Refuse outputs of one run that would overwrite an input or one another.

    Parameters
    ----------
    outputs, inputs : mapping of option to path
        None where an option is not given, and ``-`` for standard output.

    Raises
    ------
    ConfigError
        If an output is, through links too, an input or another output, or one lies within the other.
    """
    written, read = _given(outputs), _given(inputs)
    for (name, one), (other_name, other) in combinations(written.items(), 2):
        if _overlap(one, other):
            raise ConfigError(f"{name} and {other_name} would both write {one}; name two different places")
    for name, one in written.items():
        for source, path in read.items():
            if _overlap(one, path):
                raise ConfigError(f"{name} {one} would overwrite {source} {path}; name another place")


def _given(paths: Mapping[str, str | Path | None]) -> dict[str, Path]:
    return {name: Path(path) for name, path in paths.items() if path is not None and str(path) != "-"}


def _overlap(one: Path, other: Path) -> bool:
    first, second = one.resolve(), other.resolve()
    if first == second or first in second.parents or second in first.parents:
        return True
    return one.exists() and other.exists() and one.samefile(other)
