"""LambdaMART: trees that start from the first stage, kept as text."""

from dataclasses import replace

import numpy as np
from tests.rankers.toys import COLUMNS, labelled, needs_lightgbm, product, shuffled

from tacit.data.gain import ndcg_of_pairs
from tacit.rankers.lambdamart import LambdaMART
from tacit.rankers.ranker import Pairs

pytestmark = needs_lightgbm


def fitted(train: Pairs, valid: Pairs, **given: object) -> LambdaMART:
    ranker = LambdaMART(threads=1, **given)  # type: ignore[arg-type]
    return ranker.fit(train, valid, COLUMNS, rng=np.random.default_rng(3))


def test_no_tree_is_the_first_stage_and_takes_no_bytes() -> None:
    base = np.random.default_rng(0).normal(size=3_000).astype(np.float32)
    valid = replace(shuffled(product(1), 1), base=base)
    # Validation labels follow the first stage: any tree can but spoil it.
    valid = replace(valid, label=(base > 1).astype(np.float32)[:, None])
    ranker = fitted(replace(shuffled(product(0), 2), base=base), valid)
    assert len(ranker.arrays()["trees"]) == 0
    np.testing.assert_array_equal(ranker.score(valid.features, base), base)
    np.testing.assert_array_equal(
        LambdaMART.restore(ranker.spec(), ranker.arrays()).score(valid.features, base), base
    )


def test_it_starts_from_the_first_stage() -> None:
    # What the first stage knows no feature says, and the other way round.
    known = np.random.default_rng(0).normal(size=3_000).astype(np.float32)
    part = product(0)
    came = part.features[:, 1] * part.features[:, 5] + known > 1.5
    train = replace(labelled(part.features, came), base=known)
    ranker = fitted(train, train)
    alone, together = (
        ndcg_of_pairs(score, train.acted, train.group).mean()
        for score in (ranker.score(train.features, np.zeros_like(known)), ranker.score(train.features, known))
    )
    base = ndcg_of_pairs(known, train.acted, train.group).mean()
    assert together > alone
    assert together > base


def test_a_task_counts_by_its_gain() -> None:
    part = product(0, 6_000)
    view, buy = part.features[:, 1] > 0.5, part.features[:, 5] > 0.5
    both = labelled(part.features, np.stack([view, buy], axis=1))
    for tasks, wanted in (({"view": 1.0, "buy": 20.0}, 1), ({"view": 20.0, "buy": 1.0}, 0)):
        ranker = fitted(both, both, tasks=tasks)
        score = ranker.score(both.features, both.base)
        quality = [ndcg_of_pairs(score, both.label[:, task], both.group).mean() for task in (0, 1)]
        assert np.argmax(quality) == wanted
