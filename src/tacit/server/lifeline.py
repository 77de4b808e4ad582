"""What ties the processes of a service to their parent.

A child reads its settings, one line of JSON, from its standard input, which stays open as long as the parent
lives: its end is the end of the parent, however that came. Settings hold keys, which must not stand in a
command line. To the parent a child writes lines of JSON to a pipe of its own; the end of that pipe is the end
of the child. Signs of life are such lines: a child that stops to send them hangs, and is ended and replaced.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

GRACE = 20
"""Seconds that requests in flight have to finish after SIGTERM."""
BEAT = 1.0
"""Seconds between two signs of life of a child."""

_STDIN = 0
_PATIENCE = GRACE + 10
"""Seconds after the end of the parent at which a child that still runs ends at once."""


def receive_settings(on_orphaned: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Return the settings from the parent, and from then on end with it.

    Parameters
    ----------
    on_orphaned : callable, optional
        Called first, with the settings, when the parent ended without a word.
    """
    line = bytearray()
    while not line.endswith(b"\n"):
        part = os.read(_STDIN, 65_536)
        if not part:
            raise SystemExit(1)  # the parent ended before it said what to do
        line += part
    settings: dict[str, Any] = json.loads(line)

    def end_with_parent() -> None:
        while os.read(_STDIN, 4_096):
            continue
        if on_orphaned is not None:
            on_orphaned(settings)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE)
        os._exit(1)

    threading.Thread(target=end_with_parent, name="tacit-lifeline", daemon=True).start()
    return settings


def report(status: int, document: Mapping[str, Any]) -> None:
    """Write a line to the parent; nothing happens if it is gone."""
    try:
        os.write(status, json.dumps(document).encode() + b"\n")
    except OSError:
        return


def beat(status: int) -> None:
    """Write a sign of life to the parent; it never waits, should the parent not read."""
    os.set_blocking(status, False)
    report(status, {"alive": True})


def beat_while(status: int, works: Callable[[], bool]) -> None:
    """Write signs of life from now on, in a thread, for as long as the process works."""

    def run() -> None:
        while True:
            if works():
                beat(status)
            time.sleep(BEAT)

    threading.Thread(target=run, name="tacit-beat", daemon=True).start()
