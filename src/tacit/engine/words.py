"""Reasons in words that a person reads."""

from collections.abc import Sequence

import polars as pl

from tacit.pipeline.explain import Reason

_ABOUT_AN_ITEM = {
    "ease": "people who chose {title} chose this too",
    "itemknn": "people who chose {title} chose this too",
    "content": "similar to {title}",
}
_ABOUT_EVERYBODY = {"trending": "popular now", "rules": "picked by a rule"}


def in_words(reasons: Sequence[Reason], titles: pl.Series) -> list[str]:
    """Return each reason as a short sentence; ``titles`` by item code."""
    return [
        _ABOUT_AN_ITEM[reason.source].format(title=titles[reason.because])
        if reason.because >= 0
        else _ABOUT_EVERYBODY[reason.source]
        for reason in reasons
    ]
