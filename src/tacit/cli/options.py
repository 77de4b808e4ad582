"""Options and arguments that several commands take, each in one place."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tacit.core.entry import Kind
from tacit.pipeline.register import ENTRIES


def known(*kinds: Kind) -> str:
    """Return the names of Tacit's own components of some kinds, for the help of an option.

    Those of other packages work too, but finding them takes time, so the help does not list them.
    """
    return ", ".join(entry.name for entry in ENTRIES if entry.kind in kinds)


Events = Annotated[
    Path, typer.Argument(metavar="EVENTS", help="Event log: CSV, TSV, JSONL or Parquet, packed or not.")
]

Items = Annotated[Path | None, typer.Option("--items", help="Catalogue with item ids and texts.")]

Users = Annotated[Path | None, typer.Option("--users", help="Table of users: ids and attributes.")]

Roles = Annotated[
    list[str] | None, typer.Option("--map", help="column=role, overrides the detection; may be repeated.")
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

Cut = Annotated[
    Literal["time", "leave-one-out", "random"] | None,
    typer.Option("--split", help="How to hold out; by default the strictest way that the log supports."),
]

Share = Annotated[float, typer.Option("--share", min=0.001, max=0.5, help="Share of the events to hold out.")]

AllowSeen = Annotated[
    bool,
    typer.Option("--allow-seen", help="Items of the history may be recommended and count (groceries)."),
]

SnapshotDir = Annotated[Path, typer.Argument(metavar="DIR", help="Snapshot of `tacit fit`.")]

Length = Annotated[int, typer.Option("-k", min=1, max=1000, help="Length of a list.")]

PrintJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
