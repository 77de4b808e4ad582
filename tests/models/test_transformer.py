from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.core.errors import ConfigError
from tacit.data.queries import Queries
from tacit.models.transformer import Transformer
from tacit.models.transformer.batches import Sequences
from tacit.models.transformer.network import Network, Shape
from tacit.models.transformer.training import Epoch, Examples, _gain, sampled_softmax
from tacit.testing.conformance import Conformance
from tacit.testing.generated import small_log

HISTORIES = Queries.of([[3, 5, 8], [], [1]])


def small(**changes: object) -> Transformer:
    parameters: dict[str, object] = {"embedding_size": 16, "max_length": 12, "epochs": 3, "batch_size": 32}
    return Transformer(device="cpu", **{**parameters, **changes})  # type: ignore[arg-type]


def fit(model: Transformer, **options: object) -> Transformer:
    log, catalogue = small_log()
    return model.fit(log, catalogue, rng=np.random.default_rng(1), **options)  # type: ignore[arg-type]


class TestTransformer(Conformance):
    minimum_ndcg = 0.1
    tolerance = 1e-3

    def make(self) -> Transformer:
        return small(epochs=6, learning_rate=5e-3)


class StoppedError(Exception):
    pass


def stop_after(count: int) -> object:
    def on_epoch(epoch: Epoch) -> None:
        if epoch.epoch == count:
            raise StoppedError

    return on_epoch


def test_a_run_that_was_stopped_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "run.safetensors"
    whole = fit(small())
    with pytest.raises(StoppedError):
        fit(small(), checkpoint=file, on_epoch=stop_after(2))
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    seen: list[int] = []
    resumed = fit(small(), checkpoint=file, on_epoch=lambda epoch: seen.append(epoch.epoch))
    assert seen == [3]
    assert [e.loss for e in resumed.epochs_] == [e.loss for e in whole.epochs_]
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(resumed.arrays()[name], array)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    fit(small(epochs=1), checkpoint=tmp_path / "run")
    with pytest.raises(ConfigError, match="another run"):
        fit(small(epochs=1, negatives=8), checkpoint=tmp_path / "run")


def test_training_leaves_the_callers_randomness_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(small(epochs=1))
    torch.testing.assert_close(torch.rand(3), expected)


def test_the_best_epoch_is_kept() -> None:
    model = fit(small(epochs=6, patience=2, learning_rate=0.03))
    values = [epoch.valid_ndcg for epoch in model.epochs_]
    best = int(np.argmax(values))
    assert len(values) == min(best + 3, 6)
    shorter = fit(small(epochs=best + 1, patience=9, learning_rate=0.03))
    np.testing.assert_array_equal(shorter.score(HISTORIES), model.score(HISTORIES))


def test_no_epoch_begins_after_its_minutes(tmp_path: Path) -> None:
    assert len(fit(small(minutes=1e-9)).epochs_) == 1
    file = tmp_path / "run"
    fit(small(epochs=1), checkpoint=file)
    # What an earlier run took counts, and more may be given to go on with.
    assert len(fit(small(minutes=1e-9), checkpoint=file).epochs_) == 1
    assert len(fit(small(minutes=60.0), checkpoint=file).epochs_) == 3


def test_all_items_may_be_negatives() -> None:
    model = fit(small(negatives=None, epochs=1))
    assert np.isfinite(model.epochs_[0].loss)


def test_a_state_depends_on_no_later_event() -> None:
    torch.manual_seed(0)
    network = Network(Shape(9, 2, 8, 2, 2, 6, 0.0), None).eval()
    item = torch.tensor([[1, 2, 3, 4]])
    none = torch.zeros_like(item)
    one = network(network.items(item), none, none)
    item[0, 2:] = 7
    two = network(network.items(item), none, none)
    torch.testing.assert_close(one[:, :3], two[:, :3])
    assert not torch.allclose(one[:, 3], two[:, 3])


