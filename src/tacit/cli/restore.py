"""``tacit restore``: a copy of a store in its place, without those who were forgotten since."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from tacit.core.errors import ConfigError


def restore(
    store: Annotated[
        str,
        typer.Option(
            "--store", help="Where the store is to be: sqlite:///FILE or postgresql://USER@HOST/DATABASE."
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(help="The copy; without one only the deletions are repeated in the store."),
    ] = None,
    deletions: Annotated[
        Path | None,
        typer.Option("--deletions", help="Who is to be forgotten again: a file of tacit backup --deletions."),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace the store that is there; who was forgotten in it stays so."),
    ] = False,
) -> None:
    """Put a copy of a store in its place, and forget again who was forgotten after it was made."""
    from tacit.store.address import check_store_there
    from tacit.store.backup import Deletions, forget_again
    from tacit.store.backup import restore as put_back
    from tacit.store.events import EventStore

    known = None if deletions is None else Deletions.read(deletions)
    if file is not None:
        again = put_back(file, store, known, replace=replace)
    elif known is not None:
        check_store_there(store)
        with closing(EventStore(store)) as opened:
            again = forget_again(opened, known)
    else:
        raise ConfigError("give the copy of a store, or --deletions FILE")
    typer.echo(f"{again:,} users and sessions were forgotten again")
