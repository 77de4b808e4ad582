"""The address that a service listens on. It imports little, for the parent of a service is to stay small."""

import errno
import ipaddress
import re
import socket

from tacit.core.errors import ConfigError

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Values of the Host header by which a service that only this machine can reach is reached."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def checked_name(name: str, option: str) -> str:
    """Return a name as the Host header has it, without a port; ``*`` stands for all.

    Raises
    ------
    ConfigError
        If it is none.
    """
    try:
        return f"[{ipaddress.IPv6Address(name.strip('[]'))}]"
    except ValueError:
        pass
    if name != "*" and _HOST.fullmatch(name) is None:
        raise ConfigError(f"{option} {name[:64]!r} is no name such as shop.example, without http:// and port")
    return name.lower()


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
        other = "--port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "--host"
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another {other}"
        ) from error
    return bound
