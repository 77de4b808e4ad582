"""From an event log and a catalogue to a text encoder tuned on the log.

Two methods: ``head`` learns a linear map behind an encoder in seconds (`tacit.encoders.tuned`), ``full``
trains the last layers of a language model (`tacit.encoders.finetune`). Both are measured on held-out items,
and the encoder as it is stays one of the choices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from tacit.core.errors import ConfigError, DataError, UnsupportedError
from tacit.core.manifest import ENCODER, check_target, publish
from tacit.core.notes import Notes, OnNote
from tacit.core.places import check_directory_place
from tacit.core.progress import SILENT, Progress
from tacit.core.room import writing
from tacit.core.seeds import generator
from tacit.core.types import Json
from tacit.core.version import __version__
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.interactions import Interactions
from tacit.data.times import read_moment
from tacit.data.weights import EventWeights
from tacit.encoders import minilm, tuned
from tacit.encoders.cold import Quality
from tacit.encoders.finetune import Epoch, Plan, finetune, save_model
from tacit.encoders.huggingface import HuggingFaceEncoder
from tacit.engine.train import catalogue_of, text_report_of, worded_texts
from tacit.pipeline.text_encoder import check_available, encoder_from

Method = Literal["head", "full"]

_UNTRAINABLE = ("use", "pair", "tfidf")
"""Encoders without layers that the method full could train: their own maps are the method head's work."""
_START = "the encoder as it is"


@dataclass(frozen=True)
class Attempt:
    """One encoder, measured on the held-out items.

    Attributes
    ----------
    name : str
        "the encoder as it is", "pull 0.3" (of a head) or "epoch 2".
    quality : Quality
        ``recall`` (Recall@20) and ``ndcg`` (NDCG@20) of the held-out items.
    loss, seconds : float or None
        Of an epoch.
    """

    name: str
    quality: Quality
    loss: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Finetuned:
    """Result of a fine-tuning of an encoder.

    Attributes
    ----------
    directory : Path
        Value for ``Config(encoder=...)``, if the encoder was written.
    written : bool
        False if no epoch was better than the encoder as it is.
    attempts : list of Attempt
        All measured encoders, the encoder as it is first.
    best : Attempt
    """

    directory: Path
    written: bool
    attempts: list[Attempt]
    best: Attempt

    @property
    def before(self) -> Quality:
        """Quality of the encoder as it is."""
        return self.attempts[0].quality

    @property
    def after(self) -> Quality:
        """Quality of the best encoder."""
        return self.best.quality


@dataclass(frozen=True)
class _Source:
    """The data that an encoder learns from."""

    interactions: Interactions
    catalogue: Catalogue
    facts: dict[str, Json]


def finetune_encoder(
    events: pl.DataFrame,
    items: pl.DataFrame,
    out: Path,
    *,
    method: Method = "head",
    base: str = "auto",
    until: str | None = None,
    layers: int = 2,
    seconds: float = 600.0,
    seed: int = 7,
    event_map: EventMap = NO_EVENT_MAP,
    progress: Progress = SILENT,
    on_epoch: Callable[[Attempt], None] | None = None,
    on_note: OnNote | None = None,
) -> Finetuned:
    """Tune a text encoder on a cleaned log and write it; see `tacit.finetune`.

    Raises
    ------
    ConfigError
        If the method, the base or the time cannot be used.
    DataError
        If no event lies before ``until``.
    UnsupportedError
        If no item has a text.
    """
    check_request(method, base, out, until)
    log = _before(events, until)
    catalogue = catalogue_of(log, items)
    if not catalogue.has_text.any():
        raise UnsupportedError("no item of the catalogue has a text: there is nothing to encode")
    interactions = Interactions.from_frame(
        EventWeights.fit(log, events=event_map).weigh(log), catalogue.items
    )
    facts: dict[str, Json] = {"events": len(interactions), "until": until, "seed": seed}
    source = _Source(interactions, catalogue, facts)
    tell = on_epoch or (lambda attempt: None)
    report = text_report_of(catalogue, base, Notes(on_note), progress)
    base = report.encoder if report else base
    if method == "head":
        return _head(base, source, out, seed, progress, tell)
    return _full(
        _language_model(base, report.why if report else ""),
        source,
        out,
        Plan(layers=layers, seconds=seconds),
        seed,
        progress,
        tell,
    )


