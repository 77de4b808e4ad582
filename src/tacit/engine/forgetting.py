"""Users of a snapshot who were deleted from the store since: which they are, and what still holds them.

A snapshot tells up to which tombstone of which store it has forgotten already (`forgotten` in its facts); a
model that was fitted from files has forgotten nobody.
"""

from collections.abc import Iterable
from typing import Any

from tacit.core.types import Json
from tacit.engine.snapshot import Snapshot
from tacit.pipeline.firststage import is_network
from tacit.store.events import EventStore
from tacit.store.records import Tombstone

_AT_ONCE = 10_000
"""Ids that are hashed together."""
FORGOTTEN = "forgotten"


def forgotten_since(snapshot: Snapshot, store: EventStore) -> int:
    """Return the number of the last tombstone of a store that a snapshot was made without; 0 for none."""
    known: Any = snapshot.facts.get(FORGOTTEN) or {}
    return int(known["number"]) if known.get("store") and known["store"] == store.name else 0


def facts_of(number: int, store: EventStore) -> dict[str, Json]:
    """Return what a snapshot tells of itself that was made without all up to a tombstone."""
    return {"store": store.name, "number": number}


def forgotten_codes(stones: Iterable[Tombstone], snapshot: Snapshot, store: EventStore) -> frozenset[int]:
    """Return the codes of the users of a snapshot who have one of some tombstones.

    A tombstone that was made under the same version of the model has the code with it; for others every id
    of the snapshot is hashed, a microsecond each.
    """
    codes, strange = set(), set()
    for stone in stones:
        if stone.subject != "user":
            continue
        if stone.model == snapshot.version:
            codes.add(stone.code)
        else:
            strange.add(stone.digest)
    users = snapshot.interactions.users
    for start in range(0, len(users), _AT_ONCE) if strange else ():
        ids = users.ids[start : start + _AT_ONCE].to_list()
        digests = store.digests("user", ids)
        codes |= {start + place for place, digest in enumerate(digests) if digest in strange}
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
