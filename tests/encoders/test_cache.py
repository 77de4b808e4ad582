"""The vector cache: encodes what is new, mixes no models, and never stops a fit."""

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32
from tacit.encoders.cache import CachedEncoder, default_file


class Counting:
    """An encoder that keeps the texts it was asked for."""

    def __init__(self, name: str = "counting", scale: float = 1.0, dimension: int = 3) -> None:
        self.name = name
        self.dimension = dimension
        self.scale = scale
        self.requested: list[list[str]] = []

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        self.requested.append(list(texts))
        return np.array([[self.scale * len(text)] * self.dimension for text in texts], dtype=np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "vectors.sqlite3"


def test_a_second_fit_encodes_only_what_changed(file: Path) -> None:
    first, second = Counting(), Counting()
    before = CachedEncoder(first, file).encode(["a", "bb", "a", "ccc"])
    after = CachedEncoder(second, file).encode(["ccc", "new one", "a"])
    assert first.requested == [["a", "bb", "ccc"]]  # equal texts once
    assert second.requested == [["new one"]]
    assert before[:, 0].tolist() == [1, 2, 1, 3]
    assert after[:, 0].tolist() == [3, 7, 1]
    assert after.dtype == np.float32
    third = Counting()
    CachedEncoder(third, file).encode(["new one", "bb"])
    assert third.requested == []


def test_two_models_do_not_mix(file: Path) -> None:
    CachedEncoder(Counting("one", 1.0), file).encode(["text"])
    other = Counting("other", 10.0)
    assert CachedEncoder(other, file).encode(["text"])[0, 0] == 40
    assert other.requested == [["text"]]
    assert CachedEncoder(Counting("one", 99.0), file).encode(["text"])[0, 0] == 4


def test_a_vector_of_another_size_is_computed_again(file: Path) -> None:
    CachedEncoder(Counting(dimension=3), file).encode(["text"])
    wider = Counting(dimension=5)
    assert CachedEncoder(wider, file).encode(["text"]).shape == (1, 5)
    assert wider.requested == [["text"]]


def test_no_text_is_no_vector(file: Path) -> None:
    assert CachedEncoder(Counting(), file).encode([]).shape == (0, 3)


def test_more_texts_than_one_question_holds_are_all_found(file: Path) -> None:
    texts = [f"text {n}" for n in range(2_300)]
    first = Counting()
    expected = CachedEncoder(first, file).encode(texts)
    assert [len(requested) for requested in first.requested] == [2_048, 252]
    again = Counting()
    np.testing.assert_array_equal(CachedEncoder(again, file).encode(texts), expected)
    assert again.requested == []


def test_texts_that_are_no_utf8_and_their_nearest_are_two(file: Path) -> None:
    encoder = Counting()
    CachedEncoder(encoder, file).encode(["\ud800", "?", "é", "e\u0301"])
    assert encoder.requested == [["\ud800", "?", "é", "e\u0301"]]


def _overwritten(file: Path, start: int, content: bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(start)
        stream.write(content)


def _no_database(file: Path) -> None:
    file.write_bytes(b"this was never a database " * 100)


def _broken_pages(file: Path) -> None:
    # The header is whole, so the damage shows only when a row is looked for.
    _overwritten(file, 4096, b"\xff" * (file.stat().st_size - 4096))


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:6_000])


