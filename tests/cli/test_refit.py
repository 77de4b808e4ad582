"""``tacit refit``: in a process of its own, one at a time, again and again."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.engine.refits import events_since, first_snapshot, saved_first, store_of, stored
from tests.served import serving

from tacit import api
from tacit.cli.app import run
from tacit.cli.refit import _counts, _StoppedError, _until_stopped
from tacit.core.errors import ConfigError
from tacit.core.manifest import verify
from tacit.engine.snapshot import save
from tacit.refits import _ending
from tacit.store.address import StoreNotThereError
from tacit.store.versions import Versions


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refit")
    saved_first(folder)
    store_of(folder)
    return folder


def published(out: Path) -> Path:
    """Make a model directory with one version."""
    versions = Versions(out)
    save(first_snapshot(), versions.path("first"))
    versions.switch("first")
    return out


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run(["refit", *map(str, arguments)])
    found = capsys.readouterr()
    return code, found.out, found.err


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from tacit.cli import main; main()", "refit", *map(str, arguments)]


@pytest.mark.promise("P23")
@pytest.mark.promise("P24")
def test_a_running_service_gets_the_model_of_its_own_events(tmp_path: Path) -> None:
    """Events are posted, a refit is made beside the service, and its lists follow."""
    out, store = published(tmp_path / "model"), f"sqlite:///{tmp_path / 'own.sqlite3'}"
    since = events_since()
    with serving(out, "--store", store, "--workers", "1") as service:
        rows = stored(since)
        for start in range(0, len(rows), 1_000):
            sent = [
                {
                    "event_id": one.event_id,
                    "user_id": one.subject_id,
                    "item_id": one.item_id,
                    "event": one.event,
                    "timestamp": one.at,
                    **({} if one.value is None else {"value": one.value}),
                }
                for one in rows[start : start + 1_000]
            ]
            service.send(*sent).raise_for_status()
        before = service.list_of("nobody knows me")
        decision = api.refit(out, store)
        assert (decision["decision"], decision["log"]["added"]) == ("ship", len(since))
        expected = [one.item_id for one in api.load(out).recommend("nobody knows me")]
        assert expected != before
        for _ in range(600):
            answer = service.http.get("/v1/users/nobody%20knows%20me/recommendations").json()
            if answer["model"] == decision["model"]:
                break
            service.http.get("/healthz")
        assert answer["model"] == decision["model"]
        assert service.list_of("nobody knows me") == expected


def test_a_decision_is_said(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, address = tmp_path / "model", f"sqlite:///{place / 'events.sqlite3'}"
    code, told, notes = said(capsys, "--from", address, "--out", out, "--snapshot", place / "first")
    assert code == 0
    assert told.startswith("ship: the candidate is not worse for ")
    assert f"version {Versions(out).current()}; 16,000 events, 4,800 of them new\n" in told
    assert [line for line in notes.splitlines() if line.startswith("refit: ")][-1] == "refit: publishing"
    assert "is the first version" in notes


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--every", "soon"), "--every is 'soon' and no length of time; write a number of seconds, minutes"),
        (("--every", "0.5s"), "give a second at least"),
        (("--without-time", "2026-05-01"), "not of the form FROM..TO"),
        (("--without-time", "2026-05-02..2026-05-01"), "does not end after its beginning"),
        (("--with-time", "2026-05-01..2026-05-01"), "does not end after its beginning"),
        (("--without-source", ""), "the value behind --without-source is empty"),
        (("--without-source", "a", "--with-source", "a"), "leave one of the two out"),
        (("--from", "sqlite:////nowhere/x.sqlite3"), "there is no store"),
        (("--from", "mysql://x"), "not known"),
        (("--memory", "0.2"), "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    options: tuple[str, ...], words: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, told = said(capsys, "--out", tmp_path / "m", "--snapshot", place / "first", "--force", *options)
    assert code == 2
    assert words in told


@pytest.mark.fault(12)
def test_two_refits_of_a_directory_do_not_run_together(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tacit.refits._PATIENCE", 0.0)
    out = tmp_path / "model"
    out.mkdir()
    with (out / ".refit.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match=r"another refit of .* runs"):
            api.refit(out, snapshot=place / "first")


@pytest.mark.promise("P23")
def test_what_is_no_model_directory_is_left_as_it_was(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A snapshot with one file more is a damaged one; folders of other programs look like a model's."""
    (tmp_path / "rocks").mkdir()
    (tmp_path / "rocks" / "CURRENT").write_text("MANIFEST-000004\n")
    (tmp_path / "tools" / "versions" / "1.20").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    first = place / "first"
    for out in (first, first / "within", *(tmp_path / name for name in ("rocks", "tools", "notes", "new"))):
        before = {file.name for file in out.rglob("*")} if out.exists() else None
        snapshot = () if out.name == "new" else ("--snapshot", first)
        code, _, told = said(capsys, "--out", out, *snapshot)
        assert code == 2
        assert "versions" in told or "lies within the snapshot" in told or "--snapshot" in told
        assert ({file.name for file in out.rglob("*")} if out.exists() else None) == before
        if out.name not in ("within", "new"):
            assert run(["publish", str(first), str(out)]) == 2
            assert {file.name for file in out.rglob("*")} == before
    verify(first)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".refit.lock").touch()  # of a refit that ended before its first version
    assert run(["publish", str(first), str(tmp_path / "new")]) == 0


