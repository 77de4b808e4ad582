"""Text files as numbered lines: compressed or not, in many encodings, in blocks of bounded size.

The encoding is the chosen one, else that of the byte order mark, else UTF-8 if it fits, else a guess of
`tacit.reading.encodings`. A line that does not fit comes with U+FFFD in it and is listed in `Block.damaged`.
"""

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import polars as pl
import zstandard

from tacit.core.errors import DataError
from tacit.reading import encodings

_BLOCK = 16 * 2**20
_SPAN_BLOCKS = 4
"""Blocks of a span: so much of a file is one part for an executor."""
_SAMPLE = 2**20
_ENOUGH = 2**13
_PACKED_CHUNK = 2**14
_DAMAGE = "\udcff"  # no encoding decodes to a lone surrogate, so it marks bad bytes only
_DAMAGE_IN_UTF8 = _DAMAGE.encode("utf-8", "surrogatepass")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

UNPACKING = (OSError, EOFError, zlib.error, zstandard.ZstdError)
"""Errors of unpacking a damaged file."""


@dataclass(frozen=True)
class Span:
    """Whole lines of a file, to be read without the others.

    Attributes
    ----------
    start, end : int
        The bytes.
    first : int
        Number of the first line, from 1.
    """

    start: int
    end: int
    first: int = 1


@dataclass(frozen=True)
class Block:
    """Consecutive lines.

    Attributes
    ----------
    first : int
        Number of the first line, from 1.
    lines : polars.Series of str
        Without their ends.
    damaged : frozenset of int
        Numbers of the lines with bytes that did not fit the encoding (they read U+FFFD).
    size : int
        Bytes on the way in, unpacked.
    """

    first: int
    lines: pl.Series
    damaged: frozenset[int]
    size: int


class _ZstdReader(io.RawIOBase):
    """Unpacks zstd, frame by frame, and raises if the data end inside one."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            if self._frame.eof and self._frame.unused_data:
                packed = self._frame.unused_data
            else:
                packed = self._file.read(_PACKED_CHUNK)
            if not packed and not self._frame.eof:
                raise EOFError("it ends in the middle of a frame")
            if not packed:
                return 0
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._ready = memoryview(self._frame.decompress(packed))
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def open_unpacked(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacking gzip and zstd by their first bytes.

    Raises
    ------
    DataError
        If the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
        if start.startswith(_GZIP):
            return cast(IO[bytes], gzip.open(path))
        if start.startswith(_ZSTD):
            return io.BufferedReader(_ZstdReader(path), 2**20)
        return path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


class _SpanReader(io.RawIOBase):
    """Reads some bytes of a file that is not packed."""

    def __init__(self, path: Path, span: Span) -> None:
        self._file = path.open("rb")
        self._file.seek(span.start)
        self._left = span.end - span.start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        size = self._file.readinto(view[: min(len(view), self._left)])
        self._left -= size
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def _open(path: Path, span: Span | None) -> IO[bytes]:
    return open_unpacked(path) if span is None else _open_span(path, span)


def _open_span(path: Path, span: Span) -> IO[bytes]:
    try:
        return io.BufferedReader(_SpanReader(path, span), 2**20)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def head(path: Path, size: int = _SAMPLE) -> bytes:
    """Return the first bytes of a file, unpacked."""
    with open_unpacked(path) as stream:
        try:
            return stream.read(size)
        except UNPACKING as error:
            raise DataError(f"{path} cannot be unpacked: {error}") from error


def encoding_of(sample: bytes) -> str:
    """Return the encoding of a text file from its first bytes."""
    return _certain_encoding(sample) or encodings.guess(encodings.foreign_lines(sample))


def encoding_of_file(path: Path, chosen: str | None = None) -> tuple[str, tuple[str, ...]]:
    """Return the encoding of a text file, and a note if it was guessed.

    Parameters
    ----------
    path : Path
    chosen : str, optional
        An encoding that takes the place of what would be found.
    """
    sample = head(path)
    if chosen is not None:
        marked = sample.startswith(codecs.BOM_UTF8) and codecs.lookup(chosen).name == "utf-8"
        return "utf-8-sig" if marked else _with_order(chosen, sample), ()
    encoding = _certain_encoding(sample)
    if encoding is not None and not sample.isascii():
        return encoding, ()
    lines = _foreign_lines(path)
    encoding = _unmarked_encoding(lines)
    if encoding is not None:
        return encoding, ()
    guessed = _with_order(encodings.guess(lines), sample)
    return guessed, (encodings.note(guessed),)


def _with_order(encoding: str, sample: bytes) -> str:
    """Return UTF-16 with the order of its bytes where a file does not begin with a mark that says it."""
    wide = codecs.lookup(encoding).name == "utf-16"
    marked = any(sample.startswith(mark) for mark, name in _MARKS if name == "utf-16")
    return _bare_utf16(sample) or "utf-16-le" if wide and not marked else encoding


def _certain_encoding(sample: bytes) -> str | None:
    """Return the encoding that a sample shows, None where only a guess is left."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    return _unmarked_encoding(sample)


