"""``tacit publish``: a snapshot becomes the current version of a model directory."""

from pathlib import Path
from typing import Annotated

import typer


def publish(
    snapshot: Annotated[Path, typer.Argument(metavar="SNAPSHOT", help="Snapshot of `tacit fit`.")],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Model directory; it is made if it is not there.")
    ],
    keep_versions: Annotated[
        int,
        typer.Option(
            "--keep-versions",
            min=1,
            help="Versions to keep: the current one and those before it. One that a service still serves "
            "stays.",
        ),
    ] = 3,
) -> None:
    """Copy a snapshot into a model directory and make it current: running services change to it."""
    from tacit.core.places import check_apart, check_directory_place
    from tacit.core.room import writing
    from tacit.store.versions import Versions, publish_version

    check_directory_place(directory, "DIR")
    check_apart({"DIR": directory}, {"SNAPSHOT": snapshot})
    with writing(directory):
        name = publish_version(snapshot, directory)
        pruned = Versions(directory).prune(keep_versions)
    removed = f"; removed {', '.join(pruned)}" if pruned else ""
    typer.echo(f"{directory}: version {name} is current{removed}")
