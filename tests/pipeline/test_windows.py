import numpy as np
import polars as pl
import pytest

from tacit.data.interactions import Interactions
from tacit.data.users import trait
from tacit.data.vocabulary import Vocabulary
from tacit.pipeline.windows import Window, rank_windows, sampled_users
from tacit.testing.generated import small_log


def log(
    rows: list[tuple[str, str, float]], weights: list[float] | None = None, device: list[str] | None = None
) -> Interactions:
    frame = pl.DataFrame(
        {
            "user_id": [u for u, _, _ in rows],
            "item_id": [i for _, i, _ in rows],
            "event": ["view"] * len(rows),
            "timestamp": [t for _, _, t in rows],
            "seq": pl.Series([None] * len(rows), dtype=pl.Int64),
            "weight": weights or [1.0] * len(rows),
        }
    )
    if device is not None:
        frame = frame.with_columns(device=pl.Series(device))
    return Interactions.from_frame(frame, Vocabulary.of(frame["item_id"]))


ROWS = [
    ("u", "a", 1),
    ("v", "b", 2),
    ("u", "b", 3),
    ("v", "a", 4),
    ("u", "c", 5),
    ("w", "a", 6),
    ("u", "d", 7),
    ("u", "a", 8),
]


def test_windows_go_forward_in_time_and_see_only_earlier_events() -> None:
    windows = list(rank_windows(log(ROWS), "time", count=2, share=0.25, rng=np.random.default_rng(0)))
    assert [w.train.end for w in windows] == [4, 6]
    for window in windows:
        queries = window.queries
        assert (queries.at <= np.repeat(queries.now, queries.lengths)).all()


def test_targets_are_the_unseen_items_that_were_chosen_next() -> None:
    first, second = rank_windows(log(ROWS), "time", count=2, share=0.25, rng=np.random.default_rng(0))
    assert first.queries.user.tolist() == [0, 2]  # u chose c, w (without a history) chose a
    assert first.targets.tolist() == [2, 0]
    assert first.queries.lengths.tolist() == [2, 0]
    assert second.targets.tolist() == [3]  # u chose d; a was seen before
    assert second.target_offsets.tolist() == [0, 1]


def test_the_moment_of_asking_is_that_of_the_first_event_held_out() -> None:
    device = ["one", "two", "one", "two", "phone", "two", "one", "one"]
    between = set()
    for seed in range(10):
        rng = np.random.default_rng(seed)
        (window,) = rank_windows(log(ROWS, device=device), "time", count=1, share=0.5, rng=rng)
        assert window.queries.user.tolist()[:2] == [0, 2]
        traits = window.queries.traits[:, 0].tolist()
        assert traits[:2] == [trait("device", "phone"), trait("device", "two")]
        between |= set(traits[2:])
    assert between == {trait("device", "one")}  # u, asked again before the next event


def test_the_rest_of_a_visit_is_predicted_right_after_an_event() -> None:
    # u and v come back three times after the cut at 3, w comes once: of w nothing can be both known and new.
    rows = [("u", "a", 1), ("v", "b", 2)]
    rows += [
        ("u", "c", 3),
        ("v", "c", 4),
        ("w", "c", 5),
        ("u", "d", 6),
        ("v", "a", 7),
        ("v", "e", 8),
        ("u", "e", 9),
    ]
    seen = set()
    for seed in range(20):
        (window,) = rank_windows(log(rows), "time", count=1, share=0.75, rng=np.random.default_rng(seed))
        assert window.train.end == 2
        assert window.queries.user.tolist() == [0, 1, 2, 0, 1]
        assert window.queries.now.tolist()[:3] == [3, 3, 3]
        for row in (3, 4):
            start, stop = window.queries.offsets[row : row + 2]
            known = window.queries.item[start:stop].tolist()
            left = window.targets[slice(*window.target_offsets[row : row + 2])].tolist()
            journey = {0: [0, 2, 3, 4], 1: [1, 2, 0, 4]}[int(window.queries.user[row])]
            assert known + left == journey or known + left[::-1] == journey
            assert window.queries.now[row] == window.queries.at[stop - 1] >= 3
            assert window.queries.exclude.tolist()[start:stop] == known
            seen.add((row, len(known)))
    assert seen == {(3, 2), (3, 3), (4, 2), (4, 3)}


