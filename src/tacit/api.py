"""The Python API: from files to recommendations in a few lines; the packages below do the work."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import polars as pl

from tacit import arguments
from tacit.core.errors import ConfigError
from tacit.core.executor import LOCAL, Executor
from tacit.core.notes import Notes, OnNote
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Json
from tacit.data.assess import assess
from tacit.data.clean import Cleaned, without_noise
from tacit.data.event_map import EventMap
from tacit.data.quality import QualityReport
from tacit.data.rules import Rules
from tacit.data.source import with_use
from tacit.data.splits import Protocol
from tacit.data.text_report import TextReport
from tacit.engine.recommendations import Recommendations
from tacit.engine.study import storage_of
from tacit.engine.train import catalogue_of, encoded, import_ahead, prepared, text_report_of, trained
from tacit.engine.train_within import Reached, train_within
from tacit.evaluation.comparison import check_names, compare, compare_origins
from tacit.evaluation.split import CandidatesOf, Split, make_split, split_from_files, training_part
from tacit.evaluation.stretches import check_origins, origin_splits
from tacit.evaluation_result import Evaluation
from tacit.given import (
    Log,
    OnRead,
    Table,
    catalogue_table,
    check_says_yes,
    events_of,
    items_of,
    mapped,
    read,
    refuse_again,
    user_table,
    users_of,
)
from tacit.models.protocol import Recommender
from tacit.pipeline.config import Config
from tacit.pipeline.config import read_config as read_config_file
from tacit.pipeline.text_encoder import AUTO, NO_ENCODER, check_available
from tacit.rankers.ranker import Epoch
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.own_catalogue import catalogue_of_log, own_catalogue, uses_of
from tacit.recommender import Model

if TYPE_CHECKING:  # each imports a library that is not needed otherwise
    from tacit.engine.finetune_encoder import Attempt, Finetuned
    from tacit.evaluation.tuned_config import TunedConfig

__all__ = [
    "Config",
    "Evaluation",
    "Model",
    "Reading",
    "Recommendations",
    "Rules",
    "check",
    "evaluate",
    "finetune",
    "fit",
    "load",
    "read",
    "read_config",
    "refit",
    "tune",
]

OnStep = Callable[[Reached, Model | None], None]
"""Called with each step of a fit within a time, and its recommender if it is kept."""

_NOTHING = Rules().rows_only()
"""No statistical rules: a log that was cleaned before is used as it is."""


def check(
    events: Log,
    items: Table | None = None,
    *,
    users: Table | None = None,
    mapping: Mapping[str, str] | None = None,
    reading: Reading | None = None,
    event_map: Mapping[str, float | str] | None = None,
    rules: Rules | None = None,
    encoder: str = AUTO,
    progress: Progress = SILENT,
    executor: Executor | None = None,
) -> QualityReport:
    """Return a report on a log: what is in it, what it supports and what looks wrong, in figures and words.

    Parameters
    ----------
    events : path, Cleaned or frame
        A file or frame is read and cleaned.
    items, users : path or frame, optional
        As in `fit`.
    mapping, reading, event_map, rules
        As in `read`; for a log that was read before, only what ``reading`` says of the other files counts.
    encoder : str
        The text encoder, as in `Config`, whose reading of the texts is reported; it encodes nothing.
        "none": the texts are not looked at.
    progress : Progress
    executor : Executor, optional
        As in `read`.

    Raises
    ------
    InputError
        If a file, frame or encoder cannot be used.
    """
    check_available(encoder)
    arguments.check_logs(log=events)
    arguments.check_files(catalogue=items, users=users)
    if isinstance(events, Cleaned):
        refuse_again(mapping, "mapping")
        refuse_again(rules, "rules")
    else:
        events = read(
            events,
            mapping=mapping,
            reading=reading,
            event_map=event_map,
            rules=rules,
            progress=progress,
            executor=executor,
        )
    meanings = EventMap.parse(event_map or {}, where="event_map")
    check_says_yes(events.events, meanings)
    choices = arguments.optional(reading, Reading, "reading") or NO_CHOICES
    log = events.events
    own = items is None
    table = own_catalogue(log, choices) if own else catalogue_table(items, choices, log)
    people = user_table(users, choices, log)
    frame = None if table is None else table.frame
    texts = None if frame is None else text_report_of(catalogue_of(log, frame), encoder, progress=progress)
    uses = uses_of(log, table) if own and table is not None else {}
    return assess(
        replace(events, columns=with_use(events.columns, uses)),
        frame,
        None if people is None else people.frame,
        own=own,
        texts=texts,
        event_map=meanings,
        notes=[note for one in (table, people) if one is not None for note in one.notes],
    )


def evaluate(
    events: Log | None = None,
    items: Table | None = None,
    *,
    train: Log | None = None,
    test: Log | None = None,
    users: Table | None = None,
    models: Sequence[str] | None = None,
    rankers: Sequence[str] | None = None,
    own: Mapping[str, Callable[[], Recommender]] | None = None,
    ablation: bool = False,
    against: str | None = None,
    split: Protocol | None = None,
    share: float = 0.1,
    origins: int | None = None,
    candidates: CandidatesOf = "catalogue",
    allow_seen: bool = False,
    mapping: Mapping[str, str] | None = None,
    config: Config | str | Path | None = None,
    progress: Progress = SILENT,
    on_read: OnRead | None = None,
    on_note: OnNote | None = None,
    executor: Executor = LOCAL,
) -> Evaluation:
    """Fit models on the first part of a log, predict the rest, and compare them with intervals.

    Parameters
    ----------
    events, items, users
        As in `fit`. For a file, statistical rules clean the training part only; a log that was cleaned
        before is used as it is.
    train, test : path, Cleaned or frame, optional
        Instead of ``events``, a log to learn from and a log to predict.
    models : sequence of str, optional
        Names of models; all but slow ones by default.
    rankers : sequence of str, optional
        Rankers to compare on one first stage (``"none"``, ``"mlp"``, ...), as ``tacit-NAME``.
    own : mapping of name to callable, optional
        Builders of your own models, which have ``name``, ``fit`` and ``score``; see
        `tacit.models.protocol.Recommender`. A model whose scores or lists have the wrong shape, or that
        lists an item twice, is refused.
    ablation : bool
        Also compare the ranker of the configuration without each family of features.
    against : str, optional
        Model that differences are taken against; the best simple one by default.
    split : {"time", "leave-one-out", "random"}, optional
        How to hold out; by default the strictest way that the log supports.
    share : float
        Share of the events (time) or of each user's items (random) to hold out.
    origins : int, optional
        Predict so many stretches of time, one after the other up to the end of the log, each by models
        fitted on everything before it, and say what to expect of the next; from 2 to 50, for logs with times.
        A stretch holds ``share`` of the events, or less, so that half of the log lies before the first.
    candidates : {"catalogue", "log"}
        Items to rank: those of the catalogue and the training part, or, as in papers, all items of the log.
    allow_seen : bool
        Items of the history may be recommended and count (groceries, music).
    mapping : mapping of role to column, optional
        As in `fit`; for both ``train`` and ``test``.
    config : Config or path of a TOML file, optional
        Configuration of the cleaning, and of the models ``blend`` and ``tacit``.
    progress : Progress
    on_read : callable, optional
        Called with every file and the log read from it, whose ``reasons`` count the rejected rows.
    on_note : callable, optional
        As in `fit`.
    executor : Executor
        Where a large log is read and models are fitted, `tacit.scale.executors.open_executor` opens one; by
        default in this process.

    Raises
    ------
    InputError
        If a file, frame or name cannot be used, or the log does not support the evaluation.
    """
    arguments.check_flags(allow_seen=allow_seen, ablation=ablation)
    chosen = _configured(config, mapping, allow_seen=allow_seen)
    models, rankers = arguments.names(models, "models"), arguments.names(rankers, "rankers")
    own = arguments.makers(own)
    _check_cut(split, share)
    _check_rolling(origins, split, train, test)
    arguments.check_choice(candidates, get_args(CandidatesOf), "candidates")
    # A wrong name is an error before the log is read.
    check_names(chosen, models=models, rankers=rankers, own=own, ablation=ablation, against=against)
    _check_sides(events, train, test)
    arguments.check_logs(log=events, train=train, test=test)
    _check_tables(items, users, chosen)
    rules = chosen.cleaning if isinstance(train if events is None else events, str | Path) else _NOTHING

    notes = Notes(on_note)

    def rows(log: Log) -> pl.DataFrame:
        return events_of(
            log, mapping, chosen, chosen.cleaning.rows_only(), progress, on_read, notes, executor
        )

    logs = [rows(side) for side in (events, train, test) if side is not None]
    catalogue = items_of(items, chosen.reading, logs[0], notes)
    about: dict[str, Any] = {
        "users": users_of(users, chosen.reading, logs[0], notes),
        "allow_seen": allow_seen,
        "candidates": candidates,
        "clean_train": partial(without_noise, rules=rules, event_map=chosen.event_map),
        "event_map": chosen.event_map,
        "weights": chosen.weights,
        "reading": chosen.reading,
    }
    compared: dict[str, Any] = {
        "models": models,
        "rankers": rankers,
        "own": own,
        "ablation": ablation,
        "against": against,
        "progress": progress,
        "executor": executor,
    }
    if origins is not None:
        about |= {"origins": origins, "share": share}
        report, texts = _compare_origins(logs[0], catalogue, about, chosen, compared, notes)
    else:
        if events is not None:
            cut = make_split(logs[0], catalogue, protocol=split, share=share, seed=chosen.seed, **about)
        else:
            cut = split_from_files(logs[0], logs[1], catalogue, **about)
        cut, texts = _encoded(cut, chosen, progress, notes, executor)
        report = compare(cut, chosen, **compared)
    read: dict[str, Any] = {"texts": texts.to_json() if texts else None, "notes": notes.lines}
    return Evaluation({**report, **read})


def _compare_origins(
    log: pl.DataFrame,
    catalogue: pl.DataFrame | None,
    about: Mapping[str, Any],
    config: Config,
    compared: Mapping[str, Any],
    notes: Notes,
) -> tuple[dict[str, Any], TextReport | None]:
    """Return the report of rolling origins, and how the texts of the last one are read."""
    read: list[TextReport | None] = []

    def encoded_splits() -> Iterator[Split]:
        for _ in origin_splits(log, catalogue, **about):
            pass  # a stretch that cannot be predicted is refused before the first fit
        with compared["progress"].task("origins", total=about["origins"]) as task:
            for cut in origin_splits(log, catalogue, **about):
                with_vectors, texts = _encoded(cut, config, compared["progress"], notes, compared["executor"])
                read.append(texts)
                yield with_vectors
                task.advance()

    return compare_origins(encoded_splits(), config, **compared), read[-1]


def tune(
    events: Log,
    items: Table | None = None,
    *,
    users: Table | None = None,
    models: Sequence[str] | None = None,
    trials: int = 20,
    seconds: float = 300.0,
    study: str | Path | None = None,
    whole_log: bool = False,
    split: Protocol | None = None,
    share: float = 0.1,
    allow_seen: bool = False,
    mapping: Mapping[str, str] | None = None,
    config: Config | str | Path | None = None,
    progress: Progress = SILENT,
    on_read: OnRead | None = None,
    on_note: OnNote | None = None,
    executor: Executor = LOCAL,
) -> "TunedConfig":
    """Search better parameters for the retrievers of a configuration on a validation cut.

    The best of many on one cut is optimistic; `evaluate` measures the result on a later cut.

    Parameters
    ----------
    events, items, users
        As in `evaluate`.
    models : sequence of str, optional
        Retrievers to tune; by default all of the configuration that have something to tune and are not slow.
    trials : int
        Trials for each retriever.
    seconds : float
        No trial of a retriever begins after so long.
    study : path, optional
        SQLite file of the trials: an interrupted search continues from it.
    whole_log : bool
        Tune on the whole log, for a model that will serve. By default only on the training part of `evaluate`
        with the same ``split`` and ``share``, so that its test stays unseen.
    split, share, allow_seen, mapping
        As in `evaluate`.
    config : Config or path of a TOML file, optional
        The start of the search.
    progress : Progress
    on_read, on_note : callable, optional
        As in `evaluate`.
    executor : Executor
        Where trials are fitted, those of several retrievers at once; by default in this process.

    Returns
    -------
    TunedConfig
        ``config`` with the kept parameters, ``found`` with all trials of every retriever, ``lines`` with a
        summary, ``protocol`` of the validation cut.

    Raises
    ------
    InputError
        If a file, frame or name cannot be used, or there is nothing to tune.
    """
    from tacit.evaluation.tuned_config import retrievers_to_tune, tune_config

    arguments.check_flags(allow_seen=allow_seen, whole_log=whole_log)
    base = _configured(config, mapping, allow_seen=allow_seen)
    models = arguments.names(models, "models")
    _check_cut(split, share)
    arguments.check_whole(trials, "trials")
    arguments.check_number(seconds, "seconds", positive=True)
    storage = storage_of(None if study is None else arguments.path(study, "study"))
    retrievers_to_tune(models, base)  # a wrong name is an error before the log is read
    arguments.check_logs(log=events)
    _check_tables(items, users, base)
    from_file = isinstance(events, str | Path)
    notes = Notes(on_note)
    rows = events_of(events, mapping, base, base.cleaning.rows_only(), progress, on_read, notes, executor)
    if not whole_log:
        rows = training_part(rows, protocol=split, share=share, seed=base.seed, event_map=base.event_map)
    rules = base.cleaning if from_file else _NOTHING
    cut = make_split(
        rows,
        items_of(items, base.reading, rows, notes),
        users=users_of(users, base.reading, rows, notes),
        reading=base.reading,
        protocol=split,
        share=share,
        seed=base.seed,
        allow_seen=allow_seen,
        clean_train=partial(without_noise, rules=rules, event_map=base.event_map),
        event_map=base.event_map,
        weights=base.weights,
    )
    return tune_config(
        base,
        _encoded(cut, base, progress, notes, executor)[0],
        names=models,
        trials=trials,
        seconds=seconds,
        storage=storage,
        progress=progress,
        executor=executor,
    )


def finetune(
    events: Log,
    items: Table,
    out: str | Path,
    *,
    method: Literal["head", "full"] = "head",
    base: str = "auto",
    until: str | None = None,
    layers: int = 2,
    seconds: float = 600.0,
    seed: int = 7,
    mapping: Mapping[str, str] | None = None,
    reading: Reading | None = None,
    event_map: Mapping[str, float | str] | None = None,
    progress: Progress = SILENT,
    on_read: OnRead | None = None,
    on_epoch: "Callable[[Attempt], None] | None" = None,
    on_note: OnNote | None = None,
) -> "Finetuned":
    """Tune a text encoder on a log, so that items without events are recommended to the right users.

    Parameters
    ----------
    events, items
        As in `fit`; the items need texts.
    out : path
        Directory of the encoder to write, an older one there is replaced; ``Config(encoder=...)`` takes it.
    method : {"head", "full"}
        ``head``: a linear map behind the encoder, in seconds. ``full``: the last layers of the model.
    base : str
        The encoder to start from: auto, minilm, tfidf, endpoint:URL#MODEL, a Hugging Face path or name.
    until : str, optional
        Learn only from events before this time. Without it an evaluation of this encoder on this log is not
        honest: the encoder has seen the test.
    layers : int
        For ``full``: how many of the last layers are trained.
    seconds : float
        For ``full``: time for the training; the evaluations come on top.
    seed : int
    mapping, reading, event_map
        As in `read`.
    progress : Progress
    on_read, on_note : callable, optional
        As in `evaluate`.
    on_epoch : callable, optional
        Called with every measured encoder: its ``name``, its ``quality`` on held-out items (``recall``,
        ``ndcg``), and for an epoch its ``loss`` and ``seconds``.

    Returns
    -------
    Finetuned
        ``directory``, whether an encoder was ``written``, ``attempts``, ``best``, and the quality ``before``
        and ``after``.

    Raises
    ------
    InputError
        If a file, frame, method, base or time cannot be used, or no item has a text.
    """
    from tacit.engine.finetune_encoder import check_request, finetune_encoder

    place = arguments.path(out, "directory")
    arguments.check_whole(layers, "layers")
    arguments.check_number(seconds, "seconds", positive=True)
    choices = mapped(arguments.optional(reading, Reading, "reading") or NO_CHOICES, mapping)
    chosen = Config(reading=choices, events=event_map or {})
    check_request(method, base, place, until)
    arguments.check_logs(log=events)
    arguments.check_files(catalogue=items)
    notes = Notes(on_note)
    rows = events_of(events, mapping, chosen, None, progress, on_read, notes)
    catalogue = catalogue_of_log(rows, choices) if items is None else items_of(items, choices, rows, notes)
    if catalogue is None:
        raise ConfigError("there is no catalogue, and the log has no titles; give items with texts")
    return finetune_encoder(
        rows,
        catalogue,
        place,
        method=method,
        base=base,
        until=until,
        layers=layers,
        seconds=seconds,
        seed=seed,
        event_map=chosen.event_map,
        progress=progress,
        on_epoch=on_epoch,
        on_note=notes,
    )


def fit(
    events: Log,
    items: Table | None = None,
    *,
    users: Table | None = None,
    mapping: Mapping[str, str] | None = None,
    config: Config | str | Path | None = None,
    seconds: float | None = None,
    progress: Progress = SILENT,
    on_read: OnRead | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    on_step: OnStep | None = None,
    on_note: OnNote | None = None,
    executor: Executor | None = None,
) -> Model:
    """Return a recommender fitted on a log and a catalogue.

    Parameters
    ----------
    events : path, Cleaned or frame
        A file is read and cleaned. A frame (of pandas, Polars, pyarrow, DuckDB or another library with
        Arrow's C stream interface) is used as it is: ``user_id`` and ``item_id``, and if you have them
        ``event``, ``timestamp`` (a date and time, as text too, or a Unix time in seconds, milli-, micro- or
        nanoseconds), ``value`` and ``seq``. Ids become text, and NaN is a missing value. Rows that cannot be
        used, such as one without an id, are an error; `read` rejects them and knows other names of columns.
    items : path or frame, optional
        The catalogue: ids and attributes of items; the column of the ids is found. Without one, columns of
        the log that describe its items are used (`tacit.reading.own_catalogue`).
    users : path or frame, optional
        ``user_id`` and attributes of users that are known before the first recommendation: age, country, ...
    mapping : mapping of role to column, optional
        As in `read`, for columns with unknown names; not for a log that was read before.
    config : Config or path of a TOML file, optional
    seconds : float, optional
        The best that can be fitted in about so many seconds, the reading of the log included: cheap
        retrievers first, then better recommenders with each step, the whole configuration last if time is
        left (`tacit.pipeline.anytime`). At least 1: one step is made, however short the time. An interruption
        (Ctrl-C) after the first step returns the best so far. By default the whole configuration, however
        long it takes.
    progress : Progress
    on_read : callable, optional
        Called with a file and the log read from it, whose ``reasons`` count the rejected rows.
    on_epoch : callable, optional
        Called with every epoch of the ranker's training, then with those of the re-ranker's.
    on_step : callable, optional
        Called after each step of a fit within ``seconds``, without which there are none and it is refused,
        with what was reached and its recommender, None for a step that measures worse than one before it.
    on_note : callable, optional
        Called with every `tacit.core.notes.Note`: what was guessed or dropped in the log, the catalogue and
        the users, and how the texts are read. By default warnings are logged; ``notes`` of the model holds
        all of them.
    executor : Executor, optional
        Where a large log is read and retrievers are fitted, `tacit.scale.executors.open_executor` opens one;
        by default in threads of this process.

    Raises
    ------
    InputError
        If a file or frame cannot be used or holds nothing to learn from.
    """
    started = time.monotonic()
    _check_steps(seconds, on_step)
    if executor is not None and not hasattr(executor, "map"):
        raise ConfigError(
            f'executor is {executor!r}; open one: with tacit.scale.executors.open_executor("processes")'
        )
    chosen = _configured(config, mapping)
    arguments.check_logs(log=events)
    _check_tables(items, users, chosen)
    notes = Notes(on_note)
    import_ahead()
    frame = events_of(events, mapping, chosen, chosen.cleaning, progress, on_read, notes, executor)
    tables = frame, items_of(items, chosen.reading, frame, notes), chosen
    about: dict[str, Any] = {
        "users": users_of(users, chosen.reading, frame, notes),
        "progress": progress,
        "on_note": notes,
    }
    given = prepared(*tables, **about, limited=seconds is not None)
    del frame, tables  # as large as the interactions that were made of them
    if seconds is None:
        snapshot = trained(given, progress=progress, on_epoch=on_epoch, executor=executor)
        return Model(snapshot, notes.lines)
    if (taken := time.monotonic() - started) > seconds:
        notes.add([f"reading the log took {taken:.0f} s, longer than the limit: one step is made"])
    reached = train_within(
        given,
        seconds,
        lambda: time.monotonic() - started,
        progress=progress,
        on_epoch=on_epoch,
        executor=executor,
    )
    return _best_reached(reached, notes, on_step)


def _check_steps(seconds: object, on_step: object) -> None:
    """Refuse a time that is too short for anything, and a function that would never be called.

    Raises
    ------
    ConfigError
    """
    if seconds is not None:
        arguments.check_number(seconds, "seconds", positive=True)
        if float(seconds) < 1:  # type: ignore[arg-type]
            raise ConfigError(f"seconds is {seconds!r}; give at least 1: no first step takes less")
    if on_step is not None and not callable(on_step):
        raise ConfigError(f"on_step is {on_step!r}; it must be a function of what was reached and a model")
    if on_step is not None and seconds is None:
        raise ConfigError(
            "on_step is called after each step of a fit within a time, and no time is given; add seconds=60, "
            "or leave on_step out"
        )


def _best_reached(reached: Iterator[Reached], notes: Notes, on_step: OnStep | None) -> Model:
    """Return the recommender of the last step that was kept, also where an interruption ends the steps."""
    best: Model | None = None
    try:
        for step in reached:
            model = Model(step.snapshot, notes.lines) if step.snapshot is not None else None
            best = model or best
            if on_step is not None:
                on_step(step, model)
    except KeyboardInterrupt:
        if best is None:
            raise
        notes.add(["interrupted: this is the best so far, not what all of the time would give"])
    if best is None:  # the first step is always kept
        raise RuntimeError("no step of the fit was kept")
    return Model(best.snapshot, notes.lines)


def refit(
    out: str | Path,
    store: str | None = None,
    *,
    snapshot: str | Path | None = None,
    log: str | Path | None = None,
    config: Config | str | Path | None = None,
    without_sources: Sequence[str] = (),
    without_times: Sequence[tuple[str | float, str | float]] = (),
    with_sources: Sequence[str] = (),
    with_times: Sequence[tuple[str | float, str | float]] = (),
    learn_from: Sequence[str] = (),
    force: bool = False,
    keep: int = 5,
    memory: float | None = None,
    on_part: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Fit a model directory again on its log and what a store has taken since, and publish it if it is good.

    The work is done in a process of its own, which ends with this one. The store is only read: a service may
    have it open.

    Parameters
    ----------
    out : path
        The model directory: ``versions/`` and ``CURRENT``. A service that serves it takes the new version.
    store : str, optional
        Address of the store: ``sqlite:///FILE`` or ``postgresql://USER@HOST/DATABASE``.
    snapshot : path, optional
        What to start from, in place of the current version; of a directory without one it becomes the first.
    log : path, optional
        A log in place of that of the snapshot.
    config : Config or path of a TOML file, optional
        By default that of the snapshot.
    without_sources : sequence of str
        Events of these sources are left out of this refit of the directory and all later ones.
    without_times : sequence of (time, time)
        So are those from the first to before the second time: ISO 8601 or Unix seconds.
    with_sources, with_times
        What is left out no longer. Of the events that were left out those come back that the store has.
    learn_from : sequence of str
        Users whose events are learned from, though they are far more than accounts do.
    force : bool
        Publish whatever the comparison says.
    keep : int
        Versions that stay: the current one and those before it.
    memory : float, optional
        Gigabytes that the process may hold; a fit that is expected to take more is refused.
    on_part : callable, optional
        Called with a line at the beginning of each part.

    Returns
    -------
    dict
        The decision as in ``decision.json``: ``decision`` is "ship", "hold" or "roll back", ``why`` a
        sentence; then the version, figures, counts, bursts, seconds and notes.

    Raises
    ------
    InputError
        If something cannot be used, the store cannot be read, another refit of the directory runs, or memory
        does not suffice.
    """
    from tacit.refits import refit_elsewhere
    from tacit.store.address import check_store_there

    arguments.check_flags(force=force)
    arguments.check_whole(keep, "keep")
    if memory is not None:
        arguments.check_number(memory, "memory", positive=True)
        if memory < 1:
            raise ConfigError(f"memory is {memory!r}; give at least 1: the libraries alone take most of that")
    arguments.check_files(log=log, snapshot=snapshot)
    if store is not None:
        check_store_there(store)
    chosen = None if config is None else _configured(config, None)
    if both := {*without_sources} & {*with_sources}:
        raise ConfigError(f"the source {min(both)} is to be left out and let in; leave one of the two out")
    request: dict[str, Any] = {
        "out": str(arguments.path(out, "out")),
        "store": store,
        "snapshot": None if snapshot is None else str(snapshot),
        "log": None if log is None else str(log),
        "config": None if chosen is None else chosen.to_toml(),
        "left_out": _stretches(without_sources, without_times, "without"),
        "again": _stretches(with_sources, with_times, "with"),
        "trusted": _given_names(learn_from, "learn_from"),
        "force": force,
        "keep": keep,
        "memory": memory,
    }
    return refit_elsewhere(request, on_part or (lambda _: None))


def _stretches(
    sources: Sequence[str], times: Sequence[tuple[str | float, str | float]], which: str
) -> dict[str, Json]:
    """Return sources and stretches of time as a refit reads them."""
    from tacit.data.times import read_moment

    found: list[Json] = []
    for start, end in times:
        moments = read_moment(start), read_moment(end)
        if moments[0] >= moments[1]:
            raise ConfigError(f"{which}_times has {start} to {end}, which does not end after its beginning")
        found.append([*moments])
    return {"sources": [*_given_names(sources, f"{which}_sources")], "times": found}


def _given_names(values: Sequence[str], name: str) -> list[str]:
    """Return names, none of which is empty: that is a variable of a shell that was not set."""
    found = arguments.names(values, name) or []
    if "" in found:
        raise ConfigError(f"{name} holds an empty name; leave it out, or give one")
    return found


def read_config(path: str | Path) -> Config:
    """Return the configuration of a TOML file; ``Config.to_toml`` writes one.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or anything in it cannot be used.
    """
    return read_config_file(arguments.path(path, "configuration"))


def _configured(
    config: Config | str | Path | None, mapping: Mapping[str, str] | None, *, allow_seen: bool = False
) -> Config:
    """Return the configuration with the columns of a mapping among its choices of reading."""
    if isinstance(config, str | Path):
        config = read_config(config)
    chosen = arguments.optional(config, Config, "config") or Config()
    chosen = replace(chosen, reading=mapped(chosen.reading, mapping))
    return replace(chosen, repeats=True) if allow_seen else chosen


def _check_cut(split: object, share: object) -> None:
    arguments.check_choice(split, get_args(Protocol), "split")
    arguments.check_share(share)


def _check_rolling(origins: object, split: object, train: object, test: object) -> None:
    """Refuse rolling origins that are no number of cuts in time of one log."""
    if origins is None:
        return
    arguments.check_whole(origins, "origins")
    check_origins(int(origins))  # type: ignore[call-overload]
    if split not in (None, "time"):
        raise ConfigError(f"origins are cuts in time and split is {split!r}; leave one of the two out")
    if train is not None or test is not None:
        raise ConfigError(
            "origins are cuts of one log; give that log in place of one to train and one to test on"
        )


def _check_tables(items: object, users: object, config: Config) -> None:
    """Refuse tables that are not there, and an encoder of their texts that is not on this machine."""
    arguments.check_files(catalogue=items, users=users)
    if items is not None:
        check_available(config.encoder)


def _check_sides(events: object, train: object, test: object) -> None:
    one, two = events is not None, (train is not None, test is not None)
    if (one and any(two)) or (not one and not all(two)):
        raise ConfigError("give one log to split, or both a log to train on and a log to test on")


def _encoded(
    cut: Split, config: Config, progress: Progress, notes: Notes, executor: Executor
) -> tuple[Split, TextReport | None]:
    """Return a cut with the vectors of its texts, and how they are read."""
    report = text_report_of(cut.catalogue, config.encoder, notes, progress)
    source = report.encoder if report else NO_ENCODER
    return replace(
        cut, catalogue=encoded(cut.catalogue, source, progress=progress, executor=executor)[1]
    ), report


load = Model.load
