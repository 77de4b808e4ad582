"""Bursts of an account, an item or a source."""

from collections.abc import Sequence

import polars as pl
import pytest

from tacit.core.types import DAY
from tacit.data.bursts import bursts

START = 1_000 * DAY


def log(*rows: tuple[str, str, str, int, int]) -> pl.DataFrame:
    """Return a log of (user, item, source, day, events)."""
    parts = [
        pl.DataFrame(
            {
                "user_id": [user] * count,
                "item_id": [item] * count,
                "source": [source] * count,
                "timestamp": [START + day * DAY + place for place in range(count)],
            }
        )
        for user, item, source, day, count in rows
    ]
    return pl.concat(parts)


USUAL: Sequence[tuple[str, str, str, int, int]] = [
    (f"u{user}", f"i{(user + day) % 50}", f"key{user % 2}", day, 1 + (user + day) % 8)
    for user in range(40)
    for day in range(20)
]


def test_a_usual_log_has_none() -> None:
    assert bursts(log(*USUAL)) == []
    assert bursts(log(*USUAL).with_columns(pl.lit(None, dtype=pl.Float64).alias("timestamp"))) == []


@pytest.mark.promise("P27")
@pytest.mark.fault(45)
@pytest.mark.parametrize(
    ("burst", "kind", "name"),
    [
        (("new", "i1", "key0", 19, 150), "account", "new"),
        (("u3", "i1", "key0", 19, 150), "account", "u3"),
        (("u3", "i1", "key0", 19, 300), "item", "i1"),
        (("u3", "i1", "key1", 19, 2_000), "source", "key1"),
    ],
)
def test_a_burst_names_who_or_what_and_when(
    burst: tuple[str, str, str, int, int], kind: str, name: str
) -> None:
    found = [one for one in bursts(log(*USUAL, burst)) if (one.kind, one.name) == (kind, name)]
    assert [one.day for one in found] == [START + 19 * DAY]
    assert found[0].events >= burst[-1] > 1.5 * found[0].usual
    assert not bursts(log(*USUAL, burst), since=START + 20 * DAY)


def test_who_is_as_busy_every_day_has_no_burst() -> None:
    assert not bursts(
        log(*USUAL, *[("busy", f"i{day}", "key0", day, 150) for day in range(20)]), START + 5 * DAY
    )
