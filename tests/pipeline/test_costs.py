"""What a fit is expected to take: more for more, and said in round words."""

import pytest

from tacit.pipeline.config import Config
from tacit.pipeline.costs import Size, by_worth, expected, fit_seconds, in_words, reductions, smaller

SMALL = Size(events=100_000, users=1_000, items=1_700)


@pytest.mark.parametrize("factor", [2, 10, 100])
def test_more_of_anything_takes_at_least_as_long_and_as_much(factor: int) -> None:
    config = Config()
    base = expected(config, SMALL, 1)
    for larger in (
        Size(SMALL.events * factor, SMALL.users, SMALL.items),
        Size(SMALL.events, SMALL.users, SMALL.items * factor),
    ):
        more = expected(config, larger, 1)
        assert more.seconds >= base.seconds
        assert more.gigabytes >= base.gigabytes


def test_workers_save_time_and_cost_memory() -> None:
    one, two = (expected(Config(), SMALL, workers) for workers in (1, 2))
    assert two.seconds < one.seconds
    assert two.gigabytes >= one.gigabytes


def test_the_sequential_model_comes_early_where_events_have_an_order() -> None:
    size = Size(1_000_000, 6_000, 3_900)
    names = {
        ordered: [one.name for one in by_worth(Config().retrievers, size, ordered=ordered)]
        for ordered in (True, False)
    }
    assert names[True].index("sequential") < min(names[True].index(name) for name in ("ease", "slim"))
    assert names[False].index("sequential") > names[False].index("ease")


def test_every_default_retriever_was_measured() -> None:
    for one in Config().retrievers:
        assert fit_seconds(one, SMALL) != pytest.approx(0.1 + 1e-5 * SMALL.events)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (12.0, "10 s"), (47.0, "50 s"), (119.0, "120 s"), (240.0, "4 min"), (9_000.0, "2 h")],
)
def test_a_time_is_said_in_round_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_what_is_learned_from_a_part_of_a_large_log_is_said() -> None:
    assert reductions(Config(), SMALL) == []
    lines = " ".join(reductions(Config(), Size(50_000_000, 1_000_000, 200_000)))
    for part in ("2,000,000 of the 50,000,000", "ease 100,000", "slim 10,000", "sequential 5,000"):
        assert part in lines
    (line,) = reductions(Config(), Size(1_000_000, 100_000, 50_000))
    assert "ease" not in line
    assert "slim 10,000" in line


def test_as_many_items_are_learned_as_the_time_allows() -> None:
    size = Size(1_000_000, 6_000, 3_900)
    (one,) = [one for one in Config().retrievers if one.name == "sequential"]
    found = [smaller(one, size, seconds) for seconds in (0.2, 0.5, 1.0, 1.5, 60.0)]
    assert found[0] is None
    items = [few.max_items for few in found[1:] if few is not None]  # type: ignore[attr-defined]
    assert items == sorted(items) and 500 <= items[0] < items[-1] == 3_900
    assert all(fit_seconds(few, size) <= 1.5 for few in found[1:4] if few is not None)
    (knn,) = [one for one in Config().retrievers if one.name == "itemknn"]
    assert smaller(knn, size, 60.0) is None


def test_a_retriever_of_the_caller_is_left_as_it_is() -> None:
    class Own:
        name = "own"
        max_items = 1_000

    assert smaller(Own(), Size(1_000_000, 6_000, 3_900), 1e9) is None  # type: ignore[arg-type]
