"""The state follows the store: in order, without waiting for the encoder, for as long as the service runs."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.served import small_snapshot

from tacit.core.clock import FixedClock
from tacit.data.shop import generate
from tacit.engine import current_state
from tacit.engine.engine import Engine, UnknownItemError
from tacit.engine.requests import NewEvent, Request
from tacit.engine.state import ItemEncoder
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.store.database import StorageError
from tacit.store.events import EventStore

NOW = 1_740_000_000.0
TEA = {"title": "Smoked black tea with compostable sachets", "category": "Tea", "price": 7.5}
Encode = Callable[[ItemEncoder, list[str]], object]


@pytest.fixture
def place(tmp_path: Path) -> str:
    store = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    EventStore(store).close()
    return store


def opened(place: str, **changes: object) -> Engine:
    """One of several engines on a store, as each worker of a service has one."""
    snapshot = replace(small_snapshot(), **changes)  # type: ignore[arg-type]
    return Engine(snapshot, EventStore(place, lock=False), clock=FixedClock(NOW))


@pytest.fixture
def two(place: str) -> Iterator[tuple[Engine, Engine]]:
    engines = opened(place), opened(place)
    yield engines
    for engine in engines:
        engine.close()


@pytest.fixture
def others(place: str) -> Iterator[tuple[Engine, Engine]]:
    """Two engines of which the second has no use for the vectors that the first one stores."""
    engines = opened(place), opened(place, version="another")
    yield engines
    for engine in engines:
        engine.close()


def titles(engine: Engine) -> dict[str, str | None]:
    return {item.item_id: item.title for item in engine.recommend(Request(k=1_000)).items}


def soon(check: Callable[[], bool], seconds: float = 8.0) -> bool:
    until = time.monotonic() + seconds
    while not check() and time.monotonic() < until:
        time.sleep(0.02)
    return check()


def encoder_that(monkeypatch: pytest.MonkeyPatch, act: Callable[[list[str]], None]) -> None:
    """Let something happen before texts are encoded, in every engine that is opened from now on."""
    encode = ItemEncoder.encode

    def first_act(self: ItemEncoder, texts: list[str]) -> object:
        act(texts)
        return encode(self, texts)

    monkeypatch.setattr(ItemEncoder, "encode", first_act)


def test_the_next_list_of_another_engine_has_every_change(two: tuple[Engine, Engine]) -> None:
    one, other = two
    known = small_snapshot().catalogue.items.ids[3]
    one.put_item("new", TEA)
    assert titles(other)["new"] == TEA["title"]
    other.patch_item("new", {"title": "Green tea"})
    assert titles(one)["new"] == "Green tea"
    assert one.item("new")["price"] == 7.5
    one.patch_item(known, {"available": False})
    assert known not in titles(other)
    other.delete_item("new")
    assert "new" not in titles(one)
    with pytest.raises(UnknownItemError):
        one.patch_item("new", {"title": "gone"})
    one.put_item("new", TEA)
    assert titles(other)["new"] == TEA["title"]


def test_the_vector_of_another_engine_is_used_and_nothing_is_encoded_again(
    two: tuple[Engine, Engine], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    one.put_item("new", TEA)
    one.patch_item("new", {"title": "Green tea"})

    def refuse(texts: list[str]) -> None:
        raise AssertionError(f"encoded again: {texts}")

    encoder_that(monkeypatch, refuse)
    third = opened(place)
    for engine in (other, third):
        mine, its = engine._state.catalogue, one._state.catalogue
        assert mine.vectors is not None and its.vectors is not None
        np.testing.assert_array_equal(mine.vectors[-1], its.vectors[-1])
        assert engine.similar("new", 3).items == one.similar("new", 3).items
    third.close()


def test_lists_go_on_while_a_text_is_encoded_and_what_is_hidden_is_hidden_at_once(
    others: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = others
    first, second, third = small_snapshot().catalogue.items.ids[3:6].to_list()
    gate = threading.Event()
    encoder_that(
        monkeypatch,
        lambda texts: None if threading.current_thread().name != "tacit-items" else (gate.wait(10), None)[1],
    )
    one.put_item("new", TEA)
    one.put_item(first, {"title": "Another thing", "available": False})
    one.patch_item(second, {"title": "Another one"})
    one.delete_item(second)
    one.patch_item(third, {"title": "A third text"})
    one.patch_item("new", {"price": 8})
    before = titles(other)
    assert {"new", first, second} & before.keys() == set()
    assert before[third] != "A third text"
    gate.set()
    assert soon(lambda: titles(other).get("new") == TEA["title"])
    assert soon(lambda: titles(other)[third] == "A third text")
    assert other.item("new")["price"] == 8
    assert {first, second} & titles(other).keys() == set()


@pytest.mark.fault(31)
def test_an_encoder_that_is_down_is_tried_again_and_holds_up_nothing_else(
    others: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = others
    monkeypatch.setattr(current_state, "_SHORTEST_RETRY", 0.1)
    known = small_snapshot().catalogue.items.ids[3]
    down = True

    def fail(texts: list[str]) -> None:
        if down and threading.current_thread().name == "tacit-items":
            raise ConnectionError("the encoder is down")

    encoder_that(monkeypatch, fail)
    for number in range(5):
        one.put_item(f"new-{number}", {**TEA, "title": f"Tea {number}"})
    assert "new-1" not in titles(other)
    assert soon(lambda: "the encoder is down" in caplog.text)
    one.patch_item(known, {"available": False})
    assert known not in titles(other)
    down = False
    assert soon(lambda: {f"new-{number}" for number in range(5)} <= titles(other).keys())


def test_a_text_that_cannot_be_encoded_does_not_keep_the_others_away(
    others: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = others

    def picky(texts: list[str]) -> None:
        if threading.current_thread().name == "tacit-items" and any("poison" in text for text in texts):
            raise ValueError("cannot read this")

    encoder_that(monkeypatch, picky)
    for title in ("poison", "tea", "poison again", "coffee"):
        one.put_item(title, {"title": title})
    assert soon(lambda: {"tea", "coffee"} <= titles(other).keys())
    one.put_item("later", {"title": "later"})
    assert soon(lambda: "later" in titles(other))
    assert "poison" not in titles(other)
    one.put_item("poison", {"title": "now good"})
    assert soon(lambda: titles(other).get("poison") == "now good")


@pytest.mark.fault(13)
def test_a_row_that_cannot_be_served_does_not_keep_the_others_away(
    two: tuple[Engine, Engine], place: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = two
    store = EventStore(place, lock=False)
    good = {f"good-{number}": TEA for number in range(7)}
    wide = {"bad": {"title": "x", "item_id": "twice"}}
    store.put_items({**dict([*good.items()][:3]), **wide, **dict([*good.items()][3:])}, NOW)
    store.close()
    assert soon(lambda: good.keys() <= titles(one).keys())
    assert soon(lambda: good.keys() <= titles(other).keys())


def test_a_swap_keeps_what_came_meanwhile(two: tuple[Engine, Engine]) -> None:
    one, other = two
    shop = generate(seed=8, users=60, items=90, events=1_500, days=40)
    retrievers: dict[str, dict[str, object]] = {"trending": {}, "content": {}}
    second = train(shop.events, shop.items, Config(retrievers=retrievers, encoder="tfidf", ranker=None))
    stop = threading.Event()
    written = []

    def write() -> None:
        while not stop.is_set():
            one.put_item(f"new-{len(written)}", {"title": f"Tea {len(written)}"})
            written.append(f"new-{len(written)}")

    thread = threading.Thread(target=write)
    thread.start()
    for snapshot in (second, small_snapshot(), second):
        other.swap(snapshot)
    stop.set()
    thread.join()
    assert soon(lambda: set(written) <= titles(other).keys())
    assert len(other._state.catalogue) == len(second.catalogue) + len(written)


@pytest.mark.fault(31)
def test_a_store_that_cannot_be_read_leaves_the_state_as_it_is(
    two: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = two

    def refuse(*_: object) -> None:
        raise StorageError("gone")

    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        broken.setattr(EventStore, "numbers", refuse)
        for _ in range(3):
            assert len(titles(other)) > 100
        assert other.health()["store"] == "failing"
    assert sum("latest changes of items" in message for message in caplog.messages) <= 2  # one an engine
    one.put_item("new", TEA)
    assert "new" in titles(other)
    assert other.health()["store"] == "ok"


def test_an_item_put_after_its_deletion_is_listed_anew(place: str) -> None:
    known = small_snapshot().catalogue.items.ids[3]
    engine = opened(place)
    for item in (known, "new"):
        engine.put_item(item, {**TEA, "created_at": NOW - 1_000})
        engine.put_item(item, TEA)
        assert engine.item(item)["created_at"] == NOW - 1_000
        engine.delete_item(item)
        engine.put_item(item, TEA)
        assert engine.item(item)["created_at"] == NOW
    engine.close()


def test_an_event_on_a_new_item_of_another_engine_is_in_the_history(two: tuple[Engine, Engine]) -> None:
    one, other = two
    one.put_item("new", TEA)
    assert other.observe([NewEvent("new", "view", user_id="u")]).warnings == []
    assert "new" not in {item.item_id for item in one.recommend(Request(user_id="u", k=1_000)).items}


def test_a_list_does_not_wait_long_for_a_thread_that_makes_many_changes(
    two: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    monkeypatch.setattr(current_state, "_LONGEST_WAIT", 0.05)
    with other._current._applying:
        one.put_item("new", TEA)
        began = time.monotonic()
        assert "new" not in titles(other)
        assert time.monotonic() - began < 2
    assert "new" in titles(other)


def test_what_is_hidden_or_deleted_does_not_wait_for_the_text_of_another_item(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(place)
    first, second = small_snapshot().catalogue.items.ids[3:5].to_list()
    encoding, gate = threading.Event(), threading.Event()

    def wait(texts: list[str]) -> None:
        encoding.set()
        gate.wait(20)

    encoder_that(monkeypatch, wait)
    putting = threading.Thread(target=engine.put_item, args=("new", TEA))
    putting.start()
    assert encoding.wait(10)
    begun = time.monotonic()
    engine.patch_item(first, {"available": False})
    engine.delete_item(second)
    assert time.monotonic() - begun < 5
    assert {first, second, "new"} & titles(engine).keys() == set()
    gate.set()
    putting.join(20)
    assert titles(engine)["new"] == TEA["title"]
    engine.close()


def test_another_price_is_no_other_text_to_encode(
    two: tuple[Engine, Engine], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    known = small_snapshot().catalogue.items.ids[3]
    one.put_item("new", TEA)
    before = one._state.catalogue.vectors
    assert before is not None
    encoded: list[str] = []
    encoder_that(monkeypatch, encoded.extend)
    one.put_item("new", {**TEA, "price": 9.25})
    one.patch_item("new", {"price": 9.75, "available": True})
    one.patch_item(known, {"price": 3})
    one.put_item(known, {**one.item(known), "price": 5, "available": False})
    one.put_items([(known, {**one.item(known), "price": 4}), ("new", {**TEA, "price": 9.75})])
    third = opened(place)
    assert titles(other)["new"] == TEA["title"]
    assert encoded == []
    for engine in (one, other, third):
        assert (engine.item("new")["price"], engine.item(known)["price"]) == (9.75, 4)
        vectors = engine._state.catalogue.vectors
        assert vectors is not None
        np.testing.assert_array_equal(vectors, before)
    third.close()
    one.patch_item("new", {"title": "Green tea"})
    assert len(encoded) == 1


def test_a_number_in_a_title_is_a_word(two: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = two
    one.put_item("new", {"title": "1984"})
    encoded: list[str] = []
    encoder_that(monkeypatch, encoded.extend)
    one.put_item("new", {"title": "1985"})
    assert len(encoded) == 1
