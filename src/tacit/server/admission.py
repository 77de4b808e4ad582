"""Whether whoever sent a request may send it: its key, the role of the key, the rate of the key."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from tacit.server.access import Needed, may
from tacit.server.exchange import note_key
from tacit.server.guesses import Guesses
from tacit.server.keyring import Keyring
from tacit.server.keys import Key
from tacit.server.problems import RefusedError
from tacit.server.rates import Rates

_BEARER = re.compile(rb"^bearer +", re.IGNORECASE)
_HOW = "send Authorization: Bearer KEY, or X-API-Key: KEY; the routes are described at /docs"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes
    ----------
    name : str or None
        Of its key; None where none is needed.
    """

    name: str | None = None
    _key: Key | None = None
    _rates: Rates | None = None

    def charge(self, tokens: int) -> None:
        """Count a request as so many more: a batch counts by its events."""
        if self._key is not None and self._rates is not None and tokens > 0:
            self._rates.charge(self._key.number, self._key.rate, tokens)


NOBODY = Caller()
_CALLER: ContextVar[Caller] = ContextVar("tacit-caller", default=NOBODY)


def caller() -> Caller:
    """Return who sent the request that is being answered; to be asked in the event loop."""
    return _CALLER.get()


class Admission:
    """Lets requests pass, or refuses them.

    Parameters
    ----------
    keys : Keyring or None
        None where no key is needed.
    rates : Rates, optional
        Without them a key may send any number of requests.
    """

    def __init__(self, keys: Keyring | None, rates: Rates | None = None) -> None:
        self._keys = keys
        self._rates = rates
        self._guesses = Guesses()

    @property
    def needs_keys(self) -> bool:
        """Whether the service has keys at all."""
        return self._keys is not None

    def check(self, wanted: Needed, headers: Mapping[bytes, bytes], address: str) -> None:
        """Refuse a request that may not be sent; `caller` then says who sent it.

        Parameters
        ----------
        wanted : {"anyone", "key", "read", "ingest", "admin"}
        headers : mapping
        address : str
            Where it came from.

        Raises
        ------
        RefusedError
        """
        _CALLER.set(NOBODY)
        if self._keys is None or wanted == "anyone":
            return
        # Either header opens: a proxy may have put a credential of its own into the other.
        given = headers.get(b"x-api-key", b""), _BEARER.sub(b"", headers.get(b"authorization", b""))
        key = next(filter(None, (self._keys.find(one) for one in given if one)), None)
        if key is None:
            wait = self._guesses.add(address) if any(given) else 0.0
            if wait:
                raise RefusedError(429, "too many wrong keys came from this address", retry_after=wait)
            raise RefusedError(401, f"{'this key is not known' if any(given) else 'a key is needed'}: {_HOW}")
        note_key(key.name)
        if not self._keys.is_live(key):
            raise RefusedError(401, "this key has expired")
        if not may(key.roles, wanted):
            raise RefusedError(403, _reason(key, wanted))
        wait = 0.0 if self._rates is None else self._rates.admit(key.number, key.rate)
        if wait:
            raise RefusedError(429, "this key sends more requests than it may", retry_after=wait)
        _CALLER.set(Caller(key.name, key, self._rates))


def _reason(key: Key, wanted: Needed) -> str:
    other = "; or there is no such route" if wanted == "admin" else ""
    return f"this needs a key with the role {wanted}, and this key has {' and '.join(key.roles)}{other}"
