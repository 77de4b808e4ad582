"""Permutation importance finds what matters."""

import numpy as np
import pytest
from tests.rankers.toys import COLUMNS, built, labelled, line, product

from tacit.features.feature_columns import Column
from tacit.rankers.importance import _parts, _sampled, importance
from tacit.rankers.ranker import Pairs


def test_the_only_column_that_matters_is_found() -> None:
    def one(seed: int) -> Pairs:
        features = line(seed).features
        return labelled(features, features[:, 5] > 0)

    ranker = built("linear").fit(one(0), one(1), COLUMNS, rng=np.random.default_rng(0))
    rows = importance(ranker, one(2), COLUMNS, rng=np.random.default_rng(1))
    families, columns = ([row for row in rows if row.kind == kind] for kind in ("family", "column"))
    assert families[0].name == COLUMNS[5].family
    assert {row.name for row in families} == {column.family for column in COLUMNS}
    assert len(columns) == len(COLUMNS)
    assert columns[0].name == COLUMNS[5].name
    assert columns[0].loss > 0.15
    assert columns[0].ndcg > 0.1
    assert all(abs(row.loss) < 0.05 for row in columns[1:])


def test_what_was_not_learned_from_costs_nothing() -> None:
    ranker = built("linear", epochs=0).fit(line(0), line(1), COLUMNS, rng=np.random.default_rng(0))
    rows = importance(ranker, line(2), COLUMNS, rng=np.random.default_rng(1), repeats=2)
    assert [row.loss for row in rows] == pytest.approx([0] * len(rows))
    assert [row.ndcg for row in rows] == pytest.approx([0] * len(rows))


def test_of_many_pairs_whole_lists_are_sampled() -> None:
    many = product(0, 30_000)
    sampled = _sampled(many, 6_000, np.random.default_rng(0))
    assert 4_000 < len(sampled) < 8_000
    sizes = np.unique(many.group, return_counts=True)[1]
    assert set(np.unique(sampled.group, return_counts=True)[1]) <= set(sizes.tolist())
    assert _sampled(many, 30_000, np.random.default_rng(0)) is many


def test_dimensions_of_vectors_are_measured_as_a_whole() -> None:
    columns = [Column("alike", "pair"), *(Column(f"text_{place}", "vectors") for place in range(64))]
    assert _parts(columns) == {
        ("family", "pair"): [0],
        ("family", "vectors"): list(range(1, 65)),
        ("column", "alike"): [0],
    }
