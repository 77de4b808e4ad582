"""Pages made from the code (commands, Python API, models): ``python -m tests.reference`` writes them."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main

import tacit
from tacit.cli.app import app
from tacit.core.entry import Entry
from tacit.core.parameters import Parameter, declared
from tacit.core.spaces import Choice
from tacit.pipeline.config import DEFAULT_RETRIEVERS, Config
from tacit.pipeline.register import ENTRIES
from tacit.reporting.pipeline_picture import pipeline_markdown
from tacit.server.access import ACCESS

_DOCS = Path(__file__).parents[1] / "docs"
_FOLDER = _DOCS / "reference"
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
    """Return every command by name, as Typer built it; one of a group is named with its group."""
    return dict(_named_commands(typer.main.get_command(app), ""))


def _named_commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _named_commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


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
    reported = parameter.help or ""
    if parameter.envvar:
        reported += f" Also read from the environment variable `{parameter.envvar}`."
    return f"| {name} | {_kind(parameter)} | {_default(parameter)} | {reported} |".replace("  ", " ")


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _placeholder(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _kind(parameter: Any) -> str:
    if getattr(parameter, "is_flag", False):
        return "flag"
    annotation = parameter.type_descriptor.annotation
    if parameter.metavar == "INTEGER":  # it has a parser of its own, and its help says the bounds
        return "number"
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
    reported = sorted(named, key=lambda name: (inspect.isclass(named[name]), name.lower()))
    return "\n".join([_PYTHON_HEAD, *(_described(f"tacit.{name}", named[name]) for name in reported)])


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


_MODELS_HEAD = f"""# Models and their parameters

<!-- Made by `{COMMAND}` from the register and the classes; a test keeps it true. Do not edit. -->

What a configuration can name, and every parameter of it. `[retrievers.NAME]` takes a retriever or a
variant, `ranker` a ranker or `"none"`, `rerank` the re-ranker, `encoder` an encoder; see
[how to configure](../howto/configure.md). A model of an evaluation (`--models`) is a retriever or a variant
with its defaults, `blend` (the retrievers of the configuration without a ranker) or `tacit` (all of it).
A section such as `[retrievers.ease]` takes the defaults of the class for every key that it does not name;
where the usual configuration has another value than the class, the table of the component says so.
Other packages add components by entry points. `tacit explain-config` shows the pipeline of a configuration.
"""

_KINDS = {
    "retriever": "Retrievers",
    "ranker": "Rankers",
    "reranker": "Re-rankers",
    "encoder": "Encoders",
}
_MEANINGS = {
    "times": "times of events",
    "order": "an order of events",
    "text": "texts of items",
    "repeats": "`repeats = true`",
    "rules": "rules",
}


def render_models() -> str:
    """Return the page of all components: tables of each kind, then the parameters of each component."""
    kinds = {title: [one for one in ENTRIES if one.kind == kind] for kind, title in _KINDS.items()}
    tables = [part for title, entries in kinds.items() for part in _kind_table(title, entries)]
    own = [_component(entry) for entry in ENTRIES if entry.kind != "encoder"]
    return "\n".join([_MODELS_HEAD, *tables, *own])


def _kind_table(title: str, entries: list[Entry]) -> list[str]:
    rows = []
    for entry in entries:
        rows.append(_entry_row(entry.name, entry.summary, entry))
        rows += [
            _entry_row(name, f"variant of `{entry.name}`: {one.summary}", entry)
            for name, one in entry.variants.items()
        ]
    return [f"## {title}\n", "| name | what it is | needs | note |", "|---|---|---|---|", *rows, ""]


def _entry_row(name: str, summary: str, entry: Entry) -> str:
    usual = entry.kind == "retriever" and name in DEFAULT_RETRIEVERS
    own = DEFAULT_RETRIEVERS[name] if usual else {}
    values = ", ".join(f"`{key} = {_toml(value)}`" for key, value in own.items())
    notes = [f"in the usual configuration{f', with {values}' if values else ''}"] if usual else []
    notes += ["the usual ranker"] if (entry.kind, name) == ("ranker", Config().ranker.name) else []
    notes += ["slow: fitted only where it is named"] if entry.slow else []
    needs = ", ".join(_MEANINGS[need] for need in entry.needs)
    return f"| `{name}` | {summary} | {needs} | {'; '.join(notes)} |"


def _component(entry: Entry) -> str:
    own = entry.load()
    variants = [
        f"`{name}` sets {', '.join(f'`{key} = {_toml(value)}`' for key, value in one.parameters.items())}."
        for name, one in entry.variants.items()
    ]
    usual = DEFAULT_RETRIEVERS.get(entry.name, {}) if entry.kind == "retriever" else {}
    rows = [_parameter_row(one, usual) for name, one in declared(own).items() if name != "name"]
    summary = f"{entry.summary[0].upper()}{entry.summary[1:]} (`{entry.path.replace(':', '.')}`)."
    return "\n".join(
        [
            f"## `{entry.name}` ({entry.kind})\n",
            f"{' '.join([summary, *variants])}\n",
            "| parameter | type | default | range | tuning searches | meaning |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _parameter_row(one: Parameter, usual: Mapping[str, Any]) -> str:
    unit = f", {one.unit}" if one.unit else ""
    cells = [
        f"`{one.name}`",
        f"{_type(one.kind)}{unit}",
        f"`{_toml(one.default)}`{_usually(usual.get(one.name))}",
        str(one.bounds),
        _space(one),
        one.meaning.replace("``", "`"),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _usually(value: Any) -> str:
    return "" if value is None else f"; in the usual configuration `{_toml(value)}`"


def _type(kind: Any) -> str:
    """Return an annotation in words."""
    words = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "none"}
    if kind in words:
        return words[kind]
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        return ", ".join(f'"{one}"' for one in inside)
    if origin in (list, tuple) or origin.__name__ == "Sequence":
        return f"list of {_type(inside[0])}s" if inside and inside[0] is not Any else "list"
    if origin is Mapping or origin is dict:
        return f"table of {_type(inside[1])}s"
    return " or ".join(_type(one) for one in inside)


def _toml(value: Any) -> str:
    """Return a value as a TOML file has it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return "{}" if not value else str(dict(value))
    return "inf" if value == inf else f"{value}"


