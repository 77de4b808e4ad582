"""``tacit batch``: lists for many users, written to a file."""

from pathlib import Path
from typing import Annotated

import typer

from tacit.cli.options import Length, SnapshotDir


def batch(
    directory: SnapshotDir,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="File to write (.parquet, .csv, .jsonl) with user_id, item_id, score and rank, and with "
            "propensity if the model explores.",
        ),
    ],
    users: Annotated[
        Path | None,
        typer.Option(
            "--users", help="File with user ids, known or new; all users of the snapshot by default."
        ),
    ] = None,
    k: Length = 10,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Keep items of the history in the lists.")
    ] = False,
) -> None:
    """Recommend to many users at once, into a file."""
    import polars as pl

    from tacit.cli.outputs import check_frame_place, write_frame
    from tacit.cli.terminal import Bars, err
    from tacit.cli.terminal import out as console
    from tacit.core.places import check_apart
    from tacit.data import columns as col
    from tacit.engine.batch import recommend_all
    from tacit.engine.snapshot import load
    from tacit.engine.unknown import unknown_users
    from tacit.reading.choices import Reading
    from tacit.reading.read import read_users

    check_frame_place(out, "--out")
    check_apart({"--out": out}, {"the snapshot": directory, "--users": users})
    snapshot = load(directory)
    ids = read_users(users, reading=Reading(ids=snapshot.id_rules))[col.USER].to_list() if users else None
    strange = unknown_users(snapshot.interactions.users, ids or ())
    if strange:
        err.print(
            f"{len(strange):,} of {len(ids or ()):,} users are not known (for example {strange[0]!r}): they "
            "get the list of a new user"
        )
    frames = recommend_all(snapshot, ids, k=k, allow_seen=allow_seen, progress=Bars())
    lists = pl.concat([*frames])
    write_frame(lists, out)
    console.print(f"{out}: {len(lists):,} rows for {lists[col.USER].n_unique():,} users")
