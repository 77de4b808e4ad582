"""The quality report: what is in a cleaned log, what it can support, and what looks wrong.

Every figure is counted on the events that cleaning kept, except the counts of rows read and quarantined.
`tacit.data.assess` computes it.
"""

from dataclasses import asdict, dataclass

from tacit.core.types import Json
from tacit.data.anonymous import AnonymousUser
from tacit.data.highlights import Cancellations, Example, PopularItem, Services
from tacit.data.ids import IdMatch
from tacit.data.interactions import Timing
from tacit.data.journeys import Funnel, Sessions
from tacit.data.measures import Catalogued, EventType, Histories, Popularity, TimeSpan, TimeSplit
from tacit.data.source import ColumnUse
from tacit.data.suspicions import Suspicion
from tacit.data.text_report import TextReport

MUCH_REJECTED = 0.1
"""Share of rejected rows above which something is likely to be wrong with the file or its reading."""


@dataclass(frozen=True)
class QualityReport:
    """Figures, signs of a broken source and advice on a log.

    Attributes
    ----------
    rows_in, rows_kept, rows_quarantined : int
        ``rows_in == rows_kept + rows_quarantined``.
    reasons : dict
        Quarantined rows by reason.
    mapping : dict
        Role: column of the source.
    dialect : str
    columns : list of ColumnUse
        How each column of the source is used.
    notes : list of str
        What was guessed or assumed in reading.
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
        Users with more than 300 events an hour on average, and at least 300.
    anonymous : list of AnonymousUser
        Ids with over a twentieth of the events that stand for people who were not known.
    rare_items : int
        Items with fewer than five events.
    funnel : Funnel or None
        None where there are fewer than two event types that are steps towards a purchase.
    sessions : Sessions or None
        None where the log knows no time of day.
    popular : list of PopularItem
        The items with most events that say yes.
    examples : list of Example
        The first row of each reason of rejection.
    services : Services or None
        Lines that look like postage, fees or vouchers among the goods.
    cancellations : Cancellations or None
    catalogue : Catalogued or None
        None where no catalogue was given.
    texts : TextReport or None
        How the texts of the items are read; None where no item has one, or no encoder is wanted.
    users_described : float or None
        Share of the log's users that the user file describes.
    user_ids : IdMatch or None
        How the users of the log meet those of the file, and what would make more of them meet.
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
    columns: list[ColumnUse]
    notes: list[str]
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
    anonymous: list[AnonymousUser]
    rare_items: int
    funnel: Funnel | None
    sessions: Sessions | None
    popular: list[PopularItem]
    examples: list[Example]
    services: Services | None
    cancellations: Cancellations | None
    catalogue: Catalogued | None
    texts: TextReport | None
    users_described: float | None
    user_ids: IdMatch | None
    split: TimeSplit | None
    suspicions: list[Suspicion]
    advice: list[str]

    @property
    def rejected_share(self) -> float:
        """Share of the rows that were rejected."""
        return self.rows_quarantined / max(self.rows_in, 1)

    def to_json(self) -> dict[str, Json]:
        """Return the report as JSON values."""
        return asdict(self)
