import numpy as np
import pytest

from tacit.core.types import DAY, Float32
from tacit.features.candidates import Candidates
from tacit.pipeline.blend import Blend, LabelledCandidates, log_softmax


def found(
    scores: Float32, lengths: np.ndarray | None = None, idle_times: np.ndarray | None = None
) -> Candidates:
    n, c, r = scores.shape
    items = np.tile(np.arange(c, dtype=np.int32), (n, 1))
    lengths = np.full(n, 20) if lengths is None else lengths
    return Candidates(
        items, scores, lengths, np.zeros(n) if idle_times is None else idle_times, ("a", "b")[:r]
    )


def learned(candidates: Candidates, labels: Float32) -> Blend:
    r = candidates.scores.shape[2]
    return Blend().fit([LabelledCandidates(candidates, labels, labels.sum(axis=1).astype(int))], r)


def test_the_retriever_that_is_right_gets_the_weight() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((200, 30)) < 0.1).astype(np.float32)
    noise = rng.random((200, 30)).astype(np.float32)
    right = labels + 0.1 * rng.random((200, 30)).astype(np.float32)
    blend = learned(found(np.stack([noise, right], axis=2)), labels)
    assert blend.weights_[1] > 20 * blend.weights_[0]
    assert (blend.weights_ >= 0).all()


def test_the_weights_are_where_the_slope_of_the_naive_loss_is_zero() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random((40, 9, 2)).astype(np.float32)
    labels = (scores.sum(axis=2) + rng.random((40, 9)) > 1.6).astype(np.float32)
    labels[:, 0] = 1
    lengths = rng.integers(0, 600, 40)
    lengths[:8] = 0
    days = np.where(lengths, rng.integers(0, 500, 40), 0)
    blend = learned(found(scores, lengths, days * DAY), labels)

    def loss(weights: np.ndarray) -> float:
        total = users = 0.0
        for row in range(40):
            length = np.log(min(max(lengths[row], 1), 400)) / np.log(400)
            idle_time = np.log1p(min(days[row], 365)) / np.log1p(365)
            standard = (scores[row] - scores[row].mean(axis=0)) / scores[row].std(axis=0)
            known = weights[2:4] + length * weights[4:6] + idle_time * weights[6:8]
            logits = standard @ (known if lengths[row] else weights[:2])
            logs = logits - np.log(np.exp(logits).sum())
            user = np.sqrt(labels[row].sum())
            total -= user * logs[labels[row] == 1].mean()
            users += user
        return (total + 16 * float(weights @ weights)) / users

    parts = [blend.new_users_, blend.weights_, blend.growth_, blend.idle_time_, blend.missing_penalty_]
    best = np.concatenate(parts).astype(float)
    for place in range(10):
        step = np.zeros(10)
        step[place] = 1e-3
        slope = (loss(best + step) - loss(best - step)) / 2e-3
        assert slope == pytest.approx(0, abs=2e-3), place


def test_the_missing_penalty_is_learned_from_choices() -> None:
    # The first retriever is silent on items 20 to 29. People choose by both; what the first would say of the
    # silent ones is the mean, or (in the second case) nobody wants them.
    rng = np.random.default_rng(0)
    scores = rng.random((300, 30, 2)).astype(np.float32)
    scores[:, 20:, 0] = -np.inf
    scored = np.isfinite(scores[:, :, 0])
    fresh = (np.where(scored, scores[:, :, 0], 0.5) + scores[:, :, 1] > 1.4).astype(np.float32)
    lenient, harsh = (
        learned(found(scores), labels).missing_penalty_[0] for labels in (fresh, fresh * scored)
    )
    assert abs(lenient) < 0.3 < 1 < harsh


def test_new_and_old_users_have_their_own_weights() -> None:
    # Half of the users have a short history and choose by the first retriever, half by the second.
    rng = np.random.default_rng(0)
    scores = rng.random((400, 20, 2)).astype(np.float32)
    old = np.arange(400) % 2
    labels = (np.take_along_axis(scores, old[:, None, None], axis=2)[:, :, 0] > 0.85).astype(np.float32)
    blend = learned(found(scores, np.where(old, 200, 1)), labels)
    assert blend.growth_[0] < -0.3 < 0.3 < blend.growth_[1]


def test_who_is_here_and_who_has_been_away_have_their_own_weights() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((400, 20, 2)).astype(np.float32)
    away = np.arange(400) % 2
    labels = (np.take_along_axis(scores, away[:, None, None], axis=2)[:, :, 0] > 0.85).astype(np.float32)
    blend = learned(found(scores, idle_times=away * 200 * DAY), labels)
    assert blend.idle_time_[0] < -0.3 < 0.3 < blend.idle_time_[1]


def test_who_has_no_history_has_weights_of_their_own() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((400, 20, 2)).astype(np.float32)
    met = np.arange(400) % 2
    labels = (np.take_along_axis(scores, met[:, None, None], axis=2)[:, :, 0] > 0.85).astype(np.float32)
    blend = learned(found(scores, met), labels)
    assert blend.new_users_[0] > 10 * blend.new_users_[1]
    assert blend.weights_[1] > 10 * blend.weights_[0]


