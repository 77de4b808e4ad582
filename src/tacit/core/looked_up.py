"""Texts of a column by place, each looked up once."""

import polars as pl


class LookedUp(dict[int, str]):
    """The texts that were looked up so far; any other is looked up, which takes thirty times as long.

    It holds no more than was asked for: all texts of a large column would be as large as the column.

    Parameters
    ----------
    column : polars.Series of str
    """

    def __init__(self, column: pl.Series) -> None:
        super().__init__()
        self._column = column

    def __missing__(self, place: int) -> str:
        """Look a text up."""
        text: str = self._column[place]
        self[place] = text
        return text
