"""``tacit similar``: items like an item."""

from typing import Annotated

import typer

from tacit.cli.options import Length, PrintJson, SnapshotDir


def similar(
    directory: SnapshotDir,
    item: Annotated[str, typer.Option("--item", help="Id of the item.")],
    k: Length = 10,
    kind: Annotated[
        str,
        typer.Option("--kind", help="alike (in place of it), together (along with it) or next (after it)."),
    ] = "alike",
    json: PrintJson = False,
) -> None:
    """List the items that are like an item, go with it or come after it."""
    from tacit.cli.recommend import show
    from tacit.engine.engine import Engine
    from tacit.engine.snapshot import load
    from tacit.pipeline.similar import checked_kind

    question = checked_kind(kind)  # before the snapshot is read
    show(Engine(load(directory)).similar(item, k, question), json=json)
