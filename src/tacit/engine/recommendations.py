"""A list of recommended items as Python users get it: a list that a notebook shows as a table."""

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
}


class Recommendations(list[Recommended]):
    """A list of recommended items, the best first; a notebook shows it as a table.

    Each item has ``item_id``, ``score``, ``title`` and ``reasons``, a list of texts.
    """

    def to_frame(self) -> pl.DataFrame:
        """Return a row an item: rank (from 1), item_id, title, score, reasons."""
        rows = [(n, one.item_id, one.title, one.score, one.reasons) for n, one in enumerate(self, 1)]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def _repr_html_(self) -> str:
        rows = [(n, one.item_id, one.title, one.score, one.reasons) for n, one in enumerate(self, 1)]
        return html_table(("", "item", "title", "score", "why"), rows)
