"""Users of a running engine: what is known, and what is left of one who was forgotten."""

import copy
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.fleet import wait_until
from tests.served import small_snapshot

from tacit.core.clock import FixedClock
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.data.shop import generate
from tacit.data.vocabulary import Vocabulary
from tacit.engine.engine import Engine
from tacit.engine.known_users import UnknownUserError
from tacit.engine.requests import NewEvent, Request, Response
from tacit.engine.snapshot import Snapshot
from tacit.engine.train import train
from tacit.models.protocol import HoldsUsers
from tacit.pipeline.config import Config
from tacit.store.events import EventStore

NOW = 1_800_000_000.0
SOMEBODY, ANOTHER = "u00007", "u00008"


@cache
def snapshot_with_neighbours() -> Snapshot:
    """A small shop whose lists are made of the rows of other users, of whom a little is known."""
    shop = generate(seed=7, users=60, items=80, events=1_500, days=40)
    ids = [*shop.events["user_id"].unique().sort(), "quiet"]
    club = (["gold", "silver"] * len(ids))[: len(ids)]
    users = pl.DataFrame({"user_id": ids, "club": club, "land": (["NZ", "NO", "JP"] * len(ids))[: len(ids)]})
    retrievers: dict[str, dict[str, object]] = {
        "userknn": {"k": 5, "half_life": math.inf},
        "sessionknn": {"k": 5},
        "covisitation": {},
    }
    config = Config(retrievers=retrievers, encoder="none", ranker=None, windows=1)
    return train(shop.events, shop.items, config, users=users)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    opened = EventStore(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    yield opened
    opened.close()


def items(response: Response) -> list[tuple[str, float, tuple[str, ...]]]:
    return [(item.item_id, item.score, tuple(item.reasons)) for item in response.items]


def listed(engine: Engine, user: str) -> list[tuple[str, float, tuple[str, ...]]]:
    return items(engine.recommend(Request(user_id=user, k=20)))


@pytest.mark.promise("P3")
def test_the_list_of_a_forgotten_user_is_that_of_an_unknown_one(store: EventStore) -> None:
    snapshot = small_snapshot()
    engine, other = Engine(snapshot, store), Engine(snapshot, store)
    somebody, another = snapshot.interactions.users.ids[7], snapshot.interactions.users.ids[8]
    event = NewEvent("i00001", "purchase", somebody)
    engine.observe([event])
    before, beside = listed(other, somebody), listed(other, another)
    told = engine.users.forget("user", somebody)
    assert (told.events, told.snapshot, told.store) == (1, "hidden", "erased")
    assert told.kept_until_refit == ["event weights", "blend"]
    for one in (engine, other):
        assert listed(one, somebody) == items(one.recommend(Request(user_id="nobody", k=20))) != before
        assert listed(one, another) == beside
        said = one.recommend(Request(user_id=somebody)).warnings
        assert said == [f"the user {somebody!r} is not known: the list is that of a new user"]
        with pytest.raises(UnknownUserError, match="nothing is known of the user"):
            one.users.known("user", somebody)
    again = engine.users.forget("user", somebody)
    assert (again.events, again.attributes) == (0, False)
    engine.observe([event])
    assert [one["item_id"] for one in other.users.known("user", somebody)["events"]] == ["i00001"]  # type: ignore[index, union-attr]
    assert other.users.known("user", somebody)["history"] == []


@pytest.mark.promise("P3")
@pytest.mark.fault(22)
def test_a_session_that_the_model_learned_is_forgotten_alone_and_with_its_user(store: EventStore) -> None:
    first = snapshot_with_neighbours()
    log = first.interactions
    ids = log.users.ids.to_list()
    ids[7], ids[8] = "session:s1", "session:s2"
    snapshot = replace(first, interactions=replace(log, users=Vocabulary(ids)))
    engine, other = Engine(snapshot, store), Engine(snapshot, store)
    assert len(engine.users.known("session", "s1")["history"]) > 0  # type: ignore[arg-type]
    with pytest.raises(UnknownUserError):
        engine.users.known("session", ids[6])  # a user of that name
    told = engine.users.forget("session", "s1")
    assert (told.events, told.snapshot, told.kept_until_refit) == (0, "hidden", ["event weights", "blend"])
    assert engine.users.merge("anna", "s2").warnings == []
    assert engine.users.merge("anna", "s3").warnings == ["nothing is stored of the session 's3'"]
    assert engine.users.merge("anna", "s3").warnings == []
    assert len(engine.users.known("session", "s2")["history"]) > 0  # type: ignore[arg-type]
    told = engine.users.forget("user", "anna")
    assert (told.sessions, told.snapshot) == (2, "hidden")
    assert engine.users.forget("session", "nobody").snapshot == "absent"
    for one in (engine, other):
        for session in ("s1", "s2"):
            for subject, name in (("session", session), ("user", f"session:{session}")):
                with pytest.raises(UnknownUserError):
                    one.users.known(subject, name)  # type: ignore[arg-type]
        assert one._state.forgotten == {7, 8}
    another = Engine(replace(snapshot, version="another"), store)  # known by the hashes of its ids
    assert another._state.forgotten == {7, 8}


@pytest.mark.promise("P3")
def test_a_user_who_is_called_as_a_session_goes_with_either(store: EventStore) -> None:
    """A log cannot tell them apart: rather too much is forgotten than too little."""
    first = small_snapshot()
    ids = first.interactions.users.ids.to_list()
    ids[5], ids[6] = "session:a", "session:b"
    snapshot = replace(first, interactions=replace(first.interactions, users=Vocabulary(ids)))
    engine = Engine(snapshot, store)
    assert engine.users.forget("user", "session:a").snapshot == "hidden"
    assert engine.users.forget("session", "b").snapshot == "hidden"
    assert engine._state.forgotten == {5, 6}
    assert Engine(replace(snapshot, version="another"), store)._state.forgotten == {5, 6}


@pytest.mark.promise("P1")
def test_an_export_holds_the_history_the_events_the_lists_and_the_sessions(tmp_path: Path) -> None:
    snapshot = snapshot_with_neighbours()
    store = EventStore(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    engine = Engine(snapshot, store, clock=FixedClock(NOW))
    user = snapshot.interactions.users.ids[0]
    engine.observe([NewEvent("i00002", "view", session_id="s", event_id="e")])
    engine.recommend(Request(session_id="s", k=2))
    engine.put_user(user, {"plan": "x"})
    engine._exposures.close()  # type: ignore[union-attr]
    assert vars(engine.users.merge(user, "s")) == {
        "user_id": user, "session_id": "s", "events": 1, "exposures": 1, "warnings": []
    }  # fmt: skip
    known = engine.users.known("user", user)
    assert known["attributes"] == {"plan": "x"}
    expected = {"event_id": "e", "item_id": "i00002", "event": "view", "timestamp": NOW, "value": None}
    expected["received"] = NOW
    assert known["events"] == [expected]
    (shown,) = known["exposures"]  # type: ignore[misc]
    assert len(shown["items"]) == 2  # type: ignore[index, call-overload, arg-type]
    assert known["sessions"] == [{"session_id": "s", "timestamp": NOW}]
    log = snapshot.interactions
    assert len(known["history"]) == log.offsets[1]  # type: ignore[arg-type]
    assert set(known["traits"]) == {"club", "land"}  # type: ignore[arg-type]
    assert set(engine.users.known("user", "quiet")["traits"]) == {"club", "land"}  # type: ignore[arg-type]
    with pytest.raises(UnknownUserError, match="nothing is known of the session 's'"):
        engine.users.known("session", "s")
    engine.close()


@pytest.mark.promise("P2")
def test_a_patch_sets_one_trait_of_a_user_of_the_snapshot_and_keeps_the_others(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = snapshot_with_neighbours()
    engine = Engine(snapshot, store)
    asked = snapshot.pipeline.recommend
    seen: list[list[int]] = []

    def recommend(queries: Queries, k: int, **more: Any) -> Ranking:
        seen.append(queries.traits[0].tolist())
        return asked(queries, k, **more)

    monkeypatch.setattr(snapshot.pipeline, "recommend", recommend)
    listed(engine, "quiet")
    items(engine.recommend(Request(user_id="quiet", attributes={"club": "bronze"})))
    engine.users.patch("quiet", {"club": "bronze", "land": None})
    listed(engine, "quiet")
    assert seen[0] != seen[1] == seen[2]
    engine.put_user("quiet", {"club": "bronze"})
    listed(engine, "quiet")
    assert seen[3] != seen[2]  # the land of the snapshot no longer counts
    with pytest.raises(UnknownUserError, match="PUT stores attributes"):
        engine.users.patch("nobody", {"club": "gold"})


def test_nobody_finds_a_forgotten_user_as_a_neighbour(store: EventStore) -> None:
    snapshot = snapshot_with_neighbours()
    log = snapshot.interactions
    engine, other = Engine(snapshot, store), Engine(snapshot, store)
    gone = np.zeros(log.n_users, dtype=bool)
    gone[::3] = True
    ids = log.users.ids.to_list()
    before = {user: listed(engine, user) for user in ids[1:30:3]}
    for code in np.flatnonzero(gone).tolist():
        engine.users.forget("user", ids[code])
    for one in (engine, other):
        one.catch_up()
        wait_until(lambda one=one: one._current._unlearned == one._current._seen_tombstones, 30)  # type: ignore[misc]
    expected = Engine(replace(snapshot, pipeline=snapshot.pipeline.without_users(gone)))
    after = {user: listed(engine, user) for user in before}
    assert after == {user: listed(other, user) for user in before}
    assert after == {user: listed(expected, user) for user in before}
    assert after != before
    started_later = Engine(snapshot, store)
    assert after == {user: listed(started_later, user) for user in before}
    new = {f"new-{number}": {"title": "A lamp"} for number in range(3)}
    for id_, attributes in new.items():
        started_later.put_item(id_, attributes)
    listed(started_later, ANOTHER)


def test_models_without_some_users_score_as_those_that_never_saw_them() -> None:
    snapshot = snapshot_with_neighbours()
    log, catalogue = snapshot.interactions, snapshot.catalogue
    gone = np.zeros(log.n_users, dtype=bool)
    gone[[2, 3, 40]] = True
    rest = log.select(~gone[log.user])  # with the codes as they were
    rest = replace(rest, end_at=log.end)
    queries = log.queries(np.flatnonzero(~gone).astype(np.int32))
    for model in snapshot.pipeline.retrievers_:
        assert isinstance(model, HoldsUsers)
        less = model.without_users(gone)
        fresh = copy.copy(next(one for one in snapshot.pipeline.config.retrievers if one.name == model.name))
        fitted = fresh.fit(rest, catalogue, rng=np.random.default_rng(1))
        if model.name != "covisitation":  # its sums stay, only the last events of the users go
            assert np.allclose(less.score(queries), fitted.score(queries), rtol=1e-5)  # type: ignore[attr-defined]
        else:
            assert not np.isin(less.tails_.user, [2, 3, 40]).any()  # type: ignore[attr-defined]


def test_a_snapshot_of_another_version_forgets_by_the_hashes_of_its_ids(store: EventStore) -> None:
    snapshot = small_snapshot()
    engine = Engine(snapshot, store)
    user = snapshot.interactions.users.ids[3]
    before = listed(engine, user)
    store.forget("user", user, lambda: NOW, "another version", lambda *_: 70)
    assert listed(engine, user) != before
    assert engine._state.forgotten == {3}
    engine.swap(replace(snapshot, version="a third one"))
    assert engine._state.forgotten == {3}
    made_without = {"forgotten": {"store": store.name, "number": 1}}
    engine.swap(replace(snapshot, facts={**snapshot.facts, **made_without}))
    assert engine._state.forgotten == frozenset()
    store.forget("user", user, lambda: NOW, snapshot.version, lambda *_: 3)
    assert engine._state.forgotten == {3}
