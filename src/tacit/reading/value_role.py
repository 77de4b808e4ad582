"""Which column holds the ratings, amounts or durations of the events, and what they are."""

from collections.abc import Mapping, Sequence

from tacit.core.errors import AmbiguousError
from tacit.core.shell import argument, map_option
from tacit.data.event_names import meaning
from tacit.data.value_kinds import ValueKind, kind_of_name
from tacit.data.value_kinds import value_kind as kind_of_values
from tacit.reading.choices import EVENT, ITEM
from tacit.reading.column_content import Content
from tacit.reading.column_names import Kind, concepts_of, parts_of
from tacit.reading.event_role import MOST_EVENTS
from tacit.reading.flags import says_act, says_undoing
from tacit.reading.known_roles import Log, is_fixed
from tacit.reading.role_scores import Columns, is_measure

_VALUE_KINDS: Mapping[Kind, ValueKind] = {
    "rating": "rating", "quantity": "quantity", "plays": "plays", "dwell": "time", "number": "unknown",
}  # fmt: skip
_FEW_ROWS = 30


def value_column(log: Log) -> str | None:
    """Return the column of the values, None if there is none.

    Raises
    ------
    AmbiguousError
        If numbers of an unknown name may be values or something else.
    """
    _note_scores_of_others(log)
    scored = [
        (points, name)
        for name in log.free
        if name not in log.found.unused
        and (points := _value_points(log.columns, log.known, name)) is not None
    ]
    scored.sort(key=lambda one: -one[0])
    if scored:
        _note_grades(log, scored[0][1])
        _note_other_ratings(log, [name for _, name in scored])
        return scored[0][1]
    _check_words_of_ratings(log)
    if (plain := next((name for name in log.free if name.strip().lower() == "value"), None)) is not None:
        return plain
    unnamed = [name for name in log.free if not log.columns.named or _may_be_unnamed_value(log.columns, name)]
    return _value_by_content(log, unnamed)


def _note_scores_of_others(log: Log) -> None:
    """Note columns of scores that are no ratings of the items by the users: of models, of sellers."""
    for name in log.free:
        if not log.columns.named or log.columns.contents[name].form not in ("integer", "decimal"):
            continue
        what = "scores of a model" if {"model", "rating"} <= concepts_of(name) else None
        if what is None and _rates_shops(log, name):
            what = "ratings of sellers"
        if what is not None:
            log.found.unused[name] = (
                f"{name} holds {what}, no ratings of the items by the users, and is not used: "
                f"{map_option(name, 'value')}"
            )


def _rates_shops(log: Log, name: str) -> bool:
    """Return whether a column rates shops or sellers, and they are not the items."""
    rates = log.columns.kind(name) == "rating" and "shop" in concepts_of(name)
    return rates and "shop" not in concepts_of(log.known.get(ITEM, ""))


def _note_other_ratings(log: Log, names: Sequence[str]) -> None:
    for name in names[1:]:
        if log.columns.kind(name) == log.columns.kind(names[0]) == "rating":
            log.found.unused[name] = f"{name} holds ratings too and is not used: {map_option(name, 'value')}"


def _note_grades(log: Log, name: str) -> None:
    """Note grades of a school: in some countries the lowest is the best."""
    content = log.columns.contents[name]
    graded = log.columns.named and "grade" in concepts_of(name)
    if graded and content.low >= 1 and content.high <= _WORST_GRADE:
        log.found.notes.append(
            f"{name} holds grades from {content.low:g} to {content.high:g}, and the highest was taken for "
            f"the best; where 1 is the best write {_WORST_GRADE + 1} minus the grade in its place"
        )


_WORST_GRADE = 6


def _check_words_of_ratings(log: Log) -> None:
    """Refuse a log whose ratings are words or letters: which of them are good is for the user to say.

    Raises
    ------
    AmbiguousError
    """
    if log.reading.accept_guess or EVENT in log.known:
        return
    name = next((name for name in log.free if _rates_in_words(log, name)), None)
    if name is None:
        return
    few = log.columns.contents[name].distinct.head(4).to_list()
    option = f"{map_option(name, EVENT)} --event-map {argument(few[0])}=MEANING ..."
    raise AmbiguousError(
        f"{log.path}: {name} holds ratings in words ({', '.join(few)}), and nothing says how good they are; "
        f"read them as event types with {option}, write numbers in their place, or leave them out with "
        "--accept-guess"
    )


def _rates_in_words(log: Log, name: str) -> bool:
    """Return whether a column named for ratings holds a few words that no item or user decides."""
    content = log.columns.contents[name]
    rated = log.columns.named and log.columns.name(name).kinds[:2] in (("rating",), ("rating", "record"))
    few = content.form == "text" and 3 <= content.unique <= MOST_EVENTS and content.ratio < 0.5
    return rated and few and not is_fixed(log.columns, log.known, name)


