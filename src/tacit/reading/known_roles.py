"""What the search for one role of a log knows: the columns, the roles that were found, the user's choices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tacit.data.value_kinds import ValueKind
from tacit.reading.choices import ITEM, USER, Reading
from tacit.reading.role_scores import Columns


@dataclass(frozen=True)
class Zone:
    """Where the zone of times without one stands: in a column beside them, or in the name of their own.

    Attributes
    ----------
    column : str or None
    name : str or None
        As it is written in times: ``KST``, ``+08:00``.
    """

    column: str | None = None
    name: str | None = None


@dataclass
class Found:
    """Roles beside user and item.

    Attributes
    ----------
    roles : dict of role to column
    notes : list of str
    unused : dict of column to sentence
        What is to be said of columns without a role.
    value_kind : ValueKind or None
    clock : str or None
        The column of the times of day, where that of the times holds days only.
    zone : Zone or None
        Where the zone of times without one stands.
    """

    roles: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    value_kind: ValueKind | None = None
    clock: str | None = None
    zone: Zone | None = None


@dataclass(frozen=True)
class Log:
    """A log some of whose roles are known: what the search for one role looks at."""

    columns: Columns
    known: Mapping[str, str]
    free: Sequence[str]
    found: Found
    reading: Reading
    path: Path


def is_fixed(columns: Columns, known: Mapping[str, str], name: str) -> bool:
    """Return whether a column says something of the user or the item, and not of what happened."""
    keys = [known[role] for role in (USER, ITEM) if role in known]
    return any(columns.kind(key) not in ("order", "session") and columns.decides(key, name) for key in keys)
