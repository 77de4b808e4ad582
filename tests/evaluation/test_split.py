import numpy as np
import polars as pl
import pytest
from tests.evaluation.tinylog import frame

from tacit.core.errors import DataError, UnsupportedError
from tacit.data.splits import Protocol
from tacit.data.users import trait
from tacit.evaluation.split import Split, make_split, split_from_files, training_part

ROWS = [
    ("ann", "a", 1),
    ("bob", "a", 2),
    ("bob", "b", 3),
    ("ann", "b", 4),
    ("bob", "c", 5),
    ("ann", "a", 6),
    ("cat", "new", 7),
    ("ann", "c", 8),
    ("bob", "b", 9),
    ("ann", "c", 10),
]


def by_user(split: Split) -> dict[str, tuple[list[str], list[str | None]]]:
    """History and targets of each test user, as ids."""
    ids = [*split.catalogue.items.ids, None]  # place -1 is what nobody could know
    users = [*split.train.users.ids, "?"]
    reported = {}
    for row, user in enumerate(split.queries.user):
        history = split.queries.item[split.queries.offsets[row] : split.queries.offsets[row + 1]]
        targets = split.targets[split.target_offsets[row] : split.target_offsets[row + 1]]
        reported[users[user]] = ([ids[code] for code in history], [ids[code] for code in targets])
    return reported


def test_a_time_split_asks_each_later_user_with_the_history_before_the_cut() -> None:
    split = make_split(frame(ROWS), share=0.5)
    assert (split.protocol, split.cut) == ("time", 6.0)
    assert by_user(split) == {
        "ann": (["a", "b"], ["c"]),  # a again is no news, c twice counts once
        "?": ([], [None]),  # cat and the new item are unknown, and stay in the denominator
    }  # bob chose nothing new
    assert (split.train.at < 6).all()
    assert split.queries.now.tolist() == [6, 6]


def test_who_comes_with_the_test_is_known_by_attributes_and_by_the_moment() -> None:
    who = pl.DataFrame({"user_id": ["ann", "bob", "cat", "dan"], "plan": ["a", "b", "a", "b"]})
    device = ["desk", "phone"] * 3 + ["phone", "tv", "desk", "late"]
    split = make_split(frame(ROWS).with_columns(device=pl.Series(device)), share=0.5, users=who)
    assert split.train.trait_names == ("plan", "device")
    assert split.train.users.decode(split.queries.user) == ["ann", "cat"]
    # The first event of the test of ann is one on something that she knew.
    reported = [[trait("plan", "a"), trait("device", "phone")]] * 2
    assert split.queries.traits.tolist() == reported
    assert split.queries.lengths.tolist() == [2, 0]


def test_titles_of_the_log_are_those_of_the_training_part() -> None:
    rows = [(f"u{n % 9}", f"i{n % 6 if n < 90 else 7}", n) for n in range(100)]
    titles = [f"Red thing {'abcdefgh'[n % 6]}" if n < 90 else "A thing of the test" for n in range(100)]
    log = frame(rows).with_columns(title=pl.Series(titles))
    for candidates, known in (("catalogue", 6), ("log", 7)):
        split = make_split(log, share=0.1, candidates=candidates)
        assert len(split.catalogue) == known
        assert split.catalogue.has_text.sum() == 6
        assert not split.catalogue.texts.str.contains("test").any()
    given = make_split(log, pl.DataFrame({"item_id": ["i0"], "title": ["Lamp"]}), share=0.1)
    assert given.catalogue.has_text.sum() == 1


def test_nothing_of_the_test_window_is_in_the_vocabularies() -> None:
    split = make_split(frame(ROWS), share=0.5)
    assert split.catalogue.items.ids.to_list() == ["a", "b", "c"]
    assert split.train.users.ids.to_list() == ["ann", "bob"]


