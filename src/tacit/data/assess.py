"""Quality report of a cleaned log.

All of it is group-bys over integer codes, so 20 million events take seconds. The figures are in
`tacit.data.measures`, the signs of a broken source in `tacit.data.suspicions`, the advice in
`tacit.data.advice`.
"""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from tacit.data import columns as col
from tacit.data import highlights, journeys, measures
from tacit.data.advice import advise
from tacit.data.anonymous import anonymous_users
from tacit.data.bursts import bursts
from tacit.data.clean import Cleaned
from tacit.data.event_map import NO_EVENT_MAP, EventMap, advice_on_unknown
from tacit.data.interactions import timing_of
from tacit.data.quality import QualityReport
from tacit.data.suspicions import suspicions
from tacit.data.text_report import TextReport

_BURSTS = 3
"""So many bursts are said."""


def assess(
    cleaned: Cleaned,
    items: pl.DataFrame | None = None,
    users: pl.DataFrame | None = None,
    *,
    own: bool = False,
    texts: TextReport | None = None,
    notes: Sequence[str] = (),
    event_map: EventMap = NO_EVENT_MAP,
) -> QualityReport:
    """Return the quality report of a cleaned log.

    Parameters
    ----------
    cleaned : Cleaned
    items, users : polars.DataFrame, optional
        The catalogue and the user file, if there are any.
    own : bool
        Whether the catalogue was made of columns of the log.
    texts : TextReport, optional
        How the texts of the catalogue are read.
    notes : sequence of str
        What is to be said of the catalogue and the file of users.
    event_map : EventMap
        What the user says that event types mean.
    """
    events = cleaned.events
    coded = measures.coded_log(events)
    timing = timing_of(events)
    timed = timing == "time" and len(events) > 0
    time = measures.time_span(coded) if timed else None
    per_user, per_item = coded["user"].value_counts()["count"], coded["item"].value_counts()["count"]
    met = None if users is None else measures.described_users(events, users)
    report = QualityReport(
        rows_in=cleaned.rows_in,
        rows_kept=len(events),
        rows_quarantined=len(cleaned.quarantine),
        reasons=dict(cleaned.reasons),
        mapping=dict(cleaned.mapping),
        dialect=cleaned.dialect,
        columns=list(cleaned.columns),
        notes=[*cleaned.notes, *notes, *map(str, bursts(events)[:_BURSTS])],
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
        anonymous=anonymous_users(events[col.USER]),
        rare_items=int((per_item < 5).sum()),
        funnel=journeys.funnel(coded, events[col.EVENT], time, event_map),
        sessions=journeys.sessions(coded) if timed else None,
        popular=highlights.popular_items(events, items, event_map),
        examples=highlights.examples(cleaned.quarantine),
        services=highlights.services(events, items),
        cancellations=highlights.cancellations(events),
        catalogue=None if items is None else measures.catalogued(events, items, own=own),
        texts=texts,
        users_described=None if met is None else met.exact,
        user_ids=met,
        split=measures.time_split(coded) if time and time.end > time.start else None,
        suspicions=suspicions(events, coded, cleaned.quarantine, None if own else items, timing),
        advice=[],
    )
    unknown = advice_on_unknown(events[col.EVENT].unique(), event_map) if len(events) else None
    return replace(report, advice=[*advise(report, event_map), *([unknown] if unknown else [])])
