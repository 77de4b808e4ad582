"""Names of the dialects of logs: for the report, never for the parsing."""

from tacit.data.event_names import plain_name
from tacit.reading.rows import Rows

RECBOLE = "RecBole atomic"
_HEADERS = {
    "MovieLens 25M": {"userid", "movieid", "rating", "timestamp"},
    "Amazon Personalize": {"userid", "itemid", "timestamp", "eventtype"},
    "Google Analytics 4": {"eventname", "userpseudoid"},
    "Google retail": {"eventtype", "visitorid", "eventtime"},
    "Metarank": {"event", "user", "item", "session"},
    "RecSys Challenge 2015": {"sessionid", "itemid", "time"},
}


def dialect_of(rows: Rows, separator: str | None, kind: str | None = None) -> str:
    """Return the name of the dialect of a log, else the kind of file, else that of its separator."""
    if rows.impressions:
        return "MIND behaviors"
    if rows.list_sign is not None:
        return "browse records"
    if not rows.named and len(rows.columns) == 4 and separator in ("\t", "::"):
        return "MovieLens 100K" if separator == "\t" else "MovieLens 1M"
    if kind == RECBOLE:
        return kind
    names = {plain_name(name) for name in rows.columns}
    for dialect, needed in _HEADERS.items():
        if needed <= names and not (dialect == "Amazon Personalize" and "USER_ID" not in rows.columns):
            return dialect
    if kind is not None:
        return kind
    return {"\t": "TSV", ",": "CSV", None: "table"}.get(separator, f"separated by {separator!r}")