def test_how_the_process_of_a_refit_ended_is_said() -> None:
    assert "perhaps for want of memory (it may hold 3 GB, --memory)" in _ending(-signal.SIGKILL, 3)
    for code in (1, -signal.SIGSEGV):
        assert "memory" not in _ending(code, 3)
    assert "with code 1; what was current stays so; this is a fault of tacit" in _ending(1, None)


def test_a_signal_at_the_end_of_its_process_raises_nothing() -> None:
    """The one that waits ends the process as soon as it has heard; Python may be in its own end by then."""
    code = (
        "import os, signal, threading\nfrom tacit import refits\n"
        "threading._register_atexit(lambda: os.kill(os.getpid(), signal.SIGTERM))\n"
        "refits._end_with_parent = lambda: None\nrefits._decided = lambda *_: %s\nrefits.main()"
    )
    for answer, expected in (("{}", 0), ("os.kill(os.getpid(), signal.SIGTERM)", 128 + signal.SIGTERM)):
        done = subprocess.run(
            [sys.executable, "-c", code % answer], input="{}\n", capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (expected, "")
    main = code.replace("from tacit import refits", "import sys, tacit.cli").partition("refits._end")[0]
    code = f"{main}sys.argv = ['tacit', '--version']\ntacit.cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")


@pytest.mark.promise("P23")
@pytest.mark.fault(1)
def test_a_killed_refit_leaves_nothing_in_the_way(place: Path, tmp_path: Path) -> None:
    """Killed with its process while it fits: the lock is free, and the next one removes what was left."""
    out = published(tmp_path / "model")
    current = Versions(out).current()
    left = out / "versions" / f".{current}x.tacit-unfinished-gone"
    left.mkdir()
    (left / "half").write_text("half")
    address = f"sqlite:///{place / 'events.sqlite3'}"
    process = subprocess.Popen(
        command("--from", address, "--out", out), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("refit: reading"):
            break
    os.kill(process.pid, signal.SIGKILL)  # the refit's own process ends by itself
    process.wait()
    process.stderr.close()
    before = Versions(out).current()  # a slow test may come after the end: then it is the new one
    decision = api.refit(out, address)
    assert decision["decision"] == "ship" or before != current
    assert not left.exists()
    assert not [one for one in (out / "versions").iterdir() if one.name.startswith(".")]
    assert decision["version"] == Versions(out).current()
    api.load(out)


@pytest.mark.promise("P23")
def test_every_goes_on_after_a_failure_until_sigterm(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    process = subprocess.Popen(
        command(
            "--out",
            out,
            "--from",
            f"sqlite:///{tmp_path / 'later.sqlite3'}",
            "--snapshot",
            place / "first",
            "--every",
            "1s",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if "there is no store" in line:
            store_of(tmp_path, pl.DataFrame(schema=events_since().schema))
            (tmp_path / "events.sqlite3").rename(tmp_path / "later.sqlite3")
        if line.startswith("hold: "):
            process.terminate()
    assert process.wait(60) == 0
    process.stdout.close()
    assert told[-1].startswith("ended; the version that is current stays so")
    assert sum("there is no store" in line for line in told) == 1


def test_a_store_that_is_not_there_yet_is_looked_for_every_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that starts before the service has made its store: it does not wait for six hours."""
    waited: list[float] = []
    ends: list[Exception | None] = [
        StoreNotThereError("there is no store x"),
        StoreNotThereError("there is no store x"),
        StoreNotThereError("x has no table"),
        ConfigError("another reason"),
        None,
    ]

    def run_once() -> None:
        if (error := ends[len(waited)]) is not None:
            raise error

    class Waiting:
        def wait(self, seconds: float) -> None:
            waited.append(round(seconds, -1))
            if len(waited) == len(ends):
                raise _StoppedError

    monkeypatch.setattr("tacit.cli.refit.threading.Event", Waiting)
    monkeypatch.setattr("tacit.cli.refit.signal.signal", lambda *_: None)
    _until_stopped(run_once, 21_600)
    assert waited == [60, 60, 60, 21_600, 21_600]
    assert capsys.readouterr().err.splitlines() == [
        "tacit: there is no store x; it is looked for every 60 s",
        "tacit: x has no table; it is looked for every 60 s",
        "tacit: this refit failed: another reason",
        "the next refit begins in 21,600 s",
        "the next refit begins in 21,600 s",
        "ended; the version that is current stays so",
    ]


def test_a_database_without_tables_is_a_store_that_is_not_there_yet(place: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite3").touch()
    with pytest.raises(StoreNotThereError, match="start the service once"):
        api.refit(tmp_path / "m", f"sqlite:///{tmp_path / 'empty.sqlite3'}", snapshot=place / "first")


def test_rejected_events_are_said_with_their_reasons() -> None:
    log = {"learned": 5, "added": 2, "held": 0, "left_out": 1, "unclean": 3}
    said = _counts({**log, "reasons": {"a duplicate": 2, "in the future": 1}})
    assert said == "5 events, 2 of them new; 3 rejected (a duplicate: 2, in the future: 1); 1 left out"
