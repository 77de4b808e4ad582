"""``tacit tune``: better parameters for retrievers, found without a look at the test."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tacit.cli.options import AllowSeen, Encoder, Items, Roles, Seed
from tacit.core.errors import ConfigError

if TYPE_CHECKING:
    from tacit.core.progress import Progress
    from tacit.evaluation.split import Split
    from tacit.pipeline.config import Config

Retrievers = dict[str, dict[str, Any]]

_SQLITE = b"SQLite format 3\0"

_FLATTERS = "The best of many on one cut flatters: what it is worth, tacit evaluate tells on a later one."


def tune(
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="Event log.")],
    out: Annotated[Path, typer.Option("--out", help="Configuration (TOML) to write.")],
    items: Items = None,
    mapping: Roles = None,
    split: Annotated[
        Literal["time", "leave-one-out", "random"] | None,
        typer.Option(
            "--split", help="How to hold out, as for evaluate: the test that it will make is never seen."
        ),
    ] = None,
    share: Annotated[
        float,
        typer.Option("--share", min=0.001, max=0.5, help="Share of the events to hold out, as for evaluate."),
    ] = 0.1,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Tune on the whole log, for a model that is to serve and not to be evaluated on it."
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
    study: Annotated[
        Path | None, typer.Option("--study", help="SQLite file of the trials: a run goes on where it was.")
    ] = None,
) -> None:
    """Search better parameters for retrievers, and write a configuration that fit and evaluate take."""
    from dataclasses import replace

    from tacit.cli.inputs import configured
    from tacit.cli.outputs import check_place, write_text
    from tacit.cli.terminal import Bars, err
    from tacit.cli.terminal import out as console
    from tacit.engine.train import encoded
    from tacit.evaluation.tuned_config import retrievers_to_tune, tune_config

    check_place(out, "--out", (".toml",))
    storage = _storage(study)
    base = configured(config, encoder, seed)
    if allow_seen:
        base = replace(base, repeats=True)
    names = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    retrievers_to_tune(names, base)  # what is misspelt is said before the log is read
    bars = Bars()
    made = _validation(
        events, items, mapping, base, bars,
        everything=everything, protocol=split, share=share, seed=base.seed, allow_seen=allow_seen,
        weights=base.weights,
    )  # fmt: skip
    made = replace(made, catalogue=encoded(made.catalogue, base.encoder, progress=bars)[1])
    found = tune_config(
        base, made, names=names, trials=trials, seconds=seconds, storage=storage, progress=bars
    )
    origin = f"{made.protocol} cut of {'the whole log' if everything else 'its training part'}"
    lines = [_origin(events, origin), *found.lines, _FLATTERS]
    write_text("".join(f"# {line}\n" for line in lines) + "\n" + found.config.to_toml(), out)
    console.print("\n".join(found.lines))
    err.print(f"{out}: configuration for tacit fit and tacit evaluate")


def _storage(study: Path | None) -> str | None:
    from tacit.cli.outputs import check_place

    if study is None:
        return None
    check_place(study, "--study")
    if study.exists() and study.read_bytes()[: len(_SQLITE)] not in (b"", _SQLITE):
        raise ConfigError(f"--study {study} is not a study but another file; name a new one")
    return f"sqlite:///{study.resolve()}"


def _validation(
    events: Path,
    items: Path | None,
    mapping: list[str] | None,
    base: "Config",
    progress: "Progress",
    *,
    everything: bool,
    **cut: Any,
) -> "Split":
    """Cut the training part of the log (or all of it) as `tacit evaluate` cuts the whole."""
    from functools import partial

    from tacit.cli.inputs import cleaned_events, item_frame
    from tacit.data.clean import without_noise
    from tacit.evaluation.split import make_split, training_part

    rows = cleaned_events(events, mapping, progress=progress, rules=base.cleaning.rows_only()).events
    if not everything:
        rows = training_part(rows, **{name: cut[name] for name in ("protocol", "share", "seed")})
    return make_split(
        rows,
        item_frame(items),
        clean_train=partial(without_noise, rules=base.cleaning),
        **cut,
    )


def _origin(events: Path, cut: str) -> str:
    from datetime import UTC, datetime

    from tacit.core.clock import SystemClock

    day = datetime.fromtimestamp(SystemClock().now(), UTC).date()
    return f"tacit tune, {day}, {events.name}: NDCG@10 of users with a history on a {cut}"
