"""``tacit explain-config``: what a configuration is, as a picture of its pipeline."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tacit.core.errors import ConfigError


def explain_config(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Snapshot whose configuration to show; by default none."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Configuration (TOML) to show.", show_default="the usual one"),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a block of Markdown.")] = False,
) -> None:
    """Show the pipeline of a configuration: retrievers, candidates, features, ranker, re-ranker."""
    from tacit.cli.inputs import configured
    from tacit.reporting.pipeline_picture import pipeline_markdown, pipeline_picture

    if directory is not None and config is not None:
        raise ConfigError("--config and a snapshot both give a configuration; leave one of them out")
    chosen = configured(config, None, None, {}, like=directory)
    sys.stdout.write(pipeline_markdown(chosen) if markdown else f"{pipeline_picture(chosen)}\n")
