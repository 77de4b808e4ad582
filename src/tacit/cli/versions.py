"""``tacit versions``: what a model directory holds."""

import json as json_format
import sys

import typer

from tacit.cli.options import ModelDir, PrintJson


def versions(directory: ModelDir, json: PrintJson = False) -> None:
    """List the versions of a model, oldest first, and say which one is current."""
    import math
    import time

    from tacit.core.errors import ArtifactError
    from tacit.engine.left_out import read_left_out
    from tacit.store.versions import Versions, check_model_directory

    check_model_directory(directory)
    found = Versions(directory)
    try:
        current, problem = found.current(), ""
    except ArtifactError as error:
        current, problem = None, str(error)
    left_out = read_left_out(directory)
    listed = found.listed()
    if json:
        rows = [one.to_json() for one in listed]
        document = {"current": current, "versions": rows, "left_out": left_out.shown()}
        sys.stdout.write(json_format.dumps(document, ensure_ascii=False, indent=1) + "\n")
    else:
        from rich.markup import escape
        from rich.table import Column, Table

        from tacit.cli.terminal import out

        table = Table("", Column("version", no_wrap=True), "model", "written", "MB", "")
        for one in listed:
            at = "" if math.isnan(one.written_at) else time.strftime("%F %T", time.localtime(one.written_at))
            mark = "current" if one.name == current else ""
            size = f"{one.size / 1e6:,.1f}"
            table.add_row(mark, one.name, escape(one.model), at, size, escape(one.problem))
        out.print(table)
        if left_out:
            out.print(f"left out of every refit: {left_out}", soft_wrap=True, markup=False)
    if problem:
        typer.echo(problem, err=True)
