"""The Python API: from files to recommendations in a few lines; the packages below do the work."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import polars as pl

from tacit import arguments
from tacit.core.clock import SystemClock
from tacit.core.errors import ConfigError, DataError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Json
from tacit.data.assess import assess
from tacit.data.clean import Cleaned, clean, without_noise
from tacit.data.frames import Frame, item_frame, log_frame, polars_frame, user_frame
from tacit.data.quality import QualityReport
from tacit.data.read import read_events, read_frame, read_items, read_users
from tacit.data.rules import Rules
from tacit.data.splits import Protocol
from tacit.engine.batch import recommend_all
from tacit.engine.checking import checked_ids
from tacit.engine.engine import Engine
from tacit.engine.recommendations import Recommendations
from tacit.engine.requests import Request
from tacit.engine.snapshot import Snapshot
from tacit.engine.snapshot import load as load_snapshot
from tacit.engine.snapshot import save as save_snapshot
from tacit.engine.train import encoded
from tacit.engine.train import train as train_snapshot
from tacit.evaluation.comparison import check_names, compare
from tacit.evaluation.leaderboard import MAIN
from tacit.evaluation.split import CandidatesOf, Split, make_split, split_from_files, training_part
from tacit.evaluation.study import storage_of
from tacit.models.protocol import Recommender
from tacit.pipeline.config import Config
from tacit.pipeline.config import read_config as read_config_file
from tacit.pipeline.rerank import RerankReport
from tacit.pipeline.similar import SimilarKind
from tacit.pipeline.text_encoder import check_available
from tacit.pipeline.training_report import TrainingReport
from tacit.rankers.ranker import Epoch
from tacit.reporting.evaluation import evaluation_page
from tacit.reporting.notebook import html_table

if TYPE_CHECKING:  # each imports a library that is not needed otherwise
    from tacit.engine.finetune_encoder import Attempt, Finetuned
    from tacit.evaluation.tuned_config import TunedConfig

__all__ = [
    "Config",
    "Evaluation",
    "Model",
    "Recommendations",
    "Rules",
    "check",
    "evaluate",
    "finetune",
    "fit",
    "load",
    "read",
    "read_config",
    "tune",
]

Log = str | Path | Cleaned | Frame
"""An event log: a file, the result of `read`, or a frame."""

Table = str | Path | Frame
"""A catalogue or a table of users: a file or a frame."""

OnRead = Callable[[Path, Cleaned], None]
"""Called with a file and the log that was read from it and cleaned: ``reasons`` counts its rejected rows."""

_NOTHING = Rules().rows_only()
"""No statistical rules: a log that was cleaned before is used as it is."""


def read(
    events: str | Path | Frame,
    *,
    mapping: Mapping[str, str] | None = None,
    rules: Rules | None = None,
    progress: Progress = SILENT,
) -> Cleaned:
    """Return a cleaned event log: ``events``, ``quarantine`` and counts.

    Parameters
    ----------
    events : path or frame
        A file: CSV, TSV, JSON lines or Parquet, packed or not, in any known dialect. A frame: of pandas,
        Polars (eager or lazy), pyarrow, DuckDB or another library with Arrow's C stream interface; it is
        cleaned like a Parquet file with the same columns, and an index of pandas is left out.
    mapping : mapping of role to column, optional
        Overrides the detection: ``{"user": "visitor", "timestamp": "when"}``. Roles: user, item, event,
        timestamp, value, seq; a column is named or given by its place from 1.
    rules : Rules, optional
    progress : Progress

    Raises
    ------
    InputError
        If the file or frame cannot be used.
    """
    rules, mapping = arguments.optional(rules, Rules, "rules"), arguments.roles(mapping)
    arguments.check_files(log=events)
    source = (
        read_events(Path(events), mapping=mapping, progress=progress)
        if isinstance(events, str | Path)
        else read_frame(polars_frame(events, "event log"), mapping=mapping)
    )
    return clean(source, rules, now=SystemClock().now(), progress=progress)


def check(
    events: Log,
    items: Table | None = None,
    *,
    users: Table | None = None,
    mapping: Mapping[str, str] | None = None,
    rules: Rules | None = None,
    progress: Progress = SILENT,
) -> QualityReport:
    """Return a report on a log: what is in it, what it supports and what looks wrong, in figures and words.

    Parameters
    ----------
    events : path, Cleaned or frame
        A file or frame is read and cleaned.
    items, users : path or frame, optional
        As in `fit`.
    mapping, rules
        As in `read`; not for a log that was read before.
    progress : Progress

    Raises
    ------
    InputError
        If a file or frame cannot be used.
    """
    arguments.check_files(log=events, catalogue=items, users=users)
    if isinstance(events, Cleaned):
        _refuse_again(mapping, "mapping")
        _refuse_again(rules, "rules")
    else:
        events = read(events, mapping=mapping, rules=rules, progress=progress)
    return assess(events, _catalogue(items), _users(users))


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
    candidates: CandidatesOf = "catalogue",
    allow_seen: bool = False,
    mapping: Mapping[str, str] | None = None,
    config: Config | str | Path | None = None,
    progress: Progress = SILENT,
    on_read: OnRead | None = None,
) -> "Evaluation":
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

    Raises
    ------
    InputError
        If a file, frame or name cannot be used, or the log does not support the evaluation.
    """
    arguments.check_flags(allow_seen=allow_seen, ablation=ablation)
    chosen = _configured(config, allow_seen=allow_seen)
    models, rankers = arguments.names(models, "models"), arguments.names(rankers, "rankers")
    own, mapping = arguments.makers(own), arguments.roles(mapping)
    _check_cut(split, share)
    arguments.check_choice(candidates, get_args(CandidatesOf), "candidates")
    # A wrong name is an error before the log is read.
    check_names(chosen, models=models, rankers=rankers, own=own, ablation=ablation, against=against)
    _check_sides(events, train, test)
    arguments.check_files(log=events, train=train, test=test)
    _check_tables(items, users, chosen)
    rules = chosen.cleaning if isinstance(train if events is None else events, str | Path) else _NOTHING

    def rows(log: Log) -> pl.DataFrame:
        return _log(log, mapping, chosen.cleaning.rows_only(), progress, on_read)

    about: dict[str, Any] = {
        "users": _users(users),
        "allow_seen": allow_seen,
        "candidates": candidates,
        "clean_train": partial(without_noise, rules=rules),
        "weights": chosen.weights,
    }
    if events is not None:
        log = rows(events)
        cut = make_split(log, _catalogue(items), protocol=split, share=share, seed=chosen.seed, **about)
    else:
        before, after = (rows(side) for side in (train, test) if side is not None)
        cut = split_from_files(before, after, _catalogue(items), **about)
    return Evaluation(
        compare(
            _encoded(cut, chosen, progress),
            chosen,
            models=models,
            rankers=rankers,
            own=own,
            ablation=ablation,
            against=against,
            progress=progress,
        )
    )


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
    on_read : callable, optional
        As in `evaluate`.

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
    base = _configured(config, allow_seen=allow_seen)
    models, mapping = arguments.names(models, "models"), arguments.roles(mapping)
    _check_cut(split, share)
    arguments.check_whole(trials, "trials")
    arguments.check_number(seconds, "seconds", positive=True)
    storage = storage_of(None if study is None else arguments.path(study, "study"))
    retrievers_to_tune(models, base)  # a wrong name is an error before the log is read
    arguments.check_files(log=events)
    _check_tables(items, users, base)
    from_file = isinstance(events, str | Path)
    rows = _log(events, mapping, base.cleaning.rows_only(), progress, on_read)
    if not whole_log:
        rows = training_part(rows, protocol=split, share=share, seed=base.seed)
    rules = base.cleaning if from_file else _NOTHING
    cut = make_split(
        rows,
        _catalogue(items),
        users=_users(users),
        protocol=split,
        share=share,
        seed=base.seed,
        allow_seen=allow_seen,
        clean_train=partial(without_noise, rules=rules),
        weights=base.weights,
    )
    return tune_config(
        base,
        _encoded(cut, base, progress),
        names=models,
        trials=trials,
        seconds=seconds,
        storage=storage,
        progress=progress,
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
    progress: Progress = SILENT,
    on_read: OnRead | None = None,
    on_epoch: "Callable[[Attempt], None] | None" = None,
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
    mapping : mapping of role to column, optional
        As in `fit`.
    progress : Progress
    on_read : callable, optional
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
    mapping = arguments.roles(mapping)
    check_request(method, base, place, until)
    arguments.check_files(log=events, catalogue=items)
    rows, catalogue = _log(events, mapping, None, progress, on_read), _catalogue(items)
    if catalogue is None:
        raise ConfigError("there is no catalogue; give items with texts")
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
        progress=progress,
        on_epoch=on_epoch,
    )


