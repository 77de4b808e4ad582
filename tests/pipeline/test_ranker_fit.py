"""How a ranker is fitted and measured: by lists that neither it nor the blend below it has learned from."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from tests.pipeline.toys import (
    CONFIG,
    HELD_OUT,
    RANKER,
    ROLE,
    WIDTH,
    N,
    examples_of,
    flat,
    noise,
    some_labels,
    telling,
)

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT
from tacit.core.types import Float32
from tacit.data.splits import Protocol
from tacit.pipeline.blend import Blend, LabelledCandidates, log_softmax
from tacit.pipeline.config import Config
from tacit.pipeline.examples import RankingExamples
from tacit.pipeline.firststage import TEST, TRAIN, VALID
from tacit.pipeline.ranker_fit import FittedRanker, fit_ranker, is_cross_fitted
from tacit.pipeline.secondstage import weighted_scores
from tacit.rankers.dcn import DCN
from tacit.rankers.lambdamart import LambdaMART
from tacit.rankers.linear import Linear
from tacit.rankers.mlp import MLP


def blend_of(some: Sequence[LabelledCandidates]) -> Blend:
    return Blend().fit(some, 2)


def fitted(
    *examples: RankingExamples,
    config: Config = CONFIG,
    refit: Callable[[Sequence[LabelledCandidates]], Blend] = blend_of,
    protocol: Protocol = "leave-one-out",
) -> FittedRanker:
    found = fit_ranker(
        copy.copy(config.ranker),
        examples,
        refit,
        protocol,
        rng=np.random.default_rng(0),
        progress=SILENT,
        on_epoch=None,
    )
    assert found is not None
    return found


def some_examples() -> RankingExamples:
    return examples_of(some_labels(), scores=lambda y: telling(y) + noise(y), features=flat(noise))


def test_tacits_rankers_of_several_networks_are_cross_fitted() -> None:
    assert is_cross_fitted(MLP())
    assert is_cross_fitted(DCN(members=2))
    assert not is_cross_fitted(MLP(members=1))
    assert not is_cross_fitted(Linear())
    assert not is_cross_fitted(LambdaMART())

    class Derived(MLP):
        """One that may score in its own way."""

    assert not is_cross_fitted(Derived())


def test_every_user_is_measured_and_stands_in_one_of_equal_shares() -> None:
    one = some_examples()
    found = fitted(one, one)
    assert found.user.tolist() == [*range(N), *range(N)]
    np.testing.assert_array_equal(found.share[:N], found.share[N:])
    assert np.bincount(found.share[:N]).tolist() == [N / 4] * 4
    assert all(len(values) == 2 * N for values in found.values.values())


def test_with_a_cut_in_time_each_share_is_a_stretch_of_time() -> None:
    one = some_examples()
    for folds, shares in ((2, [0, 1]), (3, [0, 1, 2]), (6, [0, 0, 1, 2, 2, 3])):
        found = fitted(*[one] * folds, protocol="time")
        assert found.share.tolist() == np.repeat(shares, N).tolist()
        assert len(found.ranker.members_) == 4
    alone = fitted(one, protocol="time")
    np.testing.assert_array_equal(alone.share, fitted(one).share)


def test_what_was_chosen_in_a_stretch_of_time_changes_nothing_of_how_it_is_scored() -> None:
    short = Config(retrievers=CONFIG.retrievers, ranker={**RANKER, "epochs": 1})
    one = examples_of(some_labels(), scores=noise, features=flat(telling))
    shuffled = np.roll(one.labelled.labels, 1, axis=1)
    other = replace(
        one, labelled=replace(one.labelled, labels=shuffled), label=shuffled.reshape(-1, 1).astype(np.float32)
    )
    before, after = (fitted(one, each, config=short, protocol="time").both_scores for each in (one, other))
    for old, new in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(old, new)
    assert (before[0][1] != after[0][1]).any()


def test_a_blend_below_the_ranker_has_not_learned_from_the_users_that_measure_it() -> None:
    learned: list[set[int]] = []
    one = some_examples()
    # Each user is known by the number of their choices, which no other has.
    numbered = replace(one, labelled=replace(one.labelled, totals=np.arange(N)))

    def refit(some: Sequence[LabelledCandidates]) -> Blend:
        learned.append(set(some[0].totals.tolist()))
        return blend_of(some)

    found = fitted(numbered, refit=refit)
    # They are fitted side by side, in any order.
    learned.sort(key=lambda users: int(found.share[min(set(range(N)) - users)]))
    assert [set(range(N)) - users for users in learned] == [
        set(np.flatnonzero(found.share == place).tolist()) for place in range(4)
    ]
    ((base, ranked),) = found.both_scores
    for place, users in enumerate(learned):
        mine = found.share == place
        rows = np.array(sorted(users))
        own = log_softmax(blend_of([one.labelled.take(rows)]).score(one.labelled.candidates))
        np.testing.assert_array_equal(base[mine], own[mine])
        added = ranked[mine] - base[mine]
        features = found.normaliser.transform(one.features).reshape(N, WIDTH, 2)[mine].reshape(-1, 2)
        alone = copy.copy(found.ranker)
        alone.members_ = [found.ranker.members_[place]]
        expected = alone.score(features, np.zeros(len(features), dtype=np.float32))
        np.testing.assert_allclose(added.ravel(), expected, atol=1e-4)


def test_what_users_chose_changes_nothing_of_how_they_are_scored() -> None:
    # One epoch, which is better than none: all networks are those of its end.
    short = Config(retrievers=CONFIG.retrievers, ranker={**RANKER, "epochs": 1})
    one = examples_of(some_labels(), scores=noise, features=flat(telling))
    share = fitted(one, config=short).share
    changed = one.labelled.labels.copy()
    changed[share == 2] = np.roll(changed[share == 2], 1, axis=1)
    other = replace(
        one, labelled=replace(one.labelled, labels=changed), label=changed.reshape(-1, 1).astype(np.float32)
    )
    before, after = (fitted(each, config=short).both_scores[0] for each in (one, other))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old[share == 2], new[share == 2])
        assert (old[share != 2] != new[share != 2]).any()


@pytest.mark.parametrize("config", [CONFIG, HELD_OUT])
def test_the_measured_lists_are_those_of_base_plus_weight_times_addition(config: Config) -> None:
    found = fitted(some_examples(), config=config)
    ((base, ranked),) = found.both_scores
    assert list(found.values) == [0, 0.25, 0.5, 0.75, 1]
    half = weighted_scores(base, ranked, 0.5)
    np.testing.assert_allclose(half, (base + ranked) / 2, atol=1e-5)
    measured = np.arange(N) if config is CONFIG else np.flatnonzero(ROLE != TRAIN)
    assert found.user.tolist() == measured.tolist()
    labels = some_labels()
    for row, value in zip(measured, found.values[0.5], strict=True):
        order = np.argsort(-half[row], kind="stable")[:10]
        gained = (labels[row][order] / np.log2(np.arange(2, 12))).sum()
        ideal = (1 / np.log2(np.arange(2, 2 + min(10, int(labels[row].sum()))))).sum()
        assert value == pytest.approx(gained / ideal, abs=1e-6)


def test_a_list_that_is_not_whole_is_not_measured() -> None:
    whole = np.arange(N) % 3 == 0
    found = fitted(replace(some_examples(), whole=whole))
    assert found.user.tolist() == np.flatnonzero(whole).tolist()
    ((base, ranked),) = found.both_scores
    np.testing.assert_array_equal(base[~whole], ranked[~whole])
    assert (base[whole] != ranked[whole]).any()


def test_users_held_out_measure_a_blend_and_a_ranker_of_the_others() -> None:
    learned: list[int] = []

    def refit(some: Sequence[LabelledCandidates]) -> Blend:
        learned.append(len(some[0].labels))
        return blend_of(some)

    one = some_examples()
    found = fitted(one, config=HELD_OUT, refit=refit)
    assert learned == [(ROLE == TRAIN).sum()]
    ((base, ranked),) = found.both_scores
    own = log_softmax(
        blend_of([one.labelled.take(np.flatnonzero(ROLE == TRAIN))]).score(one.labelled.candidates)
    )
    np.testing.assert_array_equal(base, own)
    np.testing.assert_array_equal(base[ROLE == TRAIN], ranked[ROLE == TRAIN])
    assert (base[ROLE == VALID] != ranked[ROLE == VALID]).any()
    assert (base[ROLE == TEST] != ranked[ROLE == TEST]).any()


def test_the_probabilities_of_some_users_are_calibrated_by_others() -> None:
    one = some_examples()
    figures = fitted(one)
    # Nothing that the odd shares chose changes the calibration; what the even ones chose does.
    changed = one.label.copy().reshape(N, WIDTH)
    odd = figures.share % 2 == 1
    changed[odd] = np.roll(changed[odd], 1, axis=1)
    again = fitted(replace(one, label=changed.reshape(-1, 1)))
    assert again.test != figures.test
    assert sum(row.count for row in figures.reliability) == pytest.approx(odd.sum() * WIDTH)


def measured(values: dict[float, np.ndarray], most: float = 1.0) -> FittedRanker:
    n = len(values[0.0])
    return FittedRanker(
        normaliser=None,  # type: ignore[arg-type]
        ranker=None,  # type: ignore[arg-type]
        both_scores=[],
        values=values,
        user=np.arange(n, dtype=np.int32),
        share=np.arange(n) % 4,
        test={},
        calibration={},
        reliability=[],
        importance=[],
        most=most,
    )


def test_half_a_standard_error_is_subtracted_from_a_gain() -> None:
    before = np.full(100, 0.3)
    noise = np.tile([0.1, -0.1], 50)  # standard error .01
    chosen = {
        gained: measured({0.0: before, 0.5: before + noise + gained}).ranker_weight
        for gained in (0.0045, 0.0055)
    }
    assert chosen == {0.0045: 0, 0.0055: 0.5}


def test_the_gain_has_an_interval_of_95_percent() -> None:
    before = np.full(100, 0.3)
    found = measured({0.0: before, 0.5: before + np.tile([0.15, 0.05], 50)})  # standard error .005
    assert found.gain == pytest.approx(
        {"before": 0.3, "after": 0.4, "low": 0.1 - 0.0098, "high": 0.1 + 0.0098}
    )


def test_a_weight_above_the_largest_is_measured_and_never_chosen() -> None:
    before = np.zeros(8)
    values = {0.0: before, 0.5: before + 0.1, 0.75: before + 0.2, 1.0: before + 0.3}
    assert [measured(values, most).ranker_weight for most in (0.5, 0.75, 1.0)] == [0.5, 0.75, 1]
    assert measured(values, 0.75).gain["after"] == pytest.approx(0.2)


def test_only_a_ranker_that_will_be_asked_in_another_stretch_of_time_is_never_believed_wholly() -> None:
    one = some_examples()
    largest = {protocol: fitted(one, protocol=protocol).most for protocol in get_args(Protocol)}
    assert largest == {"time": 0.75, "leave-one-out": 1.0, "random": 1.0}


def test_the_gain_of_each_share_is_that_of_the_weight_that_the_others_choose() -> None:
    # The first share alone gains from 1, and the others choose .5 for it; each of them is left to 1.
    half, full = np.tile([0.0, 0.1, 0.1, 0.1], 25), np.tile([0.5, 0.0, 0.0, 0.0], 25)
    found = measured({0.0: np.zeros(100), 0.5: half, 1.0: full})
    assert found.ranker_weight == 1
    assert found.gain["after"] == 0


def test_a_ranker_without_weight_gains_nothing() -> None:
    found = measured({0.0: np.full(8, 0.2), 0.5: np.full(8, 0.1)})
    assert found.ranker_weight == 0
    assert found.gain == pytest.approx({"before": 0.2, "after": 0.2, "low": 0, "high": 0})


def test_where_only_one_share_chose_anything_no_ranker_is_cross_fitted() -> None:
    labels = np.zeros((N, WIDTH), dtype=np.float32)
    labels[0, 3] = 1
    some = examples_of(labels, scores=noise, features=flat(noise))
    arguments = {"rng": np.random.default_rng(0), "progress": SILENT, "on_epoch": None}
    assert fit_ranker(copy.copy(CONFIG.ranker), [some], blend_of, "time", **arguments) is None
    assert fit_ranker(copy.copy(CONFIG.ranker), [], blend_of, "time", **arguments) is None
    assert (
        fit_ranker(copy.copy(CONFIG.ranker), [replace(some, columns=())], blend_of, "time", **arguments)
        is None
    )


class Own(Linear):
    """A ranker of somebody's own that changes its scores, or what its fit returns."""

    name = "own"
    change = None
    forgets = False

    def fit(self, *given: Any, **more: Any) -> Any:
        super().fit(*given, **more)
        return None if self.forgets else self

    def score(self, features: Float32, base: Float32) -> Any:
        scores = super().score(features, base)
        return scores if self.change is None else self.change(scores)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: None, "returns a NoneType as scores"),
        (lambda s: s.tolist(), "returns a list as scores"),
        (lambda s: "high", "returns a str as scores"),
        (lambda s: s.astype(object), "returns scores of the type object"),
        (lambda s: s[:-1], r"returns scores of the shape .*: one for each pair"),
        (lambda s: s[:, None], "returns scores of the shape"),
        (lambda s: np.full_like(s, np.nan), "returns scores with NaN or infinity"),
    ],
)
def test_scores_of_a_ranker_of_ones_own_are_checked(change: Callable[[Float32], Any], message: str) -> None:
    some = examples_of(some_labels(), scores=noise, features=flat(telling))
    own = Own(epochs=1)
    own.change = change
    with pytest.raises(ConfigError, match=f"the ranker 'own' {message}"):
        fit_ranker(
            own,
            [some],
            blend_of,
            "time",
            rng=np.random.default_rng(0),
            progress=SILENT,
            on_epoch=None,
        )


def test_a_ranker_whose_fit_returns_nothing_is_refused() -> None:
    some = examples_of(some_labels(), scores=noise, features=flat(telling))
    own = Own(epochs=1)
    own.forgets = True
    with pytest.raises(
        ConfigError, match="the fit of the ranker 'own' returned a NoneType; it must return se"
    ):
        fit_ranker(
            own,
            [some],
            blend_of,
            "time",
            rng=np.random.default_rng(0),
            progress=SILENT,
            on_epoch=None,
        )
