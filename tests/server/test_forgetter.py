"""The forgetting process: what it reports, and what the service says of that."""

import socket
from pathlib import Path
from typing import Any

import pytest
from tests.served import small_snapshot

from tacit.engine.snapshot import save
from tacit.server import forgetter
from tacit.server.child import Report
from tacit.server.supervisor import Supervisor
from tacit.store.events import EventStore
from tacit.store.versions import Versions


@pytest.mark.promise("P6")
def test_a_damaged_version_is_reported_and_the_others_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions, snapshot = Versions(tmp_path / "model"), small_snapshot()
    for name in ("first", "second"):
        save(snapshot, versions.path(name))
    versions.switch("second")
    (versions.path("second") / "users.arrow").write_bytes(b"")
    address = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    gone = snapshot.interactions.users.ids[3]
    store = EventStore(address)
    store.forget("user", gone, lambda: 1.0)
    said: list[dict[str, Any]] = []
    settings = {"directory": str(versions.directory), "store": address, "status": 0}
    monkeypatch.setattr(forgetter, "receive_settings", lambda: settings)
    monkeypatch.setattr(forgetter, "report", lambda _, document: said.append(document))
    monkeypatch.setattr(forgetter.os, "nice", lambda _: 0)
    monkeypatch.setattr(forgetter.signal, "signal", lambda *_: None)
    forgetter.main()
    ((error,),) = ([one["error"] for one in said],)
    assert "versions/second may hold deleted users" in error
    assert gone.encode() not in (versions.path("first") / "users.arrow").read_bytes()
    assert store.rewritten(str(versions.directory.resolve())) == 0  # it is said again at the next start
    store.close()


def test_what_stays_of_deleted_users_is_said_and_holds_up_no_later_deletion() -> None:
    lines: list[str] = []
    with socket.socket() as listener:
        supervisor = Supervisor(listener, 1, lines.append)
        place = supervisor._forgetter
        place.problem = Report(error="second may hold them", exit_code=2)
        supervisor._forgetter_ended("ended with code 0")
        assert lines == ["not all is forgotten: second may hold them"]
        assert (place.failures, place.due) == (0, None)
        supervisor._note_forgotten()
        assert place.due is not None
