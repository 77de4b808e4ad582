"""Separators, headers and cells of delimited files."""

from pathlib import Path

import polars as pl
import pytest

from tacit.reading.delimited import Layout, cells_of, layout_of, separator_of, split
from tacit.reading.read import read_events
from tacit.reading.text_records import Quoting

COMMAS = Layout(",", (), None, quoting=Quoting(","))


@pytest.mark.parametrize(
    ("lines", "separator"),
    [
        (["a,b,c", "1,2,3"], ","),
        (["a;b,c;d", "1;2;3,5", "1;2;3"], ";"),
        (["1::F::1::10::48067", "2::M::56::16::70072"], "::"),
        (["1|Toy Story (1995)||http://a|0", "2|GoldenEye||http://b|1"], "|"),
        (["1||b||c", "2||d||e"], "||"),
        (['"a,b"|c', '"d,e"|f'], "|"),
        (["2023-11-14 22:13:20,a", "2023-11-14 22:13:21,b"], ","),
        (["u1\tan item, with commas", "u2\tand one, two, three"], "\t"),
        (["one", "two"], None),
        (["u1 i1 view", "u2 i2 view"], " "),
        (["u1$$i1", "u2$$i2"], "$$"),
        (["u1%i1", "u2%i2"], "%"),
    ],
)
def test_the_sign_that_splits_most_lines_alike_separates(lines: list[str], separator: str | None) -> None:
    assert separator_of(lines) == separator


def test_a_few_broken_lines_do_not_change_the_separator() -> None:
    assert separator_of(["a,b,c", "###", "1;2;3", *["1,2,3"] * 10]) == ","


def test_cells_lose_their_quotes() -> None:
    assert cells_of('"a ""b"" c","1,5",,d', COMMAS) == ['a "b" c', "1,5", "", "d"]
    assert cells_of('"a"::b', Layout("::", (), None)) == ['"a"', "b"]
    assert cells_of("whole, line", Layout(None, (), None)) == ["whole, line"]


@pytest.mark.parametrize("order", [1, -1])
def test_lines_are_split_each_for_itself(order: int) -> None:
    cases = [
        ("a,b", ("a", "b"), None),
        ('"a,1",b', ("a,1", "b"), None),
        ('a"b,"c', None, "a quote is opened and not closed"),
        ('a,"b', None, "a quote is opened and not closed"),
        ('"a"x,b', ("ax", "b"), None),
        ("a", None, "expected 2 columns, found 1"),
        ('"a,b",c,d', None, "expected 2 columns, found 3"),
        (",", ("", ""), None),
        ('"",""', ("", ""), None),
    ][::order]
    frame, reason = split(pl.Series([line for line, _, _ in cases]), COMMAS, 2)
    assert reason.to_list() == [why for _, _, why in cases]
    assert [row for row, why in zip(frame.rows(), reason, strict=True) if why is None] == [
        row for _, row, why in cases if why is None
    ]


def test_a_quote_that_is_never_closed_does_not_exhaust_the_reader() -> None:
    lines = ['"a,b', *['a,"b""c"'] * 3, 'x"",' + "y" * 500_000] + ['""",' + "z" * 900_000 + ',""'] * 20
    _, reason = split(pl.Series(lines), COMMAS, 2)
    assert reason[0] == "a quote is opened and not closed"
    assert reason[1:5].to_list() == [None] * 4


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["user_id,item_id,event", "u,i,view"], ("user_id", "item_id", "event")),
        (["u,i,view", "u,j,view"], None),
        (["u,i,purchase", "u,j,order"], None),
        (["user,item", "u,i"], ("user", "item")),
        (["Kunde;Ware;Zeit", "17;4;1700000000"], ("Kunde", "Ware", "Zeit")),
        (["1,2,3", "4,5,6"], None),
        (["user_id:token\titem_id:token", "1\t2"], ("user_id", "item_id")),
        (["user,item,item", "1,2,3"], ("user", "item", "item_2")),
        (["user,item,item_2,item", "1,2,3,4"], ("user", "item", "item_2", "item_3")),
        (["用户,商品", "张三,手机"], ("用户", "商品")),
        (["user_id,,rating", "1,2,3"], ("user_id", "column_2", "rating")),
    ],
)
def test_headers(lines: list[str], names: tuple[str, ...] | None) -> None:
    layout = layout_of(lines)
    if names is None:
        assert (layout.header, layout.header_line, layout.names[0]) == (None, 0, "1")
    else:
        assert (layout.header, layout.header_line, layout.names) == (lines[0], 1, names)


def test_without_a_header_the_usual_width_counts() -> None:
    assert layout_of(["a,b", "1,2,3", "4,5,6", "7,8,9"]).names == ("1", "2", "3")


@pytest.mark.parametrize("cell", ['="{}"', '"=""{}"""'])
def test_ids_written_as_formulas_are_the_ids(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    rows = [f"u{n % 7},{cell.format(520011484100 + n % 9)},{1_700_000_000 + 900 * n}" for n in range(60)]
    path.write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    assert set(read_events(path).frame["item_id"]) == {str(520011484100 + n) for n in range(9)}