@pytest.mark.parametrize("damage", [_no_database, _broken_pages, _cut])
def test_a_damaged_file_is_set_aside_and_does_not_stop_a_fit(
    file: Path, damage, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [f"text number {n}" for n in range(400)]
    expected = CachedEncoder(Counting(), file).encode(texts)
    damage(file)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(CachedEncoder(Counting(), file).encode(texts), expected)
    assert "is damaged; renamed to vectors.damaged" in caplog.text
    assert file.with_suffix(".damaged").exists()
    third = Counting()
    CachedEncoder(third, file).encode(texts)
    assert third.requested == []  # begun anew, and used


def test_a_cut_vector_is_computed_again(file: Path) -> None:
    CachedEncoder(Counting(), file).encode(["text"])
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE vector SET value = ?", [b"\0" * 7])
    connection.close()
    again = Counting()
    assert CachedEncoder(again, file).encode(["text"])[0, 0] == 4
    assert again.requested == [["text"]]


def test_a_place_that_cannot_be_written_costs_time_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a file").write_text("not a folder")
    encoder = Counting()
    with caplog.at_level(logging.WARNING):
        vectors = CachedEncoder(encoder, tmp_path / "a file" / "vectors.sqlite3").encode(["text"])
    assert vectors[0, 0] == 4
    assert "encoding without it" in caplog.text


def test_a_file_of_another_layout_is_left_alone(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.parent.mkdir()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE vector (something TEXT)")
        connection.execute("INSERT INTO vector VALUES ('of somebody')")
    connection.close()
    with caplog.at_level(logging.WARNING):
        assert CachedEncoder(Counting(), file).encode(["text"])[0, 0] == 4
    assert "cannot be used" in caplog.text
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT something FROM vector").fetchall() == [("of somebody",)]
    connection.close()


def test_several_at_once_share_one_file(file: Path) -> None:
    def encode(start: int) -> Float32:
        return CachedEncoder(Counting(), file).encode([f"{n}" for n in range(start, start + 300)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(encode, [0, 100, 200, 300]))
    last = Counting()
    CachedEncoder(last, file).encode([f"{n}" for n in range(600)])
    assert last.requested == []


def test_the_file_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TACIT_CACHE", str(tmp_path))
    assert default_file() == tmp_path / "vectors.sqlite3"
    monkeypatch.delenv("TACIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_file() == tmp_path / "tacit" / "vectors.sqlite3"


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (
            lambda texts: np.zeros((len(texts), 4), np.float32),
            r"returned float32\[2, 4\] for 2 texts; it must be",
        ),
        (lambda texts: [[1.0] * 3 for _ in texts], "returned list for 2 texts"),
        (lambda texts: np.full((len(texts), 3), np.nan, np.float32), "vectors with NaN or infinity"),
        (lambda texts: np.ones((len(texts), 3), int), r"returned int64\[2, 3\]"),
        (lambda texts: texts.no_such_method(), r"failed \(AttributeError: .*\); mend it, or name another"),
    ],
)
def test_what_is_no_vector_is_refused_and_not_kept(
    file: Path, encode: Callable[[list[str]], Any], message: str
) -> None:
    odd = Counting()
    odd.encode = encode  # type: ignore[method-assign, assignment]
    with pytest.raises(ConfigError, match=rf"the encoder 'counting' \(.*Counting\) {message}|{message}"):
        CachedEncoder(odd, file).encode(["a", "bb"])
    assert CachedEncoder(Counting(), file).encode(["a", "bb"]).tolist() == [[1] * 3, [2] * 3]


def test_vectors_of_double_precision_are_found_again(file: Path) -> None:
    wide = Counting()
    wide.encode = lambda texts: np.array([[len(text)] * 3 for text in texts], float)  # type: ignore[method-assign, assignment]
    CachedEncoder(wide, file).encode(["a"])
    again = Counting()
    assert CachedEncoder(again, file).encode(["a"]).tolist() == [[1] * 3]
    assert again.requested == []


KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from tacit.encoders import cache

class Slow:
    name, dimension = "counting", 3
    def encode(self, texts, *, progress=None):
        print(len(texts), flush=True)
        return np.array([[len(text)] * 3 for text in texts], dtype=np.float32)

cache.CHUNK = 16
for start in range(0, 10**6, 48):
    texts = [f"text {n}" for n in range(start, start + 48)]
    cache.CachedEncoder(Slow(), Path(sys.argv[1])).encode(texts)
"""


def test_a_cut_at_any_moment_leaves_whole_vectors(file: Path) -> None:
    kept = 0
    for lines in (3, 4, 9, 14):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(file)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.kill()
        process.wait()
        process.stdout.close()
        connection = sqlite3.connect(file)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sizes = dict(connection.execute("SELECT length(value), count(*) FROM vector GROUP BY 1").fetchall())
        connection.close()
        assert set(sizes) == {12}
        assert sizes[12] >= kept
        kept = sizes[12]
    again = Counting()
    CachedEncoder(again, file).encode([f"text {n}" for n in range(32)])
    assert again.requested == []  # what was done before the first cut is known
