"""A history that is sent to the service is that which a fit makes of the same log, however long it is."""

import gc
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from tests.fleet import wait_until
from tests.served import small_snapshot
from tests.store.conftest import address, empty_postgres, postgres, store

from tacit.core.clock import FixedClock
from tacit.data.clean import apply_rules
from tacit.data.interactions import Interactions
from tacit.data.returns import settled
from tacit.data.rules import Rules
from tacit.data.weights import EventWeights, Mode
from tacit.engine import engine as engine_module
from tacit.engine import stored_acts as stored_acts_module
from tacit.engine.engine import Engine
from tacit.engine.history import History, history_of
from tacit.engine.requests import NewEvent, Request
from tacit.engine.state import State
from tacit.engine.stored_acts import StoredActs
from tacit.reading.shapes import canonical_events
from tacit.store.events import Event, EventStore

__all__ = ["address", "empty_postgres", "postgres", "store"]

NOW = 1_740_000_000.0
ITEMS = small_snapshot().catalogue.items.ids.to_list()[:4]

Row = tuple[str, str, float, float | None]
"""Item, event as its sender names it, time, value."""


def log(rows: list[Row], user: str = "u") -> pl.DataFrame:
    """A log as it is when it was read and cleaned."""
    frame = pl.DataFrame(
        {
            "user_id": [user] * len(rows),
            "item_id": [row[0] for row in rows],
            "event": [row[1] for row in rows],
            "timestamp": [row[2] for row in rows],
            "value": [row[3] for row in rows],
            "seq": [None] * len(rows),
            "line": [*range(len(rows))],
        },
        schema_overrides={
            "user_id": pl.String, "item_id": pl.String, "event": pl.String, "timestamp": pl.Float64,
            "value": pl.Float64, "seq": pl.Int64, "line": pl.Int64,
        },
    )  # fmt: skip
    read = settled(frame.with_columns(canonical_events(frame["event"]).alias("event")))
    return apply_rules(read, Rules().rows_only(), now=NOW)[0]


def weighed(fitted: pl.DataFrame, weights: EventWeights) -> State:
    """The state of a snapshot that was fitted on the log of one user."""
    base = small_snapshot()
    interactions = Interactions.from_frame(weights.weigh(fitted), base.catalogue.items)
    return State.of(replace(base, interactions=interactions, weights=weights))


def live(state: State, rows: list[Row], user: str = "u") -> History:
    stored = [
        Event(str(place), "user", user, item, event, at, value)
        for place, (item, event, at, value) in enumerate(sorted(rows, key=lambda row: row[2]))
    ]
    return history_of(state, user, stored, (), allow_seen=False)


def told(history: History) -> list[tuple[int, str, float, float]]:
    queries = history.queries
    found = zip(queries.item, history.kinds, queries.at, queries.weight, strict=True)
    return sorted((int(item), kind, float(at), round(float(weight), 5)) for item, kind, at, weight in found)


def of_fit(state: State) -> list[tuple[int, str, float, float]]:
    log = state.snapshot.interactions
    found = zip(log.item, log.kind, log.at, log.weight, strict=True)
    return sorted(
        (int(item), log.kinds[kind], float(at), round(float(weight), 5)) for item, kind, at, weight in found
    )