def _unmarked_encoding(sample: bytes) -> str | None:
    """Return the encoding that bytes from anywhere in a file show: a mark counts at its start alone."""
    if (wide := _bare_utf16(sample[:4096])) is not None:
        return wide
    return "utf-8" if _fits(sample, "utf-8") or _mostly_utf8(sample) else None


def _foreign_lines(path: Path) -> bytes:
    """Return lines with bytes outside ASCII, enough for a guess, from wherever they are in a file."""
    found = b""
    with open_unpacked(path) as stream:
        while len(found) < _ENOUGH:
            try:
                part = stream.read(_SAMPLE)
                part += stream.readline(encodings.MOST_BYTES)
            except UNPACKING:  # who reads on will say it
                break
            if not part:
                break
            if not part.isascii():
                found += encodings.foreign_lines(part) + b"\n"
    return found[: encodings.MOST_BYTES]


_WITH_A_STATE = ("utf-7", "iso2022", "hz")
"""Beginnings of the names of encodings in which a byte depends on those before it."""


def spans(path: Path, encoding: str) -> list[Span]:
    """Return the spans of a file, cut behind line feeds; their ``first`` is 1.

    A packed file, and one in an encoding whose line feed is no single byte, is one span.
    """
    size = path.stat().st_size
    step = _SPAN_BLOCKS * _BLOCK if _may_be_cut(path, encoding) else size
    cuts = [0]
    with path.open("rb") as stream:
        wanted = step
        while wanted < size:
            stream.seek(wanted)
            if (found := _behind_line_feed(stream)) < size:
                cuts.append(found)
            wanted = found + step
    return [Span(start, end) for start, end in zip(cuts, [*cuts[1:], size], strict=True)]


def _may_be_cut(path: Path, encoding: str) -> bool:
    with path.open("rb") as stream:
        if stream.read(4).startswith((_GZIP, _ZSTD)):
            return False
    stateful = codecs.lookup(encoding).name.startswith(_WITH_A_STATE)
    return not stateful and "\r\n\n".encode(encoding).endswith(b"\r\n\n")


def _behind_line_feed(stream: IO[bytes]) -> int:
    """Return the place behind the next line feed, or the end of the file."""
    while data := stream.read(_PACKED_CHUNK):
        if (found := data.find(b"\n")) >= 0:
            return stream.tell() - len(data) + found + 1
    return stream.tell()


def count_lines(path: Path, span: Span) -> tuple[int, bool]:
    """Return how many line ends a span of a file has, and whether there is a quote in it."""
    count, quoted, last = 0, False, b""
    with _open_span(path, span) as stream:
        while data := stream.read(_BLOCK):
            count += data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
            count -= last == b"\r" and data.startswith(b"\n")
            quoted = quoted or b'"' in data
            last = data[-1:]
    return count, quoted


