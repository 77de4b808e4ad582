"""The gate of a refit: a candidate, the live model and simple lists predict the last stretch of the log.

The candidate is fitted on what is before the stretch. The live model is asked with the same histories; it
must not have learned from the stretch, so this begins no earlier than the live model's log ends.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tacit.core.errors import DataError, UnsupportedError
from tacit.core.notes import OnNote
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float64, Int32
from tacit.data import columns as col
from tacit.data.interactions import Interactions, time_of, timing_of
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.data.splits import cut_time
from tacit.data.users import UNKNOWN, TraitColumns, Users
from tacit.data.vocabulary import Vocabulary
from tacit.engine.state import State
from tacit.engine.train import encoded, text_report_of
from tacit.evaluation import metrics
from tacit.evaluation.evaluate import fit_model, protocol_of
from tacit.evaluation.split import Split, first_moments, split_of_parts
from tacit.models.protocol import recommend
from tacit.pipeline import comparable
from tacit.pipeline.config import Config
from tacit.pipeline.text_encoder import NO_ENCODER

_SHARE = 0.1
"""Share of the events in the last stretch, as in an evaluation."""
_SIMPLE = ("popular", "trending")
_K = 10


@dataclass(frozen=True)
class Stretch:
    """The last stretch of a log.

    Attributes
    ----------
    start : float
        Unix seconds.
    said : str
        What is to be said of its choice.
    """

    start: float
    said: str = ""


def stretch_of(events: pl.DataFrame, live_end: float, share: float = 0.5) -> Stretch:
    """Return the last stretch: a tenth of the log, or less where the live model knows a part of that.

    Parameters
    ----------
    events : polars.DataFrame
    live_end : float
        When the log of the live model ends, Unix seconds.
    share : float
        Of what came later than that in the stretch: from the rest the candidate learns what the live model
        does not know.

    Raises
    ------
    UnsupportedError
        If the log has no times, or nothing in it is later than the live model.
    """
    timing = timing_of(events)
    if timing != "time":
        raise UnsupportedError("the log has no times: what is last is not known")
    at = time_of(events, timing)
    start = cut_time(at, _SHARE)
    if start > live_end:
        return Stretch(start)
    later = np.sort(at[at > live_end])
    if not len(later):
        raise UnsupportedError("no event is later than the log of the live model")
    start = float(later[min(int(len(later) * (1 - share)), len(later) - 1)])
    return Stretch(
        start,
        "the live model was fitted on a part of the last tenth of the log; the stretch is shorter, and "
        "begins after its log ends",
    )


def after(moment: float) -> float:
    """Return the first moment after one."""
    return float(np.nextafter(moment, np.inf))


@dataclass(frozen=True)
class Known:
    """What a refit knows beside the events.

    Attributes
    ----------
    items : polars.DataFrame or None
        The catalogue.
    people : polars.DataFrame or None
        Attributes of users.
    config : Config
    """

    items: pl.DataFrame | None
    people: pl.DataFrame | None
    config: Config


@dataclass(frozen=True)
class Trial:
    """A stretch of a log to predict.

    Attributes
    ----------
    split : Split
    before, after : polars.DataFrame
        The events before the stretch, and in it.
    known : Known
    """

    split: Split
    before: pl.DataFrame
    after: pl.DataFrame
    known: Known

    @classmethod
    def of(cls, events: pl.DataFrame, start: float, known: Known) -> "Trial | None":
        """Return the trial of a log from a moment on; None if nobody chose anything new in it."""
        earlier = (pl.col(col.TIMESTAMP) < start).fill_null(True)
        before, after = events.filter(earlier), events.filter(~earlier)
        config = known.config
        try:
            split = split_of_parts(
                before,
                after,
                known.items,
                users=known.people,
                protocol="time",
                cut=start,
                weights=config.weights,
                event_map=config.event_map,
                allow_seen=config.repeats,
                reading=config.reading,
            )
        except DataError:
            return None
        return cls(split, before, after, known)

    @property
    def users(self) -> int:
        """How many users chose something in the stretch."""
        return len(self.split.queries)

    def by_candidate(self, progress: Progress = SILENT, on_note: OnNote | None = None) -> Float64:
        """Return NDCG@10 of a model of the configuration that is fitted on what is before: float64[users]."""
        config, split = self.known.config, self._encoded(progress, on_note)
        model = comparable.models(config, ["tacit"], protocol=protocol_of(split))["tacit"]()
        fitted = fit_model(model, split, seed=config.seed, progress=progress)
        return self._ndcg(recommend(fitted, split.queries, _K))

    def by_simple(self) -> tuple[str, Float64]:
        """Return the name of the better one of the simple lists, and its NDCG@10: float64[users]."""
        config, split = self.known.config, self.split
        found = {}
        for name, make in comparable.models(config, _SIMPLE).items():
            model = fit_model(make(), split, seed=config.seed, progress=SILENT)
            found[name] = self._ndcg(recommend(model, split.queries, _K))
        best = max(found, key=lambda name: float(found[name].mean()))
        return best, found[best]

    def by_live(self, state: State) -> Float64:
        """Return NDCG@10 of a fitted model that is asked with the same histories: float64[users]."""
        catalogue, split = state.catalogue, self.split
        pipeline = state.pipeline.with_available(np.ones(len(catalogue), dtype=bool))
        ranking = recommend(pipeline, self._queries_of(state), _K)
        # Codes of the live catalogue are none of the split's: items that it does not have are no hit.
        codes = np.append(split.catalogue.items.encode(catalogue.items.ids), np.int32(-1))
        return self._ndcg(Ranking(codes[ranking.items].astype(np.int32), ranking.scores))

    def _queries_of(self, state: State) -> Queries:
        """Return the queries of the split as a model has them: by its own codes, weights and traits."""
        snapshot, users = state.snapshot, self.split.user_ids.cast(pl.String)
        log = snapshot.interactions
        theirs = self.before.filter(pl.col(col.USER).cast(pl.String).is_in(users.implode()))
        weighed = snapshot.weights.weigh(theirs).select(
            col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE, col.SEQ, col.WEIGHT
        )
        own = Interactions.from_frame(weighed, state.catalogue.items, Users.unknown(Vocabulary(users)))
        place = {name: code for code, name in enumerate(log.kinds)}
        kinds = np.array([place.get(name, -1) for name in own.kinds] or [-1], dtype=np.int16)
        own = replace(
            own,
            kinds=log.kinds,
            kind=kinds[own.kind],
            timing=log.timing,
            trait_columns=log.trait_columns,
            traits=self._traits(log.trait_columns, users),
            moment_columns=log.moment_columns,
        )
        moments = first_moments(own, self.after, users) if len(log.moment_columns) else None
        queries = own.queries(now=self.split.cut, moments=moments, exclude_seen=not self.known.config.repeats)
        return replace(queries, user=log.users.encode(users))

    def _traits(self, columns: TraitColumns, users: pl.Series) -> Int32:
        people = self.known.people
        if people is None:
            return np.full((len(users), len(columns)), UNKNOWN, dtype=np.int32)
        rows = users.alias(col.USER).to_frame().join(people, on=col.USER, how="left", maintain_order="left")
        return columns.traits(rows)

    def _ndcg(self, ranking: Ranking) -> Float64:
        split = self.split
        hit = metrics.hits(ranking, split.target_offsets, split.targets)
        return metrics.ndcg(hit, np.diff(split.target_offsets), _K)

    def _encoded(self, progress: Progress, on_note: OnNote | None) -> Split:
        report = text_report_of(self.split.catalogue, self.known.config.encoder, on_note, progress)
        source = report.encoder if report else NO_ENCODER
        return replace(self.split, catalogue=encoded(self.split.catalogue, source, progress=progress)[1])