def test_the_catalogue_file_makes_unseen_items_known() -> None:
    items = pl.DataFrame({"item_id": ["new", "other"], "title": ["New", "Other"]})
    split = make_split(frame(ROWS), items, share=0.5)
    assert split.catalogue.items.ids.to_list() == ["a", "b", "c", "new", "other"]
    assert by_user(split)["?"] == ([], ["new"])
    assert split.cold.tolist() == [False, False, False, True, True]


def test_candidates_of_the_log_are_the_items_with_events_on_either_side() -> None:
    items = pl.DataFrame({"item_id": ["other"], "title": ["Other"]})
    split = make_split(frame(ROWS), items, share=0.5, candidates="log")
    assert split.catalogue.items.ids.to_list() == ["a", "b", "c", "new"]


def test_seen_items_are_candidates_and_targets_where_repeats_count() -> None:
    split = make_split(frame(ROWS), share=0.5, allow_seen=True)
    assert by_user(split)["ann"] == (["a", "b"], ["a", "c"])
    assert by_user(split)["bob"] == (["a", "b", "c"], ["b"])
    assert len(split.queries.exclude) == 0


def test_what_was_only_shown_is_no_target_and_may_become_one() -> None:
    rows = [("u", "a", 1.0), ("u", "b", 2.0), ("u", "b", 3.0), ("u", "c", 4.0)]
    events = frame(rows, events=["click", "impression", "click", "impression"])
    split = make_split(events, share=0.5)
    assert split.catalogue.items.decode(split.targets) == ["b"]
    assert split.queries.exclude.tolist() == [0]


def test_seen_items_are_excluded_by_default() -> None:
    split = make_split(frame(ROWS), share=0.5)
    np.testing.assert_array_equal(split.queries.exclude, split.queries.item)


def test_a_disliked_item_is_no_target_but_stays_in_the_history() -> None:
    events = ["view"] * 9 + ["dislike"]
    rows = [("ann", "a", 1), ("bob", "b", 2), *[("ann", f"x{n}", 3 + n) for n in range(6)]]
    rows += [("ann", "b", 9), ("ann", "c", 10)]
    split = make_split(frame(rows, events=events), share=0.2)
    assert by_user(split) == {"ann": (["a", *[f"x{n}" for n in range(6)]], ["b"])}


def test_what_is_on_sale_today_says_nothing_of_the_test() -> None:
    items = pl.DataFrame({"item_id": ["a", "new"], "available": [False, False]})
    assert make_split(frame(ROWS), items, share=0.5).catalogue.available.all()


def test_leave_one_out_holds_out_the_last_event_of_each_user() -> None:
    rows = [*ROWS, ("ann", "d", 11), ("bob", "e", 12)]
    split = make_split(frame(rows, timing="order"), candidates="log")
    assert split.protocol == "leave-one-out"  # the most honest one that an order allows
    assert split.cut is None
    assert by_user(split) == {  # cat has one event only
        "ann": (["a", "b", "a", "c", "c"], ["d"]),
        "bob": (["a", "b", "c", "b"], ["e"]),
    }


def test_users_who_chose_only_seen_items_have_no_targets() -> None:
    with pytest.raises(DataError, match="chose anything new"):
        make_split(frame(ROWS, timing="order"))  # the last of ann is c again, that of bob is b again


def test_a_random_split_depends_on_the_seed_alone() -> None:
    rows = [(f"u{n % 7}", f"i{n}", 0) for n in range(70)]
    events = frame(rows, timing="none")
    one, same, other = (make_split(events, seed=seed, candidates="log") for seed in (1, 1, 2))
    assert one.protocol == "random"
    assert by_user(one) == by_user(same) != by_user(other)
    assert np.diff(one.target_offsets).tolist() == [1] * 7  # a tenth of ten


