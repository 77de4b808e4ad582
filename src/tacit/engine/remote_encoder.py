"""An encoder that runs in another process: its client, and the frames that both sides speak.

A service encodes new texts in one process, so that the processes that answer requests hold no language
model. They speak over a Unix socket: a frame is the length of a JSON document (4 bytes, big-endian) and the
document. A request is ``{"texts": [...], "encoder": key}``. It is answered twice: ``{"accepted": true}`` as
soon as somebody is there to encode, and then ``{"name": ..., "shape": [n, d]}`` with n x d float32 behind it,
or ``{"error": ...}``. So a process that is busy can be told from one that is not there.
"""

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tacit.core.errors import TacitError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32

_LENGTH_BYTES = 4
_LONGEST = 256 * 1024 * 1024
_ENCODING_SECONDS = 300.0
"""Longest time that a process may take that said that it is encoding."""
_PAUSE = 0.05
_REFUSING = 2.0
"""Seconds after a failure in which no further caller waits for the process."""


class EncoderUnavailableError(TacitError):
    """New texts cannot be encoded now; lists are not affected."""


class RemoteEncoder:
    """The text encoder of another process; safe to use from many threads.

    Parameters
    ----------
    address : Path
        Its Unix socket.
    name : str
        Name of the encoder, until the process says its own.
    dimension : int
    patience : float
        Seconds to wait for a process that does not answer: it may be starting.
    key : str
        Which of its encoders is meant (`tacit.engine.snapshot.encoder_key`).
    """

    orders_requests = True
    """The other process decides whose texts come next: nobody need wait here."""

    def __init__(
        self, address: Path, name: str, dimension: int, *, patience: float = 10.0, key: str = ""
    ) -> None:
        self.name = name
        self.dimension = dimension
        self.patience = patience
        self._address = address
        self._key = key
        self._failed_at = -np.inf

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension], as the process gives them.

        Raises
        ------
        EncoderUnavailableError
            If the process does not answer in time, or cannot encode.
        """
        now = time.monotonic()
        # Those that waited for their turn behind a caller who was not answered would wait as long again.
        deadline = now + (self.patience if now - self._failed_at > _REFUSING else 0.0)
        while True:
            try:
                return self._answer(texts, max(deadline - time.monotonic(), _PAUSE))
            except OSError as error:  # not there yet, or it ended meanwhile and is started again
                if time.monotonic() + _PAUSE > deadline:
                    self._failed_at = time.monotonic()
                    raise EncoderUnavailableError("the process that encodes texts does not answer") from error
                time.sleep(_PAUSE)

    def _answer(self, texts: Sequence[str], seconds: float) -> Float32:
        """Return the vectors of texts.

        Raises
        ------
        OSError
            If nobody answers, or no longer.
        EncoderUnavailableError
            If the answer is that they cannot be encoded.
        """
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(str(self._address))
            send_frame(connection, {"texts": list(texts), "encoder": self._key})
            receive_frame(connection)  # accepted
            connection.settimeout(_ENCODING_SECONDS)
            answer = receive_frame(connection)
            if "error" in answer:
                raise EncoderUnavailableError(f"new texts cannot be encoded: {answer['error']}")
            n, d = answer["shape"]
            values = _received(connection, n * d * np.dtype(np.float32).itemsize)
        self.name = answer["name"]
        return np.frombuffer(values, dtype="<f4").reshape(n, d)


def send_frame(connection: socket.socket, document: dict[str, Any], values: bytes = b"") -> None:
    """Send a document, and the numbers that it announces."""
    # Lone surrogates in a text travel as escapes.
    content = json.dumps(document).encode("ascii")
    connection.sendall(len(content).to_bytes(_LENGTH_BYTES, "big") + content + values)


def receive_frame(connection: socket.socket) -> dict[str, Any]:
    """Return the next document.

    Raises
    ------
    OSError
        If the connection ends, or what comes is no document.
    """
    size = int.from_bytes(_received(connection, _LENGTH_BYTES), "big")
    if size > _LONGEST:
        raise ConnectionError(f"a frame of {size:,} bytes is too long")
    try:
        document = json.loads(_received(connection, size))
    except ValueError as error:
        raise ConnectionError("a frame is not JSON") from error
    if not isinstance(document, dict):
        raise ConnectionError("a frame is not a JSON object")
    return document


def _received(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise ConnectionResetError("the connection ended")
        parts += part
    return bytes(parts)
