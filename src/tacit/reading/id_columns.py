"""Which column of a table of items or users holds the ids."""

from collections.abc import Mapping, Sequence

from tacit.core.errors import ConfigError
from tacit.reading.choices import ITEM, USER
from tacit.reading.column_names import Kind, meaning


def item_column(names: Sequence[str], wanted: Mapping[str, str] | None = None) -> str:
    """Return the column of a catalogue that holds the item ids: by its name, else the first."""
    return _id_column(names, wanted, ITEM, "item")


def user_column(names: Sequence[str], wanted: Mapping[str, str] | None = None) -> str:
    """Return the column of a file of users that holds their ids: by its name, else the first."""
    return _id_column(names, wanted, USER, "user")


def _id_column(names: Sequence[str], wanted: Mapping[str, str] | None, role: str, kind: Kind) -> str:
    if wanted and role in wanted:
        return _column(names, role, wanted[role])
    said = [(meaning(name), -place, name) for place, name in enumerate(names)]
    ranked = [(found.certainty, place, name) for found, place, name in said if found.kind == kind]
    if ranked:
        return max(ranked)[2]
    plain = [name for name in names if meaning(name).kinds[:1] == ("id",)]
    return plain[0] if plain else names[0]


def _column(names: Sequence[str], role: str, column: str) -> str:
    if column in names:
        return column
    if column.isdigit() and 1 <= int(column) <= len(names):
        return names[int(column) - 1]
    raise ConfigError(f"there is no column {column!r} for the {role}; columns: {', '.join(names)}")
