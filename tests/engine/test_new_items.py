"""Near twins of items, one at a time in a running service: in the lists of those who look at such items."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tacit.core.types import Json
from tacit.data import columns as col
from tacit.data.shop import Shop, generate
from tacit.engine.engine import Engine
from tacit.engine.requests import Request
from tacit.engine.snapshot import Snapshot
from tacit.engine.state import State
from tacit.engine.train import train
from tacit.models.content import Content
from tacit.pipeline.config import Config
from tacit.store.events import EventStore
from tacit.store.records import ItemChange

TWINS = 20
ATTRIBUTES = (col.TITLE, "description", "category", "department", "brand", "price")


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(seed=7, users=300, items=240, events=6_000, days=60)


@pytest.fixture(scope="module")
def snapshot(shop: Shop) -> Snapshot:
    return train(shop.events, shop.items, Config(ranker={"name": "mlp", "hidden": [16], "epochs": 3}))


def engine_with(snapshot: Snapshot, place: Path, item_id: str, attributes: Mapping[str, Json]) -> Engine:
    """Return an engine with a store of its own to which an item was added."""
    engine = Engine(snapshot, EventStore(f"sqlite:///{place}"))
    engine.put_item(item_id, attributes)
    return engine


def twins(snapshot: Snapshot) -> list[int]:
    """Return the codes of the items that get a twin."""
    known = snapshot.pipeline.events_ > 0
    known &= snapshot.catalogue.has_text
    return np.random.default_rng(3).choice(np.flatnonzero(known), TWINS, replace=False).tolist()


def alike(snapshot: Snapshot, code: int) -> list[str]:
    """Return the three items with events whose texts are closest to that of an item, itself left out."""
    vectors = next(one for one in snapshot.pipeline.retrievers_ if isinstance(one, Content)).vectors_
    near = vectors @ vectors[code]
    near[snapshot.pipeline.events_ <= 0] = -np.inf
    near[code] = -np.inf
    return snapshot.catalogue.items.decode(np.argsort(-near)[:3].astype(np.int32))


def attributes(shop: Shop, item_id: str) -> dict[str, Json]:
    row = shop.items.filter(pl.col(col.ITEM) == item_id).to_dicts()[0]
    kept: dict[str, Json] = {name: row[name] for name in ATTRIBUTES if row.get(name) is not None}
    return {**kept, col.TITLE: f"{row[col.TITLE]} II"}


def test_a_near_twin_is_among_the_first_ten_and_similar_to_its_item(
    shop: Shop, snapshot: Snapshot, tmp_path: Path
) -> None:
    listed, similar = [], []
    for code in twins(snapshot):
        (item_id,) = snapshot.catalogue.items.decode(np.array([code], dtype=np.int32))
        engine = engine_with(snapshot, tmp_path / f"{code}.sqlite3", "twin", attributes(shop, item_id))
        answer = engine.recommend(Request(items=alike(snapshot, code)))
        listed.append("twin" in [one.item_id for one in answer.items])
        similar.append("twin" in [one.item_id for one in engine.similar(item_id).items])
        reasons = [one.reasons for one in answer.items if one.item_id == "twin"]
        assert all(one[0].startswith("similar in text to") for one in reasons)
        engine.close()
    assert sum(listed) >= 18
    assert all(similar)


def test_a_new_item_of_another_kind_is_not_pushed(snapshot: Snapshot, tmp_path: Path) -> None:
    odd = {"title": "Left-handed hydraulic torque wrench calibration certificate"}
    engine = engine_with(snapshot, tmp_path / "store.sqlite3", "odd", odd)
    listed = []
    for code in twins(snapshot):
        answer = engine.recommend(Request(items=alike(snapshot, code)))
        listed.append("odd" in [one.item_id for one in answer.items])
    assert sum(listed) <= 2
    engine.close()


def test_what_is_explored_has_a_propensity_and_a_reason(snapshot: Snapshot) -> None:
    pipeline = snapshot.pipeline
    few = {
        item
        for item, events in zip(snapshot.catalogue.items.ids, pipeline.events_.tolist(), strict=True)
        if events < 10
    }
    config = replace(pipeline.config, explore=0.2)
    exploring = Engine(replace(snapshot, pipeline=with_config(pipeline, config)))
    request = Request(items=alike(snapshot, twins(snapshot)[0]))
    answer = exploring.recommend(request)
    drawn = [one for one in answer.items if one.propensity is not None]
    assert len(drawn) == 2
    assert {one.item_id for one in drawn} <= few
    assert all(0 < one.propensity <= 1 and one.reasons for one in drawn if one.propensity is not None)
    assert exploring.recommend(request).items == answer.items
    assert all(one.propensity is None for one in Engine(snapshot).recommend(request).items)
    scores = [one.score for one in answer.items]
    assert scores == sorted(scores, reverse=True)


def with_config(pipeline: object, config: Config) -> object:
    other = copy.copy(pipeline)
    other.config = config  # type: ignore[attr-defined]
    return other


def test_an_attribute_that_the_fit_did_not_know_is_kept_for_the_next_fit(shop: Shop, tmp_path: Path) -> None:
    bare = shop.items.select(col.ITEM, col.TITLE)
    snapshot = train(shop.events, bare, Config(encoder="tfidf", ranker={"name": "mlp", "epochs": 2}))
    snapshot.pipeline.second_ = replace(snapshot.pipeline.second_, ranker_weight=0.5)
    engine = engine_with(snapshot, tmp_path / "a.sqlite3", "new", {"title": "shoes", "price": 3.5})
    engine.put_item("other", {"title": "more shoes", "category": "shoes", "brand": "Fleet"})
    for request in (Request(user_id=str(shop.events[col.USER][0])), Request(items=["new", "other"])):
        assert len(engine.recommend(request).items) == 10
    engine.close()
    again = Engine(snapshot, EventStore(f"sqlite:///{tmp_path / 'a.sqlite3'}"))
    assert len(again.recommend(Request(items=["new"])).items) == 10
    again.close()


def test_strangers_do_not_all_get_the_same_explored_items(snapshot: Snapshot) -> None:
    config = replace(snapshot.pipeline.config, explore=0.1)
    exploring = Engine(replace(snapshot, pipeline=with_config(snapshot.pipeline, config)))
    answers = [exploring.recommend(Request(user_id=f"stranger {n}")) for n in range(40)]
    drawn = {one.item_id for answer in answers for one in answer.items if one.propensity}
    assert len(drawn) > 5
    long = exploring.recommend(Request(user_id="stranger", items=alike(snapshot, 3), k=100))
    assert sum(one.propensity is not None for one in long.items) == 10


def test_a_ranker_that_saw_no_new_user_leaves_them_to_the_blend(snapshot: Snapshot) -> None:
    pipeline = copy.copy(snapshot.pipeline)
    pipeline.second_ = replace(pipeline.second_, ranker_weight=0.75, knows_new_users=False)
    blend = copy.copy(snapshot.pipeline)
    blend.second_ = replace(blend.second_, ranker_weight=0.0)

    def ids(one: object, request: Request) -> list[str]:
        return [item.item_id for item in Engine(replace(snapshot, pipeline=one)).recommend(request).items]

    stranger, session = Request(user_id="stranger"), Request(items=alike(snapshot, 3))
    assert ids(pipeline, stranger) == ids(blend, stranger)
    assert ids(pipeline, session) != ids(blend, session)


def test_models_that_took_in_items_one_at_a_time_equal_those_that_take_them_in_at_once(
    shop: Shop, snapshot: Snapshot
) -> None:
    """What is computed for changed items alone is what the whole catalogue gives."""
    rng = np.random.default_rng(4)
    state, ids = State.of(snapshot), snapshot.catalogue.items.ids.to_list()
    for number in range(12):
        known, other = rng.choice(ids, 2, replace=False).tolist()
        more = {col.TITLE: f"a thing {number}", "brand": f"brand {number % 3}", "price": float(number)}
        changes = [
            ItemChange(f"new-{number}", "put", more),
            ItemChange(known, "put", {**attributes(shop, other), "price": None}),
            ItemChange(other, "patch", {"brand": f"brand {number % 5}|second", "price": 7.5}),
            ItemChange(ids[number], "patch", {"available": False}),
        ]
        for part in (changes[:1], changes[1:3], changes[3:]):
            state = state.changed(part)
    catalogue = replace(state.catalogue)  # one that does not know what it grew from
    whole = snapshot.pipeline.extended(catalogue)
    for one, other in zip(state.pipeline.retrievers_, whole.retrievers_, strict=True):
        assert one.spec() == other.spec()  # type: ignore[attr-defined]
        for name, values in other.arrays().items():  # type: ignore[attr-defined]
            np.testing.assert_allclose(one.arrays()[name], values, atol=1e-6)  # type: ignore[attr-defined]
    content = [next(r for r in p.retrievers_ if isinstance(r, Content)) for p in (state.pipeline, whole)]
    np.testing.assert_allclose(content[0].vectors_, content[1].vectors_, atol=1e-6)
    np.testing.assert_array_equal(content[0].known_, content[1].known_)
    made, full = (p.second_.maker.state_ for p in (state.pipeline, whole))  # type: ignore[union-attr]
    np.testing.assert_allclose(made.text, full.text, atol=1e-6)
    np.testing.assert_array_equal(made.attributes.log_price, full.attributes.log_price)
    for name, matrix in full.attributes.labels.items():
        place = {number: column for column, number in enumerate(made.attributes.names[name].tolist())}
        columns = [place[number] for number in full.attributes.names[name].tolist()]
        np.testing.assert_allclose(made.attributes.labels[name].toarray()[:, columns], matrix.toarray())
    users = snapshot.interactions.users.ids[:30].to_list()
    queries = snapshot.interactions.queries(snapshot.interactions.users.encode(users))
    expected, found = whole.recommend(queries, 10), state.pipeline.recommend(queries, 10)
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
