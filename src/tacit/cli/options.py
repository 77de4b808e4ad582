"""Options and arguments that several commands take, each in one place."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from tacit.core.entry import Kind
from tacit.pipeline.register import ENTRIES

_NOT_ALONE = frozenset({"rules", "repeats"})
LONGEST_LIST = 1_000
"""As in `tacit.engine.checking`, which takes longer to import than the help of a command may."""


def known(*kinds: Kind) -> str:
    """Return the names of Tacit's own components of some kinds, for the help of an option.

    Left out are those that an option cannot name alone, as they need rules or items that may repeat, and
    those of other packages, which work too but take time to find.
    """
    return ", ".join(
        entry.name for entry in ENTRIES if entry.kind in kinds and not _NOT_ALONE & {*entry.needs}
    )


Events = Annotated[
    str,
    typer.Argument(
        metavar="EVENTS",
        help="Event log: CSV, TSV, JSON, Parquet or Excel, packed or not; or several Parquet files: a folder "
        "of them, a pattern in quotes, or a folder in object storage (s3://bucket/log).",
    ),
]

Items = Annotated[Path | None, typer.Option("--items", help="Catalogue with item ids and texts.")]

Users = Annotated[Path | None, typer.Option("--users", help="Table of users: ids and attributes.")]

ENCODERS = (
    "auto (the one of the next four that reads the texts), minilm (English), use (16 languages), pair (both, "
    "for a catalogue in several languages), tfidf (any language, without a language model), "
    "endpoint:URL#MODEL, the directory of a tuned encoder, a Hugging Face path or name"
)
"""What the help of an option says of its encoders."""

Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help=f"{ENCODERS}, or none.",
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

SnapshotDir = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="Snapshot of `tacit fit`, or model directory of `tacit publish`."),
]

ModelDir = Annotated[Path, typer.Argument(metavar="DIR", help="Model directory of `tacit publish`.")]


def _length(text: str | int) -> int:
    """Return the length of a list; 3.0 is none, as in Python and over HTTP."""
    if not re.fullmatch(r"\s*\+?\d+\s*", str(text)) or not 1 <= int(text) <= LONGEST_LIST:
        raise typer.BadParameter(f"{text!r} is not a whole number from 1 to {LONGEST_LIST:,}")
    return int(text)


Length = Annotated[
    int,
    typer.Option(
        "-k", parser=_length, metavar="INTEGER", help=f"Length of a list, from 1 to {LONGEST_LIST:,}."
    ),
]

ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="Where parts are computed: local (threads of this process), processes, ray (the Ray cluster of "
        "this machine, or a new one) or ray://HOST:PORT (a Ray cluster elsewhere). The result is the same.",
    ),
]

PrintJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
