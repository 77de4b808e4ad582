"""The state that requests read: one frozen value, replaced as a whole, so no request sees half a change."""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import polars as pl

from tacit.core.errors import ArtifactError, TacitError
from tacit.core.looked_up import LookedUp
from tacit.core.types import Float32, Int64, Json
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.data.vocabulary import Vocabulary
from tacit.encoders.encoder import TextEncoder, warm
from tacit.encoders.tuned import same_model
from tacit.engine.checking import UnknownItemError
from tacit.engine.evidence import Evidence
from tacit.engine.followed import Followed
from tacit.engine.items import ItemChanges, changed_frame, item_frame, same_words
from tacit.engine.small_first import SmallFirst
from tacit.engine.snapshot import Snapshot
from tacit.pipeline.twostage import TwoStage
from tacit.store.records import Event, ItemChange, TextVector

_KEPT = 8_192
"""So many vectors of texts are kept."""
_AHEAD = 16
"""Texts that are encoded ahead at once: a single item waits for so many."""
_NO_VECTORS: Mapping[str, TextVector] = MappingProxyType({})


class TextsWaitingError(TacitError):
    """Texts of items have no vectors yet, and the caller does not wait for their encoder.

    Attributes
    ----------
    texts : dict of str to str
        Item id to text, as the encoder reads it.
    draft : Draft or None
        What was made of the changes so far, for the next try.
    """

    def __init__(self, texts: dict[str, str]) -> None:
        super().__init__(f"the texts of {len(texts)} items are not encoded yet")
        self.texts = texts
        self.draft: Draft | None = None


@dataclass(frozen=True)
class Draft:
    """What changes of items come to in one catalogue, and the rows that they make of it."""

    catalogue: Catalogue
    changes: list[ItemChange]
    result: ItemChanges
    rows: Catalogue | None

    @classmethod
    def of(cls, state: "State", changes: Sequence[ItemChange]) -> "Draft":
        """Return what changes of a state come to.

        Raises
        ------
        UnknownItemError
            If a patch or a deletion names an item that there is not.
        """
        result = ItemChanges.of(changes, state.catalogue, state.deleted)
        frame = changed_frame(result, state.catalogue)
        rows = None
        if frame is not None:
            rows = Catalogue.from_frame(frame, Vocabulary(frame[col.ITEM]), like=state.catalogue)
        return cls(state.catalogue, list(changes), result, rows)


