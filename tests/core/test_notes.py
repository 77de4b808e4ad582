"""Notes: each is passed on once, and a warning is never lost."""

import pytest

from tacit.core.notes import Note, Notes


def test_notes_are_passed_on_in_their_order_each_once() -> None:
    heard: list[Note] = []
    notes = Notes(heard.append)
    notes.add(["an empty column is dropped"], "items.csv")
    notes(Note("no model reads the texts", warning=True))
    notes.add(["an empty column is dropped"], "items.csv")
    assert notes.lines == ["items.csv: an empty column is dropped", "no model reads the texts"]
    assert [note.text for note in heard] == notes.lines


def test_where_nobody_listens_warnings_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    notes.add(["times are read as UTC"])
    notes(Note("no model reads the texts", warning=True))
    assert caplog.messages == ["no model reads the texts"]
    assert len(notes.lines) == 2