ROWS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(ITEMS),
            st.sampled_from(["view", "pv", "addtocart", "impression", "购买", "dislike", "glorp"]),
            st.integers(0, 2_000).map(lambda tenth: NOW - 1e6 + tenth / 10),
            st.none(),
        ),
        st.tuples(
            st.sampled_from(ITEMS),
            st.sampled_from(["transaction", "buy", "refund"]),
            st.integers(0, 2_000).map(lambda tenth: NOW - 1e6 + tenth / 10),
            st.sampled_from([None, 1.0, 2.0, 3.0, -1.0]),
        ),
        st.tuples(
            st.sampled_from(ITEMS),
            st.sampled_from(["rating", "play"]),
            st.integers(0, 2_000).map(lambda tenth: NOW - 1e6 + tenth / 10),
            st.sampled_from([None, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda row: (row[0], row[2]),
)  # fmt: skip


@pytest.mark.promise("P19")
@pytest.mark.promise("P20")
@settings(deadline=None, max_examples=40)
@given(rows=ROWS, mode=st.sampled_from(["default", "names", "auto"]), least=st.sampled_from([None, 3.0]))
def test_a_log_that_is_sent_weighs_what_it_weighs_in_a_fit(
    rows: list[Row], mode: Mode, least: float | None
) -> None:
    fitted = log(rows)
    weights = EventWeights.fit(fitted, mode, least_rating=least)
    state = weighed(fitted, weights)
    assert told(live(state, rows, "a new user")) == of_fit(state)


@pytest.mark.promise("P20")
@settings(deadline=None, max_examples=25)
@given(rows=ROWS, cut=st.integers(0, 2_000))
def test_what_is_sent_after_a_fit_weighs_what_it_weighs_after_a_refit(rows: list[Row], cut: int) -> None:
    middle = NOW - 1e6 + cut / 10
    rows = [row for row in rows if abs(row[2] - middle) > 5 and "refund" not in row and row[3] != -1]
    rows = rows or [(ITEMS[0], "view", NOW, None)]
    weights = EventWeights.fit(log(rows))
    state = weighed(log([row for row in rows if row[2] < middle]), weights)
    assert told(live(state, [row for row in rows if row[2] > middle])) == of_fit(weighed(log(rows), weights))
    # Events that the fit knows may be sent again.
    assert told(live(state, rows)) == of_fit(weighed(log(rows), weights))


@pytest.mark.promise("P19")
def test_a_low_rating_is_a_no_where_the_fit_takes_it_for_one() -> None:
    rows: list[Row] = [
        (ITEMS[n], "rating", NOW - 1_000 + n, value) for n, value in enumerate([1.0, 3.0, 5.0])
    ]
    weights = EventWeights.fit(log(rows), least_rating=3.0)
    history = live(weighed(log(rows), weights), [*rows, (ITEMS[3], "rating", NOW, 0.0)], "another").queries
    assert history.weight.tolist() == pytest.approx([-0.3, 0.9, 1.0, 1.0])  # a 0 says that there is none
    assert len(history.exclude) == 4


@pytest.fixture
def engine(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine whose models take the last ten acts."""
    monkeypatch.setattr(engine_module, "LONGEST_HISTORY", 10)
    opened = Engine(small_snapshot(), store, clock=FixedClock(NOW), store_wait=30)
    yield opened
    opened.close()


def send(engine: Engine, *events: tuple[str, str], user: str = "u") -> None:
    sent = [
        NewEvent(item, event, user, timestamp=NOW - 1_000 + place)
        for place, (item, event) in enumerate(events)
    ]
    assert engine.observe(sent).rejected == []


@pytest.mark.promise("P18")
@pytest.mark.fault(45)
@pytest.mark.parametrize("later", ["view", "impression"])
def test_no_number_of_later_events_brings_an_item_back(engine: Engine, later: str) -> None:
    every = small_snapshot().catalogue.items.ids.to_list()
    bought, disliked, viewed, *others = every
    send(engine, (bought, "purchase"), (disliked, "dislike"), (viewed, "view"))
    for _ in range(2):
        send(engine, *((item, later) for item in others[:60]))
        listed = {one.item_id for one in engine.recommend(Request("u", k=len(every))).items}
        assert not {bought, disliked, viewed} & listed
        assert (others[0] in listed) == (later == "impression")
    send(engine, (others[70], "view"))
    listed = {one.item_id for one in engine.recommend(Request("u", k=len(every))).items}
    assert not {bought, disliked, viewed, others[70]} & listed
    assert {bought, disliked} <= {
        one.item_id for one in engine.recommend(Request("u", k=200, allow_seen=True)).items
    }


@pytest.mark.promise("P18")
def test_what_was_only_shown_pushes_no_act_out_of_the_history(engine: Engine) -> None:
    every = small_snapshot().catalogue.items.ids.to_list()
    before = [(item, "view") for item in every[:12]]
    send(engine, *before)
    acts = engine.recommend(Request("u", k=5))
    shown = [
        (item, kind) for kind in ("impression", "product_list_shown", "banner_shown") for item in every[20:60]
    ]
    engine.observe([NewEvent(item, kind, "u", timestamp=NOW - 500) for item, kind in shown])
    after = engine.recommend(Request("u", k=5))
    assert [one.reasons for one in acts.items] and [one.item_id for one in acts.items]
    state = engine._state
    events, seen = StoredActs(engine._needed_store(), 10).of(state, "user", "u", NOW)
    assert [one.item_id for one in events if one.event == "view"] == every[2:12]
    assert sorted(seen) == every[:12]
    assert {one.item_id for one in after.items}.isdisjoint(every[:12])


class InMemory:
    """What `StoredActs` asks of a store, of one user."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def recent(self, _: str, __: str, count: int, without: Sequence[str] = ()) -> list[Event]:
        kept = [one for one in self.events if one.event not in without]
        return sorted(kept, key=lambda one: one.at)[-count:]

    def items_of(self, _: str, __: str) -> dict[str, frozenset[str]]:
        types = {one.event for one in self.events}
        return {kind: frozenset(one.item_id for one in self.events if one.event == kind) for kind in types}


@pytest.mark.promise("P18")
@settings(deadline=None, max_examples=40)
@given(
    batches=st.lists(
        st.tuples(
            st.lists(
                st.tuples(
                    st.sampled_from([f"i{n}" for n in range(30)]),
                    st.sampled_from(["view", "purchase", "impression", "impression"]),
                ),
                min_size=1,
                max_size=14,
            ),
            st.integers(0, 40),
        ),
        max_size=8,
    )
)
def test_a_long_history_that_is_followed_is_that_which_is_read_whole(
    batches: list[tuple[list[tuple[str, str]], int]],
) -> None:
    def acts(found: tuple[list[Event], Collection[str]]) -> tuple[list[Event], set[str]]:
        known = [one for one in found[0] if one.event != "impression"]
        return known[-5:], {one.item_id for one in known}.union(found[1])

    stored, state, number = InMemory(), State.of(small_snapshot()), 0
    followed = StoredActs(stored, 5)  # type: ignore[arg-type]
    for batch, late in batches:
        new = [
            Event(f"e{number + n}", "user", "u", item, event, NOW + number + n - (late if n == 0 else 0))
            for n, (item, event) in enumerate(batch)
        ]
        stored.events += new
        followed.note(new)
        number += len(batch)
        whole = StoredActs(stored, 5).of(state, "user", "u", NOW + 1e6)  # type: ignore[arg-type]
        assert acts(followed.of(state, "user", "u", NOW + 1e6)) == acts(whole)


@pytest.mark.promise("P18")
def test_a_long_history_is_read_whole_again_after_a_minute(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    every, state = small_snapshot().catalogue.items.ids.to_list(), State.of(small_snapshot())
    followed = StoredActs(store, 5)
    store.append([Event(f"e{n}", "user", "u", every[n], "view", NOW + n) for n in range(20)])
    assert followed.of(state, "user", "u", NOW + 99)[1] == set(every[:20])
    late = [Event(f"late {n}", "user", "u", every[30 + n], "view", NOW - 1e6) for n in range(2)]
    store.append(late)
    assert every[30] not in followed.of(state, "user", "u", NOW + 99)[1]
    followed.note(late[:1])  # as the process does that stored it
    assert every[30] in followed.of(state, "user", "u", NOW + 99)[1]
    store.append([Event("later", "user", "u", every[32], "view", NOW - 1e6)])
    later = time.monotonic() + 61
    monkeypatch.setattr(stored_acts_module.time, "monotonic", lambda: later)
    assert every[32] in followed.of(state, "user", "u", NOW + 99)[1]
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM tacit_event"))
    assert followed.of(state, "user", "u", NOW + 99) == ([], frozenset())


@pytest.mark.promise("P4")
@pytest.mark.fault(22)
def test_a_process_holds_nothing_of_a_deleted_user(engine: Engine) -> None:
    every = small_snapshot().catalogue.items.ids.to_list()
    send(engine, *((item, "view") for item in every[:40]), user="leaving")

    def held() -> list[str]:
        gc.collect()
        return [
            one.event_id for one in gc.get_objects() if type(one) is Event and one.subject_id == "leaving"
        ]

    engine.recommend(Request("leaving"))
    assert held()  # its history is followed
    engine.users.forget("user", "leaving")
    # PostgreSQL tells of a deletion within a moment, and later if the connection that tells was lost.
    wait_until(lambda: engine.recommend(Request("another")) and not held(), 30)


def test_late_events_and_deleted_ones_are_noticed_in_a_long_history(store: EventStore) -> None:
    def append(*names: str, at: float, kind: str = "view") -> None:
        store.append([Event(f"{name}{at}", "user", "u", name, kind, at) for name in names])

    append("a", "b", "a", at=NOW)
    assert store.items_of("user", "u") == {"view": {"a", "b"}}
    append("c", at=NOW - 1e6, kind="cart")
    append("d", at=NOW + 1)
    expected = {"view": {"a", "b", "d"}, "cart": {"c"}}
    assert store.items_of("user", "u") == store.items_of("user", "u") == expected
    with store._engine.begin() as connection:
        connection.execute(text("DELETE FROM tacit_event WHERE item_id IN ('a', 'b')"))
    append("e", at=NOW + 2)
    assert store.items_of("user", "u") == {"view": {"d", "e"}, "cart": {"c"}}


def test_a_clock_that_is_ahead_of_the_events_and_set_right_makes_none_later_than_now(
    store: EventStore,
) -> None:
    clock = FixedClock(NOW + 365 * 86_400)
    engine = Engine(small_snapshot(), store, clock=clock)
    engine.observe([NewEvent(ITEMS[0], "view", "u")])
    clock.at = NOW
    found, _ = StoredActs(store, 10).of(engine._state, "user", "u", clock.now())
    assert [one.at for one in found] == [NOW]
    assert np.isfinite([one.score for one in engine.recommend(Request("u")).items]).all()


def test_damaged_events_are_not_served(
    store: EventStore, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    store.append([Event(f"e{n}", "user", "u", f"i{n}", "view", NOW + n, 1.0 * n) for n in range(6)])
    changes = ("item_id = 'other'", "event = 'purchase'", "value = 9.5", "at = 1", "given_at = 5")
    with store._engine.begin() as connection:
        for number, change in enumerate(changes):
            connection.execute(text(f"UPDATE tacit_event SET {change} WHERE event_id = 'e{number}'"))
    assert [one.event_id for one in store.recent("user", "u", 9)] == ["e5"]
    assert "'e3' in the store is damaged" in caplog.text
