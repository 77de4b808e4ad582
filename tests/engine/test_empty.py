"""An empty list says why it is empty; no other list says anything of it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.served import small_snapshot

from tacit.data.catalogue import Catalogue
from tacit.data.shop import generate
from tacit.engine.engine import Engine
from tacit.engine.requests import Request
from tacit.engine.snapshot import Snapshot
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.pipeline.similar import KINDS, SimilarKind
from tacit.recommender import Model

BUSY, LONELY = "i00001", "lonely"


def with_available(*items: str) -> Snapshot:
    """Return the small shop with these items alone in stock."""
    snapshot = small_snapshot()
    available = np.isin(snapshot.catalogue.items.ids.to_numpy(), items)
    catalogue: Catalogue = replace(snapshot.catalogue, available=available)
    return replace(snapshot, catalogue=catalogue, pipeline=snapshot.pipeline.with_available(available))


def warnings(snapshot: Snapshot, **request: object) -> list[str]:
    answer = Engine(snapshot).recommend(Request(**request))  # type: ignore[arg-type]
    assert not answer.items
    return answer.warnings


@pytest.mark.fault(34)
def test_a_history_with_every_item_is_said() -> None:
    everything = small_snapshot().catalogue.items.ids.to_list()
    said = (
        f"the list is empty: the history holds each of the {len(everything)} items that are available; "
        "allow_seen (--allow-seen) lists them again"
    )
    assert warnings(small_snapshot(), items=everything) == [said]
    found = Engine(small_snapshot()).recommend(Request(items=everything, allow_seen=True))
    assert len(found.items) == 10
    assert found.warnings == []
    assert Model(small_snapshot()).recommend(history=everything).warnings == [said]


@pytest.mark.fault(34)
def test_a_catalogue_of_which_nothing_is_available_is_said_beside_what_is_unknown() -> None:
    items = len(small_snapshot().catalogue)
    empty = f"the list is empty: none of the {items} items is available"
    assert warnings(with_available(), items=[BUSY]) == [empty]
    assert warnings(with_available(), items=[BUSY], allow_seen=True) == [empty]
    unknown, said = warnings(with_available(), user_id="nobody")
    assert (said, "is not known" in unknown) == (empty, True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.fault(34)
def test_a_single_item_that_is_available_has_no_other(kind: SimilarKind) -> None:
    answer = Engine(with_available(BUSY)).similar(BUSY, kind=kind)
    assert (answer.items, answer.warnings) == ([], ["the list is empty: no other item is available"])
    assert Engine(small_snapshot()).similar(BUSY, kind=kind).warnings == []


@pytest.mark.parametrize(
    ("kind", "relation"),
    [("alike", "is like it"), ("together", "goes together with it"), ("next", "comes after it")],
)
def test_an_item_of_which_nothing_is_known_is_said(kind: SimilarKind, relation: str) -> None:
    shop = generate(seed=7, users=80, items=120, events=2_000, days=40)
    items = pl.concat([shop.items, pl.DataFrame({"item_id": [LONELY]})], how="diagonal")
    config = Config(retrievers={"trending": {}, "itemknn": {}}, encoder="none", ranker=None, windows=1)
    snapshot = train(shop.events, items, config)
    others = int(snapshot.catalogue.available.sum()) - 1
    answer = Engine(snapshot).similar(LONELY, kind=kind)
    said = f"of the {others} other items that are available the model knows none that {relation}"
    assert (answer.items, answer.warnings) == (
        [],
        [f"the list is empty: {said}; the item had no event at the fit"],
    )
    assert Model(snapshot).similar(LONELY, kind=kind).warnings == answer.warnings
