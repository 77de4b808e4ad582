"""Traits of users: stable numbers of values, bins for numbers, nothing from what is a name."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.users import UNKNOWN, TraitColumns, Users, trait, traits_by_code
from tacit.data.vocabulary import Vocabulary

AGES = list(range(20, 60, 2))
FRAME = pl.DataFrame(
    {
        "user_id": [f"u{n:02d}" for n in range(20)],
        "age": AGES,
        "gender": ["F", "M"] * 9 + [None, " f "],
        "name": [f"person {n}" for n in range(20)],
        "club": ["member"] * 20,
        "class": ["1", "2.0"] * 10,
        "tags": [["a", "b"]] * 20,
    }
)


def test_a_value_has_the_same_number_everywhere() -> None:
    assert trait("gender", "f") == 763_010_546
    assert trait("gender", "f") != trait("sex", "f")


def test_what_users_share_is_a_trait_and_numbers_are_binned() -> None:
    columns = TraitColumns.of(FRAME)
    assert columns.names == ("age", "gender", "class")  # no names, no constants, no lists
    assert list(columns.edges) == ["age"]
    bins = columns.traits(FRAME)[:, 0]
    assert np.unique(bins, return_counts=True)[1].tolist() == pytest.approx([3, 3, 3, 4, 3, 4], abs=1)
    assert bins[0] == columns.traits_of({"age": 3})[0] == columns.traits_of({"age": "21"})[0]
    assert bins[-1] == columns.traits_of({"age": 1e9})[0]


def test_text_json_and_typed_files_agree() -> None:
    columns = TraitColumns.of(FRAME)
    expected = [columns.traits(FRAME)[0, 0], trait("gender", "f"), trait("class", "2")]
    for age, gender, level in ((20, "F", 2), ("20", " f ", "2.0"), (20.0, "F", 2.0)):
        reported = {"age": age, "gender": gender, "class": level}
        assert columns.traits_of(reported).tolist() == expected
        frame = pl.DataFrame({name: [value] for name, value in reported.items()})
        assert columns.traits(frame).tolist() == [expected]


@pytest.mark.parametrize("value", [None, "", "nan", float("nan"), [1], {"a": 1}, "no number"])
def test_what_is_no_value_is_not_known(value: object) -> None:
    columns = TraitColumns.of(FRAME)
    assert columns.traits_of({"age": value})[0] == UNKNOWN  # type: ignore[dict-item]


def test_a_value_that_nobody_had_is_a_trait_of_its_own() -> None:
    columns = TraitColumns.of(FRAME)
    assert columns.traits_of({"gender": "x"})[1] == trait("gender", "x") != UNKNOWN


def test_columns_of_any_type_are_taken() -> None:
    typed = pl.DataFrame(
        {
            "user_id": [f"u{n:02d}" for n in range(30)],
            "distance": [float("nan"), None, float("inf")] + [1.5 * n for n in range(27)],
            "nothing": [None] * 30,
            "adult": [True, False, None] * 10,
            "plan": pl.Series(["a", "b", None] * 10, dtype=pl.Categorical),
            "since": [date(2020, 1, 1 + n % 3) for n in range(30)],
            "level": pl.Series([n % 3 for n in range(30)]).cast(pl.Decimal(10, 2)),
        }
    )
    columns = TraitColumns.of(typed)
    assert columns.names == ("distance", "adult", "plan", "since", "level")
    reported = {"distance": 3, "adult": True, "plan": "A", "since": "2020-01-03", "level": 2}
    expected = [trait("adult", "true"), trait("plan", "a"), trait("since", "2020-01-03"), trait("level", "2")]
    assert columns.traits_of(reported).tolist()[1:] == expected
    traits = columns.traits(typed)
    assert traits[0, 0] == traits[1, 0] == traits[2, 1] == UNKNOWN
    assert traits[2].tolist()[3:] == expected[2:]
    assert columns.traits(typed.head(0)).shape == (0, 5)
    assert not len(TraitColumns.of(typed.head(0)))


def test_columns_survive_json() -> None:
    columns = TraitColumns.of(FRAME)
    again = TraitColumns.from_json(json.loads(json.dumps(columns.to_json())))
    assert again == columns


@given(st.lists(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans())))
def test_one_at_a_time_and_a_whole_file_agree(values: list[object]) -> None:
    columns = TraitColumns(("age", "name"), {"age": (1.0, 10.0)})
    texts = pl.Series([None if v is None else str(v) for v in values], dtype=pl.String)
    frame = pl.DataFrame({"name": texts, "age": texts})
    one_by_one = [columns.traits_of(row).tolist() for row in frame.to_dicts()]
    assert columns.traits(frame).tolist() == one_by_one


# Users beside a log.


def log(users: pl.DataFrame | None) -> Interactions:
    others = [f"u{n:02d}" for n in range(2, 20)]
    size = 3 + len(others)
    events = pl.DataFrame(
        {
            "user_id": ["u01", "u01", "nobody told", *others],
            "item_id": ["a", "b"] + ["a"] * (size - 2),
            "event": ["view"] * size,
            "timestamp": [float(n) for n in range(size)],
            "seq": pl.Series([None] * size, dtype=pl.Int64),
        }
    )
    people = Users.of(users, events["user_id"])
    return Interactions.from_frame(events, Vocabulary(["a", "b"]), people)


def test_a_user_without_events_is_known_and_one_without_attributes_too() -> None:
    built = log(FRAME)
    assert built.n_users == 21
    assert len(built.active_users()) == 20
    requested = built.queries(built.users.encode(["u00", "u01", "nobody told", "new"]))
    assert requested.lengths.tolist() == [0, 2, 1, 0]
    expected = TraitColumns.of(FRAME[1:]).traits(FRAME)
    assert requested.traits.tolist() == [expected[0].tolist(), expected[1].tolist(), [0, 0, 0], [0, 0, 0]]


def test_without_a_file_of_users_nothing_is_known() -> None:
    built = log(None)
    assert built.traits.shape == (20, 0)
    assert built.queries([0, 1, -1]).traits.shape == (3, 0)
    assert traits_by_code(np.empty((0, 0), dtype=np.int32), [-1, 0]).shape == (2, 0)


def test_who_comes_later_has_no_say_in_bins_and_columns() -> None:
    active = FRAME["user_id"][:16]
    columns = Users.of(FRAME, active).columns
    later = pl.col("user_id").is_in(FRAME["user_id"][16:].to_list())
    older = FRAME.with_columns(
        age=pl.when(later).then(pl.col("age") + 1_000).otherwise("age"),
        name=pl.when(later).then(pl.lit("the same")).otherwise("name"),
    )
    assert Users.of(older, active).columns == columns
    assert TraitColumns.of(older) != TraitColumns.of(FRAME)


def test_what_a_log_tells_of_moments_stays_with_its_events() -> None:
    events = pl.DataFrame(
        {
            "user_id": ["u01", "u00", "u01"],
            "item_id": ["b", "a", "a"],
            "event": ["view"] * 3,
            "timestamp": [2.0, 3.0, 1.0],
            "seq": pl.Series([None] * 3, dtype=pl.Int64),
            "device": ["phone", "desk", None],
            "basket": ["x", "x", "y"],
            "gender": ["F"] * 3,
        }
    )
    people = Users.of(FRAME, FRAME["user_id"])
    built = Interactions.from_frame(events, Vocabulary(["a", "b"]), people)
    assert built.trait_names == ("age", "gender", "class", "device")
    phone, desk = trait("device", "phone"), trait("device", "desk")
    assert built.moments[:, 0].tolist() == [desk, UNKNOWN, phone]
    assert built.since(2.0).moments[:, 0].tolist() == [desk, phone]
    assert built.queries([0, 1]).traits[:, 3].tolist() == [UNKNOWN, UNKNOWN]
    reported = built.queries([0, 1], moments=built.moments[[0, 2]]).traits[:, 3]
    assert reported.tolist() == [desk, phone]


def test_queries_carry_their_traits_along() -> None:
    requested = log(FRAME).queries()
    parts = [requested.slice(0, 5), requested.slice(5, 21)]
    assert np.array_equal(Queries.joined(parts).traits, requested.traits)
    rows = np.array([4, 2, 2])
    assert np.array_equal(requested.take(rows).traits, requested.traits[rows])
    assert np.array_equal(requested.last(1).traits, requested.traits)