def _space(one: Parameter) -> str:
    if one.search is None:
        return ""
    if isinstance(one.search, Choice):
        return ", ".join(_toml(value) for value in one.search.values)
    logarithmic = ", logarithmic" if one.search.log else ""
    return f"{one.search.low:g} to {one.search.high:g}{logarithmic}"


MARKS = ("<!-- pipeline -->\n", "<!-- end of pipeline -->")
"""Between these lines of a page stands the picture of the usual pipeline."""


def render_architecture() -> str:
    """Return the page of the architecture with the picture of the usual pipeline in its place."""
    before, _, rest = (_DOCS / "architecture.md").read_text("utf-8").partition(MARKS[0])
    return f"{before}{MARKS[0]}{pipeline_markdown(Config())}{MARKS[1]}{rest.partition(MARKS[1])[2]}"


def render_readme() -> str:
    """Return the README with the picture of the usual pipeline in its place."""
    before, _, rest = (_DOCS.parent / "README.md").read_text("utf-8").partition(MARKS[0])
    return f"{before}{MARKS[0]}{pipeline_markdown(Config())}{MARKS[1]}{rest.partition(MARKS[1])[2]}"


ACCESS_MARKS = ("<!-- access -->\n", "<!-- end of access -->")
"""Between these lines of a page stands the table of routes and roles."""


def render_http() -> str:
    """Return the page of the HTTP API with the table of routes and roles in its place."""
    before, _, rest = (_FOLDER / "http.md").read_text("utf-8").partition(ACCESS_MARKS[0])
    rows = [_access_row(wanted, meaning) for wanted, meaning in _NEEDED.items()]
    table = "\n".join(["| who | routes |", "|---|---|", *rows, ""])
    return f"{before}{ACCESS_MARKS[0]}{table}{ACCESS_MARKS[1]}{rest.partition(ACCESS_MARKS[1])[2]}"


_NEEDED = {
    "anyone": "anyone",
    "key": "any key",
    "read": "`read`, `admin`",
    "ingest": "`ingest`, `admin`",
    "admin": "`admin`",
}


def _access_row(wanted: str, meaning: str) -> str:
    places = [f"`{method} {path}`" for (method, path), needed in ACCESS.items() if needed == wanted]
    return f"| {meaning} | {', '.join(places)} |"


RENDERED: dict[Path, Callable[[], str]] = {
    _FOLDER / "cli.md": render_commands,
    _FOLDER / "python.md": render_api,
    _FOLDER / "models.md": render_models,
    _FOLDER / "http.md": render_http,
    _DOCS / "architecture.md": render_architecture,
    _DOCS.parent / "README.md": render_readme,
}

if __name__ == "__main__":
    for page, render in RENDERED.items():
        page.write_text(render(), "utf-8")
