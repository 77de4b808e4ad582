"""Files become numbered lines whatever their packing, encoding, line ends and block size."""

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.reading.logs import write

from tacit.core.errors import DataError
from tacit.reading import textfile


def lines(path: Path, encoding: str = "utf-8") -> list[str]:
    read: list[str] = []
    for block in textfile.blocks(path, encoding):
        assert block.first == len(read) + 1
        read += block.lines.to_list()
    return read


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\n\n", ["a", ""]),
        (b"\n", [""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\r", ["a", "b"]),
        (b"a\r\rb", ["a", "", "b"]),
        (b"a\n\rb\r\nc", ["a", "", "b", "c"]),
        (b"a\x0bb\x1cc\xe2\x80\xa8d\xc2\x85e", ["a\x0bb\x1cc\u2028d\x85e"]),
    ],
)
def test_line_ends(data: bytes, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, data)
    for size in (1, 2, 3, 100):
        monkeypatch.setattr(textfile, "_BLOCK", size)
        assert lines(path) == expected


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("plain,ascii\n1,2\n", "ascii", "utf-8"),
        ("用户,商品\n张三,手机\n", "utf-8", "utf-8"),
        ("用户,商品\n张三,手机\n", "gb18030", "gb18030"),
        ("用户,商品\n张三,手机\n", "utf-16", "utf-16"),
        ("用户,商品\n张三,手机\n", "utf-16-le", "utf-16-le"),
        ("用户,商品\n张三,手机\n", "utf-16-be", "utf-16-be"),
        ("user,item\n1,2\n", "utf-16-le", "utf-16-le"),
        ("user,item\n1,2\n", "utf-16-be", "utf-16-be"),
        ("user,item\n1,2\n", "utf-8-sig", "utf-8-sig"),
        ("user,item\n1,2\n", "utf-32", "utf-32"),
        ("Zoë,Café,Müller\n", "latin-1", "windows-1252"),
        ("u\0,i\n" * 3 + "user,item\n" * 9, "utf-8", "utf-8"),
    ],
)
def test_encodings_are_told_by_the_bytes(text: str, encoding: str, found: str) -> None:
    assert textfile.encoding_of(text.encode(encoding)) == found


def test_a_few_bad_bytes_in_much_utf_8_are_damage() -> None:
    sample = ("用户,商品\n" * 20).encode() + b"\xff\n"
    assert textfile.encoding_of(sample) == "utf-8"


def test_a_frequent_word_that_is_utf_8_by_chance_decides_nothing() -> None:
    sample = ("대출자번호,도서번호,서명,대출일\r\n" + "8,B10,책 10,2024.01.05\r\n" * 50).encode("cp949")
    assert "책".encode("cp949").decode("utf-8") == "å"
    assert textfile.encoding_of(sample) == "cp949"


def test_a_sample_that_ends_within_a_character_is_still_utf_8() -> None:
    assert textfile.encoding_of("商品".encode()[:-1]) == "utf-8"


@pytest.mark.parametrize("size", [1, 3, 100])
def test_only_the_lines_with_bad_bytes_are_damaged(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textfile, "_BLOCK", size)
    path = write(tmp_path, "good\nreplaced \ufffd\n".encode() + b"bad \xff\xfe\ngood\ncut \xe5\x95")
    found = list(textfile.blocks(path, "utf-8"))
    assert set().union(*(block.damaged for block in found)) == {3, 5}
    assert [line for block in found for line in block.lines] == [
        "good",
        "replaced \ufffd",
        "bad \ufffd\ufffd",
        "good",
        "cut \ufffd",
    ]


