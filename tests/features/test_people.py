"""What people like the one who asks choose: lifts by hand, crosses, catalogues that grow."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tacit.core.types import Float32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.users import TraitColumns, Users, trait
from tacit.data.vocabulary import Vocabulary
from tacit.features.candidates import Candidates
from tacit.features.maker import FeatureMaker
from tacit.features.people import crossed

ITEMS = pl.DataFrame(
    {
        "item_id": ["a", "b", "c", "d", "x", "y"],
        "genre": ["Drama|War", "War", "Comedy", None, "War", "Comedy"],
        "studio": ["North", "North", "South", "South", "North", "South"],
    }
)
WHO = pl.DataFrame({"user_id": [f"u{n:02d}" for n in range(12)], "gender": ["F"] * 6 + ["M"] * 6})
FAMILIES = ("people", "crosses")


def events(rows: list[tuple[int, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": [f"u{user:02d}" for user, _ in rows],
            "item_id": [item for _, item in rows],
            "event": ["view"] * len(rows),
            "timestamp": [float(place) for place in range(len(rows))],
            "seq": pl.Series([None] * len(rows), dtype=pl.Int64),
        }
    )


ROWS = [*((user, "a") for user in range(6)), *((user, "c") for user in range(4, 12)), (0, "a")]
"""Six women chose a (one of them twice), two of them and six men chose c: 14 choices, 8 of them women's."""


def log(users: pl.DataFrame | None = WHO, rows: list[tuple[int, str]] = ROWS) -> Interactions:
    frame = events(rows)
    return Interactions.from_frame(frame, Vocabulary(ITEMS["item_id"]), Users.of(users, frame["user_id"]))


def maker(interactions: Interactions, families: tuple[str, ...] = FAMILIES) -> FeatureMaker:
    shelf = Catalogue.from_frame(ITEMS)
    return FeatureMaker(projection=None, families=families).fit(interactions, shelf)


def candidates(n: int, items: tuple[int, ...] = (0, 1, 2, 3)) -> Candidates:
    places = np.tile(np.array(items, dtype=np.int32), (n, 1))
    return Candidates(places, np.zeros((n, len(items), 1), np.float32), np.zeros(n), np.zeros(n), ("one",))


def pairs(**reported: str) -> Queries:
    traits = TraitColumns(("gender",), {}).traits_of(reported)[None]
    return replace(Queries.of([[]]), traits=traits)


def column(built: FeatureMaker, queries: Queries, name: str) -> Float32:
    names = [one.name for one in built.columns(("one",))]
    return built.transform(queries, candidates(len(queries)))[:, names.index(name)]


def bucket(genre: str) -> int:
    """The cross of women with a genre."""
    who, what = (np.array([trait(*pair)], dtype=np.int32) for pair in (("gender", "f"), ("genre", genre)))
    return int(crossed(who, what)[0])


def lift(count: float, expected: float) -> float:
    return float(np.log((count + 10) / (expected + 10)))


def test_the_lift_of_an_item_among_people_like_the_one_who_asks() -> None:
    built = maker(log())
    expected = [lift(6, 8 * 6 / 14), lift(0, 0), lift(2, 8 * 8 / 14), lift(0, 0)]
    assert column(built, pairs(gender="F"), "item_lift_gender").tolist() == pytest.approx(expected, abs=1e-6)
    expected = [lift(0, 6 * 6 / 14), lift(0, 0), lift(6, 6 * 8 / 14), lift(0, 0)]
    assert column(built, pairs(gender="m"), "people_item_mean").tolist() == pytest.approx(expected, abs=1e-6)


def test_the_lift_of_its_labels() -> None:
    # All of a's choices are half drama, half war in one column and north in the other.
    half, whole = lift(3 / 2, 8 * 3 / 2 / 14), lift(3, 8 * 3 / 14)
    built = maker(log())
    known = column(built, pairs(gender="F"), "label_lift_gender")
    assert known[0] == pytest.approx(0.25 * half + 0.25 * half + 0.5 * whole, abs=1e-6)
    assert known[3] == pytest.approx(lift(1, 8 * 4 / 14), abs=1e-6)  # south alone: it has no genre


def test_nothing_is_known_of_strangers_and_of_rare_traits() -> None:
    built = maker(log())
    for queries in (Queries.of([[]]), pairs(), pairs(gender="other")):
        features = built.transform(queries, candidates(1))
        sides = np.array([one.side for one in built.columns(("one",))])
        assert np.isnan(features[:, sides == "pair"]).all()
    few = WHO.with_columns(gender=pl.Series(["F"] * 8 + ["M"] * 4))
    assert np.isnan(column(maker(log(few)), pairs(gender="M"), "item_lift_gender")).all()


