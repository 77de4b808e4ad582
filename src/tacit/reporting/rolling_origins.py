"""Rows and sentences on an evaluation over several cuts in time, for pages and terminals."""

from collections.abc import Mapping, Sequence
from typing import Any

from tacit.reporting.formats import count, day, figure
from tacit.reporting.table_rows import MAIN, by_slice, slice_title

HEAD = (
    *("model", "mean", "between users", "between cuts", "next from", "next to", "held"),
    *("gain", "gain from", "gain to"),
)
"""The mean over the stretches, its two spreads, the prediction interval and how many such intervals held;
then the mean paired difference to the baseline with its 95 % interval."""
_DIGITS = 4


def expectations(report: Mapping[str, Any]) -> list[tuple[str, Sequence[str], list[tuple[str, ...]]]]:
    """Return title, head and rows of a table for each slice: what NDCG@10 to expect of the next stretch.

    Parameters
    ----------
    report : mapping
        The object of ``tacit evaluate --origins N --json``.
    """
    return [
        (f"{MAIN.upper()} of the next stretch: {slice_title(name)}", HEAD, [_row(row) for row in rows])
        for name, rows in by_slice(report).items()
    ]


def rolling_facts(origins: Mapping[str, Any]) -> str:
    """Return on what the models were compared, and how often a prediction interval held.

    Parameters
    ----------
    origins : mapping
        ``origins`` of the report.
    """
    stretches = origins["stretches"]
    parts = [
        f"{len(stretches)} stretches of {_range(stretches, 'test_events')} events each, "
        f"from {day(stretches[0]['cut'])} on (the last from {day(stretches[-1]['cut'])})",
        f"{_range(stretches, 'train_events')} events to learn from",
        f"{_range(stretches, 'test_users')} test users, "
        f"{_range(stretches, 'warm_test_users')} of them with a history",
    ]
    lines = "; ".join(parts) + "."
    if origins["predicted"]:
        lines += (
            f"\nPrediction intervals made from the earlier stretches held the next one {origins['held']} of "
            f"{origins['predicted']} times ({MAIN}, all users, every model)."
        )
    return lines


def _range(stretches: Sequence[Mapping[str, Any]], name: str) -> str:
    least, most = min(one[name] for one in stretches), max(one[name] for one in stretches)
    return count(least) if least == most else f"{count(least)} to {count(most)}"


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    main = row["metrics"][MAIN]
    gain = main.get("difference", {})
    return (
        str(row["name"]),
        *(figure(main[key], _DIGITS) for key in ("value", "between_users", "between_cuts")),
        *_ends(main["prediction"]),
        f"{main['held']}/{main['predicted']}" if main["predicted"] else "–",
        *(_signed(gain.get(key)) for key in ("value", "low", "high")),
    )


def _ends(interval: Mapping[str, float] | None) -> tuple[str, str]:
    return (
        ("–", "–")
        if interval is None
        else (figure(interval["low"], _DIGITS), figure(interval["high"], _DIGITS))
    )


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.{_DIGITS}f}"
