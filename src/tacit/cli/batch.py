"""``tacit batch``: lists for many users, written to a file, or to a folder part by part."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tacit.cli.options import ExecutorName, Length
from tacit.cli.reading_options import roles_of

if TYPE_CHECKING:
    from tacit.engine.snapshot import Snapshot


def batch(
    directory: Annotated[
        str, typer.Argument(metavar="DIR", help="Snapshot of `tacit fit`, here or in object storage.")
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            metavar="PLACE",
            help="File to write (.parquet, .csv, .jsonl) with user_id, item_id, score and rank, and with "
            "propensity if the model explores; or a folder of Parquet files, here or in object storage "
            "(s3://bucket/lists), to which an interrupted run adds what is left.",
        ),
    ],
    users: Annotated[
        str | None,
        typer.Option(
            "--users",
            metavar="FILE",
            help="File with user ids, known or new, here or in object storage; all users of the snapshot by "
            "default.",
        ),
    ] = None,
    k: Length = 10,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Keep items of the history in the lists.")
    ] = False,
    executor: ExecutorName = "local",
    users_per_file: Annotated[
        int | None,
        typer.Option(
            "--users-per-file",
            min=1,
            max=10**9,
            help="For a folder: users in each file.",
            show_default="20000",
        ),
    ] = None,
    user_map: Annotated[
        list[str] | None,
        typer.Option("--user-map", help="column=user: the column of the ids in the file of users."),
    ] = None,
) -> None:
    """Recommend to many users at once, into a file or a folder of files."""
    from tacit.cli.inputs import say_cluster
    from tacit.cli.terminal import Bars
    from tacit.cli.terminal import out as console
    from tacit.core.errors import ConfigError
    from tacit.core.folders import is_address, local_directory
    from tacit.core.places import check_apart
    from tacit.engine.snapshot import load
    from tacit.scale.executors import check_executor, open_executor
    from tacit.scale.partitioned_batch import USERS_PER_FILE, recommend_to_folder
    from tacit.store.versions import current_snapshot

    check_executor(executor)
    to_file = _is_file(out)
    if to_file and users_per_file is not None:
        raise ConfigError(f"--users-per-file is for a folder and {out} is one file; leave one of them out")
    if user_map and users is None:
        raise ConfigError("--user-map is about the file of users; name it with --users")
    here = {"--out": out, "the snapshot": directory, "--users": users}
    here = {name: place for name, place in here.items() if place is not None and not is_address(place)}
    check_apart({"--out": here.pop("--out", None)}, here)
    if not is_address(directory):
        with current_snapshot(Path(directory)) as place:
            snapshot, directory = load(place), str(place)  # all parts read one version
    else:
        snapshot = load(local_directory(directory))
    ids = _ids(users, snapshot, roles_of(user_map or [], "user_columns"))
    about: dict[str, Any] = {"k": k, "allow_seen": allow_seen, "snapshot": snapshot, "progress": Bars()}
    with open_executor(executor, say_cluster) as where:
        if to_file:
            _write_file(directory, Path(out), ids, executor=where, **about)
            return
        done = recommend_to_folder(
            directory, out, ids, executor=where, users_per_file=users_per_file or USERS_PER_FILE, **about
        )
    earlier = f", {done.kept:,} of them from an earlier run" if done.kept else ""
    console.print(f"{out}: {done.files:,} files{earlier}, {done.rows:,} rows for {done.users:,} users")


def _is_file(out: str) -> bool:
    """Return whether lists go to one file; refuse a place that could not be written.

    A name without an ending, with a slash at the end or of a folder is that of a folder.
    """
    from tacit.cli.outputs import check_frame_place
    from tacit.core.folders import check_folder_place, is_address

    path = Path(out)
    if is_address(out) or out.endswith("/") or path.is_dir() or not path.suffix:
        check_folder_place(out, "--out")
        return False
    check_frame_place(path, "--out")
    return True


def _ids(users: str | None, snapshot: "Snapshot", columns: Mapping[str, str]) -> list[str] | None:
    """Return the ids of a file of users, and say how many are unknown; None without a file."""
    from tacit.cli.terminal import err
    from tacit.core.folders import local_file
    from tacit.core.unfinished import temporary_folder
    from tacit.data import columns as col
    from tacit.engine.unknown import unknown_users
    from tacit.reading.choices import Reading
    from tacit.reading.read import read_users

    if users is None:
        return None
    with temporary_folder() as kept:
        file = local_file(users, kept)
        ids = read_users(file, reading=Reading(ids=snapshot.id_rules, user_columns=columns))[
            col.USER
        ].to_list()
    strange = unknown_users(snapshot.interactions.users, ids)
    if strange:
        err.print(
            f"{len(strange):,} of {len(ids):,} users are not known (for example {strange[0]!r}): they "
            "get the list of a new user"
        )
    return ids


def _write_file(directory: str, out: Path, ids: Sequence[str] | None, **about: Any) -> None:
    import polars as pl

    from tacit.cli.outputs import write_frame
    from tacit.cli.terminal import out as console
    from tacit.data import columns as col
    from tacit.scale.partitioned_batch import recommend_in_parts

    lists = pl.concat([*recommend_in_parts(directory, ids, **about)])
    write_frame(lists, out)
    console.print(f"{out}: {len(lists):,} rows for {lists[col.USER].n_unique():,} users")