def fit(
    events: Log,
    items: Table | None = None,
    *,
    users: Table | None = None,
    mapping: Mapping[str, str] | None = None,
    config: Config | str | Path | None = None,
    progress: Progress = SILENT,
    on_read: OnRead | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> "Model":
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
        The catalogue: ``item_id`` and attributes of items.
    users : path or frame, optional
        ``user_id`` and attributes of users that are known before the first recommendation: age, country, ...
    mapping : mapping of role to column, optional
        As in `read`, for columns with unknown names; not for a log that was read before.
    config : Config or path of a TOML file, optional
    progress : Progress
    on_read : callable, optional
        Called with a file and the log read from it, whose ``reasons`` count the rejected rows.
    on_epoch : callable, optional
        Called with every epoch of the ranker's training, then with those of the re-ranker's.

    Raises
    ------
    InputError
        If a file or frame cannot be used or holds nothing to learn from.
    """
    chosen, mapping = _configured(config), arguments.roles(mapping)
    arguments.check_files(log=events)
    _check_tables(items, users, chosen)
    frame = _log(events, mapping, chosen.cleaning, progress, on_read)
    return Model(
        train_snapshot(
            frame, _catalogue(items), chosen, users=_users(users), progress=progress, on_epoch=on_epoch
        )
    )


def read_config(path: str | Path) -> Config:
    """Return the configuration of a TOML file; ``Config.to_toml`` writes one.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or anything in it cannot be used.
    """
    return read_config_file(arguments.path(path, "configuration"))


def _configured(config: Config | str | Path | None, *, allow_seen: bool = False) -> Config:
    if isinstance(config, str | Path):
        config = read_config(config)
    chosen = arguments.optional(config, Config, "config") or Config()
    return replace(chosen, repeats=True) if allow_seen else chosen


def _check_cut(split: object, share: object) -> None:
    arguments.check_choice(split, get_args(Protocol), "split")
    arguments.check_share(share)


def _check_tables(items: object, users: object, config: Config) -> None:
    """Refuse tables that are not there, and an encoder of their texts that is not on this machine."""
    arguments.check_files(catalogue=items, users=users)
    if items is not None:
        check_available(config.encoder)


def _check_sides(events: object, train: object, test: object) -> None:
    one, two = events is not None, (train is not None, test is not None)
    if (one and any(two)) or (not one and not all(two)):
        raise ConfigError("give one log to split, or both a log to train on and a log to test on")


def _encoded(cut: Split, config: Config, progress: Progress) -> Split:
    return replace(cut, catalogue=encoded(cut.catalogue, config.encoder, progress=progress)[1])


def _log(
    events: Log,
    mapping: Mapping[str, str] | None,
    rules: Rules | None,
    progress: Progress,
    on_read: OnRead | None,
) -> pl.DataFrame:
    if isinstance(events, Cleaned):
        _refuse_again(mapping, "mapping")
        return events.events
    if isinstance(events, str | Path):
        cleaned = read(events, mapping=mapping, rules=rules, progress=progress)
        if on_read is not None:
            on_read(Path(events), cleaned)
        return cleaned.events
    return log_frame(polars_frame(events, "event log"), arguments.roles(mapping))


def _refuse_again(value: object, name: str) -> None:
    if value is not None:
        raise ConfigError(f"{name} changes nothing in a log that was read before; give it to tacit.read")


def _catalogue(items: Table | None) -> pl.DataFrame | None:
    if items is None:
        return None
    return (
        read_items(Path(items))
        if isinstance(items, str | Path)
        else item_frame(polars_frame(items, "catalogue"))
    )


def _users(users: Table | None) -> pl.DataFrame | None:
    if users is None:
        return None
    return (
        read_users(Path(users))
        if isinstance(users, str | Path)
        else user_frame(polars_frame(users, "table of users"))
    )


@dataclass(frozen=True)
class Evaluation:
    """Comparison of models.

    Attributes
    ----------
    report : dict
        The JSON of the command; see `tacit.evaluation.leaderboard.leaderboard`.
    """

    report: dict[str, Any]

    @property
    def conclusion(self) -> str:
        """One sentence: which model is best, and whether it beats the best simple one beyond noise."""
        return str(self.report["conclusion"])

    @property
    def choice(self) -> str:
        """Name of the cheapest model that no more expensive one beats beyond noise."""
        return str(self.report["choice"]["name"])

    def table(self, users: str = "all") -> pl.DataFrame:
        """Return a row a model, the best first.

        Columns are the metrics, the 95 % interval of NDCG@10 (``low``, ``high``), the difference to the
        baseline with its own (``difference``, ``difference_low``, ``difference_high``; null for the baseline
        itself), and the costs of the model.

        Parameters
        ----------
        users : str
            Which: "all", or another slice of the report ("new-user", "cold-item", ...).

        Raises
        ------
        DataError
            If the report has no such slice.
        """
        rows = [row for row in self.report["models"] if row["slice"] == users]
        if not rows:
            raise DataError(f"there is no slice {users!r}; there are {', '.join(self.slices)}")
        return pl.DataFrame([_flat(row) for row in rows]).sort(MAIN, descending=True)

    @property
    def slices(self) -> list[str]:
        """Names of the parts of the users and targets that there are tables of."""
        return list(dict.fromkeys(row["slice"] for row in self.report["models"]))

    def html(self) -> str:
        """Return the report as one self-contained page with charts."""
        return evaluation_page(self.report)

    def _repr_html_(self) -> str:
        table = self.table()
        return html_table(table.columns, table.rows(), caption=self.conclusion)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    main = row["metrics"][MAIN]
    against = main.get("difference", {})
    return {
        "model": row["name"],
        **{name: figure["value"] for name, figure in row["metrics"].items()},
        "low": main["low"],
        "high": main["high"],
        "difference": against.get("value"),
        "difference_low": against.get("low"),
        "difference_high": against.get("high"),
        **{name: row[name] for name in ("fit_seconds", "ms_per_list", "peak_mb")},
    }


class Model:
    """A fitted recommender.

    Parameters
    ----------
    snapshot : Snapshot
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._engine = Engine(snapshot)

    @property
    def config(self) -> Config:
        """The configuration of the fit."""
        return self.snapshot.pipeline.config

    @property
    def report(self) -> TrainingReport | None:
        """Training report with the quality on held-out users; None if nothing could be learned."""
        return self.snapshot.pipeline.report_

    @property
    def rerank_report(self) -> RerankReport | None:
        """Training, time and weight of the re-ranker; None if there is none."""
        return self.snapshot.pipeline.rerank_report_

    def __repr__(self) -> str:
        """Return the version, the size of the training data, and the parts with the weight of the ranker."""
        log, pipeline = self.snapshot.interactions, self.snapshot.pipeline
        parts = " + ".join(one.name for one in pipeline.retrievers_)
        if pipeline.second_.ranker is not None:
            parts += f", ranker {pipeline.second_.ranker.name} (weight {pipeline.second_.ranker_weight:.2f})"
        if pipeline.rerank_ is not None and pipeline.rerank_report_ is not None:
            parts += f", re-ranker (weight {pipeline.rerank_report_.weight:.2f})"
        return (
            f"<tacit.Model {self.snapshot.version}: {log.n_users:,} users, "
            f"{len(self.snapshot.catalogue):,} items, {len(log):,} events; {parts}>"
        )

    def _repr_html_(self) -> str:
        log, pipeline = self.snapshot.interactions, self.snapshot.pipeline
        second, rerank = pipeline.second_, pipeline.rerank_report_
        ranker = second.ranker
        facts = {
            "users": f"{log.n_users:,}",
            "items": f"{len(self.snapshot.catalogue):,}",
            "events": f"{len(log):,}",
            "retrievers": ", ".join(one.name for one in pipeline.retrievers_),
            "ranker": None if ranker is None else f"{ranker.name}, weight {second.ranker_weight:.2f}",
            "re-ranker": None if rerank is None else f"weight {rerank.weight:.2f}",
            "encoder": self.snapshot.encoder,
        }
        rows = [(name, fact) for name, fact in facts.items() if fact is not None]
        return html_table(["fact", "value"], rows, caption=f"tacit.Model {self.snapshot.version}")

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Return the recommender of a snapshot directory.

        Raises
        ------
        ArtifactError
            If the directory is no snapshot or is damaged.
        """
        return cls(load_snapshot(arguments.path(directory, "directory")))

    def save(self, directory: str | Path) -> None:
        """Write a snapshot directory, completely or not at all.

        Raises
        ------
        ConfigError
            If a component of the configuration is not registered: a file cannot name it.
        ArtifactError
            If the directory holds anything but a snapshot.
        """
        save_snapshot(self.snapshot, arguments.path(directory, "directory"))

    def recommend(
        self,
        user: str | None = None,
        *,
        history: Sequence[str] = (),
        attributes: Mapping[str, Json] | None = None,
        context: Mapping[str, Json] | None = None,
        k: int = 10,
        allow_seen: bool = False,
    ) -> Recommendations:
        """Return the k best items for a user, for a history of item ids (oldest first), or for both.

        ``attributes`` are those of the user, by the names of the users' file, ``context`` those of the
        moment, by the names of the log (``device``, ...). Ids are text: ``user="7"``, ``history=["i1"]``.

        Raises
        ------
        DataError
            If an id is no text, the history no list of ids, or ``k`` out of bounds.
        """
        request = Request(
            user,
            items=history,
            k=k,
            allow_seen=allow_seen,
            attributes=attributes or {},
            context=context or {},
        )
        return Recommendations(self._engine.recommend(request).items)

    def similar(self, item: str, *, k: int = 10, kind: SimilarKind = "alike") -> Recommendations:
        """Return k related items of an item: "alike", chosen "together" with it, or "next" after it.

        Raises
        ------
        DataError
            If there is no such item, or ``k`` is out of bounds.
        UnsupportedError
            If there is no such kind, or neither the pipeline nor the log has such lists.
        """
        return Recommendations(self._engine.similar(item, k, kind).items)

    def batch(
        self, users: Sequence[str] | None = None, *, k: int = 10, allow_seen: bool = False
    ) -> pl.DataFrame:
        """Return lists for many users: user_id, item_id, score, rank; all known users by default.

        Raises
        ------
        DataError
            If the users are no list of ids, or ``k`` is out of bounds.
        """
        if users is not None:
            users = checked_ids(users, "users", "user_id")
        return pl.concat([*recommend_all(self.snapshot, users, k=k, allow_seen=allow_seen)])


load = Model.load
