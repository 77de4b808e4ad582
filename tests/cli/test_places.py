"""No command overwrites what it reads, writes two things to one file, or writes into a snapshot."""

from pathlib import Path

import pytest

from tacit.cli.app import run

LOG = "user_id,item_id,event,timestamp\nu1,i1,view,1700000000\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "c.toml").write_text("seed = 1\n")
    (tmp_path / "shop.tacit").symlink_to(directory)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("check log.csv --out ./log.csv", "would overwrite the log"),
        ("check log.csv --quarantine q.csv --out q.csv", "would both write"),
        ("check log.csv --html a --json a", "would both write"),
        ("check other.csv --items log.csv --quarantine log.csv", "would overwrite --items"),
        ("evaluate log.csv --html a --json a", "would both write"),
        ("evaluate --train a.csv --test log.csv --json log.csv", "would overwrite --test"),
        ("fit log.csv --out m --html m/x.html", "does not exist"),
        ("fit log.csv --out m --html log.csv", "would overwrite the log"),
        ("fit log.csv --out shop.tacit/m", "lies within the snapshot"),
        ("fit log.csv --out m --html shop.tacit/x.html", "lies within the snapshot"),
        ("tune log.csv --out x.toml --study x.toml", "would both write"),
        ("tune log.csv --config c.toml --out c.toml", "would overwrite --config"),
        ("tune log.csv --out x.toml --study shop.tacit/s.db", "lies within the snapshot"),
        ("finetune log.csv --items log.csv --out shop.tacit/e", "lies within the snapshot"),
        ("finetune log.csv --items log.csv --base shop.tacit --out shop.tacit", "would overwrite --base"),
        ("batch shop.tacit --out shop.tacit/b.csv", "lies within the snapshot"),
        ("batch shop.tacit --users log.csv --out log.csv", "would overwrite --users"),
        ("demo --out shop.tacit", "lies within the snapshot"),
        ("serve shop.tacit --store sqlite:///shop.tacit/e.db", "lies within the snapshot"),
    ],
)
def test_a_place_that_would_lose_something_is_refused(
    line: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert run(line.split()) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
