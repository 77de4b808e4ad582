"""The Python API: from files to recommendations in a few lines; everything else is in the rooms below."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import polars as pl

from tacit import arguments
from tacit.core.clock import SystemClock
from tacit.core.errors import DataError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Json
from tacit.data.assess import assess
from tacit.data.clean import Cleaned, Rules, clean, without_noise
from tacit.data.frames import Frame, item_frame, log_frame, polars_frame, user_frame
from tacit.data.quality import QualityReport
from tacit.data.read import read_events, read_frame, read_items, read_users
from tacit.data.splits import Protocol
from tacit.engine.batch import recommend_all
from tacit.engine.checking import checked_ids
from tacit.engine.engine import Engine
from tacit.engine.requests import Recommended, Request
from tacit.engine.snapshot import Snapshot
from tacit.engine.snapshot import load as load_snapshot
from tacit.engine.snapshot import save as save_snapshot
from tacit.engine.train import encoded, train
from tacit.evaluation.comparison import compare, model_names, ranker_names
from tacit.evaluation.leaderboard import MAIN
from tacit.evaluation.split import CandidatesOf, make_split
from tacit.models.protocol import Recommender
from tacit.pipeline.config import Config
from tacit.reporting.evaluation import evaluation_page

__all__ = ["Config", "Evaluation", "Model", "Rules", "check", "evaluate", "fit", "load", "read"]

_NOTHING = Rules().rows_only()
"""Rules without a statistical one: what was cleaned before is taken as it is."""


def read(
    events: str | Path | Frame,
    *,
    mapping: Mapping[str, str] | None = None,
    rules: Rules | None = None,
    progress: Progress = SILENT,
) -> Cleaned:
    """Return a cleaned event log: ``events``, ``quarantine`` and what was counted.

    Parameters
    ----------
    events : path or frame
        A file: CSV, TSV, JSON lines or Parquet, packed or not, in any known dialect. A frame: of pandas,
        Polars (eager or lazy), pyarrow, DuckDB or another library that speaks Arrow; it is cleaned as a
        Parquet file of the same columns would be, and an index of pandas is left out.
    mapping : mapping of role to column, optional
        Where detection errs: ``{"user": "visitor", "timestamp": "when"}``. Roles: user, item, event,
        timestamp, value, seq; a column is named or given by its place from 1.
    rules : Rules, optional
    progress : Progress

    Raises
    ------
    InputError
        If the file or frame cannot be used.
    """
    rules, mapping = arguments.optional(rules, Rules, "rules"), arguments.roles(mapping)
    source = (
        read_events(Path(events), mapping=mapping, progress=progress)
        if isinstance(events, str | Path)
        else read_frame(polars_frame(events, "event log"), mapping=mapping)
    )
    return clean(source, rules, now=SystemClock().now(), progress=progress)


def check(
    log: str | Path | Cleaned | Frame,
    items: str | Path | Frame | None = None,
    *,
    users: str | Path | Frame | None = None,
    progress: Progress = SILENT,
) -> QualityReport:
    """Return what is in a log, what it can support and what looks wrong with it, in figures and plain words.

    Parameters
    ----------
    log : path, Cleaned or frame
        A file or frame is read and cleaned by the usual rules; see `read` for others.
    items, users : path or frame, optional
        As in `fit`.
    progress : Progress

    Raises
    ------
    InputError
        If a file or frame cannot be used.
    """
    cleaned = log if isinstance(log, Cleaned) else read(log, progress=progress)
    return assess(cleaned, _catalogue(items), _users(users))


def evaluate(
    events: str | Path | Cleaned | Frame,
    items: str | Path | Frame | None = None,
    *,
    users: str | Path | Frame | None = None,
    models: Sequence[str] | None = None,
    rankers: Sequence[str] | None = None,
    own: Mapping[str, Callable[[], Recommender]] | None = None,
    ablation: bool = False,
    against: str | None = None,
    split: Protocol | None = None,
    share: float = 0.1,
    candidates: CandidatesOf = "catalogue",
    allow_seen: bool = False,
    config: Config | None = None,
    progress: Progress = SILENT,
) -> "Evaluation":
    """Fit models on the past of a log, ask them about its future, and compare them with intervals.

    Parameters
    ----------
    events, items, users
        As in `fit`. Of a file, rules that look at statistics clean the training part alone; what was cleaned
        before is taken as it is.
    models : sequence of str, optional
        Names of models; all but slow ones by default.
    rankers : sequence of str, optional
        Rankers to compare on one first stage (``"none"``, ``"mlp"``, ...), as ``tacit-NAME``.
    own : mapping of name to callable, optional
        What makes models of your own: with ``name``, ``fit`` and ``score``, see
        `tacit.models.protocol.Recommender`. One whose scores or lists have another shape, or that lists an
        item twice, is refused.
    ablation : bool
        The ranker of the configuration without each family of features as well.
    against : str, optional
        Model that differences are taken against; the best simple one by default.
    split : {"time", "leave-one-out", "random"}, optional
        How to hold out; the most honest way that the log supports by default.
    share : float
        Share of the events (time) or of each user's items (random) to hold out.
    candidates : {"catalogue", "log"}
        What is ranked: the catalogue and what was learned from, or, as in papers, all items of the log.
    allow_seen : bool
        Items of the history may be recommended and count (groceries, music).
    config : Config, optional
        Of cleaning, and of the models ``blend`` and ``tacit``.
    progress : Progress

    Raises
    ------
    InputError
        If a file, frame or name cannot be used, or the log does not support what is asked.
    """
    chosen = arguments.optional(config, Config, "config") or Config()
    models, rankers = arguments.names(models, "models"), arguments.names(rankers, "rankers")
    own = arguments.makers(own)
    arguments.check_number(share, "share")
    if allow_seen:
        chosen = replace(chosen, repeats=True)
    model_names(models, chosen)  # what is misspelt is said before the log is read
    ranker_names(rankers)
    rules = chosen.cleaning if isinstance(events, str | Path) else _NOTHING
    cut = make_split(
        _log(events, rules.rows_only(), progress),
        _catalogue(items),
        users=_users(users),
        protocol=split,
        share=share,
        seed=chosen.seed,
        allow_seen=allow_seen,
        candidates=candidates,
        clean_train=partial(without_noise, rules=rules),
        weights=chosen.weights,
    )
    cut = replace(cut, catalogue=encoded(cut.catalogue, chosen.encoder, progress=progress)[1])
    return Evaluation(
        compare(
            cut,
            chosen,
            models=models,
            rankers=rankers,
            own=own,
            ablation=ablation,
            against=against,
            progress=progress,
        )
    )


def fit(
    events: str | Path | Cleaned | Frame,
    items: str | Path | Frame | None = None,
    *,
    users: str | Path | Frame | None = None,
    config: Config | None = None,
    progress: Progress = SILENT,
) -> "Model":
    """Return a recommender fitted on a log and a catalogue.

    Parameters
    ----------
    events : path, Cleaned or frame
        A file is read and cleaned. A frame (of pandas, Polars, pyarrow, DuckDB or another library that
        speaks Arrow) is taken as it is: ``user_id`` and ``item_id``, and where you have them ``event``,
        ``timestamp`` (a date and time, a text that tells one, or a Unix time in seconds, milli-, micro- or
        nanoseconds), ``value`` and ``seq``. Ids become text, and NaN is a missing value. Rows that a file
        could not hold, such as one without an id, are an error; `read` leaves them out and knows other
        names of columns.
    items : path or frame, optional
        The catalogue: ``item_id`` and whatever else is known of an item.
    users : path or frame, optional
        ``user_id`` and whatever else is known of a user before anything is shown: age, country, ...
    config : Config, optional
    progress : Progress

    Raises
    ------
    InputError
        If a file or frame cannot be used or holds nothing to learn from.
    """
    config = arguments.optional(config, Config, "config")
    frame = _log(events, config.cleaning if config else None, progress)
    return Model(train(frame, _catalogue(items), config, users=_users(users), progress=progress))


def _log(events: str | Path | Cleaned | Frame, rules: Rules | None, progress: Progress) -> pl.DataFrame:
    if isinstance(events, str | Path):
        events = read(events, rules=rules, progress=progress)
    return events.events if isinstance(events, Cleaned) else log_frame(polars_frame(events, "event log"))


def _catalogue(items: str | Path | Frame | None) -> pl.DataFrame | None:
    if items is None:
        return None
    return (
        read_items(Path(items))
        if isinstance(items, str | Path)
        else item_frame(polars_frame(items, "catalogue"))
    )


def _users(users: str | Path | Frame | None) -> pl.DataFrame | None:
    if users is None:
        return None
    return (
        read_users(Path(users))
        if isinstance(users, str | Path)
        else user_frame(polars_frame(users, "table of users"))
    )


@dataclass(frozen=True)
class Evaluation:
    """Models beside each other.

    Attributes
    ----------
    report : dict
        What the command writes as JSON; see `tacit.evaluation.leaderboard.leaderboard`.
    """

    report: dict[str, Any]

    @property
    def conclusion(self) -> str:
        """One sentence: which model is best, and whether it beats the best simple one beyond noise."""
        return str(self.report["conclusion"])

    @property
    def choice(self) -> str:
        """Name of the cheapest model that no dearer one beats beyond noise."""
        return str(self.report["choice"]["name"])

    def table(self, users: str = "all") -> pl.DataFrame:
        """Return a row a model, the best first.

        Columns are the metrics, the 95 % interval of NDCG@10 (``low``, ``high``), the difference to the
        baseline with its own (``difference``, ``difference_low``, ``difference_high``; null for the baseline
        itself), and what the model costs.

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
        """Write a snapshot directory: whole or not at all."""
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
    ) -> list[Recommended]:
        """Return the k best items for a user, for a history of item ids (oldest first), or for both.

        ``attributes`` tells more of who asks, by the names of the users' file, and ``context`` of the moment,
        by those of the log (``device``, ...). Ids are text: ``user="7"``, ``history=["i1"]``.

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
        return self._engine.recommend(request).items

    def similar(self, item: str, *, k: int = 10) -> list[Recommended]:
        """Return the k items most like an item.

        Raises
        ------
        DataError
            If there is no such item, or ``k`` is out of bounds.
        """
        return self._engine.similar(item, k).items

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