_PREFERRED: Mapping[Kind, float] = {"rating": 4, "plays": 3, "quantity": 3, "dwell": 2, "number": 1}


def _value_points(columns: Columns, known: Mapping[str, str], name: str) -> float | None:
    content, meaning, kind = columns.contents[name], columns.name(name), columns.kind(name)
    if kind is None or kind not in _PREFERRED or content.form not in ("integer", "decimal", "flag"):
        return None
    if says_undoing(name):
        return None  # what was paid back is not what was bought
    if content.known < 0.02 * content.rows or (kind == "number" and _may_be_codes(name, content)):
        return None
    if kind in ("plays", "dwell", "number") and says_act(name, content):
        return None  # whether something was shared, not the share of it
    if kind == "rating" and content.constant and content.known > 3 and EVENT in known:
        return None  # the score of a search that asked for everything
    if kind == "rating" and content.rows > _FEW_ROWS and _is_of_item(columns, known, name):
        return None  # stars of a hotel, a mean of ratings
    points = _PREFERRED[kind] + meaning.certainty
    if ITEM in known and columns.decides(known[ITEM], name):  # a duration of the item, a mean of its ratings
        points -= 3.0 if kind == "dwell" else 1.5
    if kind == "number" and content.constant and content.known > 3:
        points -= 0.5
    return points if points > 0 else None


def _is_of_item(columns: Columns, known: Mapping[str, str], name: str) -> bool:
    """Return whether a rating is an attribute of the item: each item has one, on many rows."""
    return ITEM in known and columns.decides(known[ITEM], name)


def _may_be_unnamed_value(columns: Columns, name: str) -> bool:
    """Return whether the name of a column leaves open that it holds values."""
    return columns.name(name).kind in (None, "number", "item", "user") and not says_undoing(name)


def _value_by_content(log: Log, unnamed: Sequence[str]) -> str | None:
    signed = [name for name in log.free if _is_signed_amount(log.columns, log.known, name)]
    if len(signed) == 1:
        return signed[0] if _may_be_amount(log, signed[0]) else _chosen_value(log, signed)
    if not _may_have_values(log):
        return None
    fits = [name for name in unnamed if _is_value(log.columns, log.known, name)]
    grids = [name for name in fits if _is_grid(log.columns.contents[name])]
    found = grids if len(fits) > 1 else fits or [name for name in unnamed if _is_flag(log.columns, name)]
    if len(found) == 1 and (log.columns.has("order") or not _is_open(log.columns, found[0])):
        return found[0]
    return _chosen_value(log, found)


def _is_flag(columns: Columns, name: str) -> bool:
    return columns.kind(name) == "number" and columns.contents[name].form == "flag"


def _chosen_value(log: Log, found: Sequence[str]) -> str | None:
    """Return one of several columns of numbers that may be the values, if the user wants a guess.

    Raises
    ------
    AmbiguousError
    """
    if not found or log.reading.accept_guess:
        return found[0] if found else None
    name = found[0]
    few = ", ".join(log.columns.contents[name].distinct.sort().head(5).to_list())
    also = f", or with {map_option(found[1], 'value')}" if len(found) > 1 else ""
    raise AmbiguousError(
        f"{log.path}: {name} holds a few numbers ({few}, ...), and nothing says whether they are "
        f"ratings, amounts or codes of event types; choose with {map_option(name, 'value')} or with "
        f"{map_option(name, 'event')}{also}, or take it for the values with --accept-guess"
    )


def _may_have_values(log: Log) -> bool:
    """Return whether a log may have ratings or amounts: where event types are words, one of them says so."""
    if EVENT not in log.known or log.columns.contents[log.known[EVENT]].form != "text":
        return True
    senses = {
        meaning(word).sense for word in log.columns.contents[log.known[EVENT]].distinct.head(MOST_EVENTS)
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
    if columns.kind(name) in _NO_AMOUNT or is_fixed(columns, known, name):
        return False
    return columns.has("order", "price") or content.numbers.filter(below).n_unique() > 1


_MOST_RETURNS = 0.3
_NO_AMOUNT = ("place", "statistic", "rank", "rating", "time", "other time", "calendar", "person", "price")


def _may_be_amount(log: Log, name: str) -> bool:
    """Return whether the name of a signed column, or an order or a price beside, speaks for an amount."""
    columns = log.columns
    return columns.has("order", "price") or not columns.named or columns.kind(name) is not None


def _is_open(columns: Columns, name: str) -> bool:
    """Return whether numbers may be codes, or amounts: below zero, or beside a price."""
    content = columns.contents[name]
    return _are_codes(content) or (content.whole and (content.low < 0 or columns.has("price")))


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
    decided = is_fixed(columns, known, name)
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
    ordered = columns.has("order")
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
