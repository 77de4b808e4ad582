"""Options of cleaning, built from the fields of `tacit.data.rules.Rules`.

Name, type, default, bounds and meaning of an option are those of its field.

A rule that is switched on or off is named by ``--keep``, a mapping is an option of ``left=right`` pairs, and
every other field is an option of its own.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from tacit.cli.inputs import parse_pairs
from tacit.cli.shared_options import option_parameter, with_options
from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameter, declared
from tacit.data.rules import Rules, parse_rules

_PANEL = "Cleaning"
_KEEP = "keep"


def with_rules(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command whose parameter ``rules`` is given by options, one for each field of `Rules`."""
    return with_options(command, "rules", _options(), _rules)


def _options() -> list[inspect.Parameter]:
    fields = declared(Rules).values()
    switches = [one.name.replace("_", "-") for one in fields if one.kind is bool]
    keep = typer.Option(
        f"--{_KEEP}",
        help=f"What not to remove: {', '.join(switches)}; may be repeated.",
        rich_help_panel=_PANEL,
    )
    return [
        option_parameter(_KEEP, Annotated[list[str] | None, keep], None),
        *(_option(one) for one in fields if one.kind is not bool),
    ]


def _option(one: Parameter) -> inspect.Parameter:
    pairs = isinstance(one.default, Mapping)
    option = typer.Option(
        f"--{one.name.replace('_', '-')}",
        help=_help(one, pairs=pairs),
        min=one.bounds.low,
        max=one.bounds.high,
        rich_help_panel=_PANEL,
    )
    kind: Any = list[str] | None if pairs else one.kind
    return option_parameter(one.name, Annotated[kind, option], None if pairs else one.default)


def _help(one: Parameter, *, pairs: bool) -> str:
    text = one.meaning.replace("``", "")
    return f"column=how: {text[0].lower()}{text[1:]} May be repeated." if pairs else text


def _rules(given: Mapping[str, Any]) -> Rules:
    """Return the rules of the options of a command line."""
    known = declared(Rules)
    switches = {name.replace("_", "-"): name for name, one in known.items() if one.kind is bool}
    values: dict[str, Any] = {}
    for name in given[_KEEP] or ():
        if name not in switches:
            raise ConfigError(f"--{_KEEP} {name}: there is no such rule; known: {', '.join(switches)}")
        values[switches[name]] = False
    for name, value in given.items():
        if name != _KEEP:
            pairs = isinstance(known[name].default, Mapping)
            values[name] = parse_pairs(value, f"--{name}", "value=median") if pairs else value
    return parse_rules(values)
