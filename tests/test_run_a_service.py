"""How to run a service: the page is typed into a shell, and deploy/ starts what there is."""

import configparser
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.reference import commands

from tacit.data.shop import generate

_ROOT = Path(__file__).parents[1]
_PAGE, _DEPLOY = _ROOT / "docs" / "howto" / "run-a-service.md", _ROOT / "deploy"
_CONFIG = 'encoder = "tfidf"\nranker = "none"\nwindows = 1\n[retrievers.popular]\n[retrievers.itemknn]\n'


def script(page: Path) -> str:
    """Return the commands of a page, in its order."""
    return "\n".join(re.findall(r"^```bash\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL))


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
def test_the_page_can_be_typed_from_top_to_bottom(tmp_path: Path) -> None:
    shop = generate(seed=3, users=60, items=64, events=1_500, days=30)
    shop.events.write_csv(tmp_path / "events.csv")
    shop.items.write_csv(tmp_path / "items.csv")
    item = str(shop.items["item_id"][0])
    (tmp_path / "small.toml").write_text(_CONFIG)
    port = free_port()
    text = script(_PAGE).replace("localhost:8000", f"localhost:{port}").replace("i00001", item)
    text = text.replace("tacit serve shop", f"tacit serve shop --workers 1 --port {port}")
    text = text.replace("--out first.tacit", "--out first.tacit --config small.toml")  # a fit of a second
    (tmp_path / "page.sh").write_text(f"set -euo pipefail\ntrap 'kill $(jobs -p) || true' EXIT\n{text}")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tacit").write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from tacit.cli import main; main()' \"$@\"\n"
    )
    (folder / "tacit").chmod(0o755)
    done = subprocess.run(
        ["bash", "page.sh"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert '"accepted":1' in done.stdout
    assert "maria" in (tmp_path / "maria.json").read_text()
    assert b"maria" not in (tmp_path / "restored.sqlite3").read_bytes()
    assert (tmp_path / "shop" / "decision.json").exists()


def test_both_languages_show_the_same_commands() -> None:
    assert script(_PAGE.parent / "zh" / _PAGE.name) == script(_PAGE)


def check_options(words: list[str]) -> None:
    """Fail if a command line of tacit has an option that the command does not know."""
    known = {option for one in commands()[words[0]].params for option in one.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", ["tacit.service", "tacit-refit.service"])
def test_units_start_commands_that_there_are(name: str) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(_DEPLOY / name)
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "tacit"
    check_options(words)


def test_containers_start_commands_that_there_are() -> None:
    document = yaml.safe_load((_DEPLOY / "compose.yaml").read_text("utf-8"))
    started = {name: one["command"] for name, one in document["services"].items() if "command" in one}
    assert started.keys() == {"service", "refit"}
    for command in started.values():
        check_options(shlex.split(command))
    assert all(
        one["read_only"] and one["cap_drop"] == ["ALL"] for one in map(document["services"].get, started)
    )
