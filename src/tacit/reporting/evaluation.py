"""The evaluation as a page: which model predicts the next choices best, with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from tacit.reporting import charts
from tacit.reporting.formats import figure
from tacit.reporting.page import Section, fragment, page
from tacit.reporting.rolling_origins import expectations, rolling_facts
from tacit.reporting.table_rows import MAIN, by_slice, describe, main_value, metric_names, slice_title

_COSTS = (("fit_seconds", "fit, s", 1), ("ms_per_list", "ms a list", 2), ("peak_mb", "peak MB", 0))


def evaluation_page(report: Mapping[str, Any]) -> str:
    """Return an evaluation as one self-contained HTML page.

    Parameters
    ----------
    report : mapping
        The object of ``tacit evaluate --json``: ``protocol``, ``cut`` and ``models``, a list of objects with
        ``name``, ``slice``, ``metrics`` (name: ``value``, ``low``, ``high``), ``fit_seconds``,
        ``ms_per_list``, ``peak_mb``; ``conclusion`` is the headline, the ``reason`` of
        ``choice`` comes below it. With ``origins``, those of several cuts in time, there is a table for
        each slice of what to expect of the next stretch.
    """
    subtitle = str(report.get("conclusion", ""))
    return page("Evaluation", subtitle, [evaluation_section(report)])


def evaluation_section(report: Mapping[str, Any]) -> Section:
    """Return an evaluation as a part of a page."""
    slices = by_slice(report)
    values = {
        "choice": report.get("choice", {}).get("reason"),
        "lead": describe(report),
        "notes": report.get("notes", []),
        "charts": [_chart(name, rows) for name, rows in slices.items() if _has_main(rows)],
        "tables": [_table(name, rows) for name, rows in slices.items()],
        "rolling": rolling_facts(report["origins"]) if "origins" in report else None,
        "expectations": expectations(report) if "origins" in report else [],
    }
    return Section("evaluation", "How good the lists are", fragment("evaluation.html", values))


def _has_main(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(main_value(row) is not None for row in rows)


def _chart(name: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
    measured = [row for row in rows if main_value(row) is not None]
    values = [main_value(row) or 0.0 for row in measured]
    return charts.bars(
        f"{MAIN.upper()}: {slice_title(name)}",
        [str(row["name"]) for row in measured],
        values,
        MAIN.upper(),
        intervals=[_interval(row["metrics"][MAIN]) for row in measured],
        written=[figure(value) for value in values],
        highlight=0,
    )


def _interval(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    low, high = entry.get("low"), entry.get("high")
    return None if low is None or high is None else (float(low), float(high))


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    metrics = metric_names(rows)
    costs = [
        (key, label, digits) for key, label, digits in _COSTS if any(row.get(key) is not None for row in rows)
    ]
    return {
        "name": slice_title(name),
        "head": [*metrics, *(label for _, label, _ in costs)],
        "rows": [
            {
                "name": row["name"],
                "cells": [
                    *(_cell(row, metric, rows) for metric in metrics),
                    *((figure(row.get(key), digits), "", False) for key, _, digits in costs),
                ],
            }
            for row in rows
        ],
    }


def _cell(row: Mapping[str, Any], metric: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str, bool]:
    """Return value, interval, and whether no other model has more."""
    value = main_value(row, metric)
    if value is None:
        return "–", "", False
    interval = _interval(row["metrics"][metric])
    small = f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else ""
    best = max(v for other in rows if (v := main_value(other, metric)) is not None)
    return figure(value), small, value == best and len(rows) > 1
