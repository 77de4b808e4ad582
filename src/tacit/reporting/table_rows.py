"""Rows of reports, for pages and terminals."""

from collections.abc import Mapping, Sequence
from typing import Any

from tacit.data.advice import rejected_warning
from tacit.data.highlights import Example
from tacit.data.quality import QualityReport
from tacit.reporting.formats import count, day, percent, shortened

MAIN = "ndcg@10"
"""The metric that models are ordered by."""

_SAMPLE = 24
"""Characters of a sample value that are shown."""

_SLICES = {
    "all": "All users",
    "warm-user": "Users with a history",
    "new-user": "Users without a history",
    "short-history": "Users with a short history",
    "long-history": "Users with a long history",
    "cold-item": "Items never seen in training",
}


FUNNEL = ("event", "users", "of those before", "user and item", "of those before")
"""Heads of the columns of `funnel_rows`."""

NOT_USED = "not used"
"""Said of a column without any use."""

_HOW = {
    "map": "by --map",
    "name": "by name",
    "part": "by part of the name",
    "content": "by content",
    "place": "by place",
    "shape": "by the shape of the rows",
}


def column_rows(report: QualityReport) -> list[tuple[str, str, str, str, str]]:
    """Return role, column, how it was found, samples and note of each column; those with a role first."""
    order = list(report.mapping)
    used = sorted(report.columns, key=lambda one: order.index(one.role) if one.role in order else len(order))
    return [
        (
            one.role or "-",
            one.column,
            _HOW[one.how] if one.how else one.use or NOT_USED,
            ", ".join(shortened(sample, _SAMPLE) for sample in one.samples),
            one.note or "",
        )
        for one in used
    ]


def other_advice(report: QualityReport) -> list[str]:
    """Return the advice without the alarm, which is shown by itself."""
    alarm = rejected_warning(report)
    return [line for line in report.advice if line != alarm]


def catalogue_rows(report: QualityReport) -> list[tuple[str, str]]:
    """Return the figures of the catalogue, as pairs of words and figure."""
    catalogue = report.catalogue
    if catalogue is None:
        return []
    if catalogue.own:
        return [("items with text", f"{count(catalogue.with_text)} of {count(report.items)}")]
    return [
        ("items listed", count(catalogue.rows)),
        ("items with text", count(catalogue.with_text)),
        ("items without any event", count(catalogue.without_events)),
        ("events on items without text", percent(catalogue.events_without_text_share)),
        ("events on items not listed", percent(catalogue.events_unlisted_share)),
    ]


def catalogue_title(report: QualityReport) -> str:
    """Return a heading for `catalogue_rows`."""
    own = report.catalogue is not None and report.catalogue.own
    return "Catalogue from the log" if own else "Catalogue"


def funnel_rows(report: QualityReport) -> list[tuple[str, str, str, str, str]]:
    """Return event, users, share of the users before, pairs, share of the pairs before, of each stage."""
    if report.funnel is None:
        return []
    return [
        (
            stage.event,
            count(stage.users),
            percent(stage.users_from_last),
            count(stage.pairs),
            percent(stage.pairs_from_last),
        )
        for stage in report.funnel.stages
    ]


def session_rows(report: QualityReport) -> list[tuple[str, str]]:
    """Return the figures of sessions, as pairs of words and figure."""
    found = report.sessions
    if found is None:
        return []
    return [
        ("sessions (half an hour without an event ends one)", count(found.count)),
        ("sessions of a user", f"mean {found.per_user:.1f}"),
        ("events of a session", f"median {found.events:.0f}"),
        ("sessions of one event", percent(found.single_share)),
        ("length of longer ones", f"median {found.minutes:.1f} min" if found.minutes else "one moment"),
    ]


def popular_rows(report: QualityReport) -> list[tuple[str, str, str]]:
    """Return title (or id), events and users of the most popular items."""
    return [
        (one.item if one.title is None else f"{one.title} ({one.item})", count(one.events), count(one.users))
        for one in report.popular
    ]


def reason_rows(report: QualityReport) -> list[tuple[str, str, str]]:
    """Return reason, rows and an example of each reason of rejection, most frequent first."""
    example = {one.reason: f"{_place(one)}: {one.raw}" for one in report.examples}
    ordered = sorted(report.reasons.items(), key=lambda pair: -pair[1])
    return [(reason, count(rows), example.get(reason, "")) for reason, rows in ordered]


def _place(example: Example) -> str:
    return f"line {example.line}" if example.file is None else f"{example.file}, row {example.line}"


def split_rows(report: QualityReport) -> list[tuple[str, str]]:
    """Return the two sides of a cut in time, as pairs of words and figure."""
    split = report.split
    if split is None:
        return []
    return [
        ("cut at", day(split.cut)),
        ("training events", count(split.train_events)),
        ("test events", count(split.test_events)),
        ("test users known from training", f"{count(split.warm_test_users)} of {count(split.test_users)}"),
        ("test items never seen in training", f"{count(split.cold_items)} of {count(split.test_items)}"),
        ("test events on such items", percent(split.cold_event_share)),
    ]


def slice_title(name: str) -> str:
    """Return the name of a slice in words."""
    return _SLICES.get(name, name)


def describe(report: Mapping[str, Any]) -> str:
    """Return one sentence or two on how the models were compared."""
    if (rolling := report.get("origins")) is not None:
        return (
            f"Each of {rolling['count']} stretches was predicted from everything before it, by models fitted "
            "anew. Figures are means of the stretches. Whiskers and small figures: 95 % intervals of these "
            "means."
        )
    protocol, cut = str(report.get("protocol", "unknown")), report.get("cut")
    words = {
        "time": "Everything before one moment was learned from, everything after it was predicted",
        "leave-one-out": "The last event of each user was predicted from the ones before",
        "random": "A random share of each user's events was predicted from the others",
    }
    moment = f" (cut at {day(cut)})" if isinstance(cut, int | float) and protocol == "time" else ""
    return (
        words.get(protocol, f"Protocol: {protocol}")
        + moment
        + ". Whiskers and small figures: 95 % intervals."
    )


def by_slice(report: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the rows of each slice, slices in the order of the report, best model first."""
    slices: dict[str, list[Mapping[str, Any]]] = {}
    for row in report["models"]:
        slices.setdefault(str(row["slice"]), []).append(row)
    return {name: sorted(rows, key=lambda row: -(main_value(row) or 0.0)) for name, rows in slices.items()}


def main_value(row: Mapping[str, Any], metric: str = MAIN) -> float | None:
    """Return the value of a metric of a row, None where it was not measured."""
    entry = row["metrics"].get(metric)
    return None if entry is None or entry.get("value") is None else float(entry["value"])


def metric_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the metrics of some rows, in their order of appearance."""
    return list(dict.fromkeys(name for row in rows for name in row["metrics"]))
