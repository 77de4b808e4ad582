"""A process of a service that answers requests; run by `tacit.server.supervisor`.

It is a fresh interpreter: a fork of a process whose BLAS has threads would have their locks and not the
threads. It checks no checksum and holds no lock of the store, for the parent did and does. Arrays of the
snapshot are mapped, so workers share them.
"""

import signal
import socket
from pathlib import Path
from queue import SimpleQueue

from tacit.core.errors import TacitError
from tacit.server.accepting import Board
from tacit.server.app import create_app
from tacit.server.lifeline import Message, beat, receive_settings, report
from tacit.server.loading import Loader
from tacit.server.run import run


def main() -> None:
    """Serve until the parent says stop; a failure to start is reported to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent says when to stop
    inbox: SimpleQueue[Message] = SimpleQueue()
    settings = receive_settings(on_message=inbox.put)
    status: int = settings["status"]
    loader = Loader(inbox, Path(settings["encoder"]), status)
    try:
        engine = loader.start(settings["store"])
    except TacitError as error:
        report(status, {"error": str(error), "code": error.exit_code})
        raise SystemExit(error.exit_code) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        report(status, {"error": f"{where}{error.strerror or error}", "code": 2})
        raise SystemExit(2) from error
    app = create_app(
        engine,
        api_key=settings["api_key"],
        admin_key=settings["admin_key"],
        allowed_hosts=settings["allowed_hosts"],
    )
    ready = {"ready": {"items": engine.health()["items"], "texts": loader.has_texts}}
    board = Board(settings["board"], settings["place"])
    loader.follow()
    directory = str(Path(settings["directory"]).resolve())
    engine.users.on_unwritten(directory, lambda: report(status, {"forgotten": True}))
    with socket.socket(fileno=settings["listener"]) as listener:
        run(app, listener, board, on_ready=lambda: report(status, ready), on_beat=lambda: beat(status))


if __name__ == "__main__":
    main()
