"""Cross features of a history and a candidate: one row a pair, named columns, no Python loop over pairs.

`tacit.features.families` lists the features, so an ablation is one argument. All counts come from the
interactions given to `FeatureMaker.fit`. An unknown value is NaN; the `Normaliser` replaces it by the
training mean and marks it in a column of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Self

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.parts import part_of
from tacit.core.types import Array, Bool, Float32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.encoders.projection import Projection
from tacit.features import compiled
from tacit.features.candidates import Candidates
from tacit.features.families import FAMILIES, USUAL
from tacit.features.feature_columns import Column, Side
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs
from tacit.models.protocol import Recommender


class FeatureMaker:
    """Computes the features of pairs.

    Parameters
    ----------
    projection : Projection or None
        Fitted projection of the catalogue's vectors, shared by all windows so that a column means the same
        in each; None if there are no vectors.
    families : sequence of str
        Which features to compute.

    Raises
    ------
    ConfigError
        If there is no such family.
    """

    def __init__(self, *, projection: Projection | None, families: Sequence[str] = USUAL) -> None:
        for name in families:
            if name not in FAMILIES:
                raise ConfigError(f"there is no feature family {name!r}; known: {', '.join(FAMILIES)}")
        self.projection = projection
        self.families = tuple(families)
        self.state_: FeatureState
        self._kept: tuple[FeatureState | None, dict[tuple[str, ...], Any]] = None, {}

    def fit(
        self, interactions: Interactions, catalogue: Catalogue, retrievers: Sequence[Recommender] = ()
    ) -> Self:
        """Learn the statistics of a log, and take the item-item weights of retrievers fitted on it."""
        if not self.families:
            self.state_ = FeatureState.bare(interactions, catalogue)
            return self
        needs = {FAMILIES[name].needs for name in self.families}
        self.state_ = FeatureState.of(
            interactions, catalogue, self.projection, retrievers, collaborative="collaborative" in needs
        )
        return self

    def transform(
        self,
        queries: Queries,
        candidates: Candidates,
        chosen: Bool | None = None,
        standard: Float32 | None = None,
    ) -> Float32:
        """Return float32[pairs, features]: the pairs are the real candidates in row-major order.

        Parameters
        ----------
        queries : Queries
        candidates : Candidates
        chosen : bool[n, c], optional
            Which of the real candidates get features; all by default.
        standard : float32[n, c, r], optional
            Standardised scores of the retrievers, if they are known already; loops need none.
        """
        chosen = candidates.real if chosen is None else chosen
        pairs = CandidatePairs.of(queries, candidates, chosen, standard)
        blocks: list[Float32] = []
        for looped, names in groupby(self.families, key=lambda name: FAMILIES[name].looped):
            if looped:
                history = compiled.histories(pairs.queries, self.state_)
                listed = candidates.items, candidates.scores, chosen
                blocks.append(self._loops(names).transform(history, *listed))
            else:
                families = [FAMILIES[name].values(self.state_, pairs) for name in names]
                columns = [values for family in families for _, _, values in family]
                blocks.append(np.array(columns, dtype=np.float32).reshape(len(columns), len(pairs)))
        if len(blocks) == 1:
            return blocks[0].T
        none = np.empty((0, len(pairs)), dtype=np.float32)
        return np.concatenate([none, *blocks]).T  # a copy of whole columns: np.stack takes twice as long

    @property
    def loops(self) -> Any | None:
        """The features by compiled loops, for any queries; None where a family has none."""
        if not all(FAMILIES[name].looped for name in self.families):
            return None
        return self._loops(self.families)

    def _loops(self, names: Iterable[str]) -> Any:
        """Return some families by compiled loops: made once, for the state that it has now."""
        if self._kept[0] is not self.state_:
            self._kept = self.state_, {}
        known, wanted = self._kept[1], tuple(names)
        if wanted not in known:
            adds = (FAMILIES[name].by_loops for name in wanted)
            known[wanted] = compiled.features_of(self.state_, [add for add in adds if add is not None])
        return known[wanted]

    def columns(self, retrievers: Sequence[str]) -> tuple[Column, ...]:
        """Return the columns of `transform`, in order."""
        nothing = Candidates(
            np.full((1, 1), -1, dtype=np.int32),
            np.full((1, 1, len(retrievers)), -np.inf, dtype=np.float32),
            np.zeros(1, dtype=np.int64),
            np.zeros(1),
            tuple(retrievers),
        )
        pairs = CandidatePairs.of(Queries.of([[]]), nothing)
        return tuple(Column(column, name, side) for name, (column, side, _) in self._by_family(pairs))

    def updated(self, later: Later) -> "FeatureMaker":
        """Return a maker whose statistics of items know later events."""
        newer = FeatureMaker(projection=self.projection, families=self.families)
        newer.state_ = self.state_.updated(later)
        return newer

    def extended(self, catalogue: Catalogue) -> "FeatureMaker":
        """Return a maker for a catalogue that has grown."""
        larger = FeatureMaker(projection=self.projection, families=self.families)
        larger.state_ = self.state_.extended(catalogue, self.projection)
        return larger

    def spec(self) -> dict[str, Json]:
        """Return the parameters as JSON."""
        return {
            "families": list(self.families),
            "kinds": list(self.state_.kinds),
            "timed": self.state_.timed,
            "labels": list(self.state_.attributes.labels),
            "people": self.state_.people.spec() if self.state_.people else None,
        }

    def arrays(self) -> dict[str, Array]:
        """Return what was learned, without the parts that the catalogue and the retrievers hold."""
        projection = self.projection.arrays() if self.projection else {}
        return {
            **{f"state.{name}": array for name, array in self.state_.arrays().items()},
            **{f"projection.{name}": array for name, array in projection.items()},
        }

    @classmethod
    def restore(
        cls,
        spec: Mapping[str, Any],
        arrays: Mapping[str, Array],
        catalogue: Catalogue,
        retrievers: Sequence[Recommender] = (),
    ) -> Self:
        """Rebuild from what `spec` and `arrays` returned, the catalogue and the fitted retrievers."""
        of_projection = part_of(arrays, "projection", ".")
        projection = Projection.restore(of_projection) if of_projection else None
        maker = cls(projection=projection, families=spec["families"])
        maker.state_ = FeatureState.restore(
            part_of(arrays, "state", "."),
            catalogue,
            projection,
            retrievers,
            kinds=tuple(spec["kinds"]),
            timed=spec["timed"],
            people=spec["people"],
            labels=spec.get("labels"),
        )
        return maker

    def _by_family(self, pairs: CandidatePairs) -> Iterator[tuple[str, tuple[str, Side, Float32]]]:
        """Yield the family of each column, and the column."""
        for name in self.families:
            for column in FAMILIES[name].values(self.state_, pairs):
                yield name, column
