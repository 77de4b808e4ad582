"""Time, event type, value and order within a visit: which of the columns beside user and item hold them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tacit.core.shell import map_option
from tacit.reading.choices import EVENT, ITEM, SEQ, TIMESTAMP, USER, VALUE, Reading
from tacit.reading.column_content import Content
from tacit.reading.column_names import Kind
from tacit.reading.event_role import event_column
from tacit.reading.flag_check import check_flags
from tacit.reading.known_roles import Found, Log
from tacit.reading.role_scores import Columns
from tacit.reading.time_role import check_unread_times, clock_column, plain_moments, time_column
from tacit.reading.value_role import value_column, value_kind
from tacit.reading.zone_role import zone_beside

KINDS: Mapping[str, tuple[Kind, ...]] = {
    USER: ("user", "session", "order", "device", "email"), ITEM: ("item", "title", "page"), EVENT: ("event",),
    TIMESTAMP: ("time", "other time"), VALUE: ("rating", "quantity", "plays", "dwell", "number"),
    SEQ: ("rank",),
}  # fmt: skip
"""What the name of a column says that has a role by its name."""


_IDS = ("user", "item", "order", "session", "record", "id")
"""Kinds of columns whose long numbers are no moments."""


def detect(
    columns: Columns, known: Mapping[str, str], free: Sequence[str], reading: Reading, path: Path
) -> Found:
    """Return the roles that are not known yet.

    Parameters
    ----------
    columns : Columns
    known : mapping of role to column
        User, item, and what the caller has chosen.
    free : sequence of str
        Columns without a role.
    reading : Reading
    path : Path
        For messages.

    Raises
    ------
    AmbiguousError
        If columns may have one of these roles and nothing decides.
    """
    found, left = Found(), list(free)
    steps = ((TIMESTAMP, time_column), (EVENT, event_column), (VALUE, value_column), (SEQ, _seq))
    for role, step in steps:
        if role in known:
            continue
        chosen = step(Log(columns, {**known, **found.roles}, left, found, reading, path))
        if chosen is not None:
            found.roles[role] = chosen
            left.remove(chosen)
    if (day := {**known, **found.roles}.get(TIMESTAMP)) is not None:
        found.clock = clock_column(Log(columns, known, left, found, reading, path), day)
        left = [name for name in left if name != found.clock]
        found.zone = zone_beside(Log(columns, known, left, found, reading, path), day)
    else:
        check_unread_times(Log(columns, known, left, found, reading, path))
    if (value := {**known, **found.roles}.get(VALUE)) is not None:
        found.value_kind = value_kind(columns, value)
    if EVENT not in known:
        check_flags(Log(columns, {**known, **found.roles}, left, found, reading, path))
    for name in left:
        evidence = columns.contents[name].times
        if evidence.share > 0.95 and evidence.certain and columns.kind(name) not in _IDS:
            found.unused[name] = f"{name} holds times and is not used: {map_option(name, 'timestamp')}"
    return found


def by_form(columns: Columns, free: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the time, the event type and the value of columns without names, and what is left of them."""
    found: dict[str, str] = {}
    left = list(free)
    for role, fits in ((TIMESTAMP, _holds_times), (EVENT, _holds_events), (VALUE, _holds_values)):
        chosen = next((name for name in reversed(left) if fits(columns.contents[name])), None)
        if chosen is not None and len(left) > 2:
            found[role] = chosen
            left.remove(chosen)
    return found, left


def _holds_times(content: Content) -> bool:
    seconds = content.times.kind == "seconds" and content.low > 6e8
    return content.times.share > 0.9 and (content.times.certain or seconds or plain_moments(content))


def _holds_events(content: Content) -> bool:
    return content.form == "text" and content.unique <= max(2, content.known // 2) and content.events > 0.5


def _holds_values(content: Content) -> bool:
    return (
        content.form in ("integer", "decimal", "flag") and content.unique <= 21 and abs(content.high) <= 100
    )


_SEQUENCES = ("seq", "sequence")
_FEW_ROWS = 30


def _seq(log: Log) -> str | None:
    for name in log.free:
        content = log.columns.contents[name]
        short = content.rows < _FEW_ROWS and log.columns.is_plainly(name, "rank")
        if name.strip().lower() in _SEQUENCES or short:
            return name
        if log.columns.kind(name) != "rank" or not content.whole or content.constant:
            continue
        if content.known == content.rows and content.low >= 0 and content.high < 1e6:
            return name
    return None
