"""The pair classifier learns what takes both texts to see, and nothing where nothing is."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.core.test_devices import ABSENT
from tests.rankers.tiny import tiny_bert
from tokenizers import Tokenizer

from tacit.core.errors import ConfigError
from tacit.data.queries import Queries
from tacit.encoders.tokens import tokenised
from tacit.rankers.pair import PairClassifier, PairLists
from tacit.rankers.pair_tokens import Marks, TokenPairs, histories
from tacit.rankers.ranker import Epoch

COLOURS = np.arange(40) % 2
TEXTS = [f"{('red', 'blue')[code % 2]} {('tea', 'cup')[code // 2 % 2]} {code}" for code in range(40)]
EMPTY, LONG, DISLIKED, NEW = 0, 1, 2, 3
QUERIES = Queries.of([[], [1, 3, 5, 7, 9, 11], [4, 6], [2, 900]], weights=[[], [1] * 6, [1, -1], [1, 1]])


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert"))


def lists(seed: int, n: int = 600) -> PairLists:
    """Pairs of which the label is whether the colours are the same: neither text alone tells it."""
    rng = np.random.default_rng(seed)
    liked = rng.integers(0, 40, n)
    item = rng.integers(0, 40, n).astype(np.int32)
    label = (COLOURS[liked] == COLOURS[item]).astype(np.float32)
    return PairLists(Queries.of(liked[:, None].tolist()), np.arange(n), item, label)


def shuffled(pairs: PairLists, seed: int) -> PairLists:
    return replace(pairs, label=np.random.default_rng(seed).permutation(pairs.label))


def classifier(bert: Path, **settings: Any) -> PairClassifier:
    given = {"train": "all", "learning_rate": 3e-3, "epochs": 8, "patience": 8, "history": 3, **settings}
    return PairClassifier(
        model=str(bert), history_tokens=12, item_tokens=4, device="cpu", dtype="float32", **given
    )


@cache
def fitted(bert: Path) -> PairClassifier:
    return classifier(bert).fit(TEXTS, lists(0), lists(1, 200), rng=np.random.default_rng(3))


def one_epoch(bert: Path, **settings: Any) -> PairClassifier:
    built = classifier(bert, epochs=1, **settings)
    return built.fit(TEXTS, lists(0, 64), lists(1, 32), rng=np.random.default_rng(3))


def test_it_learns_what_takes_both_texts_to_see(bert: Path) -> None:
    assert fitted(bert).evaluate(lists(2, 300))["auc"] > 0.9


def test_nothing_is_learned_from_shuffled_labels(bert: Path) -> None:
    found = []
    for seed in range(4):
        built = classifier(bert, epochs=3)
        built.fit(
            TEXTS, shuffled(lists(0), seed), shuffled(lists(1, 200), seed), rng=np.random.default_rng(seed)
        )
        found.append(built.evaluate(lists(2, 300))["auc"])
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_every_epoch_is_reported_and_the_best_is_kept(bert: Path) -> None:
    seen: list[Epoch] = []
    held = lists(1, 100)
    built = classifier(bert, epochs=4, pairs=500)
    built.fit(TEXTS, lists(0), held, rng=np.random.default_rng(3), on_epoch=seen.append)
    assert seen == built.epochs_
    assert built.evaluate(held)["loss"] == pytest.approx(min(epoch.valid_loss for epoch in seen), abs=1e-4)


def test_restored_equals_stored_and_only_what_was_trained_is_kept(bert: Path) -> None:
    built = one_epoch(bert, train="last:1")
    names = {name.removeprefix("network:model.encoder.layer.1.") for name in built.arrays()}
    assert {"identity", "network:head.weight", "network:head.bias", "output.dense.weight"} <= names
    assert not any(name.startswith("network:model.") for name in names)
    spec = json.loads(json.dumps(built.spec(), allow_nan=False))
    again = PairClassifier.restore(spec, {k: v.copy() for k, v in built.arrays().items()}, TEXTS)
    pairs = lists(2, 50)
    np.testing.assert_array_equal(
        again.score(pairs.queries, pairs.row, pairs.item), built.score(pairs.queries, pairs.row, pairs.item)
    )


def test_it_serves_where_the_device_of_its_training_is_not(bert: Path) -> None:
    made = one_epoch(bert)
    spec = {**made.spec(), "device": ABSENT}
    again = PairClassifier.restore(spec, made.arrays(), TEXTS)
    assert again.device == ABSENT
    assert again.evaluate(lists(2, 50)) == pytest.approx(made.evaluate(lists(2, 50)), abs=1e-2)
    with pytest.raises(ConfigError, match="this machine has no such device"):
        replace(made, device=ABSENT).fit(TEXTS, lists(0, 64), lists(1, 32), rng=np.random.default_rng(3))


def test_another_base_model_is_refused(bert: Path, tmp_path: Path) -> None:
    built = one_epoch(bert)
    other = tiny_bert(tmp_path, seed=1)
    spec = {**built.spec(), "model": str(other)}
    with pytest.raises(ConfigError, match="fit again"):
        PairClassifier.restore(spec, built.arrays(), TEXTS)


def test_frozen_layers_are_those_of_the_base_model(bert: Path) -> None:
    built = one_epoch(bert, train="last:1")
    identity = {"identity": built.arrays()["identity"]}
    untrained = PairClassifier.restore(built.spec(), identity, TEXTS).network_.state_dict()
    changed = {
        name
        for name, tensor in built.network_.state_dict().items()
        if not torch.equal(tensor, untrained[name])
    }
    assert changed == set(built.arrays_)


def test_a_score_does_not_depend_on_the_batch(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = lists(2, 40)
    together = fitted(bert).score(pairs.queries, pairs.row, pairs.item)
    monkeypatch.setattr("tacit.encoders.pretrained._BATCH_TOKENS", {"cpu": 20})
    apart = fitted(bert).score(pairs.queries, pairs.row, pairs.item)
    np.testing.assert_allclose(apart, together, atol=1e-4)
    one = [
        fitted(bert).score(pairs.queries.slice(r, r + 1), np.zeros(1, np.int64), pairs.item[r : r + 1])[0]
        for r in range(40)
    ]
    np.testing.assert_allclose(one, together, atol=1e-4)


def test_an_empty_history_and_no_pair_are_answered(bert: Path) -> None:
    nobody = Queries.of([[]])
    built = fitted(bert)
    assert np.isfinite(built.score(nobody, np.zeros(3, np.int64), np.arange(3, dtype=np.int32))).all()
    assert built.score(nobody, np.zeros(0, np.int64), np.zeros(0, np.int32)).shape == (0,)


def test_a_new_item_is_read_and_a_changed_text_too(bert: Path) -> None:
    built = fitted(bert)
    larger = built.extended([TEXTS[7], *TEXTS[1:], TEXTS[5], TEXTS[6]])
    row, item = np.array([0, 0, 1, 1, 0]), np.array([40, 41, 40, 41, 0], np.int32)
    alike = np.array([5, 6, 5, 6, 7], np.int32)
    np.testing.assert_array_equal(
        larger.score(Queries.of([[40], [41]]), row, item), built.score(Queries.of([[5], [6]]), row, alike)
    )
    assert len(built.items_) == 40  # the old one is as it was


def test_interrupted_training_goes_on_as_if_nothing_had_happened(bert: Path, tmp_path: Path) -> None:
    def fit(built: PairClassifier, **more: Any) -> PairClassifier:
        return built.fit(TEXTS, lists(0, 200), lists(1, 50), rng=np.random.default_rng(3), **more)

    def interrupted(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    built, file = classifier(bert, epochs=3), tmp_path / "deep" / "pair.safetensors"
    with pytest.raises(KeyboardInterrupt):
        fit(built, checkpoint=file, on_epoch=interrupted)
    assert built.arrays_ == {}
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    resumed, whole = fit(built, checkpoint=file), fit(classifier(bert, epochs=3))
    assert len(resumed.epochs_) == 3
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(resumed.arrays()[name], array)
    with pytest.raises(ConfigError, match="another run"):
        fit(classifier(bert, epochs=3, learning_rate=1e-3), checkpoint=file)


def test_the_budget_of_time_ends_training(bert: Path) -> None:
    built = classifier(bert, epochs=100, patience=100, seconds=1e-6)
    built.fit(TEXTS, lists(0, 64), lists(1, 32), rng=np.random.default_rng(3))
    assert len(built.epochs_) == 1


def test_the_same_seed_gives_the_same_scores_and_the_callers_randomness_stays(bert: Path) -> None:
    before = torch.get_rng_state()
    first, second = one_epoch(bert), one_epoch(bert)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = lists(2, 20)
    np.testing.assert_array_equal(
        first.score(pairs.queries, pairs.row, pairs.item), second.score(pairs.queries, pairs.row, pairs.item)
    )


@pytest.mark.parametrize("train", ["last", "last:3", "last:-1", "lora"])
def test_what_cannot_be_trained_is_refused(bert: Path, train: str) -> None:
    with pytest.raises(ConfigError, match="last:N"):
        one_epoch(bert, train=train)


def test_pairs_longer_than_the_model_reads_are_refused(bert: Path) -> None:
    built = PairClassifier(model=str(bert), history_tokens=40, item_tokens=20)
    with pytest.raises(ConfigError, match="48 tokens"):
        built.fit(TEXTS, lists(0, 8), lists(1, 8), rng=np.random.default_rng(0))


def read(bert: Path, budget: int = 12, count: int = 3) -> TokenPairs:
    tokenizer = Tokenizer.from_file(str(bert / "tokenizer.json"))
    tokenizer.no_padding()
    items, marks = tokenised(TEXTS, tokenizer, 4), Marks.of(tokenizer)
    past = histories(QUERIES, items, marks, count=count, budget=budget)
    return TokenPairs(past, items, np.arange(4), np.array([8, 9, 10, 11], np.int32), marks)


def words(bert: Path, pairs: TokenPairs) -> list[str]:
    tokenizer = Tokenizer.from_file(str(bert / "tokenizer.json"))
    tokens, _ = pairs.joined()
    return [
        tokenizer.decode(codes[:length].tolist(), skip_special_tokens=False)
        for codes, length in zip(tokens.codes, tokens.lengths, strict=True)
    ]


def test_a_pair_reads_as_the_last_liked_items_and_the_candidate(bert: Path) -> None:
    assert words(bert, read(bert)) == [
        "[CLS] [SEP] red tea 8 [SEP]",
        "[CLS] blue cup 11 ; blue tea 9 ; blue cup 7 [SEP] blue tea 9 [SEP]",
        "[CLS] red tea 4 [SEP] red cup 10 [SEP]",
        "[CLS] red cup 2 [SEP] blue cup 11 [SEP]",
    ]


def test_types_and_lengths_are_those_of_the_two_texts(bert: Path) -> None:
    pairs = read(bert)
    tokens, types = pairs.joined()
    assert tokens.lengths.tolist() == pairs.lengths.tolist() == [6, 17, 9, 9]
    assert types[EMPTY, :6].tolist() == [0, 0, 1, 1, 1, 1]
    assert types[DISLIKED, :9].tolist() == [0] * 5 + [1] * 4


def test_the_budget_of_tokens_cuts_a_history(bert: Path) -> None:
    assert words(bert, read(bert, budget=6))[LONG] == "[CLS] blue ; blue ; blue [SEP] blue tea 9 [SEP]"
    assert words(bert, read(bert, budget=8, count=2))[NEW] == "[CLS] red cup 2 [SEP] blue cup 11 [SEP]"
