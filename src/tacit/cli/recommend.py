"""``tacit recommend``: one list, from the command line."""

import json as json_format
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tacit.cli.options import Length, PrintJson, SnapshotDir
from tacit.core.errors import ConfigError

if TYPE_CHECKING:
    from tacit.core.types import Json
    from tacit.engine.requests import Response


def recommend(
    directory: SnapshotDir,
    user: Annotated[
        str | None, typer.Option("--user", help="User id; an unknown one gets popular items.")
    ] = None,
    history: Annotated[
        str | None, typer.Option("--history", help="Ids of items seen, oldest first, separated by commas.")
    ] = None,
    about: Annotated[
        list[str] | None,
        typer.Option(
            "--about", help="attribute=value of the user or the moment, as age=34; may be repeated."
        ),
    ] = None,
    k: Length = 10,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Keep items of the history in the list.")
    ] = False,
    json: PrintJson = False,
) -> None:
    """Recommend to a user, to a history of items, or to a user who has just seen some."""
    from tacit.cli.inputs import parse_pairs
    from tacit.engine.engine import Engine
    from tacit.engine.requests import Request
    from tacit.engine.snapshot import load

    if user is None and history is None and not about:
        raise ConfigError("there is no user: give --user ID, --history A,B,C or --about attribute=value")
    items = [id_.strip() for id_ in (history or "").split(",") if id_.strip()]
    known: dict[str, Json] = dict(parse_pairs(about, "--about", "age=34"))  # before the snapshot is read
    engine = Engine(load(directory))
    request = Request(user, items=items, k=k, allow_seen=allow_seen, attributes=known, context=known)
    show(engine.recommend(request), json=json)


def show(answer: "Response", *, json: bool) -> None:
    """Print a list as a table or as JSON."""
    if json:
        sys.stdout.write(json_format.dumps(asdict(answer), ensure_ascii=False, indent=1) + "\n")
        return
    from rich.markup import escape
    from rich.table import Table

    from tacit.cli.terminal import err, out

    table = Table("", "item", "title", "score", "why")
    for rank, item in enumerate(answer.items, 1):
        table.add_row(
            str(rank),
            escape(item.item_id),
            escape(item.title),
            f"{item.score:.4f}",
            escape("; ".join(item.reasons)),
        )
    for text in answer.warnings:
        err.print(f"[yellow]{escape(text)}[/yellow]")
    out.print(table)
