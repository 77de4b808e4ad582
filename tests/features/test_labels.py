"""Labels and prices of a catalogue that grows: the columns stay those of the fit."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.catalogue import Catalogue
from tacit.features.labels import _FEW, Attributes, _one_hot

ITEMS = pl.DataFrame(
    {
        "item_id": [f"i{n}" for n in range(20)],
        "title": [f"thing {n}" for n in range(20)],
        "group": ["a", "b"] * 10,
    }
)


def grown(fitted: Catalogue, **attributes: object) -> Catalogue:
    return fitted.extended(pl.DataFrame({"item_id": ["new"], "title": ["more"], **attributes}))


def test_new_attributes_wait_for_the_next_fit() -> None:
    catalogue = Catalogue.from_frame(ITEMS)
    known = Attributes.of(catalogue)
    later = known.extended(grown(catalogue, price=[3.5], brand=["Fleet"], group=["c"]))
    assert (list(known.labels), known.log_price) == (["group"], None)
    assert (list(later.labels), later.log_price) == (["group"], None)
    assert later.labels["group"].toarray()[[0, 1, 20]].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_what_is_missing_later_is_unknown() -> None:
    catalogue = Catalogue.from_frame(ITEMS.with_columns(price=pl.lit(2.0)))
    known = Attributes.of(catalogue)
    assert known.log_price is not None
    later = known.extended(Catalogue.from_frame(ITEMS.select("item_id", "title")))
    assert later.labels["group"].shape[0] == 20
    assert later.labels["group"].nnz == 0
    assert later.log_price is not None
    assert np.isnan(later.log_price).all()


CELLS = st.none() | st.text(st.sampled_from("aBé |,;東 "), max_size=8)


@given(st.lists(CELLS, min_size=1, max_size=_FEW))
def test_a_few_rows_have_the_labels_that_they_have_among_many(cells: list[str | None]) -> None:
    few, matrix = _one_hot(pl.Series("brand", cells, dtype=pl.String))
    many, larger = _one_hot(pl.Series("brand", [*cells, *[None] * _FEW], dtype=pl.String))
    assert few.to_list() == many.to_list()
    np.testing.assert_array_equal(matrix.toarray(), larger.toarray()[: len(cells)])
    assert matrix.dtype == larger.dtype
