"""Users of a snapshot who were deleted from the store since: which they are, and what still holds them.

A snapshot tells up to which tombstone of which store it has forgotten already (`forgotten` in its facts); a
model that was fitted from files has forgotten nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from tacit.core.types import Json
from tacit.engine.snapshot import Snapshot
from tacit.pipeline.firststage import is_network
from tacit.store.records import Subject, Tombstone

_AT_ONCE = 10_000
"""Ids that are hashed together."""
FORGOTTEN = "forgotten"
SESSION = "session:"
"""In front of the id of a session, which is a user of its own in a log.

A user who is called so is the same one there: whichever of the two is deleted, the log forgets both.
"""


class Deletions(Protocol):
    """What tells who was deleted from a store: the store, or a reader of it."""

    @property
    def name(self) -> str:
        """A name of the store among others; empty before the first one is deleted."""
        ...

    def tombstones(self, since: int = 0) -> list[Tombstone]:
        """Return the tombstones above a number, in the order of their commits."""
        ...

    def digests(self, subject: Subject, ids: Iterable[str]) -> list[bytes]:
        """Return the hashes of ids, as they stand in tombstones; none before the first tombstone."""
        ...


def name_in_log(subject: Subject, subject_id: str) -> str:
    """Return how a user or a session is called in a log."""
    return subject_id if subject == "user" else SESSION + subject_id


def forgotten_since(facts: Mapping[str, Any], deletions: Deletions) -> int:
    """Return the number of the last tombstone of a store that a snapshot was made without; 0 for none.

    Parameters
    ----------
    facts : mapping
        Of the snapshot, or a decision of a refit.
    deletions : Deletions
    """
    known = facts.get(FORGOTTEN) or {}
    return int(known["number"]) if known.get("store") and known["store"] == deletions.name else 0


def facts_of(number: int, deletions: Deletions) -> dict[str, Json]:
    """Return what a snapshot tells of itself that was made without all up to a tombstone."""
    return {"store": deletions.name, "number": number}


def forgotten_places(names: pl.Series, stones: Sequence[Tombstone], deletions: Deletions) -> list[int]:
    """Return the places of those names of a log that have one of some tombstones, a microsecond each."""
    found: list[int] = []
    for subject, places, ids in _by_subject(names):
        gone = {stone.digest for stone in stones if stone.subject == subject}
        for start in range(0, len(ids), _AT_ONCE) if gone else ():
            some = slice(start, start + _AT_ONCE)
            digests = deletions.digests(subject, ids[some].to_list())
            found += [place for place, one in zip(places[some], digests, strict=True) if one in gone]
    return found


def _by_subject(names: pl.Series) -> list[tuple[Subject, pl.Series, pl.Series]]:
    """Return what names of a log may name: of each subject the places of the names, and the ids."""
    sessions = names.str.starts_with(SESSION).arg_true()
    ids = names.gather(sessions).str.strip_prefix(SESSION)
    return [("user", pl.int_range(len(names), eager=True), names), ("session", sessions, ids)]


def forgotten_codes(stones: Iterable[Tombstone], snapshot: Snapshot, deletions: Deletions) -> frozenset[int]:
    """Return the codes of the users of a snapshot who have one of some tombstones.

    A tombstone that was made under the same version of the model has the code with it; for others every id
    of the snapshot is hashed.
    """
    codes, strange = set(), []
    for stone in stones:
        if stone.model == snapshot.version:
            codes.add(stone.code)
        else:
            strange.append(stone)
    if strange:
        codes.update(forgotten_places(snapshot.interactions.users.ids, strange, deletions))
    return frozenset(codes - {-1})


def kept_until_refit(snapshot: Snapshot) -> list[str]:
    """Return the parts of a model that are not fitted again without a forgotten user before the next fit.

    They hold no ids and no histories, but numbers that were learned from all users together.
    """
    pipeline = snapshot.pipeline
    second = pipeline.second_
    kept = ["event weights", "blend"]
    if second.ranker is not None:
        kept.append(f"ranker {second.ranker.name}")
    if pipeline.rerank_ is not None:
        kept.append("re-ranker")
    kept += [f"retriever {one.name}" for one in pipeline.retrievers_ if is_network(one)]
    return kept
