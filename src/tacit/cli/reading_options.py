"""Options that say how files are to be read where they do not say it themselves.

Each is a field of `tacit.reading.choices.Reading`, and its help is the meaning of that field.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_origin

import typer

from tacit.cli.inputs import EVENTS, listed, parse_pairs
from tacit.cli.shared_options import option_parameter, with_options
from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameter, declared
from tacit.reading.choices import Reading

_PANEL = "Reading"
_NAMES = {"columns": "map", "item_columns": "item-map", "user_columns": "user-map"}
"""Options with other names than their fields: those that give roles to columns."""

_EXAMPLES = {"columns": "uid=user", "item_columns": "sku=item", "user_columns": "uid=user"}


def with_reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command whose parameter ``reading`` holds the choices that options give."""
    return with_options(command, "reading", _options(), _choices)


def _options() -> list[inspect.Parameter]:
    options = []
    for one in declared(Reading).values():
        pairs = one.name in _NAMES
        text = one.meaning.replace("``", "").strip()
        text = f"column=role; may be repeated. {text}" if pairs else text
        flag = f"--{_NAMES.get(one.name, one.name.replace('_', '-'))}"
        option = typer.Option(flag, help=text, rich_help_panel=_PANEL, show_default=False)
        kind: Any = list[str] | None if pairs else _kind(one)
        options.append(option_parameter(one.name, Annotated[kind, option], False if kind is bool else None))
    meanings = typer.Option(
        "--event-map",
        help="event=meaning, for event types whose names do not say it: yes, no, shown, ignore or a strength "
        "from -1 to 1; may be repeated.",
        rich_help_panel=_PANEL,
        show_default=False,
    )
    return [*options, option_parameter(EVENTS, Annotated[list[str] | None, meanings], None)]


def _kind(one: Parameter) -> Any:
    """Return the type of an option: several words are one text with commas."""
    if one.kind is bool or get_origin(one.kind) not in (tuple, Literal, None):
        return one.kind
    return str | None


def _choices(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choices that were given, as values of `Reading`."""
    choices: dict[str, Any] = {}
    for name, value in given.items():
        if name == EVENTS:
            if value:
                choices[name] = parse_pairs(value, "--event-map", "dismissed=no")
        elif name in _NAMES:
            if value:
                choices[name] = roles_of(value, name)
        elif name == "ids":
            if value is not None:
                choices[name] = tuple(listed(value) or ())
        elif value:
            choices[name] = value
    return choices


def roles_of(pairs: list[str], name: str) -> dict[str, str]:
    """Return role -> column of ``column=role`` pairs."""
    option = f"--{_NAMES[name]}"
    roles: dict[str, str] = {}
    for column, role in parse_pairs(pairs, option, _EXAMPLES[name]).items():
        if role in roles:
            raise ConfigError(f"{option}: {roles[role]!r} and {column!r} cannot both be the {role}; name one")
        roles[role] = column
    return roles
