"""Items that are put, patched, hidden and deleted while they are served: what it does to the rest of them."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.served import small_snapshot

from tacit.core.clock import FixedClock
from tacit.core.errors import DataError
from tacit.core.types import Json
from tacit.data.catalogue import Catalogue
from tacit.encoders.tfidf import TfidfEncoder
from tacit.engine.engine import Engine, UnknownItemError
from tacit.engine.items import odd_attributes
from tacit.engine.requests import NewEvent, Request
from tacit.engine.state import ItemEncoder
from tacit.store.events import EventStore

NOW = 1_740_000_000.0
TEA: dict[str, Json] = {"title": "Smoked black tea with compostable sachets", "category": "Tea", "price": 7.5}


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"


@pytest.fixture
def engine(place: str) -> Iterator[Engine]:
    opened = Engine(small_snapshot(), EventStore(place), clock=FixedClock(NOW))
    yield opened
    opened.close()


def ids(engine: Engine, k: int = 1_000, **more: object) -> list[str]:
    return [item.item_id for item in engine.recommend(Request(k=k, **more)).items]  # type: ignore[arg-type]


def again(engine: Engine, place: str) -> Engine:
    """The same service after a restart."""
    engine.close()
    return Engine(small_snapshot(), EventStore(place), clock=FixedClock(NOW + 60))


def row(engine: Engine, id_: str) -> tuple[dict[str, object], str, list[float]]:
    """All that the catalogue holds of an item."""
    catalogue = engine._state.catalogue
    code = int(catalogue.items.encode([id_])[0])
    assert catalogue.vectors is not None
    return catalogue.attributes.row(code, named=True), catalogue.texts[code], catalogue.vectors[code].tolist()


def test_hiding_an_item_keeps_its_title_its_text_and_its_vector(engine: Engine, place: str) -> None:
    first = ids(engine)[0]
    before, title = row(engine, first), engine.item(first)["title"]
    engine.patch_item(first, {"available": False})
    assert first not in ids(engine)
    assert row(engine, first) == before
    assert engine.item(first)["available"] is False
    engine = again(engine, place)
    assert first not in ids(engine)
    assert row(engine, first) == before
    engine.patch_item(first, {"available": True})
    assert first in ids(engine)
    assert engine.item(first)["title"] == title
    engine.close()


def test_hiding_an_item_needs_no_encoder(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.put_item("new", TEA)
    monkeypatch.setattr(ItemEncoder, "encode", None)
    first = ids(engine)[0]
    engine.patch_item(first, {"available": False})
    engine.patch_item("new", {"stock": 3, "available": False})
    engine.put_item("new", {**TEA, "stock": 4})
    engine.delete_item(ids(engine)[0])
    with pytest.raises(TypeError):
        engine.patch_item("new", {"title": "Another tea"})


def test_a_patch_sets_what_it_names_and_null_changes_nothing(engine: Engine, place: str) -> None:
    engine.put_item("new", {**TEA, "tags": ["a", "b"]})
    engine.patch_item("new", {"price": 9, "title": None, "brand": "Fleet"})
    expected = {
        **TEA,
        "tags": ["a", "b"],
        "price": 9,
        "brand": "Fleet",
        "available": True,
        "created_at": NOW,
    }
    assert engine.item("new") == expected
    known = row(engine, "new")
    assert (known[0]["price"], known[0]["title"], known[0]["brand"]) == (9, TEA["title"], "Fleet")
    engine = again(engine, place)
    assert engine.item("new") == expected
    assert row(engine, "new") == known
    engine.put_item("new", {"title": "Plain"})
    assert engine.item("new") == {"title": "Plain", "available": True, "created_at": NOW}
    engine.close()


def test_a_patched_title_is_encoded(engine: Engine) -> None:
    twin = small_snapshot().catalogue
    engine.put_item("new", {"title": "something quite different"})
    engine.patch_item(
        "new", {"title": twin.attributes["title"][5], "description": twin.attributes["description"][5]}
    )
    assert "new" in [item.item_id for item in engine.similar(twin.items.ids[5], 3).items]


def test_an_item_of_the_fit_keeps_what_a_patch_does_not_name(engine: Engine) -> None:
    known = small_snapshot().catalogue.items.ids[7]
    before = engine.item(known)
    engine.patch_item(known, {"price": 123.25})
    assert engine.item(known) == {**before, "price": 123.25}
    assert row(engine, known)[0]["price"] == 123.25


def test_a_put_of_the_availability_alone_is_refused_where_it_would_remove_the_rest(engine: Engine) -> None:
    first = ids(engine)[0]
    before = row(engine, first)
    with pytest.raises(DataError, match=r"would remove title, description, category and 3 more .* PATCH"):
        engine.put_item(first, {"available": False})
    assert row(engine, first) == before
    assert first in ids(engine)
    engine.put_item("yet unknown", {"available": False})
    assert "yet unknown" not in ids(engine)
    engine.put_item("yet unknown", {"available": True})
    assert "yet unknown" in ids(engine)
    engine.put_item(first, {})
    assert row(engine, first)[0]["title"] is None


def test_what_older_versions_stored_as_hidden_is_hidden_and_keeps_its_title(place: str) -> None:
    first = small_snapshot().catalogue.items.ids[3]
    store = EventStore(place)
    store.put_items({first: {"available": False, "created_at": NOW}, "later": {"available": False}}, NOW)
    store.close()
    with sqlite3.connect(place.removeprefix("sqlite:///")) as connection:  # as the migration numbers them
        connection.execute("UPDATE tacit_item_number SET number = number - 3, put = put - 3")
    connection.close()
    engine = Engine(small_snapshot(), EventStore(place))
    fresh = Engine(small_snapshot())
    assert row(engine, first) == row(fresh, first)
    assert first in ids(fresh) and first not in ids(engine)
    assert engine.item(first) == {**fresh.item(first), "available": False}
    assert engine.item("later")["available"] is False
    engine.close()


def test_a_deleted_item_is_gone_from_lists_and_stays_in_histories(engine: Engine, place: str) -> None:
    catalogue = small_snapshot().catalogue
    known = catalogue.items.ids[9]
    for item in (known, "new"):
        engine.put_item("new", TEA)
        engine.observe([NewEvent(item, "view", user_id="u")])
        engine.delete_item(item)
    for one in (engine, again(engine, place)):
        assert known not in ids(one) and "new" not in ids(one, user_id="u", allow_seen=True)
        for attempt in (one.similar, one.item, one.delete_item):
            with pytest.raises(UnknownItemError, match="there is no item"):
                attempt(known)  # type: ignore[operator]
        with pytest.raises(UnknownItemError):
            one.patch_item("new", {"price": 1})
        answer = one.recommend(Request(items=[known]))
        assert any(catalogue.titles[9] in reason for item in answer.items for reason in item.reasons)
        assert answer.warnings == []
    one.put_item(known, {"title": "Back again"})
    assert known in ids(one)
    assert one.item(known)["title"] == "Back again"
    one.close()


def test_what_is_not_there_cannot_be_changed(engine: Engine) -> None:
    for attempt in (
        lambda: engine.patch_item("nobody", {"available": False}),
        lambda: engine.delete_item("nobody"),
        lambda: engine.item("nobody"),
    ):
        with pytest.raises(UnknownItemError, match="there is no item 'nobody'"):
            attempt()


def test_many_items_are_put_at_once_and_each_bad_one_is_named(engine: Engine) -> None:
    first = ids(engine)[0]
    items: list[tuple[object, object]] = [
        ("a", TEA),
        (7, TEA),
        ("b", {"available": "maybe"}),
        (first, {"available": False}),
        ("a", {"title": "Tea, once more"}),
        ("c", {}),
        ("d", "text"),
    ]
    result = engine.put_items(items)  # type: ignore[arg-type]
    assert result.accepted == 3
    assert [place for place, _ in result.rejected] == [1, 2, 3, 6]
    assert [reason.split(";")[0][:40] for _, reason in result.rejected] == [
        "the item_id is the number 7",
        "available must be true or false",
        "PUT replaces an item whole, and this one",
        "the attributes of an item are of the typ",
    ]
    assert engine.item("a")["title"] == "Tea, once more"
    assert {"a", "c"} <= set(ids(engine))
    assert engine.put_items([]).accepted == 0


def test_an_id_that_is_stored_in_another_form_is_named(engine: Engine) -> None:
    warning = "the item id ' new ' is stored as 'new'"
    assert engine.put_item(" new ", TEA) == [warning]
    assert engine.patch_item("new", {"price": 3}) == []
    assert engine.put_items([("a", TEA), (" new ", TEA)]).warnings == [(1, warning)]
    assert engine.item(" new ")["title"] == TEA["title"]


def test_no_batch_makes_the_catalogue_wider_than_its_bound(engine: Engine) -> None:
    items = [(f"n{n}", {f"column {n}-{part}": "x" for part in range(60)}) for n in range(12)]
    result = engine.put_items(items)
    assert 7 <= result.accepted <= 8
    assert all("different attributes already" in reason for _, reason in result.rejected)
    assert len(engine._state.catalogue.attributes.columns) <= 512


def test_one_answer_comes_from_one_state_while_items_change(engine: Engine) -> None:
    """A state that was read before a change answers as before it, whatever is appended to the same memory."""
    states = [engine._state]
    for number in range(40):
        engine.put_item(f"new-{number}", {"title": f"tea {number}", "price": number})
        states.append(engine._state)
    for number, state in enumerate(states):
        catalogue = state.catalogue
        assert catalogue.vectors is not None
        assert len(catalogue) == len(states[0].catalogue) + number
        for column in (
            catalogue.available,
            catalogue.vectors,
            catalogue.texts,
            catalogue.attributes,
            state.titles,
        ):
            assert len(column) == len(catalogue)
        assert f"new-{number}" not in catalogue.items
    assert (
        states[20].catalogue.titles.to_list()
        == states[40].catalogue.titles.to_list()[: len(states[20].catalogue)]
    )
    np.testing.assert_array_equal(
        states[20].catalogue.vectors, states[40].catalogue.vectors[: len(states[20].catalogue)]
    )


def test_while_many_items_are_encoded_a_single_one_is_put(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = TfidfEncoder.encode
    sizes: list[int] = []

    def slow(self: TfidfEncoder, texts: Sequence[str]) -> object:
        sizes.append(len(texts))
        time.sleep(0.005 * len(texts))
        return encode(self, texts)

    engine.put_item("warm", TEA)
    monkeypatch.setattr(TfidfEncoder, "encode", slow)
    many = [(f"n{n}", {"title": f"tea of kind {n}"}) for n in range(400)]
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(engine.put_items, many)
        while not sizes:
            time.sleep(0.01)
        engine.put_item("single", {"title": "a single tea"})
        assert not loading.done()
        assert loading.result().accepted == 400
    assert max(sizes) <= 64
    assert sum(sizes) == 401  # nothing is encoded twice


def test_attributes_of_types_that_do_not_count_are_said() -> None:
    known = pl.DataFrame({"item_id": ["a"], "title": ["A lamp"], "year": [1999], "colour": ["red"]})
    catalogue = Catalogue.from_frame(known)
    good = {"title": "1984", "year": "2001", "colour": ["red", "blue"], "size": 3, "new": True, "none": None}
    assert odd_attributes(good, catalogue) == []
    odd = {"title": {"en": "A lamp"}, "year": "soon", "colour": [["red"]], "available": True}
    assert odd_attributes(odd, catalogue) == [
        "the attribute 'title' is no text, number or list of them: it counts as its JSON",
        "the attribute 'year' is no number, as it is of other items: it does not count",
        "the attribute 'colour' is no text, number or list of them: it counts as its JSON",
    ]
    assert len(odd_attributes({"year": True, "description": False}, catalogue)) == 2
