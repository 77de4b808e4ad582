"""Cache of vectors by model and text, so that a second fit encodes only what changed.

One SQLite file in WAL mode: several processes may share it, and vectors from before an interruption are kept.
A damaged file is renamed and replaced by a new one: it only holds what can be computed again.
"""

import hashlib
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np

from tacit.core.errors import ConfigError, TacitError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32
from tacit.encoders.encoder import TextEncoder, warm

CHUNK = 2_048
"""Texts that are encoded together."""
_SCHEMA = """CREATE TABLE IF NOT EXISTS vector
(model TEXT, text BLOB, value BLOB, PRIMARY KEY (model, text)) WITHOUT ROWID"""
_log = logging.getLogger(__name__)

T = TypeVar("T")


def default_file() -> Path:
    """Return where vectors are kept: ``$TACIT_CACHE``, or the user's cache directory."""
    base = os.environ.get("TACIT_CACHE")
    if base:
        return Path(base) / "vectors.sqlite3"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tacit" / "vectors.sqlite3"


class CachedEncoder:
    """An encoder that looks in its cache first.

    Parameters
    ----------
    encoder : TextEncoder
    file : Path
        SQLite file; created if it is missing.
    doing : str
        What is done with texts that are not in the cache, for the progress.
    """

    def __init__(self, encoder: TextEncoder, file: Path, *, doing: str = "encoding new texts") -> None:
        self._encoder = encoder
        self._file = file
        self._doing = doing
        self.name = encoder.name
        self.dimension = encoder.dimension

    def warm(self) -> None:
        """Load the encoder now, whatever is cached."""
        warm(self._encoder)

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text; equal texts are encoded once, known ones not at all."""
        keys = [_key(text) for text in texts]
        distinct = dict(zip(keys, texts, strict=True))
        known = self._read(list(distinct))
        missing = [key for key in distinct if key not in known]
        if not missing:
            progress = SILENT  # no empty bar
        with progress.task(self._doing, total=len(missing)) as task:
            for start in range(0, len(missing), CHUNK):
                chunk = missing[start : start + CHUNK]
                vectors = self._encoded([distinct[key] for key in chunk])
                self._write(chunk, vectors)
                known.update(zip(chunk, vectors, strict=True))
                task.advance(len(chunk))
        return np.stack([known[key] for key in keys]) if keys else np.empty((0, self.dimension), np.float32)

    def absent(self, texts: Sequence[str]) -> list[str]:
        """Return the texts that are not in the cache, each once, in the order in which they are encoded."""
        distinct = {_key(text): text for text in texts}
        known = self._read(list(distinct))
        return [text for key, text in distinct.items() if key not in known]

    def keep(self, texts: Sequence[str], vectors: Float32) -> None:
        """Put the vectors of texts, which the same encoder gave elsewhere, into the cache."""
        self._write([_key(text) for text in texts], vectors)

    def _encoded(self, texts: list[str]) -> Float32:
        """Return the vectors of the encoder, once they are known to be vectors."""
        own = type(self._encoder)
        who = f"the encoder {self.name!r} ({own.__module__}.{own.__qualname__})"
        try:
            found = self._encoder.encode(texts)
        except TacitError:
            raise
        except Exception as error:
            raise ConfigError(
                f"{who} failed ({type(error).__name__}: {error}); mend it, or name another encoder"
            ) from error
        wanted = (len(texts), self.dimension)
        if not isinstance(found, np.ndarray) or found.shape != wanted or found.dtype.kind != "f":
            what = (
                f"{found.dtype}{list(found.shape)}" if isinstance(found, np.ndarray) else type(found).__name__
            )
            raise ConfigError(
                f"{who} returned {what} for {len(texts)} texts; it must be float32{list(wanted)}"
            )
        vectors = np.asarray(found, dtype=np.float32)
        if not np.isfinite(vectors).all():
            raise ConfigError(f"{who} returned vectors with NaN or infinity; give finite numbers")
        return vectors

    def _read(self, keys: list[bytes]) -> dict[bytes, Float32]:
        def read(connection: sqlite3.Connection) -> dict[bytes, bytes]:
            found: dict[bytes, bytes] = {}
            for start in range(0, len(keys), 500):
                chunk = keys[start : start + 500]
                marks = ",".join("?" * len(chunk))
                found.update(
                    connection.execute(
                        f"SELECT text, value FROM vector WHERE model = ? AND text IN ({marks})",  # noqa: S608
                        [self.name, *chunk],
                    )
                )
            return found

        size = self.dimension * np.dtype(np.float32).itemsize
        found = self._on_file(read) or {}
        return {key: np.frombuffer(value, np.float32) for key, value in found.items() if len(value) == size}

    def _write(self, keys: list[bytes], vectors: Float32) -> None:
        rows = [(self.name, key, vector.tobytes()) for key, vector in zip(keys, vectors, strict=True)]
        self._on_file(
            lambda connection: connection.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?, ?)", rows)
        )

    def _on_file(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return the result of the work on the open file; None if the file cannot be used.

        A damaged file is renamed and the work done on a new one. If it is locked, full or not writable, its
        vectors are computed again.
        """
        try:
            try:
                return _done(self._file, work)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                _replace_damaged(self._file)
                return _done(self._file, work)
        except (sqlite3.Error, OSError) as error:
            _log.warning("the vector cache %s cannot be used (%s); encoding without it", self._file, error)
            return None


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _done(file: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Return the result of the work, committed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=60)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_SCHEMA)
        return work(connection)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _replace_damaged(file: Path) -> None:
    aside = file.with_suffix(".damaged")
    _log.warning("the vector cache %s is damaged; renamed to %s and created anew", file, aside.name)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    file.replace(aside)
