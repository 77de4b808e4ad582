"""Catalogue: what every item is, aligned with the item vocabulary."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from tacit.core.growing_arrays import Rows, appended, replaced
from tacit.core.types import Bool, Float32, Float64, Int32, Int64
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
        rows = frame if frame[col.ITEM].equals(items.ids) else _rows_of_items(frame, items)
        attributes = rows.drop(_NOT_ATTRIBUTES, strict=False)
        if not attributes.width:  # a frame without columns loses its height in joins and concatenations
            attributes = pl.DataFrame({col.TITLE: pl.Series([None] * len(items), dtype=pl.String)})
        if col.TITLE in attributes.columns and not attributes[col.TITLE].dtype.is_nested():
            attributes = attributes.with_columns_seq(meant_titles(attributes[col.TITLE]))
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

    @cached_property
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
        new = Catalogue.from_frame(frame, Vocabulary(frame[col.ITEM]), like=self)
        return self.joined_with(new if vectors is None else new.with_vectors(vectors.astype(np.float32)))

    def joined_with(self, new: "Catalogue") -> "Catalogue":
        """Return the catalogue with the items of another: new ones appended, in place of known ones.

        The columns of known items are not copied for new ones (`tacit.core.growing_arrays`). Vectors are kept
        only if both have them.
        """
        codes = self.items.encode(new.items.ids.to_list())
        known, fresh = np.flatnonzero(codes >= 0), np.flatnonzero(codes < 0)
        places = codes[known]

        def joined_rows(old: Rows, rows: Rows) -> Rows:
            return appended(replaced(old, places, rows[known]), rows[fresh])

        def joined_texts(old: pl.Series, rows: pl.Series) -> pl.Series:
            one, other = old.alias(col.TEXT).to_frame(), rows.alias(col.TEXT).to_frame()
            return _joined_frames(one, other, places, known, fresh).to_series().alias(old.name)

        grown = Catalogue(
            items=self.items.extended(new.items.ids.gather(fresh).to_list()),
            attributes=_joined_frames(self.attributes, new.attributes, places, known, fresh),
            texts=joined_texts(self.texts, new.texts),
            has_text=joined_rows(self.has_text, new.has_text),
            available=joined_rows(self.available, new.available),
            created_at=joined_rows(self.created_at, new.created_at),
            vectors=None
            if self.vectors is None or new.vectors is None
            else joined_rows(self.vectors, new.vectors),
            centred=self.centred,
        )
        # What the text of a later item is made of does not depend on the items that came before it.
        grown.__dict__["text_columns"] = self.text_columns
        grown.__dict__["_origin"] = (self.version, np.append(places, np.arange(len(self), len(grown))))
        grown.__dict__["titles"] = joined_texts(self.titles, new.titles)
        return grown

    @property
    def version(self) -> object:
        """What to give to `changed_since` of a later catalogue; the availability is no part of it."""
        return self.__dict__.setdefault("_version", object())

    def changed_since(self, version: object) -> Int64 | None:
        """Return the items that are new or were replaced since the version of an earlier catalogue.

        None if this one was not made of that one, or not in one step: then any item may have changed.
        """
        if version is self.version:
            return np.empty(0, dtype=np.int64)
        before, changed = self.__dict__.get("_origin", (None, None))
        return changed if before is version else None

    def with_available(self, codes: Int32, available: Bool) -> "Catalogue":
        """Return the catalogue in which some items may or may not be recommended; nothing else is copied."""
        changed = replace(self, available=replaced(self.available, codes, available))
        changed.__dict__.update(self._derived())
        return changed

    def _derived(self) -> dict[str, object]:
        """Return what was derived of the items so far; the availability is no part of it."""
        kept = ("text_columns", "titles", "_origin")
        return {"_version": self.version} | {
            name: self.__dict__[name] for name in kept if name in self.__dict__
        }


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
    if chosen is None:
        return joined(attributes, text_columns(attributes).names)
    found = text_columns(attributes.select(name for name in attributes.columns if not chosen.decides(name)))
    return joined(attributes, chosen.with_new(found).names)


def _column(rows: pl.DataFrame, name: str, default: Sequence[object] | object) -> pl.Series:
    if name in rows.columns:
        return rows[name].fill_null(default)
    return pl.Series(name, [default] * len(rows))


_MOST_CHUNKS = 64
"""A frame of more chunks is made one again: each costs every later read of a row."""
_FEW = 8
"""So many replaced rows are cut in as chunks; for more, one copy of the frame is cheaper."""


def frame_rows(frame: pl.DataFrame, places: Int32 | Int64) -> pl.DataFrame:
    """Return the rows at some places; where they lie side by side in their order, nothing is copied."""
    if (np.diff(places) == 1).all():
        return frame.slice(int(places[0]) if len(places) else 0, len(places))
    return frame[places]


def _rows_of_items(frame: pl.DataFrame, items: Vocabulary) -> pl.DataFrame:
    """Return a row for each item: the first of the frame, nulls if there is none."""
    first = frame.unique(col.ITEM, keep="first", maintain_order=True)
    rows = items.ids.alias(col.ITEM).to_frame()
    return rows.join(first, on=col.ITEM, how="left", maintain_order="left")


def _joined_frames(
    old: pl.DataFrame, new: pl.DataFrame, places: Int32, known: Int64, fresh: Int64
) -> pl.DataFrame:
    """Return a frame with rows of another: ``known`` ones in some places, ``fresh`` ones appended.

    A few rows are put in as chunks, which copies no other row; columns that one of the two lacks are null.
    """
    if len(known) > _FEW:
        source = np.arange(len(old))
        source[places] = len(old) + np.arange(len(known))
        both = pl.concat([old, frame_rows(new, known)], how="diagonal_relaxed")
        parts = [both[source]]
    else:
        parts, start = [], 0
        for place, row in sorted(zip(places.tolist(), known.tolist(), strict=True)):
            parts += [old[start:place], new[row : row + 1]]
            start = place + 1
        parts.append(old[start:])
    parts.append(frame_rows(new, fresh))
    same = all(part.schema == parts[0].schema for part in parts)
    joined = pl.concat(parts, how="vertical" if same else "diagonal_relaxed")
    return joined.rechunk() if joined.n_chunks() > _MOST_CHUNKS else joined
