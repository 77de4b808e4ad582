"""``tacit check``: what is in a log, what is wrong with it, and a cleaned copy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tacit.cli.inputs import EVENTS
from tacit.cli.options import ENCODERS, Events, ExecutorName, Items, Users
from tacit.cli.reading_options import with_reading
from tacit.cli.rule_options import with_rules
from tacit.data.rules import Rules
from tacit.reading.choices import Reading

if TYPE_CHECKING:
    from tacit.data.clean import Cleaned
    from tacit.data.quality import QualityReport
    from tacit.data.weights import EventWeights

_FILES = "Files to write"


@with_reading
@with_rules
def check(
    events: Events,
    rules: Rules,
    reading: dict[str, Any],
    items: Items = None,
    users: Users = None,
    weights: Annotated[
        Literal["default", "names", "auto"],
        typer.Option(
            "--weights", help="Event weights: the same for every choice, by name, or estimated from the log."
        ),
    ] = "default",
    encoder: Annotated[
        str,
        typer.Option("--encoder", help=f"The text encoder that will read the texts: {ENCODERS}, or none."),
    ] = "auto",
    executor: ExecutorName = "local",
    html: Annotated[
        Path | None, typer.Option("--html", help="Report with charts.", rich_help_panel=_FILES)
    ] = None,
    json: Annotated[
        str | None,
        typer.Option(
            "--json", help="Report as JSON: a file, or - for standard output.", rich_help_panel=_FILES
        ),
    ] = None,
    quarantine: Annotated[
        Path | None,
        typer.Option("--quarantine", help="Rejected rows (.csv, .parquet, .jsonl).", rich_help_panel=_FILES),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Cleaned events (.parquet, .csv, .jsonl).", rich_help_panel=_FILES),
    ] = None,
) -> None:
    """Read and clean a log, report on it, and write the requested files."""
    from tacit import api
    from tacit.cli.inputs import say_cluster
    from tacit.cli.outputs import write_reports
    from tacit.cli.terminal import Bars
    from tacit.core.places import check_apart
    from tacit.data.event_map import EventMap
    from tacit.data.weights import EventWeights
    from tacit.pipeline.text_encoder import check_available
    from tacit.reporting.quality_page import quality_page
    from tacit.scale.executors import check_executor, open_executor

    check_executor(executor)
    _check_places(html, json, quarantine, out)
    check_available(encoder)  # before the log is read
    check_apart(
        {"--html": html, "--json": json, "--quarantine": quarantine, "--out": out},
        {"the log": events, "--items": items, "--users": users},
    )
    meanings = reading.pop(EVENTS, {})
    bars, choices = Bars(), Reading(**reading)
    with open_executor(executor, say_cluster) as where:
        cleaned = api.read(
            events, reading=choices, event_map=meanings, rules=rules, progress=bars, executor=where
        )
    with bars.task("Assess", total=1) as task:
        report = api.check(
            cleaned, items, users=users, reading=choices, event_map=meanings, encoder=encoder, progress=bars
        )
        rule = EventWeights.fit(cleaned.events, weights, events=EventMap.parse(meanings))
        task.advance()
    _show(report, rule, quiet=json == "-")
    document = {**report.to_json(), "weights": rule.to_json()}
    write_reports(document, lambda: quality_page(report, rule.strengths), html, json)
    _write_rows(cleaned, quarantine, out)


def _check_places(html: Path | None, json: str | None, quarantine: Path | None, out: Path | None) -> None:
    from tacit.cli.outputs import check_frame_place, check_report_places

    check_report_places(html, json)
    if quarantine is not None:
        check_frame_place(quarantine, "--quarantine")
    if out is not None:
        check_frame_place(out, "--out")


def _show(report: "QualityReport", rule: "EventWeights", *, quiet: bool) -> None:
    """Print the report; to standard error if standard output is for JSON."""
    from tacit.cli.terminal import err
    from tacit.cli.terminal import out as console
    from tacit.reporting.terminal import columns_table, quality_tables

    target = err if quiet else console
    target.print(columns_table(report))
    if not quiet:
        target.print(quality_tables(report, rule.strengths))
        if rule.target is not None:
            target.print(f"weights estimated from the log: how well each event predicts {rule.target!r}")


def _write_rows(cleaned: "Cleaned", quarantine: Path | None, out: Path | None) -> None:
    from tacit.cli.outputs import spreadsheet_safe, write_frame
    from tacit.cli.terminal import err

    if quarantine is not None:
        rows = cleaned.quarantine
        is_csv = quarantine.suffix.lower() == ".csv"
        write_frame(spreadsheet_safe(rows) if is_csv else rows, quarantine)
        err.print(f"{quarantine}: {len(rows):,} rejected rows")
    if out is not None:
        write_frame(cleaned.events, out)
        err.print(f"{out}: {len(cleaned.events):,} cleaned events")
