"""``tacit forget``: a snapshot or a model directory, written again without users who were deleted."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from tacit.cli.options import SnapshotDir


def forget(
    directory: SnapshotDir,
    store: Annotated[
        str,
        typer.Option(
            "--store",
            help="The store that the users were deleted from: sqlite:///FILE or "
            "postgresql://USER@HOST/DATABASE.",
        ),
    ],
) -> None:
    """Write a model again without the users who were deleted from a store.

    A running service does this by itself. What is counted or solved from the log (all retrievers but
    networks) is then that of a fit without these users; the blend and the ranker stay until the next fit.
    What is damaged cannot be written again: it is named, and the exit code is 2.
    """
    from tacit.engine.forget_snapshot import forget_in
    from tacit.store.address import check_store_there
    from tacit.store.events import EventStore

    check_store_there(store)
    said = False
    with closing(EventStore(store, lock=False)) as opened:
        for one in forget_in(Path(directory), opened):
            said = True
            typer.echo(f"{one.place}: {one.users:,} users forgotten; model {one.model}")
    if not said:
        typer.echo("nobody to forget: no snapshot holds a user who was deleted from the store")
