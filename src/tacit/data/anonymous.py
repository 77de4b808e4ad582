"""Ids that stand for everybody who was not known: guests, walk-in customers, values that were never set.

Such an id is no person: its history is that of all of them, and what it bought next says nothing of anyone.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import polars as pl

_LEAST_SHARE = 0.05
"""Share of the rows from which such an id matters."""

_FAR_MORE = 4.0
"""How many times the rows of every other user a number has that is no user: 0, -1, 99999."""

_MOST_LOOKED_AT = 20
_NUMBER = r"-1|0+|-?9{3,}|(\d)\1{4,}"
_ZERO_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class AnonymousUser:
    """An id of many people, the rows that it has, and their share."""

    user: str
    rows: int
    share: float

    @property
    def note(self) -> str:
        """What is to be said of it."""
        return (
            f"{self.share:.0%} of the rows ({self.rows:,}) are of the user {self.user!r}, which seems to "
            "stand for everybody who was not known, and is read as one person"
        )


def anonymous_users(users: pl.Series) -> list[AnonymousUser]:
    """Return the ids with over a twentieth of the rows that stand for people who were not known.

    A number (0, -1) is one only where it is far more frequent than any other user.

    Parameters
    ----------
    users : polars.Series
        The user of each row, null where there is none.
    """
    return anonymous_of(most_rows(users), len(users) - users.null_count())


def most_rows(users: pl.Series) -> list[tuple[str, int]]:
    """Return the users with most rows and how many they have, the first before the others."""
    counts = users.drop_nulls().value_counts(name="rows").top_k(_MOST_LOOKED_AT, by="rows")
    return counts.select(pl.first().cast(pl.String), "rows").sort("rows", descending=True).rows()


def anonymous_of(counts: Sequence[tuple[str, int]], rows: int) -> list[AnonymousUser]:
    """Return which of the users with most rows stand for people who were not known.

    Parameters
    ----------
    counts : sequence of (str, int)
        From `most_rows`, also of parts of a log that share no user.
    rows : int
        Rows of the log with a user.
    """
    most = sorted(counts, key=lambda pair: -pair[1])[:_MOST_LOOKED_AT]
    others = [count for user, count in most if not _is_word(user)]
    return [
        AnonymousUser(user, count, count / rows)
        for user, count in most
        if count > _LEAST_SHARE * rows and (_is_word(user) or _is_odd_number(user, count, others))
    ]


def _is_word(user: str) -> bool:
    return user == _ZERO_UUID or user.strip("()[]<>{}\"' ").casefold() in _words()


def _is_odd_number(user: str, rows: int, most: list[int]) -> bool:
    """Return whether a number that may be none of a user has far more rows than any other id."""
    if re.fullmatch(_NUMBER, user) is None or len(most) < 2:
        return False
    return rows == most[0] and rows > _FAR_MORE * most[1]


@cache
def _words() -> frozenset[str]:
    raw = tomllib.loads((files("tacit.data") / "anonymous_users.toml").read_text("utf-8"))
    return frozenset(word.casefold() for words in raw.values() for word in words)
