"""Users in the store: joined with a session, exported, and forgotten to the last byte."""

import os
import random
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tacit.store.erasing import clear_gaps
from tacit.store.events import Event, EventStore, Receipt
from tacit.store.records import Joined
from tacit.store.user_rows import digest

ODD = "ca'nary-%_ü∅"


def event(number: int, subject: str = "user", id_: str = ODD, **more: object) -> Event:
    return Event(f"e{number}", subject, id_, f"i{number}", "view", float(number), **more)  # type: ignore[arg-type]


def shown(number: int, at: float, subject: str = "user", id_: str | None = ODD) -> dict[str, object]:
    row = {"recommendation_id": f"r{number}", "model": "m", "items": '["i1"]', "at": at}
    return {**row, "subject": subject, "subject_id": id_}


def test_all_that_is_known_of_a_user_is_told_and_then_forgotten(store: EventStore) -> None:
    store.append([event(1), event(2), event(3, "session", "s"), event(4, id_="other")])
    store.put_user(ODD, {"age": 1}, 1.0)
    store.put_exposures([shown(1, 1.0), shown(2, 1.0, id_="other"), shown(3, 1.0, "session", None)])
    assert store.merge(ODD, "s", 2.0) == Joined(1, 0, again=False)
    store.append([event(5, "session", "s")])  # it went on
    known = store.known("user", ODD)
    assert [row["event_id"] for row in known.events] == ["e1", "e2", "e3"]
    assert [row["recommendation_id"] for row in known.exposures] == ["r1"]
    assert (known.put, known.sessions) == ({"age": 1}, [{"session_id": "s", "at": 2.0}])
    codes = {("user", ODD): 7, ("session", "s"): -1}
    erased = store.forget("user", ODD, lambda: 9.0, "m", lambda *one: codes[one])
    assert (erased.events, erased.exposures, erased.attributes, erased.sessions) == (4, 1, True, 1)
    assert erased.in_model
    assert erased.from_disk
    assert not store.known("user", ODD)
    assert [one.event_id for one in store.events()] == ["e4"]
    assert store.exposures() == 2
    of_session, stone = store.tombstones()
    assert (stone.number, stone.subject, stone.at, stone.model, stone.code) == (2, "user", 9.0, "m", 7)
    assert (of_session.number, of_session.subject, of_session.code) == (1, "session", -1)
    assert store.digests("session", ["s"]) == [of_session.digest]
    assert store.digests("user", ["other", ODD])[1] == stone.digest
    assert store.digests("session", [ODD]) != [stone.digest]
    assert len(store.name) == 16


def test_what_arrives_after_it_is_somebody_new_and_can_be_forgotten_again(store: EventStore) -> None:
    store.append([event(1)])
    store.forget("user", ODD, lambda: 5.0)
    assert store.append([event(1)]) == Receipt(1, [])  # a retry that comes after the deletion
    assert [one.event_id for one in store.recent("user", ODD, 9)] == ["e1"]
    store.forget("user", "another", lambda: 6.0)
    assert store.forget("user", ODD, lambda: 7.0).events == 1
    assert [(one.number, one.at) for one in store.tombstones()] == [(2, 6.0), (3, 7.0)]
    assert [one.number for one in store.tombstones(2)] == [3]


def test_a_list_that_was_made_before_it_is_not_stored_after_it(store: EventStore) -> None:
    store.forget("user", ODD, lambda: 100.0)
    late = [shown(1, 99.9), shown(2, 100.5), shown(3, 100.0, "session"), shown(4, 100.0, "session", None)]
    store.put_exposures([*late, shown(5, 200.0)])
    assert [row["recommendation_id"] for row in store.known("user", ODD).exposures] == ["r5"]
    assert store.exposures() == 3


@pytest.mark.promise("P9")
@pytest.mark.fault(15)
def test_a_retry_of_a_session_after_the_merge_is_the_same_event(store: EventStore) -> None:
    sent = [event(1, "session", "s"), event(2, "session", "s", has_time=False)]
    store.append(sent)
    assert store.merge("u", "s", 3.0) == Joined(2, 0, again=False)
    assert len(store.recent("user", "u", 9)) == 2  # their digests are those of what was sent
    assert store.append(sent) == Receipt(2, [])
    assert store.merge("u", "s", 4.0) == Joined(0, 0, again=True)
    assert [one.event_id for one in store.recent("user", "u", 9)] == ["e1", "e2"]
    assert store.recent("session", "s", 9) == []
    store.append([event(3, "session", "s")])
    assert store.merge("u", "s", 5.0) == Joined(1, 0, again=True)
    assert store.known("user", "u").sessions == [{"session_id": "s", "at": 3.0}]
    store.forget("session", "s", lambda: 6.0)
    assert store.known("user", "u").sessions == []


@pytest.mark.promise("P2")
def test_a_patch_counts_beside_what_the_snapshot_knows_until_a_put_replaces_it(store: EventStore) -> None:
    store.patch_user("u", {"age": 1}, 1.0)
    store.patch_user("u", {"plan": "x"}, 2.0)
    assert store.user_attributes("u") == (None, {"age": 1, "plan": "x"})
    store.put_user("u", {"age": 2}, 3.0)
    assert store.user_attributes("u") == ({"age": 2}, {})
    store.patch_user("u", {"plan": "y"}, 4.0)
    assert store.user_attributes("u") == ({"age": 2, "plan": "y"}, {})
    assert store.forget("user", "u", lambda: 5.0).attributes
    assert store.user_attributes("u") == (None, {})