def test_users_who_chose_no_candidate_change_nothing() -> None:
    rng = np.random.default_rng(2)
    scores = rng.random((60, 10, 2)).astype(np.float32)
    labels = (scores[:, :, 0] > 0.8).astype(np.float32)
    labels[:20] = 0
    whole, some = learned(found(scores), labels), learned(found(scores[20:]), labels[20:])
    np.testing.assert_allclose(whole.weights_, some.weights_, rtol=1e-3)


def test_nothing_to_learn_from_gives_equal_weights() -> None:
    assert Blend().fit([], 4).weights_.tolist() == [0.25] * 4
    assert Blend().fit([], 4).new_users_.tolist() == [0.25] * 4
    assert Blend().fit([], 4).missing_penalty_.tolist() == [0.25] * 4
    assert Blend().fit([], 4).growth_.tolist() == [0] * 4
    assert Blend().fit([], 4).idle_time_.tolist() == [0] * 4


def test_padding_scores_minus_infinity_and_a_round_trip_changes_nothing() -> None:
    candidates = Candidates(
        np.array([[4, 7, 9, -1]], dtype=np.int32),
        np.array([[[1, -np.inf], [2, 5], [3, 7], [-np.inf, -np.inf]]], dtype=np.float32),
        np.array([0]),
        np.zeros(1),
        ("a", "b"),
    )
    side = np.sqrt(1.5)
    harsh = [-side / 4 - 0.75, -0.75, side / 4 + 0.75, -np.inf]  # silence is b's worst candidate
    blend = Blend([0.25, 0.75], [9, 9], [9, 9], [9, 9], [0.25, 0.75])
    np.testing.assert_allclose(blend.score(candidates)[0], harsh, rtol=1e-6)
    with pytest.raises(KeyError, match="new_users"):  # a snapshot of an older blend says "fit again"
        Blend.restore({name: value for name, value in blend.spec().items() if name != "new_users"})
    assert Blend.restore(blend.spec()).score(candidates).tolist() == blend.score(candidates).tolist()


def test_an_item_added_later_has_no_missing_penalty() -> None:
    candidates = Candidates(
        np.array([[4, 7, 9]], dtype=np.int32),
        np.array([[[1, 1], [3, 1.5], [-np.inf, 3]]], dtype=np.float32),
        np.array([5]),
        np.zeros(1),
        ("ease", "content"),
    )
    blend = Blend([0, 0], [1, 1], [0, 0], [0, 0], [5, 5])
    assert blend.score(candidates)[0].argmax() == 1
    assert blend.within(9).score(candidates)[0].argmax() == 2
    np.testing.assert_array_equal(blend.within(10).score(candidates), blend.score(candidates))


def test_a_retriever_that_is_always_wrong_keeps_the_least_weight() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((300, 30)) < 0.1).astype(np.float32)
    right = labels + rng.random((300, 30)).astype(np.float32)
    blend = learned(found(np.stack([-right, right], axis=2)), labels)
    assert blend.weights_[0] == np.float32(1e-3)
    assert blend.weights_[1] > 1  # and no weight has a bound above


def test_that_a_retriever_does_not_score_an_item_may_be_a_good_sign() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((300, 30, 2)).astype(np.float32)
    scores[:, 20:, 0] = -np.inf
    labels = (~np.isfinite(scores[:, :, 0]) & (rng.random((300, 30)) < 0.3)).astype(np.float32)
    assert learned(found(scores), labels).missing_penalty_[0] < -0.3


def test_one_retriever_alone_has_weight_one() -> None:
    scores = np.random.default_rng(0).random((20, 9, 1)).astype(np.float32)
    blend = learned(found(scores), (scores[:, :, 0] > 0.5).astype(np.float32))
    assert blend.weights_.tolist() == blend.new_users_.tolist() == blend.missing_penalty_.tolist() == [1]


def test_histories_count_up_to_400_events_and_idle_times_up_to_a_year() -> None:
    never, always = [0.0], [1.0]
    by_length = Blend(never, never, always, never, never)
    lengths = np.array([0, 1, 20, 400, 4_000])  # 20 is the root of 400
    assert by_length.weights_for(lengths, np.zeros(5))[:, 0].tolist() == pytest.approx([0, 0, 0.5, 1, 1])
    by_time = Blend(never, never, never, always, never)
    days = np.array([0, np.sqrt(366) - 1, 365, 3_650])
    idle = by_time.weights_for(np.ones(4, dtype=np.int64), days * DAY)[:, 0]
    assert idle.tolist() == pytest.approx([0, 0.5, 1, 1])


def test_the_logarithms_of_chances_sum_to_one_and_a_list_of_nothing_stays_empty() -> None:
    scores = np.array([[1, 2, -np.inf], [200, 0, 0], [-np.inf] * 3], dtype=np.float32)
    with np.errstate(divide="raise", invalid="raise"):
        logs = log_softmax(scores)
    assert logs[0, :2] == pytest.approx([-np.log(1 + np.e), -np.log(1 + 1 / np.e)])
    assert logs[1].tolist() == [0, -200, -200]
    assert (logs[0, 2], logs[2].max()) == (-np.inf, -np.inf)
