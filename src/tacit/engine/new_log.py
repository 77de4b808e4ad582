"""The log of a refit: what the last fit was made of, and what the store has taken since.

The snapshot's log was cleaned when it was made; it stays as it is. Store events are read as the log was: ids
by the same rules, types by their common names, returns as returns, ignored types not at all. An event that
the log has already (the same user, item, type and time) counts once. The rules of cleaning then look at both
together, and remove new events only.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tacit.core.errors import DataError
from tacit.core.types import Bool, Json
from tacit.data import columns as col
from tacit.data.categories import distinct_texts
from tacit.data.clean import apply_rules
from tacit.data.event_names import common_name
from tacit.data.ids import apply_ids
from tacit.data.interactions import timing_of
from tacit.data.returns import Settlement, settled
from tacit.data.vocabulary import Vocabulary
from tacit.engine import influence
from tacit.engine.attributes import cell
from tacit.engine.cleaned_log import HELD, Names, categories, frame_of
from tacit.engine.current_state import with_stored
from tacit.engine.forgetting import SESSION, forgotten_places, forgotten_since, name_in_log
from tacit.engine.left_out import NOTHING, LeftOut
from tacit.engine.snapshot import Snapshot
from tacit.engine.state import State
from tacit.pipeline.config import Config
from tacit.store.read_only import StoreReader

_NO_SETTLEMENT = Settlement({}, {})
"""What a few new events look like says nothing of a whole log."""


def log_of_snapshot(snapshot: Snapshot) -> pl.DataFrame:
    """Return the events of a snapshot as a frame, with `HELD` where any are held.

    Raises
    ------
    DataError
        If an older version wrote the snapshot.
    """
    if snapshot.log is None:
        raise DataError(
            "the snapshot has no log: an older tacit wrote it; fit it again, or name the log with --log"
        )
    names = Names(snapshot.interactions.users.ids, snapshot.catalogue.items.ids)
    return frame_of(snapshot.log.table(), names)


def has_learned(snapshot: Snapshot, left_out: LeftOut) -> bool:
    """Return whether a snapshot was fitted with events that are left out now, or may have been."""
    if snapshot.log is None:  # an older version wrote it
        return bool(left_out)
    events = log_of_snapshot(snapshot) if left_out else no_events()
    if HELD in events.columns:
        events = events.filter(~pl.col(HELD))
    return len(left_out.kept(events)) < len(events)


def without_forgotten(events: pl.DataFrame, reader: StoreReader, facts: Mapping[str, Any]) -> pl.DataFrame:
    """Return the events of a snapshot without those of users who were deleted from a store since.

    Sessions that were joined with a user since are that user's.
    """
    ids = distinct_texts(events[col.USER])
    gone = _forgotten(ids, reader, facts)
    if len(gone):
        events = events.filter(~_text(col.USER).is_in(gone.implode()))
    joined = {name_in_log("session", session): user for session, user in reader.merges().items()}
    if ids.is_in(list(joined)).any():
        events = events.with_columns(_text(col.USER).replace(joined))
    return events


def _forgotten(names: pl.Series, reader: StoreReader, facts: Mapping[str, Any]) -> pl.Series:
    """Return those of some users of a snapshot who were deleted from a store since."""
    stones = reader.tombstones(forgotten_since(facts, reader))
    return names.gather(forgotten_places(names, stones, reader))


def stored_events(reader: StoreReader, after: int, until: int, config: Config) -> pl.DataFrame:
    """Return events of a store as those of a log, without a weight; see `tacit.data.columns`."""
    rules = config.reading.ids
    parts = []
    for page in reader.events(after, until):
        user = apply_ids(page["subject_id"], rules)
        is_session = page["subject"] == "session"
        part = pl.DataFrame(
            {
                col.USER: (SESSION + page["subject_id"]).zip_with(is_session, user),
                col.ITEM: apply_ids(page["item_id"], rules),
                col.EVENT: _common(page["event"]),
                col.TIMESTAMP: page["at"],
                col.VALUE: page["value"],
                col.SEQ: pl.Series([None], dtype=pl.Int64).new_from_index(0, len(page)),
                col.LINE: page["number"],
                col.SOURCE: page["source"],
            }
        )
        part = settled(part, None, config.event_map, _NO_SETTLEMENT)
        ignored = [name for name in part[col.EVENT].unique() if config.event_map.ignored(name)]
        parts.append(part.filter(~pl.col(col.EVENT).is_in(ignored)))
    return pl.concat(parts) if parts else no_events()


def _common(events: pl.Series) -> pl.Series:
    known = events.unique().to_list()
    return events.replace_strict(known, [common_name(name) for name in known], return_dtype=pl.String)


def no_events() -> pl.DataFrame:
    """Return an empty frame of stored events."""
    schema: dict[str, Any] = dict.fromkeys((col.USER, col.ITEM, col.EVENT), pl.String)
    schema |= dict.fromkeys((col.TIMESTAMP, col.VALUE), pl.Float64)
    schema |= dict.fromkeys((col.SEQ, col.LINE), pl.Int64)
    return pl.DataFrame(schema=schema | {col.SOURCE: pl.String})


@dataclass(frozen=True)
class Joined:
    """One log of an earlier one and new events.

    Attributes
    ----------
    events : polars.DataFrame
        What is learned from.
    held : polars.DataFrame or None
        What is kept without that.
    counts : mapping of str to int
        ``before`` and ``new`` events; of them ``left_out``, and ``taken_out`` of those before; ``again``
        (they were there before), ``unclean``, ``held`` and ``added`` ones of the new.
    reasons : mapping of str to int
        Why new events are unclean.
    """

    events: pl.DataFrame
    held: pl.DataFrame | None
    counts: Mapping[str, int]
    reasons: Mapping[str, int]


def joined_log(
    before: pl.DataFrame,
    new: pl.DataFrame,
    config: Config,
    *,
    now: float,
    left_out: LeftOut = NOTHING,
    trusted: Collection[str] = (),
) -> Joined:
    """Return one log of an earlier one and new events.

    Parameters
    ----------
    before : polars.DataFrame
        With `HELD` where any are held.
    new : polars.DataFrame
        From `stored_events`.
    config : Config
    now : float
        Unix seconds; later times are impossible.
    left_out : LeftOut
    trusted : collection of str
        See `tacit.engine.influence.held`.
    """
    counts = {"before": len(before), "new": len(new)}
    before, new = left_out.kept(before), left_out.kept(new)
    counts["taken_out"] = counts["before"] - len(before)
    counts["left_out"] = counts["taken_out"] + counts["new"] - len(new)
    fresh = _without_known(before, new)
    counts["again"] = len(new) - len(fresh)
    held_before = before[HELD].to_numpy() if HELD in before.columns else np.zeros(len(before), dtype=bool)
    if not len(fresh) and not held_before.any():
        nothing = {"unclean": 0, "held": 0, "added": 0}
        return Joined(before.drop(HELD, strict=False), None, {**counts, **nothing}, {})
    whole = _joined(before.drop(HELD, strict=False), fresh)
    is_new = np.append(held_before, np.ones(len(fresh), dtype=bool))
    clean, reasons = _clean(whole, is_new, config, now)
    counts["unclean"] = int((~clean).sum())
    whole, is_new = whole.filter(pl.Series(clean)), is_new[clean]
    is_held = influence.held(whole, is_new, trusted)
    counts["held"] = int(is_held.sum())
    counts["added"] = int((is_new & ~is_held).sum())
    held = whole.filter(pl.Series(is_held)) if is_held.any() else None
    return Joined(whole.filter(pl.Series(~is_held)), held, counts, reasons)


def _clean(whole: pl.DataFrame, is_new: Bool, config: Config, now: float) -> tuple[Bool, dict[str, int]]:
    """Return which events stay, and why how many do not: all stay that are not new or pass every rule."""
    lines = whole.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(col.LINE))
    _, removed = apply_rules(lines, config.cleaning, now=now, event_map=config.event_map)
    removed = removed.filter(pl.Series(is_new).gather(removed[col.LINE]))
    clean = np.ones(len(whole), dtype=bool)
    clean[removed[col.LINE].to_numpy()] = False
    return clean, dict(removed["reason"].value_counts(sort=True).iter_rows())


_SAME = (col.USER, col.ITEM, col.EVENT, col.TIMESTAMP)


def _without_known(before: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the new events that an earlier log does not have."""
    users = new[col.USER].unique()
    theirs = before.filter(_text(col.USER).is_in(users.implode())) if len(before) else before
    known = theirs.select(_text(name) if name != col.TIMESTAMP else pl.col(name) for name in _SAME)
    return new.join(known, on=list(_SAME), how="anti", maintain_order="left")


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String)


