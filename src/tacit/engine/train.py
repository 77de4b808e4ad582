"""From cleaned frames to a snapshot: the steps of a fit."""

import hashlib
import platform
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import version as installed
from pathlib import Path

import numpy as np
import polars as pl

from tacit.core.errors import DataError, UnsupportedError
from tacit.core.executor import Executor
from tacit.core.memory import allowed_gb, free_gb, held_gb
from tacit.core.notes import Notes, OnNote
from tacit.core.progress import SILENT, Progress
from tacit.core.seeds import generator
from tacit.core.types import Json
from tacit.core.version import __version__
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.data.event_map import nothing_says_yes
from tacit.data.interactions import Interactions
from tacit.data.text_report import TextReport
from tacit.data.users import Users
from tacit.data.vocabulary import Vocabulary
from tacit.data.weights import EventWeights
from tacit.encoders import tuned
from tacit.encoders.describe import text_report
from tacit.encoders.encoder import TextEncoder
from tacit.encoders.learned import LEARNED, is_centred
from tacit.engine.cleaned_log import CleanedLog, LoggedEvents, log_of
from tacit.engine.snapshot import Snapshot, version_of
from tacit.pipeline.config import Config
from tacit.pipeline.costs import Expected, Size, expected, in_words, reductions
from tacit.pipeline.firststage import most_at_once
from tacit.pipeline.text_encoder import NO_ENCODER, encode_elsewhere, encoder_from, resolve
from tacit.pipeline.twostage import TwoStage
from tacit.rankers.ranker import Epoch
from tacit.reading.own_catalogue import own_catalogue


def import_ahead() -> None:
    """Import in a thread what every fit needs and reading does not; it is there when the log is read."""
    threading.Thread(target=_import_libraries, name="tacit-import").start()


def _import_libraries() -> None:
    for name in ("scipy.linalg", "scipy.optimize"):
        import_module(name)


def train(
    events: pl.DataFrame,
    items: pl.DataFrame | None = None,
    config: Config | None = None,
    *,
    users: pl.DataFrame | None = None,
    progress: Progress = SILENT,
    on_epoch: Callable[[Epoch], None] | None = None,
    on_note: OnNote | None = None,
    executor: Executor | None = None,
) -> Snapshot:
    """Return a snapshot fitted on a cleaned event frame and a catalogue frame.

    Parameters
    ----------
    events : polars.DataFrame
        See `tacit.data.columns`.
    items : polars.DataFrame, optional
        ``item_id`` and attributes; with it items without events can be recommended. By default what the log
        itself says of its items, if anything.
    config : Config, optional
    users : polars.DataFrame, optional
        ``user_id`` and attributes of users as known at the time of a query; they become features.
    progress : Progress
    on_epoch : callable, optional
        Called with every epoch of the ranker's training, then with those of the re-ranker's.
    on_note : callable, optional
        Called with every note on the texts and the encoder that reads them, before they are encoded; by
        default warnings are logged.
    executor : Executor, optional
        Where texts are encoded and retrievers fitted; by default here, and in threads of this process.

    Raises
    ------
    DataError
        If there is no event to learn from.
    """
    given = prepared(events, items, config, users=users, progress=progress, on_note=on_note)
    return trained(given, progress=progress, on_epoch=on_epoch, executor=executor)


def trained(
    given: "Prepared",
    *,
    progress: Progress = SILENT,
    on_epoch: Callable[[Epoch], None] | None = None,
    executor: Executor | None = None,
    more: Mapping[str, Json] | None = None,
) -> Snapshot:
    """Return a snapshot fitted on what `prepared` returned; see `train` for the other arguments.

    ``more``: further facts on the fit.

    Who prepares and trains in two steps can drop the frames in between: that of a log is as large as its
    interactions.
    """
    encoder, catalogue = encoded(given.catalogue, given.source, progress=progress, executor=executor)
    fitted = TwoStage(given.config, progress=progress, on_epoch=on_epoch, executor=executor)
    fitted.fit(given.interactions, catalogue, rng=generator(given.config.seed, "fit"))
    with progress.task("listing the closest texts"):
        pipeline = fitted.indexed()
    return snapshot_of(given, pipeline, catalogue, encoder, more)


