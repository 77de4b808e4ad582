"""Options in messages work when they are typed."""

import shlex

import pytest

from tacit.core.shell import map_option


@pytest.mark.parametrize("column", ["Paid at", "Date d'arrivée", 'a"b', "$x", "-n", "书名", "user_id"])
def test_a_shell_reads_the_column_as_it_is(column: str) -> None:
    assert shlex.split(map_option(column, "timestamp")) == ["--map", f"{column}=timestamp"]


def test_words_of_any_language_stand_without_quotes() -> None:
    assert map_option("书名", "item") == "--map 书名=item"
