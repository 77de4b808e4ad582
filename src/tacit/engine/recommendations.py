"""A list of recommended items as Python users get it: a list that a notebook shows as a table."""

from collections.abc import Iterable

import polars as pl

from tacit.data import columns as col
from tacit.engine.requests import Recommended
from tacit.reporting.notebook import html_table

_SCHEMA: dict[str, pl.DataType] = {
    "rank": pl.Int64(),
    col.ITEM: pl.String(),
    col.TITLE: pl.String(),
    "score": pl.Float64(),
    "reasons": pl.List(pl.String),
    "propensity": pl.Float64(),
}


class Recommendations(list[Recommended]):
    """A list of recommended items, the best first; a notebook shows it as a table.

    Each item has ``item_id``, ``score``, ``title`` and ``reasons``, a list of texts.

    Parameters
    ----------
    items : iterable of Recommended
    warnings : iterable of str
        What the model does not know of the request, and why a list is empty.

    Attributes
    ----------
    warnings : list of str
    """

    def __init__(self, items: Iterable[Recommended] = (), warnings: Iterable[str] = ()) -> None:
        super().__init__(items)
        self.warnings = list(warnings)

    def __repr__(self) -> str:
        """Return the items, and before them what is to be known of the list."""
        return "\n".join([*(f"warning: {text}" for text in self.warnings), super().__repr__()])

    def to_frame(self) -> pl.DataFrame:
        """Return a row an item: rank (from 1), item_id, title, score, reasons, propensity."""
        rows = [
            (n, one.item_id, one.title, one.score, one.reasons, one.propensity)
            for n, one in enumerate(self, 1)
        ]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def _repr_html_(self) -> str:
        rows = [(n, one.item_id, one.title, one.score, one.reasons) for n, one in enumerate(self, 1)]
        return html_table(("", "item", "title", "score", "why"), rows, caption="; ".join(self.warnings))