def blocks(path: Path, encoding: str, span: Span | None = None) -> Iterator[Block]:
    """Yield the lines of a file, or of a span of it, in blocks; line ends are LF, CR LF or CR.

    Raises
    ------
    DataError
        If the packing is damaged.
    """
    if span is not None and span.start > 0 and codecs.lookup(encoding).name == "utf-8-sig":
        encoding = "utf-8"  # the mark is at the start of the file
    utf8 = _to_utf8(encoding)
    first, size, half_an_end = 1 if span is None else span.first, 0, b""
    open_line: list[bytes] = []  # joined when its end is found: a line may be as long as the file
    with _open(path, span) as stream:
        while True:
            data = _read(stream, path)
            text, half_an_end = half_an_end + utf8(data), b""
            if data and text.endswith(b"\r"):  # the other half of a line end may follow
                text, half_an_end = text[:-1], b"\r"
            if b"\r" in text:
                text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            end = text.rfind(b"\n") + 1 if data else len(text)
            size += len(data)
            if data and not end:
                open_line.append(text)
                continue
            whole, open_line = b"".join((*open_line, text[:end])), [text[end:]]
            if whole:
                block = _block(first, whole, size)
                yield block
                first, size = first + len(block.lines), 0
            if not data:
                return


def _to_utf8(encoding: str) -> Callable[[bytes], bytes]:
    """Return what brings the bytes of a file to UTF-8, piece by piece; an empty piece is the end.

    UTF-8 stays as it is, damage and all: to decode and encode a large file took longer than to split it.
    """
    if encoding == "utf-8":
        return bytes
    decoder = codecs.getincrementaldecoder(encoding)(_DAMAGED)
    return lambda data: decoder.decode(data, final=not data).encode("utf-8", "surrogatepass")


def _block(first: int, text: bytes, size: int) -> Block:
    damaged: frozenset[int] = frozenset()
    if not _is_utf8(text):
        marked = text.decode("utf-8", _DAMAGED_UTF8)
        numbered = enumerate(marked.split("\n"), first)
        damaged = frozenset(number for number, line in numbered if _DAMAGE in line)
        text = marked.replace(_DAMAGE, "\ufffd").encode()
    # A split in Polars: lines as Python strings took most of the time of reading a file.
    lines = pl.read_lines(text)["line"].alias("raw")
    return Block(first, lines, damaged, size)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mark(error: UnicodeError) -> tuple[str, int]:
    return _DAMAGE, cast(UnicodeDecodeError, error).end


def _mark_in_utf8(error: UnicodeError) -> tuple[str, int]:
    """Replace bad bytes by a mark, and those of a mark that another encoding left (`_to_utf8`) by one."""
    bad = cast(UnicodeDecodeError, error)
    marked = bad.object.startswith(_DAMAGE_IN_UTF8, bad.start)
    return _DAMAGE, bad.start + len(_DAMAGE_IN_UTF8) if marked else bad.end


_DAMAGED, _DAMAGED_UTF8 = "tacit.damaged", "tacit.damaged-utf-8"
codecs.register_error(_DAMAGED, _mark)
codecs.register_error(_DAMAGED_UTF8, _mark_in_utf8)


def _read(stream: IO[bytes], path: Path) -> bytes:
    try:
        return stream.read(_BLOCK)
    except UNPACKING as error:
        raise DataError(f"{path} is damaged: it cannot be unpacked to its end ({error})") from error


def _bare_utf16(sample: bytes) -> str | None:
    """Return which UTF-16 a text without a byte order mark is in: its signs and digits have a zero half."""
    half = len(sample) // 2
    even, odd = sample[0 : 2 * half : 2].count(0), sample[1 : 2 * half : 2].count(0)
    if max(even, odd) < max(0.2 * half, 1) or min(even, odd) > 0.1 * max(even, odd):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _fits(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(sample: bytes) -> bool:
    """Return whether only a few bytes are not UTF-8: damage, not another encoding.

    A word counts once: in another encoding one frequent word may by chance be UTF-8 too.
    """
    words = encodings.foreign_words(sample)
    foreign = sum(map(_is_foreign, words))
    return words.decode("utf-8", "replace").count("\ufffd") * 6 < foreign


def _is_foreign(byte: int) -> bool:
    return byte >= 0x80