def check_request(method: str, base: str, out: Path, until: str | None = None) -> None:
    """Refuse impossible arguments before any file is read.

    Raises
    ------
    ConfigError
        If there is no such method, base or time, the base has no layers to train, or the directory cannot
        be written.
    ArtifactError
        If the directory holds something else.
    """
    if method not in get_args(Method):
        raise ConfigError(f"there is no method {method!r}; known: {', '.join(get_args(Method))}")
    if until is not None:
        _moment(until)
    check_available(base)
    check_directory_place(out, "the directory")
    check_target(out, ENCODER)
    if method == "full" and (
        base in _UNTRAINABLE or base.startswith("endpoint:") or tuned.is_tuned(Path(base))
    ):
        raise ConfigError(
            f"the method full trains a Hugging Face model, and {base} is none: use the method head"
        )


def _before(events: pl.DataFrame, until: str | None) -> pl.DataFrame:
    """Return the events before a time given as text."""
    if until is None:
        return events
    moment = _moment(until)
    kept = events.filter(pl.col(col.TIMESTAMP) < moment)
    if not len(kept):
        raise DataError(f"no event lies before {until}, or the log has no times; give a later time")
    return kept


def _moment(until: str) -> float:
    """Return the Unix time of a time given as text."""
    try:
        return read_moment(until)
    except DataError as error:
        raise ConfigError(f"until {error}") from error


def _head(
    base: str,
    source: _Source,
    out: Path,
    seed: int,
    progress: Progress,
    tell: Callable[[Attempt], None],
) -> Finetuned:
    encoder = encoder_from(base, worded_texts(source.catalogue))
    origin = str(Path(base).resolve()) if Path(base).is_dir() else base
    rng = generator(seed, "finetune")
    learned, fit = tuned.tune(
        encoder, origin, source.interactions, source.catalogue, rng=rng, progress=progress
    )
    attempts = [
        Attempt(_START if one.strength is None else f"pull {one.strength:g}", one.quality)
        for one in fit.trials
    ]
    for attempt in attempts:
        tell(attempt)
    tuned.save(learned, out, {**source.facts, "before": fit.before.recall, "after": fit.after.recall})
    best = next(
        attempt
        for attempt, one in zip(attempts, fit.trials, strict=True)
        if one.strength == fit.head.strength
    )
    return Finetuned(out, True, attempts, best)


def _full(
    model: HuggingFaceEncoder,
    source: _Source,
    out: Path,
    plan: Plan,
    seed: int,
    progress: Progress,
    tell: Callable[[Attempt], None],
) -> Finetuned:
    def keep(epoch: Epoch, better: bool) -> None:
        tell(_attempt(epoch))
        if better:
            facts: dict[str, Json] = {**source.facts, "recall": epoch.quality.recall}
            with writing(out):
                publish(
                    out,
                    lambda target: save_model(model, target),
                    {"tacit": __version__, "facts": facts},
                    kind=ENCODER,
                )

    catalogue = source.catalogue
    epochs = finetune(
        model,
        source.interactions,
        [text if known else "" for text, known in zip(catalogue.texts, catalogue.has_text, strict=True)],
        plan,
        rng=generator(seed, "finetune"),
        on_epoch=keep,
        progress=progress,
    )
    best = max(epochs, key=lambda epoch: epoch.quality.ndcg)
    return Finetuned(out, best.epoch > 0, [_attempt(epoch) for epoch in epochs], _attempt(best))


def _attempt(epoch: Epoch) -> Attempt:
    if epoch.epoch == 0:
        return Attempt(_START, epoch.quality)
    return Attempt(f"epoch {epoch.epoch}", epoch.quality, epoch.loss, epoch.seconds)


def _language_model(source: str, why: str) -> HuggingFaceEncoder:
    """Return the model of a source, ready for training.

    Raises
    ------
    ConfigError
        If it is none that this method can train.
    """
    if source in _UNTRAINABLE:
        raise ConfigError(
            f"the method full cannot train the encoder {source} ({why}); use the method head, "
            "or name a Hugging Face model that reads these texts"
        )
    if source == "minilm":
        return minilm.minilm(dtype="float32")
    return HuggingFaceEncoder(source, dtype="float32")
