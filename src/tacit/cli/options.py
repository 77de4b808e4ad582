"""Options and arguments that several commands take, each in one place."""

from pathlib import Path
from typing import Annotated

import typer

Items = Annotated[Path | None, typer.Option("--items", help="Catalogue with item ids and texts.")]

Users = Annotated[Path | None, typer.Option("--users", help="What is known of users: ids and attributes.")]

Roles = Annotated[
    list[str] | None, typer.Option("--map", help="column=role, where detection errs; may be repeated.")
]

Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="auto, minilm, tfidf, endpoint:URL#MODEL, a Hugging Face path or name, or none.",
        show_default="that of the configuration, or auto",
    ),
]

Seed = Annotated[
    int | None,
    typer.Option("--seed", help="Seed of the run.", show_default="that of the configuration, or 7"),
]

AllowSeen = Annotated[
    bool,
    typer.Option("--allow-seen", help="Items of the history may be recommended and count (groceries)."),
]

SnapshotDir = Annotated[Path, typer.Argument(metavar="DIR", help="Snapshot made by `tacit fit`.")]

Length = Annotated[int, typer.Option("-k", min=1, max=1000, help="Length of a list.")]

PrintJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
