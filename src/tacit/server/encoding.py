"""The process of a service that encodes new texts; run by `tacit.server.supervisor`.

It alone holds a language model. It begins to accept requests when the model is loaded; until then they wait
in the queue of the socket, which the parent made and keeps. The vectors of the last texts are kept, so an
item that every worker has to encode is encoded once.

Another version of the recommender may have another encoder. It is loaded beside the one before, which stays
until nobody can want its vectors any more.
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
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any

import numpy as np

from tacit.core.errors import TacitError
from tacit.core.manifest import SnapshotFiles
from tacit.core.types import Float32
from tacit.encoders.encoder import TextEncoder, warm
from tacit.engine.remote_encoder import receive_frame, send_frame
from tacit.engine.small_first import SmallFirst
from tacit.engine.snapshot import encoder_key, read_encoder
from tacit.server.lifeline import Message, beat_while, receive_settings, report
from tacit.server.received import Received, received_of

_KEPT = 8_192
"""So many vectors of texts are kept."""
_LONGEST = 240.0
"""Seconds that the texts of one request may take; callers wait for 300. After more the process hangs."""
_STAYS, _LOADING = 30.0, 120.0
"""Seconds that the encoder of the version before stays, and that a request waits for one that is loading."""
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


class Encoders:
    """The encoders of the version that is served and of the next one, by their keys.

    Parameters
    ----------
    by_key : mapping, optional
        Those that are loaded already.
    """

    def __init__(self, by_key: Mapping[str, Encoding] = MappingProxyType({})) -> None:
        self._by_key = dict(by_key)
        self._keys: dict[int, str] = {}
        """Of the versions that were loaded, by number."""
        self._changed = threading.Condition()

    def works(self) -> bool:
        """Return whether texts are encoded in a time that they can take, or none are to be."""
        return all(one.works() for one in [*self._by_key.values()])

    def handle(self, message: Message) -> None:
        """Load the encoder of a version, or note which version is served now."""
        if "load" in message.document:
            with received_of(message) as received:
                self._load(received)
        elif "serve" in message.document:
            # What began with the version before may still want its encoder.
            later = threading.Timer(_STAYS, self._drop_others, (message.document["serve"],))
            later.daemon = True
            later.start()

    def serve(self, listener: socket.socket) -> None:
        """Answer whoever connects; never returns."""
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _load(self, received: Received) -> None:
        key, problem = "", ""
        try:
            key = encoder_key(received.files)
        except TacitError as error:
            problem = str(error)
        if key not in self._by_key or problem:
            encoding = Encoding(None, problem) if problem else _loaded(received.files)
            with self._changed:
                self._by_key[key] = encoding
                self._changed.notify_all()
        self._keys[received.number] = key

    def _drop_others(self, number: int) -> None:
        served = max((one for one in self._keys if one <= number), default=number)
        with self._changed:
            for old in [one for one in self._keys if one < served]:
                key = self._keys.pop(old)
                if key not in self._keys.values():
                    del self._by_key[key]

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                request = receive_frame(connection)
                texts, key = request["texts"], request["encoder"]
                send_frame(connection, {"accepted": True})
                document, values = self._of(key).answer(texts)
                send_frame(connection, document, values)
            except (OSError, KeyError):  # the worker is gone, or it is none
                return

    def _of(self, key: str) -> Encoding:
        """Return an encoder, which may be loading."""
        with self._changed:
            self._changed.wait_for(lambda: key in self._by_key, _LOADING)
            return self._by_key.get(key) or Encoding(None, "their model is not loaded")


def main() -> None:
    """Load the encoder of a snapshot, then encode until the parent says stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent says when to stop
    inbox: SimpleQueue[Message] = SimpleQueue()
    settings = receive_settings(_remove_directory, inbox.put)
    os.nice(_NICENESS)
    encoders = Encoders()
    while "load" not in (message := inbox.get()).document:
        encoders.handle(message)
    encoders.handle(message)
    report(settings["status"], {"ready": {}})
    beat_while(settings["status"], encoders.works)
    threading.Thread(target=_follow, args=(encoders, inbox), name="tacit-loader", daemon=True).start()
    with socket.socket(fileno=settings["listener"]) as listener:
        listener.setblocking(True)
        encoders.serve(listener)


def _follow(encoders: Encoders, inbox: "SimpleQueue[Message]") -> None:
    while True:
        try:
            encoders.handle(inbox.get())
        except Exception:
            _log.exception("an encoder cannot be loaded")


def _remove_directory(settings: Mapping[str, Any]) -> None:
    """Remove the directory of the socket, as the parent would have."""
    shutil.rmtree(Path(settings["encoder"]).parent, ignore_errors=True)


def _loaded(files: SnapshotFiles) -> Encoding:
    try:
        encoder = read_encoder(files)
        if encoder is not None:
            warm(encoder)
        return Encoding(encoder, "the catalogue of the model has no vectors")
    except Exception as error:
        _log.warning("new items cannot be added until this is fixed: %s", error)
        return Encoding(None, str(error))


if __name__ == "__main__":
    main()
