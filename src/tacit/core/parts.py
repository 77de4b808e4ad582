"""Arrays of several parts in one mapping: each name begins with its part and a separator."""

from collections.abc import Mapping

from tacit.core.types import Array


def part_of(arrays: Mapping[str, Array], name: str, mark: str) -> dict[str, Array]:
    """Return the arrays of one part by their own names: those of keys ``name + mark + own``."""
    split = {key: key.partition(mark) for key in arrays}
    return {own: arrays[key] for key, (part, _, own) in split.items() if part == name}
