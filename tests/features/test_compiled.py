"""Features by compiled loops are those of NumPy, for every family that has both."""

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.by_loops import MANY, assert_close, both, histories

from tacit.core import kernels
from tacit.data import columns as col
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.users import Users
from tacit.encoders.projection import Projection
from tacit.features.candidates import Candidates
from tacit.features.families import FAMILIES
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.models.itemknn import ItemKNN
from tacit.testing.generated import small_catalogue, small_events

pytestmark = pytest.mark.skipif(kernels.COMPILED is None, reason=f"requests are answered by {kernels.STATE}")
COMPILED = [name for name, family in FAMILIES.items() if family.by_loops is not None]
N_ITEMS, LATER = 90, 5
RETRIEVERS = ("one", "two", "three")


@cache
def maker(extended: bool = False) -> FeatureMaker:
    """Return a maker of all families on a log with traits of users, labels and prices."""
    rng = np.random.default_rng(3)
    shelf, events = small_catalogue(rng, N_ITEMS), small_events(rng)
    names = events[col.USER].unique().sort()
    who = pl.DataFrame(
        {
            "user_id": names,
            "gender": [("F", "M", None)[place % 3] for place in range(len(names))],
            "age_group": [("18", "35", "50")[place // 7 % 3] for place in range(len(names))],
        }
    )
    log = Interactions.from_frame(events, shelf.items, Users.of(who, events[col.USER]))
    assert shelf.vectors is not None
    projection = Projection(dimension=8, mode="pca").fit(shelf.vectors)
    kin = ItemKNN().fit(log, shelf, rng=rng)
    built = FeatureMaker(projection=projection, families=tuple(FAMILIES)).fit(log, shelf, [kin])
    if not extended:
        return built
    return built.extended(shelf.joined_with(small_catalogue(rng, LATER, first=N_ITEMS)))


@st.composite
def questions(draw: st.DrawFn) -> tuple[bool, Queries, Candidates]:
    """Draw whether the catalogue has grown, queries with traits, and candidates of each."""
    extended = draw(st.booleans())
    n_items = N_ITEMS + LATER * extended
    queries = draw(histories(n_items))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    known = np.append(maker().state_.people.traits, 0)  # type: ignore[union-attr]
    traits = rng.choice(known, (len(queries), 2)).astype(np.int32)
    queries = replace(queries, item=queries.item % n_items, traits=traits)
    width = draw(st.sampled_from([1, 5, n_items]))
    items = np.full((len(queries), width), -1, dtype=np.int32)
    for row in items:
        count = rng.integers(0, width + 1)
        row[:count] = np.sort(rng.choice(n_items, count, replace=False))
    offered = draw(st.sampled_from([(0.5, 1.0, -np.inf), (0.0, -0.0, -1.0, 2.5), (1.0,), (-np.inf,)]))
    scores = rng.choice(offered, (*items.shape, len(RETRIEVERS))).astype(np.float32)
    scores[items < 0] = -np.inf
    return extended, queries, Candidates(items, scores, queries.lengths, queries.idle_time, RETRIEVERS)


@pytest.mark.parametrize("name", COMPILED)
@MANY
@given(questions())
def test_a_family_is_that_of_numpy(name: str, question: tuple[bool, Queries, Candidates]) -> None:
    extended, queries, found = question
    whole = maker(extended)
    alone = FeatureMaker(projection=whole.projection, families=[name])
    alone.state_ = whole.state_
    assert alone.loops is not None
    assert_close(lambda: alone.transform(queries, found))


@MANY
@given(questions(), st.booleans())
def test_features_of_all_families(question: tuple[bool, Queries, Candidates], some: bool) -> None:
    extended, queries, found = question
    chosen = found.real & (np.arange(found.items.shape[1]) % 2 == 0) if some else None
    assert_close(lambda: maker(extended).transform(queries, found, chosen))


def test_every_usual_family_has_a_compiled_form() -> None:
    assert {name for name, family in FAMILIES.items() if family.usual} <= set(COMPILED)
    assert maker().loops is None


@MANY
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1e-30, 1e30]))
def test_places_in_long_lists(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    width = N_ITEMS
    drawn = rng.choice([rng.normal(), -0.0, 0.0, 1.0, 1 + 1e-7, 1 + 2e-7, -1e-9], (1, width, 3)) * scale
    near = (1 + 1e-7 * rng.integers(-9, 9, (1, width, 3))) * rng.choice([1.0, -1.0, 1e-20], (1, width, 3))
    scores = np.where(rng.random((1, width, 3)) < 0.7, drawn, near).astype(np.float32)
    queries = Queries.of([[]])
    items = np.arange(width, dtype=np.int32)[None]
    found = Candidates(items, scores, queries.lengths, queries.idle_time, RETRIEVERS)
    alone = FeatureMaker(projection=None, families=["retrieval"])
    alone.state_ = maker().state_
    assert_close(lambda: alone.transform(queries, found)[:, 1::3])


@MANY
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 65, 300]))
def test_normalised_features(seed: int, pairs: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.choice([0.0, 1.0, 7.5, -1e6, np.nan, np.inf, -np.inf], (50, 6)).astype(np.float32)
    normaliser = Normaliser().fit(values)
    normaliser.buckets_ = np.array([4], dtype=np.int64)
    later = rng.choice([0.0, 2.0, 1e30, np.nan, np.inf, -np.inf], (6, pairs)).astype(np.float32)
    found, expected = both(lambda: normaliser.transform(later.T))
    np.testing.assert_array_equal(found, expected)
