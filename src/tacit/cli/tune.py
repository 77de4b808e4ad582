"""``tacit tune``: better parameters for retrievers, found without the test."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tacit.cli.options import AllowSeen, Cut, Encoder, Events, ExecutorName, Items, Seed, Share, Users
from tacit.cli.reading_options import with_reading

_OPTIMISTIC = "The best of many on one cut is optimistic; tacit evaluate measures it on a later one."


@with_reading
def tune(
    events: Events,
    *,
    reading: dict[str, Any],
    out: Annotated[Path, typer.Option("--out", help="Configuration (TOML) to write.")],
    items: Items = None,
    users: Users = None,
    split: Cut = None,
    share: Share = 0.1,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Tune on the whole log, for a model that will serve and not be evaluated on it."
        ),
    ] = False,
    models: Annotated[
        str | None,
        typer.Option(
            "--models", help="Retrievers, separated by commas; all of the configuration by default."
        ),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="Trials for each retriever.")] = 20,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="No trial of a retriever begins after so long.")
    ] = 300.0,
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration (TOML) to start from.")
    ] = None,
    encoder: Encoder = None,
    allow_seen: AllowSeen = False,
    seed: Seed = None,
    executor: ExecutorName = "local",
    study: Annotated[
        Path | None, typer.Option("--study", help="SQLite file of the trials; a later run continues from it.")
    ] = None,
) -> None:
    """Search better parameters for retrievers, and write a configuration for fit and evaluate."""
    from tacit import api
    from tacit.cli.inputs import configured, listed, say_cluster, say_note, say_rejected
    from tacit.cli.outputs import check_place, write_text
    from tacit.cli.terminal import Bars, err
    from tacit.cli.terminal import out as console
    from tacit.core.places import check_apart
    from tacit.scale.executors import check_executor, open_executor

    check_executor(executor)
    check_place(out, "--out", (".toml",))
    if study is not None:
        check_place(study, "--study")
    inputs = {"the log": events, "--items": items, "--users": users, "--config": config}
    check_apart({"--out": out, "--study": study}, inputs)
    with open_executor(executor, say_cluster) as where:
        found = api.tune(
            events,
            items,
            users=users,
            models=listed(models),
            trials=trials,
            seconds=seconds,
            study=study,
            whole_log=everything,
            split=split,
            share=share,
            allow_seen=allow_seen,
            config=configured(config, encoder, seed, reading),
            progress=Bars(),
            on_read=say_rejected,
            on_note=say_note,
            executor=where,
        )
    origin = f"{found.protocol} cut of {'the whole log' if everything else 'its training part'}"
    lines = [_origin(events, origin), *found.lines, _OPTIMISTIC]
    write_text("".join(f"# {line}\n" for line in lines) + "\n" + found.config.to_toml(), out)
    console.print("\n".join(found.lines))
    err.print(f"{out}: configuration for tacit fit and tacit evaluate")


def _origin(events: str, cut: str) -> str:
    from datetime import UTC, datetime

    from tacit.core.clock import SystemClock

    day = datetime.fromtimestamp(SystemClock().now(), UTC).date()
    return f"tacit tune, {day}, {Path(events).name}: NDCG@10 of users with a history on a {cut}"
