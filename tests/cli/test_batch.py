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


@pytest.mark.parametrize("name", ["lists", "lists.v2/"])
def test_a_folder_gets_a_file_for_each_part_and_a_second_run_keeps_them(
    name: str, directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["batch", str(directory), "--out", f"{tmp_path}/{name}", "-k", "2", "--users-per-file", "30"]
    assert run(words) == 0
    files = sorted((tmp_path / name).glob("*.parquet"))
    assert [file.name for file in files] == [f"part-0000{part}-of-00003.parquet" for part in range(3)]
    one = built(directory, tmp_path / "one.parquet", "-k", 2)
    assert pl.concat([pl.read_parquet(file) for file in files]).drop("score").equals(one.drop("score"))
    assert "3 files, 160 rows for 80 users" in " ".join(capsys.readouterr().out.split())
    assert run(words) == 0
    assert "3 files, 3 of them from an earlier run" in " ".join(capsys.readouterr().out.split())


def test_processes_write_the_same_file(directory: Path, tmp_path: Path) -> None:
    here = built(directory, tmp_path / "here.parquet", "-k", 4)
    assert built(directory, tmp_path / "there.parquet", "-k", 4, "--executor", "processes").equals(here)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("taken/", "is a file; name a folder"),
        ("s9://bucket/lists", "s9://bucket/lists cannot be used"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_before_the_snapshot_is_read(
    out: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").touch()
    assert run(["batch", "nowhere", "--out", out]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["batch", "nowhere"], ["fit", "no.csv"], ["tune", "no.csv"], ["evaluate", "no.csv"]]
)
def test_an_unknown_executor_is_refused_before_anything_is_read(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if words[0] == "evaluate" else ["--out", str(tmp_path / "out")]
    assert run([*words, *out, "--executor", "spark"]) == 2
    assert "there is no executor 'spark'; use local, processes, ray" in capsys.readouterr().err


def test_the_column_of_the_users_may_be_named(directory: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("first,second\nu00001,u00002\nu00003,u00004\n")
    words = ("--users", users, "-k", 1, "--user-map", "second=user")
    assert built(directory, tmp_path / "recs.parquet", *words)["user_id"].to_list() == ["u00002", "u00004"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--users-per-file", "30"], "--users-per-file is for a folder and"),
        (["--user-map", "second=user"], "--user-map is about the file of users; name it with --users"),
    ],
)
def test_options_that_would_change_nothing_are_refused(
    words: list[str], said: str, directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["batch", str(directory), "--out", str(tmp_path / "recs.parquet"), *words]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
