"""The quality report: what is in a cleaned log, what it can support, and what looks wrong.

Every figure is counted on the events that cleaning kept, except the counts of rows read and quarantined.
All of it is group-bys over integer codes, so 20 million events take seconds. The signs of a broken source are
in `tacit.data.suspicions`, the plain words in `tacit.data.advice`.
"""

from dataclasses import asdict, dataclass, replace

import polars as pl

from tacit.core.types import Json
from tacit.data import measures
from tacit.data.advice import advise
from tacit.data.clean import Cleaned
from tacit.data.interactions import Timing, timing_of
from tacit.data.measures import Catalogued, EventType, Histories, Popularity, TimeSpan, TimeSplit
from tacit.data.suspicions import Suspicion, suspicions


@dataclass(frozen=True)
class QualityReport:
    """What a log is like.

    Attributes
    ----------
    rows_in, rows_kept, rows_quarantined : int
        ``rows_in == rows_kept + rows_quarantined``.
    reasons : dict
        Quarantined rows by reason.
    mapping : dict
        Role: column of the source.
    dialect : str
    users, items, events : int
        Distinct ids in, and number of, the events kept.
    time_start, time_end : float or None
        Unix seconds; None where the log has no times.
    timing : {"time", "order", "none"}
    event_types : list of EventType
        Most frequent first.
    time : TimeSpan or None
    histories : Histories
    popularity : Popularity
    repeated_share : float
        Share of events that repeat an earlier one (same user, item and type).
    busiest_user_events : int
    fast_users : int
        Users who on average made more than 300 events an hour, and at least 300.
    rare_items : int
        Items with fewer than five events.
    catalogue : Catalogued or None
        None where no catalogue was given.
    users_described : float or None
        Share of the log's users that the user file describes.
    split : TimeSplit or None
        What a cut in time would leave; None where the log has no times.
    suspicions : list of Suspicion
    advice : list of str
    """

    rows_in: int
    rows_kept: int
    rows_quarantined: int
    reasons: dict[str, int]
    mapping: dict[str, str]
    dialect: str
    users: int
    items: int
    events: int
    time_start: float | None
    time_end: float | None
    timing: Timing
    event_types: list[EventType]
    time: TimeSpan | None
    histories: Histories
    popularity: Popularity
    repeated_share: float
    busiest_user_events: int
    fast_users: int
    rare_items: int
    catalogue: Catalogued | None
    users_described: float | None
    split: TimeSplit | None
    suspicions: list[Suspicion]
    advice: list[str]

    def to_json(self) -> dict[str, Json]:
        """Return the report as JSON values."""
        return asdict(self)


def assess(
    cleaned: Cleaned, items: pl.DataFrame | None = None, users: pl.DataFrame | None = None
) -> QualityReport:
    """Return the quality report of a cleaned log.

    Parameters
    ----------
    cleaned : Cleaned
    items, users : polars.DataFrame, optional
        The catalogue and the user file, if there are any.
    """
    events = cleaned.events
    coded = measures.coded_log(events)
    timing = timing_of(events)
    timed = timing == "time" and len(events) > 0
    time = measures.time_span(coded) if timed else None
    per_user, per_item = coded["user"].value_counts()["count"], coded["item"].value_counts()["count"]
    report = QualityReport(
        rows_in=cleaned.rows_in,
        rows_kept=len(events),
        rows_quarantined=len(cleaned.quarantine),
        reasons=dict(cleaned.reasons),
        mapping=dict(cleaned.mapping),
        dialect=cleaned.dialect,
        users=len(per_user),
        items=len(per_item),
        events=len(events),
        time_start=time.start if time else None,
        time_end=time.end if time else None,
        timing=timing,
        event_types=measures.event_types(events, coded),
        time=time,
        histories=measures.histories(per_user),
        popularity=measures.popularity(per_item),
        repeated_share=measures.repeated_share(coded),
        busiest_user_events=int(per_user.max() or 0),  # type: ignore[arg-type]
        fast_users=measures.fast_users(coded) if timed else 0,
        rare_items=int((per_item < 5).sum()),
        catalogue=None if items is None else measures.catalogued(events, items),
        users_described=None if users is None else measures.described_share(events, users),
        split=measures.time_split(coded) if time and time.end > time.start else None,
        suspicions=suspicions(events, coded, cleaned.quarantine, items, timing),
        advice=[],
    )
    return replace(report, advice=advise(report))
