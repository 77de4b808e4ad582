"""Arrays that grow by rows at the cost of the new rows: copies are rare and the room doubles.

A state of a running service is never changed; a larger one takes its place. So that an item does not cost a
copy of the catalogue, the arrays of the two states share one buffer: each is a view of its first rows, and
the rows of the larger one stand behind those that the smaller one can see.
"""

import threading
from typing import Any, TypeVar

import numpy as np

Rows = TypeVar("Rows", bound=np.ndarray[Any, Any])

_ROOM = 1_024
"""Smallest number of rows that a new buffer has room for beyond its first ones."""
_LOCK = threading.Lock()


class _Buffer(np.ndarray[Any, Any]):
    """The rows of several views; ``used`` of them belong to the longest view."""

    used: int = 0


def appended(rows: Rows, new: np.ndarray[Any, Any]) -> Rows:
    """Return an array of rows and new rows, of the type of ``rows``; those that were there are not copied.

    It equals ``np.concatenate([rows, new])``. The result may share memory with ``rows``: neither may be
    changed in place. Only the longest view of a buffer goes on in it: of another one a copy is made, so two
    arrays that grew from one never see each other's rows.

    Parameters
    ----------
    rows : array[n, ...]
    new : array[m, ...]
    """
    size = len(rows) + len(new)
    if size == len(rows):
        return rows
    with _LOCK:
        buffer = rows.base
        if not isinstance(buffer, _Buffer) or not _goes_on(rows, buffer, size):
            buffer = _copied(rows, size)
        whole: Rows = np.ndarray(buffer.shape, buffer.dtype, buffer)  # type: ignore[assignment]
        whole[len(rows) : size] = new
        buffer.used = size
    # Made from the buffer, not sliced from `whole`: so the buffer is the base of each view.
    return np.ndarray((size, *rows.shape[1:]), rows.dtype, buffer)  # type: ignore[return-value]


def padded(rows: Rows, size: int, value: float = 0) -> Rows:
    """Return an array of ``size`` rows, new ones filled with a value: as `appended`."""
    missing = size - len(rows)
    return appended(rows, np.full((missing, *rows.shape[1:]), value, dtype=rows.dtype)) if missing else rows


def replaced(rows: Rows, places: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> Rows:
    """Return an array with other rows at some places; the same array, without a copy, if they are equal."""
    same = rows[places] == new
    if np.all(same if rows.dtype.kind != "f" else same | (np.isnan(rows[places]) & np.isnan(new))):
        return rows
    buffer = _copied(rows, len(rows))  # with room, so that it is not copied again for the next new row
    buffer.used = len(rows)
    changed: Rows = np.ndarray(rows.shape, rows.dtype, buffer)  # type: ignore[assignment]
    changed[places] = new
    return changed


def recomputed(rows: Rows, places: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> Rows:
    """Return an array with the rows of some places: known ones replaced, those that come after appended.

    Parameters
    ----------
    rows : array[n, ...]
    places : int64[m]
        Ascending from n on, without gaps.
    new : array[m, ...]
    """
    known = places < len(rows)
    return appended(replaced(rows, places[known], new[known].astype(rows.dtype)), new[~known])


def _goes_on(rows: np.ndarray[Any, Any], buffer: _Buffer, size: int) -> bool:
    """Return whether rows are the longest view of a buffer that has room for more."""
    same = rows.dtype == buffer.dtype and rows.shape[1:] == buffer.shape[1:]
    begins = rows.__array_interface__["data"][0] == buffer.__array_interface__["data"][0]
    return same and begins and rows.flags.c_contiguous and len(rows) == buffer.used and size <= len(buffer)


def _copied(rows: np.ndarray[Any, Any], size: int) -> _Buffer:
    room = max(2 * len(rows), size + _ROOM)  # memory of the system that nothing was written to costs nothing
    buffer: _Buffer = np.ndarray.__new__(_Buffer, (room, *rows.shape[1:]), dtype=rows.dtype)
    np.ndarray(buffer.shape, buffer.dtype, buffer)[: len(rows)] = rows
    return buffer
