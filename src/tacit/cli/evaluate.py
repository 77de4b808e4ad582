"""``tacit evaluate``: what beats the simple answers on this data, with intervals."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tacit.cli.options import AllowSeen, Cut, Encoder, ExecutorName, Items, Seed, Share, Users, known
from tacit.cli.reading_options import with_reading

_FEW = 0.1
"""Share of test users with a history below which a cut in time hardly measures personal lists."""


@with_reading
def evaluate(
    events: Annotated[str | None, typer.Argument(metavar="EVENTS", help="Event log to split.")] = None,
    *,
    reading: dict[str, Any],
    items: Items = None,
    users: Users = None,
    split: Cut = None,
    share: Share = 0.1,
    origins: Annotated[
        int | None,
        typer.Option(
            "--origins",
            help="Predict so many stretches of time, each from all before it (2 to 50), and say what to "
            "expect of the next.",
        ),
    ] = None,
    train: Annotated[
        str | None, typer.Option("--train", help="In place of EVENTS: learn from this log ...")
    ] = None,
    test: Annotated[Path | None, typer.Option("--test", help="... and predict this one.")] = None,
    models: Annotated[
        str | None,
        typer.Option(
            "--models",
            help=f"Names, separated by commas: {known('retriever')}, their variants, blend, tacit; all but "
            "slow ones by default.",
        ),
    ] = None,
    rankers: Annotated[
        str | None,
        typer.Option(
            "--rankers",
            help=f"Compare on one first stage, separated by commas: {known('ranker', 'reranker')}, none.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            help="Model that differences are taken against.",
            show_default="the best simple one",
        ),
    ] = None,
    ablation: Annotated[
        bool,
        typer.Option("--ablation", help="Compare the ranker with itself without each family of features."),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Configuration (TOML) of cleaning and of the models blend and tacit."),
    ] = None,
    encoder: Encoder = None,
    candidates: Annotated[
        Literal["catalogue", "log"],
        typer.Option(
            "--candidates",
            help="What is ranked: catalogue and training events, or, as in papers, all items of the log.",
        ),
    ] = "catalogue",
    allow_seen: AllowSeen = False,
    seed: Seed = None,
    executor: ExecutorName = "local",
    html: Annotated[Path | None, typer.Option("--html", help="Report with charts.")] = None,
    json: Annotated[
        str | None, typer.Option("--json", help="Report as JSON: a file, or - for standard output.")
    ] = None,
) -> None:
    """Fit models on the first part of a log, predict the rest, and compare them with intervals."""
    from tacit import api
    from tacit.cli.inputs import configured, listed, say_cluster, say_note, say_rejected
    from tacit.cli.outputs import check_report_places, write_reports
    from tacit.cli.terminal import Bars
    from tacit.core.places import check_apart
    from tacit.scale.executors import check_executor, open_executor

    check_executor(executor)
    check_report_places(html, json)
    inputs = {"--train": train, "--test": test, "--items": items, "--users": users, "--config": config}
    check_apart({"--html": html, "--json": json}, {"the log": events, **inputs})
    names = listed(models)
    with open_executor(executor, say_cluster) as where:
        evaluation = api.evaluate(
            events,
            items,
            train=train,
            test=test,
            users=users,
            models=names,
            rankers=listed(rankers),
            ablation=ablation,
            against=against,
            split=split,
            share=share,
            origins=origins,
            candidates=candidates,
            allow_seen=allow_seen,
            config=configured(config, encoder, seed, reading),
            progress=Bars(),
            on_read=say_rejected,
            on_note=partial(say_note, quiet=json == "-"),
            executor=where,
        )
    if names is None:
        _say_left_out(evaluation.report)
    _show(evaluation.report, quiet=json == "-")
    write_reports(evaluation.report, evaluation.html, html, json)


def _say_left_out(report: dict[str, Any]) -> None:
    """Print to standard error which models were not compared because there are no texts."""
    from tacit.cli.terminal import err
    from tacit.pipeline.comparable import models_that_need

    compared = {row["name"] for row in report["models"]}
    if left_out := [name for name in models_that_need("text") if name not in compared]:
        err.print(f"left out: {', '.join(left_out)}; no item has a text or no encoder was wanted")


def _show(report: dict[str, Any], *, quiet: bool) -> None:
    """Print tables, facts, conclusion and choice; to standard error if standard output is for JSON."""
    from tacit.cli.terminal import err
    from tacit.cli.terminal import out as console
    from tacit.reporting.rolling_origins import rolling_facts
    from tacit.reporting.terminal import evaluation_tables

    target = err if quiet else console
    target.print(evaluation_tables(report))
    target.print(rolling_facts(report["origins"]) if "origins" in report else _facts(report["data"]))
    target.print(report["conclusion"])
    target.print(report["choice"]["reason"])


def _facts(data: dict[str, Any]) -> str:
    parts = [
        f"{data['train_events']:,} events of {data['train_users']:,} users to learn from",
        f"{data['items']:,} items to choose from",
        f"{data['test_users']:,} test users ({data['warm_test_users']:,} with a history)",
        f"{data['targets']:,} targets ({data['cold_target_share']:.1%} on items without a training event)",
    ]
    if data["left_out_test_users"]:
        parts.append(f"{data['left_out_test_users']:,} test users left out as bots")
    lines = "; ".join(parts) + "."
    if data["warm_test_users"] < _FEW * data["test_users"]:
        lines += "\nAlmost nobody has a history; where users are sessions, use --split leave-one-out."
    return lines
