"""``tacit evaluate``: what beats the simple answers on this data, with intervals."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tacit.cli.options import AllowSeen, Encoder, Items, Roles, Seed, Users
from tacit.core.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from tacit.core.progress import Progress
    from tacit.data.clean import Rules
    from tacit.evaluation.split import Split

_FEW = 0.1
"""Share of test users with a history below which a cut in time says little of personal lists."""


def evaluate(
    events: Annotated[Path | None, typer.Argument(metavar="EVENTS", help="Event log to split.")] = None,
    items: Items = None,
    users: Users = None,
    mapping: Roles = None,
    split: Annotated[
        Literal["time", "leave-one-out", "random"] | None,
        typer.Option(
            "--split", help="How to hold out; the most honest way that the log supports by default."
        ),
    ] = None,
    share: Annotated[
        float, typer.Option("--share", min=0.001, max=0.5, help="Share of the events to hold out.")
    ] = 0.1,
    train: Annotated[
        Path | None, typer.Option("--train", help="In place of EVENTS: learn from this log ...")
    ] = None,
    test: Annotated[Path | None, typer.Option("--test", help="... and foretell this one.")] = None,
    models: Annotated[
        str | None, typer.Option("--models", help="Names, separated by commas; all but slow ones by default.")
    ] = None,
    rankers: Annotated[
        str | None,
        typer.Option(
            "--rankers",
            help="Compare on one first stage: linear, mlp, dcn, cnn, lambdamart, pair, none; by commas.",
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
    html: Annotated[Path | None, typer.Option("--html", help="Report with charts.")] = None,
    json: Annotated[
        str | None, typer.Option("--json", help="Report as JSON: a file, or - for standard output.")
    ] = None,
) -> None:
    """Fit models on the past, ask them about the future, and compare them with intervals."""
    from dataclasses import replace

    from tacit.cli.inputs import configured, user_frame
    from tacit.cli.outputs import check_report_places, write_reports
    from tacit.cli.terminal import Bars, err
    from tacit.engine.train import encoded
    from tacit.evaluation.comparison import compare, model_names, ranker_names
    from tacit.pipeline.comparable import models_that_need
    from tacit.reporting.evaluation import evaluation_page

    chosen = configured(config, encoder, seed)
    if allow_seen:
        chosen = replace(chosen, repeats=True)
    names, compared = _listed(models), _listed(rankers)
    model_names(names, chosen)  # what is misspelt is said before the log is read
    ranker_names(compared)
    check_report_places(html, json)
    bars = Bars()
    made = _split(
        events, train, test, items, mapping, chosen.cleaning, bars,
        protocol=split, share=share, seed=chosen.seed, allow_seen=allow_seen, candidates=candidates,
        weights=chosen.weights, users=user_frame(users),
    )  # fmt: skip
    made = replace(made, catalogue=encoded(made.catalogue, chosen.encoder, progress=bars)[1])
    if names is None and made.catalogue.vectors is None:
        err.print(
            f"left out: {', '.join(models_that_need('text'))}; no item has a text or no encoder was wanted"
        )
    report = compare(
        made, chosen, models=names, rankers=compared, ablation=ablation, against=against, progress=bars
    )
    _show(report, quiet=json == "-")
    write_reports(report, lambda: evaluation_page(report), html, json)


def _listed(text: str | None) -> list[str] | None:
    """Return the names of a list with commas; None where nothing was asked."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _split(
    events: Path | None,
    train: Path | None,
    test: Path | None,
    items: Path | None,
    mapping: list[str] | None,
    rules: "Rules",
    progress: "Progress",
    **options: object,
) -> "Split":
    """Cut one log, or take two files as the two sides of a cut.

    Rules that look at rows apply to everything, those that look at statistics to the training part alone.
    """
    from functools import partial

    from tacit.cli.inputs import cleaned_events, item_frame
    from tacit.data.clean import without_noise
    from tacit.evaluation.split import make_split, split_from_files

    def rows(path: Path) -> "pl.DataFrame":
        return cleaned_events(path, mapping, progress=progress, rules=rules.rows_only()).events

    catalogue, clean_train = item_frame(items), partial(without_noise, rules=rules)
    if train is not None and test is not None and events is None:
        chosen = {name: options[name] for name in ("allow_seen", "candidates", "weights", "users")}
        parts = [rows(path) for path in (train, test)]
        return split_from_files(
            parts[0],
            parts[1],
            catalogue,
            clean_train=clean_train,
            **chosen,  # type: ignore[arg-type]
        )
    if events is None or train is not None or test is not None:
        raise ConfigError("give one log to split, or both --train and --test")
    return make_split(
        rows(events),
        catalogue,
        clean_train=clean_train,
        **options,  # type: ignore[arg-type]
    )


def _show(report: dict[str, Any], *, quiet: bool) -> None:
    """Print tables, facts, conclusion and choice; on standard error where standard output is for JSON."""
    from tacit.cli.terminal import err
    from tacit.cli.terminal import out as console
    from tacit.reporting.terminal import evaluation_tables

    target = err if quiet else console
    target.print(evaluation_tables(report))
    target.print(_facts(report["data"]))
    target.print(report["conclusion"])
    target.print(report["choice"]["reason"])


def _facts(data: dict[str, Any]) -> str:
    parts = [
        f"{data['train_events']:,} events of {data['train_users']:,} users to learn from",
        f"{data['items']:,} items to choose from",
        f"{data['test_users']:,} users asked about ({data['warm_test_users']:,} with a history)",
        f"{data['targets']:,} targets ({data['cold_target_share']:.1%} on items without a training event)",
    ]
    if data["left_out_test_users"]:
        parts.append(f"{data['left_out_test_users']:,} test users left out as bots")
    lines = "; ".join(parts) + "."
    if data["warm_test_users"] < _FEW * data["test_users"]:
        lines += "\nAlmost nobody has a history; where users are sessions, ask with --split leave-one-out."
    return lines
