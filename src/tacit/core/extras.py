"""Optional dependencies: a missing one names the exact line that installs it."""

import importlib
from types import ModuleType

from tacit.core.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module.

    Parameters
    ----------
    module : str
        Module name, for example ``"psycopg"``.
    extra : str
        The extra of the ``tacit`` package that brings it.

    Raises
    ------
    MissingExtraError
        If it is not installed; the message holds the install line.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{module} is not installed; install it with: pip install 'tacit[{extra}]'"
        ) from error
