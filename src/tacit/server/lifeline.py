"""What ties the processes of a service to their parent.

The standard input of a child is a socket from its parent. The first message, JSON, holds the settings, which
may hold the password of a store: they must not stand in a command line. Later ones may bring open files. Its
end is the end of the parent, however that came. To the parent a child writes lines of JSON to a pipe of its
own; the end of that pipe is the end of the child. Signs of life are such lines: a child that stops to send
them hangs, and is ended and replaced.
"""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

GRACE = 20
"""Seconds that requests in flight have to finish after SIGTERM."""
BEAT = 1.0
"""Seconds between two signs of life of a child."""

MOST_FILES = 250
"""Open files of a message; the kernel takes 253."""

_STDIN = 0
_LONGEST = 2**17
"""Bytes of a message."""
_PATIENCE = GRACE + 10
"""Seconds after the end of the parent at which a child that still runs ends at once."""


@dataclass(frozen=True)
class Message:
    """What a parent sends after the settings.

    Attributes
    ----------
    document : dict
    descriptors : tuple of int
        Open files, which the receiver closes.
    """

    document: dict[str, Any]
    descriptors: tuple[int, ...] = ()


def receive_settings(
    on_orphaned: Callable[[dict[str, Any]], None] | None = None,
    on_message: Callable[[Message], None] = lambda _: None,
) -> dict[str, Any]:
    """Return the settings from the parent, and from then on end with it.

    Parameters
    ----------
    on_orphaned : callable, optional
        Called first, with the settings, when the parent ended without a word.
    on_message : callable
        Called with each further message, in a thread.
    """
    parent = socket.socket(fileno=_STDIN)
    first = _received(parent)
    if first is None:
        raise SystemExit(1)  # the parent ended before it said what to do
    settings = first.document

    def end_with_parent() -> None:
        while (message := _received(parent)) is not None:
            on_message(message)
        if on_orphaned is not None:
            on_orphaned(settings)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE)
        os._exit(1)

    threading.Thread(target=end_with_parent, name="tacit-lifeline", daemon=True).start()
    return settings


def _received(parent: socket.socket) -> Message | None:
    """Return the next message; None when the parent has ended."""
    content, descriptors, _, _ = socket.recv_fds(parent, _LONGEST, MOST_FILES, socket.MSG_CMSG_CLOEXEC)
    return Message(json.loads(content), tuple(descriptors)) if content else None


def send(child: socket.socket, message: Message) -> None:
    """Send a message to a child; nothing happens if it ended, or reads nothing and so hangs."""
    with suppress(BrokenPipeError, ConnectionResetError, BlockingIOError):
        socket.send_fds(child, [json.dumps(message.document).encode()], message.descriptors)


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
