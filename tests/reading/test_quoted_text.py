"""Text of customers stays text: whatever stands in quotes, no record is added, removed or changed."""

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.examples import examples, share_of
from tests.reading.known import KEEP, T0
from tests.reading.layouts import random_layout

import tacit
from tacit.core.errors import InputError
from tacit.reading.read import read_items

N = 24
EVENTS = ["view", "cart", "view", "purchase"]
FORGED = 'nice\nu99,i99,purchase,1709251200,"\n"u98","i98","purchase","1709251200","x"\n'
"""A review that pretends to be two purchases."""

CHARACTERS = st.one_of(  # a record with a NUL is rejected as a whole
    st.characters(exclude_categories=("Cs",), exclude_characters="\x00"),
    st.sampled_from("\n\r\",;\t|\\'#=:\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\ufeff{}[]"),
)
TEXT = st.one_of(st.text(CHARACTERS, max_size=30), st.sampled_from([FORGED, "\n", '"', "\r\n\r\n"]))
TEXTS = st.lists(TEXT, min_size=N, max_size=N)
SEPARATORS = st.sampled_from([",", ";", "\t", "|"])
PLACES = st.sampled_from([0, 2, 4])


def records() -> list[list[str]]:
    """Return who did what to what and when."""
    return [
        [f"u{number * 7 % 6}", f"i{number * 5 % 8}", EVENTS[number % 4], str(T0 + 900 * number)]
        for number in range(N)
    ]


def events_of(path: Path) -> list[tuple[object, ...]]:
    """Return user, item, event and time of every event, and check that no row is lost."""
    log = tacit.read(path, rules=KEEP)
    assert log.rows_in == len(log.events) + len(log.quarantine) == N
    return log.events.sort("line").select("user_id", "item_id", "event", "timestamp").rows()


EXPECTED = [(user, item, event, float(at)) for user, item, event, at in records()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quoted")


def quoted(texts: list[str], separator: str, place: int, end: str, name: str = "review") -> bytes:
    """Return the records with a text each, in the quotes of RFC 4180."""
    target = io.StringIO()
    lines = [["user_id", "item_id", "event", "timestamp"], *records()]
    rows = [[*line[:place], text, *line[place:]] for line, text in zip(lines, [name, *texts], strict=True)]
    csv.writer(target, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return target.getvalue().encode()


@examples(30)
@given(texts=TEXTS, separator=SEPARATORS, place=PLACES, end=st.sampled_from(["\n", "\r\n"]))
@example(texts=[FORGED] * N, separator=",", place=4, end="\n")
@example(texts=[FORGED] * N, separator=",", place=0, end="\r\n")
@example(texts=["a\rb"] * N, separator=";", place=2, end="\n")
@example(
    texts=["\u2028", "\x85", "\x0b", "\x0c", "\x1c", "\x1d"] * (N // 6), separator=",", place=4, end="\n"
)
def test_text_in_quotes_changes_no_record(
    texts: list[str], separator: str, place: int, end: str, folder: Path
) -> None:
    path = folder / "log.csv"
    path.write_bytes(quoted(texts, separator, place, end))
    assert events_of(path) == EXPECTED


@examples(20)
@given(texts=TEXTS)
def test_text_in_json_changes_no_record(texts: list[str], folder: Path) -> None:
    path, names = folder / "log.jsonl", ("user_id", "item_id", "event", "timestamp")
    lines = [
        json.dumps(dict(zip(names, row, strict=True)) | {"review": text}, ensure_ascii=False)
        for row, text in zip(records(), texts, strict=True)
    ]
    path.write_text("\n".join(lines), "utf-8", newline="")
    assert events_of(path) == EXPECTED


@examples(20)
@given(texts=TEXTS, separator=SEPARATORS)
def test_text_in_a_catalogue_changes_no_item(texts: list[str], separator: str, folder: Path) -> None:
    path = folder / "items.csv"
    target = io.StringIO()
    ids = [f"i{number}" for number in range(N)]
    rows = [
        ("item_id", "description", "price"),
        *((one, text, "9.5") for one, text in zip(ids, texts, strict=True)),
    ]
    csv.writer(target, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(rows)
    path.write_text(target.getvalue(), "utf-8", newline="")
    assert read_items(path)["item_id"].to_list() == ids


@examples(20)
@given(
    cells=st.lists(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters='\n\r,"\x00'), max_size=20),
        min_size=N,
        max_size=N,
    )
)
def test_only_a_line_end_ends_a_record_without_quotes(cells: list[str], folder: Path) -> None:
    """Python's own idea of lines ends them at form feeds and separators of paragraphs as well."""
    path = folder / "log.csv"
    rows = [",".join([*row, f"x{text}x"]) for row, text in zip(records(), cells, strict=True)]
    path.write_text("\n".join(["user_id,item_id,event,timestamp,note", *rows]), "utf-8", newline="")
    assert events_of(path) == EXPECTED


def test_a_text_that_is_longer_than_a_block_changes_no_record(folder: Path) -> None:
    """Files are read block by block: a record may be longer than one, and cross its end anywhere."""
    for length in (60_000, 400_000):
        texts = [(FORGED * (length // len(FORGED) + 1))[: length + number] for number in range(N)]
        path = folder / "log.csv"
        path.write_bytes(quoted(texts, ",", 4, "\n"))
        assert events_of(path) == EXPECTED


# Rows in = kept + rejected


def _cut(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randrange(1, 60) :]


def _quote(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + rng.choice((b'"', b'""', b'"\n', b"\\")) + data[start:]


def _noise(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + rng.randbytes(rng.randrange(1, 6)) + data[start:]


def _line(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    lines.insert(rng.randrange(len(lines)), rng.choice((b"", b",,,,", b"#", b"[]", b"{}", lines[-1][:9])))
    return b"\n".join(lines)


def _end(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(1, len(data))]


DAMAGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (_cut, _quote, _noise, _line, _end)


@pytest.mark.parametrize("seed", share_of(range(60), 2))
def test_every_row_of_a_damaged_log_is_kept_or_rejected(seed: int, folder: Path) -> None:
    rng, layout = random.Random(seed), random_layout(1_000_000 + seed)
    data = layout.data
    for _ in range(rng.randrange(1, 4)):
        data = rng.choice(DAMAGES)(rng, data)
    path = folder / layout.file
    path.write_bytes(data)
    try:
        log = tacit.read(path)
    except InputError as error:
        assert str(error).strip()
        return
    finally:
        path.unlink()
    assert log.rows_in == len(log.events) + len(log.quarantine)
    assert log.quarantine.select(pl.col("reason").is_not_null().all()).item()
    assert sum(log.reasons.values()) == len(log.quarantine)