def test_where_items_may_repeat_those_of_the_history_are_targets_too() -> None:
    (window,) = rank_windows(
        log(ROWS), "time", count=1, share=0.25, rng=np.random.default_rng(0), repeats=True
    )
    # u chose d and again a after the cut at 7; in the visit, after d, a is left.
    assert window.queries.user.tolist() == [0, 0]
    assert window.target_offsets.tolist() == [0, 2, 3]
    assert window.targets.tolist() == [0, 3, 0]
    assert not len(window.queries.exclude)


def test_other_cuts_have_no_visits() -> None:
    for protocol in ("leave-one-out", "random"):
        (window,) = rank_windows(log(ROWS), protocol, count=1, share=0.25, rng=np.random.default_rng(0))
        assert len(set(window.queries.user.tolist())) == len(window.queries)


def test_labels_mark_the_targets_among_candidates() -> None:
    first, _ = rank_windows(log(ROWS), "time", count=2, share=0.25, rng=np.random.default_rng(0))
    items = np.array([[0, 2, 3], [0, 2, -1]], dtype=np.int32)
    assert first.labels(items).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_a_disliked_item_is_no_target() -> None:
    windows = list(
        rank_windows(
            log(ROWS, weights=[1, 1, 1, 1, -1, 1, 1, 1]),
            "time",
            count=2,
            share=0.25,
            rng=np.random.default_rng(0),
        )
    )
    assert windows[0].queries.user.tolist() == [2]


def test_items_shown_and_not_chosen_or_refused_are_unchosen_and_what_was_shown_before_can_be_chosen() -> None:
    rows = [("u", "a", 1), ("u", "b", 2), ("v", "a", 3)]
    rows += [("u", "c", 4), ("u", "d", 5), ("u", "b", 6), ("u", "e", 7), ("u", "b", 8), ("v", "c", 9)]
    weights = [1.0, 0, 1, 0, -1, 0, 1, 1, 0]
    windows = rank_windows(log(rows, weights), "time", count=1, share=6 / 9, rng=np.random.default_rng(0))
    (window,) = windows
    # At the cut u is to choose b (shown before) and e; after e, b alone, and nothing is passed over. v chose
    # nothing.
    assert window.queries.user.tolist() == [0, 0]
    assert window.targets[: window.target_offsets[1]].tolist() == [1, 4]
    assert window.shown_not_chosen_offsets.tolist()[1] == 2
    assert window.shown_not_chosen.tolist()[:2] == [2, 3]
    items = np.array([[1, 2, 3, 4, -1], [1, 2, 3, 4, -1]], dtype=np.int32)
    assert window.unchosen(items)[0].tolist() == [False, True, True, False, False]


def test_a_query_of_a_visit_comes_after_an_act() -> None:
    rows = [("v", "a", 1), ("u", "b", 3), ("u", "c", 4), ("u", "d", 5), ("u", "e", 6), ("u", "f", 7)]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        (window,) = rank_windows(log(rows, [1, 0, 1, 0, 1, 0]), "time", count=1, share=5 / 6, rng=rng)
        # Of two acts the first is known, and what was shown before it.
        assert window.queries.now.tolist() == [3, 4]
        assert window.queries.item.tolist() == [1, 2]
        assert window.queries.exclude.tolist() == [2]
        assert window.targets.tolist() == [2, 4, 4]
        assert window.shown_not_chosen_offsets.tolist() == [0, 3, 5]
        assert window.shown_not_chosen.tolist() == [1, 3, 5, 3, 5]
        one = window.sample(1, np.random.default_rng(seed))
        assert one.shown_not_chosen.tolist() in ([1, 3, 5], [3, 5])


def test_leave_one_out_holds_the_last_event_of_each_user() -> None:
    (window,) = rank_windows(log(ROWS[:5]), "leave-one-out", count=1, share=0.1, rng=np.random.default_rng(0))
    assert window.queries.user.tolist() == [0, 1]
    assert window.targets.tolist() == [2, 0]


@pytest.mark.parametrize("rows", [ROWS[:1], [("u", "a", 1), ("u", "b", 1)]])
def test_a_log_too_small_to_cut_has_no_window(rows: list[tuple[str, str, float]]) -> None:
    assert not list(rank_windows(log(rows), "time", count=3, share=0.1, rng=np.random.default_rng(0)))


def test_a_sample_keeps_queries_and_targets_together() -> None:
    first, _ = rank_windows(log(ROWS), "time", count=2, share=0.25, rng=np.random.default_rng(0))
    one = first.sample(1, np.random.default_rng(1))
    assert len(one.queries) == 1
    expected = {0: [2], 2: [0]}[int(one.queries.user[0])]
    assert one.targets.tolist() == expected


