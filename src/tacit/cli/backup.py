"""``tacit backup``: a copy of a store that is in use."""

from pathlib import Path
from typing import Annotated

import typer


def backup(
    file: Annotated[
        Path,
        typer.Argument(
            help="File to write; one that is there is not replaced, but by --deletions a list of "
            "earlier deletions of the same store."
        ),
    ],
    store: Annotated[
        str,
        typer.Option("--store", help="The store: sqlite:///FILE or postgresql://USER@HOST/DATABASE."),
    ],
    deletions: Annotated[
        bool,
        typer.Option(
            "--deletions",
            help="Write only who was forgotten, as keyed hashes: a restore of an older copy repeats it.",
        ),
    ] = False,
) -> None:
    """Copy a SQLite store to one file while a service uses it; of PostgreSQL write the deletions.

    The store notes where the copy is, and whoever forgets a user is told of it.
    """
    from tacit.store.backup import back_up, write_deletions

    if deletions:
        typer.echo(f"{file}: {write_deletions(store, file):,} users and sessions were forgotten")
        return
    back_up(store, file)
    typer.echo(f"{file}: {file.stat().st_size:,} bytes")
