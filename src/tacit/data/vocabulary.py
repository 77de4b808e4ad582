"""Text ids to integer codes and back: the only place where the two meet."""

import copy
import threading
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import polars as pl

from tacit.core.looked_up import LookedUp
from tacit.core.types import Int32
from tacit.data.categories import by_text, distinct_texts, is_category

_MOST_CHUNKS = 64
"""Ids in more chunks are made one: each costs every later read."""
_GROWING = threading.Lock()
_FEW = 64
"""So many codes are decoded one by one, and their ids kept: to gather from a column takes 200 us."""


class Vocabulary:
    """An ordered set of text ids; the code of an id is its place.

    Parameters
    ----------
    ids : polars.Series or iterable of str
        Unique ids. Their order is kept: it is part of a snapshot.
    """

    def __init__(self, ids: pl.Series | Iterable[str]) -> None:
        series = ids if isinstance(ids, pl.Series) else pl.Series("id", list(ids), dtype=pl.String)
        series = series.cast(pl.String) if is_category(series) else series
        self.ids: pl.Series = series.alias("id").rechunk()
        self._size = len(self.ids)

    @classmethod
    def of(cls, *columns: pl.Series) -> "Vocabulary":
        """Return the vocabulary of every id in the columns, in text order.

        Text order, and not the order of appearance, so that codes (and with them the order of ties) hold no
        information on time.
        """
        parts = [distinct_texts(one) if is_category(one) else one.cast(pl.String) for one in columns]
        joined = pl.concat([part.alias("id") for part in parts])
        return cls(joined.drop_nulls().unique().sort())

    def __len__(self) -> int:
        return self._size

    def __contains__(self, id_: str) -> bool:
        return self._codes.get(id_, self._size) < self._size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.ids.equals(other.ids)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def _codes(self) -> dict[str, int]:
        """Return the code of each id; codes that are not below the size belong to a larger vocabulary."""
        return {id_: code for code, id_ in enumerate(self.ids.to_list())}

    @cached_property
    def _decoded(self) -> LookedUp:
        return LookedUp(self.ids)

    @cached_property
    def _table(self) -> pl.DataFrame:
        return pl.DataFrame({"id": self.ids, "code": np.arange(len(self.ids), dtype=np.int32)})

    def code_of(self, id_: str) -> int:
        """Return the code of one id, -1 if it is unknown."""
        code = self._codes.get(id_, -1)
        return code if code < self._size else -1

    def encode(self, ids: pl.Series | Sequence[str]) -> Int32:
        """Return the code of each id, -1 where it is unknown.

        Parameters
        ----------
        ids : polars.Series or sequence of str, length n

        Returns
        -------
        int32[n]
        """
        if not isinstance(ids, pl.Series):
            codes = self._codes
            found = np.fromiter((codes.get(id_, -1) for id_ in ids), dtype=np.int32, count=len(ids))
            return np.where(found < self._size, found, np.int32(-1))
        if is_category(ids):
            return by_text(ids, self.encode)
        joined = (
            ids.cast(pl.String)
            .alias("id")
            .to_frame()
            .join(self._table, on="id", how="left", maintain_order="left")
        )
        return joined["code"].fill_null(-1).to_numpy()

    def decode(self, codes: Int32) -> list[str]:
        """Return the id of each code (codes must be known, not -1)."""
        if len(codes) <= _FEW:
            known = self._decoded
            return [known[int(code)] for code in codes]
        return self.ids.gather(codes).to_list()

    def extended(self, ids: Iterable[str]) -> "Vocabulary":
        """Return a vocabulary with the new ids appended: known codes stay what they were.

        It costs as much as the new ids: the table of codes is shared, and each vocabulary sees its own part.
        """
        new = [id_ for id_ in dict.fromkeys(ids) if id_ not in self]
        larger = copy.copy(self)
        for derived in ("_table", "_decoded"):
            larger.__dict__.pop(derived, None)
        joined = pl.concat([self.ids, pl.Series("id", new, dtype=pl.String)]) if new else self.ids
        larger.ids = joined.rechunk() if joined.n_chunks() > _MOST_CHUNKS else joined
        larger._size = len(larger.ids)
        with _GROWING:
            shared = self._codes
            if len(shared) != self._size:  # another vocabulary grew from this one: their codes differ
                shared = {id_: code for id_, code in shared.items() if code < self._size}
            shared.update(zip(new, range(self._size, larger._size), strict=True))
        larger._codes = shared
        return larger
