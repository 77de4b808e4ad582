"""Refits in a process of their own, one at a time for a model directory.

What a fit holds in memory goes with its process, a limit of memory is that of the process alone, and whatever
ends it leaves the one that waits, which may be in the middle of a schedule, as it was. The process reads what
it is asked for as a line of JSON from its standard input and ends when that ends; it writes lines of JSON.
"""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from tacit.core.errors import ConfigError, InputError, TacitError
from tacit.core.places import check_outside_snapshots
from tacit.store.address import StoreNotThereError
from tacit.store.versions import REFIT_LOCK, Versions, check_place_of_versions

_GRACE = 20
"""Seconds that the process has to end after it was asked to."""
_PATIENCE, _PAUSE = _GRACE + 5.0, 0.1
"""Seconds to wait for the lock: a refit whose command was killed ends by itself in that time."""
_GB = 1e9

Say = Callable[[str], None]


def refit_elsewhere(request: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Make a refit in a process of its own and return its decision.

    Parameters
    ----------
    request : mapping
        Plain data by the names of the arguments of `tacit.refit`; ``config`` as TOML, ``times`` as pairs of
        Unix seconds.
    say : callable
        Called with a line at the beginning of each part.

    Raises
    ------
    ArtifactError
        If the directory holds something else than versions.
    ConfigError
        If it has no version to start from, or another refit of it runs.
    InputError, TacitError
        What the refit raised, or how its process ended.
    """
    out = Path(request["out"])
    _check_place(out, request.get("snapshot"))
    with _only_one(out) as lock:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tacit.refits"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(lock,),  # should this process be killed, the lock lasts as long as the refit
            text=True,
        )
        try:
            return _heard(process, request, say)
        finally:
            _end(process)


def _check_place(out: Path, snapshot: str | None) -> None:
    """Refuse a place that is no model directory, before anything is written there."""
    check_outside_snapshots(out, "--out")
    check_place_of_versions(out)
    if snapshot is None and not Versions(out).names():
        raise ConfigError(f"{out} has no version to start from; name a snapshot with --snapshot")


def _heard(process: "subprocess.Popen[str]", request: Mapping[str, Any], say: Say) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    for line in process.stdout:
        message = json.loads(line)
        if "part" in message:
            say(message["part"])
        elif "no store" in message:
            raise StoreNotThereError(message["no store"])
        elif "error" in message:
            raise (InputError if message["code"] == InputError.exit_code else TacitError)(message["error"])
        else:
            decision: dict[str, Any] = message["decision"]
            return decision
    raise TacitError(_ending(process.wait(), request.get("memory")))


def _ending(code: int, memory: float | None) -> str:
    limit = "" if memory is None else f" (it may hold {memory:g} GB, --memory)"
    if code == -signal.SIGTERM:
        return "the refit was ended; the version that was current stays so"
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
    # The kernel kills what has no memory left, and allocators end a process that gets none.
    guess = f", perhaps for want of memory{limit}" if -code in (signal.SIGKILL, signal.SIGABRT) else ""
    fault = "; this is a fault of tacit, please report it with what was said above" if code > 0 else ""
    return f"the process of the refit ended {how}{guess}; what was current stays so{fault}"


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


@contextmanager
def _only_one(directory: Path) -> Iterator[int]:
    """Hold the lock of a model directory, which is made if it is not there.

    Raises
    ------
    ConfigError
        If another process holds it, and goes on doing so.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / REFIT_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"{directory} cannot be written: {error.strerror or error}") from error
    try:
        until = time.monotonic() + _PATIENCE
        while not _locked(descriptor):
            if time.monotonic() > until:
                raise ConfigError(f"another refit of {directory} runs; wait for its end, or end it first")
            time.sleep(_PAUSE)
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# In the process of the refit


def main() -> None:
    """Read what is asked for, make the refit, write its decision."""
    output = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no line of ours

    def tell(document: Mapping[str, Any]) -> None:
        os.write(output, (json.dumps(document) + "\n").encode())

    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that waits passes it on
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(1)  # who waits ended before it said what to do
    request = json.loads(line)
    threading.Thread(target=_end_with_parent, name="tacit-lifeline", daemon=True).start()
    answer: dict[str, Any]
    try:
        answer = {"decision": _decided(request, lambda part: tell({"part": part}))}
    except StoreNotThereError as error:
        answer = {"no store": str(error)}
    except TacitError as error:
        answer = {"error": str(error), "code": error.exit_code}
    except MemoryError:
        limit = f"the {request['memory']:g} GB of --memory" if request.get("memory") else "what is free"
        answer = {"error": f"the refit needs more memory than {limit}", "code": InputError.exit_code}
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # who hears the answer sends one; it ends in any case
    tell(answer)


def _end_with_parent() -> None:
    """End when the one that waits has ended, however that came."""
    while sys.stdin.readline():
        continue
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)


def _leave(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would be raised in the middle of the end
    raise SystemExit(128 + signal.SIGTERM)


def _decided(request: Mapping[str, Any], say: Say) -> dict[str, Any]:
    import polars as pl

    from tacit.core.clock import SystemClock
    from tacit.core.notes import Notes
    from tacit.core.progress import SILENT
    from tacit.engine.left_out import LeftOut
    from tacit.engine.refit import Wanted, refit
    from tacit.given import events_of
    from tacit.pipeline.config import Config, config_of_toml

    if request.get("memory") is not None:
        limit = int(request["memory"] * _GB)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    config = (
        None
        if request.get("config") is None
        else config_of_toml(request["config"], where="the configuration")
    )
    log = request.get("log")

    def read_log(by: Config) -> pl.DataFrame:
        notes = Notes(lambda note: say(str(note)))
        try:
            return events_of(log, None, by, by.cleaning, SILENT, None, notes)  # type: ignore[arg-type]
        except InputError as error:
            raise InputError(
                f"{error}; a refit reads a log by the choices of the snapshot's fit (--map and others), or "
                "those of --config, and has no such options itself"
            ) from error

    wanted = Wanted(
        out=Path(request["out"]),
        store=request.get("store"),
        snapshot=None if request.get("snapshot") is None else Path(request["snapshot"]),
        config=config,
        left_out=LeftOut.of_json(request["left_out"]),
        again=LeftOut.of_json(request["again"]),
        trusted=tuple(request.get("trusted", ())),
        force=request.get("force", False),
        keep=request.get("keep", 5),
    )
    return refit(wanted, SystemClock(), read_log=None if log is None else read_log, say=say)


if __name__ == "__main__":
    main()
