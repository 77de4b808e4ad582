"""The pages of the commands and of the Python API: ``python -m tests.reference`` writes them."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main

import tacit
from tacit.cli.app import app

_FOLDER = Path(__file__).parents[1] / "docs" / "reference"
COMMAND = ".venv/bin/python -m tests.reference"
_HEAD = f"""# The command line

<!-- Made by `{COMMAND}` from the commands themselves; a test keeps it true. Do not edit. -->

Progress goes to standard error, results to standard output. Exit codes: 0 done; 2 wrong use or bad input,
with one sentence that says how to mend it; 1 a fault of tacit, with the name of a file that holds the
details; 130 interrupted. `tacit --version` tells the version, `tacit COMMAND --help` shows what stands here.
"""

_PYTHON_HEAD = f"""# The Python API

<!-- Made by `{COMMAND}` from the docstrings; a test keeps it true. Do not edit. -->

`import tacit` takes milliseconds; each room below it may be imported as well, and its docstrings say how.
What a caller can mend is a `tacit.core.errors.InputError`, with one sentence that says how.
"""


def commands() -> dict[str, Any]:
    """Return every command by name, as Typer built it."""
    found: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return found


def render_commands() -> str:
    """Return the page of the command line."""
    return "\n".join([_HEAD, *(_section(name, command) for name, command in commands().items())])


def _section(name: str, command: Any) -> str:
    arguments = [p for p in command.params if not _is_option(p)]
    needed = [p for p in command.params if _is_option(p) and p.required]
    usage = [f"tacit {name}"]
    usage += [_placeholder(p) if p.required else f"[{_placeholder(p)}]" for p in arguments]
    usage += [f"{p.opts[0]} {_kind(p)}" for p in needed] + ["[OPTIONS]"]
    rows = [_row(p) for p in command.params]
    return "\n".join(
        [
            f"## `tacit {name}`\n",
            f"{inspect.cleandoc(command.help)}\n",
            f"```text\n{' '.join(usage)}\n```\n",
            "| option | value | default | what it does |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _row(parameter: Any) -> str:
    name = f"`{parameter.opts[0]}`" if _is_option(parameter) else f"`{_placeholder(parameter)}`"
    told = parameter.help or ""
    if parameter.envvar:
        told += f" Also read from the environment variable `{parameter.envvar}`."
    return f"| {name} | {_kind(parameter)} | {_default(parameter)} | {told} |".replace("  ", " ")


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _placeholder(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _kind(parameter: Any) -> str:
    if getattr(parameter, "is_flag", False):
        return "flag"
    annotation = parameter.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    several = get_origin(annotation) is list
    word = {Path: "path", int: "number", float: "number", str: "text"}[
        get_args(annotation)[0] if several else annotation
    ]
    bounds = (
        f" {parameter.min} to {parameter.max}"
        if parameter.min is not None and parameter.max is not None
        else ""
    )
    return f"{word}{bounds}{', repeatable' if several else ''}"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    value = parameter.default
    return "" if value is None or value is False or value == [] else f"`{value}`"


def render_api() -> str:
    """Return the page of the Python API: functions first."""
    named = {name: getattr(tacit, name) for name in tacit.__all__}
    told = sorted(named, key=lambda name: (inspect.isclass(named[name]), name.lower()))
    return "\n".join([_PYTHON_HEAD, *(_described(f"tacit.{name}", named[name]) for name in told)])


def _described(name: str, thing: Any) -> str:
    parts = [f"## `{name}`\n", _block(name, thing)]
    if inspect.isclass(thing):
        for part, value in vars(thing).items():
            if isinstance(value, property):
                parts.append(f"**`.{part}`**: {' '.join(str(inspect.getdoc(value)).split())}\n")
            elif not part.startswith("_") and (inspect.isfunction(value) or isinstance(value, classmethod)):
                parts.append(_block(f".{part}", getattr(thing, part)))
    return "\n".join(parts)


def _block(name: str, thing: Any) -> str:
    return f"```text\n{_signature(name, thing)}\n\n{inspect.getdoc(thing)}\n```\n"


def _signature(name: str, thing: Any) -> str:
    """Return how something is called; what types its parameters have says the docstring."""
    signature = inspect.signature(thing)
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name != "self"]
    called = str(signature.replace(parameters=plain, return_annotation=signature.empty))
    return name + re.sub(r"<[^<>]*>", "...", called)


RENDERED: dict[Path, Callable[[], str]] = {
    _FOLDER / "cli.md": render_commands,
    _FOLDER / "python.md": render_api,
}

if __name__ == "__main__":
    for page, render in RENDERED.items():
        page.write_text(render(), "utf-8")
