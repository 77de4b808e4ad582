"""The compiled loops, where tacit-recsys-kernels is installed; without it NumPy does the work.

A loop gives the same result by both, to 1e-5 (docs/decisions/021-compiled-kernels.md).
``TACIT_KERNELS=off`` leaves the compiled ones unused.
"""

import importlib
import os
from typing import Any

API = 5
"""The version of the signatures that this version of Tacit calls."""


def _load() -> tuple[Any, str]:
    """Return the module of compiled loops, or None, and why in words."""
    if os.environ.get("TACIT_KERNELS", "").lower() == "off":
        return None, "NumPy (TACIT_KERNELS=off)"
    try:
        found = importlib.import_module("tacit_kernels")
    except ImportError:
        return None, "NumPy (tacit-recsys-kernels is not installed)"
    if found.API != API:
        return None, f"NumPy (tacit-recsys-kernels has API {found.API}; this version of Tacit needs {API})"
    return found, "compiled (tacit-recsys-kernels)"


COMPILED, STATE = _load()
"""The module, None where there is none; and what answers a request, in words."""


def loops() -> Any:
    """Return the module, for code that is reached only where it is installed."""
    assert COMPILED is not None
    return COMPILED
