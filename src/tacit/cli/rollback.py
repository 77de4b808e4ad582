"""``tacit rollback``: another version of a model directory becomes the current one."""

from typing import Annotated

import typer

from tacit.cli.options import ModelDir


def rollback(
    directory: ModelDir,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Version to go to, older or newer; see `tacit versions`.",
            show_default="the one before the current",
        ),
    ] = None,
) -> None:
    """Make another version of a model current, once it is found whole: running services change to it."""
    from tacit.core.manifest import verify
    from tacit.core.room import writing
    from tacit.store.versions import Versions, check_model_directory

    check_model_directory(directory)
    found = Versions(directory)
    chosen = found.before_current() if name is None else name  # an empty one is refused
    model = verify(found.known(chosen))["model"]
    with writing(directory):
        found.switch(chosen)
    typer.echo(f"{directory}: version {chosen} is current (model {model})")
