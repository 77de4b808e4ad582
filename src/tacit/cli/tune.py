"""``tacit tune``: better parameters for retrievers, found without a look at the test."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tacit.cli.options import AllowSeen, Encoder, Items, Roles, Seed
from tacit.core.errors import ConfigError

if TYPE_CHECKING:
    from tacit.core.progress import Progress
    from tacit.core.types import Float64
    from tacit.evaluation.split import Split
    from tacit.evaluation.tuning import Tuned
    from tacit.pipeline.config import Config

Retrievers = dict[str, dict[str, Any]]

_SQLITE = b"SQLite format 3\0"

_FLATTERS = "The best of many on one cut flatters: what it is worth, tacit evaluate tells on a later one."

_NEED_TEXT = ("content", "textprior")
"""Models that say nothing, or nothing of their own, without item vectors."""


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

    check_place(out, "--out", (".toml",))
    storage = _storage(study)
    base = configured(config, encoder, seed)
    if allow_seen:
        base = replace(base, repeats=True)
    names = _names(models, base)
    bars = Bars()
    made = _validation(
        events, items, mapping, base, bars,
        everything=everything, protocol=split, share=share, seed=base.seed, allow_seen=allow_seen,
        weights=base.weights,
    )  # fmt: skip
    made = replace(made, catalogue=encoded(made.catalogue, base.encoder, progress=bars)[1])
    names = _possible(names, base, made)
    found = _found(names, base, made, bars, trials=trials, seconds=seconds, storage=storage)
    retrievers, told = _kept(base, found, made, bars)
    origin = f"{made.protocol} cut of {'the whole log' if everything else 'its training part'}"
    given = {"encoder": encoder, "seed": seed, "repeats": allow_seen or None}
    write_text(_text(config, given, retrievers, [_origin(events, origin), *told]), out)
    console.print("\n".join(told))
    err.print(f"{out}: configuration for tacit fit and tacit evaluate")


def _storage(study: Path | None) -> str | None:
    from tacit.cli.outputs import check_place

    if study is None:
        return None
    check_place(study, "--study")
    if study.exists() and study.read_bytes()[: len(_SQLITE)] not in (b"", _SQLITE):
        raise ConfigError(f"--study {study} is not a study but another file; name a new one")
    return f"sqlite:///{study.resolve()}"


def _names(models: str | None, base: "Config") -> list[str]:
    """Return what to tune: retrievers of the configuration, or models of the names that are asked for.

    By default the first of each model: tuned alike, two of the same model would say the same.
    """
    from tacit.pipeline.spaces import SPACES

    if models is None:
        first = {_model(base, name): name for name in reversed(base.retrievers)}
        return [name for name in base.retrievers if name in first.values() and _model(base, name) in SPACES]
    names = list(dict.fromkeys(name.strip() for name in models.split(",") if name.strip()))
    for name in names:
        if _model(base, name) not in SPACES:
            raise ConfigError(f"--models: nothing to tune in {name!r}; known: {', '.join(SPACES)}")
    return names


def _model(base: "Config", name: str) -> str:
    from tacit.pipeline.retrievers import model_of

    return model_of(name, base.retrievers.get(name, {}))


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


def _possible(names: list[str], base: "Config", made: "Split") -> list[str]:
    """Return the retrievers that can be tuned; say which need texts that are not there."""
    from tacit.cli.terminal import err

    silent = [name for name in names if made.catalogue.vectors is None and _model(base, name) in _NEED_TEXT]
    if silent:
        err.print(f"not tuned, as no item has a text or no encoder was wanted: {', '.join(silent)}")
    possible = [name for name in names if name not in silent]
    if not possible:
        raise ConfigError("there is nothing to tune; name retrievers with --models")
    return possible


def _found(
    names: list[str], base: "Config", made: "Split", progress: "Progress", **budget: Any
) -> "list[Tuned]":
    """Tune one retriever after the other with the same budget, until all are done or an interrupt."""
    from functools import partial

    from tacit.evaluation import tuning
    from tacit.pipeline.retrievers import RETRIEVERS
    from tacit.pipeline.spaces import SPACES

    found: list[Tuned] = []
    with progress.task("tuning", total=len(names)) as task:
        for name in names:
            model, own = _model(base, name), dict(base.retrievers.get(name, {}))
            own.pop("model", None)
            make = partial(RETRIEVERS[model], name=name, **own)
            one = tuning.tune(name, make, SPACES[model], made, seed=base.seed, progress=progress, **budget)
            found.append(one)
            task.advance()
            if one.interrupted:
                break
    return found


def _kept(
    base: "Config", found: "Sequence[Tuned]", made: "Split", progress: "Progress"
) -> tuple[Retrievers, list[str]]:
    """Return the retrievers to write and what there is to say of them.

    Each is better alone; all together may be none the better for it. So the blend of the tuned ones is
    measured beside that of the ones before, and they are kept where it gains more than its standard error.
    """
    from tacit.evaluation.tuning import surely_better

    told = [
        f"{one.name}: {one.start.value:.4f} before, {one.best.value:.4f} after {len(one.trials)} trials"
        for one in found
    ]
    tuned = {
        **base.retrievers,
        **{one.name: _merged(base.retrievers.get(one.name, {}), one) for one in found},
    }
    if any(one.interrupted for one in found):
        return tuned, [*told, "interrupted: the blend of all was not compared"]
    before, after = (_blended(base, retrievers, made, progress) for retrievers in (base.retrievers, tuned))
    better = surely_better(after, before)
    verdict = "the tuned ones are kept" if better else "within noise, so the ones before are kept"
    told.append(f"blend of all: {before.mean():.4f} before, {after.mean():.4f} after: {verdict}")
    return tuned if better else base.retrievers, told


def _merged(own: Mapping[str, Any], one: "Tuned") -> dict[str, Any]:
    """Return the parameters to write: not what is None, which is the default wherever it is possible."""
    if one.best is one.start:
        return dict(own)
    return {name: value for name, value in {**own, **one.best.parameters}.items() if value is not None}


def _blended(base: "Config", retrievers: Retrievers, made: "Split", progress: "Progress") -> "Float64":
    from dataclasses import replace

    from tacit.evaluation.tuning import quality
    from tacit.pipeline.twostage import TwoStage

    model = TwoStage(replace(base, retrievers=retrievers, ranker=None), name="blend")
    return quality("blend", model, made, seed=base.seed, progress=progress)


def _origin(events: Path, cut: str) -> str:
    from datetime import UTC, datetime

    from tacit.core.clock import SystemClock

    day = datetime.fromtimestamp(SystemClock().now(), UTC).date()
    return f"tacit tune, {day}, {events.name}: NDCG@10 of users with a history on a {cut}"


def _text(config: Path | None, given: Mapping[str, Any], retrievers: Retrievers, told: Sequence[str]) -> str:
    """Return the configuration that was started from with what was given and found, as TOML with comments."""
    import tomli_w

    raw = {} if config is None else tomllib.loads(config.read_text("utf-8"))
    raw |= {name: value for name, value in given.items() if value is not None}
    raw["retrievers"] = retrievers
    return "".join(f"# {line}\n" for line in [*told, _FLATTERS]) + "\n" + tomli_w.dumps(raw)
