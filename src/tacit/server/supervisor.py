"""The parent of a service: it starts the processes that answer requests and keeps their number.

It holds the one socket that all workers accept from. Each could have a socket of its own on the port
(SO_REUSEPORT), with a queue of its own: connections that wait in the queue of a killed worker are lost. In
the one queue they wait for another worker, or for the next one.

Workers and the process that encodes texts are fresh interpreters, not forks. The parent imports no numerical
library, opens no database, and answers no request but while there is no worker (`tacit.server.front`).

It opens and checks the version to serve, and hands the open files to the other processes: so all serve the
same one, also one that is started again after the directory was replaced. When it finds another version
(`tacit.server.watching`), the workers change to that (`tacit.server.renewal`).
"""

import os
import selectors
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from tacit.core.errors import ConfigError, TacitError
from tacit.server.accepting import Board, open_board
from tacit.server.child import Child, Report
from tacit.server.front import Front
from tacit.server.lifeline import GRACE
from tacit.server.rates import open_page as open_rates
from tacit.server.renewal import Renewal
from tacit.server.shared_page import open_page
from tacit.server.watching import Refusal, Release, Watcher

_STEADY = 10.0
"""A worker that served so many seconds did not fail to start."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the second start in a row, which double with each further one."""
_TRIES = 4
"""The service ends when no worker is ready and one has failed so often in a row."""
_HANGS_AFTER = 15.0
"""A process that was heard of and then is not for so many seconds hangs: it is ended, and started again."""
_ENCODER_SECONDS = 3.0
_LOADING = 300.0
"""Seconds that a language model may take to be loaded."""
_ALONE = 5.0
"""Seconds without any worker after which the parent says that the service is not ready."""
_LATE = 1.0
"""Seconds by which this process may wake later than it wanted to without having been stopped."""
_QUIET, _LONGEST_QUIET = 5.0, 60.0
"""Seconds after the last deletion of a user, and at most after the first one, at which snapshots are written
again without all of them."""
_LONGEST_TRY = 3_600.0
"""Seconds between two tries to do so, at most."""
_QUEUE = 128
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
"""Set to 1 in workers: pools of threads in each of many processes would cost memory and time."""


_DONE = "ended with code 0"


class ServiceError(TacitError):
    """The processes of a service cannot be kept running."""


@dataclass(eq=False)
class _Place:
    """A place for a process that is to run.

    Attributes
    ----------
    name : str
    module : str
    number : int
        Its place on the board of open connections.
    due : float or None
        When it is to be started, on the monotonic clock; None while it runs or is not wanted.
    ready_since : float or None
    heard_at : float or None
        When it gave its last sign of life; None before the first.
    failures : int
        Starts in a row that did not last.
    """

    name: str
    module: str
    number: int = 0
    due: float | None = None
    child: Child | None = None
    ready_since: float | None = None
    heard_at: float | None = None
    failures: int = 0
    problem: Report | None = None


