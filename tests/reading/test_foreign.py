"""Files that hold no readable table are refused by name, with what to do."""

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tacit.core.errors import DataError
from tacit.reading.read import read_events, read_items

FRAME = pl.DataFrame({"user_id": ["u"], "item_id": ["i"]})


def _file_of(kind: str, path: Path) -> None:
    buffer = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("a.csv"))
    elif kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.csv", "user_id,item_id\n")
    elif kind == "npy":
        np.save(buffer, np.zeros(3))
    elif kind == "npz":
        np.savez(buffer, a=np.zeros(3))
    elif kind == "feather":
        FRAME.write_ipc(buffer)
    elif kind == "avro":
        FRAME.write_avro(buffer)
    elif kind == "sqlite":
        with sqlite3.connect(path) as base:
            base.execute("create table events (a)")
        return
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("tar", "tar archive; unpack"),
        ("zip", "zip archive; unpack"),
        ("npy", "NumPy"),
        ("npz", "zip archive"),
        ("feather", "Feather"),
        ("avro", "Avro"),
        ("sqlite", "SQLite"),
    ],
)
@pytest.mark.parametrize("reader", [read_events, read_items])
def test_a_real_file(kind: str, words: str, reader, tmp_path: Path) -> None:
    path = tmp_path / "log"
    _file_of(kind, path)
    with pytest.raises(DataError, match=words):
        reader(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.ods", "OpenDocument.*save it as .xlsx"), ("a.NPZ", "NumPy arrays; save"), ("a.dat", "zip.*unpack")],
)
def test_an_archive_is_named_by_the_end_of_its_name(name: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    _file_of("zip", path)
    with pytest.raises(DataError, match=words):
        read_events(path)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("line", ["{name}|{number}", "{number}|{name}"])
def test_numbered_names_are_no_events(first: int, line: str, tmp_path: Path) -> None:
    path = tmp_path / "u.genre"
    names = ["unknown", "Action", "Science Fiction", "Film-Noir", "Children's", "Drama"]
    path.write_text("".join(line.format(name=n, number=k) + "\n" for k, n in enumerate(names, first)) + "\n")
    with pytest.raises(DataError, match="numbered names, not a log"):
        read_events(path)


def test_browse_records_of_numbered_users_are_events(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{n}\ta{n} b{n} c{n % 3}\n" for n in range(1, 30)))
    assert len(read_events(path).frame) == 87


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pickle.dumps([1, 2]), "pickle"),
        (gzip.compress(pickle.dumps([1, 2])), "pickle"),
        (gzip.compress(b"RDX3\nX\n" + bytes(20)), "R data file"),
        (b"X\n\0\0\0\3" + bytes(20), "R data file"),
        (bz2.compress(b"user,item\n"), "bzip2"),
        (lzma.compress(b"user,item\n"), "xz"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\n<!DOCTYPE html><html>", "HTML"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "XML"),
        (b"ORC" + bytes(20), "ORC"),
    ],
)
def test_first_bytes(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    with pytest.raises(DataError, match=words):
        read_events(path)