@dataclass(frozen=True)
class Prepared:
    """What a fit begins with.

    Attributes
    ----------
    config : Config
    weights : EventWeights
    interactions : Interactions
    catalogue : Catalogue
        Without vectors.
    texts : TextReport or None
    log : CleanedLog
        The events as they were given, for a later fit.
    attributes : polars.DataFrame or None
        Those of users as they were given.
    people : Users
        Those of the interactions, and behind them users of whom events are kept and nothing is learned. A
        fit does not know of these: it draws users by their number, and another number moves every list.
    """

    config: Config
    weights: EventWeights
    interactions: Interactions
    catalogue: Catalogue
    texts: TextReport | None
    log: CleanedLog
    attributes: pl.DataFrame | None
    people: Users

    @property
    def source(self) -> str:
        """Source of the encoder of the texts."""
        return self.texts.encoder if self.texts else NO_ENCODER


def prepared(
    events: pl.DataFrame,
    items: pl.DataFrame | None = None,
    config: Config | None = None,
    *,
    users: pl.DataFrame | None = None,
    progress: Progress = SILENT,
    on_note: OnNote | None = None,
    limited: bool = False,
    held: pl.DataFrame | None = None,
) -> Prepared:
    """Return interactions and catalogue of cleaned frames; see `train` for the arguments.

    ``limited``: whether the fit is one within a time. ``held``: events that are kept in the log and not
    learned from.

    Raises
    ------
    DataError
        If there is no event to learn from.
    """
    if not len(events):
        raise DataError("there is no event to learn from; see the report of `tacit check`")
    config = config or Config()
    if (reason := nothing_says_yes(events[col.EVENT].unique(), config.event_map)) is not None:
        raise DataError(reason)
    weights = EventWeights.fit(events, mode=config.weights, events=config.event_map)
    notes = Notes(on_note)
    catalogue = catalogue_of(events, _of_log(events, config, notes) if items is None else items)
    texts = text_report_of(catalogue, config.encoder, notes, progress)
    people = Users.of(users, events[col.USER])
    logged = LoggedEvents.of(weights.weigh(events), catalogue.items, people)
    interactions = logged.interactions
    _say_costs(config, Size.of(interactions, catalogue), notes, limited=limited)
    kept = None
    if held is not None:
        people = people.with_further(held[col.USER])
        kept = LoggedEvents.of(weights.weigh(held), catalogue.items, people)
    log = log_of(logged, kept)
    return Prepared(config, weights, interactions, catalogue, texts, log, users, people)


_WORTH_SAYING = 20.0
"""Seconds of a fit from which on it is said what it takes."""
_SURELY = 0.7
"""Share of the expected memory that a fit surely needs."""


def check_memory(config: Config, size: Size) -> Expected:
    """Return what a fit is expected to take.

    Raises
    ------
    UnsupportedError
        If the memory that is free, or that this process may hold, is not enough.
    """
    costs = expected(config, size, most_at_once(size.events))
    # What is expected is that of the whole process, which holds the log already.
    there = min(free_gb() + held_gb(), allowed_gb())
    if _SURELY * costs.gigabytes > there:
        raise UnsupportedError(
            f"a fit of {size.events:,} events and {size.items:,} items takes about {costs.gigabytes:.1f} GB "
            f"of memory and {there:.1f} GB are there for it; end other programs, leave out retrievers or "
            "lower their max_items (--config), or take a machine with more memory"
        )
    return costs


def _say_costs(config: Config, size: Size, notes: Notes, *, limited: bool) -> None:
    """Say what a fit is expected to take, before it begins.

    Raises
    ------
    UnsupportedError
        If the memory that is free is not enough.
    """
    costs = check_memory(config, size)
    if costs.seconds >= _WORTH_SAYING:
        takes = f"about {in_words(costs.seconds)} and {costs.gigabytes:.1f} GB of memory"
        less = "" if limited else f"; --seconds {60 if costs.seconds >= 120 else 10} for a smaller one"
        notes.add([f"the whole configuration takes {takes}{less}", *reductions(config, size)])


def snapshot_of(
    given: Prepared,
    pipeline: TwoStage,
    catalogue: Catalogue,
    encoder: TextEncoder | None,
    more: Mapping[str, Json] | None = None,
) -> Snapshot:
    """Return the snapshot of a fitted pipeline.

    Parameters
    ----------
    given : Prepared
    pipeline : TwoStage
    catalogue : Catalogue
        With vectors, if the texts were encoded.
    encoder : TextEncoder or None
    more : mapping, optional
        More facts on the fit.
    """
    data, people = fingerprint(given.interactions), given.people
    return Snapshot(
        version=version_of(pipeline, data),
        catalogue=catalogue,
        interactions=replace(given.interactions, users=people.ids, traits=people.traits),
        pipeline=pipeline,
        weights=given.weights,
        encoder=given.source if encoder else NO_ENCODER,
        encoder_name=encoder.name if encoder else "",
        learned_encoder=encoder if isinstance(encoder, LEARNED) else None,
        facts={**_facts(given, data), **(more or {})},
        log=given.log,
        people=given.attributes,
    )


