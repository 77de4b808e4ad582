"""Gives memory that is no longer used back to the system."""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Give back what the C library keeps of freed arrays.

    The library keeps for a thread what that thread freed.
    """
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
