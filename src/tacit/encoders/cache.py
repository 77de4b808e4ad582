"""Vectors kept by model and text, so that a second fit encodes only what changed.

One SQLite file in WAL mode: several processes may share it, and what was encoded before an interruption
stays. A file that is damaged is set aside and begun anew: it only holds what can be computed again.
"""

import hashlib
import logging
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32
from tacit.encoders.protocol import TextEncoder

_CHUNK = 2_048
_SCHEMA = """CREATE TABLE IF NOT EXISTS vector
(model TEXT, text BLOB, value BLOB, PRIMARY KEY (model, text)) WITHOUT ROWID"""
_log = logging.getLogger(__name__)


def default_file() -> Path:
    """Return where vectors are kept: ``$TACIT_CACHE``, or the user's cache directory."""
    base = os.environ.get("TACIT_CACHE")
    if base:
        return Path(base) / "vectors.sqlite3"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tacit" / "vectors.sqlite3"


class CachedEncoder:
    """An encoder that asks its cache first.

    Parameters
    ----------
    encoder : TextEncoder
    file : Path
        SQLite file; made where it is missing.
    """

    def __init__(self, encoder: TextEncoder, file: Path) -> None:
        self._encoder = encoder
        self._file = file
        self.name = encoder.name
        self.dimension = encoder.dimension

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text; equal texts are encoded once, known ones not at all."""
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        distinct = dict(zip(keys, texts, strict=True))
        known = self._read(list(distinct))
        missing = [key for key in distinct if key not in known]
        with progress.task("encoding new texts", total=len(missing)) as task:
            for start in range(0, len(missing), _CHUNK):
                chunk = missing[start : start + _CHUNK]
                vectors = self._encoder.encode([distinct[key] for key in chunk])
                self._write(chunk, vectors)
                known.update(zip(chunk, vectors, strict=True))
                task.advance(len(chunk))
        return np.stack([known[key] for key in keys]) if keys else np.empty((0, self.dimension), np.float32)

    def _read(self, keys: list[bytes]) -> dict[bytes, Float32]:
        known = {}
        with self._connected() as connection:
            for start in range(0, len(keys), 500):
                chunk = keys[start : start + 500]
                marks = ",".join("?" * len(chunk))
                rows = connection.execute(
                    f"SELECT text, value FROM vector WHERE model = ? AND text IN ({marks})",  # noqa: S608
                    [self.name, *chunk],
                )
                known.update({key: np.frombuffer(value, dtype=np.float32) for key, value in rows})
        return {key: vector for key, vector in known.items() if len(vector) == self.dimension}

    def _write(self, keys: list[bytes], vectors: Float32) -> None:
        rows = [(self.name, key, vector.tobytes()) for key, vector in zip(keys, vectors, strict=True)]
        with self._connected() as connection:
            connection.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?, ?)", rows)

    def _connected(self) -> "_Connection":
        return _Connection(self._file)


class _Connection:
    """A connection that commits and closes at the end of a block, on a file that is whole."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = _open(file)
        except sqlite3.DatabaseError:
            aside = file.with_suffix(".damaged")
            _log.warning("the vector cache %s is damaged; set aside as %s and begun anew", file, aside.name)
            for suffix in ("-wal", "-shm"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
            file.replace(aside)
            self._connection = _open(file)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.commit()
        finally:
            self._connection.close()


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=60)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_SCHEMA)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