def test_every_process_notices_the_number_of_a_tombstone(address: str) -> None:
    if address.startswith("sqlite"):
        one, other = EventStore(address), EventStore(address, lock=False)
    else:
        one, other = EventStore(address), EventStore(address)
    assert other.numbers() == (0, 0)
    noticed = threading.Event()
    other.on_items_changed(noticed.set)
    one.forget("user", ODD, lambda: 1.0)
    assert address.startswith("sqlite") or noticed.wait(10)
    assert other.numbers() == (0, 1)
    other.close()
    one.close()


@pytest.mark.fault(22)
def test_forgetting_while_events_come_in_leaves_whole_batches_of_after_it_and_nothing_else(
    store: EventStore,
) -> None:
    acknowledged: list[int] = []
    stop = threading.Event()

    def send(number: int) -> None:
        for batch in range(200):
            if stop.is_set():
                return
            first = 1_000_000 * number + 10 * batch
            store.append([event(first + place) for place in range(10)])
            acknowledged.append(first)

    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(send, number) for number in range(4)]
        while len(acknowledged) < 20:
            pass
        before = list(acknowledged)
        store.forget("user", ODD, lambda: 1.0)
        stop.set()
        for one in sending:
            one.result()
    left = {int(one.event_id[1:]) for one in store.events()}
    assert not set(before) & left
    assert all(first + place in left for first in {id_ - id_ % 10 for id_ in left} for place in range(10))


def _files(store: Path) -> bytes:
    return b"".join(file.read_bytes() for file in store.parent.iterdir() if file.name.startswith(store.name))


@pytest.mark.promise("P4")
def test_no_byte_of_a_forgotten_id_stays_in_the_files_of_sqlite(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    store = EventStore(f"sqlite:///{file}")
    rng = random.Random(1)
    people = [f"canary-{number:04d}-odd" for number in range(400)]
    for start in range(0, 12_000, 400):
        who = [rng.choice(people) for _ in range(400)]
        store.append([Event(f"{rng.random()}", "user", id_, "i1", "view", rng.random(), None) for id_ in who])
        store.put_exposures(
            [
                {**shown(start + place, 1.0, id_=id_), "recommendation_id": f"{rng.random():.30f}"}
                for place, id_ in enumerate(who)
            ]
        )
    for id_ in people:
        store.put_user(id_, {"note": "x" * rng.randrange(100)}, 1.0)
    gone = people[::4]
    with ThreadPoolExecutor(8) as pool:
        erased = [*pool.map(lambda id_: store.forget("user", id_, lambda: 2.0), gone)]
    assert all(one.from_disk for one in erased)
    # the connection that writes had pages in memory: with old gaps, were they not dropped
    store.append([Event(f"later-{number}", "user", "other", "i1", "view", 3.0) for number in range(500)])
    held = _files(file)
    assert [id_ for id_ in gone if id_.encode() in held] == []
    assert all(id_.encode() in held for id_ in people[1::4])
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    store.close()


def test_a_reader_that_holds_the_log_is_said_and_the_work_goes_on_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tacit.store.events._ERASE_SECONDS", 0.2)
    file = tmp_path / "store.sqlite3"
    store = EventStore(f"sqlite:///{file}")
    store.append([event(1)])
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM tacit_event").fetchone() == (1,)
    assert not store.forget("user", ODD, lambda: 1.0).from_disk
    assert ODD.encode() in _files(file)
    reader.execute("COMMIT")
    assert store._erasing is not None
    assert store._erasing.erase(20)
    assert ODD.encode() not in _files(file)
    reader.close()
    store.close()


def test_what_a_killed_process_did_not_erase_is_erased_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    EventStore(f"sqlite:///{file}").close()
    with sqlite3.connect(file) as connection:  # as after a kill between the commit and the work on the files
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("INSERT INTO tacit_forgotten VALUES (1, 'user', x'00', 1.0, '', -1)")
    connection.close()
    store = EventStore(f"sqlite:///{file}")
    assert store._erasing is not None
    assert store._erasing.erase(20)
    rows = store._reader.rows("SELECT value FROM tacit_meta WHERE key = 'erased'", ())
    assert rows == [("1",)]
    store.close()


def test_only_gaps_of_pages_with_cells_are_cleared(tmp_path: Path) -> None:
    size = 512
    tree = bytearray(b"\xee" * size)
    tree[:8] = bytes((13, 0, 0, 0, 2, 1, 0, 0))  # two cells from byte 256 on
    other = b"\x00" + b"\xee" * (size - 1)
    (tmp_path / "file").write_bytes(b"\x00" * size + bytes(tree) + other)
    descriptor = os.open(tmp_path / "file", os.O_RDWR)
    assert clear_gaps(descriptor, 0, 3 * size, size) == 1
    assert clear_gaps(descriptor, 0, 3 * size, size) == 0
    os.close(descriptor)
    found = (tmp_path / "file").read_bytes()[size:]
    assert found == bytes(tree[:12]) + bytes(244) + bytes(tree[256:]) + other


def test_a_digest_tells_users_and_sessions_apart() -> None:
    assert digest(b"k", "user", "a") != digest(b"k", "session", "a")
    assert digest(b"k", "user", "a") != digest(b"l", "user", "a")
