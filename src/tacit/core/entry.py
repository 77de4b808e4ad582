"""Entries of the register: what is known of a component before it is imported."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tacit.core.errors import ConfigError

Kind = Literal["retriever", "ranker", "reranker", "encoder"]

Need = Literal["times", "order", "text", "repeats", "rules"]
"""What a component needs to score anything: times of the events, an order of them, texts of items, lists in
which items of the history may come again, rules."""

OURS = "tacit-recsys"
"""The distribution that Tacit's own components come from."""


@dataclass(frozen=True)
class Variant:
    """A component with other parameters than its defaults, under a name of its own.

    Attributes
    ----------
    summary : str
        One line.
    parameters : mapping of parameter to value
    compared : bool
        Whether an evaluation of all models includes it, beside the component with its defaults.
    """

    summary: str
    parameters: Mapping[str, Any]
    compared: bool = True


@dataclass(frozen=True)
class Entry:
    """One component.

    Attributes
    ----------
    kind : {"retriever", "ranker", "reranker", "encoder"}
    name : str
        Its name in a configuration.
    path : str
        ``package.module:Class``, imported when it is used. For an encoder, a function that returns one.
    summary : str
        One line: what it is.
    variants : mapping of name to Variant
    needs : tuple of Need
        Without these it has no scores.
    slow : bool
        It takes minutes to hours, so it is fitted only where it is named.
    distribution : str
        The installed package that provides it.
    """

    kind: Kind
    name: str
    path: str
    summary: str
    variants: Mapping[str, Variant] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    slow: bool = False
    distribution: str = OURS

    def load(self) -> Any:
        """Return the class of the entry; for an encoder, the function.

        Raises
        ------
        ConfigError
            If it cannot be imported, or is no class (for an encoder, nothing that can be called).
        """
        module, _, name = self.path.partition(":")
        try:
            found = getattr(importlib.import_module(module), name)
        except Exception as error:  # the module of another package may raise anything
            raise ConfigError(
                f"the {self.kind} {self.name!r} of {self.distribution} cannot be loaded from {self.path}: "
                f"{error or type(error).__name__}; install that package again, or leave the {self.kind} out"
            ) from error
        if not (callable(found) if self.kind == "encoder" else isinstance(found, type)):
            wanted = "a function that returns an encoder" if self.kind == "encoder" else "a class"
            raise ConfigError(
                f"the {self.kind} {self.name!r} of {self.distribution} is registered as {self.path}, which "
                f"is of the type {type(found).__name__}; its entry point must name {wanted}"
            )
        return found
