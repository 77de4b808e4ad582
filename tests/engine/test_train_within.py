"""Better and better snapshots within a time: all of them usable, none worse than the one before it."""

from pathlib import Path

import polars as pl
import pytest

from tacit.core.errors import UnsupportedError
from tacit.data.clean import clean
from tacit.data.shop import generate
from tacit.engine import train_within as module
from tacit.engine.snapshot import load, save
from tacit.engine.train import Prepared, prepared, train
from tacit.engine.train_within import Reached, train_within
from tacit.pipeline import anytime
from tacit.pipeline.config import Config
from tacit.reading.read import read_events, read_items

CONFIG = Config(
    retrievers=["popular", "itemknn", "content"],
    ranker={"name": "mlp", "hidden": [8], "epochs": 2},
    windows=1,
    encoder="tfidf",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("shop")
    generate(users=120, items=150, events=2_500, days=30).write(folder)
    log = clean(read_events(folder / "events.csv"), now=4e9).events
    return log, read_items(folder / "items.jsonl")


@pytest.fixture(scope="module")
def given(shop: tuple[pl.DataFrame, pl.DataFrame]) -> Prepared:
    return prepared(*shop, CONFIG)


def test_the_last_of_enough_time_is_the_snapshot_of_a_fit_without_a_limit(
    given: Prepared, shop: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    found = list(train_within(given, 1e6, lambda: 0.0))
    last = found[-1]
    assert last.complete
    assert last.snapshot is not None
    assert last.snapshot.version == train(*shop, CONFIG).version
    written = last.snapshot.facts["steps"]
    assert written == [one.to_json() for one in found]


def test_every_kept_snapshot_can_be_written_read_and_served(given: Prepared, tmp_path: Path) -> None:
    for number, reached in enumerate(train_within(given, 1e6, lambda: 0.0)):
        if reached.snapshot is None:
            continue
        save(reached.snapshot, tmp_path / str(number))
        again = load(tmp_path / str(number))
        queries = again.interactions.queries()
        expected = reached.snapshot.pipeline.recommend(queries, 5).items.tolist()
        assert again.pipeline.recommend(queries, 5).items.tolist() == expected


def test_without_time_there_is_still_one(given: Prepared) -> None:
    (only,) = train_within(given, 1.0, lambda: 50.0)
    assert only.kept
    assert only.snapshot is not None
    assert only.seconds == 50.0


def test_texts_that_take_long_come_after_the_first_snapshots(
    given: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TEXTS_A_SECOND", 0.5)  # 300 seconds for 150 texts
    texts = [
        one.snapshot.catalogue.vectors is not None
        for one in train_within(given, 400.0, lambda: 0.0)
        if one.snapshot is not None
    ]
    assert texts[0] is False
    assert texts[-1] is True
    never = list(train_within(given, 200.0, lambda: 0.0))
    assert all(one.snapshot is None or one.snapshot.encoder == "none" for one in never)


def test_a_step_that_measures_worse_is_left_out(given: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WORSE", 10.0)  # whatever comes after the first is worse than this
    monkeypatch.setattr(anytime, "_FIRST_SECONDS", 0.0)
    found: list[Reached] = list(train_within(given, 1e6, lambda: 0.0))
    assert [one.kept for one in found] == [True] + [False] * (len(found) - 2) + [True]
    assert [one.snapshot is not None for one in found] == [one.kept for one in found]
    assert len(found) > 2


@pytest.mark.fault(32)
def test_a_fit_that_needs_more_memory_than_is_free_is_refused_with_numbers(
    shop: tuple[pl.DataFrame, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("tacit.engine.train._WORTH_SAYING", 0.0)
    monkeypatch.setattr("tacit.engine.train.free_gb", lambda: 0.1)
    monkeypatch.setattr("tacit.engine.train.held_gb", lambda: 0.2)
    with pytest.raises(UnsupportedError, match=r"takes about \d.\d GB of memory and 0.3 GB are there for it"):
        prepared(*shop, CONFIG, on_note=lambda note: said.append(str(note)))
    assert not any("the whole configuration takes" in line for line in said)  # advice that would be refused
    monkeypatch.setattr("tacit.engine.train.held_gb", lambda: 20.0)  # the log is a part of what is expected
    prepared(*shop, CONFIG)


def test_what_a_long_fit_takes_is_said_before_it_begins(
    shop: tuple[pl.DataFrame, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tacit.engine.train._WORTH_SAYING", 0.0)
    said: list[str] = []
    prepared(*shop, CONFIG, on_note=lambda note: said.append(str(note)))
    assert any("the whole configuration takes about" in line and "--seconds 10" in line for line in said)
