"""The quality report as a page."""

from collections.abc import Mapping

from markupsafe import Markup

from tacit.data.measures import TimeSpan
from tacit.data.quality import QualityReport
from tacit.reporting import charts
from tacit.reporting.formats import count, day, figure, percent
from tacit.reporting.page import Section, fragment, page
from tacit.reporting.table_rows import catalogue_rows, column_rows, rejected_warning, split_rows


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
        "quarantined": sorted(
            ((reason, count(rows)) for reason, rows in report.reasons.items()),
            key=lambda pair: -report.reasons[pair[0]],
        )
        or [("none", "0")],
        "columns": column_rows(report),
        "rejected": rejected_warning(report),
        "catalogue": catalogue_rows(report),
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
    points = time.activity
    every = max(len(points) // 5, 1)
    length = {"hour": 16, "day": 10, "week": 10, "month": 7, "year": 4}[time.bucket]
    labels = [
        (float(place), points[place][0][:length].replace("T", " ")) for place in range(0, len(points), every)
    ]
    series = [charts.Line("events", range(len(points)), [events for _, events in points])]
    unit = time.bucket
    return charts.lines(
        f"Events by {unit}", series, "time (UTC)", f"events a {unit}", ticks=labels, fill=True
    )


def _event_types(report: QualityReport) -> Markup:
    shown = report.event_types[:10]
    return charts.bars(
        "Events by type",
        [type_.event[:30] for type_ in shown],
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
