"""Labels and prices of items: the short attributes of a catalogue (category, brand, genre, ...).

Only attributes that are known before any event are used: names, labels and the price. Aggregates such as an
average rating leak the future into a time split and are never features.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy import sparse

from tacit.core.growing_arrays import appended, recomputed
from tacit.core.parts import part_of
from tacit.core.types import Array, Float32, Int32, Int64
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue, frame_rows
from tacit.data.users import trait
from tacit.models import csr
from tacit.models.accumulate import Rows

_MOST_COLUMNS = 6
_MOST_VALUES = 2_000
_PRICE = "price"
_FEW = 8
"""So many rows are read without frames."""
_SEPARATORS = r"\s*[|,;]\s*"


@dataclass(frozen=True)
class Attributes:
    """Labels and prices by item code.

    Attributes
    ----------
    labels : mapping of column to csr_array float32[items, values]
        Rows sum to 1 (split over several labels), or to 0 if the item has none.
    names : mapping of column to int32[values]
        Every label as a number that is the same in every catalogue (`tacit.data.users.trait`).
    log_price : float32[items] or None
        NaN where unknown.
    version : object
        Of the catalogue they were read from.
    """

    labels: dict[str, sparse.csr_array]
    names: dict[str, Int32]
    log_price: Float32 | None
    version: object = None

    @cached_property
    def stacked(self) -> tuple[sparse.csr_array, Int64]:
        """The labels of all columns side by side, and the place of the column of each: int64[values]."""
        widths = [matrix.shape[1] for matrix in self.labels.values()]
        whole = sparse.hstack(list(self.labels.values()), format="csr", dtype=np.float32)
        return whole, np.repeat(np.arange(len(widths)), widths)

    @cached_property
    def stacked_rows(self) -> tuple[Rows, Int64]:
        """The same with the labels as plain arrays."""
        whole, column = self.stacked
        return Rows.of(whole), column.astype(np.int64)

    def arrays(self) -> dict[str, Array]:
        """Return the labels by the place of their column, and the prices, to be mapped and not read again."""
        parts: dict[str, Array] = {} if self.log_price is None else {"log_price": self.log_price}
        for place, (name, matrix) in enumerate(self.labels.items()):
            parts |= {f"{place}.{part}": array for part, array in csr.parts(matrix).items()}
            parts[f"{place}.names"] = self.names[name]
        return parts

    @classmethod
    def restore(
        cls, columns: Sequence[str] | None, arrays: Mapping[str, Array], catalogue: Catalogue
    ) -> "Attributes":
        """Rebuild from the columns and what `arrays` returned; from the catalogue where nothing was kept."""
        if columns is None:
            return cls.of(catalogue)
        names = {name: arrays[f"{place}.names"] for place, name in enumerate(columns)}
        labels = {
            name: csr.assembled(part_of(arrays, str(place), "."), len(names[name]))
            for place, name in enumerate(columns)
        }
        return cls(labels, names, arrays.get("log_price"), catalogue.version)

    @classmethod
    def of(cls, catalogue: Catalogue) -> "Attributes":
        """Read the label columns and the price of a catalogue."""
        return cls._of(catalogue, None)

    def extended(self, catalogue: Catalogue) -> "Attributes":
        """Return those of a catalogue that has grown: the same labels, and a price only if there was one.

        What a ranker has learned from has these columns; new ones wait for the next fit.
        """
        changed = catalogue.changed_since(self.version)
        if changed is None:
            return self._of(catalogue, self)
        rows = frame_rows(catalogue.attributes, changed)
        labels: dict[str, sparse.csr_array] = {}
        names: dict[str, Int32] = {}
        for name, matrix in self.labels.items():
            values, new = _one_hot(_column(rows, name))
            numbers = np.array([trait(name, value) for value in values], dtype=np.int32)
            labels[name], names[name] = _with_rows(matrix, self.names[name], changed, new, numbers)
        log_price = self.log_price
        if log_price is not None:
            price = _log_price(rows)
            unknown = np.full(len(rows), np.nan, dtype=np.float32)
            log_price = recomputed(log_price, changed, unknown if price is None else price)
        return Attributes(labels, names, log_price, catalogue.version)

    @classmethod
    def _of(cls, catalogue: Catalogue, before: "Attributes | None") -> "Attributes":
        labels: dict[str, sparse.csr_array] = {}
        names: dict[str, Int32] = {}
        for name in catalogue.attributes.columns if before is None else before.labels:
            if before is None and (
                len(labels) == _MOST_COLUMNS or not _is_label(name, catalogue.attributes[name])
            ):
                continue
            values, matrix = _one_hot(_column(catalogue.attributes, name))
            if before is not None or 1 < len(values) <= _MOST_VALUES:
                labels[name] = matrix
                names[name] = np.array([trait(name, value) for value in values], dtype=np.int32)
        log_price = _log_price(catalogue.attributes)
        if before is not None and (before.log_price is None) != (log_price is None):
            unknown = np.full(len(catalogue), np.nan, dtype=np.float32)
            log_price = None if before.log_price is None else unknown
        return cls(labels, names, log_price, catalogue.version)


def _with_rows(
    matrix: sparse.csr_array, names: Int32, places: Int64, new: sparse.csr_array, new_names: Int32
) -> tuple[sparse.csr_array, Int32]:
    """Return labels of items with the rows of some places anew, and their names; new labels come last.

    Rows that are appended copy no other ones (`tacit.core.growing_arrays`).
    """
    order = np.argsort(names, kind="stable")
    at = np.searchsorted(names[order], new_names)
    column = np.where(at < len(names), order[np.minimum(at, max(len(names) - 1, 0))], 0) if len(names) else at
    is_new = names[column] != new_names if len(names) else np.ones(len(new_names), dtype=bool)
    column = np.where(is_new, len(names) + np.cumsum(is_new) - 1, column)
    names = appended(names, new_names[is_new])
    size, old = max(matrix.shape[0], int(places.max(initial=-1)) + 1), matrix.shape[0]
    new = sparse.csr_array((new.data, column[new.indices], new.indptr), shape=(len(places), len(names)))
    known = np.flatnonzero(places < old)
    if len(known):
        source = np.arange(old)
        source[places[known]] = old + np.arange(len(known))
        wide = sparse.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(old, len(names)))
        matrix = sparse.csr_array(sparse.vstack([wide, new[known]], format="csr")[source])
    fresh = new[np.flatnonzero(places >= old)]
    parts = (
        appended(matrix.data, fresh.data),
        appended(matrix.indices, fresh.indices),
        appended(matrix.indptr, matrix.indptr[-1] + fresh.indptr[1:]),
    )
    return sparse.csr_array(parts, shape=(size, len(names))), names


def _column(attributes: pl.DataFrame, name: str) -> pl.Series:
    """Return an attribute as text, null where the catalogue does not have it."""
    if name in attributes.columns:
        return attributes[name].cast(pl.String)
    return pl.Series(name, [None] * len(attributes), dtype=pl.String)


def _is_label(name: str, column: pl.Series) -> bool:
    if name in (col.TITLE, col.DESCRIPTION) or column.dtype != pl.String:
        return False
    known = column.drop_nulls().head(1_000)
    # Long values are prose or addresses, and values that only one item has say nothing about other items.
    short = len(known) > 0 and float(known.str.len_chars().to_numpy().mean()) < 60
    return short and known.n_unique() < 0.8 * len(known)


def _one_hot(column: pl.Series) -> tuple[pl.Series, sparse.csr_array]:
    """Return the labels of a column in text order, and the weight of each in every item."""
    lower = pl.col(column.name).str.to_lowercase()
    parts = column.to_frame().select_seq(lower.str.replace_all(_SEPARATORS, "|").str.split("|")).to_series()
    if len(column) <= _FEW:
        return _one_hot_of_few(parts.to_list())
    flat = pl.DataFrame({"row": np.arange(len(column), dtype=np.int64), "value": parts}).explode("value")
    flat = flat.filter(pl.col("value").is_not_null() & (pl.col("value") != ""))
    values = flat["value"].unique().sort()
    code = flat["value"].replace_strict(values, np.arange(len(values)), return_dtype=pl.Int64).to_numpy()
    matrix = sparse.coo_array(
        (np.ones(len(flat), dtype=np.float32), (flat["row"].to_numpy(), code)),
        shape=(len(column), len(values)),
    ).tocsr()
    counts = np.maximum(np.diff(matrix.indptr), 1)
    matrix.data /= np.repeat(counts, np.diff(matrix.indptr)).astype(np.float32)
    return values, matrix


def _one_hot_of_few(parts: Sequence[Sequence[str] | None]) -> tuple[pl.Series, sparse.csr_array]:
    """Return the same without frames, whose set-up costs more than a few rows."""
    rows = [[part for part in row or () if part] for row in parts]
    values = sorted({part for row in rows for part in row})
    code = {value: place for place, value in enumerate(values)}
    row = np.repeat(np.arange(len(rows)), [len(set(one)) for one in rows])
    cells = [
        (code[value], count / len(Counter(one))) for one in rows for value, count in Counter(one).items()
    ]
    column = np.array([place for place, _ in cells], dtype=np.int64)
    share = np.array([part for _, part in cells], dtype=np.float32)
    matrix = sparse.coo_array((share, (row, column)), shape=(len(rows), len(values))).tocsr()
    return pl.Series("value", values, dtype=pl.String), matrix


def _log_price(attributes: pl.DataFrame) -> Float32 | None:
    if _PRICE not in attributes.columns:
        return None
    price = attributes[_PRICE].cast(pl.Float64, strict=False).to_numpy()
    if np.isnan(price).all():
        return None
    return np.log1p(np.where(price >= 0, price, np.nan)).astype(np.float32)
