"""Arrays of several parts under one roof: the name of the part stands before a mark."""

from collections.abc import Mapping

from tacit.core.types import Array


def part_of(arrays: Mapping[str, Array], name: str, mark: str) -> dict[str, Array]:
    """Return the arrays of one part by their own names: of ``name + mark + own`` those with this name."""
    split = {key: key.partition(mark) for key in arrays}
    return {own: arrays[key] for key, (part, _, own) in split.items() if part == name}
