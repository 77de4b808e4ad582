"""A body of JSON lines: read in pieces of any size, stored in batches, and what an error says of the rest."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tacit.core.types import Json
from tacit.engine.engine import Engine
from tacit.engine.requests import PutItems
from tacit.server import bulk
from tacit.server.bulk import Report, put_lines
from tacit.server.lane import Lane
from tacit.server.problems import OverloadedError
from tacit.store.events import StorageError, StorageFullError


class Shelf(Engine):
    """An engine that keeps what is put, and fails at a batch."""

    def __init__(self, fails_at: int = -1, error: Exception | None = None) -> None:
        self.batches: list[list[tuple[str, Mapping[str, Json]]]] = []
        self._fails_at, self._error = fails_at, error

    def put_items(self, items: Sequence[tuple[str, Mapping[str, Json]]]) -> PutItems:
        if len(self.batches) == self._fails_at and self._error is not None:
            raise self._error
        self.batches.append(list(items))
        return PutItems(len(items))

    @property
    def ids(self) -> list[str]:
        return [id_ for batch in self.batches for id_, _ in batch]


def store(shelf: Shelf, parts: Iterable[bytes | Exception | float]) -> Report:
    """Send the parts of a body; a number is a pause in seconds."""

    async def stream() -> AsyncIterator[bytes]:
        for part in parts:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                yield part

    async def run() -> Report:
        lane = Lane("writes", threads=1, waiting=1, patience=5)
        try:
            return await put_lines(shelf, lane, stream())
        finally:
            lane.close()

    return asyncio.run(run())


def line(number: int) -> bytes:
    return b'{"item_id":"i%d"}\n' % number


@given(st.lists(st.integers(1, 40), max_size=20), st.booleans())
def test_lines_are_whole_however_the_body_is_cut(sizes: list[int], ended: bool) -> None:
    body = b"".join(map(line, range(9)))[: None if ended else -1]
    cuts = [0, *(sum(sizes[:n]) for n in range(1, len(sizes) + 1)), len(body)]
    shelf = Shelf()
    report = store(shelf, [body[a:b] for a, b in pairwise(cuts) if a < b])
    assert shelf.ids == [f"i{n}" for n in range(9)]
    assert (report.accepted, report.rejected_count) == (9, 0)


def test_a_batch_is_bounded_in_lines_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_LINES", 10)
    monkeypatch.setattr(bulk, "_BYTES", 2_000)
    shelf = Shelf()
    long = b'{"item_id":"long","title":"' + b"x" * 1_500 + b'"}\n'
    store(shelf, [*map(line, range(25)), long, long, line(99)])
    assert [len(batch) for batch in shelf.batches] == [10, 10, 7, 1]


def test_a_line_that_is_too_long_is_dropped_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "LARGEST_BODY", 100)
    shelf = Shelf()
    tracemalloc.start()
    parts = [line(1), b'{"item_id":"', *([b"x" * 10_000] * 2_000), b'"}\n', line(3), b"y" * 200]
    report = store(shelf, parts)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000  # of 20 MB
    tracemalloc.stop()
    assert shelf.ids == ["i1", "i3"]
    assert [one["line"] for one in report.rejected] == [2, 4]
    assert all("longer than 100 bytes" in str(one["reason"]) for one in report.rejected)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (StorageFullError("secret"), 507, "there is no room in the store; the lines 1 to 20 are stored"),
        (StorageError("secret"), 503, "the store does not answer; the lines 1 to 20 are stored"),
        (OverloadedError(2), 503, "too many requests are waiting; the lines 1 to 20 are stored"),
    ],
)
def test_an_error_says_up_to_which_line_all_is_stored(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, said: str
) -> None:
    monkeypatch.setattr(bulk, "_LINES", 10)
    shelf = Shelf(2, error)
    with pytest.raises(HTTPException) as raised:
        store(shelf, map(line, range(45)))
    assert raised.value.status_code == status
    assert raised.value.detail == f"{said}, send those after them again"
    assert len(shelf.ids) == 20
    with pytest.raises(HTTPException, match="nothing of this was stored, send it again"):
        store(Shelf(0, error), map(line, range(45)))


@pytest.mark.fault(28)
def test_a_body_is_limited_by_what_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "LARGEST_STREAM", 300)
    monkeypatch.setattr(bulk, "_LINES", 10)
    shelf = Shelf()
    with pytest.raises(HTTPException) as raised:
        store(shelf, map(line, range(30)))
    assert raised.value.status_code == 413
    assert raised.value.detail.startswith("the body is larger than 300 bytes; the lines 1 to 10 are stored")
    assert shelf.ids == [f"i{n}" for n in range(10)]


@pytest.mark.fault(27)
def test_a_sender_may_not_pause_for_long_or_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_PAUSE", 0.2)
    assert store(Shelf(), [line(1), 0.05, line(2), 0.05, line(3)]).accepted == 3
    with pytest.raises(HTTPException) as raised:
        store(Shelf(), [line(1), 5.0, line(2)])
    assert raised.value.status_code == 408
    with pytest.raises(HTTPException, match="the body ended too soon") as raised:
        store(Shelf(), [line(1), ClientDisconnect()])
    assert raised.value.status_code == 400
