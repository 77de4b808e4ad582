"""Libraries that will be needed soon, imported while something else is done."""

import threading
from importlib import import_module


def import_ahead(*names: str) -> None:
    """Import modules in a thread; an import of one of them elsewhere waits at most for the rest of it."""
    threading.Thread(target=_import, args=(names,), name="tacit-import").start()


def _import(names: tuple[str, ...]) -> None:
    for name in names:
        import_module(name)
