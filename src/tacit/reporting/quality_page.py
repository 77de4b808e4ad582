"""The quality report as a page."""

from collections.abc import Mapping

from markupsafe import Markup

from tacit.data.advice import rejected_warning, suspected
from tacit.data.journeys import Funnel
from tacit.data.measures import TimeSpan
from tacit.data.quality import QualityReport
from tacit.reporting import charts
from tacit.reporting.formats import day, figure, percent
from tacit.reporting.page import Section, fragment, page
from tacit.reporting.table_rows import (
    FUNNEL,
    catalogue_rows,
    catalogue_title,
    column_rows,
    funnel_rows,
    other_advice,
    popular_rows,
    reason_rows,
    session_rows,
    split_rows,
)

_TICKS = 3
"""Labels on an axis of time: more do not fit a phone."""


def quality_page(report: QualityReport, strengths: Mapping[str, float] | None = None) -> str:
    """Return the quality report as one self-contained HTML page.

    Parameters
    ----------
    report : QualityReport
    strengths : mapping of str to float, optional
        Weight by event type, to be shown beside the counts.
    """
    subtitle = f"{report.events:,} events of {report.users:,} users on {report.items:,} items"
    return page("Data quality", subtitle, [quality_section(report, strengths)])


def quality_section(report: QualityReport, strengths: Mapping[str, float] | None = None) -> Section:
    """Return the quality report as a part of a page."""
    values = {
        "r": report,
        "strengths": strengths or {},
        "charts": quality_charts(report),
        "quarantined_share": report.rejected_share,
        "reasons": reason_rows(report),
        "funnel": funnel_rows(report),
        "funnel_heads": FUNNEL,
        "sessions": session_rows(report),
        "popular": popular_rows(report),
        "columns": column_rows(report),
        "rejected": rejected_warning(report),
        "suspected": suspected(report),
        "advice": other_advice(report),
        "catalogue": catalogue_rows(report),
        "catalogue_title": catalogue_title(report),
        "split": split_rows(report),
        "gaps": [
            (f"{day(gap.start)}, {day(gap.end)}", figure(gap.days, 1))
            for gap in (report.time.gaps if report.time else [])
        ],
    }
    return Section("quality", "The data", fragment("quality.html", values))


def quality_charts(report: QualityReport) -> list[Markup]:
    """Return the charts of a quality report; none for an empty log."""
    if not report.events:
        return []
    return [
        *([_activity(report.time)] if report.time else []),
        *([_funnel(report.time, report.funnel)] if report.time and report.funnel else []),
        _event_types(report),
        charts.columns(
            "Users by length of history",
            [label for label, _ in report.histories.bins],
            [users for _, users in report.histories.bins],
            "events of a user",
            "users",
        ),
        _popularity(report),
    ]


def _activity(time: TimeSpan) -> Markup:
    points, unit = time.activity, time.bucket
    series = [charts.Line("events", range(len(points)), [events for _, events in points])]
    return charts.lines(
        f"Events by {unit}", series, "time (UTC)", f"events a {unit}", ticks=_moments(time), fill=True
    )


def _funnel(time: TimeSpan, funnel: Funnel) -> Markup:
    series = [charts.Line(name, range(len(events)), events) for name, events in funnel.activity.items()]
    unit = time.bucket
    return charts.lines(
        f"Funnel by {unit}", series, "time (UTC)", f"events a {unit}", ticks=_moments(time), log=True
    )


def _moments(time: TimeSpan) -> list[tuple[float, str]]:
    """Return a few places on the axis of time with their labels."""
    points = time.activity
    every = max(-(-len(points) // _TICKS), 1)
    length = {"hour": 13, "day": 10, "week": 10, "month": 7, "year": 4}[time.bucket]
    return [
        (float(place), points[place][0][:length].replace("T", " ")) for place in range(0, len(points), every)
    ]


def _event_types(report: QualityReport) -> Markup:
    shown = report.event_types[:10]
    return charts.bars(
        "Events by type",
        [type_.event for type_ in shown],
        [type_.count for type_ in shown],
        "events",
        written=[percent(type_.share) for type_ in shown],
    )


def _popularity(report: QualityReport) -> Markup:
    curve = report.popularity.curve
    items, events = [100 * x for x, _ in curve], [100 * y for _, y in curve]
    series = [
        charts.Line("this log", items, events),
        charts.Line("all items alike", [0, 100], [0, 100], dashed=True, colour=5),
    ]
    return charts.lines(
        "How popularity is spread", series, "% of the items, most popular first", "% of the events", fill=True
    )