class Supervisor:
    """Keeps the processes of a service running until a signal; a context manager, which ends them.

    Parameters
    ----------
    listener : socket.socket
        Bound; all workers accept from it. It is closed when the service stops.
    workers : int
    say : callable
        Called with a line about what happened to a process.
    inherited : sequence of int
        Further open files of workers.
    drain : float
        Seconds between SIGTERM and the end in which the service answers on, but says that it is not ready.
    """

    def __init__(
        self,
        listener: socket.socket,
        workers: int,
        say: Callable[[str], None],
        inherited: Sequence[int] = (),
        *,
        drain: float = 0.0,
    ) -> None:
        self._inherited = inherited
        self._listener = listener
        self._drain = drain
        self._say = say
        self._workers = [_Place(f"worker {n + 1}", "tacit.server.worker", n, due=0.0) for n in range(workers)]
        self._encoder = _Place("the encoding process", "tacit.server.encoding")
        self._forgetter = _Place("the forgetting process", "tacit.server.forgetter")
        self._forgotten_since: float | None = None
        self._settings: Mapping[str, Any] | None = None
        self._renewal: Renewal[_Place] | None = None
        self._refusal: Refusal | None = None
        self._damaged: dict[str, Refusal] = {}
        self._announced = False
        self._signals: list[int] = []

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="tacit-", ignore_cleanup_errors=True)
        self._board = open_board(len(self._workers))
        self._front = Front(self._listener, Board(self._board, 0).any_accepts)
        self._front.open()
        self._rates = open_rates()
        self._metrics = open_page(len(self._workers))
        self._texts = _private_listener(Path(self._directory.name) / "encoder")
        self._selector = selectors.DefaultSelector()
        self._woken, self._waking = socket.socketpair()
        for end in (self._woken, self._waking):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._hear_signal)
        self._selector.register(self._texts, selectors.EVENT_READ, self._want_encoder)
        self._before = {one: signal.signal(one, self._note_signal) for one in (signal.SIGTERM, signal.SIGINT)}
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        for place in self._workers:  # they import what they need while the version is checked
            self._start(place)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._front.close()
        for place in (*self._places, self._forgetter):
            if place.child is not None:
                place.child.close()
        signal.set_wakeup_fd(-1)
        for one, handler in self._before.items():
            signal.signal(one, handler)
        self._selector.close()
        for end in (self._woken, self._waking, self._texts):
            end.close()
        os.close(self._board)
        os.close(self._rates)
        os.close(self._metrics)
        self._directory.cleanup()

    def run(
        self,
        watcher: Watcher,
        first: tuple[Release, Refusal | None],
        settings: Mapping[str, Any],
        on_ready: Callable[[Mapping[str, Any]], None],
    ) -> int:
        """Serve until SIGTERM or SIGINT, and return the signal.

        Parameters
        ----------
        watcher : Watcher
            Finds the versions that follow.
        first : tuple of (Release, Refusal or None)
            Of the watcher.
        settings : mapping
            Of a worker: ``store``, ``store_wait``, ``keys``, ``keys_file``, ``rate``, ``allowed_hosts``,
            ``access_log`` (a file, one of ``inherited``, or None).
        on_ready : callable
            Called once, when all workers answer, with what the last one said.

        Raises
        ------
        TacitError
            If no worker can start.
        """
        self._settings = {
            **settings,
            "directory": str(watcher.directory),
            "encoder": str(Path(self._directory.name) / "encoder"),
            "board": self._board,
            "rates": self._rates,
            "metrics": self._metrics,
        }
        self._on_ready = on_ready
        self._watcher = watcher
        self._release, self._refusal = first
        if self._refusal is not None:
            self._note_damaged(self._refusal)
            self._say(f"refused: {self._refusal.reason}; serving {self._release}")
        self._selector.register(watcher, selectors.EVENT_READ, self._renew)
        for place in self._workers:
            self._send(place)
        watcher.start()
        try:
            self._keep_running()
        finally:
            self._selector.unregister(watcher)
            self._release.close()
            if self._renewal is not None:
                self._renewal.release.close()
        return self._signals[0]

    def _keep_running(self) -> None:
        while not self._signals:
            self._start_due()
            pause = self._pause()
            slept = time.monotonic()
            heard = self._selector.select(pause)
            for key, _ in heard:
                key.data()
            self._end_hanging(late=pause is not None and time.monotonic() - slept > pause + _LATE)
        self._announce_end()
        self._stop()

    def _announce_end(self) -> None:
        """Answer on for a while in which the service says that it is not ready: balancers turn away."""
        Board(self._board, 0).set_ending()
        end = time.monotonic() + (self._drain if self._signals[0] == signal.SIGTERM else 0.0)
        while (left := end - time.monotonic()) > 0 and len(self._signals) == 1:
            for key, _ in self._selector.select(left):
                key.data()

    def _start_due(self) -> None:
        now = time.monotonic()
        for place in (*self._places, self._forgetter):
            if place.due is not None and place.due <= now:
                self._start(place)
                self._send(place)

    def _end_hanging(self, late: bool) -> None:
        """End processes that have given no sign of life for too long; their end is noticed as any other.

        If this process itself was stopped for a while, they have been too, and are given time.
        """
        now = time.monotonic()
        for place in self._places:
            if place.child is None or place.heard_at is None:
                continue
            if late:
                place.heard_at = max(place.heard_at, now)
            elif now - place.heard_at > _HANGS_AFTER:
                place.heard_at = None
                process = f"{place.name} (process {place.child.pid})"
                self._say(f"{process} hangs: it gave no sign of life for {_HANGS_AFTER:.0f} s; ending it")
                place.child.kill()

    @property
    def _places(self) -> tuple[_Place, ...]:
        return (*self._workers, self._encoder)

    def _pause(self) -> float | None:
        """Return the seconds until the next start or the next look at those that may hang."""
        due = [place.due for place in (*self._places, self._forgetter) if place.due is not None]
        heard = [place.heard_at for place in self._places if place.heard_at is not None]
        due += [at + _HANGS_AFTER + _LATE for at in heard]
        return max(min(due) - time.monotonic(), 0.0) if due else None

    def _start(self, place: _Place) -> None:
        if place is self._encoder:
            child = Child(place.module, (self._texts.fileno(),), {})
        else:
            threads = dict.fromkeys(_THREADS, "1")
            shared = self._listener.fileno(), self._board, self._rates, self._metrics, *self._inherited
            child = Child(place.module, () if place is self._forgetter else shared, threads)
        place.child, place.due, place.problem = child, None, None
        if place is self._encoder:  # it says no more until its model is loaded, which may take minutes
            place.heard_at = child.started_at + _LOADING
        self._selector.register(child.status, selectors.EVENT_READ, lambda: self._hear(place))

    def _send(self, place: _Place) -> None:
        if place is self._forgetter:
            self._forgotten_since = None  # what is forgotten from now on is for the next one
            if place.child is not None and self._settings is not None:
                place.child.send({name: self._settings[name] for name in ("directory", "store")})
            return
        listener = self._texts if place is self._encoder else self._listener
        if place.child is not None and self._settings is not None:
            place.child.send({**self._settings, "listener": listener.fileno(), "place": place.number})
            for one in self._damaged.values():
                place.child.pass_on({"damaged": one.to_json()})
            place.child.pass_on(_refused(self._refusal))
            _load(place.child, self._release)
            _serve(place.child, self._release)
            if place is self._encoder and self._renewal is not None:
                _load(place.child, self._renewal.release)

    def _hear(self, place: _Place) -> None:
        if place.child is None:
            return
        reports = place.child.reports()
        if reports is None:
            self._ended(place, place.child)
            return
        for report in reports:
            if report.alive:
                place.heard_at = time.monotonic()
            elif report.forgotten:
                self._note_forgotten()
            elif report.damaged is not None:
                self._note_damaged(Refusal(**report.damaged))
            elif report.loaded is not None or report.refused is not None:
                self._hear_of_release(place, report)
            elif report.ready is None:
                place.problem = report
            else:
                self._is_ready(place, place.child, report.ready)

    def _is_ready(self, place: _Place, child: Child, figures: Mapping[str, Any]) -> None:
        place.ready_since = time.monotonic()
        if place is not self._encoder:
            self._front.close()
        if self._announced or place is self._encoder:
            if place.failures:
                seconds = place.ready_since - child.started_at
                self._say(f"{place.name} is ready again after {seconds:.1f} s (process {child.pid})")
        elif all(one.ready_since is not None for one in self._workers):
            self._announced = True
            self._on_ready(figures)
            if figures["texts"]:
                self._want_encoder()
        self._advance()

    def _renew(self) -> None:
        """Begin to change to what the watcher found."""
        for found in self._watcher.take():
            if isinstance(found, Refusal):
                self._refuse(found)
                continue
            if self._renewal is not None:  # overtaken
                self._renewal.release.close()
            self._renewal = Renewal(found)
            if self._encoder.child is not None:
                _load(self._encoder.child, found)
        self._advance()

    def _hear_of_release(self, place: _Place, report: Report) -> None:
        """Note that a worker has loaded a version, or cannot; it may say so of one that was overtaken."""
        renewal = self._renewal
        if renewal is None or renewal.release.number not in (report.loaded, report.refused):
            if report.refused == self._release.number and place.child is not None:
                place.problem = report
                place.child.kill()  # the others serve it: another process will
            return
        if report.loaded is not None:
            renewal.note_loaded(place)
            self._advance()
        else:
            self._give_up(renewal, report.error)

    def _advance(self) -> None:
        """Take the next step to another version."""
        renewal = self._renewal
        if renewal is None:
            return
        if problem := renewal.problem():
            self._give_up(renewal, problem)
            return
        ready = [place for place in self._workers if place.ready_since is not None]
        for place in renewal.next_to_load(ready):
            if place.child is not None:
                _load(place.child, renewal.release)
        if renewal.is_complete(ready):
            self._complete(renewal)

    def _complete(self, renewal: Renewal[_Place]) -> None:
        """Let all processes change."""
        before, self._release = self._release, renewal.release
        self._renewal, self._refusal = None, self._release.refusal
        self._damaged.pop(str(self._release.version), None)
        for place in self._places:
            if place.child is None:
                continue
            if place is not self._encoder and not renewal.has_loaded(place):
                _load(place.child, renewal.release)  # it starts: it changes before it answers
            _serve(place.child, renewal.release)
            place.child.pass_on(_refused(self._refusal))
        before.close()
        self._say(f"serving {self._release}")

    def _give_up(self, renewal: Renewal[_Place], reason: str) -> None:
        self._renewal = None
        renewal.release.close()
        self._refuse(Refusal.of(renewal.release.version, reason, self._watcher.directory))

    def _note_damaged(self, refusal: Refusal) -> None:
        """Tell all workers what is wrong with a version, also those that start later."""
        if refusal.version is None:
            return
        self._damaged[refusal.version] = refusal
        for place in self._workers:
            if place.child is not None:
                place.child.pass_on({"damaged": refusal.to_json()})

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self._note_damaged(refusal)
        for place in self._workers:
            if place.child is not None:
                place.child.pass_on(_refused(refusal))
        self._say(f"refused: {refusal.reason}; still serving {self._release}")

    def _note_forgotten(self) -> None:
        """Let snapshots be written again soon, without all users who are deleted until then."""
        now = time.monotonic()
        self._forgotten_since = self._forgotten_since or now
        if self._forgetter.child is None and not self._forgetter.failures:
            self._forgetter.due = min(now + _QUIET, self._forgotten_since + _LONGEST_QUIET)

    def _forgetter_ended(self, how: str) -> None:
        """Say what became of it, and let it try again later if it failed."""
        place = self._forgetter
        place.child = None
        if how == _DONE:
            place.failures = 0
            if place.problem:
                self._say(f"not all is forgotten: {place.problem.error}")
            if self._forgotten_since is not None:
                self._note_forgotten()
            return
        place.failures += 1
        pause = min(_LONGEST_QUIET * 2.0 ** (place.failures - 1), _LONGEST_TRY)
        place.due = time.monotonic() + pause
        because = place.problem.error if place.problem else f"{place.name} {how}"
        self._say(f"deleted users are still in a snapshot: {because}; trying again in {pause:,.0f} s")

    def _ended(self, place: _Place, child: Child) -> None:
        self._selector.unregister(child.status)
        how = child.ending()
        child.close()
        if place is self._forgetter:
            self._forgetter_ended(how)
            return
        now = time.monotonic()
        steady = place.ready_since is not None and now - place.ready_since >= _STEADY
        place.failures = 1 if steady else place.failures + 1
        place.child, place.ready_since, place.heard_at = None, None, None
        if self._renewal is not None:
            self._renewal.note_ended(place)
        if place is not self._encoder:
            # Nobody accepts for it now: the others must not wait for one who has no connections.
            Board(self._board, place.number).clear()
            if not self._signals:
                self._check_hope(place, how)
            if all(one.ready_since is None for one in self._workers):
                self._front.open(after=_ALONE)  # the next one may be there sooner
        if self._signals:  # the service is ending: SIGTERM was sent to every process of a group
            return
        pause = min(_FIRST_PAUSE * 2.0 ** (place.failures - 2), _LONGEST_PAUSE) if place.failures > 1 else 0.0
        place.due = now + pause
        because = f": {place.problem.error}" if place.problem else ""
        self._say(f"{place.name} (process {child.pid}) {how}{because}; starting it again")
        self._advance()

    def _check_hope(self, place: _Place, how: str) -> None:
        """Raise the error of a worker if there is no hope that another try ends otherwise."""
        problem = place.problem
        if problem is not None and not self._announced:
            raise (ConfigError if problem.exit_code == ConfigError.exit_code else ServiceError)(problem.error)
        if place.failures >= _TRIES and all(one.ready_since is None for one in self._workers):
            because = f" ({problem.error})" if problem else ""
            raise ServiceError(
                f"no worker can start: the last of {_TRIES} in a row {how}{because}; "
                "what it wrote before stands above"
            )

    def _want_encoder(self) -> None:
        """Start the encoding process at once: the service is ready, or somebody waits for it earlier."""
        if self._encoder.child is None and self._encoder.due is None:
            self._selector.unregister(self._texts)  # it accepts for itself, and is started again if it ends
            self._encoder.due = 0.0

    def _note_signal(self, number: int, _: FrameType | None) -> None:
        self._signals.append(number)

    def _hear_signal(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(64)

    def _stop(self) -> None:
        """Let the workers answer what is in flight, then end the encoding process."""
        self._listener.close()
        running = [place.child for place in self._workers if place.child is not None]
        for child in running:
            child.stop()
        deadline = time.monotonic() + GRACE + 5
        while running and time.monotonic() < deadline and len(self._signals) == 1:
            running = [child for child in running if not child.wait(0.05)]
        for child in running:
            self._say(f"the worker of process {child.pid} does not end; ending it")
            child.kill()
        if self._encoder.child is not None:
            self._encoder.child.stop()
            self._encoder.child.wait(_ENCODER_SECONDS)


def _load(child: Child, release: Release) -> None:
    child.pass_on({"load": release.number}, release.descriptors)


def _serve(child: Child, release: Release) -> None:
    child.pass_on({"serve": release.number})


def _refused(refusal: Refusal | None) -> dict[str, Any]:
    return {"refused": None if refusal is None else refusal.to_json()}


def _private_listener(address: Path) -> socket.socket:
    """Return a Unix socket that listens in a directory of this user alone.

    Raises
    ------
    ConfigError
        If the path is too long for a socket.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(address))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"no socket can be made at {address} ({error}); set TMPDIR to a short path"
        ) from error
    listener.listen(_QUEUE)
    return listener
