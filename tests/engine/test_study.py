"""Where a search keeps its trials: only in a file of its own."""

import sqlite3
from pathlib import Path

import pytest

from tacit.core.errors import ConfigError
from tacit.engine.study import storage_of


def test_a_new_an_empty_and_a_sqlite_file_are_taken(tmp_path: Path) -> None:
    assert storage_of(None) is None
    (tmp_path / "empty.db").touch()
    with sqlite3.connect(tmp_path / "old.db") as base:
        base.execute("create table t (x)")
    for name in ("new.db", "empty.db", "old.db"):
        assert storage_of(tmp_path / name) == f"sqlite:///{tmp_path / name}"


def test_anything_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for name, said in (
        ("notes.txt", "is not a study but another file"),
        (".", "is a folder"),
        ("absent/study.db", "does not exist; make it first"),
    ):
        with pytest.raises(ConfigError, match=said):
            storage_of(tmp_path / name)
