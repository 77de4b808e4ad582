"""The versions that the parent of a service hands to a worker: loaded in a thread, served when it says so.

A message ``{"load": number}`` brings open files: a document (`tacit.server.watching`), and the files of a
snapshot, which the parent has checked. The worker loads them beside what it serves and reports that it has,
or why it cannot. With ``{"serve": number}`` it changes, in one assignment. ``{"refused": ...}`` says what the
service would not take, ``{"damaged": ...}`` what was found to be damaged otherwise.
"""

import gc
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from tacit.core.clock import SystemClock
from tacit.core.errors import TacitError
from tacit.core.heap import give_back
from tacit.core.types import Json
from tacit.engine.current_state import Prepared
from tacit.engine.engine import Engine
from tacit.engine.remote_encoder import RemoteEncoder
from tacit.engine.snapshot import Snapshot, encoder_key, read
from tacit.server.lifeline import Message, report
from tacit.server.received import Received, received_of
from tacit.store.events import EventStore
from tacit.store.patience import WAIT_SECONDS
from tacit.store.retention import Ages

_STARTING_SECONDS, _SERVING_SECONDS = 60.0, 10.0
"""How long to wait for the encoder: items that were put to earlier runs must be there before the first
answer from a version, and a request must not wait long."""
_SETTLED = 2.0
"""Seconds after a change in which the requests that began before it end."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Loaded:
    """A version that is loaded and not served yet."""

    received: Received
    encoder: RemoteEncoder
    prepared: Prepared


class Loader:
    """Loads what the parent hands over, and changes the engine when it says so.

    Parameters
    ----------
    inbox : SimpleQueue of Message
        What the parent sends.
    encoder : Path
        Socket of the process that encodes texts.
    status : int
        Where to report to.

    Attributes
    ----------
    has_texts : bool
        Whether the catalogue has vectors of texts.
    version : str or None
        Name of the version that is served; None for a snapshot alone.
    refused : mapping or None
        Version and reason of what the service refused last, until it changes to another.
    problems : dict of str to str
        What is wrong with versions that were refused, by name.
    """

    def __init__(self, inbox: "SimpleQueue[Message]", encoder: Path, status: int) -> None:
        self._inbox = inbox
        self._address = encoder
        self._status = status
        self._loaded: _Loaded | None = None
        self._engine: Engine | None = None
        self.has_texts = False
        self.version: str | None = None
        self.refused: Mapping[str, Json] | None = None
        self.problems: dict[str, str] = {}

    def start(self, store: str, ages: Ages, store_wait: float) -> Engine:
        """Return an engine of the first version, and with what came since.

        Parameters
        ----------
        store : str
        ages : Ages
            How long events and lists are kept.
        store_wait : float
            Seconds that a list waits for the store.

        Raises
        ------
        TacitError
            If it cannot be read, or the store not be opened.
        """
        while "load" not in (message := self._inbox.get()).document:
            self._handle(message)
        with received_of(message) as received:
            snapshot, encoder = self._read(received)
        opened = EventStore(store, lock=False, patience=WAIT_SECONDS)
        opened.keep(ages, SystemClock().now)
        engine = Engine(snapshot, opened, store_wait=store_wait)
        engine.warm()
        engine.start_following()
        self._engine = engine
        self._note(received, encoder)
        with suppress(Empty):
            while True:
                self._handle(self._inbox.get_nowait())
        return engine

    @property
    def engine(self) -> Engine:
        """The engine, once `start` has returned it."""
        if self._engine is None:
            raise RuntimeError("the first version is not loaded")
        return self._engine

    def follow(self) -> None:
        """Load and change from now on, in a thread."""
        threading.Thread(target=self._run, name="tacit-loader", daemon=True).start()

    def _run(self) -> None:
        changed = False
        while True:
            try:
                message = self._inbox.get(timeout=_SETTLED if changed else None)
            except Empty:
                changed = False
                _release_memory()
                continue
            changed = changed or "serve" in message.document
            self._handle(message)
            del message

    def _handle(self, message: Message) -> None:
        document = message.document
        if "load" in document:
            self._load(message)
        elif "serve" in document:
            self._serve(document["serve"])
        elif "refused" in document:
            self.refused = document["refused"]
            self._note_problem(self.refused)
            self._publish()
        elif "damaged" in document:
            self._note_problem(document["damaged"])

    def note_damaged(self, version: str, reason: str) -> None:
        """Note that a version was found to be damaged, in all processes."""
        found: dict[str, Json] = {"version": version, "reason": reason}
        self._note_problem(found)
        report(self._status, {"damaged": found})

    def _note_problem(self, found: Mapping[str, Json] | None) -> None:
        if found is not None and found["version"] is not None:
            self.problems[str(found["version"])] = str(found["reason"])

    def _load(self, message: Message) -> None:
        number = message.document["load"]
        self._loaded = None
        try:
            with received_of(message) as received:
                snapshot, encoder = self._read(received)
            self._loaded = _Loaded(received, encoder, self.engine.prepared(snapshot))
        except Exception as error:  # whatever it is, what is served goes on
            if not isinstance(error, TacitError | OSError):
                _log.exception("a version cannot be loaded")
            reason = str(error) if isinstance(error, TacitError) else f"{type(error).__name__}: {error}"
            report(self._status, {"refused": number, "error": reason})
        else:
            report(self._status, {"loaded": number})

    def _serve(self, number: int) -> None:
        loaded = self._loaded
        if loaded is None or loaded.received.number != number:
            return  # it is served already, or its refusal was reported
        self._loaded = None
        self.engine.adopt(loaded.prepared)
        self._note(loaded.received, loaded.encoder)
        del loaded
        _release_memory()

    def _read(self, received: Received) -> tuple[Snapshot, RemoteEncoder]:
        key = encoder_key(received.files)
        encoder = RemoteEncoder(self._address, "", 0, patience=_STARTING_SECONDS, key=key)
        snapshot = read(received.files, remote_encoder=encoder)
        if snapshot.catalogue.vectors is not None:
            encoder.name, encoder.dimension = snapshot.encoder_name, snapshot.catalogue.vectors.shape[1]
        return snapshot, encoder

    def _note(self, received: Received, encoder: RemoteEncoder) -> None:
        encoder.patience = _SERVING_SECONDS
        self.version = received.version
        self.problems.pop(str(self.version), None)  # it is whole again
        self.has_texts = encoder.dimension > 0
        self._publish()

    def _publish(self) -> None:
        about: dict[str, Json] = {} if self.version is None else {"version": self.version}
        if self.refused is not None:
            about["refused"] = dict(self.refused)
        if self._engine is not None:
            self._engine.published = about


def _release_memory() -> None:
    """Give back what the version before held.

    Its arrays are mapped, and gone with the last request that used them, unless it left a cycle of objects.
    Objects are not frozen here, as they are before the first request: those of requests would stay for ever.
    """
    gc.collect()
    give_back()
