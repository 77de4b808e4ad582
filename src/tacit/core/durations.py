"""Lengths of time as options have them: ``90s``, ``30m``, ``6h``, ``400d``."""

import re

from tacit.core.errors import ConfigError

UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
"""Seconds of a unit."""
_FORM = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhd])", re.ASCII)


def parse_duration(text: str, what: str, *, or_else: str = "") -> float:
    """Return the seconds of a length of time.

    Parameters
    ----------
    text : str
    what : str
        The option, for the message.
    or_else : str
        Another word that the option takes, for the message.

    Raises
    ------
    ConfigError
        If it is none, or zero.
    """
    found = _FORM.fullmatch(text.strip())
    seconds = 0.0 if found is None else float(found[1]) * UNITS[found[2]]
    if not seconds:
        other = f", or {or_else}" if or_else else ""
        raise ConfigError(
            f"{what} is {text[:32]!r} and no length of time; write a number of seconds, minutes, hours or "
            f"days as 90s, 30m, 6h or 400d{other}"
        )
    return seconds
