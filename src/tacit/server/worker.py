"""A process of a service that answers requests; run by `tacit.server.supervisor`.

It is a fresh interpreter: a fork of a process whose BLAS has threads would have their locks and not the
threads. It checks no checksum and holds no lock of the store, for the parent did and does. Arrays of the
snapshot are mapped, so workers share them.
"""

import atexit
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tacit.core.errors import TacitError
from tacit.server.accepting import Board
from tacit.server.access_log import AccessLog
from tacit.server.app import create_app
from tacit.server.keyring import Keyring
from tacit.server.keys import key_of
from tacit.server.lifeline import Message, beat, receive_settings, report
from tacit.server.loading import Loader
from tacit.server.rates import Rates
from tacit.server.run import run
from tacit.server.service_metrics import Metrics
from tacit.server.shared_page import Page
from tacit.server.tracing import traces_of
from tacit.server.watch import Watchers
from tacit.store.retention import Ages


def main() -> None:
    """Serve until the parent says stop; a failure to start is reported to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent says when to stop
    inbox: SimpleQueue[Message] = SimpleQueue()
    settings = receive_settings(on_message=inbox.put)
    status: int = settings["status"]
    loader = Loader(inbox, Path(settings["encoder"]), status)
    try:
        keys = _keyring(settings)
        engine = loader.start(settings["store"], Ages(*settings["keep"]), settings["store_wait"])
        watchers = _watchers(settings)
    except TacitError as error:
        report(status, {"error": str(error), "code": error.exit_code})
        raise SystemExit(error.exit_code) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        report(status, {"error": f"{where}{error.strerror or error}", "code": 2})
        raise SystemExit(2) from error
    rates = Rates(settings["rates"], settings["rate"])
    board = Board(settings["board"], settings["place"])
    app = create_app(
        engine,
        keys=keys,
        rates=rates,
        allowed_hosts=settings["allowed_hosts"],
        served=loader,
        directory=Path(settings["directory"]),
        board=board,
        watchers=watchers,
    )
    engine.measure_by(watchers.metrics)
    ready = {"ready": {"items": engine.health()["items"], "texts": loader.has_texts}}
    loader.follow()
    directory = str(Path(settings["directory"]).resolve())
    engine.users.on_unwritten(directory, lambda: report(status, {"forgotten": True}))

    def on_beat() -> None:
        app.state.health.note()
        beat(status)
        watchers.metrics.note(engine.figures())
        if keys is not None:
            keys.refresh()

    with socket.socket(fileno=settings["listener"]) as listener:
        run(app, listener, board, on_ready=lambda: report(status, ready), on_beat=on_beat)
    _end()


def _end() -> None:
    """End now: everything is closed, and the interpreter would free millions of objects one by one."""
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(0)


def _keyring(settings: Mapping[str, Any]) -> Keyring | None:
    """Return the keys of the service; None where it needs none."""
    fixed, file = [key_of(one) for one in settings["keys"]], settings["keys_file"]
    return Keyring(fixed, Path(file) if file else None) if fixed or file else None


def _watchers(settings: Mapping[str, Any]) -> Watchers:
    place, target = settings["place"], settings["access_log"]
    log = None
    if target is not None:
        log = AccessLog(target if isinstance(target, int) else Path(target), place + 1)
    return Watchers(Metrics(Page(settings["metrics"], place)), log, traces_of(os.environ))


if __name__ == "__main__":
    main()
