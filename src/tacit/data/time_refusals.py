"""Texts that say something of time but name no moment, each with its name."""

import re

VIETNAMESE_HALVES = ("sa", "ch")
"""Sáng and chiều, the halves of the day; they look like names of zones."""

_KINDS = (
    (r"\d{1,2}[:.h]\d{2}([:.]\d{2}([.,]\d+)?)?(\s?[ap]\.?m\.?)?", "is an hour without a day"),
    (r"t\d{2}:?\d{2}.*", "is an hour without a day"),
    (r"\d{4}-?w\d{2}", "is a week, not a day"),
    (r"\d{4}[-/ .]?q[1-4]|q[1-4][-/ .]?\d{4}", "is a quarter, not a day"),
    (r"(19|20)\d{2}", "is a year, not a day"),
    (
        r"\d{4}[-/.年]\d{1,2}月?|\d{1,2}[-/.]\d{4}|\p{L}+\.?\s\d{4}".replace(r"\p{L}", r"[^\W\d_]"),
        "is a month, not a day",
    ),
    (
        r"\d{1,2}[-/.]\d{1,2}\.?|[^\W\d_]+\.?\s+\d{1,2}(\s+\d{1,2}:\d{2}.*)?|\d{1,2}月\d{1,2}日.*",
        "has no year",
    ),
    (
        r".*\bago\b.*|yesterday.*|today.*|tomorrow.*|now|last \w+|昨天.*|今天.*|前天.*",
        "depends on when it was written",
    ),
    (r"[+-]?p(?=.*\d)[\dymwdths.,]+", "is a span of time, not a moment"),
    (
        r"\d+\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|weeks?|months?|years?)\.?(\s.*)?",
        "is a span of time, not a moment",
    ),
    (r"(令和|平成|昭和|民國|民国|reiwa|heisei).*", "counts years of another calendar"),
    (r".*\d\s?(sa|ch)", "has SA or CH for AM or PM: write 08:26 and 20:26"),
    (
        r"2[45]\d\d[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]2[45]\d\d.*",
        "counts the years of the Buddhist calendar (543 more)",
    ),
    (
        r"1[34]\d\d[-/.]\d{1,2}[-/.]\d{1,2}.*",
        "counts years of another calendar",
    ),
    (r"\d{4}[-/.](1[3-9]|2\d|3[01])[-/.](0?[1-9]|1[0-2])\b.*", "has the day before the month after the year"),
)


def refusal(text: str, small: str) -> str:
    """Return a sentence on why a text is no moment.

    Parameters
    ----------
    text, small : str
        As it is written, and in small letters without outer signs.
    """
    shown = repr(text if len(text) <= 60 else text[:57] + "...")
    why = next((name for form, name in _KINDS if re.fullmatch(form, small)), None)
    if why is None:
        return f"{shown} is no time that can be read; write 2024-03-13 08:26:05 or Unix seconds"
    return f"{shown} {why}: write day and time, such as 2024-03-13 08:26:05"
