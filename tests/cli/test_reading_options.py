"""Options of reading: every field of the choices is one, and what they say is kept in the snapshot."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import tacit
from tacit.cli.app import app
from tacit.cli.inputs import configured
from tacit.core.errors import ConfigError
from tacit.core.parameters import declared
from tacit.reading.choices import Reading

LOG = "user;item;time\n" + "".join(f"u{n % 7};i{n % 5};2024-03-{n % 28 + 1:02}\n" for n in range(60))


@pytest.mark.parametrize("command", ["check", "fit", "evaluate", "tune", "finetune"])
def test_every_choice_is_an_option(command: str) -> None:
    text = CliRunner(env={"COLUMNS": "200"}).invoke(app, [command, "--help"]).output
    names = {"columns": "map", "item_columns": "item-map", "user_columns": "user-map"}
    for name in declared(Reading):
        assert f"--{names.get(name, name.replace('_', '-'))} " in text


def test_options_replace_the_roles_that_they_name(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[reading]\ntimezone = "Asia/Shanghai"\n[reading.columns]\nuser = "a"\nitem = "b"\n')
    chosen = configured(path, None, None, {"columns": {"item": "c"}, "ids": ("fold-case",)}).reading
    assert chosen == Reading(columns={"user": "a", "item": "c"}, ids=("fold-case",), timezone="Asia/Shanghai")


def test_a_snapshot_keeps_the_choices(tmp_path: Path) -> None:
    log, place = tmp_path / "log.csv", tmp_path / "model"
    log.write_text(LOG)
    words = ["--map", "user=user", "--map", "item=item", "--map", "time=timestamp", "--ids", "fold-case"]
    done = CliRunner().invoke(app, ["fit", str(log), "--out", str(place), "--ranker", "none", *words])
    assert done.exit_code == 0, done.output
    kept = tacit.load(place).config.reading
    assert kept.columns == {"user": "user", "item": "item", "timestamp": "time"}
    assert kept.ids == ("fold-case",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--map", "user"], "is not of the form column=role, for example --map uid=user"),
        (["--map", "user=buyer"], "there is no role 'buyer'; known: user, item"),
        (["--map", "user=user", "--map", "item=user"], "cannot both be the user; name one"),
        (["--item-map", "user=price"], "there is no role 'price'; known: item, title"),
        (["--ids", "trim"], "ids is ('trim',), of the wrong type"),
        (["--map", "user=user", "--map", "user=item"], "gives 'user' twice"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(tmp_path: Path, words: list[str], message: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(LOG)
    done = CliRunner().invoke(app, ["check", str(log), *words])
    assert isinstance(done.exception, ConfigError) or done.exit_code == 2
    assert message in " ".join(f"{done.output} {done.exception}".split())