def _of_log(events: pl.DataFrame, config: Config, notes: Notes) -> pl.DataFrame | None:
    """Return the log as its own catalogue, if it describes its items, and say what describes them."""
    table = own_catalogue(events, config.reading)
    if table is None:
        return None
    notes.add(table.notes)
    return table.frame


def catalogue_of(events: pl.DataFrame, items: pl.DataFrame | None) -> Catalogue:
    """Return the catalogue of all items of the catalogue frame and the log."""
    columns = [events[col.ITEM]] if items is None else [events[col.ITEM], items[col.ITEM]]
    return Catalogue.from_frame(items, Vocabulary.of(*columns))


def encoded(
    catalogue: Catalogue,
    source: str,
    *,
    progress: Progress = SILENT,
    executor: Executor | None = None,
) -> tuple[TextEncoder | None, Catalogue]:
    """Return the encoder and the catalogue with vectors; None and no vectors if no item has a text.

    Only texts are encoded, not the ids of items without one; an item whose text the encoder cannot read is
    one without text from here on. New texts are encoded by the workers of an executor of other processes,
    those of an encoder that learns from the texts excepted.
    """
    if source == NO_ENCODER or not catalogue.has_text.any():
        return None, catalogue
    texts = worded_texts(catalogue)
    encoder = encoder_from(source, texts)
    if executor is not None and not executor.in_process:
        encode_elsewhere(encoder, source, texts, executor, progress)
    found = encoder.encode(texts, progress=progress)
    vectors = np.zeros((len(catalogue), encoder.dimension), dtype=np.float32)
    vectors[catalogue.has_text] = found
    return encoder, catalogue.with_vectors(vectors, centred=is_centred(encoder))


def worded_texts(catalogue: Catalogue) -> list[str]:
    """Return the texts of the items that have one."""
    return catalogue.texts.filter(pl.Series(catalogue.has_text)).to_list()


def text_report_of(
    catalogue: Catalogue, source: str, on_note: OnNote | None = None, progress: Progress = SILENT
) -> TextReport | None:
    """Return the encoder that a source stands for, and what it makes of the texts; None without any.

    Nothing is encoded, and no network is loaded.

    Parameters
    ----------
    catalogue : Catalogue
    source : str
        See `tacit.pipeline.text_encoder.encoder_from`.
    on_note : callable, optional
        Called with every note of the report.
    progress : Progress
    """
    if source == NO_ENCODER or not catalogue.has_text.any():
        return None
    texts = worded_texts(catalogue)
    base = tuned.base_of(Path(source)) if tuned.is_tuned(Path(source)) else None
    report = text_report(resolve(source, texts), texts, base=base, progress=progress)
    if on_note is not None:
        for note in report.notes():
            on_note(note)
    return report


def fingerprint(interactions: Interactions) -> str:
    """Return the sha256 of the training data: ids, times and weights of every event, traits of users."""
    digest = hashlib.sha256()
    for vocabulary in (interactions.users, interactions.items):
        for start in range(0, len(vocabulary), _IDS_AT_ONCE):
            part = vocabulary.ids[start : start + _IDS_AT_ONCE].to_list()
            digest.update(("\0" * (start > 0) + "\0".join(part)).encode())
    log = interactions
    for array in (log.user, log.item, log.weight, log.at, log.traits, log.moments):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


_IDS_AT_ONCE = 100_000


def _facts(given: Prepared, data: str) -> dict[str, Json]:
    return {
        "seed": given.config.seed,
        "data_sha256": data,
        "events": len(given.interactions),
        "users": given.interactions.n_users,
        "items": len(given.catalogue),
        "timing": given.interactions.timing,
        "last_event_at": given.interactions.end,
        "texts": given.texts.to_json() if given.texts else None,
        "versions": {
            "tacit": __version__,
            "python": platform.python_version(),
            **{name: installed(name) for name in ("numpy", "scipy", "polars", "torch")},
        },
    }
