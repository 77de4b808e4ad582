"""Reports as tables in a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tacit.core.notes import Note
from tacit.data.advice import rejected_warning
from tacit.data.quality import QualityReport
from tacit.data.text_report import TextReport
from tacit.reporting.formats import count, day, figure, percent
from tacit.reporting.rolling_origins import expectations
from tacit.reporting.table_rows import (
    FUNNEL,
    NOT_USED,
    by_slice,
    catalogue_rows,
    catalogue_title,
    column_rows,
    describe,
    funnel_rows,
    main_value,
    metric_names,
    other_advice,
    popular_rows,
    reason_rows,
    session_rows,
    slice_title,
    split_rows,
)

_SHORT = {"hitrate": "hit", "coverage": "cover", "novelty": "novel", "diversity": "divers"}


def columns_table(report: QualityReport) -> RenderableType:
    """Return how each column is used, and what was guessed or assumed in reading."""
    table = Table(
        title=f"Columns ({report.dialect})", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1)
    )
    for name in ("role", "column", "found", "for example"):
        table.add_column(name, overflow="fold")
    notes = []
    for role, column, how, samples, note in column_rows(report):
        style = "dim" if how == NOT_USED else None
        table.add_row(escape(role), escape(column), how, escape(samples), style=style)
        notes += [note if note.startswith(column) else f"{column}: {note}"] if note else []
    return Group(table, *(Text(f"• {line}") for line in (*notes, *report.notes)))


def quality_tables(report: QualityReport, strengths: Mapping[str, float] | None = None) -> RenderableType:
    """Return the quality report as tables and advice."""
    parts: list[RenderableType] = [
        _pairs("The log", _overview(report)),
        _event_types(report, strengths or {}),
    ]
    if report.reasons:
        parts.append(_table("Rejected rows", ("reason", "rows", "for example"), reason_rows(report)))
    if report.funnel is not None:
        parts.append(_table("Funnel", FUNNEL, funnel_rows(report)))
    if report.sessions is not None:
        parts.append(_pairs("Sessions", session_rows(report)))
    if report.popular:
        parts.append(_table("Most popular items", ("item", "events", "users"), popular_rows(report)))
    if report.catalogue is not None:
        parts.append(_pairs(catalogue_title(report), catalogue_rows(report)))
    if report.texts is not None:
        parts.append(_texts(report.texts))
    if report.split is not None:
        parts.append(_pairs("What a cut in time would leave", split_rows(report)))
    if (warning := rejected_warning(report)) is not None:
        parts.append(Text(warning, style="bold red"))
    parts += [Text(f"• {line}") for line in other_advice(report)]
    return Group(*parts)


def note_line(note: Note) -> Text:
    """Return a note as a line; one that is a warning stands out."""
    return Text(f"• {note.text}", style="yellow" if note.warning else "")


def evaluation_tables(report: Mapping[str, Any]) -> RenderableType:
    """Return an evaluation as one table a slice, best model first; over several cuts, one more of all users.

    Parameters
    ----------
    report : mapping
        The object of ``tacit evaluate --json``.
    """
    tables = [_evaluation_table(name, rows) for name, rows in by_slice(report).items()]
    if "origins" in report:
        tables.append(_expectation_table(*expectations(report)[0]))
    return Group(Text(describe(report)), *tables)


def _expectation_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for place, head in enumerate(heads):
        # A head of two words as two lines: ten columns then fit 80 places, if long names are folded.
        table.add_column(
            head.replace(" ", "\n"),
            justify="right" if place else "left",
            no_wrap=place > 0,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _overview(report: QualityReport) -> list[tuple[str, str]]:
    lengths, top = report.histories, report.popularity.top
    rows = [
        ("rows read", count(report.rows_in)),
        ("rows kept", count(report.rows_kept)),
        ("rows rejected", count(report.rows_quarantined)),
        ("users", count(report.users)),
        ("items with events", count(report.items)),
        (
            "events of a user",
            f"median {lengths.median:.0f}, mean {lengths.mean:.1f}, longest {count(lengths.longest)}",
        ),
    ]
    if report.time:
        span = f"{day(report.time_start)} to {day(report.time_end)} ({report.time.days:.1f} days)"
        rows.append(("time", span))
    if top:
        spread = f"top 1 % of items: {percent(top['1'])}, top 10 %: {percent(top['10'])} of the events"
        rows += [("popularity", spread), ("repeated events", percent(report.repeated_share))]
    if report.users_described is not None:
        rows.append(("users with a profile", percent(report.users_described)))
    return rows


def _texts(texts: TextReport) -> Group:
    """Return which encoder reads the texts, and what it does not read of them."""
    return Group(Text("Texts", style="italic"), *(note_line(note) for note in texts.notes()))


def _pairs(title: str, rows: Sequence[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows:
        table.add_row(escape(name), escape(value))
    return table


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table whose first column and whose examples are text, the others numbers."""
    table = Table(title=title, title_justify="left")
    for place, head in enumerate(heads):
        table.add_column(
            head, justify="left" if place == 0 or head == "for example" else "right", overflow="fold"
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _event_types(report: QualityReport, strengths: Mapping[str, float]) -> Table:
    table = Table(title="Event types", title_justify="left")
    table.add_column("event")
    for name in ("count", "share", "users", "items", *(["weight"] if strengths else [])):
        table.add_column(name, justify="right")
    for kind in report.event_types:
        weight = [figure(strengths.get(kind.event), 2)] if strengths else []
        table.add_row(
            escape(kind.event),
            count(kind.count),
            percent(kind.share),
            count(kind.users),
            count(kind.items),
            *weight,
        )
    return table


def _evaluation_table(name: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(
        title=slice_title(name), title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False
    )
    table.add_column("model", no_wrap=True)
    metrics = metric_names(rows)
    for metric in (*metrics, "fit/s", "ms/list"):
        # "ndcg@10" as two lines: eleven columns then fit 80 places.
        word, sign, rest = metric.partition("@" if "@" in metric else "/")
        head = f"{_SHORT.get(word, word)}\n{sign}{rest}"
        table.add_column(escape(head), justify="right", min_width=6)
    for row in rows:
        values = [figure(main_value(row, metric)) for metric in metrics]
        costs = [figure(row.get("fit_seconds"), 1), figure(row.get("ms_per_list"), 2)]
        table.add_row(escape(str(row["name"])), *values, *costs)
    return table
