"""Runs the application in this process until a signal stops it."""

import ipaddress
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from tacit.core.errors import ConfigError
from tacit.server.pace import PacedProtocol

_GRACE = 20
"""Seconds that requests in flight have to finish after SIGTERM."""


class _Server(uvicorn.Server):
    """Calls back with its address once it answers there."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address; port 0 takes a free one.

    Raises
    ------
    ConfigError
        If the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host.strip("[]"), port))
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port"
        ) from error
    return bound


def run(app: Any, bound: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Serve an ASGI application; return after SIGTERM or SIGINT, when the requests in flight are answered."""
    settings = uvicorn.Config(
        app,
        http=PacedProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(settings, on_ready)

    def stop(*_: object) -> None:
        server.should_exit = True

    # uvicorn raises the signal again when it is done; a stop on request is no failure.
    signal.signal(signal.SIGTERM, stop)
    server.run(sockets=[bound])
