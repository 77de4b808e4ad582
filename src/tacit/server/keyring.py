"""The keys of a running service: compared in constant time, and read again when their file changes."""

import hmac
import logging
from collections.abc import Sequence
from pathlib import Path

from tacit.core.clock import Clock, SystemClock
from tacit.core.errors import ConfigError
from tacit.server.keys import Key, digest_of, read_keys

_SYSTEM = SystemClock()
_log = logging.getLogger(__name__)


class Keyring:
    """The keys that a service knows.

    Parameters
    ----------
    fixed : sequence of Key
        Of options, for as long as the service runs.
    file : Path, optional
        Of `tacit.server.keys`.
    clock : Clock

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """

    def __init__(
        self, fixed: Sequence[Key] = (), file: Path | None = None, *, clock: Clock = _SYSTEM
    ) -> None:
        self._fixed = tuple(fixed)
        self._file = file
        self._clock = clock
        self._seen = self._look()
        self._keys = self._fixed + (() if file is None else read_keys(file))

    def find(self, given: bytes) -> Key | None:
        """Return the key that was given, if there is one; it may have expired.

        The time that it takes tells nothing of the keys: it compares hashes, and all of them.
        """
        digest = digest_of(given)
        found = None
        for key in self._keys:
            if hmac.compare_digest(digest, key.digest):
                found = key
        return found

    def is_live(self, key: Key) -> bool:
        """Return whether a key has not expired."""
        return key.is_live(self._clock.now())

    def refresh(self) -> None:
        """Read the file again if it changed; one that cannot be read changes nothing, and is logged."""
        seen = self._look()
        if self._file is None or seen == self._seen:
            return
        self._seen = seen
        try:
            self._keys = self._fixed + read_keys(self._file)
        except ConfigError as error:
            _log.warning("the keys stay as they were: %s", error)

    def _look(self) -> tuple[int, int, int] | None:
        """Return what another file, or another content, would have otherwise."""
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
