"""``tacit serve``: what it refuses before it serves (what it serves: tests/server)."""

import socket
from pathlib import Path

import httpx
import pytest
from tests.served import serving

from tacit.cli.app import run


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert run(["serve", *map(str, arguments)]) == 2
    reported = capsys.readouterr()
    assert reported.out == ""
    assert reported.err.count("\n") == 1
    return reported.err


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TACIT_API_KEY", raising=False)
    monkeypatch.delenv("TACIT_ADMIN_KEY", raising=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_an_address_that_others_can_reach_needs_keys(
    host: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "needs keys: make one with tacit key new" in refused(capsys, directory, "--host", host)


@pytest.mark.parametrize("option", ["--api-key", "--admin-key"])
def test_a_short_key_is_refused_with_its_length(
    option: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, directory, option, "s3cret")
    assert f"the key of {option} has 6 characters, and at least 16 are needed" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--keys", "nowhere.json"), "there is no file nowhere.json: make a key with tacit key new"),
        (("--rate", "5/s"), "--rate counts the requests of each key: serve with --keys"),
        (("--rate", "5", "--api-key", "x" * 16), "the rate '5' is no number a second"),
        (("--allowed-host", "http://shop"), "--allowed-host 'http://shop' is no name such as shop.example"),
        (("--allowed-host", "shop.example:80"), "is no name such as shop.example"),
    ],
)
def test_options_of_who_may_call_are_checked(
    options: tuple[str, ...], said: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", str(directory), *options]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_port_that_is_taken_is_said_before_the_snapshot_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(capsys, tmp_path / "no snapshot", "--port", port)
    assert f"cannot listen on 127.0.0.1:{port}" in said and "choose another --port" in said


def test_an_address_of_another_machine_is_a_matter_of_the_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "keys.json"
    assert run(["key", "new", "--role", "read", "--file", str(keys)]) == 0
    capsys.readouterr()
    hosts = ("--host", "192.0.2.1", "--allowed-host", "shop.example")
    said = refused(capsys, tmp_path, *hosts, "--keys", keys)
    assert "cannot listen on 192.0.2.1" in said and "choose another --host" in said


def test_a_directory_that_is_no_snapshot_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{tmp_path} is not a snapshot" in refused(capsys, tmp_path, "--port", 0)
    assert not list(tmp_path.parent.glob("*.sqlite3"))


def test_a_store_that_is_none_is_refused(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "write sqlite:///FILE" in refused(capsys, directory, "--port", 0, "--store", "here.db")


def test_the_ready_line_names_an_address_that_answers(directory: Path, tmp_path: Path) -> None:
    with serving(directory, "--store", f"sqlite:///{tmp_path / 'store.sqlite3'}") as service:
        assert service.address.startswith("http://127.0.0.1:")
        assert httpx.get(f"{service.address}/healthz").json() == {"status": "ok"}
