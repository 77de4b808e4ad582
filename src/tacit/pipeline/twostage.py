"""Retrieve, unite, compute features, rank: the recommender that Tacit serves.

Fitted in time order: the blend and the ranker learn from windows that are later than all events that their
retrievers and features were fitted on; then retrievers and features are fitted again on the whole log. The
weight of the ranker's addition to the blend is chosen on lists that it was not trained on; 0 is one of the
choices.
"""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from typing import Any, Self, cast

import numpy as np

from tacit.core import kernels
from tacit.core.devices import check_device
from tacit.core.errors import ConfigError
from tacit.core.executor import Executor, side_by_side
from tacit.core.growing_arrays import padded
from tacit.core.parts import part_of
from tacit.core.progress import SILENT, Progress
from tacit.core.seeds import Streams
from tacit.core.stages import stage
from tacit.core.types import Array, Bool, Float32, Int32, Int64, Json
from tacit.data.catalogue import Catalogue
from tacit.data.gain import ndcg_of_scores
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.data.splits import Protocol
from tacit.features.candidates import Candidates
from tacit.models.protocol import (
    FoldsIn,
    HoldsUsers,
    Indexes,
    Persistent,
    PersistentRecommender,
    Recommender,
    Updates,
    batches,
    can,
)
from tacit.pipeline.blend import LabelledCandidates
from tacit.pipeline.component_specs import named_arrays, named_spec, restored
from tacit.pipeline.config import Config
from tacit.pipeline.explain import Explainer, Reason, is_personal, reasons
from tacit.pipeline.explore import FEW_KNOW_IT, explored
from tacit.pipeline.firststage import FirstStage, fit_first_stage, fitted_again, most_at_once
from tacit.pipeline.pair_counts import PairCounts
from tacit.pipeline.rerank import Reranker, RerankReport, fit_reranker
from tacit.pipeline.retrieval import PROPOSED, Prepared, candidates, filled
from tacit.pipeline.secondstage import SecondStage
from tacit.pipeline.secondstage_fit import learn
from tacit.pipeline.similar import SimilarKind, similar_items
from tacit.pipeline.similar_fit import fit_similar
from tacit.pipeline.training_report import TrainingReport
from tacit.pipeline.unseen import BY_TEXT, LENGTH, TextFit, events_of, fit_text_fit, with_new_item
from tacit.rankers.ranker import OnEpoch

_DIGITS = 5
"""Significant digits of a score. Scores that differ by less are ties (unless a rounding lies between), in a
fixed order: sums in a batch differ from sums alone in the seventh digit."""

_RETRIEVER = "retriever"
"""First part of the names of a retriever's arrays: no name of a retriever is that of another part."""

_LONGER = 2
"""The ranker scores at least so many candidates for each place of a list."""

_LENGTHS = np.array([1, 3, 10, 30, 100])
"""Lengths of histories at which the weights of a blend are checked."""


@dataclass(frozen=True)
class _Constants:
    """What is the same for every request of a catalogue: computed once, not in every answer.

    Attributes
    ----------
    of : tuple
        The very objects it was computed from; these are replaced, never changed in place.
    unseen : bool[items]
        Available items without events.
    prepared : Prepared
        What the first stage knows of the retrievers.
    explainer : Explainer
    """

    of: tuple[Bool, Int64, tuple[Recommender, ...]]
    unseen: Bool
    prepared: Prepared
    explainer: Explainer


