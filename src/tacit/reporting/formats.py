"""Numbers and dates for people; a dash where there is none."""

from datetime import UTC, datetime


def count(value: float | None) -> str:
    """Return a whole number with thousands marked."""
    return "–" if value is None else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """Return a share in percent, with enough digits for small ones."""
    if value is None:
        return "–"
    return f"{value:.0%}" if value == 0 or value >= 0.1 else f"{value:.1%}" if value >= 0.001 else "< 0.1%"


def figure(value: float | None, digits: int = 3) -> str:
    """Return a number with a fixed number of digits."""
    return "–" if value is None else f"{value:.{digits}f}"


def day(value: float | None) -> str:
    """Return the date of a moment in Unix seconds (UTC)."""
    return "–" if value is None else datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d")


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters; an ellipsis stands for the rest."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
