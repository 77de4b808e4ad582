"""``tacit fit``: from a log and a catalogue to a snapshot."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tacit.cli.options import Encoder, Events, ExecutorName, Items, Seed, Users, known
from tacit.cli.reading_options import with_reading

if TYPE_CHECKING:
    from tacit.api import Model
    from tacit.engine.train_within import Reached

_QUICK = 5
"""Seconds of a quick fit."""


@with_reading
def fit(
    events: Events,
    *,
    reading: dict[str, Any],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="Directory of the snapshot to write; an older snapshot there is replaced."
        ),
    ],
    items: Items = None,
    users: Users = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Configuration (TOML): cleaning, retrievers, ranker, encoder."),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option("--like", help="Snapshot whose configuration to start from, in place of --config."),
    ] = None,
    ranker: Annotated[
        str | None,
        typer.Option(
            "--ranker",
            help=f"{known('ranker', 'reranker')} or none, alone.",
            show_default="that of the configuration, or mlp",
        ),
    ] = None,
    encoder: Encoder = None,
    seed: Seed = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            min=1,
            help="About how long the fit may take, at least 1. The first usable snapshot is written after a "
            "few seconds, better ones while time is left; Ctrl-C leaves the best so far.",
            show_default="as long as the whole configuration takes",
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"The same as --seconds {_QUICK}.")] = False,
    executor: ExecutorName = "local",
    html: Annotated[Path | None, typer.Option("--html", help="How the ranker learned, with charts.")] = None,
) -> None:
    """Clean a log, fit everything on it and write one snapshot directory."""
    from tacit import api
    from tacit.cli.inputs import configured, say_cluster, say_note, say_rejected
    from tacit.cli.outputs import check_place, write_text
    from tacit.cli.terminal import Bars
    from tacit.cli.terminal import out as console
    from tacit.core.errors import ConfigError
    from tacit.core.manifest import check_target
    from tacit.core.places import check_apart, check_directory_place
    from tacit.pipeline.config import with_ranker
    from tacit.reporting.training_page import epoch_line, training_page
    from tacit.scale.executors import check_executor, open_executor
    from tacit.store.versions import check_no_versions

    if quick and seconds is not None:
        raise ConfigError(f"--quick is --seconds {_QUICK} and --seconds is given too; leave one of them out")
    limit = _QUICK if quick else seconds
    check_executor(executor)
    check_directory_place(out, "--out")
    check_no_versions(out)
    check_target(out)
    if html is not None:
        check_place(html, "--html")
    chosen = configured(config, encoder, seed, reading, like=like)
    if html is not None:
        chosen = replace(chosen, importance=True)
    own = Path(chosen.encoder) if Path(chosen.encoder).is_dir() else None
    # A snapshot that only lends its configuration may be replaced: it has been read.
    inputs = {"the log": events, "--items": items, "--users": users, "--config": config, "--encoder": own}
    check_apart({"--out": out, "--html": html}, inputs)
    steps = _Steps(out)
    with open_executor(executor, say_cluster) as where:
        model = api.fit(
            events,
            items,
            users=users,
            config=chosen if ranker is None else with_ranker(chosen, ranker),
            seconds=limit,
            progress=Bars(),
            on_read=say_rejected,
            on_epoch=lambda epoch: console.print(epoch_line(epoch)),
            on_step=None if limit is None else steps,
            on_note=say_note,
            executor=None if where.in_process else where,
        )
    if model.snapshot.version != steps.written:  # without a limit, or interrupted while it was written
        model.save(out)
    if html is not None and model.report is not None:
        write_text(training_page(model.report.to_json()), html)
    _show(model, out)


class _Steps:
    """Writes the snapshots of a fit within a time, and prints what was reached.

    Attributes
    ----------
    written : str
        Version of the snapshot that is in the directory; "" for none.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self.written = ""

    def __call__(self, reached: "Reached", model: "Model | None") -> None:
        from tacit.cli.terminal import out as console
        from tacit.reporting.training_page import step_line

        if model is not None:
            model.save(self._place)
            self.written = model.snapshot.version
        console.print(step_line(reached.to_json()), soft_wrap=True)


def _show(model: "Model", place: Path) -> None:
    """Print what was learned, and what the snapshot holds."""
    from tacit.cli.terminal import out as console
    from tacit.engine.snapshot import LOG_FILE
    from tacit.pipeline.explain import NOT_PERSONAL
    from tacit.reporting.training_page import gain_line, part_line, rerank_line, similar_line, unseen_line

    report, snapshot = model.report, model.snapshot
    if report is not None:
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in report.weights.items())
        console.print(f"blend: {weights}; weight of the ranker: {report.ranker_weight:.2f}")
        if report.part:
            console.print(part_line(asdict(report.part)))
        if report.unseen and report.unseen.items:
            console.print(unseen_line(asdict(report.unseen)))
        for kind, of_kind in report.similar.items():
            console.print(similar_line(kind, asdict(of_kind)))
        if report.gain:
            console.print(gain_line(report.gain))
        if report.test:
            figures = ", ".join(f"{name} {value:.4f}" for name, value in report.test.items())
            console.print(f"ranker on held-out users: {figures}")
    if not snapshot.pipeline.personal:
        console.print(NOT_PERSONAL)
    if model.rerank_report is not None:
        console.print(rerank_line(model.rerank_report))
    console.print(
        f"{place}: model {snapshot.version}, {len(snapshot.interactions):,} events, "
        f"{snapshot.interactions.n_users:,} users, {len(snapshot.catalogue):,} items; "
        f"log for refits {(place / LOG_FILE).stat().st_size / 1e6:,.1f} MB"
    )
