"""Keys of a service, in a file that holds their hashes.

A key is 256 random bits, so one round of SHA-256 is enough to store it: nothing shorter is to be guessed, as
there would be with a password.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from tacit.core.durations import UNITS
from tacit.core.errors import ConfigError
from tacit.core.places import check_outside_snapshots
from tacit.core.room import writing
from tacit.server.access import ROLES, Role

SHORTEST = 16
"""Characters of a key that somebody else made."""
MOST_KEYS = 1_000
"""Keys of a file. Each has a number below this, its place in the memory that counts requests."""
MOST_LIVE = 2
"""Live keys of one name: the old and the new one while a client changes from one to the other."""
_PREFIX = "tacit_"
"""By which a scanner of secrets knows a key."""
_FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FIELDS = frozenset({"name", "roles", "sha256", "created", "expires", "rate", "number"})
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Key:
    """A key, without the key itself.

    Attributes
    ----------
    name : str
        Of the client that holds it; events are stored with it.
    roles : tuple of {"read", "ingest", "admin"}
    digest : str
        SHA-256 of the key, in hexadecimal digits.
    created : float
        Unix seconds.
    expires : float or None
        Unix seconds; None for never.
    rate : float or None
        Requests a second; None for the rate of the service.
    number : int
        Its place in the memory that counts requests, from 0.
    """

    name: str
    roles: tuple[Role, ...]
    digest: str
    created: float = 0.0
    expires: float | None = None
    rate: float | None = None
    number: int = 0

    def is_live(self, now: float) -> bool:
        """Return whether it opens anything at a time."""
        return self.expires is None or now < self.expires


def digest_of(key: bytes) -> str:
    """Return the SHA-256 of a key, in hexadecimal digits."""
    return hashlib.sha256(key).hexdigest()


def new_key(
    keys: Sequence[Key],
    name: str,
    roles: Sequence[str],
    now: float,
    *,
    lives: float | None = None,
    rate: float | None = None,
) -> tuple[Key, str]:
    """Return a new key beside others, and the key itself, which is kept nowhere.

    Parameters
    ----------
    keys : sequence of Key
    name : str
    roles : sequence of {"read", "ingest", "admin"}
    now : float
        Unix seconds.
    lives : float, optional
        Seconds; without it the key does not expire.
    rate : float, optional
        Requests a second.

    Raises
    ------
    ConfigError
        If the name cannot be used, or two keys of this name are live.
    """
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"the name {name[:64]!r} of a key is not up to 64 letters, digits, '.', '_' or '-', "
            "beginning with a letter or a digit"
        )
    if sum(one.name == name and one.is_live(now) for one in keys) >= MOST_LIVE:
        raise ConfigError(
            f"{MOST_LIVE} keys named {name} are live: revoke the old one before you make a third"
        )
    used = {one.number for one in keys}
    free = next((number for number in range(MOST_KEYS) if number not in used), None)
    if free is None:
        raise ConfigError(f"the file holds {MOST_KEYS:,} keys, which is the most: revoke those that expired")
    secret = _PREFIX + secrets.token_urlsafe(32)
    expires = None if lives is None else now + lives
    return Key(name, checked_roles(roles), digest_of(secret.encode()), now, expires, rate, free), secret


def checked_roles(roles: Sequence[str]) -> tuple[Role, ...]:
    """Return roles in their order, each once.

    Raises
    ------
    ConfigError
        If one of them is none.
    """
    for one in roles:
        if one not in ROLES:
            raise ConfigError(f"there is no role {one[:32]!r}; choose from {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in roles)


def read_keys(file: Path) -> tuple[Key, ...]:
    """Return the keys of a file.

    Raises
    ------
    ConfigError
        If there is no such file, it is damaged, or everybody may write to it.
    """
    try:
        with file.open("rb") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o002:
                raise ConfigError(f"{file} can be written to by everybody: chmod 600 {file}")
            content = stream.read()
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {file}: make a key with tacit key new --file {file}") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    try:
        document = json.loads(content)
        if document["format"] != _FORMAT:
            raise ConfigError(f"{file} is of the format {document['format']!r}; this version reads {_FORMAT}")
        return _checked([_read(one) for one in document["keys"]])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{file} is not a file of keys, or damaged: {error}") from error


@contextmanager
def changing_keys(file: Path) -> Iterator[list[Key]]:
    """Give the keys of a file to be changed, and write them at the end; nobody else writes meanwhile.

    Raises
    ------
    ConfigError
        As `read_keys`, but a file that is not there holds no keys.
    """
    check_outside_snapshots(file, "the file of keys")
    # The directory is locked, for the file itself is replaced. No file of locks is left behind.
    try:
        directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(f"{file.parent} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        keys = list(read_keys(file)) if file.exists() else []
        yield keys
        with writing(file.parent):
            _write(file, keys)
            os.fsync(directory)
    finally:
        os.close(directory)


def parse_rate(text: str) -> float:
    """Return requests a second of ``100/s``, ``30/m`` or ``500/h``.

    Raises
    ------
    ConfigError
    """
    match = re.fullmatch(r"(\d{1,7})/([smh])", text.strip())
    if match is None or int(match[1]) == 0:
        raise ConfigError(f"the rate {text[:32]!r} is no number a second, minute or hour: 100/s, 30/m, 500/h")
    return int(match[1]) / UNITS[match[2]]


def key_of_text(text: str, option: str, roles: tuple[Role, ...], number: int) -> Key:
    """Return a key that somebody else made, from an option.

    Raises
    ------
    ConfigError
        If it is short enough to be guessed.
    """
    if len(text) < SHORTEST:
        raise ConfigError(
            f"the key of {option} has {len(text)} characters, and at least {SHORTEST} are needed: "
            "make one with tacit key new, and serve with --keys"
        )
    return Key(option.lstrip("-"), roles, digest_of(text.encode()), number=number)


def document_of(key: Key) -> dict[str, Any]:
    """Return a key as it stands in a file."""
    return {
        "name": key.name,
        "roles": list(key.roles),
        "sha256": key.digest,
        "created": day_and_time(key.created),
        "expires": None if key.expires is None else day_and_time(key.expires),
        "rate": key.rate,
        "number": key.number,
    }


def key_of(document: Mapping[str, Any]) -> Key:
    """Return the key of a document of `document_of`."""
    return _read(document)


def day_and_time(at: float) -> str:
    """Return a time as ``2026-03-01T12:00:00+00:00``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _read(document: Mapping[str, Any]) -> Key:
    if document.keys() != _FIELDS:
        raise ValueError(f"a key has the fields {', '.join(sorted(_FIELDS))}")
    name, roles, digest, number = (document[field] for field in ("name", "roles", "sha256", "number"))
    rate, expires = document["rate"], document["expires"]
    if _NAME.fullmatch(name) is None:
        raise ValueError("the name of a key")
    if not roles or not set(roles) <= set(ROLES):
        raise ValueError(f"the roles of {name}")
    if _DIGEST.fullmatch(digest) is None:
        raise ValueError(f"the sha256 of {name}")
    if type(number) is not int or not 0 <= number < MOST_KEYS + 2:
        raise ValueError(f"the number of {name}")
    if rate is not None and not 0 < rate < 1e9:
        raise ValueError(f"the rate of {name}")
    return Key(
        name,
        tuple(cast(Sequence[Role], roles)),
        digest,
        _seconds(document["created"]),
        None if expires is None else _seconds(expires),
        None if rate is None else float(rate),
        number,
    )


def _seconds(text: str) -> float:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"the time {text} has no time zone")
    return at.timestamp()


def _checked(keys: Sequence[Key]) -> tuple[Key, ...]:
    if len({key.number for key in keys}) < len(keys) or any(key.number >= MOST_KEYS for key in keys):
        raise ValueError("two keys have one number, or a number is too large")
    return tuple(keys)


def _write(file: Path, keys: Sequence[Key]) -> None:
    """Write beside, then rename: who reads sees the old file or the new one, for this user alone."""
    document = {"format": _FORMAT, "keys": [document_of(key) for key in keys]}
    descriptor, beside = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)  # of mode 0600
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123
            stream.write(json.dumps(document, indent=1).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        Path(beside).replace(file)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