def _joined(before: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return one log of an earlier one and new events, which come behind it; ids are categories."""
    timing = timing_of(before) if len(before) else "time"
    if timing != "time":  # an order goes on in the order of time; a log without any stays so
        last = int(before[col.SEQ].max() or 0)  # type: ignore[arg-type]
        place = new[col.TIMESTAMP].rank("ordinal").cast(pl.Int64) + last
        seq = place if timing == "order" else pl.lit(None, dtype=pl.Int64)
        new = new.with_columns(seq.alias(col.SEQ), pl.lit(None, dtype=pl.Float64).alias(col.TIMESTAMP))
    if new[col.SOURCE].null_count() == len(new) and col.SOURCE not in before.columns:
        new = new.drop(col.SOURCE)
    ids = {name: _joined_ids(before[name], new[name]) for name in (col.USER, col.ITEM, col.EVENT)}
    both = pl.concat([before.drop(*ids), new.drop(*ids)], how="diagonal")
    return both.select(
        *(column.alias(name) for name, column in ids.items()),
        pl.exclude(*ids),
    ).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(col.LINE))


def _joined_ids(before: pl.Series, new: pl.Series) -> pl.Series:
    known = Vocabulary.of(before, new)
    return categories(known.ids, np.append(known.encode(before), known.encode(new)))


# The catalogue and the users


def items_of(snapshot: Snapshot, reader: StoreReader | None) -> tuple[pl.DataFrame, State]:
    """Return the catalogue as of now, with all that a store holds of items, and the state that serves it."""
    state = State.of(snapshot)
    if reader is not None:
        state = with_stored(state, reader.item_rows())
    catalogue = state.catalogue
    frame = catalogue.attributes.with_columns_seq(
        catalogue.items.ids.alias(col.ITEM),
        pl.Series(col.AVAILABLE, catalogue.available),
        pl.Series(col.CREATED_AT, catalogue.created_at),
    )
    return frame, state


def people_of(snapshot: Snapshot, reader: StoreReader | None) -> pl.DataFrame | None:
    """Return the attributes of users as texts: those of a store in place of those of the snapshot."""
    known = snapshot.people
    if reader is None:
        return known
    if known is not None:  # of who was deleted since nothing is left, whoever has the id now
        gone = _forgotten(known[col.USER], reader, snapshot.facts)
        known = known.filter(~pl.col(col.USER).is_in(gone.implode()))
    known = _put(known, reader.users(), whole=True)
    return _put(known, reader.user_changes(), whole=False)


def _put(
    known: pl.DataFrame | None, given: Mapping[str, Mapping[str, Json]], *, whole: bool
) -> pl.DataFrame | None:
    """Return attributes of users with some in place of theirs: all of a user's, or those that are given."""
    if not given:
        return known
    names = dict.fromkeys(name for attributes in given.values() for name in attributes)
    columns = {name: [cell(row.get(name)) for row in given.values()] for name in names}
    schema = dict.fromkeys((col.USER, *names), pl.String)
    frame = pl.DataFrame({col.USER: list(given), **columns}, schema=schema)
    if known is None:
        return frame
    if not whole:
        frame = frame.join(known, on=col.USER, how="left", suffix=_KNOWN)
        both = [name for name in names if name in known.columns]
        frame = frame.with_columns(pl.coalesce(name, f"{name}{_KNOWN}").alias(name) for name in both)
        frame = frame.drop(f"{name}{_KNOWN}" for name in both)
    return pl.concat([known.join(frame, on=col.USER, how="anti"), frame], how="diagonal")


_KNOWN = " known before"


@dataclass(frozen=True)
class StoreMark:
    """How far a snapshot holds a store.

    Attributes
    ----------
    store : str
        `tacit.store.read_only.name_of` its address.
    last : int
        Number of the last event that was read.
    mark : str
        See `StoreReader.mark`.
    items : int
        Number of the last change of an item.
    """

    store: str = ""
    last: int = 0
    mark: str = ""
    items: int = 0

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "StoreMark":
        """Return the mark among the facts of a snapshot."""
        found = facts.get("store")
        return cls(**found) if isinstance(found, Mapping) else cls()

    def to_json(self) -> dict[str, Json]:
        """Return the mark as a fact of a snapshot."""
        return {"store": self.store, "last": self.last, "mark": self.mark, "items": self.items}

    def after(self, reader: StoreReader, store: str) -> int:
        """Return the number behind which the events of a store are new.

        Zero for another store, and where its last events were deleted, since their numbers are given again:
        then all are read, and those that the log has are told by what they say.
        """
        if store != self.store or reader.mark(self.last) != self.mark:
            return 0
        return self.last