def test_the_loss_is_a_cross_entropy_without_the_target_among_the_negatives() -> None:
    table = torch.randn(7, 4)
    state, target, codes = torch.randn(3, 4), torch.tensor([2, 0, 6]), torch.tensor([0, 3, 3, 2])
    expected = []
    for s, t in zip(state, target, strict=True):
        others = [int(c) for c in codes if c != t]
        logits = torch.stack([s @ table[t], *(s @ table[c] for c in others)])
        expected.append(-torch.log_softmax(logits, 0)[0])
    loss = sampled_softmax(state, table[target], target, table[codes], codes)
    torch.testing.assert_close(loss, torch.stack(expected).mean())


def test_an_item_without_events_is_scored_by_its_text() -> None:
    log, catalogue = small_log()
    gone = log.select(log.item != 4)
    model = small(epochs=1).fit(gone, catalogue, rng=np.random.default_rng(1))
    assert not model.arrays()["item.weight"][4].any()
    assert np.isfinite(model.score(HISTORIES)[:, 4]).all()
    bare = replace(catalogue, vectors=None)
    model = small(epochs=1).fit(gone, bare, rng=np.random.default_rng(1))
    assert np.isneginf(model.score(HISTORIES)).sum(axis=0).nonzero()[0].tolist() == [4]


def test_only_the_last_events_are_read() -> None:
    model = fit(small(epochs=1, max_length=3))
    scores = model.score(Queries.of([[9, 9, 1, 2, 3], [4, 1, 2, 3]]))
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)


def test_held_out_events_are_not_learned_from() -> None:
    sequences = sequences_of([5, 4, 2] * 10)
    examples = Examples.of(sequences, 100, np.random.default_rng(0))
    assert len(examples.held) == len(examples.target) == 3
    assert len(examples.train.item) == len(sequences.item) - 3
    assert (examples.held.lengths >= 2).all()


def test_the_gain_is_that_of_the_rank_among_unseen_items() -> None:
    held = sequences_of([2], items=[0, 1])
    place = np.arange(5)
    scores = np.array([[9, 8, 3, 7, 1]], dtype=np.float32)
    np.testing.assert_allclose(_gain(scores.copy(), held, place, np.array([2])), 1 / np.log2(3))
    assert _gain(scores.copy(), held, place, np.array([-1])) == 0


@settings(max_examples=50)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 8), st.integers(0, 99))
def test_windows_cover_every_event_once(lengths: list[int], length: int, seed: int) -> None:
    sequences = sequences_of(lengths)
    start, stop = sequences.windows(length, np.random.default_rng(seed))
    assert (stop > start).all()
    assert (stop - start <= length).all()
    assert (
        np.searchsorted(sequences.offsets, start, "right") == np.searchsorted(sequences.offsets, stop)
    ).all()
    places = np.concatenate([np.arange(a, b) for a, b in zip(start, stop, strict=True)])
    np.testing.assert_array_equal(np.sort(places), np.arange(len(sequences.item)))


def test_batches_hold_every_window_padded_on_the_right() -> None:
    sequences = sequences_of([3, 7, 1, 4])
    tokens = list(sequences.batches(3, 2, np.random.default_rng(0)))
    events = np.concatenate([t.item[t.filled] for t in tokens])
    np.testing.assert_array_equal(np.sort(events), np.sort(sequences.item))
    assert all((t.item[~t.filled] == 0).all() for t in tokens)


def test_gaps_and_kinds_are_buckets() -> None:
    queries = Queries.of([[1, 2, 3], [4]], times=[[0, 0, 1023], [9]])
    sequences = Sequences.of(queries, 10, 2, timed=True)
    assert sequences.gap.tolist() == [0, 1, 11, 0]
    assert sequences.kind.tolist() == [0, 0, 0, 0]
    assert not Sequences.of(queries, 10, 2, timed=False).gap.any()


def sequences_of(lengths: list[int], items: list[int] | None = None) -> Sequences:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    item = np.arange(1, offsets[-1] + 1) % 97 if items is None else np.array(items)
    none = np.zeros(len(item), dtype=np.int64)
    return Sequences(offsets, item.astype(np.int64), none, none)
