"""Many items in one request: JSON lines, read as they come, stored in batches, answered with a report.

Memory is bounded: no more of the body is read than one batch before it is stored. Batches are stored one
after the other, so an answer that is an error can say up to which line everything is stored.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tacit.core.errors import DataError
from tacit.core.types import Json
from tacit.engine.engine import Engine
from tacit.engine.remote_encoder import EncoderUnavailableError
from tacit.server.bodies import check_keys
from tacit.server.guard import LARGEST_BODY, LARGEST_STREAM
from tacit.server.lane import Lane
from tacit.server.problems import OverloadedError
from tacit.store.events import StorageError, StorageFullError

_LINES = 2_000
_BYTES = 4 * LARGEST_BODY
"""A batch is full with so many lines, or with so many bytes."""
_LISTED = 1_000
"""So many rejected lines are listed with their reasons; all are counted."""
_PAUSE = 30.0
"""Seconds that a sender may pause."""

LINE_TYPES = (
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/json",
    "application/octet-stream",
)
"""Content types of a body of lines. A page of another site could send forms and text/plain unasked."""
_NO_LINES = {
    b"\x1f\x8b": "packed with gzip; send it unpacked",
    b"\x28\xb5\x2f\xfd": "packed with zstd; send it unpacked",
    b"PK\x03\x04": "a ZIP archive; send the lines themselves",
    b"\xff\xfe": "UTF-16; send UTF-8",
    b"\xfe\xff": "UTF-16; send UTF-8",
}
"""First bytes of bodies that hold no lines of JSON, and what they are."""

Line = tuple[int, bytes | None]
"""The number of a line, from 1, and the line; None if it is too long."""


@dataclass
class Report:
    """What became of the lines.

    Attributes
    ----------
    accepted : int
    rejected : list of dict
        ``line`` and ``reason`` of the first ones.
    rejected_count : int
    warnings : list of dict
        ``line`` and ``warning`` of the first ones.
    warning_count : int
    """

    accepted: int = 0
    rejected: list[dict[str, Json]] = field(default_factory=list)
    rejected_count: int = 0
    warnings: list[dict[str, Json]] = field(default_factory=list)
    warning_count: int = 0

    def add(
        self, accepted: int, rejected: Sequence[tuple[int, str]], warnings: Sequence[tuple[int, str]]
    ) -> None:
        """Add what became of a batch: numbers of lines and texts."""
        self.accepted += accepted
        self.rejected_count += len(rejected)
        self.warning_count += len(warnings)
        room = max(_LISTED - len(self.rejected), 0)
        self.rejected += [{"line": line, "reason": reason} for line, reason in rejected[:room]]
        room = max(_LISTED - len(self.warnings), 0)
        self.warnings += [{"line": line, "warning": text} for line, text in warnings[:room]]

    @property
    def status(self) -> int:
        """Status of the answer: an error if nothing of what came could be stored."""
        return 200 if self.accepted or not self.rejected_count else 422


async def put_lines(engine: Engine, writes: Lane, stream: AsyncIterator[bytes]) -> Report:
    """Store the items of a body of JSON lines and return a report.

    Parameters
    ----------
    engine : Engine
    writes : Lane
        Where batches are parsed, encoded and stored.
    stream : async iterator of bytes

    Raises
    ------
    HTTPException
        If the body is too large or ends too soon, or the store refuses; the detail says up to which line
        everything is stored.
    """
    report = Report()
    last = 0
    try:
        async for batch in _batches(_lines(_paced(stream))):
            await writes.run(_storing(engine, batch, report), "lines")
            last = batch[-1][0]
    except StorageFullError as error:
        raise HTTPException(507, _so_far("there is no room in the store", last)) from error
    except StorageError as error:
        raise HTTPException(503, _so_far("the store does not answer", last)) from error
    except EncoderUnavailableError as error:
        raise HTTPException(503, _so_far(str(error), last)) from error
    except OverloadedError as error:
        later = {"retry-after": str(error.seconds)}
        raise HTTPException(503, _so_far("too many requests are waiting", last), later) from error
    except _BodyError as error:
        raise HTTPException(error.status, _so_far(str(error), last)) from error
    return report


class _BodyError(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def _so_far(reason: str, last: int) -> str:
    if not last:
        return f"{reason}; nothing of this was stored, send it again"
    return f"{reason}; the lines 1 to {last:,} are stored, send those after them again"


async def _paced(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the parts of a body, limited in size and in the pauses between them."""
    size = 0
    parts = aiter(stream)
    while True:
        try:
            async with asyncio.timeout(_PAUSE):
                part = await anext(parts, None)
        except TimeoutError as error:
            raise _BodyError(408, f"nothing of the body arrived for {_PAUSE:.0f} seconds") from error
        except ClientDisconnect as error:
            raise _BodyError(400, "the body ended too soon") from error
        if part is None:
            return
        size += len(part)
        if size > LARGEST_STREAM:
            raise _BodyError(413, f"the body is larger than {LARGEST_STREAM:,} bytes")
        yield part


async def _lines(parts: AsyncIterator[bytes]) -> AsyncIterator[Line]:
    """Yield each line that is not blank; of one that is too long nothing is kept."""
    rest, number, dropped = b"", 0, False
    async for part in parts:
        if not number and not dropped:
            _check_start(rest + part)
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            number += 1
            if dropped or len(line) > LARGEST_BODY:
                yield number, None
            elif line.strip():
                yield number, line
            dropped = False
        if len(rest) > LARGEST_BODY:
            rest, dropped = b"", True
    if dropped:
        yield number + 1, None
    elif rest.strip():
        yield number + 1, rest


def _check_start(body: bytes) -> None:
    for start, kind in _NO_LINES.items():
        if body.startswith(start):
            raise _BodyError(415, f"the body is {kind}")


async def _batches(lines: AsyncIterator[Line]) -> AsyncIterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    async for number, line in lines:
        batch.append((number, line))
        size += len(line or b"")
        if len(batch) == _LINES or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _storing(engine: Engine, batch: Sequence[Line], report: Report) -> Callable[[], None]:
    """Return the work of a batch: parse, encode, store, and add to the report."""

    def work() -> None:
        numbers: list[int] = []
        items: list[tuple[str, dict[str, Json]]] = []
        rejected: list[tuple[int, str]] = []
        for number, line in batch:
            try:
                items.append(_item(line))
                numbers.append(number)
            except DataError as error:
                rejected.append((number, str(error)))
        result = engine.put_items(items)
        rejected += [(numbers[at], reason) for at, reason in result.rejected]
        report.add(result.accepted, sorted(rejected), [(numbers[at], text) for at, text in result.warnings])

    return work


def _item(line: bytes | None) -> tuple[str, dict[str, Json]]:
    if line is None:
        raise DataError(f"the line is longer than {LARGEST_BODY:,} bytes")
    try:
        attributes: Any = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise DataError(f"the line is not valid JSON: {error}") from error
    if not isinstance(attributes, dict):
        raise DataError('the line is no JSON object; write {"item_id": ..., "title": ...} on each line')
    if "item_id" not in attributes:
        raise DataError("the item_id is missing")
    try:
        check_keys(line, attributes)
    except HTTPException as error:
        raise DataError(error.detail) from error
    return attributes.pop("item_id"), attributes
