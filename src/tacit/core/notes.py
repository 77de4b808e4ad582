"""Sentences on what was guessed, dropped or cannot be read, for whoever started the work."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Note:
    """A sentence on the data.

    Attributes
    ----------
    text : str
    warning : bool
        Whether the result is likely to be worse than it could be.
    """

    text: str
    warning: bool = False

    def __str__(self) -> str:
        """Return the sentence."""
        return self.text


OnNote = Callable[[Note], None]
"""Called with every note as soon as it is known."""


def log_warning(note: Note) -> None:
    """Log a note that is a warning: what is done where nobody wants the notes."""
    if note.warning:
        _log.warning("%s", note.text)


class Notes:
    """Notes that are passed on one by one, and kept.

    Parameters
    ----------
    on_note : OnNote, optional
        By default warnings are logged.
    """

    def __init__(self, on_note: OnNote | None = None) -> None:
        self._on_note = on_note or log_warning
        self._kept: list[Note] = []

    def __call__(self, note: Note) -> None:
        """Pass a note on and keep it; one that was there before is left out."""
        if note not in self._kept:
            self._kept.append(note)
            self._on_note(note)

    def add(self, texts: Iterable[str], where: str | None = None) -> None:
        """Pass on sentences that are no warnings, and keep them.

        Parameters
        ----------
        texts : iterable of str
        where : str, optional
            What they are on, if they do not say it.
        """
        for text in texts:
            self(Note(text if where is None else f"{where}: {text}"))

    @property
    def lines(self) -> list[str]:
        """The notes so far, in their order."""
        return [note.text for note in self._kept]
