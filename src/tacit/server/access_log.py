"""The access log: one line of JSON a request, without ids of people or items, query strings, and keys.

Lines wait in memory for a tenth of a second and are written by a thread of their own: no request waits for
the disk, and a process that is killed loses those of its last moment. A file that was renamed or removed is
opened anew under its name, so whatever rotates it needs to tell nobody.
"""

import logging
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

import orjson

_PAUSE = 0.1
_MOST_WAITING = 100_000
"""Beyond this the oldest are dropped: no disk, and no reader of a pipe, must slow or fail a request."""
_AT_ONCE = 4_096
"""Bytes that a pipe takes whole (PIPE_BUF), so that lines of several workers are not mixed."""
_log = logging.getLogger(__name__)


class Line(NamedTuple):
    """What is written of a request."""

    at: float
    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    size: int
    key: str | None
    trace_id: str | None


class AccessLog:
    """Writes lines to a file or to an open descriptor.

    Parameters
    ----------
    target : Path or int
    worker : int
        Number of this process.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """

    def __init__(self, target: Path | int, worker: int) -> None:
        self._file = target if isinstance(target, Path) else None
        self._descriptor = target if isinstance(target, int) else open_log(target)
        self._worker = worker
        self._waiting: deque[Line] = deque(maxlen=_MOST_WAITING)
        self._added = self._written = 0
        self._failing = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tacit-access", daemon=True)
        self._thread.start()

    def add(self, line: Line) -> None:
        """Write a line within a tenth of a second or so."""
        self._waiting.append(line)

    def close(self) -> None:
        """Write what waits and stop."""
        self._closing.set()
        self._thread.join(5)  # nobody may read the pipe any more

    def _run(self) -> None:
        while not self._closing.wait(_PAUSE):
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        try:
            self._reopen_if_moved()
            part = bytearray()
            while self._waiting:
                line = self._text(self._waiting.popleft())
                if len(part) + len(line) > _AT_ONCE:
                    _write(self._descriptor, part)
                    part = bytearray()
                part += line
            _write(self._descriptor, part)
        except OSError as error:
            if not self._failing:
                _log.warning("lines of the access log are lost: %s", error)
            self._failing = True
        else:
            self._failing = False

    def _text(self, line: Line) -> bytes:
        seconds, thousandths = divmod(int(line.at * 1_000), 1_000)
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        document = {
            "time": f"{at}.{thousandths:03d}Z",
            "request_id": line.request_id,
            "method": line.method,
            "route": line.route,
            "status": line.status,
            "ms": round(1_000 * line.seconds, 2),
            "bytes": line.size,
            "key": line.key,
            "worker": self._worker,
        }
        if line.trace_id is not None:
            document["trace_id"] = line.trace_id
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)

    def _reopen_if_moved(self) -> None:
        if self._file is None:
            return
        try:
            there, own = self._file.stat(), os.fstat(self._descriptor)
            if (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino):
                return
        except FileNotFoundError:
            pass
        anew = open_log(self._file)
        os.close(self._descriptor)
        self._descriptor = anew


def open_log(file: Path) -> int:
    """Return the descriptor of a file to append to; a new one is for its owner and the group.

    Raises
    ------
    OSError
    """
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _write(descriptor: int, part: bytes | bytearray) -> None:
    left = memoryview(part)
    while left:
        left = left[os.write(descriptor, left) :]
