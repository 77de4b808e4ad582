"""How files are to be read where they do not say it themselves: the choices of the user, as plain data.

Nothing heavy is imported here: the command line builds its options from these fields before any work begins.
"""

from collections.abc import Mapping
from typing import Any, Literal

from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameterised, build, declared, parameter, values_of
from tacit.reading import encodings

Dates = Literal["dmy", "mdy"]
"""Order of day and month in dates of numbers."""

Header = Literal["yes", "no"]
"""Whether the first line names the columns."""

IdRule = Literal["trim-float", "fold-case", "trim-zeros"]
"""What is done to ids: ``17602.0`` becomes ``17602``, capital letters small ones, ``007`` becomes ``7``."""

USER, ITEM, EVENT, TIMESTAMP, VALUE, SEQ = "user", "item", "event", "timestamp", "value", "seq"
ROLES = (USER, ITEM, EVENT, TIMESTAMP, VALUE, SEQ)
"""Roles of the columns of a log."""

ITEM_ROLES = (ITEM, "title", "description", "available", "created_at")
"""Roles of the columns of a catalogue."""

USER_ROLES = (USER,)
"""Roles of the columns of a file of users."""


class Reading(Parameterised):
    """Choices that take the place of guesses; each may be left out.

    Parameters
    ----------
    columns : mapping of role to column
        Columns of the log; roles that are not named are detected. Roles: user, item, event, timestamp,
        value, seq; a column is named or given by its place from 1.
    item_columns : mapping of role to column
        Columns of the catalogue: item, title, description, available, created_at.
    user_columns : mapping of role to column
        Columns of the file of users: user.
    accept_guess : bool
        Take the best of several readings of the columns in place of a refusal.
    event : str or None
        Event type of a log without a column for it.
    dates : {"dmy", "mdy"} or None
        Order of day and month, where the dates do not show it.
    timezone : str
        Zone of times without one: a name of the IANA database.
    ids : sequence of {"trim-float", "fold-case", "trim-zeros"}
        What is done to the ids of log, catalogue, users and requests alike: trim-float makes ``17602`` of
        ``17602.0``, fold-case makes small letters of capital ones, trim-zeros makes ``7`` of ``007`` where an
        id is digits alone.
    encoding : str or None
        Encoding of text files; detected by default.
    header : {"yes", "no"} or None
        Whether the first line of a text file names its columns; detected by default.
    """

    columns: Mapping[str, str] = parameter(default_factory=dict)
    item_columns: Mapping[str, str] = parameter(default_factory=dict)
    user_columns: Mapping[str, str] = parameter(default_factory=dict)
    accept_guess: bool = False
    event: str | None = None
    dates: Dates | None = None
    timezone: str = "UTC"
    ids: tuple[IdRule, ...] = ()
    encoding: str | None = None
    header: Header | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, roles in (
            ("columns", ROLES),
            ("item_columns", ITEM_ROLES),
            ("user_columns", USER_ROLES),
        ):
            check_columns(getattr(self, name), roles, name)
        if self.encoding is not None:
            encodings.known(self.encoding)

    def to_dict(self) -> dict[str, Any]:
        """Return the choices that were made as plain data: what `parse_reading` takes."""
        known = declared(Reading)
        return {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in values_of(self).items()
            if value not in ({}, known[name].default)
        }


def check_columns(columns: Mapping[str, str], roles: tuple[str, ...], where: str) -> None:
    """Refuse unknown roles, and a column with two roles.

    Raises
    ------
    ConfigError
    """
    for role, column in columns.items():
        if role not in roles:
            raise ConfigError(f"{where}: there is no role {role!r}; known: {', '.join(roles)}")
        if twice := [other for other in columns if other != role and columns[other] == column]:
            raise ConfigError(
                f"{where}: the column {column!r} cannot be both {role} and {twice[0]}; name two columns"
            )


def parse_reading(values: Mapping[str, Any], *, where: str = "the choices of reading") -> Reading:
    """Return the choices of plain data: the fields of `Reading`.

    Raises
    ------
    ConfigError
        If a key is no choice or a value does not fit it.
    """
    return build(Reading, values, where)


NO_CHOICES = Reading()
"""Everything is detected."""
