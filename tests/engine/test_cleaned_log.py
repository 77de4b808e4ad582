"""The cleaned log of a snapshot: the same fit can be made of it again."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.served import small_snapshot

from tacit.data.shop import generate
from tacit.engine import cleaned_log
from tacit.engine.cleaned_log import Names, frame_of
from tacit.engine.snapshot import Snapshot, load, save
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.store import artifacts


def events_of(snapshot: Snapshot) -> pl.DataFrame:
    assert snapshot.log is not None
    names = Names(snapshot.interactions.users.ids, snapshot.catalogue.items.ids)
    return frame_of(snapshot.log.table(), names)


def refitted(snapshot: Snapshot) -> Snapshot:
    catalogue = snapshot.catalogue
    items = catalogue.attributes.with_columns(
        catalogue.items.ids.alias("item_id"),
        pl.Series("available", catalogue.available),
        pl.Series("created_at", catalogue.created_at),
    )
    return train(events_of(snapshot), items, snapshot.pipeline.config, users=snapshot.people)


def assert_same_fit(one: Snapshot, other: Snapshot) -> None:
    assert one.facts["data_sha256"] == other.facts["data_sha256"]
    assert one.weights.to_json() == other.weights.to_json()
    before, after = one.pipeline.arrays(), other.pipeline.arrays()
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)


@pytest.mark.promise("P23")
def test_the_log_of_a_snapshot_makes_the_same_fit_again(tmp_path: Path) -> None:
    """With texts, attributes of users, and devices."""
    shop = generate(seed=3, users=60, items=70, events=1_000, days=30)
    devices = pl.Series("device", ["phone", "desk", "tv"] * len(shop.events)).head(len(shop.events))
    ids = shop.events["user_id"].unique().sort()
    ages = [20 + place % 40 for place in range(len(ids))]
    people = pl.DataFrame({"user_id": [*ids, "quiet"], "age": [*ages, 33], "club": [*["a", "b"] * 30, "a"]})
    config = Config(retrievers={"trending": {}, "itemknn": {}}, encoder="tfidf", ranker=None, windows=1)
    snapshot = train(shop.events.with_columns(devices), shop.items, config, users=people)
    assert snapshot.interactions.traits.any()
    assert snapshot.interactions.moments.any()
    save(snapshot, tmp_path / "model")
    again = load(tmp_path / "model")
    assert_same_fit(again, refitted(again))


def test_ratings_orders_and_missing_times_come_back(tmp_path: Path) -> None:
    shop = generate(seed=5, users=40, items=70, events=600, days=20)
    rows = pl.int_range(len(shop.events), eager=True)
    rated = shop.events.with_columns(
        pl.Series("event", ["rating"] * len(rows)),
        (rows % 7 + rows / 3).alias("value"),
        pl.when(rows % 11 == 0).then(None).otherwise(pl.col("timestamp")).alias("timestamp"),
        rows.cast(pl.Int64).alias("seq"),
        pl.when(rows % 3 == 0).then(None).otherwise(pl.lit("shop")).alias("source"),
    )
    nameless = rated.with_columns(pl.lit(None, dtype=pl.String).alias("source"))  # all others were left out
    ordered = rated.with_columns(pl.lit(None, dtype=pl.Float64).alias("timestamp"))
    config = Config(retrievers={"popular": {}, "itemknn": {}}, encoder="none", ranker=None, windows=1)
    for events in (rated, ordered, nameless):
        snapshot = train(events, shop.items, config)
        save(snapshot, tmp_path / "model")
        again = load(tmp_path / "model")
        kept = events_of(again)
        key = ["user_id", "item_id", "value"]
        left, right = (
            frame.with_columns(pl.col("user_id", "item_id").cast(pl.String)).sort(key)
            for frame in (kept, events)
        )
        for name in ("timestamp", "value", "seq" if events is ordered else "timestamp", "event", "source"):
            assert left[name].equals(right[name], null_equal=True), name
        assert_same_fit(again, refitted(again))


def test_a_log_is_written_in_pieces_and_opened_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = small_snapshot()
    assert snapshot.log is not None
    whole = snapshot.log.table()
    monkeypatch.setattr(cleaned_log, "_PIECE", 100)
    longest = []
    monkeypatch.setattr(
        cleaned_log, "_piece", lambda *a, made=cleaned_log._piece: longest.append(made(*a)) or longest[-1]
    )
    save(snapshot, tmp_path / "model")
    assert max(map(len, longest)) == 100
    opened: list[Path] = []
    read = artifacts.read_table
    monkeypatch.setattr(artifacts, "read_table", lambda file: opened.append(file) or read(file))
    again = load(tmp_path / "model")
    again.pipeline.recommend(again.interactions.queries(), 10)
    assert tmp_path / "model" / "log.arrow" not in opened
    assert again.log is not None
    assert again.log.table().equals(whole)
    assert tmp_path / "model" / "log.arrow" in opened
