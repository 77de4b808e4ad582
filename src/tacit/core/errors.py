"""The error tree.

::

    TacitError                 a fault of ours (exit code 1)
    └── InputError             wrong use or bad input (exit code 2)
        ├── DataError          a file or a row that cannot be used
        │   └── AmbiguousError  it can be read in two ways: the user chooses
        ├── ConfigError        an option or a configuration key
        ├── UnsupportedError   the data does not support the request
        ├── ArtifactError      a snapshot that is missing, damaged or too new
        └── MissingExtraError  an optional dependency that is not installed

Every message says in one sentence what is wrong, where, and how to fix it; no traceback is needed.
"""


class TacitError(Exception):
    """Base of every error that Tacit raises on purpose."""

    exit_code = 1


class InputError(TacitError):
    """Wrong use or bad input: the caller can fix it."""

    exit_code = 2


class DataError(InputError):
    """A file or a row cannot be used."""


class AmbiguousError(DataError):
    """A file can be read in two ways that are nearly as good; the message holds the options to choose by."""


class ConfigError(InputError):
    """An option or a configuration key is unknown, missing or out of range."""


class UnsupportedError(InputError):
    """The data does not support the request (for example a time split without timestamps)."""


class ArtifactError(InputError):
    """A snapshot is missing, damaged, or of a format that this version does not know."""


class MissingExtraError(InputError):
    """An optional dependency is not installed."""
