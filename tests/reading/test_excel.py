"""Workbooks of Excel are read as tables with types; what only looks like one is refused."""

import zipfile
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tacit.core.errors import DataError
from tacit.reading import excel
from tacit.reading.read import read_catalogue, read_events, read_items, read_users

Cell = str | float | datetime | None
_NAMES = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def cell(value: Cell, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    if isinstance(value, datetime):
        days = (value - datetime(1899, 12, 30)).total_seconds() / 86_400
        return f'<c r="{place}" s="1"><v>{days!r}</v></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'


def workbook(path: Path, **sheets: list[list[Cell]]) -> Path:
    """Write a workbook, as small as Excel accepts it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        ids = list(enumerate(sheets, 1))
        state = {name: ' state="hidden"' for name in sheets if name.startswith("Hidden")}
        listed = "".join(
            f'<sheet name="{name}" sheetId="{n}"{state.get(name, "")} r:id="rId{n}"/>' for n, name in ids
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_NAMES}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets></workbook>',
        )
        linked = "".join(
            f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n, _ in ids
        )
        style = f'<Relationship Id="rId99" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{_PACKAGE}">{linked}{style}</Relationships>'
        )
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{_NAMES}"><cellXfs><xf numFmtId="0"/>'
            '<xf numFmtId="22"/></cellXfs></styleSheet>',
        )
        for number, rows in enumerate(sheets.values(), 1):
            body = "".join(
                f'<row r="{r}">'
                + "".join(cell(value, f"{chr(65 + c)}{r}") for c, value in enumerate(row))
                + "</row>"
                for r, row in enumerate(rows, 1)
            )
            archive.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{_NAMES}"><sheetData>{body}</sheetData></worksheet>',
            )
    return path


START = datetime(2024, 3, 1, 8, 30)
LOG: list[list[Cell]] = [
    ["customer_id", "product_id", "event", "time"],
    *([17_850 + n % 9, f"p{n % 13}", "view", START.replace(day=1 + n % 28)] for n in range(60)),
]


def test_a_log(tmp_path: Path) -> None:
    source = read_events(workbook(tmp_path / "log.xlsx", Events=LOG))
    assert (source.dialect, len(source.frame), source.rows_in) == ("Excel", 60, 60)
    assert source.frame["user_id"][0] == "17850"
    assert source.frame["item_id"][1] == "p1"
    assert source.frame["timestamp"][0] == pytest.approx(1_709_281_800)


def test_empty_rows_and_columns_before_a_table(tmp_path: Path) -> None:
    moved = [["Export of March"], [], [], *([None, None, *row] for row in LOG)]
    source = read_events(workbook(tmp_path / "log.xlsx", Events=moved))
    assert len(source.frame) == 60
    assert source.frame["user_id"][0] == "17850"


def test_several_sheets_are_said(tmp_path: Path) -> None:
    path = workbook(tmp_path / "log.xlsx", Cover=[["Report"]], Events=LOG, Other=LOG)
    source = read_events(path)
    assert len(source.frame) == 60
    assert "the sheet Events was read; the workbook also holds Other" in source.notes


def test_a_hidden_sheet_is_read_only_where_there_is_no_other(tmp_path: Path) -> None:
    old: list[list[Cell]] = [["item_id", "title"], ["1", "Old lamp"], ["2", "Old chair"]]
    new: list[list[Cell]] = [["item_id", "title"], ["1", "New lamp"], ["2", "New chair"]]
    both = read_catalogue(workbook(tmp_path / "items.xlsx", Hidden1=old, Now=new, Next=old))
    assert both.frame["title"].to_list() == ["New lamp", "New chair"]
    assert "the sheet Now was read; the workbook also holds Next" in " ".join(both.notes)
    only = read_items(workbook(tmp_path / "items.xlsx", Hidden1=old))
    assert only["title"].to_list() == ["Old lamp", "Old chair"]


def test_a_catalogue_and_users(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["item_id", "title", "price"], [1.0, "Lamp", 9.5], ["B2", "Chair", None]]
    items = read_items(workbook(tmp_path / "items.xlsx", Sheet1=rows))
    assert items["item_id"].to_list() == ["1", "B2"]
    assert items["price"].to_list() == [9.5, None]
    people: list[list[Cell]] = [["user_id", "city"], [7.0, "Oslo"], [8.0, "Bergen"]]
    assert read_users(workbook(tmp_path / "users.xlsx", Sheet1=people))["user_id"].to_list() == ["7", "8"]


def test_a_workbook_without_a_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no table"):
        read_events(workbook(tmp_path / "log.xlsx", Cover=[["Report"]], Empty=[]))


@pytest.mark.fault(29)
def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "log.xlsx", Events=LOG)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros.bin", bytes(40 * 2**20))
    with pytest.raises(DataError, match="would unpack to"):
        read_events(path)
    monkeypatch.setattr(excel, "MOST_RATIO", 10**9)
    monkeypatch.setattr(excel, "MOST_BYTES", 2**20)
    with pytest.raises(DataError, match="would unpack to"):
        read_items(path)


def test_a_damaged_workbook_is_one_sentence(tmp_path: Path) -> None:
    path = workbook(tmp_path / "log.xlsx", Events=LOG)
    data = bytearray(path.read_bytes())
    data[data.index(b"sheet1.xml") + 60] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="not a whole Excel workbook"):
        read_events(path)
