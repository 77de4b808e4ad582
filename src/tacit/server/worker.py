"""A process of a service that answers requests; run by `tacit.server.supervisor`.

It is a fresh interpreter: a fork of a process whose BLAS has threads would have their locks and not the
threads. It checks no checksum and holds no lock of the store, for the parent did and does. Arrays of the
snapshot are mapped, so workers share them.
"""

import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tacit.core.errors import TacitError
from tacit.server.accepting import Board
from tacit.server.app import create_app
from tacit.server.keyring import Keyring
from tacit.server.keys import key_of
from tacit.server.lifeline import Message, beat, receive_settings, report
from tacit.server.loading import Loader
from tacit.server.rates import Rates
from tacit.server.run import run


def main() -> None:
    """Serve until the parent says stop; a failure to start is reported to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent says when to stop
    inbox: SimpleQueue[Message] = SimpleQueue()
    settings = receive_settings(on_message=inbox.put)
    status: int = settings["status"]
    loader = Loader(inbox, Path(settings["encoder"]), status)
    try:
        keys = _keyring(settings)
        engine = loader.start(settings["store"])
    except TacitError as error:
        report(status, {"error": str(error), "code": error.exit_code})
        raise SystemExit(error.exit_code) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        report(status, {"error": f"{where}{error.strerror or error}", "code": 2})
        raise SystemExit(2) from error
    rates = Rates(settings["rates"], settings["rate"])
    app = create_app(engine, keys=keys, rates=rates, allowed_hosts=settings["allowed_hosts"])
    ready = {"ready": {"items": engine.health()["items"], "texts": loader.has_texts}}
    board = Board(settings["board"], settings["place"])
    loader.follow()
    directory = str(Path(settings["directory"]).resolve())
    engine.users.on_unwritten(directory, lambda: report(status, {"forgotten": True}))
    with socket.socket(fileno=settings["listener"]) as listener:

        def on_beat() -> None:
            beat(status)
            if keys is not None:
                keys.refresh()

        run(app, listener, board, on_ready=lambda: report(status, ready), on_beat=on_beat)


def _keyring(settings: Mapping[str, Any]) -> Keyring | None:
    """Return the keys of the service; None where it needs none."""
    fixed, file = [key_of(one) for one in settings["keys"]], settings["keys_file"]
    return Keyring(fixed, Path(file) if file else None) if fixed or file else None


if __name__ == "__main__":
    main()