class TwoStage:
    """Retrievers, their blend, and a ranker on cross features.

    Parameters
    ----------
    config : Config, optional
    protocol : {"time", "leave-one-out", "random"}, optional
        The kind of cut that gives the labels; by default the strictest one that the log supports.
    first : FirstStage, optional
        Retrievers of the same configuration, fitted on the very log that `fit` will be given, so that many
        rankers can share them; fitted there by default.
    name : str
    progress : Progress
        Shows the progress of a fit.
    on_epoch : callable, optional
        Called with every epoch of the ranker's training, then with those of the re-ranker's.
    executor : Executor, optional
        Where retrievers are fitted; see `tacit.pipeline.firststage.fit_first_stage`.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        protocol: Protocol | None = None,
        first: FirstStage | None = None,
        name: str = "tacit",
        progress: Progress = SILENT,
        on_epoch: OnEpoch | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.config = config or Config()
        self.protocol = protocol
        self.first = first
        self.name = name
        self.progress = progress
        self.on_epoch = on_epoch
        self.executor = executor
        self.retrievers_: tuple[Recommender, ...] = ()
        self.second_: SecondStage
        self.rerank_: Reranker | None = None
        self.rerank_report_: RerankReport | None = None
        self.text_fit_: TextFit | None = None
        self.similar_: Mapping[str, Mapping[str, float]] = {}  # kind -> retriever -> weight of its list
        self.available_: Bool
        self.events_: Int64  # of each item at the fit, -1 for items that came later
        self.n_known_: int  # items of the catalogue at the fit
        self.report_: TrainingReport | None = None
        self.fold_ndcg_: float | None = None
        self._kept: _Constants | None = None

    def showing(self, progress: Progress) -> Self:
        """Return the same recommender, not fitted, whose fit shows its progress."""
        same = copy.copy(self)
        same.progress = progress
        return same

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Learn from the log and return self.

        Parameters
        ----------
        interactions : Interactions
        catalogue : Catalogue
            With vectors, unless no text is to be used.
        rng : numpy.random.Generator
        """
        _check_devices(self.config)
        progress, on_epoch, streams = self.progress, self.on_epoch, Streams.of(rng)
        first = self.first or fit_first_stage(
            self.config,
            interactions,
            catalogue,
            protocol=self.protocol,
            streams=streams,
            progress=progress,
            executor=self.executor,
        )
        second, self.report_, scores = learn(
            first, catalogue, self.config, streams=streams, progress=progress, on_epoch=on_epoch
        )
        self.fold_ndcg_ = _ndcg(first.folds[-1].labelled, scores[-1]) if first.folds else None
        if self.config.rerank is not None:
            rng = streams.stream("reranker", self.config.rerank.name)
            self.rerank_, self.rerank_report_ = fit_reranker(
                self.config.rerank, first, scores, catalogue, rng=rng, progress=progress, on_epoch=on_epoch
            )
        self._finish(first, second, scores, interactions, catalogue, streams)
        self.n_known_ = len(catalogue)
        self.available_ = catalogue.available
        self.events_ = events_of(interactions, len(catalogue))
        return self

    def _finish(
        self,
        first: FirstStage,
        second: SecondStage,
        scores: Sequence[Float32],
        interactions: Interactions,
        catalogue: Catalogue,
        streams: Streams,
    ) -> None:
        """Learn what does not depend on each other: side by side, where memory holds the parts of several."""
        assert self.report_ is not None
        available = catalogue.available
        draws, related = streams.stream("items treated as unseen"), streams.stream("related items")
        tasks: tuple[Callable[[], Any], ...] = (
            partial(second.fitted, interactions, catalogue, first.retrievers),
            partial(fit_text_fit, first.folds, scores, available, draws),
            partial(fit_similar, first.folds, available, related),
        )
        alone = most_at_once(len(interactions)) == 1
        self.second_, unseen, similar = [task() for task in tasks] if alone else side_by_side(tasks)
        if unseen is not None:
            self.text_fit_, of_unseen = unseen
            self.report_ = replace(self.report_, unseen=of_unseen)
        self.similar_ = {kind: of_kind.weights for kind, of_kind in similar.items()}
        self.report_ = replace(self.report_, similar={str(kind): one for kind, one in similar.items()})
        self.retrievers_ = first.retrievers

    def indexed(self) -> Self:
        """Return the same recommender, prepared for requests; see `tacit.models.protocol.Indexes`.

        To prepare takes longer than the few lists of an evaluation, so that does without. Prepared lists can
        differ a little: an index may estimate what a scan would find (docs/decisions/023-near-texts.md).
        """
        same = copy.copy(self)
        same.retrievers_ = tuple(
            one.indexed() if isinstance(one, Indexes) else one for one in self.retrievers_
        )
        return same

    def recommend(
        self, queries: Queries, k: int, *, items: Int32 | None = None, requests: Sequence[str] = ()
    ) -> Ranking:
        """Return the k best items of each query; fewer only if there are no more.

        Parameters
        ----------
        queries : Queries
        k : int
        items : int32[m], optional
            The only items to choose from; every available item by default.
        requests : sequence of n str, optional
            Who asks, for what is drawn by request (`tacit.pipeline.explore`).
        """
        constants = self._constants
        allowed, unseen = self.available_, constants.unseen
        if items is not None:
            allowed = np.zeros_like(allowed)
            allowed[items] = self.available_[items]
            unseen = allowed & unseen
        parts: list[Ranking] = []
        for batch in batches(queries, constants.prepared.held):
            depth = max(k, self.config.candidates)
            with stage("retrieve"):
                found = candidates(
                    self.retrievers_,
                    batch,
                    depth,
                    allowed,
                    self.n_known_,
                    unseen=unseen,
                    prepared=constants.prepared,
                )
            with stage("rank"):
                scores = self.second_.score(batch, found, max(self.config.ranked, _LONGER * k))
                ranking = self._listed(batch, found, scores, k)
            if (ranking.items[:, -1:] < 0).any():
                ranking = filled(ranking, batch, allowed)
            if self.config.explore:
                start = sum(map(len, parts))
                ranking = self._explored(ranking, batch, found, allowed, requests[start : start + len(batch)])
            parts.append(ranking)
        if not parts:
            return Ranking(np.empty((0, k), np.int32), np.empty((0, k), np.float32))
        return parts[0] if len(parts) == 1 else Ranking.joined(parts)

    def _listed(self, queries: Queries, found: Candidates, scores: Float32, k: int) -> Ranking:
        """Return the k best of candidates and of the items without events beside them."""
        fit = self.text_fit_
        if fit and found.by_text is not None and self.rerank_ is None and kernels.COMPILED is not None:
            return fit.listed(found, scores, self.events_, self.n_known_, k, 10**_DIGITS)
        if fit:
            found, scores = fit.joined(found, scores, self.events_)
        if self.rerank_:
            scores = self.rerank_.reordered(queries, found, scores)
        if fit and k >= LENGTH:
            scores = with_new_item(found, scores, fit.place, self.n_known_)
        return _best_listed(found.items, scores, k)

    def _explored(
        self,
        ranking: Ranking,
        queries: Queries,
        found: Candidates,
        allowed: Bool,
        requests: Sequence[str],
    ) -> Ranking:
        """Return lists with places for items with few events, by the share of the configuration."""
        share, k = self.config.explore, ranking.items.shape[1]
        pool = allowed & (self.events_ < self.config.explore_below)
        items = np.flatnonzero(pool).astype(np.int32)
        text = None
        if self.text_fit_ and len(items):
            # What is listed already is not drawn: more are needed than there are places.
            enough = k + max(PROPOSED, 2 * math.ceil(share * k))
            text = self.text_fit_.best(self.retrievers_, queries, found, items, self.events_, enough)
        return explored(ranking, queries, pool, text, share, self.config.seed, requests)

    def similar(
        self, items: Int32, k: int, *, kind: SimilarKind = "alike", counts: PairCounts | None = None
    ) -> Ranking:
        """Return the k available items that are alike to, go with or follow each of ``items`` (int32[n]).

        It fuses the lists of all retrievers with this kind of list; see `tacit.pipeline.similar`.

        Parameters
        ----------
        items : int32[n]
        k : int
        kind : {"alike", "together", "next"}
        counts : PairCounts, optional
            Of the log: used if no retriever has such lists.

        Raises
        ------
        UnsupportedError
            If neither has such lists.
        """
        return similar_items(
            self.retrievers_,
            items,
            k,
            kind=kind,
            available=self.available_,
            weights={**self.similar_.get(kind, {}), **self.config.similar},
            counts=counts,
            known=self.n_known_,
        )

    def reasons(self, queries: Queries, ranking: Ranking) -> list[list[list[Reason]]]:
        """Return why each item of each list is there, the strongest reason first."""
        acted = queries.acted()
        weights = self.second_.blend.weights_for(acted.lengths, acted.idle_time)
        found = self._constants.explainer.reasons(acted, ranking, weights, personal=self.personal)
        self._add_by_text(found, acted, ranking)
        if ranking.propensities is not None:
            for row, place in np.argwhere(ranking.propensities).tolist():
                found[row][place] = found[row][place] or [Reason("explore", -1, FEW_KNOW_IT)]
        return found

    def _add_by_text(self, found: list[list[list[Reason]]], acted: Queries, ranking: Ranking) -> None:
        """Add the reasons of items without events that are listed for their texts, whatever texts weigh."""
        if self.text_fit_ is None or all(map(all, found)):
            return
        bare = np.array([[not of_item for of_item in row] for row in found], dtype=bool)
        bare &= (ranking.items >= 0) & (self.events_[np.maximum(ranking.items, 0)] <= 0)
        if not bare.any():
            return
        only = Ranking(np.where(bare, ranking.items, -1), ranking.scores)
        reader = self.retrievers_[self.text_fit_.place]
        added = reasons((reader,), acted, only)
        for row, place in np.argwhere(bare):
            found[row][place] = added[row][place] or [Reason(reader.name, -1, BY_TEXT)]

    @property
    def _constants(self) -> _Constants:
        of = self.available_, self.events_, self.retrievers_
        kept = self._kept
        if kept is None or any(one is not other for one, other in zip(kept.of, of, strict=True)):
            explainer = Explainer(self.retrievers_, self.n_known_, len(self.available_))
            prepared = Prepared.of(self.retrievers_, self.n_known_, len(self.available_))
            kept = self._kept = _Constants(of, self.available_ & (self.events_ <= 0), prepared, explainer)
        return kept

    @cached_property
    def personal(self) -> bool:
        """Whether the fit learned anything from histories: if not, all users get the popular items."""
        if self.second_.ranker_weight > 0 or self.rerank_ is not None:
            return True
        weights = self.second_.blend.weights_for(_LENGTHS, np.zeros(len(_LENGTHS)))
        return is_personal(self.retrievers_, weights)

    def updated(self, later: Later) -> "TwoStage":
        """Return a recommender whose models and features that can follow events know later ones.

        What it learned from folds stays: the weights of the blend, the ranker. An item without events at the
        fit goes on to be proposed by its text, and keeps the better of its two estimates.
        """
        newer = copy.copy(self)
        known = later.within(self.n_known_)
        newer.retrievers_ = tuple(
            cast("Any", one).updated(later if can(one, FoldsIn) else known) if can(one, Updates) else one
            for one in self.retrievers_
        )
        newer.second_ = self.second_.updated(later)
        return newer

    def extended(self, catalogue: Catalogue) -> "TwoStage":
        """Return a recommender for a catalogue that has grown; known codes are unchanged."""
        larger = copy.copy(self)
        larger.retrievers_ = tuple(
            r.extended(catalogue) if isinstance(r, FoldsIn) else r for r in self.retrievers_
        )
        larger.second_ = self.second_.extended(catalogue)
        larger.rerank_ = self.rerank_.extended(catalogue) if self.rerank_ else None
        larger.available_ = catalogue.available
        larger.events_ = padded(self.events_, len(catalogue), -1)
        return larger

    def without_users(self, gone: Bool) -> "TwoStage":
        """Return a recommender for whose lists the rows of some users (bool[users]) count no more.

        What is made of the sums of many users' events stays: see `tacit.engine.forgetting`.
        """
        less = copy.copy(self)
        less.retrievers_ = tuple(
            one.without_users(gone) if isinstance(one, HoldsUsers) else one for one in self.retrievers_
        )
        return less

    def fitted_again(
        self,
        interactions: Interactions,
        catalogue: Catalogue,
        *,
        rng: np.random.Generator,
        executor: Executor | None = None,
    ) -> "TwoStage":
        """Return a recommender whose retrievers and statistics are those of a fit on another log.

        The blend, the ranker, the re-ranker and networks stay as they were learned.

        Parameters
        ----------
        interactions : Interactions
        catalogue : Catalogue
            That of the fit.
        rng : numpy.random.Generator
            In the state in which the fit was given it.
        executor : Executor, optional
        """
        again = copy.copy(self)
        again.retrievers_ = fitted_again(
            self.config,
            self.retrievers_,
            interactions,
            catalogue,
            streams=Streams.of(rng),
            executor=executor,
        )
        again.second_ = self.second_.fitted(interactions, catalogue, again.retrievers_)
        again.events_ = events_of(interactions, len(catalogue))
        return again.indexed()

    def with_available(self, available: Bool) -> "TwoStage":
        """Return the same recommender, which lists other items: bool[items]."""
        other = copy.copy(self)
        other.available_ = available
        return other

    def report_json(self) -> dict[str, Json]:
        """Return the reports of the fit as JSON: ``training`` and ``rerank``, null if there was none."""
        return {
            "training": self.report_.to_json() if self.report_ else None,
            "rerank": self.rerank_report_.to_json() if self.rerank_report_ else None,
        }

    def spec(self) -> dict[str, Json]:
        """Return everything but the arrays as JSON."""
        return {
            "name": self.name,
            "protocol": self.protocol,
            "items": self.n_known_,
            "text_fit": asdict(self.text_fit_) if self.text_fit_ else None,
            "similar": {kind: dict(weights) for kind, weights in self.similar_.items()},
            "retrievers": [named_spec("retriever", one) for one in self._persistent()],
            "second": self.second_.spec(),
            "rerank": self.rerank_.spec() if self.rerank_ else None,
        }

    def arrays(self) -> dict[str, Array]:
        """Return the learned arrays by ``part/name``, those of a retriever by ``retriever/its name/name``."""
        parts = {f"{_RETRIEVER}/{one.name}": named_arrays("retriever", one) for one in self._persistent()}
        parts["second"] = self.second_.arrays()
        parts["rerank"] = self.rerank_.arrays() if self.rerank_ else {}
        parts["items"] = {"events": self.events_[: self.n_known_]}
        return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}

    @classmethod
    def restore(
        cls,
        spec: Mapping[str, Any],
        arrays: Mapping[str, Array],
        catalogue: Catalogue,
        *,
        config: Config,
        report: Mapping[str, Any] | None = None,
    ) -> "TwoStage":
        """Return the fitted recommender of what `spec`, `arrays` and `report_json` returned.

        Parameters
        ----------
        spec, arrays : mapping
        catalogue : Catalogue
        config : Config
            Its configuration.
        report : mapping, optional
        """
        model = cls(config, protocol=spec["protocol"], name=spec["name"])
        model.n_known_ = spec["items"]
        of_retrievers = part_of(arrays, _RETRIEVER, "/")
        model.retrievers_ = tuple(
            restored("retriever", kept, part_of(of_retrievers, one.name, "/"), catalogue)
            for kept, one in zip(spec["retrievers"], config.retrievers, strict=True)
        )
        second = part_of(arrays, "second", "/")
        model.second_ = SecondStage.restore(spec["second"], second, catalogue, model.retrievers_)
        if spec["rerank"] is not None:
            model.rerank_ = Reranker.restore(spec["rerank"], part_of(arrays, "rerank", "/"), catalogue)
        model.available_ = catalogue.available
        if (fit := spec["text_fit"]) is not None:
            model.text_fit_ = TextFit(fit["place"], tuple(fit["weights"]))
        model.similar_ = spec.get("similar", {})
        events = part_of(arrays, "items", "/")["events"]
        model.events_ = np.pad(events, (0, len(catalogue) - len(events)), constant_values=-1)
        if report is not None and report["training"] is not None:
            model.report_ = TrainingReport.from_json(report["training"])
        if report is not None and report["rerank"] is not None:
            model.rerank_report_ = RerankReport.from_json(report["rerank"])
        return model

    def _persistent(self) -> list[PersistentRecommender]:
        for one in self.retrievers_:
            if not isinstance(one, Persistent):
                raise ConfigError(
                    f"the retriever {one.name!r} cannot be kept in a snapshot; give {type(one).__name__} the "
                    "methods spec, arrays and restore (tacit.models.protocol.Persistent)"
                )
        return list(self.retrievers_)  # type: ignore[arg-type]


def _ndcg(labelled: LabelledCandidates, scores: Float32) -> float:
    """Return the mean NDCG@10 of the lists of a fold in the order of some scores."""
    return float(ndcg_of_scores(scores, labelled.labels, labelled.totals).mean())


def _best_listed(items: Int32, scores: Float32, k: int) -> Ranking:
    """Return the k best of int32[n, c] items by their rounded scores, float32[n, c]; of ties the first."""
    if kernels.COMPILED is not None:
        return Ranking(*kernels.COMPILED.best_listed(items, scores, k, 10**_DIGITS))
    best = top_k(np.round(scores, _DIGITS), k)
    place = np.maximum(best.items, 0)
    chosen = np.where(best.items < 0, -1, np.take_along_axis(items, place, 1))
    own = np.where(best.items < 0, -np.inf, np.take_along_axis(scores, place, 1))
    return Ranking(chosen, np.minimum.accumulate(own, axis=1))  # within a tie they may rise


def _check_devices(config: Config) -> None:
    """Refuse devices that this machine does not have: before the first fit, not after an hour of fits."""
    for part in (*config.retrievers, config.ranker, config.rerank):
        if isinstance(device := getattr(part, "device", None), str):
            check_device(device)
