import time

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.vocabulary import Vocabulary

IDS = st.lists(st.text(max_size=8), unique=True, max_size=30)


def test_codes_are_places() -> None:
    vocabulary = Vocabulary(["b", "a", "商品"])
    assert vocabulary.encode(["商品", "b", "nobody"]).tolist() == [2, 0, -1]
    assert vocabulary.decode(np.array([1, 2, 1], dtype=np.int32)) == ["a", "商品", "a"]
    assert "a" in vocabulary
    assert "c" not in vocabulary
    assert [vocabulary.code_of(id_) for id_ in ("商品", "a", "nobody")] == [2, 1, -1]


def test_of_sorts_by_text_and_skips_nulls() -> None:
    vocabulary = Vocabulary.of(pl.Series(["10", None, "9"]), pl.Series([9, 7]))
    assert vocabulary.ids.to_list() == ["10", "7", "9"]


@given(IDS)
def test_round_trip(ids: list[str]) -> None:
    vocabulary = Vocabulary(ids)
    codes = vocabulary.encode(ids)
    assert codes.tolist() == list(range(len(ids)))
    assert codes.dtype == np.int32
    assert vocabulary.decode(codes) == ids


@given(IDS, st.lists(st.text(max_size=3)))
def test_a_column_and_a_list_are_encoded_alike(ids: list[str], requested: list[str]) -> None:
    vocabulary = Vocabulary(ids)
    from_list, from_column = (
        vocabulary.encode(requested),
        vocabulary.encode(pl.Series(requested, dtype=pl.String)),
    )
    assert from_list.dtype == from_column.dtype == np.int32
    assert from_list.tolist() == from_column.tolist()


@given(IDS, IDS)
def test_extension_keeps_known_codes(ids: list[str], more: list[str]) -> None:
    vocabulary = Vocabulary(ids)
    larger = vocabulary.extended(more)
    assert larger.ids.to_list()[: len(ids)] == ids
    assert set(larger.ids.to_list()) == set(ids) | set(more)
    assert larger.ids.n_unique() == len(larger)
    assert larger.extended(more) == larger


def test_equality_is_by_ids_and_order() -> None:
    assert Vocabulary(["a", "b"]) == Vocabulary(pl.Series(["a", "b"]))
    assert Vocabulary(["a", "b"]) != Vocabulary(["b", "a"])
    assert Vocabulary([]) != "not a vocabulary"


@given(IDS, IDS, IDS)
def test_vocabularies_that_grew_from_one_do_not_see_each_other(
    ids: list[str], left: list[str], right: list[str]
) -> None:
    base = Vocabulary(ids)
    one = base.extended(left)
    other = base.extended(right)
    deeper = one.extended(right)
    for grown, expected in (
        (base, ids),
        (one, [*ids, *left]),
        (other, [*ids, *right]),
        (deeper, [*ids, *left, *right]),
    ):
        expected = list(dict.fromkeys(expected))
        assert grown.ids.to_list() == expected
        for requested in ([*ids, *left, *right], pl.Series([*ids, *left, *right], dtype=pl.String)):
            found = grown.encode(requested).tolist()
            assert [grown.code_of(id_) for id_ in requested] == found
            known = [code for code in found if code >= 0]
            assert grown.decode(np.array(known, dtype=np.int32)) == [expected[code] for code in known]
            assert found == [expected.index(i) if i in expected else -1 for i in requested]
        assert all((i in grown) == (i in expected) for i in (*left, *right))


def test_an_id_does_not_cost_a_copy_of_the_others() -> None:
    grown = Vocabulary([str(n) for n in range(200_000)])
    assert "0" in grown
    begun = time.process_time()
    for number in range(300):
        grown = grown.extended([f"new {number}"])
    assert time.process_time() - begun < 1  # a copy of the codes takes 10 ms
    assert grown.encode(["new 299", "7"]).tolist() == [200_299, 7]
