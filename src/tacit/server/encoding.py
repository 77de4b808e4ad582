"""The process of a service that encodes new texts; run by `tacit.server.supervisor`.

It alone holds a language model. It begins to accept requests when the model is loaded; until then they wait
in the queue of the socket, which the parent made and keeps. The vectors of the last texts are kept, so an
item that every worker has to encode is encoded once.
"""

import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tacit.core.errors import TacitError
from tacit.core.manifest import SnapshotFiles
from tacit.core.types import Float32
from tacit.encoders.encoder import TextEncoder, warm
from tacit.engine.remote_encoder import receive_frame, send_frame
from tacit.engine.small_first import SmallFirst
from tacit.server.lifeline import beat_while, receive_settings, report

_KEPT = 8_192
"""So many vectors of texts are kept."""
_LONGEST = 240.0
"""Seconds that the texts of one request may take; callers wait for 300. After more the process hangs."""
_NICENESS = 5
"""Lists come first: they wait for nobody, and whoever puts an item can wait."""
_log = logging.getLogger(__name__)


class Encoding:
    """An encoder for many connections, one text once; ``problem`` in place of one that cannot be loaded.

    A single item goes before the next texts of a bulk.

    Parameters
    ----------
    encoder : TextEncoder or None
    problem : str
    """

    def __init__(self, encoder: TextEncoder | None, problem: str = "") -> None:
        self._encoder = encoder
        self._problem = problem
        self._turns = SmallFirst()
        self._kept: dict[str, Float32] = {}
        self._began: float | None = None

    def works(self) -> bool:
        """Return whether texts are encoded in a time that they can take, or none are to be."""
        began = self._began
        return began is None or time.monotonic() - began < _LONGEST

    def serve(self, listener: socket.socket) -> None:
        """Answer whoever connects; never returns."""
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def answer(self, texts: Sequence[str]) -> tuple[dict[str, Any], bytes]:
        """Return the document of an answer, and the numbers behind it."""
        if self._encoder is None:
            return {"error": self._problem}, b""
        try:
            with self._turns.hold(len(texts)):
                vectors = self._vectors(self._encoder, texts)
                name = self._encoder.name
        except Exception as error:
            _log.warning("texts could not be encoded: %s", error)
            shown = str(error) if isinstance(error, TacitError) else f"{type(error).__name__}: {error}"
            return {"error": shown}, b""
        return {"name": name, "shape": vectors.shape}, vectors.astype("<f4").tobytes()

    def _vectors(self, encoder: TextEncoder, texts: Sequence[str]) -> Float32:
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        if new:
            self._began = time.monotonic()
            try:
                self._kept |= dict(zip(new, encoder.encode(new), strict=True))
            finally:
                self._began = None
        vectors = np.array([self._kept[text] for text in texts], dtype=np.float32)
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]  # the one that came first
        return vectors.reshape(len(texts), encoder.dimension)

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                texts = receive_frame(connection)["texts"]
                send_frame(connection, {"accepted": True})
                document, values = self.answer(texts)
                send_frame(connection, document, values)
            except (OSError, KeyError):  # the worker is gone, or it is none
                return


def main() -> None:
    """Load the encoder of a snapshot, then encode until the parent says stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent says when to stop
    settings = receive_settings(_remove_directory)
    os.nice(_NICENESS)
    encoding = _loaded(settings)
    report(settings["status"], {"ready": {}})
    beat_while(settings["status"], encoding.works)
    with socket.socket(fileno=settings["listener"]) as listener:
        listener.setblocking(True)
        encoding.serve(listener)


def _remove_directory(settings: Mapping[str, Any]) -> None:
    """Remove the directory of the socket, as the parent would have."""
    shutil.rmtree(Path(settings["encoder"]).parent, ignore_errors=True)


def _loaded(settings: Mapping[str, Any]) -> Encoding:
    from tacit.engine.snapshot import read_encoder

    try:
        files = SnapshotFiles.inherited(
            Path(settings["directory"]), settings["manifest"], settings["descriptors"]
        )
        encoder = read_encoder(files)
        if encoder is not None:
            warm(encoder)
        return Encoding(encoder, "the catalogue of the model has no vectors")
    except Exception as error:
        _log.warning("new items cannot be added until this is fixed: %s", error)
        return Encoding(None, str(error))


if __name__ == "__main__":
    main()
