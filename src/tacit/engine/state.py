"""The state that requests read: one frozen value, replaced as a whole, so no request sees half a change."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from tacit.core.errors import ArtifactError
from tacit.core.types import Float32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.vocabulary import Vocabulary
from tacit.encoders.encoder import TextEncoder, warm
from tacit.encoders.tuned import same_model
from tacit.engine.evidence import Evidence
from tacit.engine.items import item_frame
from tacit.engine.snapshot import Snapshot
from tacit.pipeline.twostage import TwoStage

_log = logging.getLogger(__name__)


class ItemEncoder:
    """The encoder of a snapshot's vectors, loaded for the first text and then kept.

    Parameters
    ----------
    snapshot : Snapshot
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @cached_property
    def _encoder(self) -> TextEncoder:
        return self._snapshot.text_encoder()

    def warm(self) -> None:
        """Load the encoder now, if the catalogue has vectors."""
        if self._snapshot.catalogue.vectors is not None:
            warm(self._encoder)

    def encode(self, texts: Sequence[str]) -> Float32 | None:
        """Return float32[n, d] as in the catalogue; None if the catalogue has no vectors.

        Raises
        ------
        ArtifactError
            If the encoder of this machine is not that of the snapshot.
        """
        known = self._snapshot.catalogue.vectors
        if known is None:
            return None
        vectors = self._encoder.encode(texts)
        other = vectors.shape[1] != known.shape[1] or not np.isfinite(vectors).all()
        if other or not same_model(self._encoder.name, self._snapshot.encoder_name):
            raise ArtifactError(
                f"the encoder {self._encoder.name} gives other vectors than the snapshot holds "
                f"({vectors.shape[1]} dimensions, not {known.shape[1]}); fit again on this machine"
            )
        return vectors


@dataclass(frozen=True)
class State:
    """A snapshot and later items.

    Attributes
    ----------
    snapshot : Snapshot
    encoder : ItemEncoder
    catalogue : Catalogue
    pipeline : TwoStage
    titles : polars.Series of str
        By item code.
    evidence : Evidence
        Evidence on pairs of items; built on first use, and shared by all states of a snapshot.
    """

    snapshot: Snapshot
    encoder: ItemEncoder
    catalogue: Catalogue
    pipeline: TwoStage
    titles: pl.Series
    evidence: Evidence

    @classmethod
    def of(cls, snapshot: Snapshot) -> "State":
        """Return the state of a snapshot without later items."""
        catalogue = snapshot.catalogue
        evidence = Evidence(snapshot.interactions, catalogue)
        return cls(snapshot, ItemEncoder(snapshot), catalogue, snapshot.pipeline, catalogue.titles, evidence)

    def grown(self, items: Mapping[str, Mapping[str, Json]]) -> "State":
        """Return a state with items added or replaced; known item codes do not change."""
        frame = item_frame(items, self.catalogue)
        new = Catalogue.from_frame(frame, Vocabulary(list(items)), like=self.catalogue)
        texts = [text if worded else "" for text, worded in zip(new.texts, new.has_text, strict=True)]
        catalogue = self.catalogue.extended(frame, self.encoder.encode(texts))
        pipeline = self.pipeline.extended(catalogue)
        return replace(self, catalogue=catalogue, pipeline=pipeline, titles=catalogue.titles)

    def warnings_of(self, id_: str) -> list[str]:
        """Return what is to be said of an item: that nothing is known of its text."""
        catalogue = self.catalogue
        code = int(catalogue.items.encode([id_])[0])
        if catalogue.vectors is None or catalogue.has_text[code] or catalogue.texts[code] == f"item {id_}":
            return []
        return [
            f"the text of the item {id_!r} is in a language that the text encoder of this model, "
            f"{self.snapshot.encoder}, cannot read, so it is not recommended "
            "by its text; fit again with such texts"
        ]

    def grown_where_possible(self, items: Mapping[str, Mapping[str, Json]]) -> "State":
        """Return a state with every item that can be added: one that cannot must not stop the service."""
        if not items:
            return self
        try:
            state = self.grown(items)
        except Exception:
            _log.exception("stored items could not be added together; adding them one by one")
            state = self._grown_one_by_one(items)
        if unread := [warning for id_ in items for warning in state.warnings_of(id_)]:
            _log.warning("%d of %d stored items: %s", len(unread), len(items), unread[0])
        return state

    def _grown_one_by_one(self, items: Mapping[str, Mapping[str, Json]]) -> "State":
        state = self
        for id_, attributes in items.items():
            try:
                state = state.grown({id_: attributes})
            except Exception:
                _log.exception("the stored item %r cannot be served", id_)
        return state