class ItemEncoder:
    """The encoder of a snapshot's vectors, loaded for the first text and then kept; safe to use from threads.

    The vectors of the last texts are kept, so that many can be encoded ahead, a few at a time, while single
    items of others are encoded in between.

    Parameters
    ----------
    snapshot : Snapshot
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._turns = SmallFirst()
        self._loading, self._keeping = threading.Lock(), threading.Lock()
        self._kept: dict[str, Float32] = {}

    @property
    def _encoder(self) -> TextEncoder:
        with self._loading:
            return self._loaded

    @cached_property
    def _loaded(self) -> TextEncoder:
        return self._snapshot.text_encoder()

    def warm(self) -> None:
        """Load the encoder now, if the catalogue has vectors."""
        if self._snapshot.catalogue.vectors is not None:
            with self._turns.hold(0):
                warm(self._encoder)

    def encode(self, texts: Sequence[str]) -> Float32 | None:
        """Return float32[n, d] as in the catalogue; None if the catalogue has no vectors.

        Raises
        ------
        ArtifactError
            If the encoder of this machine is not that of the snapshot.
        """
        if self._snapshot.catalogue.vectors is None:
            return None
        with self._turn(len(texts)):
            kept = {text: vector for text in texts if (vector := self._kept.get(text)) is not None}
            new = [text for text in dict.fromkeys(texts) if text not in kept]
            found = dict(zip(new, self._encoded(new), strict=True)) if new else {}
        with self._keeping:
            self._kept |= found
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]  # the one that came first
        return np.stack([found[text] if text in found else kept[text] for text in texts])

    def _turn(self, texts: int) -> AbstractContextManager[None]:
        """Return the turn to encode: the model of this process encodes for one caller at a time."""
        remote = getattr(self._encoder, "orders_requests", False)
        return nullcontext() if remote else self._turns.hold(texts)

    def known(self, text: str) -> Float32 | None:
        """Return the vector of a text if it is kept; it never waits."""
        return self._kept.get(text)

    def encode_ahead(self, texts: Sequence[str]) -> None:
        """Encode texts that will be needed, a few at a time."""
        for start in range(0, len(texts), _AHEAD):
            self.encode(texts[start : start + _AHEAD])

    def _encoded(self, texts: Sequence[str]) -> Float32:
        known = self._snapshot.catalogue.vectors
        vectors = self._encoder.encode(texts)
        other = known is None or vectors.shape[1] != known.shape[1] or not np.isfinite(vectors).all()
        if known is not None and (other or not same_model(self._encoder.name, self._snapshot.encoder_name)):
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
    deleted : frozenset of str
        Items that are in no list and cannot be named, but can be read in histories.
    forgotten : frozenset of int
        Users of the snapshot, by code, who were deleted since: their histories there are nobody's.
    expires : mapping of str to float
        When items leave every list, Unix seconds.
    as_of : float
        The moment up to which that was done.
    followed : Followed or None
        The events of the store that the models know beside those of the fit; None before the first.
    """

    snapshot: Snapshot
    encoder: ItemEncoder
    catalogue: Catalogue
    pipeline: TwoStage
    titles: pl.Series
    evidence: Evidence
    deleted: frozenset[str] = frozenset()
    forgotten: frozenset[int] = frozenset()
    expires: Mapping[str, float] = field(default_factory=dict)
    as_of: float = -np.inf
    followed: Followed | None = None

    @classmethod
    def of(cls, snapshot: Snapshot) -> "State":
        """Return the state of a snapshot without later items."""
        catalogue = snapshot.catalogue
        evidence = Evidence(snapshot.interactions, catalogue)
        return cls(snapshot, ItemEncoder(snapshot), catalogue, snapshot.pipeline, catalogue.titles, evidence)

    def grown(self, items: Mapping[str, Mapping[str, Json]]) -> "State":
        """Return a state with items added or replaced; known item codes do not change."""
        return self.changed([ItemChange(id_, "put", attributes) for id_, attributes in items.items()])

    def changed(
        self,
        changes: Sequence[ItemChange],
        vectors: Mapping[str, TextVector] = _NO_VECTORS,
        *,
        wait: bool = True,
        draft: Draft | None = None,
    ) -> "State":
        """Return a state after changes of items, in their order; known item codes do not change.

        Parameters
        ----------
        changes : sequence of ItemChange
        vectors : mapping of str to TextVector
            Vectors by item id; those of another model or of another text are not used.
        wait : bool
            Encode the texts that have no vector.
        draft : Draft, optional
            Of an earlier try, which waited for texts; used if nothing has changed since.

        Raises
        ------
        UnknownItemError
            If a patch or a deletion names an item that there is not.
        TextsWaitingError
            If a text has no vector and is not to be encoded.
        """
        if draft is None or draft.catalogue is not self.catalogue or draft.changes != list(changes):
            draft = Draft.of(self, changes)
        result, catalogue, pipeline = draft.result, self.catalogue, self.pipeline
        if (new := draft.rows) is not None:
            try:
                own = self._vectors_of(new, vectors, wait=wait)
            except TextsWaitingError as error:
                error.draft = draft
                raise
            catalogue = catalogue.joined_with(new if own is None else new.with_vectors(own))
            pipeline = pipeline.extended(catalogue)
        if result.available:
            codes = catalogue.items.encode(list(result.available))
            catalogue = catalogue.with_available(codes, np.array([*result.available.values()]))
            pipeline = pipeline.with_available(catalogue.available)
        changed = replace(
            self, catalogue=catalogue, pipeline=pipeline, titles=catalogue.titles, deleted=result.deleted
        )
        return changed._expiring(result.expires)

    def _expiring(self, ends: Mapping[str, float | None]) -> "State":
        """Return the state in which some items end at other times, or no longer do."""
        if not ends and not self.expires:
            return self
        expires = {id_: at for id_, at in {**self.expires, **ends}.items() if at is not None}
        return replace(self, expires=expires).at(self.as_of)

    @cached_property
    def expired(self) -> frozenset[str]:
        """Items whose time was over."""
        return frozenset(id_ for id_, at in self.expires.items() if at <= self.as_of)

    @cached_property
    def next_end(self) -> float:
        """When the next item expires; infinite if none does."""
        return min((at for at in self.expires.values() if at > self.as_of), default=np.inf)

    def at(self, now: float) -> "State":
        """Return the state as of a moment: items that expired by then are in no list."""
        later = replace(self, as_of=now)
        if not later.expired and not self.expired:
            available = self.catalogue.available
        else:
            available = self.catalogue.available.copy()
            codes = self.catalogue.items.encode([*later.expired])
            available[codes[codes >= 0]] = False
        return replace(later, pipeline=self.pipeline.with_available(available))

    def following(self, events: Sequence[Event], number: int) -> "State":
        """Return a state whose models know further events of the store.

        Parameters
        ----------
        events : sequence of Event
            In the order of their numbers, each once.
        number : int
            Up to which the store was read.
        """
        before = self.followed or Followed.nothing(self.snapshot, self.forgotten)
        followed, later = before.after(self.snapshot, self.catalogue.items, events, number)
        if not len(later.events):
            return replace(self, followed=followed)
        histories = followed.of_users(self.snapshot, np.unique(followed.log.user))
        return replace(
            self,
            pipeline=self.pipeline.updated(later),
            evidence=self.evidence.updated(histories, len(self.catalogue)),
            followed=followed,
        )

    @property
    def moment(self) -> float:
        """The moment that the models know: the end of the log, or of the events that were followed."""
        return self.snapshot.interactions.end if self.followed is None else self.followed.moment

    @cached_property
    def title_of(self) -> LookedUp:
        """Title of each item by code."""
        return LookedUp(self.titles)

    def encode_ahead(self, changes: Sequence[ItemChange]) -> None:
        """Encode the texts of many puts, so that `changed` has their vectors at hand.

        It holds up no other change for long; that is what it is for. Known items with the same words need no
        vector.
        """
        puts = {change.item_id: change.attributes for change in changes if change.kind == "put"}
        if self.catalogue.vectors is None or not puts:
            return
        frame = item_frame(puts, self.catalogue)
        new = Catalogue.from_frame(frame, Vocabulary(frame[col.ITEM]), like=self.catalogue)
        other = np.setdiff1d(np.arange(len(new)), self._with_same_words(new))
        self.encoder.encode_ahead(list(dict.fromkeys(_read_texts(new, other))))

    def code_of(self, id_: str) -> int:
        """Return the code of an item that can be named.

        Raises
        ------
        UnknownItemError
        """
        code = int(self.catalogue.items.encode([id_])[0])
        if code < 0 or id_ in self.deleted:
            raise UnknownItemError(f"there is no item {id_!r}")
        return code

    def user_code(self, user_id: str | None) -> int:
        """Return the code of a user in the snapshot; -1 if there is none, or if it was deleted since."""
        code = -1 if user_id is None else self.snapshot.interactions.users.code_of(user_id)
        return -1 if code in self.forgotten else code

    def text_vectors(self, ids: Sequence[str]) -> dict[str, TextVector]:
        """Return the vectors of the texts of known items, for other processes; none if there are none."""
        if self.catalogue.vectors is None:
            return {}
        codes = self.catalogue.items.encode(list(ids))
        texts = _read_texts(self.catalogue, codes.astype(np.int64))
        rows = self.catalogue.vectors[codes]
        return {id_: self.text_vector(text, row) for id_, text, row in zip(ids, texts, rows, strict=True)}

    def encoded(self, texts: Mapping[str, str]) -> dict[str, TextVector]:
        """Return the vectors of texts by item id, encoded a few at a time; {} if the catalogue has none."""
        found: dict[str, TextVector] = {}
        ids = [*texts]
        for start in range(0, len(ids), _AHEAD):
            some = ids[start : start + _AHEAD]
            vectors = self.encoder.encode([texts[id_] for id_ in some])
            rows = () if vectors is None else vectors
            found |= {id_: self.text_vector(texts[id_], row) for id_, row in zip(some, rows, strict=False)}
        return found

    def text_vector(self, text: str, vector: Float32) -> TextVector:
        """Return a vector of a text with what it belongs to."""
        return TextVector(self._vector_model, _digest(text), vector.astype(np.float32).tobytes())

    @property
    def _vector_model(self) -> str:
        """Name of what vectors belong to: this fit and its encoder."""
        return f"{self.snapshot.version} {self.snapshot.encoder_name}"[:256]

    def _vectors_of(self, new: Catalogue, stored: Mapping[str, TextVector], *, wait: bool) -> Float32 | None:
        """Return the vectors of the texts of items; a known item with the same words keeps its own.

        Numbers are no words: another price makes another text, which the next fit encodes. None if the
        catalogue has no vectors.
        """
        old = self.catalogue
        if old.vectors is None:
            return None
        same = self._with_same_words(new)
        codes = old.items.encode(new.items.ids.to_list())
        vectors = np.zeros((len(new), old.vectors.shape[1]), dtype=np.float32)
        vectors[same] = old.vectors[codes[same]]
        rest = np.setdiff1d(np.arange(len(new)), same)
        if not len(rest):
            return vectors
        waiting: dict[int, str] = {}
        for place, text in zip(rest.tolist(), _read_texts(new, rest), strict=True):
            found = self._stored_vector(text, stored.get(new.items.ids[place]))
            found = self.encoder.known(text) if found is None else found
            if found is None:
                waiting[place] = text
            else:
                vectors[place] = found
        if waiting and not wait:
            raise TextsWaitingError({new.items.ids[place]: text for place, text in waiting.items()})
        if waiting:
            encoded = self.encoder.encode([*waiting.values()])
            if encoded is None:
                return None
            vectors[[*waiting]] = encoded
        return vectors

    def _with_same_words(self, new: Catalogue) -> Int64:
        """Return the rows of items that are known with the same words: int64[m], ascending."""
        codes = self.catalogue.items.encode(new.items.ids.to_list())
        place = np.flatnonzero(codes >= 0)
        return np.array(
            [row for row in place.tolist() if same_words(self.catalogue, int(codes[row]), new, row)], np.int64
        )

    def _stored_vector(self, text: str, stored: TextVector | None) -> Float32 | None:
        if stored is None or stored.model != self._vector_model or stored.text_digest != _digest(text):
            return None
        vector = np.frombuffer(stored.vector, dtype=np.float32)
        known = self.catalogue.vectors
        return vector if known is not None and vector.shape == known.shape[1:] else None

    def warnings_of(self, id_: str) -> list[str]:
        """Return what is to be said of an item: that nothing is known of its text."""
        catalogue = self.catalogue
        code = int(catalogue.items.encode([id_])[0])
        if (
            code < 0
            or catalogue.vectors is None
            or catalogue.has_text[code]
            or catalogue.texts[code] == f"item {id_}"
        ):
            return []
        return [
            f"the text of the item {id_!r} is in a language that the text encoder of this model, "
            f"{self.snapshot.encoder}, cannot read, so it is not recommended "
            "by its text; fit again with such texts"
        ]


def _read_texts(catalogue: Catalogue, places: Int64) -> list[str]:
    """Return the texts of some items as the encoder reads them: empty where there is nothing but the id."""
    worded = catalogue.has_text[places].tolist()
    texts = catalogue.texts.gather(places).to_list()
    return [text if is_worded else "" for text, is_worded in zip(texts, worded, strict=True)]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
