"""A command whose parameter is given by several options."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

Build = Callable[[Mapping[str, Any]], Any]
"""The value of the parameter from the values of the options."""


def with_options(
    command: Callable[..., Any], parameter: str, options: Sequence[inspect.Parameter], build: Build
) -> Callable[..., Any]:
    """Return a command with options in place of one of its parameters."""

    @wraps(command)
    def parsed(**given: Any) -> Any:
        own = {one.name: given.pop(one.name) for one in options}
        return command(**given, **{parameter: build(own)})

    kept = [one for one in inspect.signature(command).parameters.values() if one.name != parameter]
    shown = [*kept, *options]
    parsed.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    parsed.__annotations__ = {one.name: one.annotation for one in shown}
    return parsed


def option_parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """Return an option as a parameter of a command."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
