from tests.evaluation.tinylog import frame

from tacit.evaluation.slices import SHORT_HISTORY, Slice, slices
from tacit.evaluation.split import make_split

LONG = SHORT_HISTORY + 1
ROWS = [
    *[("long", f"x{n:02d}", n) for n in range(LONG)],
    *[("short", f"x{n:02d}", 20 + n) for n in range(SHORT_HISTORY)],
    # the test: a quarter of 28 events
    ("long", "x20", 101),
    ("new", "x00", 102),
    ("new", "x20", 103),
    ("short", f"x{SHORT_HISTORY:02d}", 104),
    ("short", "x21", 105),
    ("new", "x01", 106),
    ("new", "x02", 107),
]


def built() -> dict[str, Slice]:
    split = make_split(frame(ROWS), share=0.25)
    assert split.cut == 101
    return {part.name: part for part in slices(split)}


def test_users_fall_into_the_slices_by_their_history() -> None:
    parts = built()  # queries in text order of the users: long, new, short
    rows = {name: part.rows.tolist() for name, part in parts.items()}
    assert rows["all"] == [0, 1, 2]
    assert rows["warm-user"] == [0, 2]
    assert rows["new-user"] == [1]
    assert rows["short-history"] == [2]
    assert rows["long-history"] == [0]
    assert next(iter(parts)) == "all"


def test_all_targets_of_a_user_count_but_in_the_slice_of_cold_items() -> None:
    parts = built()
    assert parts["all"].totals.tolist() == [1, 4 - 0, 2]
    assert parts["new-user"].totals.tolist() == [4]
    assert parts["cold-item"].rows.tolist() == [0, 1, 2]
    assert parts["cold-item"].totals.tolist() == [1, 1, 1]  # x20 twice, x21 once: never seen in training
    assert parts["cold-item"].targets.tolist() == [-1, -1, -1]


def test_an_item_known_from_the_catalogue_is_cold_until_its_first_training_event() -> None:
    import polars as pl

    items = pl.DataFrame({"item_id": ["x20", "x21"]})
    split = make_split(frame(ROWS), items, share=0.25)
    cold = {part.name: part for part in slices(split)}["cold-item"]
    assert [split.catalogue.items.ids[int(code)] for code in cold.targets] == ["x20", "x20", "x21"]


def test_an_empty_slice_is_left_out() -> None:
    rows = [row for row in ROWS if row[0] == "long" or row[2] < 100]
    parts = slices(make_split(frame(rows), share=0.03))
    assert [part.name for part in parts] == ["all", "warm-user", "long-history", "cold-item"]
