"""``tacit similar``: items like an item."""

from typing import Annotated

import typer

from tacit.cli.options import Length, PrintJson, SnapshotDir


def similar(
    directory: SnapshotDir,
    item: Annotated[str, typer.Option("--item", help="Id of the item.")],
    k: Length = 10,
    json: PrintJson = False,
) -> None:
    """List the items most like an item."""
    from tacit.cli.recommend import show
    from tacit.engine.engine import Engine
    from tacit.engine.snapshot import load

    show(Engine(load(directory)).similar(item, k), json=json)
