"""``tacit check`` from files to files, through the command line itself."""

import csv
import json
from pathlib import Path

import polars as pl
import pytest

from tacit.cli.app import run
from tacit.data.shop import generate

LOG = "user_id,item_id,event,timestamp\n"


@pytest.fixture(scope="module")
def shop_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    generate(users=300, items=128, events=6_000, days=30).write(folder)
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rows = [
        f"u{n % 5},i{n % 3},{'view' if n % 4 else 'purchase'},{1_700_000_000 + 1000 * n}" for n in range(40)
    ]
    path = tmp_path / "log.csv"
    path.write_text(LOG + "\n".join(rows) + "\n")
    return path


def test_a_dirty_shop_makes_the_whole_trip(
    shop_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {name: tmp_path / name for name in ("r.html", "r.json", "q.parquet", "clean.parquet")}
    code = run(
        [
            "check",
            str(shop_files / "events.csv"),
            *("--items", str(shop_files / "items.jsonl")),
            *("--users", str(shop_files / "users.csv")),
            *("--html", str(names["r.html"])),
            *("--json", str(names["r.json"])),
            *("--quarantine", str(names["q.parquet"])),
            *("--out", str(names["clean.parquet"])),
            *("--weights", "auto"),
        ]
    )
    printed = capsys.readouterr().out
    assert code == 0
    assert ["user", "user_id", "by", "name"] in [line.split()[:4] for line in printed.splitlines()]
    assert "purchase" in printed
    report = json.loads(names["r.json"].read_text("utf-8"))
    lines = len((shop_files / "events.csv").read_text("utf-8").splitlines())
    assert report["rows_in"] == lines - 1
    assert report["rows_in"] == report["rows_kept"] + report["rows_quarantined"]
    assert sum(report["reasons"].values()) == report["rows_quarantined"] > 100
    assert report["weights"]["target"] == "purchase"
    removed, kept = pl.read_parquet(names["q.parquet"]), pl.read_parquet(names["clean.parquet"])
    assert len(removed) == report["rows_quarantined"]
    assert {"line", "reason", "raw"} <= set(removed.columns)
    assert len(kept) == report["events"]
    assert "u90000" not in kept["user_id"]
    assert names["r.html"].read_text("utf-8").startswith("<!DOCTYPE html>")
    assert not list(tmp_path.glob(".*"))


def test_json_alone_on_standard_output(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(log), "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["events"] == 40
    assert (report["users"], report["items"]) == (5, 3)
    assert (report["time_start"], report["time_end"]) == (1_700_000_000, 1_700_039_000)
    assert report["mapping"]["user"] == "user_id"


def test_columns_can_be_mapped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("a,b,c\n" + "\n".join(f"x{n},y{n % 4},{1_700_000_000 + n}" for n in range(30)) + "\n")
    code = run(
        ["check", str(path), "--map", "b=user", "--map", "a=item", "--map", "c=timestamp", "--json", "-"]
    )
    assert code == 0
    report = json.loads(capsys.readouterr().out)
    assert report["mapping"]["user"] == "b"
    assert (report["users"], report["items"]) == (4, 30)


def test_a_spreadsheet_runs_no_quarantined_cell(tmp_path: Path) -> None:
    path, out = tmp_path / "log.csv", tmp_path / "q.csv"
    bad = ["=HYPERLINK(1)", "+1,,,", "-1", "@SUM(A1)"]
    path.write_text(LOG + "".join(f"u{n},i{n % 7},view,{1_700_000_000 + 60 * n}\n" for n in range(50)))
    with path.open("a") as stream:
        stream.write("\n".join(bad) + "\n")
    assert run(["check", str(path), "--quarantine", str(out)]) == 0
    with out.open(newline="") as stream:
        raw = [row["raw"] for row in csv.DictReader(stream)]
    assert len(raw) == 4
    assert all(cell.startswith("'") for cell in raw)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "cleaned.xls"], "must end in .parquet"),
        (["--quarantine", "no/such/folder/q.csv"], "does not exist"),
        (["--html", "."], "is a folder"),
        (["--map", "user_id"], "column=role"),
        (["--weights", "guess"], "guess"),
        (["--items", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_wrong_use_is_one_sentence_and_two(
    log: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(log), *arguments]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err


def test_a_missing_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / "nothing.csv")]) == 2
    assert "nothing.csv" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "events", "users", "items"),
    [("ml-100k", 100_000, 943, 1_682), ("ml-latest-small", 100_004, 671, 9_066)],
)
def test_published_counts(
    shared_data: Path, name: str, events: int, users: int, items: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / name
    code = run(
        ["check", str(folder / "events.parquet"), "--items", str(folder / "items.parquet"), "--json", "-"]
    )
    assert code == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["rows_in"], report["users"], report["items"]) == (events, users, items)
