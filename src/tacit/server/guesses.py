"""Keys that nobody has: after a few of them an address is answered 429, in bounded memory.

A known key is never slowed down by what others try, also from one address, such as that of a proxy: guesses
of 256 bits are hopeless. What is bounded is what they cost and what they write.
"""

import ipaddress
import logging
import time
from collections.abc import Callable

_AT_ONCE = 10
"""Wrong keys of an address before it is slowed down, ..."""
_SECONDS = 6.0
"""... and the seconds after which one more is answered as before."""
_ADDRESSES = 4_096
"""Addresses that are remembered: those that tried last."""
_SAY = 60.0
"""Seconds between two lines of the log."""
_log = logging.getLogger(__name__)


class Guesses:
    """Counts wrong keys by the address that they come from.

    Parameters
    ----------
    clock : callable
        A monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._over_at: dict[str, float] = {}
        self._said_at = -_SAY

    def __len__(self) -> int:
        return len(self._over_at)

    def add(self, address: str) -> float:
        """Count a wrong key; return 0, or the seconds for which its sender should wait."""
        place, now = _network(address), self._clock()
        over_at = max(self._over_at.pop(place, now), now)
        wait = over_at - now - (_AT_ONCE - 1) * _SECONDS
        # While it waits nothing is added: who stops for the time that is said may try again.
        self._over_at[place] = over_at + _SECONDS * (wait <= 0.0)
        if len(self._over_at) > _ADDRESSES:
            del self._over_at[next(iter(self._over_at))]
        if wait > 0.0 and now - self._said_at >= _SAY:
            self._said_at = now
            _log.warning("many wrong keys come from one address; it is answered 429")
        return max(wait, 0.0)


def _network(address: str) -> str:
    """Return what one sender has of addresses: a whole /64 of IPv6."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.IPv6Network((known, 64), strict=False))
