"""``tacit batch``: lists for many users in a file."""

from pathlib import Path

import polars as pl
import pytest
from tests.served import small_snapshot

from tacit.cli.app import run


def built(directory: Path, out: Path, *options: object) -> pl.DataFrame:
    assert run(["batch", str(directory), "--out", str(out), *map(str, options)]) == 0
    return pl.read_parquet(out)


def test_every_user_of_the_snapshot_gets_a_ranked_list_of_new_items(directory: Path, tmp_path: Path) -> None:
    lists = built(directory, tmp_path / "recs.parquet", "-k", 5)
    snapshot = small_snapshot()
    log = snapshot.interactions
    assert lists.columns == ["user_id", "item_id", "score", "rank"]
    assert lists.dtypes == [pl.String, pl.String, pl.Float32, pl.Int32]
    assert lists["user_id"].unique(maintain_order=True).to_list() == log.users.ids.to_list()
    assert lists["rank"].to_list() == [1, 2, 3, 4, 5] * log.n_users
    seen = pl.DataFrame(
        {"user_id": log.users.ids.gather(log.user), "item_id": log.items.ids.gather(log.item)}
    )
    assert not len(lists.join(seen, on=["user_id", "item_id"], how="semi"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["recs.parquet"]


def test_seen_items_are_kept_where_asked_for(directory: Path, tmp_path: Path) -> None:
    lists = built(directory, tmp_path / "recs.parquet", "-k", 120, "--allow-seen")
    assert lists.group_by("user_id").len()["len"].unique().to_list() == [120]


def test_a_file_names_the_users_and_newcomers_get_a_list_too(directory: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("user_id,country\nnewcomer,DE\nu00002,FR\nstranger,CN\n")
    lists = built(directory, tmp_path / "recs.parquet", "--users", users, "-k", 3)
    assert lists["user_id"].to_list() == ["newcomer"] * 3 + ["u00002"] * 3 + ["stranger"] * 3
    newcomer, known, stranger = (lists["item_id"][place : place + 3].to_list() for place in (0, 3, 6))
    assert newcomer == stranger != known


def test_every_available_item_is_a_candidate_with_or_without_events(directory: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.txt"
    users.write_text("newcomer\nu00001\n")
    lists = built(directory, tmp_path / "recs.parquet", "--users", users, "-k", 1000)
    snapshot = small_snapshot()
    log, everything = snapshot.interactions, set(snapshot.catalogue.items.ids.to_list())
    untouched = everything - set(log.items.decode(log.item))
    assert untouched
    seen = set(log.items.decode(log.item[log.user == log.users.encode(["u00001"])[0]]))
    by_user = {user: set(part["item_id"]) for (user,), part in lists.group_by("user_id")}
    assert by_user == {"newcomer": everything, "u00001": everything - seen}
    assert lists["score"].is_finite().all()
    falling = lists.filter(pl.col("user_id") == "newcomer")["score"]
    assert falling.to_list() == sorted(falling, reverse=True)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_the_name_of_the_file_says_its_format(suffix: str, directory: Path, tmp_path: Path) -> None:
    out = tmp_path / f"recs{suffix}"
    assert run(["batch", str(directory), "--out", str(out), "-k", "2"]) == 0
    read = {".csv": pl.read_csv, ".jsonl": pl.read_ndjson}[suffix]
    assert read(out).columns == ["user_id", "item_id", "score", "rank"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "recs.xlsx"], "must end in .parquet or .csv or .jsonl"),
        (["--out", "no/such/folder/recs.parquet"], "does not exist"),
        (["--out", "recs.parquet", "--users", "nowhere.csv"], "cannot read nowhere.csv"),
        (["--out", "recs.parquet", "-k", "1001"], "-k"),
    ],
)
def test_wrong_use_is_one_sentence_and_leaves_no_file(
    options: list[str],
    said: str,
    directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["batch", str(directory), *options]) == 2
    reported = capsys.readouterr().err
    assert said in reported
    assert reported.count("\n") == 1
    assert not list(tmp_path.iterdir())
