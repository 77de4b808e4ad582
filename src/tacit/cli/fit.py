"""``tacit fit``: from a log and a catalogue to a snapshot."""

from pathlib import Path
from typing import Annotated

import typer

from tacit.cli.options import Encoder, Items, Roles, Seed, Users


def fit(
    events: Annotated[
        Path, typer.Argument(metavar="EVENTS", help="Event log: CSV, TSV, JSONL or Parquet, packed or not.")
    ],
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
    ranker: Annotated[
        str | None,
        typer.Option(
            "--ranker",
            help="linear, mlp, dcn, cnn, lambdamart, pair or none, alone.",
            show_default="that of the configuration, or mlp",
        ),
    ] = None,
    encoder: Encoder = None,
    mapping: Roles = None,
    seed: Seed = None,
    html: Annotated[Path | None, typer.Option("--html", help="How the ranker learned, with charts.")] = None,
) -> None:
    """Clean a log, fit everything on it and write one snapshot directory."""
    from tacit.cli.inputs import cleaned_events, configured, item_frame, user_frame
    from tacit.cli.outputs import check_place, write_text
    from tacit.cli.terminal import Bars
    from tacit.cli.terminal import out as console
    from tacit.core.manifest import check_target
    from tacit.engine.snapshot import save
    from tacit.engine.train import train
    from tacit.pipeline.config import with_ranker
    from tacit.reporting.training_page import epoch_line, gain_line, rerank_line, training_page

    check_target(out)
    if html is not None:
        check_place(html, "--html")
    bars = Bars()
    chosen = configured(config, encoder, seed)
    if ranker is not None:
        chosen = with_ranker(chosen, ranker)
    log = cleaned_events(events, mapping, progress=bars, rules=chosen.cleaning)
    snapshot = train(
        log.events,
        item_frame(items),
        chosen,
        users=user_frame(users),
        progress=bars,
        on_epoch=lambda epoch: console.print(epoch_line(epoch)),
    )
    save(snapshot, out)
    report = snapshot.pipeline.report_
    if report is not None:
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in report.weights.items())
        console.print(f"blend: {weights}; trust in the ranker: {report.ranker_weight:.2f}")
        if report.gain:
            console.print(gain_line(report.gain))
        if report.test:
            figures = ", ".join(f"{name} {value:.4f}" for name, value in report.test.items())
            console.print(f"ranker on held-out users: {figures}")
        if html is not None:
            write_text(training_page(report.to_json()), html)
    if (rerank := snapshot.pipeline.rerank_report_) is not None:
        console.print(rerank_line(rerank))
    console.print(
        f"{out}: model {snapshot.version}, {len(snapshot.interactions):,} events, "
        f"{snapshot.interactions.n_users:,} users, {len(snapshot.catalogue):,} items"
    )
