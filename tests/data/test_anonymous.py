"""Ids of users that stand for everybody who was not known."""

import polars as pl
import pytest

from tacit.data.anonymous import AnonymousUser, anonymous_users

USERS = [f"u{row % 20}" for row in range(70)]


@pytest.mark.parametrize(
    "user",
    [
        *(
            "guest",
            "GUEST",
            "anonymous",
            "(not set)",
            "undefined",
            "NaN",
            "Gast",
            "匿名用户",
            "散客",
            "비회원",
        ),
        *("00000000-0000-0000-0000-000000000000", "0", "-1", "99999"),
    ],
)
def test_an_id_of_everybody_is_found_with_its_rows(user: str) -> None:
    assert anonymous_users(pl.Series([*USERS, *[user] * 30])) == [AnonymousUser(user, 30, 0.3)]


def test_a_word_with_few_rows_and_a_number_among_others_are_users_like_any() -> None:
    assert anonymous_users(pl.Series([*USERS * 2, *["guest"] * 6])) == []
    assert anonymous_users(pl.Series([str(row % 5) for row in range(100)])) == []
    assert anonymous_users(pl.Series([*USERS, *["4711"] * 30])) == []
    assert anonymous_users(pl.Series([], dtype=pl.String)) == []


def test_several_words_are_all_found() -> None:
    found = anonymous_users(pl.Series([*USERS, *["guest"] * 20, *["unknown"] * 10]))
    assert [one.user for one in found] == ["guest", "unknown"]
    assert found[0].note.startswith("20% of the rows (20) are of the user 'guest'")
