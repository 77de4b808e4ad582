"""The Python API: from files to recommendations in a few lines; everything else is in the rooms below."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import polars as pl

from tacit.core.clock import SystemClock
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Json
from tacit.data.clean import Cleaned, Rules, clean
from tacit.data.frames import item_frame, log_frame, user_frame
from tacit.data.read import read_events, read_items, read_users
from tacit.engine.batch import recommend_all
from tacit.engine.engine import Engine
from tacit.engine.requests import Recommended, Request
from tacit.engine.snapshot import Snapshot
from tacit.engine.snapshot import load as load_snapshot
from tacit.engine.snapshot import save as save_snapshot
from tacit.engine.train import train
from tacit.pipeline.config import Config

__all__ = ["Config", "Model", "Rules", "fit", "load", "read"]


def read(events: str | Path, *, rules: Rules | None = None, progress: Progress = SILENT) -> Cleaned:
    """Return a cleaned event log: ``events``, ``quarantine`` and what was counted.

    Parameters
    ----------
    events : str or Path
        CSV, TSV, JSON lines or Parquet, packed or not, in any known dialect.
    rules : Rules, optional
    progress : Progress
    """
    return clean(
        read_events(Path(events), progress=progress), rules, now=SystemClock().now(), progress=progress
    )


def fit(
    events: str | Path | Cleaned | pl.DataFrame,
    items: str | Path | pl.DataFrame | None = None,
    *,
    users: str | Path | pl.DataFrame | None = None,
    config: Config | None = None,
    progress: Progress = SILENT,
) -> "Model":
    """Return a recommender fitted on a log and a catalogue.

    Parameters
    ----------
    events : path, Cleaned or polars.DataFrame
        A file is read and cleaned; a frame is taken as it is: ``user_id`` and ``item_id``, and where you
        have them ``event``, ``timestamp`` (Unix seconds or a date and time), ``value`` and ``seq``.
    items : path or polars.DataFrame, optional
        The catalogue: ``item_id`` and whatever else is known of an item.
    users : path or polars.DataFrame, optional
        ``user_id`` and whatever else is known of a user before anything is shown: age, country, ...
    config : Config, optional
    progress : Progress

    Raises
    ------
    InputError
        If a file or frame cannot be used or holds nothing to learn from.
    """
    rules = config.cleaning if config else None
    log = read(events, rules=rules, progress=progress) if isinstance(events, str | Path) else events
    frame = log.events if isinstance(log, Cleaned) else log_frame(log)
    return Model(train(frame, _catalogue(items), config, users=_users(users), progress=progress))


def _catalogue(items: str | Path | pl.DataFrame | None) -> pl.DataFrame | None:
    if items is None:
        return None
    return item_frame(items) if isinstance(items, pl.DataFrame) else read_items(Path(items))


def _users(users: str | Path | pl.DataFrame | None) -> pl.DataFrame | None:
    if users is None:
        return None
    return user_frame(users) if isinstance(users, pl.DataFrame) else read_users(Path(users))


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
        return cls(load_snapshot(Path(directory)))

    def save(self, directory: str | Path) -> None:
        """Write a snapshot directory: whole or not at all."""
        save_snapshot(self.snapshot, Path(directory))

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
        by those of the log (``device``, ...).
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
        """Return the k items most like an item."""
        return self._engine.similar(item, k).items

    def batch(
        self, users: Sequence[str] | None = None, *, k: int = 10, allow_seen: bool = False
    ) -> pl.DataFrame:
        """Return lists for many users: user_id, item_id, score, rank; all known users by default."""
        return pl.concat([*recommend_all(self.snapshot, users, k=k, allow_seen=allow_seen)])


load = Model.load
