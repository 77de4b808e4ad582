"""What a column holds is counted over all of its cells, whatever a part of them shows."""

import polars as pl
import pytest

from tacit.reading.column_content import SAMPLE, content_of

RARE = ["NA", " nan ", "", None, "-", "N/A"]
"""Blank cells and words for missing values, as they are written."""


@pytest.mark.parametrize("rows", [SAMPLE // 2, 3 * SAMPLE])
@pytest.mark.parametrize("distinct", [7, 4_000])
def test_cells_that_say_nothing_are_not_known_wherever_they_stand(rows: int, distinct: int) -> None:
    cells = [RARE[row % len(RARE)] if row % 11 == 3 else f"u{row % distinct}" for row in range(rows)]
    written = [cell for cell in cells if cell is not None and cell not in RARE]
    found = content_of(pl.Series("who", cells, dtype=pl.String))
    assert (found.rows, found.known) == (rows, len(written))
    # Each way to write that there is none is a value of a long column, but for one.
    assert len(set(written)) <= found.unique <= len(set(written)) + len(RARE) - 1


def test_numbers_are_known_where_they_are_there() -> None:
    cells = [None if row % 5 == 0 else row % 9_000 for row in range(3 * SAMPLE)]
    found = content_of(pl.Series("n", cells, dtype=pl.Int64))
    assert found.known == sum(cell is not None for cell in cells)
    assert found.unique == len({cell for cell in cells if cell is not None})
