"""A process that the parent of a service starts, and what it hears of it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tacit.server.lifeline import Message, send


@dataclass(frozen=True)
class Report:
    """What a child said: that it is ready (with figures), why it cannot be, that it works, of a version.

    Attributes
    ----------
    ready : mapping or None
    error : str
    exit_code : int
        Of a command that fails for this error.
    alive : bool
        It is a sign of life, and says no more.
    loaded, refused : int or None
        Number of a version that it has loaded beside the one that it serves, or cannot load (``error``).
    damaged : mapping or None
        Version and reason: it was found to be damaged, and nobody serves it.
    forgotten : bool
        Users were deleted who are, or may be, in a snapshot.
    """

    ready: Mapping[str, Any] | None = None
    error: str = ""
    exit_code: int = 1
    alive: bool = False
    loaded: int | None = None
    refused: int | None = None
    damaged: Mapping[str, Any] | None = None
    forgotten: bool = False


class Child:
    """A process that runs a module of Tacit in a fresh interpreter.

    Parameters
    ----------
    module : str
    descriptors : sequence of int
        Open files that it inherits.
    environment : mapping
        Added to that of this process.

    Attributes
    ----------
    status : int
        Pipe from the child; its end is the end of the child.
    started_at : float
        Of the monotonic clock.
    """

    def __init__(self, module: str, descriptors: Sequence[int], environment: Mapping[str, str]) -> None:
        self.status, self._status_of_child = os.pipe()
        # Of packets: a message is whole, and its open files are its own.
        self._channel, standard_input = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setblocking(False)
        try:
            # -P: a file numpy.py in the current directory is not taken for the library.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", module],
                stdin=standard_input.fileno(),
                stdout=subprocess.DEVNULL,
                pass_fds=(*descriptors, self._status_of_child),
                env={**os.environ, **environment},
            )
        except BaseException:
            os.close(self.status)
            self._channel.close()
            raise
        finally:
            os.close(self._status_of_child)
            standard_input.close()
        os.set_blocking(self.status, False)
        self.started_at = time.monotonic()
        self._unread = b""

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def send(self, settings: Mapping[str, Any]) -> None:
        """Send its settings; nothing happens if it ended already, which its status will tell."""
        self.pass_on({**settings, "status": self._status_of_child})

    def pass_on(self, document: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send it a message, with open files; nothing happens if it ended already."""
        send(self._channel, Message(dict(document), tuple(descriptors)))

    def reports(self) -> list[Report] | None:
        """Return what it said since the last call; None once it has ended."""
        try:
            read = os.read(self.status, 65_536)
        except BlockingIOError:
            return []
        if not read:
            return None
        *lines, self._unread = (self._unread + read).split(b"\n")
        return [_report(json.loads(line)) for line in lines]

    def stop(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it now."""
        self._process.kill()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end and return whether it came."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """End it if it runs still, and close the pipes."""
        self.kill()
        self._process.wait()
        self._channel.close()
        os.close(self.status)

    def ending(self) -> str:
        """Return in words how it ended."""
        code = self._process.wait()
        if code >= 0:
            return f"ended with code {code}"
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"


def _report(document: Mapping[str, Any]) -> Report:
    if "alive" in document:
        return Report(alive=True)
    if "loaded" in document:
        return Report(loaded=document["loaded"])
    if "forgotten" in document:
        return Report(forgotten=True)
    if "damaged" in document:
        return Report(damaged=document["damaged"])
    if "refused" in document:
        return Report(refused=document["refused"], error=document["error"])
    if "error" in document:
        return Report(error=document["error"], exit_code=document["code"])
    return Report(ready=document["ready"])