def test_crosses_are_buckets_of_trait_and_label() -> None:
    built = maker(log())
    women, men = pairs(gender="F"), pairs(gender="M")
    first = column(built, women, "cross_gender_genre_0")
    assert first.tolist()[3] == 0  # no genre
    assert column(built, women, "cross_gender_genre_1").tolist()[1:] == [0, 0, 0]  # one genre at most
    war = column(built, women, "cross_gender_genre_1")[0]
    assert war == first[1] == bucket("war")
    assert (first[:3] != column(built, men, "cross_gender_genre_0")[:3]).all()
    assert not column(built, pairs(), "cross_gender_genre_0").any()
    assert {one.side for one in built.columns(("one",)) if one.family == "crosses"} == {"bucket"}


def test_crosses_spread_over_their_places() -> None:
    traits, labels = np.arange(1, 301, dtype=np.int32), np.arange(1, 301, dtype=np.int32)
    built = crossed(traits[:, None], labels[None])
    assert built.min() > 0
    assert built.max() < 2**24
    assert len(np.unique(built)) > 0.99 * built.size
    assert np.bincount((built % 64).ravel()).std() < 0.1 * built.size / 64


def test_a_log_without_attributes_of_users_has_none_of_these_columns() -> None:
    built = maker(log(None))
    assert built.columns(("one",)) == ()
    assert built.transform(Queries.of([[]]), candidates(1)).shape == (4, 0)


def test_a_restored_maker_makes_the_same() -> None:
    built = maker(log())
    spec = json.loads(json.dumps(built.spec()))
    again = FeatureMaker.restore(spec, built.arrays(), Catalogue.from_frame(ITEMS))
    assert again.columns(("one",)) == built.columns(("one",))
    queries = pairs(gender="F")
    np.testing.assert_array_equal(
        again.transform(queries, candidates(1)), built.transform(queries, candidates(1))
    )


def test_in_a_larger_catalogue_a_new_item_is_known_by_its_labels() -> None:
    built = maker(log())
    new = pl.DataFrame({"item_id": ["e"], "genre": ["a new genre|drama"], "studio": ["North"]})
    larger = built.extended(Catalogue.from_frame(ITEMS).extended(new))
    queries, found = pairs(gender="F"), candidates(1, (0, 1, 2, 3, 6))
    names = [one.name for one in larger.columns(("one",))]
    features = larger.transform(queries, found)
    np.testing.assert_array_equal(features[:4], built.transform(queries, candidates(1)))
    assert features[4, names.index("item_lift_gender")] == 0
    half, whole = lift(3 / 2, 8 * 3 / 2 / 14), lift(3, 8 * 3 / 14)
    reported = features[4, names.index("label_lift_gender")]
    assert reported == pytest.approx((0.5 * half + whole) / 1.5, abs=1e-6)
    assert bucket("drama") in features[4]


def test_moments_have_lifts_of_their_own() -> None:
    frame = events(ROWS).with_columns(device=pl.Series(["phone"] * 8 + ["desk"] * 7))
    made_log = Interactions.from_frame(frame, Vocabulary(ITEMS["item_id"]), Users.of(WHO, frame["user_id"]))
    assert made_log.trait_names == ("gender", "device")
    built = maker(made_log)
    at_phone = replace(Queries.of([[]]), traits=np.array([[0, trait("device", "phone")]], dtype=np.int32))
    # On phones six chose a and two chose c; at desks six chose c and one a, who had chosen it before.
    expected = [lift(6, 8 * 6 / 14), lift(0, 0), lift(2, 8 * 8 / 14), lift(0, 0)]
    assert column(built, at_phone, "item_lift_device").tolist() == pytest.approx(expected, abs=1e-6)
    assert np.isnan(column(built, at_phone, "item_lift_gender")).all()
    assert column(built, at_phone, "people_item_mean").tolist() == pytest.approx(expected, abs=1e-6)
    assert column(built, at_phone, "cross_device_genre_0")[1] > 0
    assert not column(built, at_phone, "cross_gender_genre_0").any()


def test_moments_alone_are_enough() -> None:
    frame = events(ROWS).with_columns(Device_Type=pl.Series(["phone"] * 8 + ["desk"] * 7))
    built = maker(Interactions.from_frame(frame, Vocabulary(ITEMS["item_id"])))
    queries = replace(Queries.of([[]]), traits=np.array([[trait("Device_Type", "desk")]], dtype=np.int32))
    expected = [lift(1, 7 * 6 / 14), lift(0, 0), lift(6, 7 * 8 / 14), lift(0, 0)]
    assert column(built, queries, "item_lift_Device_Type").tolist() == pytest.approx(expected, abs=1e-6)


def test_users_who_never_chose_anything_tell_nothing() -> None:
    idle = pl.concat([WHO, pl.DataFrame({"user_id": [f"x{n}" for n in range(6)], "gender": ["X"] * 6})])
    built = maker(log(idle))
    assert column(built, pairs(gender="X"), "item_lift_gender").tolist() == [0, 0, 0, 0]
