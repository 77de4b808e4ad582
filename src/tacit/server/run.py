"""Runs the application in this process until a signal stops it."""

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from tacit.server.accepting import Acceptor, Board
from tacit.server.lifeline import BEAT, GRACE
from tacit.server.pace import PacedProtocol


class _Counted(PacedProtocol):
    """A connection that is counted on the board of the service."""

    board: Board

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.board.set(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.board.set(len(self.connections))


class _Server(uvicorn.Server):
    """Accepts beside other processes, calls back once it answers, and stops on SIGTERM alone.

    Ctrl-C reaches every process of a terminal; the parent of a service passes it on as SIGTERM.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        board: Board,
        on_ready: Callable[[], None],
        on_beat: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._board = board
        self._on_ready = on_ready
        self._on_beat = on_beat
        self._acceptor: Acceptor | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        if self.started:
            self._board.set(0)
            self._acceptor = Acceptor(
                self._listener, self._connection, self._board.is_behind, self._note_accepted
            )
            self._on_ready()
            self._beat(asyncio.get_running_loop())

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call back now and again, for as long as the event loop has its turns."""
        self._on_beat()
        loop.call_later(BEAT, self._beat, loop)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
        await super().shutdown(sockets=[self._listener])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn would raise the signal again when it is done; a stop on request is no failure.
        if sig == signal.SIGTERM:
            self.should_exit = True

    def _note_accepted(self) -> None:
        self._board.add_one()  # its protocol comes a turn of the loop later
        answers = getattr(getattr(self.config.app, "state", None), "answers", None)
        if answers is not None:
            answers.connections += 1  # work gives way to new connections: `tacit.server.lane`

    def _connection(self) -> asyncio.Protocol:
        connection = _Counted(self.config, self.server_state, self.lifespan.state)
        connection.board = self._board
        return connection


def run(
    app: Any,
    bound: socket.socket,
    board: Board,
    *,
    on_ready: Callable[[], None],
    on_beat: Callable[[], None] = lambda: None,
) -> None:
    """Serve an ASGI application; return after SIGTERM, when the requests in flight are answered.

    ``on_beat`` is called about once a second, as long as the event loop does not hang.
    """
    server_of(app, bound, board, on_ready=on_ready, on_beat=on_beat).run()


def server_of(
    app: Any,
    bound: socket.socket,
    board: Board,
    *,
    on_ready: Callable[[], None],
    on_beat: Callable[[], None] = lambda: None,
) -> uvicorn.Server:
    """Return a server of an ASGI application, to be run in an event loop of its own."""
    settings = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing asks where a request came from
        timeout_keep_alive=15,
        timeout_graceful_shutdown=GRACE,
    )
    return _Server(settings, bound, board, on_ready, on_beat)
