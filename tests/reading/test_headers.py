"""Whether a first line names the columns."""

import pytest

from tacit.core.errors import AmbiguousError
from tacit.reading.headers import is_header

EVENTS = [f"u{n % 7} i{n % 11} {'view' if n % 3 else 'cart'} {1_700_000_000 + n}" for n in range(40)]
TEXTS = [f"u{n % 7} i{n % 11} view" for n in range(40)]
NUMBERS = [f"{n % 7} {n % 11} {n % 5}" for n in range(40)]


@pytest.mark.parametrize(
    ("first", "rows", "header"),
    [
        ("wer was wie wann", EVENTS, True),  # words over ids and moments
        ("zzz qqq www", TEXTS, True),  # unknown words of another shape than the ids
        ("u3 i4 view", TEXTS, False),
        ("u9 i99 view", TEXTS, False),
        ("shop1 u3 i4 view", [f"shop1 {row}" for row in TEXTS], False),
        ("a b c", NUMBERS, True),
        ("3 5 1", NUMBERS, False),
        (" b c", NUMBERS, True),  # pandas writes an empty first cell
        ("user_id item_id", [], True),
        ("u1 i1 purchase", [], False),
        ("u:token i:token_seq", ["x y"], True),
        ("user_id item_id event", ["user_id item_id event", "u1 i1 view"], True),  # the header again
    ],
)
def test_headers(first: str, rows: list[str], header: bool) -> None:
    assert is_header(first.split(" "), [row.split(" ") for row in rows]) is header


def test_what_may_be_both_is_refused_with_the_option() -> None:
    words = [[f"{sign}{other}", f"{other}{sign}"] for sign in "abcdefg" for other in "uvwxyz"]
    with pytest.raises(AmbiguousError, match="--header yes or with --header no"):
        is_header(["red", "blue"], words)
