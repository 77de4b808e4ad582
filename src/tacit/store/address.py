"""Addresses of stores: ``sqlite:///FILE`` and ``postgresql://USER@HOST/DATABASE``."""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from tacit.core.errors import ConfigError


class StoreNotThereError(ConfigError):
    """There is no store at an address; a service that starts later may make it."""


def parsed(address: str) -> URL:
    """Return the address of a store in its parts.

    Raises
    ------
    ConfigError
        If it names no database that Tacit knows.
    """
    how = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    try:
        url = make_url(address.replace("postgres://", "postgresql://", 1))
        name = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise ConfigError(f"the address of the store is not one; {how}") from error
    if name not in ("sqlite", "postgresql"):
        raise ConfigError(f"a store in {name} is not known; {how}")
    if name == "sqlite" and (not url.database or url.database.startswith((":memory:", "file:"))):
        raise ConfigError("a store must outlive the process: write sqlite:///FILE")
    return url


def check_store_there(address: str) -> None:
    """Refuse the address of a SQLite store that is not there: to open it would make an empty one.

    Raises
    ------
    StoreNotThereError
    """
    file = sqlite_file(address)
    if file is not None and not file.is_file():
        raise StoreNotThereError(f"there is no store {file}")


def sqlite_file(address: str) -> Path | None:
    """Return the file of a SQLite store; None of another.

    Raises
    ------
    ConfigError
        If the address names no database that Tacit knows.
    """
    url = parsed(address)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
