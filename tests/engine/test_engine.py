"""The running product: fresh at once, whole at every moment, the same as batch."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.served import acquainted_snapshot, small_snapshot

from tacit.core.clock import FixedClock
from tacit.core.errors import ArtifactError, DataError, TacitError, UnsupportedError
from tacit.data.shop import generate
from tacit.encoders.tfidf import TfidfEncoder
from tacit.engine.batch import recommend_all
from tacit.engine.engine import Engine, UnknownItemError
from tacit.engine.requests import NewEvent, Request
from tacit.engine.state import ItemEncoder
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.pipeline.similar import SimilarKind
from tacit.reading.choices import Reading
from tacit.store.events import EventStore, StorageError

NOW = 1_740_000_000.0
TEA = {"title": "Smoked black tea with compostable sachets", "category": "Tea", "price": 7.5}


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"


@pytest.fixture
def engine(place: str) -> Iterator[Engine]:
    opened = Engine(small_snapshot(), EventStore(place), clock=FixedClock(NOW))
    yield opened
    opened.close()


def ids(engine: Engine, user: str | None = "somebody new", k: int = 10, **more: object) -> list[str]:
    answer = engine.recommend(Request(user_id=user, k=k, **more))  # type: ignore[arg-type]
    return [item.item_id for item in answer.items]


def test_one_list_at_a_time_and_all_lists_at_once_agree() -> None:
    snapshot = small_snapshot()
    engine = Engine(snapshot)
    users = [*snapshot.interactions.users.ids.to_list()[:25], "nobody knows me"]
    frame = pl.concat(recommend_all(snapshot, users, k=7))
    for user in users:
        answer = engine.recommend(Request(user_id=user, k=7))
        batch = frame.filter(pl.col("user_id") == user)
        assert [item.item_id for item in answer.items] == batch["item_id"].to_list()
        assert [item.score for item in answer.items] == pytest.approx(batch["score"].to_list())


def test_an_event_counts_in_the_next_list(engine: Engine) -> None:
    before = ids(engine)
    assert engine.observe([NewEvent(before[0], "purchase", user_id="somebody new")]).accepted == 1
    after = ids(engine)
    assert before[0] not in after
    assert after != before[1:] + after[-1:]  # not just one fewer: the rest follows the new taste
    assert before[0] in ids(engine, k=1_000, allow_seen=True)


def test_a_session_is_not_the_user_of_the_same_name(engine: Engine) -> None:
    item = ids(engine)[0]
    engine.observe([NewEvent(item, "view", session_id="x")])
    answer = engine.recommend(Request(session_id="x"))
    assert item not in [found.item_id for found in answer.items]
    assert item in ids(engine, "x")


def test_an_anonymous_history_works_and_unknown_items_are_left_out(engine: Engine) -> None:
    known = small_snapshot().catalogue.items.ids[3]
    assert ids(engine, None, items=[known]) == ids(engine, None, items=["never heard", known])
    assert ids(engine, None, items=["never heard"]) == ids(engine, None)
    assert len(ids(engine, None)) == 10


def test_the_last_item_of_a_request_counts_most(engine: Engine) -> None:
    a, b = small_snapshot().catalogue.items.ids[3], small_snapshot().catalogue.items.ids[40]
    assert ids(engine, None, items=[a, b]) != ids(engine, None, items=[b, a])


def test_reasons_name_what_was_done(engine: Engine) -> None:
    item = small_snapshot().catalogue.items.ids[3]
    title = small_snapshot().catalogue.titles[3]
    engine.observe([NewEvent(item, "purchase", user_id="u")])
    said = [reason for found in engine.recommend(Request(user_id="u")).items for reason in found.reasons]
    assert any(reason in (f"because you bought {title}", f"similar in text to {title}") for reason in said)
    popular = engine.recommend(Request(user_id="nobody")).items
    assert popular[0].reasons == ["popular now"]


def test_what_was_only_shown_stays_in_the_list_and_is_no_reason(engine: Engine) -> None:
    item, title = small_snapshot().catalogue.items.ids[3], small_snapshot().catalogue.titles[3]
    engine.observe([NewEvent(item, "purchase", user_id="u")])
    before = ids(engine, "u")
    engine.observe([NewEvent(shown, "impression", user_id="u") for shown in [*before, item]])
    assert ids(engine, "u") == before
    said = [reason for found in engine.recommend(Request(user_id="u")).items for reason in found.reasons]
    assert any(reason in (f"because you bought {title}", f"similar in text to {title}") for reason in said)


def test_events_that_the_snapshot_knows_count_once(place: str) -> None:
    snapshot = small_snapshot()
    log = snapshot.interactions
    user = log.users.ids[0]
    known = [
        NewEvent(log.items.ids[int(i)], log.kinds[k], user_id=user, timestamp=float(at))
        for i, at, k in zip(log.item, log.at, log.kind, strict=True)
    ][: log.offsets[1]]
    engine = Engine(snapshot, EventStore(place), clock=FixedClock(NOW))
    before = engine.recommend(Request(user_id=user)).items
    assert engine.observe(known).accepted == len(known)
    assert engine.recommend(Request(user_id=user)).items == before
    engine.close()


def test_similar_items_say_why_and_the_numbers_are_those_of_the_log(engine: Engine) -> None:
    log = small_snapshot().interactions
    wanted = log.select(log.weight > 0)
    busiest = int(np.bincount(wanted.item).argmax())
    answer = engine.similar(log.items.ids[busiest], 10)
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True) and 0 < scores[-1] <= scores[0] <= 1
    counted = 0
    for item in answer.items:
        code = log.items.encode([item.item_id])[0]
        users = [set(wanted.user[wanted.item == one].tolist()) for one in (busiest, code)]
        both = len(users[0] & users[1])
        said = [reason for reason in item.reasons if reason.startswith("chosen together by")]
        assert said == ([f"chosen together by {both} people"] if both >= 2 else [])
        counted += len(said)
        known = {*said, "similar in text", "often chosen right after", "often chosen within a day of it"}
        assert set(item.reasons) <= known
    assert counted > 3
    assert any("similar in text" in item.reasons for item in answer.items)


def test_three_questions_have_three_answers_and_another_is_refused(engine: Engine) -> None:
    log = small_snapshot().interactions
    id_ = log.items.ids[int(np.bincount(log.item).argmax())]
    kinds: tuple[SimilarKind, ...] = ("alike", "together", "next")
    lists = [tuple(item.item_id for item in engine.similar(id_, 5, kind).items) for kind in kinds]
    assert all(lists) and all(id_ not in found for found in lists)
    assert len(set(lists)) == 3
    with pytest.raises(UnsupportedError, match="give one of alike, together, next"):
        engine.similar(id_, 5, "like")  # type: ignore[arg-type]


def test_of_an_item_without_text_nothing_is_similar_in_text(engine: Engine) -> None:
    engine.put_item("bare", {})
    state = engine._state
    bare = int(state.catalogue.items.encode(["bare"])[0])
    assert not state.catalogue.has_text[bare]
    others = np.arange(5, dtype=np.int32)
    assert all(np.isnan(one.text) for one in state.evidence.between(bare, others, state.catalogue))
    known = state.evidence.between(1, np.array([bare, 2], dtype=np.int32), state.catalogue)
    assert np.isnan(known[0].text) and known[0].both == 0 and known[0].together == known[0].following == 0
    assert -1 <= known[1].text <= 1


def test_an_item_with_only_text_is_similar_and_recommended_at_once(engine: Engine) -> None:
    twin = small_snapshot().catalogue
    text = {"title": twin.attributes["title"][5], "description": twin.attributes["description"][5]}
    engine.put_item("new", text)
    assert "new" in [item.item_id for item in engine.similar(twin.items.ids[5], 3).items]
    assert twin.items.ids[5] in [item.item_id for item in engine.similar("new", 3).items]
    assert "new" in ids(engine, None, items=[twin.items.ids[5]])


def test_events_and_items_survive_a_restart(engine: Engine, place: str) -> None:
    engine.put_item("new", TEA)
    engine.observe([NewEvent("new", "view", user_id="u")])
    before = ids(engine, "u"), engine.similar("new")
    engine.close()
    again = Engine(small_snapshot(), EventStore(place), clock=FixedClock(NOW + 60))
    assert ids(again, "u") == before[0]
    assert again.similar("new").items == before[1].items
    again.close()


def test_an_item_can_be_replaced_and_hidden(engine: Engine) -> None:
    first = ids(engine)[0]
    size = engine.health()["items"]
    engine.put_item(first, {**TEA, "available": False})
    assert first not in ids(engine, k=1_000)
    engine.put_item(first, {"title": "Back again"})
    back = [item for item in engine.recommend(Request(k=1_000)).items if item.item_id == first]
    assert [item.title for item in back] == ["Back again"]
    assert engine.health()["items"] == size


def test_items_that_come_together_are_all_taken_in(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: engine.put_item(f"new-{n % 30}", TEA), range(60)))
    assert engine.health()["items"] == len(small_snapshot().catalogue) + 30
    assert len(engine.similar("new-7", 5).items) == 5


def test_an_item_that_cannot_be_stored_is_not_served(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("no room")

    monkeypatch.setattr(EventStore, "change_items", refuse)
    with pytest.raises(StorageError):
        engine.put_item("new", TEA)
    with pytest.raises(UnknownItemError):
        engine.similar("new")


@pytest.mark.parametrize(
    "attributes",
    [
        {"tags": ["a", "b"], "size": {"eu": 42}, "n": 3, "deep": [[1], [2]], "ok": True, "none": None},
        {"price": "not a number", "title": 5, "category": ["a", "b"]},
        {"price": 10**400, "title": "\x00 \x1f"},
        {"created_at": "2025-01-01T00:00:00Z", "available": None},
        {},
    ],
)
def test_attributes_of_any_json_kind_are_taken(engine: Engine, attributes: dict[str, object]) -> None:
    engine.put_item("odd", attributes)  # type: ignore[arg-type]
    assert ids(engine)
    engine.put_item("odd", {"title": "plain again", "size": "42"})
    assert engine.similar("odd").items


@pytest.mark.parametrize(
    "attributes",
    [
        {f"a{n}": 1 for n in range(65)},
        {"title": "x" * 8_193},
        {"": 1},
        {"bad\x00name": 1},
        {"item_id": "other"},
        {"available": "maybe"},
        {"created_at": "yesterday"},
        {"created_at": True},
        {"title": "\ud800"},
    ],
)
def test_attributes_out_of_bounds_are_refused(engine: Engine, attributes: dict[str, object]) -> None:
    with pytest.raises(DataError):
        engine.put_item("odd", attributes)  # type: ignore[arg-type]


GOOD = NewEvent("i", "view", user_id="u")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"user_id": None}, "either"),
        ({"session_id": "s"}, "either"),
        ({"item_id": "  "}, "missing"),
        ({"item_id": "x" * 257}, "longer"),
        ({"item_id": "a\x00b"}, "control"),
        ({"user_id": "\ud800"}, "Unicode"),
        ({"event": ""}, "missing"),
        ({"timestamp": NOW + 301}, "future"),
        ({"timestamp": 58_000 * 365 * 86_400 * 1e6}, "future"),
        ({"timestamp": -5}, "1990"),
        ({"timestamp": float("nan")}, "finite"),
        ({"timestamp": "soon"}, "no time that can be read"),
        ({"timestamp": 10**400}, "large"),
        ({"value": float("inf")}, "finite"),
        ({"value": 10**400}, "large"),
    ],
)
def test_a_bad_event_is_rejected_with_its_reason_and_the_others_are_stored(
    engine: Engine, change: dict[str, object], reason: str
) -> None:
    observed = engine.observe([GOOD, replace(GOOD, **change), GOOD])  # type: ignore[arg-type]
    assert observed.accepted == 2
    ((place, said),) = observed.rejected
    assert place == 1
    assert reason in said


@pytest.mark.parametrize(
    "reported",
    [NOW - 60, (NOW - 60) * 1e3, (NOW - 60) * 1e6, "2025-02-19T21:19:00Z", "2025-02-19T22:19:00+01:00"],
)
def test_times_in_any_unit_are_one_moment(engine: Engine, reported: float | str) -> None:
    engine.observe([replace(GOOD, timestamp=reported)])
    assert engine._needed_store().recent("user", "u", 1)[0].at == NOW - 60


def test_one_id_in_two_normal_forms_is_one(engine: Engine) -> None:
    item = ids(engine)[0]
    engine.observe([NewEvent(item, "view", user_id="e\u0301")])
    assert item not in ids(engine, "\u00e9")


@pytest.mark.parametrize("k", [0, -1, 1_001, 10**9])
@pytest.mark.fault(30)
def test_a_list_of_impossible_length_is_refused(engine: Engine, k: int) -> None:
    with pytest.raises(DataError, match="between 1 and"):
        ids(engine, k=k)
    with pytest.raises(DataError, match="between 1 and"):
        engine.similar(small_snapshot().catalogue.items.ids[0], k)


@pytest.mark.fault(34)
def test_a_longer_list_than_the_catalogue_is_all_there_is(engine: Engine) -> None:
    found = ids(engine, k=1_000, allow_seen=True)
    assert len(found) == len(set(found)) <= len(small_snapshot().catalogue)


@pytest.mark.fault(23)
def test_requests_see_one_version_while_snapshots_are_swapped(engine: Engine) -> None:
    first = small_snapshot()
    titled = first.catalogue.attributes.with_columns(pl.lit("swapped").alias("title"))
    second = replace(first, version="second", catalogue=replace(first.catalogue, attributes=titled))
    engine.put_item("kept", TEA)
    stop = threading.Event()
    mixed: list[str] = []

    def ask() -> None:
        while not stop.is_set():
            answer = engine.recommend(Request(items=[first.catalogue.items.ids[3]]))
            swapped = {item.title == "swapped" for item in answer.items if item.item_id != "kept"}
            if swapped != {answer.model == "second"}:
                mixed.append(answer.model)

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        for number in range(8):
            engine.swap(second if number % 2 else first)
        stop.set()
        for one in asking:
            one.result()
    assert not mixed
    assert engine.similar("kept").model == "second"


@pytest.mark.fault(31)
def test_a_store_that_cannot_be_read_costs_freshness_and_not_the_answer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("gone")

    monkeypatch.setattr(EventStore, "recent", refuse)
    assert len(ids(engine)) == 10
    assert engine.health()["store"] == "failing"


def test_an_encoder_that_is_gone_costs_new_items_and_not_the_lists(place: str) -> None:
    snapshot = replace(small_snapshot(), learned_encoder=None, encoder="endpoint:nonsense")
    engine = Engine(snapshot, EventStore(place))
    engine.warm()
    assert len(ids(engine)) == 10
    with pytest.raises(TacitError):
        engine.put_item("new", TEA)
    assert len(ids(engine)) == 10
    engine.close()


def test_another_encoder_than_the_snapshots_is_noticed(place: str) -> None:
    other = TfidfEncoder(dimension=3).fit(["a tea", "a bike", "a tent", "a lamp", "a book"])
    engine = Engine(replace(small_snapshot(), learned_encoder=other), EventStore(place))
    with pytest.raises(ArtifactError, match="3 dimensions"):
        engine.put_item("new", TEA)
    engine.close()


def test_a_stored_item_that_cannot_be_served_does_not_keep_the_others_away(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EventStore(place)
    store.put_items({"bad": {"title": "poison"}, "good": TEA}, NOW)
    encode = ItemEncoder.encode

    def picky(self: ItemEncoder, texts: list[str]) -> object:
        if any("poison" in text for text in texts):
            raise ValueError("cannot read this")
        return encode(self, texts)

    monkeypatch.setattr(ItemEncoder, "encode", picky)
    engine = Engine(small_snapshot(), store)
    assert engine.similar("good").items
    with pytest.raises(UnknownItemError):
        engine.similar("bad")
    engine.close()


# What is known of who asks.


def scores(engine: Engine, user: str | None = None, **reported: object) -> dict[str, float]:
    answer = engine.recommend(Request(user_id=user, k=80, attributes=reported))  # type: ignore[arg-type]
    return {item.item_id: item.score for item in answer.items}


@pytest.fixture
def acquainted(place: str) -> Iterator[Engine]:
    opened = Engine(acquainted_snapshot(), EventStore(place), clock=FixedClock(NOW))
    yield opened
    opened.close()


def test_a_new_user_gets_a_list_by_their_attributes(acquainted: Engine) -> None:
    quiet = scores(acquainted, "quiet")  # gold, 33, and no event
    assert (
        quiet
        == scores(acquainted, None, club="gold", age=33)
        == scores(acquainted, None, club=" Gold", age="33")
    )
    assert quiet != scores(acquainted, None, club="silver", age=33) != scores(acquainted)
    assert scores(acquainted, None, club=None, shoe=42) == scores(acquainted)


def test_the_moment_counts_for_the_request_that_tells_it(acquainted: Engine) -> None:
    def on(**context: object) -> dict[str, float]:
        answer = acquainted.recommend(Request(user_id="quiet", k=80, context=context))  # type: ignore[arg-type]
        return {item.item_id: item.score for item in answer.items}

    assert on() == on(device=None) == on(club="silver") == scores(acquainted, "quiet")
    assert on(device="phone") != on(device="tv") != on()


def test_stored_attributes_count_from_the_next_list_on_and_survive_a_restart(
    acquainted: Engine, place: str
) -> None:
    gold, nobody = scores(acquainted, None, club="gold"), scores(acquainted)
    acquainted.put_user("new", {"club": "gold"})
    assert scores(acquainted, "new") == gold
    acquainted.put_user("quiet", {})  # whatever the snapshot knew of them is taken back
    assert scores(acquainted, "quiet") == nobody
    acquainted.close()
    again = Engine(acquainted_snapshot(), EventStore(place), clock=FixedClock(NOW))
    assert scores(again, "new") == gold
    assert scores(again, "new", club="silver") == scores(
        again, None, club="silver"
    )  # the request knows better
    again.close()


def test_who_is_known_gets_the_list_of_the_batch(acquainted: Engine) -> None:
    snapshot = acquainted_snapshot()
    users = [*snapshot.interactions.users.ids.to_list()[:10], "nobody knows me"]  # the quiet one first
    frame = pl.concat(recommend_all(snapshot, users, k=7))
    for user in users:
        reported = [item.item_id for item in acquainted.recommend(Request(user_id=user, k=7)).items]
        assert reported == frame.filter(pl.col("user_id") == user)["item_id"].to_list()


@pytest.mark.parametrize(
    "attributes",
    [{"": 1}, {"user_id": "x"}, {"a": "x" * 9_000}, {f"a{n}": n for n in range(65)}, {"a": 1, " a": 2}],
)
def test_attributes_of_users_out_of_bounds_are_refused(
    acquainted: Engine, attributes: dict[str, object]
) -> None:
    with pytest.raises(DataError):
        acquainted.put_user("u", attributes)  # type: ignore[arg-type]
    with pytest.raises(DataError):
        acquainted.recommend(Request(attributes=attributes))  # type: ignore[arg-type]


def test_what_was_shown_is_recorded(engine: Engine, place: str) -> None:
    for _ in range(3):
        ids(engine)
    engine.close()
    store = EventStore(place)
    assert store.exposures() == 3
    store.close()


def test_without_a_store_it_answers_and_takes_nothing() -> None:
    engine = Engine(small_snapshot())
    assert len(ids(engine)) == 10
    for attempt in (lambda: engine.observe([GOOD]), lambda: engine.put_item("x", {})):
        with pytest.raises(DataError, match="no store"):
            attempt()
    engine.close()


def test_an_item_whose_text_cannot_be_read_is_served_with_a_warning(place: str) -> None:
    shop = generate(seed=7, users=60, items=80, events=1_000, days=30)
    retrievers: dict[str, dict[str, object]] = {"trending": {}, "content": {}}
    snapshot = train(
        shop.events, shop.items, Config(retrievers=retrievers, encoder="minilm", ranker=None, windows=1)
    )
    assert 0 < snapshot.catalogue.has_text.mean() < 1  # the Chinese items have no vector
    engine = Engine(snapshot, EventStore(place))
    assert engine.put_item("tea", {"title": "Smoked black tea"}) == []
    [warning] = engine.put_item("茶", {"title": "烟熏红茶 茶叶"})
    assert "the text of the item '茶' is in a language that the text encoder" in warning
    assert engine.put_item("bare", {}) == []


def test_who_is_not_known_is_told_so_beside_the_list(engine: Engine) -> None:
    known = small_snapshot().catalogue.items.ids[3]
    user = small_snapshot().interactions.users.ids[0]

    def warnings(**request: object) -> list[str]:
        return engine.recommend(Request(**request)).warnings  # type: ignore[arg-type]

    assert warnings(user_id=user, items=[known]) == []
    assert warnings(user_id="nobody") == ["the user 'nobody' is not known: the list is that of a new user"]
    assert warnings(user_id="nobody", items=[known]) == [
        "the user 'nobody' is not known: the list rests on what else the request says"
    ]
    assert warnings(items=["x", known, "x"]) == ["not known among the 2 items of the history: 'x'"]
    assert warnings(items=["x"]) == [
        "not known among the 1 items of the history: 'x'; the list is that of a new user"
    ]
    assert "5 items of the history: 'a', 'b', 'c' and 2 more" in warnings(items=[*"abcde"])[0]
    engine.observe([NewEvent(known, "view", user_id="nobody")])
    assert warnings(user_id="nobody") == []


def test_an_id_in_another_form_is_pointed_at(engine: Engine) -> None:
    user = small_snapshot().interactions.users.ids[0]
    said = engine.recommend(Request(user_id=user.upper())).warnings
    assert said == [
        f"the user {user.upper()!r} is not known ({user!r} is: fit with --ids fold-case): "
        "the list is that of a new user"
    ]


def test_unknown_items_and_types_of_events_are_stored_with_a_warning(engine: Engine) -> None:
    known = small_snapshot().catalogue.items.ids[3]
    events = [
        NewEvent(known, "view", user_id="u"),
        NewEvent("", "view", user_id="u"),
        NewEvent("not yet", "purchase", user_id="u"),
        NewEvent(known, "glorped", user_id="u"),
    ]
    observed = engine.observe(events)
    assert observed.accepted == 3
    assert [place for place, _ in observed.rejected] == [1]
    assert observed.warnings == [
        (2, "the item 'not yet' is not known: it counts once a model knows the item"),
        (3, "the event type 'glorped' is not known: it counts as a choice of the item"),
    ]


def test_the_rules_for_ids_of_the_fit_hold_for_requests(place: str) -> None:
    snapshot = small_snapshot()
    reading = Reading(ids=("fold-case", "trim-float"))
    pipeline = copy(snapshot.pipeline)
    pipeline.config = replace(pipeline.config, reading=reading)
    engine = Engine(replace(snapshot, pipeline=pipeline), EventStore(place), clock=FixedClock(NOW))
    user, item = snapshot.interactions.users.ids[0], snapshot.catalogue.items.ids[3]
    assert ids(engine, user.upper()) == ids(engine, user)
    assert ids(engine, None, items=[item.upper()]) == ids(engine, None, items=[item])
    assert engine.similar(item.upper()).items == engine.similar(item).items
    observed = engine.observe([NewEvent(item.upper(), "purchase", user_id="Somebody New")])
    assert observed.warnings == []
    assert item not in ids(engine, "somebody new")
    engine.put_item("NEW-1.0", TEA)
    assert engine.similar("New-1.0").items
    engine.close()
