import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.interactions import Interactions
from tacit.data.vocabulary import Vocabulary

ITEMS = Vocabulary(["a", "b", "c", "never"])
SCHEMA = {
    "user_id": pl.String,
    "item_id": pl.String,
    "event": pl.String,
    "timestamp": pl.Float64,
    "seq": pl.Int64,
}
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["u1", "u2", "u3"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["view", "buy"]),
        st.integers(1, 9),
        st.none(),
    ),
    min_size=1,
    max_size=20,
)


def frame(rows: list[tuple], weight: list[float] | None = None) -> pl.DataFrame:
    events = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return events if weight is None else events.with_columns(weight=pl.Series(weight, dtype=pl.Float32))


def small() -> Interactions:
    rows = [
        ("u2", "b", "buy", 30, None),
        ("u1", "c", "view", 20, None),
        ("u1", "a", "view", 10, None),
        ("u2", "gone", "view", 40, None),
        ("u1", "a", "buy", 40, None),
    ]
    return Interactions.from_frame(frame(rows, [3, 1, 1, 1, -1]), ITEMS)


def test_sorted_by_user_and_time_without_unknown_items() -> None:
    log = small()
    assert log.user.tolist() == [0, 0, 0, 1]
    assert log.item.tolist() == [0, 2, 0, 1]
    assert log.at.tolist() == [10, 20, 40, 30]
    assert [log.kinds[kind] for kind in log.kind] == ["view", "view", "buy", "buy"]
    assert log.offsets.tolist() == [0, 3, 4]
    assert (log.n_users, log.n_items, log.end) == (2, 4, 40.0)


def test_matrix_sums_positive_weights() -> None:
    assert small().matrix().toarray().tolist() == [[1, 0, 1, 0], [0, 3, 0, 0]]


def test_before_and_since_share_no_event() -> None:
    log = small()
    assert log.before(30).at.tolist() == [10, 20]
    assert log.since(30).at.tolist() == [40, 30]
    assert log.before(30).users == log.users
    assert log.before(30).active_users().tolist() == [0]


def test_queries_of_known_and_unknown_users() -> None:
    queries = small().queries([1, -1, 0])
    assert queries.offsets.tolist() == [0, 1, 1, 4]
    assert queries.item.tolist() == [1, 0, 2, 0]
    assert queries.user.tolist() == [1, -1, 0]
    assert queries.now.tolist() == [40.0] * 3
    assert queries.exclude.tolist() == [1, 0, 2, 0]


def test_timing_is_what_the_log_knows() -> None:
    timed = [("u", "a", "view", 5, 1), ("u", "b", "view", None, 2)]
    ordered = [("u", "a", "view", None, 2), ("u", "b", "view", None, 1)]
    bare = [("u", "a", "view", None, None), ("u", "b", "view", None, None)]
    logs = [Interactions.from_frame(frame(rows), ITEMS) for rows in (timed, ordered, bare)]
    assert [log.timing for log in logs] == ["time", "order", "none"]
    assert [log.at.tolist() for log in logs] == [[5, 5], [1, 2], [0, 0]]
    assert logs[1].item.tolist() == [1, 0]


def test_an_empty_log_is_a_log() -> None:
    log = Interactions.from_frame(frame([]), ITEMS)
    assert (len(log), log.n_users, log.end) == (0, 0, 0.0)
    assert log.matrix().shape == (0, 4)
    assert len(log.queries([-1])) == 1


@given(ROWS, st.integers(0, 10))
def test_every_event_is_before_or_since(rows: list[tuple], moment: int) -> None:
    log = Interactions.from_frame(frame(rows), ITEMS)
    assert len(log) == len(rows)
    assert len(log.before(moment)) + len(log.since(moment)) == len(log)


@given(ROWS)
def test_queries_return_the_log(rows: list[tuple]) -> None:
    log = Interactions.from_frame(frame(rows), ITEMS)
    queries = log.queries()
    assert queries.item.tolist() == log.item.tolist()
    assert queries.row.tolist() == log.user.tolist()
    assert np.array_equal(queries.matrix(4).toarray(), log.matrix().toarray())


@given(ROWS, st.randoms())
def test_the_order_of_the_rows_does_not_matter_but_for_ties(rows: list[tuple], random: object) -> None:
    distinct = list({(row[0], row[3]): row for row in rows}.values())
    shuffled = list(distinct)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (Interactions.from_frame(frame(r), ITEMS) for r in (distinct, shuffled))
    for name in ("user", "item", "at", "kind", "weight"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
