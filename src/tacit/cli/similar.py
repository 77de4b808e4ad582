"""``tacit similar``: items like an item."""

from pathlib import Path
from typing import Annotated

import typer


def similar(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Snapshot made by `tacit fit`.")],
    item: Annotated[str, typer.Option("--item", help="Id of the item.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Length of the list.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the items most like an item."""
    from tacit.cli.recommend import show
    from tacit.engine.engine import Engine
    from tacit.engine.snapshot import load

    show(Engine(load(directory)).similar(item, k), json=json)
