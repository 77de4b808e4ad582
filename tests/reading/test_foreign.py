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
        (gzip.compress(pickle.dumps([1, 2]), mtime=0), "pickle"),
        (gzip.compress(b"RDX3\nX\n" + bytes(20), mtime=0), "R data file"),
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


@pytest.mark.parametrize("protocol", [0, 1, 2, 5])
@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        [["u1", "i1"]],
        [("u1", "i1")],
        {"u1": ["i1"]},
        ("u1", "i1"),
        np.zeros(3),
        FRAME.to_pandas(),
    ],
    ids=["numbers", "lists", "tuples", "dictionary", "tuple", "array", "frame"],
)
@pytest.mark.parametrize("reader", [read_events, read_items])
@pytest.mark.fault(42)
def test_a_pickle_of_any_protocol(value: object, protocol: int, reader, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    with pytest.raises(DataError, match="a Python pickle; save"):
        reader(path)


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, gzip.compress])
def test_r_data_is_named_however_it_is_packed(pack, tmp_path: Path) -> None:
    path = tmp_path / "transactions.RData"
    path.write_bytes(pack(b"RDX3\nX\n" + bytes(20)))
    with pytest.raises(DataError, match="an R data file"):
        read_events(path)


PROSE = """The shop and its log

We exported all orders of the year 2024, one file a month.
Every line is a line of an order; returned goods have
a line of their own. Write to us if something is missing.

Columns: the buyer, the article, the day.
The days are in the time of the shop.
"""


@pytest.mark.parametrize("name", ["README", "README.gz", "Readme.md", "notes", "about.csv"])
@pytest.mark.parametrize("reader", [read_events, read_items])
def test_a_text_to_read_is_no_table(name: str, reader, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(PROSE.encode()) if name.endswith(".gz") else PROSE.encode())
    with pytest.raises(DataError, match="not a table but a text to read"):
        reader(path)


@pytest.mark.parametrize("header", ["user_id,item_id,review", "user_id\titem_id\treview"])
def test_reviews_over_several_lines_are_a_table(header: str, tmp_path: Path) -> None:
    path, sign = tmp_path / "readme_reviews.csv", "\t" if "\t" in header else ","
    rows = [sign.join((f"u{n % 7}", f"i{n % 5}", f'"{PROSE}"')) for n in range(40)]
    path.write_text("\n".join([header, *rows]) + "\n")
    assert len(read_events(path).frame) == 40


WORDS = ("Red", "Blue", "Old", "New", "Small", "Great", "Last", "First", "Night", "Day")


def _user_row(n: int) -> str:
    return f"{n + 1}::{'FM'[n % 3 == 0]}::{18 + n % 7}::{n % 5}::{10_000 + 37 * n}"


def _aged_user_row(n: int) -> str:
    return f"{n + 1}|{18 + n % 40}|{'FM'[n % 3 == 0]}|{WORDS[n % 9]}|{10_000 + 37 * n}"


def _film_row(n: int) -> str:
    title = f"{WORDS[n % 10]} {WORDS[n // 10 % 10]} {WORDS[n // 7 % 10]}"
    return f"{n + 1}::{title} {n}::{1990 + n % 9}::{WORDS[n % 4]}, {WORDS[n % 3]}"


@pytest.mark.parametrize("row", [_user_row, _aged_user_row, _film_row])
def test_a_table_of_users_or_items_without_a_header_is_no_log(row, tmp_path: Path) -> None:
    path = tmp_path / "table.dat"
    path.write_text("".join(row(n) + "\n" for n in range(300)))
    with pytest.raises(DataError, match="a table of items or users, not a log of events"):
        read_events(path)


def test_numbered_rows_of_a_log_are_events(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [f"{n + 1},u{n % 23},i{n * 7 % 31},{1 + n % 5},{1_700_000_000 + 5_000 * n}" for n in range(300)]
    path.write_text("\n".join(rows) + "\n")
    assert len(read_events(path).frame) == 300