@given(
    text=st.text(st.sampled_from("ab,商😀é\n\r"), max_size=40),
    encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "gb18030"]),
    size=st.integers(1, 9),
)
def test_lines_are_those_of_universal_newlines(
    text: str, encoding: str, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.getbasetemp(), text.encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfile, "_BLOCK", size)
        with path.open(encoding=encoding) as stream:
            expected = stream.read().split("\n")
        assert lines(path, encoding) == (expected[:-1] if expected[-1] == "" else expected)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_any_cut_of_a_packed_file_is_an_error(pack, tmp_path: Path) -> None:
    data = pack(b"user,item\n" * 3 + bytes(range(256)))
    assert len(lines(write(tmp_path, data), "latin-1")) > 3
    for size in range(4, len(data) - 1, 7):
        with pytest.raises(DataError, match="cannot be unpacked"):
            lines(write(tmp_path, data[:size]))


def test_packed_pieces_one_after_another(tmp_path: Path) -> None:
    for pack in (gzip.compress, zstandard.compress):
        assert lines(write(tmp_path, pack(b"a\nb") + pack(b"c\n") + pack(b"") + pack(b"d"))) == [
            "a",
            "bc",
            "d",
        ]


def test_the_head_of_a_file_is_unpacked(tmp_path: Path) -> None:
    assert textfile.head(write(tmp_path, zstandard.compress(b"abcdef")), 3) == b"abc"


def test_bytes_that_mark_damage_inside_are_damage_in_a_file_too(tmp_path: Path) -> None:
    mark = textfile._DAMAGE_IN_UTF8
    for encoding, line in (
        ("utf-8", b"a" + mark + b"b"),
        ("utf-32-le", mark + b"\xff" + "b".encode("utf-32-le")),
    ):
        path = tmp_path / "log.csv"
        path.write_bytes("é1\n".encode(encoding) + line + "\né2\n".encode(encoding))
        (block,) = textfile.blocks(path, encoding)
        assert block.damaged == {2}
        assert block.lines.to_list() == ["é1", "a�b" if encoding == "utf-8" else "�b", "é2"]


def test_a_line_longer_than_a_block_is_whole_and_its_bytes_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textfile, "_BLOCK", 5)
    text = "user,item\r\n" + "长" * 40 + "\r" + "x\n" + "y" * 17
    (tmp_path / "log.csv").write_text(text, "utf-8", newline="")
    found = list(textfile.blocks(tmp_path / "log.csv", "utf-8"))
    assert [line for block in found for line in block.lines] == ["user,item", "长" * 40, "x", "y" * 17]
    assert sum(block.size for block in found) == len(text.encode())


def test_a_mark_of_utf_16_that_is_not_at_the_start_is_damage_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    odd = "user_id,item_id\nu1,i1\n".encode("utf-16")
    path.write_bytes(b"\n" + odd[:9] + odd[10:])
    encoding, _ = textfile.encoding_of_file(path)
    assert encoding != "utf-16"
    assert sum(len(part.lines) for part in textfile.blocks(path, encoding)) > 0


ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\r", "\r\r\n"])


@given(
    lines=st.lists(st.tuples(st.text('aé"商', max_size=9), ENDS), min_size=1, max_size=60),
    block=st.integers(2, 40),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "iso2022_jp"]),
)
def test_the_lines_of_spans_are_those_of_the_file(
    lines: list[tuple[str, str]], block: int, encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "spans.txt"
    path.write_bytes("".join(map("".join, lines)).encode(encoding, "replace"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfile, "_BLOCK", block)
        whole = [line for one in textfile.blocks(path, encoding) for line in one.lines]
        spans = textfile.spans(path, encoding)
        if encoding in ("utf-16", "iso2022_jp") or path.stat().st_size <= 4 * block:
            assert len(spans) == 1
            return
        assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
        assert (spans[0].start, spans[-1].end) == (0, path.stat().st_size)
        first, found = 1, []
        for span in spans:
            count, quoted = textfile.count_lines(path, span)
            blocks = list(textfile.blocks(path, encoding, replace(span, first=first)))
            assert [one.first for one in blocks[:1]] == [first] * len(blocks[:1])
            assert quoted == (b'"' in path.read_bytes()[span.start : span.end])
            found += [line for one in blocks for line in one.lines]
            first += count
            if span != spans[-1]:
                assert len(found) == first - 1
    assert found == whole
