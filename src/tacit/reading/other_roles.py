"""Time, event type, value and order within a visit: which of the columns beside user and item hold them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as of
from pathlib import Path

import numpy as np

from tacit.core.errors import AmbiguousError
from tacit.data.event_names import meaning
from tacit.data.value_kinds import ValueKind, kind_of_name
from tacit.data.value_kinds import value_kind as kind_of_values
from tacit.reading.choices import EVENT, ITEM, SEQ, TIMESTAMP, USER, VALUE, Reading
from tacit.reading.column_content import Content
from tacit.reading.column_names import Kind, parts_of
from tacit.reading.role_scores import Columns, holds_moments, is_measure

KINDS: Mapping[str, tuple[Kind, ...]] = {
    USER: ("user", "session", "order", "device", "email"), ITEM: ("item", "title", "page"), EVENT: ("event",),
    TIMESTAMP: ("time", "other time"), VALUE: ("rating", "quantity", "plays", "dwell", "number"),
    SEQ: ("rank",),
}  # fmt: skip
"""What the name of a column says that has a role by its name."""

_VALUE_KINDS: Mapping[Kind, ValueKind] = {
    "rating": "rating", "quantity": "quantity", "plays": "plays", "dwell": "time", "number": "unknown",
}  # fmt: skip
_NEAR = 1.0
_MOST_EVENTS = 60
_NO_EVENT = ("email", "json", "uuid", "hash", "url", "ip")
_DAY = 86_400.0


@dataclass
class Found:
    """Roles beside user and item.

    Attributes
    ----------
    roles : dict of role to column
    notes : list of str
    unused : dict of column to sentence
        What is to be said of columns without a role.
    value_kind : ValueKind or None
    """

    roles: dict[str, str] = of(default_factory=dict)
    notes: list[str] = of(default_factory=list)
    unused: dict[str, str] = of(default_factory=dict)
    value_kind: ValueKind | None = None


@dataclass(frozen=True)
class _Log:
    """A log some of whose roles are known: what one step of `detect` looks at."""

    columns: Columns
    known: Mapping[str, str]
    free: Sequence[str]
    found: Found
    reading: Reading
    path: Path


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
        If two columns hold different times and neither is plainly that of the event.
    """
    found, left = Found(), list(free)
    steps = ((TIMESTAMP, _time), (EVENT, _event), (VALUE, _value), (SEQ, _seq))
    for role, step in steps:
        if role in known:
            continue
        chosen = step(_Log(columns, {**known, **found.roles}, left, found, reading, path))
        if chosen is not None:
            found.roles[role] = chosen
            left.remove(chosen)
    if (value := {**known, **found.roles}.get(VALUE)) is not None:
        found.value_kind = value_kind(columns, value)
    for name in left:
        if columns.contents[name].times.share > 0.95 and columns.contents[name].times.certain:
            found.unused[name] = f"{name} holds times and is not used: --map {name}=timestamp"
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
    return content.times.share > 0.9 and (content.times.certain or seconds or _plain_moments(content))


