"""From cleaned frames to a snapshot."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tacit.core.errors import ConfigError, DataError
from tacit.data.shop import Shop, generate
from tacit.encoders import huggingface, use
from tacit.encoders.deferred import CarefulEncoder
from tacit.encoders.tfidf import TfidfEncoder
from tacit.engine.batch import recommend_all
from tacit.engine.snapshot import Snapshot
from tacit.engine.train import NO_ENCODER, catalogue_of, encoded, fingerprint, train
from tacit.models.content import Content
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage
from tacit.rankers.ranker import Epoch

RANKER = {"name": "mlp", "hidden": [8], "epochs": 2}
CONFIG = Config(encoder="tfidf", ranker=RANKER, windows=1)
QUICK = Config(
    encoder="tfidf", retrievers={"trending": {}, "itemknn": {}, "content": {}}, ranker=None, windows=1
)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(seed=5, users=60, items=80, events=1_500, days=40)


@pytest.fixture(scope="module")
def snapshot(shop: Shop) -> Snapshot:
    return train(shop.events, shop.items, CONFIG)


def lists(snapshot: Snapshot, **options: object) -> pl.DataFrame:
    return pl.concat(recommend_all(snapshot, **options))  # type: ignore[arg-type]


@pytest.mark.fault(49)
def test_the_same_seed_and_data_give_the_same_model_and_lists(shop: Shop, snapshot: Snapshot) -> None:
    again = train(shop.events, shop.items, CONFIG)
    assert again.version == snapshot.version
    assert again.facts == snapshot.facts
    assert lists(again).equals(lists(snapshot))


def test_a_snapshot_has_lists_of_near_texts_and_a_fit_that_is_only_evaluated_has_none(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tacit.models.near_texts.SCANNED", 50)
    snapshot = train(shop.events, shop.items, QUICK)
    (content,) = (one for one in snapshot.pipeline.retrievers_ if one.name == "content")
    assert isinstance(content, Content) and content.near_ is not None
    alone = TwoStage(QUICK).fit(snapshot.interactions, snapshot.catalogue, rng=np.random.default_rng(0))
    (content,) = (one for one in alone.retrievers_ if one.name == "content")
    assert isinstance(content, Content) and content.near_ is None


def test_what_is_known_of_users_is_part_of_what_was_learned_from(shop: Shop, snapshot: Snapshot) -> None:
    described = train(shop.events, shop.items, QUICK, users=shop.users)
    assert described.interactions.trait_columns.names
    assert train(shop.events, shop.items, QUICK).version != described.version


def test_the_order_of_the_rows_changes_nothing(shop: Shop, snapshot: Snapshot) -> None:
    shuffled = train(
        shop.events.sample(fraction=1, shuffle=True, seed=3),
        shop.items.sample(fraction=1, shuffle=True, seed=4),
        CONFIG,
    )
    assert fingerprint(shuffled.interactions) == fingerprint(snapshot.interactions)
    assert lists(shuffled).equals(lists(snapshot))


def test_another_seed_or_other_data_is_another_model(shop: Shop, snapshot: Snapshot) -> None:
    assert train(shop.events, shop.items, replace(CONFIG, seed=8)).version != snapshot.version
    assert train(shop.events.head(-1), shop.items, CONFIG).version != snapshot.version


def test_the_fingerprint_sees_every_event(snapshot: Snapshot) -> None:
    log = snapshot.interactions
    whole = fingerprint(log)
    assert len(whole) == 64
    for name in ("user", "item", "weight", "at"):
        values = getattr(log, name).copy()
        values[7] += 1
        assert fingerprint(replace(log, **{name: values})) != whole


def test_the_facts_tell_what_was_trained_on(shop: Shop, snapshot: Snapshot) -> None:
    facts = json.loads(json.dumps(snapshot.facts, allow_nan=False))
    assert facts["seed"] == 7
    assert facts["data_sha256"] == fingerprint(snapshot.interactions)
    assert (facts["events"], facts["users"]) == (len(shop.events), shop.events["user_id"].n_unique())
    assert facts["items"] == len(snapshot.catalogue)
    assert facts["timing"] == "time"
    assert facts["last_event_at"] == shop.events["timestamp"].max()
    report = snapshot.pipeline.report_
    assert report.pairs > 0
    assert [epoch.epoch for epoch in report.epochs] == [0, 1, 2]


def test_every_epoch_is_reported(shop: Shop) -> None:
    epochs: list[Epoch] = []
    snapshot = train(shop.events, shop.items, CONFIG, on_epoch=epochs.append)
    assert epochs == snapshot.pipeline.report_.epochs
    assert len(epochs) == 3  # the first stage alone, then two epochs


def test_a_log_without_a_catalogue_is_enough(shop: Shop) -> None:
    snapshot = train(shop.events, None, QUICK)
    assert snapshot.encoder == NO_ENCODER
    assert snapshot.learned_encoder is None
    assert snapshot.catalogue.vectors is None
    assert len(snapshot.catalogue) == shop.events["item_id"].n_unique()
    assert lists(snapshot)["user_id"].n_unique() == shop.events["user_id"].n_unique()


def test_the_catalogue_holds_what_the_log_or_the_frame_names(shop: Shop) -> None:
    items = pl.DataFrame({"item_id": ["x", "b"], "title": ["ex", "bee"]})
    catalogue = catalogue_of(pl.DataFrame({"item_id": ["b", "a"]}), items)
    assert catalogue.items.ids.to_list() == ["a", "b", "x"]
    assert catalogue.has_text.tolist() == [False, True, True]
    assert catalogue.texts.to_list()[0] == "item a"
    assert catalogue_of(pl.DataFrame({"item_id": ["b", "a", "b"]}), None).items.ids.to_list() == ["a", "b"]


def test_texts_become_vectors_by_the_named_encoder(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("TACIT_CACHE", str(tmp_path))
    catalogue = catalogue_of(shop.events, shop.items.head(6))
    encoder, with_vectors = encoded(catalogue, "tfidf")
    assert isinstance(encoder, TfidfEncoder)
    assert with_vectors.vectors.shape == (len(catalogue), 128)
    few = catalogue_of(shop.events.head(3), shop.items.head(3))
    encoder, with_vectors = encoded(few, "auto")
    assert isinstance(encoder, CarefulEncoder)
    assert with_vectors.vectors.shape == (len(few), 384)
    lengths = np.linalg.norm(with_vectors.vectors, axis=1)
    np.testing.assert_allclose(lengths, few.has_text, atol=1e-3)  # an id is no text
    assert (tmp_path / "vectors.sqlite3").exists()


def test_a_fit_whose_texts_are_all_cached_loads_no_network(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TACIT_CACHE", str(tmp_path))
    config = replace(QUICK, encoder="auto")
    first = train(shop.events, shop.items, config)
    assert first.encoder == "pair"  # both networks are needed for new texts
    loaded: list[str] = []

    def watched(owner: object, method: str, name: str) -> None:
        whole = getattr(owner, method)
        monkeypatch.setattr(
            owner, method, lambda *given, **named: loaded.append(name) or whole(*given, **named)
        )

    watched(huggingface, "HuggingFaceEncoder", "minilm")
    watched(use._Network, "read", "use")
    again = train(shop.events, shop.items, config)
    assert loaded == []
    np.testing.assert_array_equal(again.catalogue.vectors, first.catalogue.vectors)
    new = pl.DataFrame({"item_id": ["new"], "title": ["An oak chair that nobody has encoded"]})
    train(shop.events, pl.concat([shop.items, new], how="diagonal"), config)
    assert sorted(loaded) == ["minilm", "use"]


def test_no_text_or_no_encoder_is_no_vectors(shop: Shop) -> None:
    catalogue = catalogue_of(shop.events, shop.items)
    assert encoded(catalogue, NO_ENCODER) == (None, catalogue)
    bare = catalogue_of(shop.events, None)
    assert encoded(bare, "auto") == (None, bare)


def test_an_empty_log_is_refused(shop: Shop) -> None:
    with pytest.raises(DataError, match="no event to learn from"):
        train(shop.events.clear(), shop.items, QUICK)


def test_a_bad_configuration_is_refused(shop: Shop) -> None:
    with pytest.raises(ConfigError, match="no retriever 'magic'"):
        train(shop.events, shop.items, replace(QUICK, retrievers={"magic": {}}))


def test_one_event_is_enough_for_a_list(shop: Shop) -> None:
    snapshot = train(shop.events.head(1), shop.items, QUICK)
    user = shop.events["user_id"][0]
    found = lists(snapshot, users=[user, "nobody"])
    assert found.group_by("user_id", maintain_order=True).len()["len"].to_list() == [10, 10]
    assert shop.events["item_id"][0] not in found.filter(pl.col("user_id") == user)["item_id"]


@pytest.mark.parametrize("known", ["order", "nothing"])
def test_a_log_without_times_is_learned_from(shop: Shop, known: str) -> None:
    place = pl.int_range(pl.len(), dtype=pl.Int64) if known == "order" else pl.lit(None, dtype=pl.Int64)
    untimed = shop.events.with_columns(timestamp=pl.lit(None, dtype=pl.Float64), seq=place)
    snapshot = train(untimed, shop.items, QUICK)
    assert snapshot.interactions.timing == {"order": "order", "nothing": "none"}[known]
    assert lists(snapshot)["user_id"].n_unique() == shop.events["user_id"].n_unique()
