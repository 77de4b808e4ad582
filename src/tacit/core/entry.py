"""What the register knows of a component before it is imported: one frozen entry each."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tacit.core.errors import ConfigError

Kind = Literal["retriever", "ranker", "reranker", "encoder"]

Need = Literal["times", "order", "text", "repeats", "rules"]
"""What a log, a catalogue or a configuration must have for a component to say anything: times of its events,
an order of them, texts of items, lists in which items may come again, rules."""

OURS = "tacit-recsys"
"""The distribution that Tacit's own components come from."""


@dataclass(frozen=True)
class Variant:
    """A component with parameters of its own and a name for them.

    Attributes
    ----------
    summary : str
        One line.
    parameters : mapping of parameter to value
    compared : bool
        Whether an evaluation of all models takes it, beside the component with its defaults.
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
        What a configuration calls it.
    path : str
        ``package.module:Class``, imported when it is used. Of an encoder, a function that makes one.
    summary : str
        One line: what it is.
    variants : mapping of name to Variant
    needs : tuple of Need
        What it says nothing without.
    slow : bool
        It takes minutes to hours: fitted only where it is named.
    distribution : str
        The installed package that it comes from.
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
        """Return the class (of an encoder the function) of the entry.

        Raises
        ------
        ConfigError
            If it cannot be imported.
        """
        module, _, name = self.path.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"the {self.kind} {self.name!r} of {self.distribution} cannot be loaded from {self.path}: "
                f"{error}; install that package again, or leave the {self.kind} out"
            ) from error