def _holds_events(content: Content) -> bool:
    return content.form == "text" and content.unique <= max(2, content.known // 2) and content.events > 0.5


def _holds_values(content: Content) -> bool:
    return (
        content.form in ("integer", "decimal", "flag") and content.unique <= 21 and abs(content.high) <= 100
    )


# Time


def _time(log: _Log) -> str | None:
    scored = [
        (points, name)
        for name in log.free
        if (points := _time_points(log.columns, log.known, name)) is not None
    ]
    scored = sorted(
        ((points - _follows(log.columns, name, scored), name) for points, name in scored), reverse=True
    )
    if not scored:  # a plain name is that of the times, even where none of them can be read
        return next((name for name in log.free if _is_plain_time(log.columns, name)), None)
    best = scored[0]
    same = [
        pair
        for pair in scored
        if best[0] - pair[0] < 2 * _NEAR and not _differ(log.columns, best[1], pair[1])
    ]
    best = max(same or [best], key=lambda pair: (log.columns.contents[pair[1]].unique, pair[0]))
    if log.columns.kind(best[1]) == "other time":
        log.found.notes.append(
            f"the only times are those of {best[1]}: they were taken for the times of the events"
        )
    rivals = [name for points, name in scored if name != best[1] and best[0] - points < _NEAR]
    far = [name for name in rivals if _differ(log.columns, best[1], name)]
    if far and not log.reading.accept_guess:
        raise AmbiguousError(
            f"{log.path}: {best[1]} and {far[0]} both hold times, and neither is plainly that of the event; "
            f"choose with --map {best[1]}=timestamp or with --map {far[0]}=timestamp, or take the first with "
            "--accept-guess"
        )
    if far:
        log.found.notes.append(
            f"the times were guessed: {best[1]}; {far[0]} holds others (--map {far[0]}=timestamp)"
        )
    return best[1]


def _is_plain_time(columns: Columns, name: str) -> bool:
    """Return whether a column is named for times, and holds some or too little to tell."""
    content = columns.contents[name]
    codes = content.form == "integer" and content.times.share == 0 and content.known >= 30
    return columns.is_plainly(name, "time") and not codes


def _is_fixed(columns: Columns, known: Mapping[str, str], name: str) -> bool:
    """Return whether a column says something of the user or the item, and not of what happened."""
    keys = [known[role] for role in (USER, ITEM) if role in known]
    return any(columns.kind(key) not in ("order", "session") and columns.decides(key, name) for key in keys)


def _follows(columns: Columns, name: str, others: Sequence[tuple[float, str]]) -> float:
    """Return what a column of times loses that are never before those of another: what came of the event."""
    late = columns.seconds(name)
    for _, other in others:
        if other == name:
            continue
        after = late - columns.seconds(other)
        after = after[np.isfinite(after)]
        if len(after) >= 20 and after.min() >= 0 and (after > 0).mean() > 0.5:
            return 1.0
    return 0.0


def _time_points(columns: Columns, known: Mapping[str, str], name: str) -> float | None:
    """Return how well a column fits the time of the event; None if it cannot."""
    content, meaning, kind = columns.contents[name], columns.name(name), columns.kind(name)
    evidence = content.times
    named = kind == "time" or (kind == "event" and "time" in meaning.kinds)
    if evidence.share < (0.5 if named else 0.9):
        return None
    if not named and (not evidence.certain and not _plain_moments(content)):
        return None
    if kind not in _MAY_BE_TIME and not evidence.certain:
        return None
    decided = _is_fixed(columns, known, name)
    if kind != "time" and (decided or (kind == "calendar" and columns.named)):
        return None
    points = 4.0 * meaning.certainty + 1.5 * meaning.own if named else 0.0
    points -= 2.5 * (kind == "other time") + 3.0 * (content.constant and content.known > 3) + 3.0 * decided
    points += 1.5 * _is_sorted(columns, name) - 2.0 * (content.known < 0.9 * content.rows)
    return points + 0.4 * min(1.0, content.ratio)


_MAY_BE_TIME = (None, "time", "other time", "calendar", "id", "record", "number", "order", "text")


def _plain_moments(content: Content) -> bool:
    """Return whether cells are hardly anything but moments though their name says nothing."""
    if content.form == "text":
        return holds_moments(content)
    if content.times.kind == "excel days":  # days since 1900 with the time of day as a fraction
        return is_measure(content) and content.digits >= 3 and content.times.share > 0.995
    return content.times.kind in ("seconds", "milliseconds", "microseconds") and content.low >= 1e9


def _is_sorted(columns: Columns, name: str) -> bool:
    seconds = columns.seconds(name)
    known = seconds[np.isfinite(seconds)]
    half = known[: max(2, len(known) // 2)] if len(known) > 10_000 else known
    steps = np.diff(half)
    return bool(len(steps) and max((steps >= 0).mean(), (steps <= 0).mean()) > 0.98)


def _differ(columns: Columns, one: str, other: str) -> bool:
    """Return whether two columns of times are of different moments: more than a day apart in many rows."""
    first, second = columns.seconds(one), columns.seconds(other)
    both = np.isfinite(first) & np.isfinite(second)
    return bool(both.any()) and float((np.abs(first - second)[both] > _DAY).mean()) > 0.05


# Event type


def _event(log: _Log) -> str | None:
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
    chosen = scored[0][1]
    content = log.columns.contents[chosen]
    if content.form in ("integer", "decimal", "flag"):
        codes = ", ".join(sorted(content.distinct.head(6).to_list()))
        log.found.notes.append(
            f"the event types of {chosen} are codes ({codes}): say what they mean with "
            "--event-map CODE=MEANING"
        )
    return chosen


def _check_no_event(log: _Log) -> None:
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
            f"known; if they are, choose with --map {name}=event and say what they mean with --event-map "
            "WORD=MEANING; if not, name the one type of all events with --event TYPE, or go on with "
            "--accept-guess"
        )


def _may_be_event(log: _Log, name: str) -> bool:
    """Return whether a column without a telling name holds a few words that change from event to event."""
    content = log.columns.contents[name]
    if log.columns.kind(name) is not None or content.form != "text" or not 2 <= content.unique <= 12:
        return False
    if content.known < 0.9 * content.rows or content.rows < 10 * content.unique:
        return False
    words = content.distinct
    plain = words.str.contains(_WORD) & ~words.str.contains(r"^[A-Z]{3}$")  # USD, GBR, ...
    known = words.str.to_lowercase().is_in(_CIRCUMSTANCES)
    if float(plain.mean() or 0) < 0.6 or float(known.mean() or 0) > 0.5:  # type: ignore[arg-type]
        return False
    return not _is_fixed(log.columns, log.known, name)


_WORD = r"^[^\W\d_]{3,}([ _-][^\W\d_]+)*$|^\p{Han}{2,}$"
_DEVICES = "web website app mobile desktop tablet phone ios android windows linux macos chrome firefox safari"
_CHANNELS = "organic email newsletter direct referral paid social search ads store online offline"
_PAYMENTS = "card cash paypal invoice voucher transfer credit debit wire prepaid klarna alipay wechat"
_OTHERS = "male female unknown other none morning evening weekday weekend standard express pickup"
_CIRCUMSTANCES = frozenset(" ".join((_DEVICES, _CHANNELS, _PAYMENTS, _OTHERS)).split())
"""Words that say by what device, channel or payment something was done, and not what."""


def _is_plain_event(columns: Columns, name: str) -> bool:
    content = columns.contents[name]
    return columns.is_plainly(name, "event") and content.form != "empty" and content.unique <= _MOST_EVENTS


def _event_points(columns: Columns, known: Mapping[str, str], name: str) -> float | None:
    content, meaning, kind = columns.contents[name], columns.name(name), columns.kind(name)
    named = kind == "event" or (kind == "record" and "event" in meaning.kinds and content.ratio < 0.5)
    if content.unique > _MOST_EVENTS or content.form == "decimal" or content.form == "empty":
        return None
    if content.constant and not (named and content.events > 0.5) and content.known > 1:
        return None
    if not named and kind not in (None, "id", "record", "category", "tech", "flag", "text", "title", "order"):
        return None
    if content.form in ("integer", "flag") and not (named and meaning.certainty >= 0.5):
        return None
    if any(content.share(shape) > 0.5 for shape in _NO_EVENT) or content.times.certain:
        return None
    if not named and content.known > 20 and content.ratio > 0.5:  # what happens, happens again
        return None
    words = min(content.events, content.event_words)
    points = 4.0 * meaning.certainty * named + 4.0 * words
    points -= _uncertain_event(kind, named) + 2.0 * (content.known < 0.5 * content.rows)
    if _is_fixed(columns, known, name):
        points -= 4.0
    return points if points >= (1.5 if named else 2.0) else None


def _uncertain_event(kind: Kind | None, named: bool) -> float:
    """Return what the name of a column takes from its event words: more where it names something else."""
    if named or kind is None:
        return 0.0
    return 1.5 if kind in ("id", "record", "category") else 3.0


# Value


def _value(log: _Log) -> str | None:
    scored = [
        (points, name)
        for name in log.free
        if (points := _value_points(log.columns, log.known, name)) is not None
    ]
    scored.sort(key=lambda one: -one[0])
    if scored:
        return scored[0][1]
    if (plain := next((name for name in log.free if name.strip().lower() == "value"), None)) is not None:
        return plain
    unnamed = [
        name
        for name in log.free
        if not log.columns.named or log.columns.name(name).kind in (None, "number", "item", "user")
    ]
    return _value_by_content(log, unnamed)


_PREFERRED: Mapping[Kind, float] = {"rating": 4, "plays": 3, "quantity": 3, "dwell": 2, "number": 1}


def _value_points(columns: Columns, known: Mapping[str, str], name: str) -> float | None:
    content, meaning, kind = columns.contents[name], columns.name(name), columns.kind(name)
    if kind is None or kind not in _PREFERRED or content.form not in ("integer", "decimal", "flag"):
        return None
    if content.known < 0.02 * content.rows or (kind == "number" and _may_be_codes(name, content)):
        return None
    points = _PREFERRED[kind] + meaning.certainty
    if ITEM in known and columns.decides(known[ITEM], name):  # a duration of the item, a mean of its ratings
        points -= 3.0 if kind == "dwell" else 1.5
    if kind == "number" and content.constant and content.known > 3:
        points -= 0.5
    return points if points > 0 else None


def _value_by_content(log: _Log, unnamed: Sequence[str]) -> str | None:
    signed = [name for name in log.free if _is_signed_amount(log.columns, log.known, name)]
    if len(signed) == 1:
        return signed[0]
    if not _may_have_values(log):
        return None
    fits = [name for name in unnamed if _is_value(log.columns, log.known, name)]
    grids = [name for name in fits if _is_grid(log.columns.contents[name])]
    found = (
        grids
        if len(fits) > 1
        else fits
        or [
            name
            for name in unnamed
            if log.columns.kind(name) == "number" and log.columns.contents[name].form == "flag"
        ]
    )
    kinds = {log.columns.kind(name) for name in log.columns.all}
    if len(found) == 1 and ("order" in kinds or not _is_open(log.columns.contents[found[0]], kinds)):
        return found[0]
    return _chosen_value(log, found)


def _chosen_value(log: _Log, found: Sequence[str]) -> str | None:
    """Return one of several columns of numbers that may be the values, if the user wants a guess.

    Raises
    ------
    AmbiguousError
    """
    if not found or log.reading.accept_guess:
        return found[0] if found else None
    name = found[0]
    few = ", ".join(log.columns.contents[name].distinct.sort().head(5).to_list())
    also = f", or with --map {found[1]}=value" if len(found) > 1 else ""
    raise AmbiguousError(
        f"{log.path}: {name} holds a few numbers ({few}, ...), and nothing says whether they are "
        f"ratings, amounts or codes of event types; choose with --map {name}=value or with --map "
        f"{name}=event{also}, or take it for the values with --accept-guess"
    )


def _may_have_values(log: _Log) -> bool:
    """Return whether a log may have ratings or amounts: where event types are words, one of them says so."""
    if EVENT not in log.known or log.columns.contents[log.known[EVENT]].form != "text":
        return True
    senses = {
        meaning(word).sense for word in log.columns.contents[log.known[EVENT]].distinct.head(_MOST_EVENTS)
    }
    return bool(senses & {"rate", "buy", "cart", "checkout", "play"})


def _is_signed_amount(columns: Columns, known: Mapping[str, str], name: str) -> bool:
    """Return whether a column holds amounts some of which are taken back: whole numbers, a few below zero."""
    content = columns.contents[name]
    if content.form not in ("integer", "decimal") or not content.whole or not -10_000 < content.low < 0:
        return False
    below = content.numbers < 0
    if content.high > 10_000 or float(below.mean() or 0) > _MOST_RETURNS:  # type: ignore[arg-type]
        return False
    if columns.kind(name) in _NO_AMOUNT or _is_fixed(columns, known, name):
        return False
    ordered = any(columns.kind(other) in ("order", "price") for other in columns.all)
    return ordered or content.numbers.filter(below).n_unique() > 1


_MOST_RETURNS = 0.3
_NO_AMOUNT = ("place", "statistic", "rank", "rating", "time", "other time", "calendar", "person", "price")


def _is_open(content: Content, kinds: Collection[Kind | None]) -> bool:
    """Return whether numbers may be codes, or amounts: below zero, or beside a price."""
    return _are_codes(content) or (content.whole and (content.low < 0 or "price" in kinds))


def _may_be_codes(name: str, content: Content) -> bool:
    """Return whether numbers of a general name are few in many rows, and the name is none of an amount."""
    amount = kind_of_name(name) is not None or _AMOUNT_WORDS & set(parts_of(name))
    return content.rows > _FEW_ROWS and _are_codes(content) and not amount


_AMOUNT_WORDS = {"amount", "amt", "value", "val", "weight", "freq", "frequency"}


def _are_codes(content: Content) -> bool:
    """Return whether whole numbers are as few as the codes of event types are."""
    few = content.unique <= 4 or (content.low == 0 and content.unique <= 5)
    return content.form == "flag" or (content.whole and few)


def _is_value(columns: Columns, known: Mapping[str, str], name: str) -> bool:
    content = columns.contents[name]
    if content.form not in ("integer", "decimal") or content.constant or content.padded or content.counter:
        return False
    if content.known < 0.9 * content.rows or content.times.certain or content.unique < 3:
        return False
    if abs(content.high) > 10_000 or content.digits > 3:
        return False
    decided = _is_fixed(columns, known, name)
    return not decided and (_is_grid(content) or (is_measure(content) and content.digits <= 1))


def _is_grid(content: Content) -> bool:
    """Return whether numbers are few steps of one size without large gaps, as ratings are."""
    distinct = content.numbers.unique().sort()
    if not 3 <= len(distinct) <= 21 or content.low < -10 or content.high > 100:
        return False
    steps = distinct.diff().drop_nulls()
    step = float(steps.min())  # type: ignore[arg-type]
    dense = len(distinct) >= 0.5 * ((content.high - content.low) / step + 1)
    return dense and bool((steps % step).abs().max() < 1e-6)  # type: ignore[operator]


def value_kind(columns: Columns, name: str) -> ValueKind:
    """Return what the values of a column are, by its name, else by its numbers."""
    said = kind_of_name(name) if columns.named else None
    ordered = any(columns.kind(other) == "order" for other in columns.all)
    if said == "plays" and (ordered or _is_signed_amount(columns, {}, name)):
        return "quantity"  # a count on a line of an order, or one that is taken back
    if said is not None:
        return said
    kind = columns.kind(name)
    if kind is not None and kind in _VALUE_KINDS and kind != "number":
        return _VALUE_KINDS[kind]
    if (ordered and columns.contents[name].whole) or _is_signed_amount(columns, {}, name):
        return "quantity"
    return kind_of_values(None, columns.contents[name].numbers)


# Order

_SEQUENCES = ("seq", "sequence")
_FEW_ROWS = 30


def _seq(log: _Log) -> str | None:
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
