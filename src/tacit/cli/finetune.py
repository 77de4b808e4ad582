"""``tacit finetune``: an encoder that has learned from a log what goes with what."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tacit.cli.options import Roles
from tacit.core.errors import ConfigError, DataError, UnsupportedError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from tacit.core.progress import Progress
    from tacit.core.types import Json
    from tacit.data.catalogue import Catalogue
    from tacit.data.interactions import Interactions
    from tacit.encoders.cold import Quality
    from tacit.encoders.huggingface import HuggingFaceEncoder


def finetune(
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="Event log to learn from.")],
    items: Annotated[Path, typer.Option("--items", help="Catalogue with item ids and texts.")],
    out: Annotated[
        Path,
        typer.Option("--out", help="Directory of the encoder to write; an older one there is replaced."),
    ],
    base: Annotated[
        str,
        typer.Option(
            "--base",
            help="Where to start: auto, minilm, tfidf, endpoint:URL#MODEL, a Hugging Face path or name.",
        ),
    ] = "auto",
    method: Annotated[
        Literal["head", "full"],
        typer.Option(
            "--method",
            help="head: a linear map behind the encoder, in seconds. full: the last layers of the model.",
        ),
    ] = "head",
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="TIME",
            help="Learn from events before a time only. Without it an evaluation on this log with this "
            "encoder is not honest: the encoder has seen the test.",
        ),
    ] = None,
    mapping: Roles = None,
    layers: Annotated[
        int, typer.Option("--layers", min=1, help="full: how many of the last layers learn.")
    ] = 2,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="full: time for the learning; measuring comes on top.")
    ] = 600.0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the run.")] = 7,
) -> None:
    """Tune a text encoder on a log, so that items nobody has clicked find those who will want them."""
    from tacit.cli.inputs import cleaned_events, item_frame
    from tacit.cli.terminal import Bars
    from tacit.core.manifest import check_target
    from tacit.core.seeds import generator
    from tacit.data.interactions import Interactions
    from tacit.data.weights import EventWeights
    from tacit.engine.train import catalogue_of

    check_target(out)
    model = _language_model(base) if method == "full" else None
    bars = Bars()
    log = _before(cleaned_events(events, mapping, progress=bars).events, until)
    catalogue = catalogue_of(log, item_frame(items))
    if not catalogue.has_text.any():
        raise UnsupportedError(f"no item of {items} has a text: there is nothing to encode")
    interactions = Interactions.from_frame(EventWeights.fit(log).weigh(log), catalogue.items)
    facts: dict[str, Json] = {"events": len(interactions), "until": until, "seed": seed}
    rng = generator(seed, "finetune")
    if model is None:
        _head(base, interactions, catalogue, out, facts, rng, bars)
    else:
        _full(model, interactions, catalogue, out, facts, rng, bars, layers=layers, seconds=seconds)


def _before(events: "pl.DataFrame", until: str | None) -> "pl.DataFrame":
    """Return the events before a time that somebody wrote down."""
    import polars as pl

    from tacit.data import columns as col
    from tacit.data.times import parser_for

    if until is None:
        return events
    written = pl.Series([until])
    parse = parser_for(written)
    moment = None if parse is None else parse(written)[0]
    if moment is None:
        raise ConfigError(f"--until {until!r} is no time; write 2024-05-01, 2024-05-01T12:00 or Unix seconds")
    kept = events.filter(pl.col(col.TIMESTAMP) < moment)
    if not len(kept):
        raise DataError(f"no event lies before --until {until}, or the log has no times")
    return kept


def _head(
    base: str,
    interactions: "Interactions",
    catalogue: "Catalogue",
    out: Path,
    facts: "dict[str, Json]",
    rng: "np.random.Generator",
    progress: "Progress",
) -> None:
    from tacit.cli.terminal import out as console
    from tacit.encoders import tuned
    from tacit.encoders.tfidf import TfidfEncoder
    from tacit.pipeline.text_encoder import encoder_from

    encoder = encoder_from(base, catalogue.texts.to_list())
    source = str(Path(base).resolve()) if Path(base).is_dir() else base
    if base == "auto":
        source = "tfidf" if isinstance(encoder, TfidfEncoder) else "minilm"
    made, fit = tuned.tune(encoder, source, interactions, catalogue, rng=rng, progress=progress)
    for trial in fit.trials:
        told = "as it is" if trial.strength is None else f"pull to that {trial.strength:g}"
        console.print(_line(told, trial.quality))
    tuned.save(made, out, {**facts, "before": fit.before.recall, "after": fit.after.recall})
    kept = "the encoder as it is was best" if fit.head.strength is None else f"pull {fit.head.strength:g}"
    console.print(_verdict(out, fit.before, fit.after, kept, facts))


def _full(
    model: "HuggingFaceEncoder",
    interactions: "Interactions",
    catalogue: "Catalogue",
    out: Path,
    facts: "dict[str, Json]",
    rng: "np.random.Generator",
    progress: "Progress",
    *,
    layers: int,
    seconds: float,
) -> None:
    from tacit.cli.terminal import err
    from tacit.cli.terminal import out as console
    from tacit.core.manifest import publish
    from tacit.core.version import __version__
    from tacit.encoders.finetune import Epoch, Plan, finetune, save_model

    def keep(epoch: Epoch, better: bool) -> None:
        told = "before" if epoch.epoch == 0 else f"epoch {epoch.epoch}, {epoch.seconds:.0f} s"
        loss = "" if epoch.epoch == 0 else f", loss {epoch.loss:.4f}"
        console.print(_line(told, epoch.quality) + loss)
        if better:
            meta: dict[str, Json] = {"tacit": __version__, "facts": {**facts, "recall": epoch.quality.recall}}
            publish(out, lambda target: save_model(model, target), meta)

    try:
        epochs = finetune(
            model,
            interactions,
            [text if known else "" for text, known in zip(catalogue.texts, catalogue.has_text, strict=True)],
            Plan(layers=layers, seconds=seconds),
            rng=rng,
            on_epoch=keep,
            progress=progress,
        )
    except KeyboardInterrupt:
        err.print(f"interrupted; {out} holds the best epoch so far, if any was better than the start")
        raise
    best = max(epochs, key=lambda epoch: epoch.quality.ndcg)
    if best.epoch == 0:
        console.print(f"no epoch was better than the encoder as it is: {out} was not written")
    else:
        console.print(_verdict(out, epochs[0].quality, best.quality, f"epoch {best.epoch}", facts))


def _language_model(base: str) -> "HuggingFaceEncoder":
    from tacit.encoders import minilm
    from tacit.encoders.huggingface import HuggingFaceEncoder
    from tacit.encoders.tuned import is_tuned

    if base in ("auto", "minilm"):
        return minilm.minilm(dtype="float32")
    if base == "tfidf" or base.startswith("endpoint:") or is_tuned(Path(base)):
        raise ConfigError(f"--method full trains a Hugging Face model, and {base} is none: use --method head")
    return HuggingFaceEncoder(base, dtype="float32")


def _line(told: str, quality: "Quality") -> str:
    return f"{told}: Recall@20 {quality.recall:.4f}, NDCG@20 {quality.ndcg:.4f} of items set aside"


def _verdict(out: Path, before: "Quality", after: "Quality", kept: str, facts: "dict[str, Json]") -> str:
    told = (
        f"{out}: Recall@20 of items set aside {before.recall:.4f} before, {after.recall:.4f} after ({kept}); "
        f"use it with --encoder {out}"
    )
    seen = "\nIt has seen the whole log: judge it by later events only, or learn with --until."
    return told + (seen if facts["until"] is None else "")
