"""Optional dependencies: the error for a missing one holds the exact line that installs it."""

import importlib
from types import ModuleType

from tacit.core.errors import MissingExtraError


def require(module: str, extra: str, *, library: str | None = None) -> ModuleType:
    """Import an optional module.

    Parameters
    ----------
    module : str
        Module name, for example ``"psycopg"``.
    extra : str
        The extra of the distribution ``tacit-recsys`` that installs it.
    library : str, optional
        Debian package of a system library that it needs and that no wheel contains.

    Raises
    ------
    MissingExtraError
        If the module or its library is not installed; the message holds the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        also = f" (it needs the library {library} of the system, too)" if library else ""
        raise MissingExtraError(
            f"{module} is not installed; install it with: pip install 'tacit-recsys[{extra}]'{also}"
        ) from error
    except OSError as error:  # the module is there, a library that it loads is not
        raise MissingExtraError(
            f"{module} cannot be loaded: {error}; install what it needs with: apt-get install {library}"
        ) from error
