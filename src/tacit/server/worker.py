"""A process of a service that answers requests; run by `tacit.server.supervisor`.

It is a fresh interpreter: a fork of a process whose BLAS has threads would have their locks and not the
threads. It checks no checksum and holds no lock of the store, for the parent did and does. Arrays of the
snapshot are mapped, so workers share them.
"""

import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tacit.core.errors import TacitError
from tacit.core.manifest import SnapshotFiles
from tacit.engine.engine import Engine
from tacit.engine.remote_encoder import RemoteEncoder
from tacit.engine.snapshot import read
from tacit.server.accepting import Board
from tacit.server.app import create_app
from tacit.server.lifeline import beat, receive_settings, report
from tacit.server.run import run
from tacit.store.events import EventStore

_STARTING_SECONDS, _SERVING_SECONDS = 60.0, 10.0
"""How long to wait for the encoder: items that were put to earlier runs must be there before the first
answer, and a request must not wait long."""


def main() -> None:
    """Serve until the parent says stop; a failure to start is reported to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent says when to stop
    settings = receive_settings()
    status: int = settings["status"]
    try:
        encoder = RemoteEncoder(Path(settings["encoder"]), "", 0, patience=_STARTING_SECONDS)
        engine = _engine(settings, encoder)
    except TacitError as error:
        report(status, {"error": str(error), "code": error.exit_code})
        raise SystemExit(error.exit_code) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        report(status, {"error": f"{where}{error.strerror or error}", "code": 2})
        raise SystemExit(2) from error
    encoder.patience = _SERVING_SECONDS
    app = create_app(
        engine,
        api_key=settings["api_key"],
        admin_key=settings["admin_key"],
        allowed_hosts=settings["allowed_hosts"],
    )
    ready = {"ready": {"items": engine.health()["items"], "texts": encoder.dimension > 0}}
    board = Board(settings["board"], settings["place"])
    with socket.socket(fileno=settings["listener"]) as listener:
        run(app, listener, board, on_ready=lambda: report(status, ready), on_beat=lambda: beat(status))


def _engine(settings: Mapping[str, Any], encoder: RemoteEncoder) -> Engine:
    directory = Path(settings["directory"])
    files = SnapshotFiles.inherited(directory, settings["manifest"], settings["descriptors"])
    snapshot = read(files, remote_encoder=encoder)
    if snapshot.catalogue.vectors is not None:
        encoder.name, encoder.dimension = snapshot.encoder_name, snapshot.catalogue.vectors.shape[1]
    engine = Engine(snapshot, EventStore(settings["store"], lock=False))
    engine.warm()
    engine.start_following()
    return engine


if __name__ == "__main__":
    main()
