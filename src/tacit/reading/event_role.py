"""Which column holds the types of the events, and which unknown one may."""

from collections.abc import Mapping

from tacit.core.errors import AmbiguousError
from tacit.core.shell import map_option
from tacit.reading.column_content import Content
from tacit.reading.column_names import Kind
from tacit.reading.known_roles import Log, is_fixed
from tacit.reading.role_scores import Columns

MOST_EVENTS = 60
"""Most types of events of a log."""

_NO_EVENT = ("email", "json", "uuid", "hash", "url", "ip")


def event_column(log: Log) -> str | None:
    """Return the column of the event types, None if there is none.

    Raises
    ------
    AmbiguousError
        If a column of unknown words may hold them.
    """
    scored = [
        (points, name)
        for name in log.free
        if (points := _event_points(log.columns, log.known, name)) is not None
    ]
    scored.sort(key=lambda one: -one[0])
    if not scored:
        plain = next((name for name in log.free if _is_plain_event(log.columns, name)), None)
        if plain is None:
            _check_no_event(log)
        return plain
    chosen = _varying(log, [name for _, name in scored])
    content = log.columns.contents[chosen]
    if content.form in ("integer", "decimal", "flag"):
        codes = ", ".join(sorted(content.distinct.head(6).to_list()))
        log.found.notes.append(
            f"the event types of {chosen} are codes ({codes}): say what they mean with "
            "--event-map CODE=MEANING"
        )
    return chosen


def _varying(log: Log, names: list[str]) -> str:
    """Return the best column, or the best of those that vary where the best one says the same of all rows."""
    contents = log.columns.contents
    if not contents[names[0]].constant:
        return names[0]
    named = (name for name in names[1:] if log.columns.kind(name) == "event" and not contents[name].constant)
    return next(named, names[0])


def _check_no_event(log: Log) -> None:
    """Refuse a log without known event types in which a column of unknown words may hold the event types.

    Raises
    ------
    AmbiguousError
    """
    if log.reading.event is not None or log.reading.accept_guess:
        return
    name = next((name for name in log.free if _may_be_event(log, name)), None)
    if name is not None:
        few = ", ".join(log.columns.contents[name].distinct.head(4).to_list())
        raise AmbiguousError(
            f"{log.path}: {name} holds a few words ({few}) that may be event types, and none of them is "
            f"known; if they are, choose with {map_option(name, 'event')} and say what they mean with "
            "--event-map WORD=MEANING; if not, name the one type of all events with --event TYPE, or go on "
            "with --accept-guess"
        )


def _may_be_event(log: Log, name: str) -> bool:
    """Return whether a column without a telling name holds a few words that change from event to event."""
    content = log.columns.contents[name]
    if log.columns.kind(name) is not None or content.form != "text" or not 2 <= content.unique <= 12:
        return False
    if content.known < 0.9 * content.rows or content.rows < 10 * content.unique:
        return False
    words = content.distinct
    plain = words.str.contains(_WORD) & ~words.str.contains(r"^[A-Z]{3}$")  # USD, GBR, ...
    if float(plain.mean() or 0) < 0.6 or _are_circumstances(content):  # type: ignore[arg-type]
        return False
    return not is_fixed(log.columns, log.known, name)


def _are_circumstances(content: Content) -> bool:
    """Return whether most words say by what device, channel or payment something was done."""
    known = content.distinct.str.to_lowercase().is_in(_CIRCUMSTANCES)
    return float(known.mean() or 0) > 0.5  # type: ignore[arg-type]


_WORD = r"^[^\W\d_]{3,}([ _-][^\W\d_]+)*$|^\p{Han}{2,}$"
_DEVICES = "web website app mobile desktop tablet phone ios android windows linux macos chrome firefox safari"
_CHANNELS = "organic email newsletter direct referral paid social search ads store online offline"
_PAYMENTS = "card cash paypal invoice voucher transfer credit debit wire prepaid klarna alipay wechat"
_OTHERS = "male female unknown other none morning evening weekday weekend standard express pickup"
_CIRCUMSTANCES = frozenset(" ".join((_DEVICES, _CHANNELS, _PAYMENTS, _OTHERS)).split())
"""Words that say by what device, channel or payment something was done, and not what."""


def _is_plain_event(columns: Columns, name: str) -> bool:
    content = columns.contents[name]
    return columns.is_plainly(name, "event") and content.form != "empty" and content.unique <= MOST_EVENTS


def _event_points(columns: Columns, known: Mapping[str, str], name: str) -> float | None:
    content, meaning, kind = columns.contents[name], columns.name(name), columns.kind(name)
    named = kind == "event" or (kind == "record" and "event" in meaning.kinds and content.ratio < 0.5)
    if content.unique > MOST_EVENTS or content.form == "decimal" or content.form == "empty":
        return None
    if content.constant and not (named and content.events > 0.5) and content.known > 1:
        return None
    if not named and kind not in (None, "id", "record", "category", "tech", "flag", "text", "title", "order"):
        return None
    if content.form in ("integer", "flag") and not (named and meaning.certainty >= 0.5):
        return None
    if content.form == "flag" and not meaning.whole:  # the answer to a question that is not known
        return None
    if any(content.share(shape) > 0.5 for shape in _NO_EVENT) or content.times.certain:
        return None
    if not named and content.share("sentence") > 0.1:  # what was said of something
        return None
    if not named and content.known > 20 and content.ratio > 0.5:  # what happens, happens again
        return None
    if meaning.kinds[:1] != ("event",) and _are_circumstances(content):
        return None
    words = min(content.events, content.event_words)
    points = 4.0 * meaning.certainty * named + 4.0 * words
    points -= _uncertain_event(kind, named, content.ratio) + 2.0 * (content.known < 0.5 * content.rows)
    if is_fixed(columns, known, name):
        points -= 4.0
    return points if points >= (1.5 if named else 2.0) else None


def _uncertain_event(kind: Kind | None, named: bool, ratio: float) -> float:
    """Return what the name of a column takes from its event words: more where it names something else."""
    if named or kind is None:
        return 0.0
    repeated = kind == "order" and ratio < 0.5  # a few words again and again number no orders
    return 1.5 if repeated or kind in ("id", "record", "category") else 3.0
