"""Several steps over one column in one call."""

import polars as pl
import pytest

from tacit.data.cells import CELL, computed


@pytest.mark.parametrize("name", ["cell", "", "^.*$", "*"])
def test_a_column_keeps_its_name_whatever_it_is(name: str) -> None:
    found = computed(pl.Series(name, [" A", None]), CELL.str.strip_chars().str.to_lowercase())
    assert (found.name, found.to_list()) == (name, ["a", None])
