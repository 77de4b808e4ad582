"""``tacit verify``: whether a store, a snapshot or a model directory is whole."""

from pathlib import Path
from typing import Annotated

import typer


def verify(
    place: Annotated[
        str,
        typer.Argument(
            metavar="STORE|DIR",
            help="A store (a SQLite file, sqlite:///FILE or postgresql://USER@HOST/DATABASE), a snapshot or "
            "a model directory.",
        ),
    ],
) -> int:
    """Look for changed bits: rows of a store by their digests, files of a snapshot by their checksums.

    Each fault is a line, and the exit code is 2. A store may be in use.
    """
    faults, said = _of_directory(Path(place)) if Path(place).is_dir() else _of_store(place)
    for fault in faults:
        typer.echo(fault)
    for line in said:
        typer.echo(line, err=True)
    return 2 if faults else 0


def _of_store(place: str) -> tuple[list[str], list[str]]:
    from tacit.store.verifying import verify_store

    found = verify_store(place if "://" in place else f"sqlite:///{place}")
    said = [f"looked at {found.events:,} events and {found.lists:,} lists", *found.notes]
    if found.without_digest:
        said.append(f"{found.without_digest:,} lists and vectors of older versions have no digest")
    return found.faults, said


def _of_directory(directory: Path) -> tuple[list[str], list[str]]:
    from tacit.core.errors import ArtifactError
    from tacit.core.manifest import verify as verify_files
    from tacit.store.versions import VERSIONS, Versions

    faults, places = [], [directory]
    if (directory / VERSIONS).is_dir():
        versions = Versions(directory)
        places = [directory / VERSIONS / name for name in versions.names()]
        try:
            versions.current()
        except ArtifactError as error:
            faults.append(str(error))
    for one in places:
        try:
            verify_files(one)
        except ArtifactError as error:
            faults.append(str(error))
    return faults, [f"looked at {len(places):,} snapshots"]
