"""Between two fits the models follow the events of the store."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from tests.fleet import wait_until
from tests.served import small_snapshot

from tacit.core.clock import FixedClock
from tacit.core.types import DAY
from tacit.engine import updates
from tacit.engine.engine import Engine
from tacit.engine.requests import NewEvent, Request
from tacit.engine.snapshot import Snapshot
from tacit.store.events import Event, EventStore

END = small_snapshot().interactions.end
NOW = END + DAY
LATEST = NOW + 10_001 * DAY
RARE, BESIDE = (str(one) for one in small_snapshot().catalogue.items.ids.to_list()[:2])


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'events.sqlite3'}"


@pytest.fixture
def engine(place: str) -> Iterator[Engine]:
    opened = Engine(small_snapshot(), EventStore(place), clock=FixedClock(LATEST))
    yield opened
    opened.close()


def trend(
    items: Sequence[str], users: int = 100, *, session: bool = False, at: float = NOW
) -> list[NewEvent]:
    """Purchases of some items by as many new users, a tenth of a second apart."""
    whose = "session_id" if session else "user_id"
    return [
        NewEvent(
            item_id=item,
            event="purchase",
            timestamp=at + (n + place / len(items)) / 10,
            **{whose: f"new-{n}"},
        )  # type: ignore[arg-type]
        for n in range(users)
        for place, item in enumerate(items)
    ]


def shown(engine: Engine, **request: Any) -> list[str]:
    return [one.item_id for one in engine.recommend(Request(**request)).items]


@pytest.mark.promise("P25")
@pytest.mark.parametrize("session", [False, True])
def test_what_trends_is_in_the_lists_of_new_users(engine: Engine, session: bool) -> None:
    before = shown(engine)
    assert RARE not in before
    engine.observe(trend([RARE], session=session))
    assert shown(engine) == before
    assert not engine.follow()
    answer = engine.recommend(Request())
    assert answer.items[0].item_id == RARE
    assert answer.items[0].reasons == ["popular now"]


@pytest.mark.promise("P25")
def test_what_is_bought_together_is_in_the_lists_of_items(engine: Engine) -> None:
    assert BESIDE not in [one.item_id for one in engine.similar(RARE, 5, "together").items]
    engine.observe(trend([RARE, BESIDE]))
    engine.follow()
    for kind in ("together", "next"):
        first = engine.similar(RARE, 5, kind).items[0]  # type: ignore[arg-type]
        assert first.item_id == BESIDE
    assert "100" in " ".join(engine.similar(RARE, 5, "together").items[0].reasons)


def test_batch_by_batch_is_all_at_once_and_a_new_start_is_the_same(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Engine(small_snapshot(), EventStore(place, lock=False), clock=FixedClock(LATEST))
    for start in range(0, 100, 20):
        first.observe(trend([RARE, BESIDE])[start : start + 20])
        assert not first.follow()
    monkeypatch.setattr(updates, "_BATCH", 7)
    second = Engine(small_snapshot(), EventStore(place, lock=False), clock=FixedClock(LATEST))
    turns = 1
    while second.follow():
        turns += 1
    assert turns == 15
    monkeypatch.undo()
    third = Engine(small_snapshot(), EventStore(place, lock=False), clock=FixedClock(LATEST))
    assert not third.follow()
    scores = [
        [(one.item_id, pytest.approx(one.score, rel=1e-4)) for one in engine.recommend(Request(k=50)).items]
        for engine in (first, second, third)
    ]
    assert scores[0] == scores[1] == scores[2]
    for engine in (first, second, third):
        engine.close()


def test_an_act_that_is_repeated_weighs_what_it_weighs_in_a_fit(engine: Engine) -> None:
    state = engine._current.state
    events = [NewEvent(item_id=RARE, event="view", user_id="new", timestamp=NOW + n) for n in range(4)]
    engine.observe(events[:2])
    engine.follow()
    engine.observe(events[2:])
    engine.follow()
    followed = engine._current.state.followed
    assert followed is not None
    np.testing.assert_allclose(followed.log.weight, [1, 1 / 2, 1 / 3, 1 / 4], rtol=1e-6)
    assert state.followed is None


def test_who_acts_later_is_not_their_own_neighbour(engine: Engine) -> None:
    engine.observe(trend([RARE], 1))
    engine.follow()
    state = engine._current.state
    assert state.followed is not None
    (code,) = state.followed.users.values()
    assert code == state.snapshot.interactions.n_users
    assert state.followed.code_of(state.snapshot, ("user", "new-0")) == code
    assert state.followed.code_of(state.snapshot, ("session", "new-0")) == -1


def test_what_the_fit_knows_does_not_count_twice(engine: Engine) -> None:
    engine.observe(trend([RARE], at=END - 60))
    engine.follow()
    state = engine._current.state
    assert state.pipeline is small_snapshot().pipeline
    assert state.followed is not None
    assert (state.followed.number, state.followed.count) == (100, 0)


def test_unknown_items_and_ignored_events_bring_nothing(engine: Engine) -> None:
    engine.observe([NewEvent(item_id="nowhere", event="view", user_id="new", timestamp=NOW)])
    engine.follow()
    assert engine._current.state.pipeline is small_snapshot().pipeline


def test_items_that_were_added_trend_too(engine: Engine) -> None:
    engine.put_item("fresh", {"title": "a thing of its own kind"})
    engine.observe(trend(["fresh", RARE]))
    engine.follow()
    assert set(shown(engine, k=2)) == {"fresh", RARE}
    engine.put_item("fresher", {"title": "another thing"})
    assert set(shown(engine, k=2)) == {"fresh", RARE}
    engine.observe(trend(["fresher"], 300, at=NOW + 60))
    engine.follow()
    assert shown(engine)[0] == "fresher"
    assert engine.similar("fresh", 3, "together").items[0].item_id == RARE


@pytest.mark.promise("P3")
@pytest.mark.parametrize("subject", ["user", "session"])
def test_after_a_deletion_the_models_know_what_is_stored_still(
    engine: Engine, subject: Literal["user", "session"]
) -> None:
    before, known = shown(engine, k=50), small_snapshot().interactions
    events = trend([RARE], session=subject == "session")
    ids = [f"new-{n}" for n in range(100)]
    if subject == "user":  # some are users of the fitted log
        ids[:30] = known.users.ids.to_list()[:30]
        events = [replace(event, user_id=id_) for event, id_ in zip(events, ids, strict=True)]
    engine.observe(events)
    engine.follow()
    assert shown(engine)[0] == RARE
    for id_ in ids[:-1]:
        engine.users.forget(subject, id_)
    engine.follow()
    state = engine._current.state
    assert state.followed is not None
    assert state.followed.count == 1
    engine.users.forget(subject, ids[-1])
    engine.rebuild()
    assert shown(engine, k=50) == before
    engine.follow()
    assert shown(engine, k=50) == before
    if subject == "user":
        engine.observe([replace(events[0], timestamp=NOW + 60)])
        engine.follow()
        followed = engine._current.state.followed
        assert followed is not None
        assert followed.log.user.tolist() == [known.n_users]  # somebody new, without the old history


def test_numbers_that_are_given_again_are_followed(engine: Engine, place: str) -> None:
    engine.observe(trend([BESIDE], 3))
    engine.follow()
    store = EventStore(place, lock=False)
    store._writer.write(lambda connection: connection.exec_driver_sql("DELETE FROM tacit_event"))
    store.close()
    engine.observe(trend([RARE], 2, at=NOW + 60))
    engine.follow()
    followed = engine._current.state.followed
    assert followed is not None
    assert followed.count == 2


def test_a_user_who_is_forgotten_is_taken_out_of_the_models_that_followed(engine: Engine) -> None:
    before = shown(engine, k=50)
    events = trend([RARE], 40)
    engine.observe(events)
    engine.follow()
    assert shown(engine)[0] == RARE
    with ThreadPoolExecutor(16) as pool:
        assert [*pool.map(lambda event: engine.users.forget("user", str(event.user_id)).events, events)]
    wait_until(lambda: engine._current._unlearned == engine._current._seen_tombstones, 60)
    engine.follow()
    assert shown(engine, k=50) == before


@pytest.mark.promise("P25")
@pytest.mark.fault(22)
def test_deletions_one_after_the_other_hold_up_nothing_that_trends(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "_BATCH", 10)
    engine.observe(trend([BESIDE]))
    while engine.follow():
        pass
    assert engine._follower is not None
    for number, late in enumerate(trend([RARE], 40, at=NOW + 60)):
        engine.users.forget("user", f"new-{50 + number}")
        engine.observe([replace(late, user_id=f"late-{number}")])
        engine.follow()
        assert engine._follower.events_behind() == 0
    assert RARE in shown(engine, k=2)
    monkeypatch.setattr(engine._follower, "_rebuild_at", 0.0)
    engine.follow()
    followed = engine._current.state.followed
    assert followed is not None
    assert followed.count == 60 + 40
    assert followed.users.keys().isdisjoint({("user", f"new-{50 + number}") for number in range(40)})


def test_another_snapshot_is_followed_from_its_own_end(engine: Engine) -> None:
    engine.observe(trend([RARE]))
    engine.follow()
    log = small_snapshot().interactions
    later = replace(log, at=log.at + (NOW + 5 - END))  # as if fitted on half of these events
    engine.swap(_with_log(small_snapshot(), later))
    assert RARE not in shown(engine)
    engine.follow()
    state = engine._current.state
    assert state.followed is not None
    assert 0 < state.followed.count < 60


def _with_log(snapshot: Snapshot, log: Any) -> Snapshot:
    return replace(snapshot, interactions=log)


def test_health_says_how_far_it_is_behind(place: str) -> None:
    now = [0.0]
    engine = Engine(small_snapshot(), EventStore(place), clock=FixedClock(LATEST))
    assert engine._follower is not None
    engine._follower._clock = lambda: now[0]
    engine.observe(trend([RARE], 50))
    engine.follow()
    assert engine.health()["updates"] == {"events": 0, "seconds": 0.0, "followed": 50}
    engine.observe(trend([BESIDE], 30))
    engine._follower._last, now[0] = 80, 12.5
    assert engine.health()["updates"] == {"events": 30, "seconds": 12.5, "followed": 50}
    engine.close()


def test_a_silence_is_cut_short_and_ages_nothing_more(engine: Engine) -> None:
    """A service may start years after the end of its log: one event is not all that anybody wants then."""
    before = shown(engine)
    engine.observe(trend([RARE], 1, at=NOW + 10_000 * DAY))
    engine.follow()
    assert shown(engine) == before
    state = engine._current.state
    assert state.followed is not None
    assert state.followed.last_at == NOW + 10_000 * DAY
    span = small_snapshot().pipeline.second_.maker.state_.statistics.span
    assert state.moment == pytest.approx(END + 0.03 * span)


def test_a_list_is_one_state_while_events_are_followed(engine: Engine) -> None:
    """Lists are asked for while batches come in: each is that of one state."""
    states = {tuple(shown(engine))}
    batches = [trend([RARE, BESIDE], 20, at=NOW + 60 * n) for n in range(6)]
    done = threading.Event()
    seen: list[tuple[str, ...]] = []

    def ask() -> None:
        while not done.is_set():
            seen.append(tuple(shown(engine)))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for one in threads:
        one.start()
    for batch in batches:
        engine.observe(batch)
        engine.follow()
        states.add(tuple(shown(engine)))
    done.set()
    for one in threads:
        one.join()
    assert seen
    assert set(seen) <= states


def test_the_thread_follows_by_itself_and_goes_on_after_a_failure(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "_PAUSE", 0.01)
    followed = threading.Event()
    engine = Engine(small_snapshot(), EventStore(place), clock=FixedClock(LATEST))
    follower = engine._follower
    assert follower is not None
    honest, failures = follower.follow, [ValueError("broken")]

    def follow() -> bool:
        if failures:
            raise failures.pop()
        more = honest()
        if follower.behind()["followed"] == 100:
            followed.set()
        return more

    monkeypatch.setattr(follower, "follow", follow)
    engine.observe(trend([RARE]))
    engine.start_following()
    assert followed.wait(60)
    assert shown(engine)[0] == RARE
    engine.close()


def test_events_that_are_committed_late_are_followed(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In PostgreSQL an event may have a lower number than one that was there before."""
    monkeypatch.setattr(EventStore, "is_local", property(lambda self: False))
    engine = Engine(small_snapshot(), EventStore(place), clock=FixedClock(LATEST))
    follower = engine._follower
    assert follower is not None
    honest, hidden = EventStore.events_after, {4, 5}

    def without(self: EventStore, number: int, count: int) -> list[tuple[int, Event]]:
        return [row for row in honest(self, number, count) if row[0] not in hidden]

    monkeypatch.setattr(EventStore, "events_after", without)
    monkeypatch.setattr(EventStore, "events_numbered", lambda self, numbers: [])
    engine.observe(trend([RARE], 2))
    engine.follow()
    engine.observe(trend([RARE], 10)[2:])
    engine.follow()
    assert follower.behind()["followed"] == 8
    monkeypatch.undo()
    engine.follow()
    assert follower.behind()["followed"] == 10
    engine.follow()
    assert follower.behind()["followed"] == 10
    engine.close()