def test_a_random_split_keeps_all_events_on_an_item_on_one_side() -> None:
    rows = [(f"u{n % 5}", f"i{n}", 0) for n in range(50)] * 3
    split = make_split(frame(rows, timing="none"), share=0.2, candidates="log")
    assert split.test_events == 5 * 2 * 3  # two of the ten items of each user, with their three events
    for history, targets in by_user(split).values():
        assert len(targets) == 2
        assert not set(history) & set(targets)


@pytest.mark.parametrize(
    ("timing", "protocol"), [("order", "time"), ("none", "time"), ("none", "leave-one-out")]
)
def test_a_split_that_the_log_cannot_support_is_refused(timing: str, protocol: str) -> None:
    with pytest.raises(UnsupportedError, match=f"a {protocol} split is not possible"):
        make_split(frame(ROWS, timing=timing), protocol=protocol)  # type: ignore[arg-type]


def test_a_log_without_two_sides_is_refused() -> None:
    with pytest.raises(DataError, match="no event on one side"):
        make_split(frame([("ann", "a", 1), ("bob", "b", 2)], timing="order"))
    with pytest.raises(UnsupportedError, match="same time"):
        make_split(frame([("ann", "a", 5), ("bob", "b", 5)]))


def test_two_files_are_a_split() -> None:
    rows = frame(ROWS)
    train, test = rows.filter(pl.col("timestamp") < 6), rows.filter(pl.col("timestamp") >= 6)
    reported = split_from_files(train, test)
    built = make_split(rows, share=0.5)
    assert (reported.protocol, reported.cut) == ("files", None)
    assert by_user(reported) == by_user(built)
    assert reported.queries.now.tolist() == [5, 5]  # the end of the training file


def test_rules_over_statistics_see_the_training_part_alone() -> None:
    given: list[pl.DataFrame] = []

    def spy(train: pl.DataFrame) -> pl.DataFrame:
        given.append(train)
        return train.filter(pl.col("user_id") != "bob")

    split = make_split(frame([*ROWS, ("bob", "z", 11)]), share=0.5, clean_train=spy)
    assert given[0]["timestamp"].max() < split.cut  # type: ignore[operator]
    assert "bob" not in split.train.users
    # bob is removed as a bot: he is no newcomer, and nobody is asked about him.
    assert set(by_user(split)) == {"ann", "?"}
    assert len(split.queries) == 2
    assert split.left_out_users == 1


def test_weights_are_fitted_on_the_training_part() -> None:
    # Ratings 1 to 3 before the cut, a 5 after it: the scale is that of the training part.
    rows = [
        ("ann", "a", 1),
        ("ann", "b", 2),
        ("bob", "a", 3),
        ("bob", "b", 4),
        ("bob", "c", 5),
        ("ann", "c", 6),
    ]
    events = frame(rows, events=["rating"] * 6).with_columns(value=pl.Series([1.0, 3.0, 2.0, 1.0, 3.0, 5.0]))
    higher = events.with_columns(value=pl.Series([1.0, 3.0, 2.0, 1.0, 3.0, 500.0]))
    one, other = make_split(events, share=0.1), make_split(higher, share=0.1)
    np.testing.assert_array_equal(one.train.weight, other.train.weight)
    assert one.train.weight.max() == 1


@pytest.mark.parametrize("protocol", ["time", "leave-one-out", "random", None])
def test_the_training_part_is_what_models_of_the_same_split_learn_from(protocol: Protocol | None) -> None:
    given: list[pl.DataFrame] = []

    def spy(train: pl.DataFrame) -> pl.DataFrame:
        given.append(train)
        return train

    rows = frame([*ROWS, ("cat", "a", 11)])
    make_split(rows, protocol=protocol, share=0.5, seed=3, clean_train=spy)
    assert training_part(rows, protocol=protocol, share=0.5, seed=3).equals(given[0])


def test_a_training_part_is_refused_where_its_split_would_be() -> None:
    with pytest.raises(UnsupportedError):
        training_part(frame(ROWS, timing="order"), protocol="time")
