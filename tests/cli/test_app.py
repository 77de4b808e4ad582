"""What every command has in common: help, version, exit codes, and one line for whatever goes wrong."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tacit.cli import options
from tacit.cli.app import run
from tacit.core.version import __version__
from tacit.engine import checking
from tacit.pipeline.register import ENTRIES

SCRIPT = Path(sys.executable).with_name("tacit")
COMMANDS = (
    "check", "fit", "evaluate", "tune", "finetune", "recommend", "similar", "batch", "serve",
    "explain-config", "demo", "doctor",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_how_it_is_used(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert f"tacit {command} [OPTIONS]" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_without_a_command_the_help_is_shown_and_it_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    reported = capsys.readouterr()
    assert all(command in reported.out for command in COMMANDS)
    assert "tacit: " not in reported.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["recommend"], "Missing argument 'DIR'"),
        (["recommend", ".", "--whom", "u"], "No such option"),
        (["recommend", ".", "--user", "u", "-k", "0"], "-k"),
        (["recommend", ".", "--user", "u", "-k", "ten"], "whole number"),
        (["recommend", ".", "--user", "u", "-k", "3.0"], "'3.0' is not a whole number from 1 to 1,000"),
        (["recommend", ".", "--about", "a=1", "--about", "a=2"], "--about gives 'a' twice"),
        (["check", "log.csv", "--map", "a=user", "--map", "b=user"], "cannot both be the user"),
        (["fit", "log.csv"], "--out"),
        (["recommend", "no/such/place", "--user", "u"], "no/such/place is not a snapshot"),
        (["demo", "--out", os.devnull], os.devnull),
        # What a variable of a shell that is not set leaves is no wish for the default.
        (["rollback", "shop", ""], "the value behind shop is empty; leave it out, or give one"),
        (["serve", "shop.tacit", "--api-key", ""], "the value behind --api-key is empty"),
        (["serve", "shop.tacit", "--store="], "the value behind --store is empty"),
        (["key", "new", "--role", "read", "--name", ""], "the value behind --name is empty"),
    ],
)
def test_wrong_use_is_one_sentence_and_two(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    reported = capsys.readouterr().err
    assert said in reported
    assert reported.startswith("tacit: ")
    assert reported.count("\n") == 1


def test_a_place_that_cannot_be_written_is_said_in_one_line(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["batch", str(directory), "--out", "/proc/lists.parquet"]) == 2
    reported = capsys.readouterr().err.splitlines()[-1]
    assert reported.startswith("tacit: /proc/")
    assert "Traceback" not in reported


def fail(error: BaseException, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """Run a command that an error breaks from within: what a defect of ours would do."""

    def broken(_: Path) -> None:
        raise error

    monkeypatch.setattr("tacit.engine.snapshot.load", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return run(["recommend", str(tmp_path), "--user", "u"])


def test_too_little_memory_is_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(MemoryError(), monkeypatch, tmp_path) == 2
    assert capsys.readouterr().err.startswith(
        "tacit: there is not enough memory for this; end other programs"
    )
    assert not list(tmp_path.glob("tacit-fault-*.txt"))


def test_a_fault_of_ours_is_one_line_that_names_the_file_with_the_details(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(KeyError("of\nours"), monkeypatch, tmp_path) == 1
    reported = capsys.readouterr().err
    assert reported.startswith("tacit: this is a fault of tacit, not of your input: KeyError: ")
    assert reported.count("\n") == 1
    [details] = tmp_path.glob("tacit-fault-*.txt")
    assert str(details) in reported
    assert "Traceback" in details.read_text("utf-8")
    assert "test_app.py" in details.read_text("utf-8")


def test_an_interruption_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(KeyboardInterrupt(), monkeypatch, tmp_path) == 130
    assert capsys.readouterr().err == "tacit: interrupted; nothing was left half written\n"
    assert not list(tmp_path.iterdir())


def test_the_package_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tacit", "--version"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_the_installed_script_ends_with_the_code_of_its_command(directory: Path) -> None:
    good = subprocess.run(
        [SCRIPT, "recommend", directory, "--user", "u00001", "-k", "2", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (good.returncode, good.stdout.count('"item_id"'), good.stderr) == (0, 2, "")
    bad = subprocess.run([SCRIPT, "similar", directory], capture_output=True, text=True, timeout=60)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "tacit: Missing option '--item'.\n"


def test_the_bound_of_a_list_is_that_of_the_engine() -> None:
    assert options.LONGEST_LIST == checking.LONGEST_LIST


@pytest.mark.parametrize("command", ["check", "fit", "evaluate", "tune", "finetune"])
def test_the_help_names_every_encoder(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run([command, "--help"]) == 0
    shown = " ".join(re.sub(r"[│╭╮╰╯─]", " ", capsys.readouterr().out).split())
    own = {entry.name for entry in ENTRIES if entry.kind == "encoder"} - {"huggingface"}
    assert {"use", "pair", "auto"} < own
    listed = re.sub(r"[^a-z:#]+", " ", options.ENCODERS.lower()).split()
    assert own - {"endpoint"} <= set(listed)
    assert all(word in shown for word in ("pair (both", "endpoint:URL#MODEL", "a Hugging Face path or name"))
