"""``tacit check``: what is in a log, what is wrong with it, and a cleaned copy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tacit.cli.options import Items, Roles

if TYPE_CHECKING:
    from tacit.data.clean import Cleaned
    from tacit.data.quality import QualityReport
    from tacit.data.weights import EventWeights

_RULES = "Cleaning"
_FILES = "Files to write"


def check(
    events: Annotated[Path, typer.Argument(help="Event log: CSV, TSV, JSONL or Parquet, packed or not.")],
    items: Items = None,
    users: Annotated[Path | None, typer.Option("--users", help="File that describes users.")] = None,
    mapping: Roles = None,
    weights: Annotated[
        Literal["default", "names", "auto"],
        typer.Option("--weights", help="Event weights: every yes alike, by name, or estimated from the log."),
    ] = "default",
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
        typer.Option("--quarantine", help="Rows set aside (.csv, .parquet, .jsonl).", rich_help_panel=_FILES),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Cleaned events (.parquet, .csv, .jsonl).", rich_help_panel=_FILES),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            help="What not to remove: impossible-times, missing-times, duplicates, bots; may be repeated.",
            rich_help_panel=_RULES,
        ),
    ] = None,
    burst_seconds: Annotated[
        float,
        typer.Option(
            help="The same look again within so long is a double click; 0 keeps all.", rich_help_panel=_RULES
        ),
    ] = 2.0,
    bot_items_per_minute: Annotated[
        int,
        typer.Option(
            help="Different items within a minute that make a user suspect (a bot is broad too).",
            rich_help_panel=_RULES,
        ),
    ] = 20,
    bot_items_per_hour: Annotated[
        int,
        typer.Option(help="Different items within an hour that make a user suspect.", rich_help_panel=_RULES),
    ] = 300,
    outliers: Annotated[
        Literal["quantile", "mad"] | None,
        typer.Option(
            help="How to tell outlying values, which are removed; all stay by default.",
            rich_help_panel=_RULES,
        ),
    ] = None,
    outlier_share: Annotated[
        float,
        typer.Option(help="Share at either end that --outliers quantile removes.", rich_help_panel=_RULES),
    ] = 0.001,
    outlier_deviations: Annotated[
        float,
        typer.Option(
            help="Robust deviations from the median beyond which --outliers mad removes.",
            rich_help_panel=_RULES,
        ),
    ] = 10.0,
    min_user_events: Annotated[
        int, typer.Option(help="Remove users with fewer events.", rich_help_panel=_RULES)
    ] = 1,
    min_item_events: Annotated[
        int, typer.Option(help="Remove items with fewer events.", rich_help_panel=_RULES)
    ] = 1,
    fill: Annotated[
        list[str] | None,
        typer.Option(
            "--fill",
            help="column=how for missing values: mean, median, mode, forward, interpolate, drop or a number.",
            rich_help_panel=_RULES,
        ),
    ] = None,
) -> None:
    """Read and clean a log, report on it, and write what is asked for."""
    from tacit.cli.inputs import item_frame, parse_mapping, parse_pairs
    from tacit.cli.outputs import write_reports
    from tacit.cli.terminal import Bars
    from tacit.core.clock import SystemClock
    from tacit.data.assess import assess
    from tacit.data.clean import clean, parse_rules
    from tacit.data.read import read_events, read_users
    from tacit.data.weights import EventWeights
    from tacit.reporting.quality_page import quality_page

    _check_places(html, json, quarantine, out)
    rules = parse_rules(
        {
            **dict.fromkeys((name.replace("-", "_") for name in keep or ()), False),
            "burst_seconds": burst_seconds,
            "bot_items_per_minute": bot_items_per_minute,
            "bot_items_per_hour": bot_items_per_hour,
            "outliers": outliers,
            "outlier_share": outlier_share,
            "outlier_deviations": outlier_deviations,
            "min_user_events": min_user_events,
            "min_item_events": min_item_events,
            "fill": parse_pairs(fill, "--fill", "value=median"),
        }
    )
    bars = Bars()
    source = read_events(events, mapping=parse_mapping(mapping) or None, progress=bars)
    cleaned = clean(source, rules, now=SystemClock().now(), progress=bars)
    with bars.task("Assess", total=1) as task:
        report = assess(cleaned, item_frame(items), read_users(users) if users else None)
        rule = EventWeights.fit(cleaned.events, weights)
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
    """Print the report; on standard error where standard output is for JSON."""
    from tacit.cli.terminal import err
    from tacit.cli.terminal import out as console
    from tacit.reporting.terminal import mapping_line, quality_tables

    target = err if quiet else console
    target.print(mapping_line(report.mapping, report.dialect))
    if not quiet:
        target.print(quality_tables(report, rule.strengths))
        if rule.target is not None:
            target.print(f"weights estimated from the log: how much each event foretells {rule.target!r}")


def _write_rows(cleaned: "Cleaned", quarantine: Path | None, out: Path | None) -> None:
    from tacit.cli.outputs import spreadsheet_safe, write_frame
    from tacit.cli.terminal import err

    if quarantine is not None:
        rows = cleaned.quarantine
        is_csv = quarantine.suffix.lower() == ".csv"
        write_frame(spreadsheet_safe(rows, "raw") if is_csv else rows, quarantine)
        err.print(f"{quarantine}: {len(rows):,} rows set aside")
    if out is not None:
        write_frame(cleaned.events, out)
        err.print(f"{out}: {len(cleaned.events):,} cleaned events")
