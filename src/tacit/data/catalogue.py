"""Catalogue: what every item is, aligned with the item vocabulary."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from tacit.core.types import Bool, Float32, Float64
from tacit.data import columns as col
from tacit.data.text_columns import TextColumns, joined, meant_titles, text_columns
from tacit.data.vocabulary import Vocabulary

_NOT_ATTRIBUTES = {col.ITEM, col.TEXT, col.AVAILABLE, col.CREATED_AT, col.LINE}


@dataclass(frozen=True)
class Catalogue:
    """Items by code: row i of everything here is item i of the vocabulary.

    Attributes
    ----------
    items : Vocabulary
    attributes : polars.DataFrame
        One row an item, every column of the source but the id (title and description included); nulls where
        an item has no row.
    texts : polars.Series of str
        Input of the language model; never empty: an item without text is described by its id.
    has_text : bool[items]
        Whether the text says more than the id.
    available : bool[items]
        Whether the item may be recommended.
    created_at : float64[items]
        When it was listed, Unix seconds; -inf where unknown.
    vectors : float32[items, d] or None
        Raw language-model vectors of the texts (None until encoded); zeros where the encoder could not read
        the text.
    centred : bool
        Whether the vectors are centred by their encoder, so that nobody may subtract their mean.
    """

    items: Vocabulary
    attributes: pl.DataFrame
    texts: pl.Series
    has_text: Bool
    available: Bool
    created_at: Float64
    vectors: Float32 | None = None
    centred: bool = False

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame | None,
        items: Vocabulary | None = None,
        *,
        like: "Catalogue | None" = None,
    ) -> "Catalogue":
        """Build a catalogue from a frame with ``item_id`` and whatever else is known.

        Parameters
        ----------
        frame : polars.DataFrame or None
            None where there is no catalogue.
        items : Vocabulary, optional
            The items to hold, for example those of the frame and of the training events; the
            frame's own by default.
        like : Catalogue, optional
            One whose texts are made of the columns that are to be used here too.
        """
        if frame is None:
            frame = pl.DataFrame(schema={col.ITEM: pl.String})
        items = Vocabulary.of(frame[col.ITEM]) if items is None else items
        rows = (
            items.ids.alias(col.ITEM)
            .to_frame()
            .join(
                frame.unique(col.ITEM, keep="first", maintain_order=True),
                on=col.ITEM,
                how="left",
                maintain_order="left",
            )
        )
        attributes = rows.drop(_NOT_ATTRIBUTES, strict=False)
        if not attributes.width:  # a frame without columns loses its height in joins and concatenations
            attributes = pl.DataFrame({col.TITLE: pl.Series([None] * len(items), dtype=pl.String)})
        if col.TITLE in attributes.columns and not attributes[col.TITLE].dtype.is_nested():
            attributes = attributes.with_columns(meant_titles(attributes[col.TITLE]))
        described = item_texts(attributes, None if like is None else like.text_columns)
        fallback = ("item " + rows[col.ITEM]).alias(col.TEXT)
        return cls(
            items=items,
            attributes=attributes,
            texts=described.fill_null(fallback),
            has_text=described.is_not_null().to_numpy(),
            available=_column(rows, col.AVAILABLE, True).cast(pl.Boolean).to_numpy(),
            created_at=_column(rows, col.CREATED_AT, -np.inf).cast(pl.Float64).to_numpy(),
        )

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def text_columns(self) -> TextColumns:
        """Which attributes are in the texts."""
        return text_columns(self.attributes)

    @property
    def titles(self) -> pl.Series:
        """Titles by code; the id where an item has none."""
        if col.TITLE not in self.attributes.columns:
            return self.items.ids
        return self.attributes[col.TITLE].cast(pl.String).fill_null(self.items.ids)

    def with_vectors(self, vectors: Float32, *, centred: bool = False) -> "Catalogue":
        """Return the catalogue with the language-model vectors of its texts: float32[items, d].

        An item whose vector is all zeros counts as one without text: the encoder could not read it.
        """
        read = np.any(vectors, axis=1)
        return replace(self, vectors=vectors, has_text=self.has_text & read, centred=centred)

    def extended(self, frame: pl.DataFrame, vectors: Float32 | None = None) -> "Catalogue":
        """Return the catalogue with new items appended and known ones replaced.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows with ``item_id`` and any attributes.
        vectors : float32[rows, d], optional
            Their language-model vectors; needed where the catalogue has vectors.
        """
        items = self.items.extended(frame[col.ITEM].to_list())
        new = Catalogue.from_frame(frame, Vocabulary(frame[col.ITEM]), like=self)
        new = new if vectors is None else new.with_vectors(vectors)
        codes = items.encode(frame[col.ITEM])
        size = len(items)
        source = np.arange(size)
        source[codes] = len(self) + np.arange(len(new))  # rows of old stacked on new

        def stacked(old: Bool | Float64 | Float32, fresh: Bool | Float64 | Float32) -> np.ndarray:
            return np.concatenate([old, fresh])[source]

        attributes = pl.concat([self.attributes, new.attributes], how="diagonal_relaxed")
        return Catalogue(
            items=items,
            attributes=attributes[source],
            texts=pl.concat([self.texts, new.texts])[source],
            has_text=stacked(self.has_text, new.has_text),
            available=stacked(self.available, new.available),
            created_at=stacked(self.created_at, new.created_at),
            vectors=None
            if self.vectors is None or vectors is None
            else stacked(self.vectors, vectors.astype(np.float32)),
            centred=self.centred,
        )


def item_texts(attributes: pl.DataFrame, chosen: TextColumns | None = None) -> pl.Series:
    """Return one text an item, title first, then description, then the named attributes.

    It is null where no attribute says anything in words: two items of the same price are not alike in text.
    Codes, numbers, times, web addresses and JSON are left out: they hold nothing for a language model.

    Parameters
    ----------
    attributes : polars.DataFrame
    chosen : TextColumns, optional
        What the texts of other items are made of: items that come later have the same columns in theirs, and
        those that are new, by their content.
    """
    found = text_columns(attributes)
    if chosen is None:
        return joined(attributes, found.names)
    return joined(attributes, chosen.with_new(found).names)


def _column(rows: pl.DataFrame, name: str, default: Sequence[object] | object) -> pl.Series:
    if name in rows.columns:
        return rows[name].fill_null(default)
    return pl.Series(name, [default] * len(rows))
