"""Real data sets read with their published counts, raw and as Parquet; no person there is taken for a bot."""

import json
from pathlib import Path

import pytest

from tacit.cli.app import run

pytestmark = pytest.mark.data

PARQUET = [
    # name, rows, users, items
    ("amazon-beauty", 198_502, 22_363, 12_101),
    ("amazon-2023-mini", 25_023, 3_744, 3_700),
    ("amazon-industrial", 22_743, 3_285, 3_541),
    ("retailrocket-subset", 92_487, 3_431, 8_885),
    ("yoochoose-100k", 83_846, 21_210, 2_933),
    ("steam-200k", 200_000, 12_393, 5_155),
    ("mind-sample", 189_359, 4_637, 7_457),
    ("completejourney", 75_000, 2_377, 20_902),
    ("douban-sample", 6_000, 4_473, 111),
]
RAW = [
    # file, dialect, rows, users, items, event
    ("ml-100k/u.data.gz", "MovieLens 100K", 100_000, 943, 1_682, "rating"),
    ("ml-1m/ratings.reconstructed.dat.gz", "MovieLens 1M", 1_000_209, 6_040, 3_706, "rating"),
    ("ml-latest-small/ratings.csv.gz", "MovieLens 25M", 100_004, 671, 9_066, "rating"),
    ("amazon-2023-mini/interactions.parquet.gz", "Parquet", 25_023, 3_744, 3_700, "rating"),
    ("retailrocket-subset/view_ecommerce.dat.gz", "TSV", 78_371, 3_423, 8_878, "view"),
    ("retailrocket-subset/add_to_cart_ecommerce.dat.gz", "TSV", 9_028, 1_557, 4_447, "cart"),
    ("retailrocket-subset/purchase_ecommerce.dat.gz", "TSV", 5_088, 824, 3_077, "purchase"),
    ("steam-200k/game_purchase.dat.gz", "TSV", 129_511, 12_393, 5_155, "purchase"),
    ("steam-200k/game_play.dat.gz", "TSV", 70_489, 11_350, 3_600, "play"),
    ("mind-sample/behaviors.tsv.gz", "MIND behaviors", 189_359, 4_637, 7_457, "click"),
    ("douban-sample/ratings.csv.gz", "CSV", 1_000, 974, 34, "rating"),
]


def checked(path: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    assert run(["check", str(path), "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows_in"] == report["rows_kept"] + report["rows_quarantined"]
    return report


@pytest.mark.parametrize(("name", "rows", "users", "items"), PARQUET)
def test_parquet_form(
    shared_data: Path, name: str, rows: int, users: int, items: int, capsys: pytest.CaptureFixture[str]
) -> None:
    report = checked(shared_data / name / "events.parquet", capsys)
    assert (report["rows_in"], report["users"], report["items"]) == (rows, users, items)
    assert set(report["reasons"]) <= {"burst", "duplicate"}


@pytest.mark.parametrize(("name", "dialect", "rows", "users", "items", "event"), RAW)
def test_raw_form(
    shared_data: Path,
    name: str,
    dialect: str,
    rows: int,
    users: int,
    items: int,
    event: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = checked(shared_data / "raw" / name, capsys)
    assert report["dialect"] == dialect
    assert (report["rows_in"], report["users"], report["items"]) == (rows, users, items)
    assert event in {kind["event"] for kind in report["event_types"]}
    assert set(report["reasons"]) <= {"burst", "duplicate"}


REFUSED = [
    # file, what the sentence says of it
    ("completejourney/transactions_sample.rda", "an R data file"),
    ("ml-100k/README.gz", "a text to read"),
    ("ml-1m/README.gz", "a text to read"),
    ("ml-latest-small/README.txt.gz", "a text to read"),
    ("steam-200k/README.gz", "a text to read"),
    ("ml-100k/u.genre.gz", "a list of numbered names"),
    ("ml-100k/u.item.gz", "a table of items or users"),
    ("ml-100k/u.user.gz", "a table of items or users"),
    ("ml-1m/movies.dat.gz", "a table of items or users"),
    ("ml-1m/movies_extrainfos.dat.gz", "a table of items or users"),
    ("ml-1m/users.dat.gz", "a table of items or users"),
    ("ml-latest-small/movies.csv.gz", "looks like a catalogue"),
    ("douban-sample/movies.csv.gz", "looks like a catalogue"),
    ("mind-sample/news.tsv.gz", "no item column"),
]


@pytest.mark.parametrize(("name", "words"), REFUSED)
def test_a_file_without_events_is_refused_by_name(
    shared_data: Path, name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(shared_data / "raw" / name)]) == 2
    assert words in capsys.readouterr().err