def test_a_long_log_is_learned_from_by_a_sample_of_whole_users() -> None:
    whole, _ = small_log()
    assert sampled_users(whole, len(whole), np.random.default_rng(0)) is whole
    some = sampled_users(whole, len(whole) // 3, np.random.default_rng(0))
    assert 0.2 < len(some) / len(whole) < 0.5
    for user in np.unique(some.user):
        assert (some.user == user).sum() == (whole.user == user).sum()
    again = sampled_users(whole, len(whole) // 3, np.random.default_rng(0))
    assert np.array_equal(some.item, again.item)


def test_random_windows_are_cuts_of_the_whole_log_by_items() -> None:
    # Every event twice: an item with one of its events held out would be no target any more.
    rows = [(user, item, time) for user in "uvw" for item in "abcdef" for time in (0, 1)]
    whole = log(rows)
    windows = list(rank_windows(whole, "random", count=3, share=0.34, rng=np.random.default_rng(0)))
    assert len(windows) == 3
    for window in windows:
        assert len(window.train) == len(whole) - 3 * 2 * 2
        assert np.diff(window.target_offsets).tolist() == [2, 2, 2]
    assert len({window.targets.tobytes() for window in windows}) == 3


def test_no_further_window_is_cut_off_once_there_are_enough_users(monkeypatch: pytest.MonkeyPatch) -> None:
    def windows() -> list[Window]:
        return list(rank_windows(log(ROWS), "time", count=2, share=0.25, rng=np.random.default_rng(0)))

    early, late = windows()
    monkeypatch.setattr("tacit.pipeline.windows.ENOUGH", len(late.queries))
    (only,) = windows()
    assert only.targets.tolist() == late.targets.tolist() != early.targets.tolist()


def spread(n_users: int, stretches: int) -> list[tuple[str, str, float]]:
    """Return a log in which every user chooses one new item in each stretch, all at another moment."""
    return [
        (f"u{user:04d}", f"i{stretch}", float(stretch * n_users + user))
        for stretch in range(stretches)
        for user in range(n_users)
    ]


def test_every_stretch_in_time_is_as_long_as_the_others() -> None:
    windows = list(rank_windows(log(spread(20, 5)), "time", count=4, share=0.2, rng=np.random.default_rng(0)))
    assert [len(window.train) for window in windows] == [20, 40, 60, 80]
    assert [window.targets.tolist() for window in windows] == [[item] * 20 for item in (1, 2, 3, 4)]


@pytest.mark.parametrize(("users", "expected"), [(2_000, [3]), (1_999, [2, 3])])
def test_two_thousand_queries_are_enough(users: int, expected: list[int]) -> None:
    windows = rank_windows(log(spread(users, 4)), "time", count=2, share=0.25, rng=np.random.default_rng(0))
    assert [window.targets[0] for window in windows] == expected


def test_a_stretch_in_which_nobody_chooses_anything_new_is_no_window_and_the_one_before_it_is() -> None:
    rows = [("u", "a", 1), ("v", "b", 2), ("u", "c", 3), ("v", "a", 4), ("u", "a", 5), ("v", "b", 6)]
    (only,) = rank_windows(log(rows), "time", count=2, share=1 / 3, rng=np.random.default_rng(0))
    assert only.train.end == 2
    assert only.targets.tolist() == [2, 0]


def test_an_item_that_was_refused_before_the_cut_is_no_target() -> None:
    rows = [("u", "a", 1), ("u", "b", 2), ("u", "a", 3), ("u", "c", 4)]
    (window,) = rank_windows(
        log(rows, [-1, 1, 1, 1]), "time", count=1, share=0.5, rng=np.random.default_rng(0)
    )
    assert window.targets[: window.target_offsets[1]].tolist() == [2]


def test_leave_one_out_holds_the_last_choice_and_not_what_was_only_shown_after_it() -> None:
    rows = [("u", "a", 1), ("u", "b", 2), ("u", "c", 3), ("v", "a", 1), ("v", "c", 2)]
    (window,) = rank_windows(
        log(rows, [1, 1, 0, 1, 1]), "leave-one-out", count=1, share=0.1, rng=np.random.default_rng(0)
    )
    assert window.targets.tolist() == [1, 2]


def test_a_sample_stays_in_order_and_one_of_all_is_the_window_itself() -> None:
    (window,) = rank_windows(log(spread(50, 2)), "time", count=1, share=0.5, rng=np.random.default_rng(0))
    assert window.sample(50, np.random.default_rng(0)) is window
    users = window.sample(30, np.random.default_rng(0)).queries.user
    assert len(users) == 30
    assert (np.diff(users) > 0).all()
