"""What a column of two values says by its name, and whether it is a flag at all."""

import polars as pl
import pytest

from tacit.reading.column_content import content_of
from tacit.reading.flags import is_flag, is_mark, meaning_of_flag, says_act


@pytest.mark.parametrize(
    ("values", "flag", "mark"),
    [
        (["J", "N", "N"], True, False),
        (["Sì", "No", "No"], True, False),
        (["X", "", ""], False, True),
        (["x", "-", "-"], False, True),
        (["1", "1", "1"], False, False),
        (["a", "b", "b"], False, False),
    ],
)
def test_flags_and_marks(values: list[str], flag: bool, mark: bool) -> None:
    content = content_of(pl.Series("column", values))
    assert (is_flag(content), is_mark(content)) == (flag, mark)


@pytest.mark.parametrize(
    ("name", "sense"),
    [("VoidFlag", "cancel"), ("is_return", "return"), ("cancelled_ind", "cancel"), ("flag", "report")],
)
def test_the_word_flag_says_nothing(name: str, sense: str) -> None:
    assert meaning_of_flag(name).sense == sense


@pytest.mark.parametrize(
    ("name", "act"), [("share", True), ("opened", True), ("is_view", True), ("is_gift", False)]
)
def test_flags_of_acts(name: str, act: bool) -> None:
    assert says_act(name, content_of(pl.Series(name, ["1", "0", "0"]))) == act
