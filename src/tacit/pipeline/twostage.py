"""Retrieve, unite, make features, rank: the recommender that Tacit serves.

Fitted in time order: the blend and the ranker learn from windows that are later than everything their
retrievers and features saw; then retrievers and features are fitted again on the whole log. How much the
ranker counts beside the blend is chosen on users that it was not trained on, and "not at all" is a choice.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Bool, Int32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.data.splits import DEFAULT, Protocol
from tacit.models.protocol import FoldsIn, Persistent, Recommender, SimilarItems, batches
from tacit.pipeline import retrievers
from tacit.pipeline.config import Config
from tacit.pipeline.explain import Reason, reasons
from tacit.pipeline.retrieval import candidates, filled
from tacit.pipeline.secondstage import SecondStage, fit_projection
from tacit.pipeline.training import TrainingReport, learn, lesson, roles
from tacit.pipeline.windows import rank_windows, sampled_users
from tacit.rankers.mlp import Epoch

_SIMILAR = ("ease", "itemknn", "content")
"""Who answers "more like this", taking turns."""


class TwoStage:
    """Retrievers, their blend, and a ranker on cross features.

    Parameters
    ----------
    config : Config, optional
    protocol : {"time", "leave-one-out", "random"}, optional
        The kind of cut that labels come from; by default the most honest one that the log supports.
    name : str
    """

    def __init__(
        self, config: Config | None = None, *, protocol: Protocol | None = None, name: str = "tacit"
    ) -> None:
        self.config = config or Config()
        self.protocol = protocol
        self.name = name
        self.retrievers_: tuple[Recommender, ...] = ()
        self.second_: SecondStage
        self.available_: Bool
        self.report_: TrainingReport | None = None

    def fit(
        self,
        interactions: Interactions,
        catalogue: Catalogue,
        *,
        rng: np.random.Generator,
        progress: Progress = SILENT,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> Self:
        """Learn from the log and return self.

        Parameters
        ----------
        interactions : Interactions
        catalogue : Catalogue
            With vectors, unless no text is to be used.
        rng : numpy.random.Generator
        progress : Progress
        on_epoch : callable, optional
            Called with every epoch of the ranker's training.
        """
        config = self.config
        windows = list(
            rank_windows(
                sampled_users(interactions, config.max_events, rng),
                self.protocol or DEFAULT[interactions.timing],
                count=config.windows,
                share=config.share,
                repeats=config.repeats,
                rng=rng,
            )
        )
        # One projection for all windows, from the earliest past: features mean the same in each.
        projection = fit_projection(windows[0].past if windows else interactions, catalogue)
        role = roles(interactions.n_users, rng)
        with progress.task("fitting retrievers", total=(len(windows) + 1) * len(config.retrievers)) as task:
            lessons = []
            for window in windows:
                fitted = self._fit_retrievers(window.past, catalogue, rng, task.advance)
                sampled = window.sample(config.max_users, rng)
                lessons.append(lesson(sampled, fitted, projection, catalogue, config, role, rng))
            self.retrievers_ = self._fit_retrievers(interactions, catalogue, rng, task.advance)
        second, self.report_ = learn(
            lessons, config, projection, rng=rng, progress=progress, on_epoch=on_epoch
        )
        self.second_ = second.fitted(interactions, catalogue)
        self.available_ = catalogue.available
        return self

    def recommend(self, queries: Queries, k: int, *, items: Int32 | None = None) -> Ranking:
        """Return the k best items of each query; fewer only where there are no more to choose from.

        Parameters
        ----------
        queries : Queries
        k : int
        items : int32[m], optional
            The only items to choose from; every available item by default.
        """
        allowed = self.available_
        if items is not None:
            allowed = np.zeros_like(allowed)
            allowed[items] = self.available_[items]
        parts = []
        for batch in batches(queries, len(allowed) * len(self.retrievers_)):
            found = candidates(self.retrievers_, batch, max(k, self.config.candidates), allowed)
            best = top_k(self.second_.score(batch, found), k)
            chosen = np.take_along_axis(found.items, np.maximum(best.items, 0), 1)
            ranking = Ranking(np.where(best.items < 0, -1, chosen), best.scores)
            parts.append(filled(ranking, batch, allowed))
        if not parts:
            return Ranking(np.empty((0, k), np.int32), np.empty((0, k), np.float32))
        return Ranking(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))

    def similar(self, items: Int32, k: int) -> Ranking:
        """Return the k available items most like each of ``items`` (int32[n]).

        Collaborative evidence and text take turns: so a new item has neighbours, and is one of theirs, before
        anybody has clicked it.
        """
        by_name = {r.name: r for r in self.retrievers_ if isinstance(r, SimilarItems)}
        answers = [by_name[name].similar(items, 3 * k) for name in _SIMILAR if name in by_name]
        return _first_k(answers, items, k, self.available_)

    def reasons(self, queries: Queries, ranking: Ranking) -> list[list[list[Reason]]]:
        """Return why each item of each list is there, the strongest reason first."""
        return reasons(self.retrievers_, queries, ranking)

    def extended(self, catalogue: Catalogue) -> "TwoStage":
        """Return a recommender for a catalogue that has grown; known codes are unchanged."""
        larger = copy.copy(self)
        larger.retrievers_ = tuple(
            r.extended(catalogue) if isinstance(r, FoldsIn) else r for r in self.retrievers_
        )
        larger.second_ = self.second_.extended(catalogue)
        larger.available_ = catalogue.available
        return larger

    def spec(self) -> dict[str, Json]:
        """Return everything but the arrays as JSON."""
        return {
            "name": self.name,
            "candidates": self.config.candidates,
            "retrievers": [
                {"name": name, "model": retrievers.model_of(name, parameters), "spec": model.spec()}
                for (name, parameters), model in zip(
                    self.config.retrievers.items(), self._persistent(), strict=True
                )
            ],
            "second": self.second_.spec(),
        }

    def arrays(self) -> dict[str, Array]:
        """Return the learned arrays of every part, by ``part/name``."""
        parts = dict(zip(self.config.retrievers, (m.arrays() for m in self._persistent()), strict=True))
        parts["second"] = self.second_.arrays()
        return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}

    @classmethod
    def restore(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue
    ) -> "TwoStage":
        """Rebuild a fitted recommender from what `spec` and `arrays` returned."""
        parts = spec["retrievers"]
        config = Config(
            retrievers={part["name"]: {"model": part["model"]} for part in parts},
            candidates=spec["candidates"],
        )
        model = cls(config, name=spec["name"])
        model.retrievers_ = tuple(
            retrievers.restore(part["model"], part["spec"], _part(arrays, part["name"]), catalogue)
            for part in parts
        )
        model.second_ = SecondStage.restore(spec["second"], _part(arrays, "second"), catalogue)
        model.available_ = catalogue.available
        return model

    def _fit_retrievers(
        self,
        past: Interactions,
        catalogue: Catalogue,
        rng: np.random.Generator,
        advance: Callable[[], None],
    ) -> tuple[Recommender, ...]:
        fitted = []
        for name, parameters in self.config.retrievers.items():
            fitted.append(retrievers.retriever(name, parameters).fit(past, catalogue, rng=rng))
            advance()
        return tuple(fitted)

    def _persistent(self) -> list[Persistent]:
        return [model for model in self.retrievers_ if isinstance(model, Persistent)]


def _part(arrays: Mapping[str, Array], part: str) -> dict[str, Array]:
    return {name.partition("/")[2]: a for name, a in arrays.items() if name.partition("/")[0] == part}


def _first_k(answers: list[Ranking], items: Int32, k: int, available: Bool) -> Ranking:
    # The first of each list, then the second of each, ...; each item where it first stands.
    n = len(items)
    joined = (
        np.stack([a.items for a in answers], axis=2).reshape(n, -1)
        if answers
        else np.full((n, 1), -1, dtype=np.int32)
    )
    best = np.full((len(items), k), -1, dtype=np.int32)
    scores = np.full((len(items), k), -np.inf, dtype=np.float32)
    told = (
        np.stack([a.scores for a in answers], axis=2).reshape(n, -1)
        if answers
        else np.full(joined.shape, -np.inf)
    )
    for row, (codes, values) in enumerate(zip(joined, told, strict=True)):
        allowed = np.flatnonzero((codes >= 0) & available[codes] & (codes != items[row]))
        _, first = np.unique(codes[allowed], return_index=True)
        places = allowed[np.sort(first)][:k]
        best[row, : len(places)] = codes[places]
        scores[row, : len(places)] = values[places]
    return Ranking(best, scores)
