"""Refits: what is learned, what is published, what is held."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.engine.refits import CONFIG, events_before, events_since, items, saved_first, store_of, stored

from tacit.core.clock import FixedClock
from tacit.core.errors import ConfigError, UnsupportedError
from tacit.engine import train as train_module
from tacit.engine.decisions import LATEST, decision_of, lines_of
from tacit.engine.forget_snapshot import forget_in
from tacit.engine.left_out import NOTHING, LeftOut, read_left_out, write_left_out
from tacit.engine.refit import Wanted, refit
from tacit.engine.snapshot import load
from tacit.engine.train import train
from tacit.store.events import EventStore
from tacit.store.records import Event, ItemChange
from tacit.store.versions import Versions

NOW = 1_800_000_000.0


def files_with(folder: Path, text: str) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def made(wanted: Wanted, **more: Any) -> dict[str, Any]:
    return refit(wanted, FixedClock(NOW), **more)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refit")
    saved_first(folder)
    store_of(folder)
    return folder


@pytest.fixture
def asked(place: Path, tmp_path: Path) -> Wanted:
    address = f"sqlite:///{place / 'events.sqlite3'}"
    return Wanted(tmp_path / "model", address, snapshot=place / "first")


@pytest.fixture(scope="module")
def shipped(place: Path) -> tuple[Path, dict[str, Any]]:
    out = place / "model"
    address = f"sqlite:///{place / 'events.sqlite3'}"
    return out, made(Wanted(out, address, snapshot=place / "first"))


@pytest.mark.promise("P23")
@pytest.mark.promise("P24")
def test_a_refit_is_the_fit_of_all_events_together(shipped: tuple[Path, dict[str, Any]]) -> None:
    out, decision = shipped
    assert (decision["decision"], decision["log"]["added"]) == ("ship", len(events_since()))
    assert json.loads((out / LATEST).read_text("utf-8")) == decision
    assert json.loads((out / "decisions" / f"{decision['version']}.json").read_text("utf-8")) == decision
    assert Versions(out).current() == decision["version"]
    whole = train(pl.concat([events_before(), events_since()]), items(), CONFIG)
    again = load(out)
    assert again.facts["data_sha256"] == whole.facts["data_sha256"]
    for name, array in whole.pipeline.arrays().items():
        np.testing.assert_array_equal(array, again.pipeline.arrays()[name], err_msg=name)
    figures = decision["figures"]
    assert figures["candidate - live"]["high"] >= 0
    assert {"reading", "gate", "fit", "publishing"} <= decision["seconds"].keys()


@pytest.mark.promise("P24")
def test_events_that_an_earlier_refit_took_count_once(shipped: tuple[Path, dict[str, Any]]) -> None:
    out, decision = shipped
    address = load(out).facts["store"]
    assert address["last"] == len(events_since())  # type: ignore[index, call-overload]
    wanted = Wanted(out, f"sqlite:///{out.parent / 'events.sqlite3'}")
    again = made(wanted)
    assert (again["decision"], again["log"]["new"]) == ("hold", 0)
    assert "nothing is new" in again["why"]
    assert Versions(out).current() == decision["version"]


def test_another_store_with_the_same_events_adds_none(
    shipped: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out, _ = shipped
    decision = made(Wanted(out, store_of(tmp_path)))
    assert decision["log"]["new"] == decision["log"]["again"] == len(events_since())
    assert decision["decision"] == "hold"


@pytest.mark.promise("P24")
def test_too_few_users_hold(place: Path, tmp_path: Path) -> None:
    address = store_of(tmp_path, events_since().head(60))
    wanted = Wanted(tmp_path / "model", address, snapshot=place / "first")
    decision = made(wanted)
    assert decision["decision"] == "hold"
    assert "--force" in decision["why"]
    versions = Versions(tmp_path / "model")
    assert versions.names() == [versions.current()] == [decision["version"]]
    forced = made(replace(wanted, force=True))
    assert (forced["decision"], forced["live"]) == ("ship", decision["version"])
    assert versions.current() == forced["version"] != decision["version"]


@pytest.mark.promise("P24")
def test_a_worse_candidate_is_held(asked: Wanted) -> None:
    """A log whose items were mixed up before the last stretch teaches nothing that holds in it."""

    def sabotaged(_: object) -> pl.DataFrame:
        whole = pl.concat([events_before(), events_since()])
        mixed = whole["item_id"].head(len(events_before())).shuffle(seed=3)
        return whole.with_columns(pl.concat([mixed, whole["item_id"].tail(len(events_since()))]))

    mixed = replace(CONFIG, retrievers=CONFIG.retrievers[1:])
    decision = made(replace(asked, store=None, config=mixed), read_log=sabotaged)
    assert decision["decision"] == "hold", decision["figures"]
    assert "worse than" in decision["why"]
    assert Versions(asked.out).names() == [decision["version"]]


@pytest.fixture
def worse(asked: Wanted) -> tuple[str, str, Wanted]:
    """A model of shuffled histories that was forced live; the version before it, its own, the next refit."""
    first = made(replace(asked, store=None))["live"]
    mixed = events_before().with_columns(pl.col("item_id").shuffle(seed=1))
    forced = made(replace(asked, store=None, snapshot=None, force=True), read_log=lambda _: mixed)
    assert Versions(asked.out).current() == forced["version"]
    return first, forced["version"], replace(asked, snapshot=None)


@pytest.mark.promise("P24")
def test_a_live_model_that_does_worse_than_the_one_before_is_rolled_back(
    worse: tuple[str, str, Wanted], tmp_path: Path
) -> None:
    """What users did since says so."""
    first, forced, wanted = worse
    last = json.loads((wanted.out / LATEST).read_text("utf-8"))

    # That a user was deleted meanwhile gives the version another name, and its decision too.
    store = EventStore(f"sqlite:///{tmp_path / 'deletions.sqlite3'}")
    store.forget("user", events_before()["user_id"][0], lambda: NOW)
    assert len([*forget_in(wanted.out, store)]) == 2
    store.close()
    renamed = Versions(wanted.out).current()
    assert renamed != forced
    again = json.loads((wanted.out / LATEST).read_text("utf-8"))
    assert decision_of(wanted.out, renamed) == again == {**last, "version": renamed}
    assert decision_of(wanted.out, forced) is None

    decision = made(wanted)
    assert decision["decision"] == "roll back", decision
    assert Versions(wanted.out).current() == first == decision["version"]
    assert decision["figures"]["live - before"]["high"] < 0


@pytest.mark.promise("P24")
def test_what_is_forced_is_published_whatever_a_look_back_finds(worse: tuple[str, str, Wanted]) -> None:
    decision = made(replace(worse[-1], force=True))
    assert decision["decision"] == "ship"
    assert Versions(worse[-1].out).current() == decision["version"]
    assert [note for note in decision["notes"] if note.startswith("looking back: since it was published")]


@pytest.mark.promise("P27")
def test_nothing_goes_back_to_a_version_of_what_is_left_out_now(worse: tuple[str, str, Wanted]) -> None:
    first, _, wanted = worse
    start = float(events_before()["timestamp"].min())  # type: ignore[arg-type]
    decision = made(replace(wanted, left_out=LeftOut(times=((start, start + 3_600),))))
    assert decision["decision"] != "roll back"
    assert [
        note for note in decision["notes"] if note.startswith(f"{first}, which was live before, was fitted")
    ]
    assert Versions(wanted.out).current() != first


@pytest.mark.promise("P27")
@pytest.mark.fault(46)
def test_a_source_is_left_out_of_all_refits_until_it_is_let_in(place: Path, tmp_path: Path) -> None:
    """Also of those after one that held, and of events that come later."""
    address = store_of(tmp_path, events_since().head(0))
    rows = [replace(one, source="spam" if n % 2 else "shop") for n, one in enumerate(stored(events_since()))]

    def sent(some: list[Event]) -> None:
        store = EventStore(address)
        store.append(some)
        store.close()

    sent(rows[:60])
    wanted = Wanted(tmp_path / "model", address, snapshot=place / "first")
    spam = {"sources": ["spam"], "times": []}
    held = made(replace(wanted, left_out=LeftOut(("spam",))))
    assert (held["decision"], held["log"]["left_out"], held["left_out"]) == ("hold", 30, spam)
    wanted = replace(wanted, snapshot=None)
    forced = made(replace(wanted, force=True))
    assert (forced["log"]["added"], forced["log"]["left_out"], forced["left_out"]) == (30, 30, spam)
    log = load(wanted.out).log
    assert log is not None
    assert log.table()["source"].unique().drop_nulls().to_list() == ["shop"]
    assert read_left_out(wanted.out) == LeftOut(("spam",))
    sent(rows[61:80:2])
    again = made(wanted)
    assert (again["why"], again["log"]["left_out"]) == ("nothing is new since the last fit", 10)
    let_in = made(replace(wanted, again=LeftOut(("spam",)), force=True))
    assert (let_in["log"]["added"], let_in["log"]["left_out"]) == (40, 0)
    assert read_left_out(wanted.out) == NOTHING
    assert made(wanted)["log"]["new"] == 0


def test_what_is_left_out_is_joined_and_lifted_in_part(tmp_path: Path) -> None:
    one = LeftOut(("b", "a"), ((10.0, 20.0), (30.0, 40.0)))
    assert one.joined_with(LeftOut(("c", "a"), ((0.0, 5.0),))) == LeftOut(
        ("a", "b", "c"), ((0.0, 5.0), (10.0, 20.0), (30.0, 40.0))
    )
    assert one.without(LeftOut(("a",), ((15.0, 35.0),))) == LeftOut(("b",), ((10.0, 15.0), (35.0, 40.0)))
    write_left_out(tmp_path, one)
    assert read_left_out(tmp_path) == one
    (tmp_path / "left_out.json").write_text("{")
    with pytest.raises(ConfigError, match=r"left_out\.json cannot be read .* mend it, or remove it"):
        read_left_out(tmp_path)


def test_what_is_asked_for_in_vain_is_said(place: Path, tmp_path: Path) -> None:
    address = store_of(tmp_path, events_since().head(0))
    store = EventStore(address)
    rows = [replace(one, source="shop") for one in stored(events_since().head(20))]
    late = [replace(one, event_id=f"late {one.event_id}", at=NOW + 1e7) for one in rows]
    store.append([*rows, *late])
    store.close()
    wanted = Wanted(
        tmp_path / "model",
        address,
        snapshot=place / "first",
        left_out=LeftOut(("nosuch",), ((1.0, 2.0),)),
        again=LeftOut(("other",), ((3.0, 4.0),)),
        trusted=("nobody",),
    )
    decision = made(wanted)
    said = " ".join(decision["notes"])
    for part in (
        "has the source nosuch: there are shop",
        "is of the time 1970-01-01T00:00:01Z..1970-01-01T00:00:02Z",
        "the source other was not left out; what is: nothing",
        "--learn-from names 1 account without an event in the log and the store",
    ):
        assert part in said
    assert sum(decision["log"]["reasons"].values()) == decision["log"]["unclean"] > 0
    assert not any("nosuch: " in note for note in made(replace(wanted, snapshot=None))["notes"])
    everything = replace(wanted, out=tmp_path / "other", left_out=LeftOut(times=((0.0, 1e11),)))
    with pytest.raises(ConfigError, match=r"nothing is left to learn from: .* events are left out"):
        made(everything)
    assert read_left_out(tmp_path / "other") == NOTHING


@pytest.mark.promise("P26")
@pytest.mark.promise("P27")
@pytest.mark.fault(45)
def test_what_one_account_floods_is_kept_and_not_learned_from(place: Path, tmp_path: Path) -> None:
    """A thousand events of one account leave every list of the others as it was."""
    address, end = store_of(tmp_path), float(events_since()["timestamp"].max())  # type: ignore[arg-type]
    wanted = Wanted(tmp_path / "model", address, snapshot=place / "first", force=True)
    plain = load(wanted.out.parent / "model" / "versions" / made(wanted)["version"])
    store = EventStore(address)
    ids = items()["item_id"]
    store.append(
        [Event(f"x{n}", "user", "flood", ids[n % 120], "view", end - 60.0 * n) for n in range(1_000)]
    )
    store.close()
    decision = made(replace(wanted, out=tmp_path / "other"))
    flooded = load(tmp_path / "other")
    assert decision["log"]["held"] > 900
    assert decision["held_accounts"] == ["flood"]
    assert [one["name"] for one in decision["bursts"] if one["kind"] == "account"] == ["flood"]
    assert sum("flood" in line for line in lines_of(decision)) == 2
    queries = plain.interactions.queries(np.flatnonzero(np.diff(plain.interactions.offsets)).astype(np.int32))
    theirs = flooded.interactions.users.encode(plain.interactions.users.ids.gather(queries.user))
    one = plain.pipeline.recommend(queries, 10).items
    np.testing.assert_array_equal(
        one, flooded.pipeline.recommend(flooded.interactions.queries(theirs), 10).items
    )
    trusted = made(Wanted(tmp_path / "other", address, trusted=("flood",), force=True))
    assert (trusted["log"]["held"], trusted["log"]["added"]) == (0, decision["log"]["held"])

    # Forgotten, the account is named by no decision either; those of others stay as they are.
    assert files_with(tmp_path / "other" / "decisions", "flood")
    store = EventStore(address)
    store.forget("user", "flood", lambda: NOW)
    assert len([*forget_in(tmp_path / "other", store)]) == 2
    store.close()
    assert files_with(tmp_path / "other", "flood") == []
    kept = decision_of(tmp_path / "other", decision["version"])
    assert kept is not None
    assert [one["name"] for one in kept["bursts"] if one["kind"] == "account"] == [None]
    assert kept["figures"] == decision["figures"]


@pytest.mark.promise("P27")
def test_a_stretch_of_time_can_be_left_out_and_stays_out(place: Path, tmp_path: Path) -> None:
    since = events_since()
    start, middle = float(since["timestamp"].min()), float(since["timestamp"].median())  # type: ignore[arg-type]
    address = store_of(tmp_path)
    wanted = Wanted(tmp_path / "model", address, snapshot=place / "first", force=True)
    decision = made(replace(wanted, left_out=LeftOut(times=((start, middle),))))
    gone = since.filter(pl.col("timestamp").is_between(start, middle, closed="left"))
    assert decision["log"]["left_out"] >= len(gone)
    log = load(wanted.out).interactions
    assert not ((log.at >= start) & (log.at < middle)).any()
    assert made(replace(wanted, snapshot=None, force=False))["log"]["new"] == 0


def test_what_the_store_says_of_items_and_users_is_in_the_new_model(place: Path, tmp_path: Path) -> None:
    address = store_of(tmp_path, events_since().head(200))
    store = EventStore(address)
    store.change_items(
        [
            ItemChange("new", "put", {"title": "New thing"}),
            ItemChange("i00001", "patch", {"title": "Other title"}),
            ItemChange("i00002", "delete"),
        ],
        NOW,
    )
    store.put_user("u00001", {"club": "gold"}, NOW)
    store.append(
        [
            Event("s1", "session", "abc", "new", "Page View", NOW - 50),
            Event("s2", "user", "u00001", "new", "purchase", NOW - 40, -1.0),
        ]
    )
    store.close()
    decision = made(Wanted(tmp_path / "model", address, snapshot=place / "first", force=True))
    model = load(tmp_path / "model")
    catalogue, log = model.catalogue, model.interactions
    titles = dict(zip(catalogue.items.ids, catalogue.titles, strict=True))
    assert (titles["new"], titles["i00001"]) == ("New thing", "Other title")
    assert not catalogue.available[catalogue.items.code_of("i00002")]
    assert model.people is not None
    assert model.people.filter(pl.col("user_id") == "u00001")["club"].to_list() == ["gold"]
    code = log.users.code_of("session:abc")
    assert [log.kinds[kind] for kind in log.kind[log.user == code]] == ["view"]
    undone = (log.user == log.users.code_of("u00001")) & (log.item == catalogue.items.code_of("new"))
    assert [log.kinds[kind] for kind in log.kind[undone]] == ["return"]
    assert decision["log"]["added"] == 202


@pytest.mark.promise("P23")
@pytest.mark.fault(22)
def test_who_was_deleted_is_in_no_later_model(place: Path, tmp_path: Path) -> None:
    """Gone from the log of the snapshot too; who has the same id later is somebody new."""
    address = store_of(tmp_path, events_since().head(200))
    gone, again = events_before()["user_id"].unique().sort().head(2)
    store = EventStore(address)
    for user in (gone, again):
        store.forget("user", user, lambda: NOW, model="another")
    store.append([Event("back", "user", again, "i00001", "view", NOW - 5)])
    store.close()
    wanted = Wanted(tmp_path / "model", address, snapshot=place / "first", force=True)
    made(wanted)
    model = load(wanted.out)
    log = model.interactions
    assert gone not in log.users
    assert int((log.user == log.users.code_of(again)).sum()) == 1
    assert model.facts["forgotten"]["number"] == 2  # type: ignore[index, call-overload]
    made(replace(wanted, snapshot=None))
    kept = load(wanted.out).interactions
    assert int((kept.user == kept.users.code_of(again)).sum()) == 1


@pytest.mark.promise("P6")
@pytest.mark.promise("P23")
@pytest.mark.fault(22)
def test_sessions_that_a_refit_learned_are_forgotten(place: Path, tmp_path: Path) -> None:
    """One that was deleted, and one that was joined with a user who was; one that was joined stays."""
    address = store_of(tmp_path, events_since().head(200))
    store = EventStore(address)
    sessions = ["sess-gone", "sess-merged", "sess-live", "sess-alone"]
    at = float(events_since()["timestamp"][0])
    store.append(
        [
            Event(f"{id_} {n}", "session", id_, f"i0000{n}", "view", at + n)
            for id_ in sessions
            for n in range(1, 5)
        ]
    )
    wanted = Wanted(tmp_path / "model", address, snapshot=place / "first", force=True)
    made(wanted)
    assert f"session:{sessions[0]}" in load(wanted.out).interactions.users

    store.forget("session", "sess-gone", lambda: NOW)
    store.merge("anna", "sess-merged", NOW)
    store.merge("ben", "sess-live", NOW)
    erased = store.forget("user", "anna", lambda: NOW)
    assert (erased.events, erased.sessions) == (4, 1)
    assert [one.users for one in forget_in(wanted.out, store)] == [2]
    for gone in sessions[:2]:
        assert files_with(wanted.out, gone) == []
    store.append([Event("s", "user", "zoe", "i00001", "view", at)])
    store.close()
    made(replace(wanted, snapshot=None))
    users = load(wanted.out).interactions.users
    known = [name for name in ["anna", "ben", *(f"session:{id_}" for id_ in sessions)] if name in users]
    assert known == ["ben", "session:sess-alone"]


@pytest.mark.promise("P6")
@pytest.mark.fault(22)
def test_who_is_deleted_during_a_refit_is_not_named_by_its_decision(place: Path, tmp_path: Path) -> None:
    """And the decision names versions as they are called when the service wrote them again meanwhile."""
    address, end = store_of(tmp_path, events_since().head(60)), float(events_since()["timestamp"][0])
    out = tmp_path / "model"
    store = EventStore(address)
    store.append(
        [Event(f"x{n}", "user", "flood", f"i{n % 90:05}", "view", end - 60.0 * n) for n in range(1_000)]
    )

    def delete(part: str) -> None:
        if part == "gate":
            for user in ("flood", events_before()["user_id"][0]):
                store.forget("user", user, lambda: NOW)
            assert [one.users for one in forget_in(out, store)] == [1]

    decision = made(Wanted(out, address, snapshot=place / "first"), say=delete)
    store.close()
    assert (decision["decision"], decision["held_accounts"]) == ("hold", ["flood"])
    last = json.loads((out / LATEST).read_text("utf-8"))
    assert (last["held_accounts"], files_with(out, "flood")) == ([], [])
    current = Versions(out).current()
    assert last["version"] == last["live"] == current != decision["live"]


def test_memory_that_does_not_suffice_is_refused_with_figures(
    asked: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "allowed_gb", lambda: 0.1)
    with pytest.raises(UnsupportedError, match=r"takes about .* GB of memory and 0\.1 GB are there"):
        made(asked)
    versions = Versions(asked.out)
    assert versions.names() == [versions.current()]


def test_a_directory_without_a_version_needs_a_snapshot(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--snapshot"):
        made(Wanted(tmp_path / "nothing"))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device", "the version")

    with monkeypatch.context() as patched:
        patched.setattr("tacit.engine.refit.save", refuse)
        yield


@pytest.mark.promise("P31")
@pytest.mark.fault(8)
@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_a_sentence(asked: Wanted) -> None:
    with pytest.raises(ConfigError, match="No space left on device; the version that was current stays so"):
        made(asked)
