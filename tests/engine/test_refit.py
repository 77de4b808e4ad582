"""Refits: what is learned, what is published, what is held."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.engine.refits import CONFIG, events_before, events_since, items, saved_first, store_of

from tacit.core.clock import FixedClock
from tacit.core.errors import ConfigError, UnsupportedError
from tacit.engine import train as train_module
from tacit.engine.new_log import LeftOut
from tacit.engine.refit import LATEST, Wanted, refit
from tacit.engine.snapshot import load
from tacit.engine.train import train
from tacit.store.events import EventStore
from tacit.store.records import Event, ItemChange
from tacit.store.versions import Versions

NOW = 1_800_000_000.0


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


@pytest.mark.promise("P24")
def test_a_live_model_that_does_worse_than_the_one_before_is_rolled_back(asked: Wanted, place: Path) -> None:
    """A model of shuffled histories is forced live; what users did since says so."""
    versions = Versions(asked.out)
    first = made(replace(asked, store=None))["live"]
    worse = events_before().with_columns(pl.col("item_id").shuffle(seed=1))
    forced = made(replace(asked, store=None, snapshot=None, force=True), read_log=lambda _: worse)
    assert versions.current() == forced["version"]
    decision = made(replace(asked, snapshot=None))
    assert decision["decision"] == "roll back", decision
    assert versions.current() == first == decision["version"]
    assert decision["figures"]["live - before"]["high"] < 0


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
    assert any("flood" in note for note in decision["notes"])
    assert [one["name"] for one in decision["bursts"] if one["kind"] == "account"] == ["flood"]
    queries = plain.interactions.queries(np.flatnonzero(np.diff(plain.interactions.offsets)).astype(np.int32))
    theirs = flooded.interactions.users.encode(plain.interactions.users.ids.gather(queries.user))
    one = plain.pipeline.recommend(queries, 10).items
    np.testing.assert_array_equal(
        one, flooded.pipeline.recommend(flooded.interactions.queries(theirs), 10).items
    )
    trusted = made(Wanted(tmp_path / "other", address, trusted=("flood",), force=True))
    assert (trusted["log"]["held"], trusted["log"]["added"]) == (0, decision["log"]["held"])


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
