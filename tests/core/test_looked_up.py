"""Texts that are looked up once."""

import polars as pl
import pytest

from tacit.core.looked_up import LookedUp


def test_what_was_asked_for_is_kept_and_nothing_else() -> None:
    texts = LookedUp(pl.Series(["a", "b", "c"]))
    assert (texts[2], texts[2], texts[0]) == ("c", "c", "a")
    assert dict(texts) == {2: "c", 0: "a"}
    with pytest.raises(IndexError):
        texts[3]
