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


CHINESE = ("红色跑步鞋", "蓝色跑步鞋", "陶瓷茶杯", "轻便雨衣")
HINDI = ("लाल जूते", "नीला कप", "हल्का कोट", "सुंदर घड़ी")


def written(folder: Path, titles: tuple[str, ...]) -> tuple[Path, Path, Path]:
    """Write a log, a catalogue with a row without an id and one that repeats an id, and users likewise."""
    log, items, users = folder / "log.csv", folder / "items.csv", folder / "users.csv"
    rows = [f"u{n % 5},i{n % 4},view,{1_700_000_000 + 1000 * n}" for n in range(40)]
    log.write_text(LOG + "\n".join(rows) + "\n")
    listed = [f"i{n},{title}" for n, title in enumerate(titles)]
    items.write_text("\n".join(["item_id,title", *listed, "i0,again", ",nobody"]) + "\n", "utf-8")
    users.write_text("\n".join(["user_id,age", *(f"u{n},3{n}" for n in range(5)), "u1,40"]) + "\n")
    return log, items, users


def test_it_says_how_the_texts_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, items, _ = written(tmp_path, (*CHINESE[:3], "轻便雨衣 " * 200))
    place = tmp_path / "report.html"
    assert run(["check", str(log), "--items", str(items), "--html", str(place)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "texts are read by the multilingual encoder USE, because" in printed
    assert "of the words are unknown to the English model" in printed
    assert "1 of 4 texts are longer than the 256 tokens that are read" in printed
    page = place.read_text("utf-8")
    assert "<h3>Texts</h3>" in page
    assert "texts are read by the multilingual encoder USE" in page
    assert run(["check", str(log), "--items", str(items), "--json", "-"]) == 0
    texts = json.loads(capsys.readouterr().out)["texts"]
    assert (texts["encoder"], texts["texts"], texts["cut_texts"], texts["unreadable"]) == ("use", 4, 1, 0)
    assert texts["unknown_share"] == 0


def test_texts_that_no_language_model_reads_are_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, items, _ = written(tmp_path, HINDI)
    place = tmp_path / "report.html"
    assert run(["check", str(log), "--items", str(items), "--html", str(place)]) == 0
    assert "no language model here reads them" in " ".join(capsys.readouterr().out.split())
    assert '<li class="warning">texts are read by TF-IDF, because' in place.read_text("utf-8")


def test_the_words_are_counted_for_the_encoder_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, items, _ = written(tmp_path, CHINESE)
    command = ["check", str(log), "--items", str(items), "--json", "-", "--encoder"]
    assert run([*command, "minilm"]) == 0
    texts = json.loads(capsys.readouterr().out)["texts"]
    assert (texts["encoder"], texts["unreadable"]) == ("minilm", 4)
    assert texts["unknown_share"] > 0.5
    assert run([*command, "none"]) == 0
    assert json.loads(capsys.readouterr().out)["texts"] is None
    assert run([*command, "nowhere/model"]) == 2
    assert "nowhere/model" in capsys.readouterr().err


def test_the_texts_of_a_log_that_is_its_own_catalogue_are_read_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"u{n % 5},i{n % 4},{CHINESE[n % 4]},{1_700_000_000 + 1000 * n}" for n in range(60)]
    log = tmp_path / "orders.csv"
    log.write_text("\n".join(["user_id,item_id,商品标题,timestamp", *rows]) + "\n", "utf-8")
    assert run(["check", str(log), "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["texts"]["encoder"], report["texts"]["texts"]) == ("use", 4)
    assert any("the log as its own catalogue: titles 商品标题" in note for note in report["notes"])


def test_what_was_dropped_in_catalogue_and_users_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, items, users = written(tmp_path, CHINESE)
    assert run(["check", str(log), "--items", str(items), "--users", str(users), "--json", "-"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert f"{items}: 1 row(s) without an id are left out" in notes
    assert f"{users}: 1 row(s) repeat an id of user_id; the first row of each is used" in notes
