"""What `tacit.fit` and `tacit.load` return: a fitted recommender in the words of the caller."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import polars as pl

from tacit import arguments
from tacit.core.types import Json
from tacit.data.text_report import TextReport
from tacit.engine.batch import recommend_all
from tacit.engine.checking import checked_ids
from tacit.engine.recommendations import Recommendations
from tacit.engine.requests import Request
from tacit.engine.snapshot import Snapshot
from tacit.engine.snapshot import load as load_snapshot
from tacit.engine.snapshot import save as save_snapshot
from tacit.pipeline.config import Config
from tacit.pipeline.rerank import RerankReport
from tacit.pipeline.similar import SimilarKind
from tacit.pipeline.training_report import TrainingReport
from tacit.reporting.notebook import html_table

if TYPE_CHECKING:
    from tacit.engine.engine import Engine


class Model:
    """A fitted recommender.

    Parameters
    ----------
    snapshot : Snapshot
    notes : sequence of str
        What was guessed or dropped in the data, and how the texts are read; empty for a loaded model.
    """

    def __init__(self, snapshot: Snapshot, notes: Sequence[str] = ()) -> None:
        self.snapshot = snapshot
        self.notes = tuple(notes)

    @cached_property
    def _engine(self) -> "Engine":
        from tacit.engine.engine import Engine  # brings SQLAlchemy, which a fit does not need

        return Engine(self.snapshot)

    @property
    def config(self) -> Config:
        """The configuration of the fit."""
        return self.snapshot.pipeline.config

    @property
    def report(self) -> TrainingReport | None:
        """Training report with the quality on held-out users; None if nothing could be learned."""
        return self.snapshot.pipeline.report_

    @property
    def texts(self) -> TextReport | None:
        """Which encoder reads the texts of the items and why, and what it does not read of them.

        None if no item has a text, no encoder was wanted, or an older version fitted the model.
        """
        facts = self.snapshot.facts.get("texts")
        return TextReport.from_json(facts) if isinstance(facts, Mapping) else None

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
        Users and items that are not known are named in the ``warnings`` of the list, and why it is empty.

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
        answer = self._engine.recommend(request)
        return Recommendations(answer.items, answer.warnings)

    def similar(self, item: str, *, k: int = 10, kind: SimilarKind = "alike") -> Recommendations:
        """Return k related items of an item: "alike", chosen "together" with it, or "next" after it.

        The ``warnings`` of the list say why it is empty.

        Raises
        ------
        DataError
            If there is no such item, or ``k`` is out of bounds.
        UnsupportedError
            If there is no such kind, or neither the pipeline nor the log has such lists.
        """
        answer = self._engine.similar(item, k, kind)
        return Recommendations(answer.items, answer.warnings)

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
            users = checked_ids(users, "users", "user_id", self.snapshot.id_rules)
        return pl.concat([*recommend_all(self.snapshot, users, k=k, allow_seen=allow_seen)])
