"""Flags that say what happened and have no role: a log that would ignore them is refused.

A column such as ``liked``, ``clicked``, ``is_return`` or ``target`` says by two values whether something
happened. Which of the two is a yes is clear, what the rows without it are is not: shown, or not in the log.
So such a log asks for its line, and takes ``--event TYPE`` or ``--accept-guess`` for an answer.
"""

import re
from collections.abc import Mapping

import polars as pl

from tacit.core.errors import AmbiguousError
from tacit.core.shell import argument, map_option
from tacit.data.event_names import meaning
from tacit.data.event_words import REFUSALS
from tacit.data.order_status import names_status, says_undone, unknown_words
from tacit.reading.choices import EVENT, ITEM, VALUE
from tacit.reading.column_content import Content
from tacit.reading.flags import YES, is_flag, is_mark, meaning_of_flag, plain_name, says_act, says_undoing
from tacit.reading.known_roles import Log, is_fixed
from tacit.reading.numbers import plainly_written
from tacit.reading.role_scores import Columns

_OUTCOMES = frozenset({"target", "label", "decision", "vote", "response", "outcome"})
_UNDONE = ("return", "cancel")
_ENDS = (*_UNDONE, "dismiss", "remove")
_MOSTLY = 0.9
_CODES = 12
_LOANS = re.compile("loan|lend|borrow|rent|hire|check.?out|due|departure|flight|借|대출|貸", re.I)


def check_flags(log: Log) -> None:
    """Refuse a log in which a column without a role says what happened.

    Raises
    ------
    AmbiguousError
    """
    if log.reading.event is not None or log.reading.accept_guess:
        return
    _check_status(log)
    undone = any(says_undone(log.columns.table[name]) for name in log.columns.all)
    for name in log.free:
        if EVENT not in log.found.roles and not _has_measure(log) and _says_act(log, name):
            raise AmbiguousError(_question(log, name))
        if EVENT not in log.found.roles and not _has_measure(log) and _codes_outcome(log, name):
            codes = ", ".join(sorted(log.columns.contents[name].distinct))
            raise AmbiguousError(
                f"{log.path}: {name} holds codes ({codes}) and seems to say what happened; choose with "
                f"{map_option(name, 'event')} --event-map CODE=MEANING, or if it says nothing of the events, "
                f"{_all_count(log)}"
            )
        if not undone and _says_undone_by_flag(log, name):
            raise AmbiguousError(_question(log, name))
        if not undone and _says_undone_otherwise(log, name):
            raise AmbiguousError(
                f"{log.path}: {name} seems to say of some rows that they were undone, and cannot be read "
                "as such; give the rows a column of event types, or if all of them count, "
                f"{_all_count(log)}"
            )
        if not undone and _takes_money_back(log, name):
            raise AmbiguousError(
                f"{log.path}: {name} is below zero in some rows by what the same items cost in others, and "
                f"would not be used; if those rows are returns, choose with {map_option(name, 'value')}, and "
                f"if not, {_all_count(log)}"
            )
    if not undone:
        _note_codes(log)


def _check_status(log: Log) -> None:
    """Refuse a log with a status of which some words are not known: they may say that orders were undone.

    Raises
    ------
    AmbiguousError
    """
    if (event := log.found.roles.get(EVENT)) is not None and not _tells_of_purchases(log, event):
        return
    for name in log.free:
        if not _may_be_status(log, name) or not (unknown := unknown_words(log.columns.table[name])):
            continue
        few = ", ".join(unknown[:6])
        raise AmbiguousError(
            f"{log.path}: {name} seems to be a status, and some of its words ({few}) are not known: they may "
            f"say that orders came to nothing; choose with {map_option(name, 'event')} --event-map "
            f"{argument(unknown[0])}=MEANING, or if it says nothing of the events, {_all_count(log)}"
        )


def _tells_of_purchases(log: Log, event: str) -> bool:
    return any(meaning(word).sense == "buy" for word in log.columns.contents[event].distinct)


def _may_be_status(log: Log, name: str) -> bool:
    """Return whether a column holds a few words that change from row to row, and that no place has."""
    content = log.columns.contents[name]
    if content.form != "text" or not 2 <= content.unique <= _MOST_WORDS or content.ratio >= 0.5:
        return False
    other = log.columns.kind(name) in ("place", "person", "user", "item")
    return not other and not is_fixed(log.columns, log.known, name)


_MOST_WORDS = 20


def _has_measure(log: Log) -> bool:
    """Return whether ratings, amounts or orders already say what the rows are."""
    if log.found.value_kind in ("plays", "time"):
        return not _is_often_nothing(log.columns.contents[log.known[VALUE]])
    return VALUE in log.known or _numbers_orders(log.columns)


def _is_often_nothing(content: Content) -> bool:
    """Return whether many rows were not watched, played or read at all: they were shown."""
    return float((content.numbers == 0).mean() or 0) > _OFTEN  # type: ignore[arg-type]


_OFTEN = 0.2


def _numbers_orders(columns: Columns) -> bool:
    """Return whether a column numbers orders; a flag named ``purchase`` does not."""
    return any(columns.kind(name) == "order" and not is_flag(columns.contents[name]) for name in columns.all)


def _says_act(log: Log, name: str) -> bool:
    content = log.columns.contents[name]
    if plain_name(name).lower() in _OUTCOMES:
        return is_flag(content)
    return says_act(name, content) and not is_fixed(log.columns, log.known, name)


def _codes_outcome(log: Log, name: str) -> bool:
    """Return whether a column named for what came of something holds a few numbers."""
    content = log.columns.contents[name]
    few = content.form == "integer" and 2 <= content.unique <= _CODES and content.ratio < 0.5
    return plain_name(name).lower() in _OUTCOMES and few and not is_fixed(log.columns, log.known, name)


def _says_undone_by_flag(log: Log, name: str) -> bool:
    flag = says_undoing(name) and is_flag(log.columns.contents[name])
    return flag and not is_fixed(log.columns, log.known, name)


def _says_undone_otherwise(log: Log, name: str) -> bool:
    """Return whether a mark, a number or a date of a return stands in some rows: ``refunded_quantity``."""
    content = log.columns.contents[name]
    if meaning_of_flag(name).sense not in _ENDS or content.form == "empty":
        return False
    if any(_LOANS.search(other) for other in (*log.columns.all, log.path.name)):
        return False  # what was lent is handed back, and was liked no less
    if content.times.share > 0.9:
        return content.known < _MOSTLY * content.rows
    return says_undoing(name) and (is_mark(content) or _counts_undone(log, name))


def _counts_undone(log: Log, name: str) -> bool:
    """Return whether a column says how much of each row was undone, or why."""
    content = log.columns.contents[name]
    some = content.known < content.rows or bool((content.numbers == 0).any())
    alone = VALUE not in log.known and content.form in ("integer", "decimal")
    measure = log.columns.kind(name) in ("quantity", "price", "number", None)
    return (some or alone) and content.unique > 1 and measure


def _takes_money_back(log: Log, name: str) -> bool:
    """Return whether amounts of money below zero are mostly those that were paid for the same items."""
    content, columns, event = log.columns.contents[name], log.columns, log.found.roles.get(EVENT)
    if content.form not in ("integer", "decimal") or content.low >= 0:
        return False
    if not columns.named or not {"price", "number"} & set(columns.name(name).kinds):
        return False
    if event is not None and any(meaning(word).sense in _UNDONE for word in columns.contents[event].distinct):
        return False
    amounts = plainly_written(columns.table[name].cast(pl.String).str.strip_chars())
    lines = pl.DataFrame({"item": columns.table[log.known[ITEM]], "amount": amounts}).drop_nulls()
    is_back = lines["amount"].str.starts_with("-")
    paid, back = lines.filter(~is_back), lines.filter(is_back)
    back = back.join(paid, on="item", how="semi").with_columns(pl.col("amount").str.strip_prefix("-"))
    mirrored = back.join(paid, on=["item", "amount"], how="semi")
    return len(back) >= _FEW and len(mirrored) > 0.5 * len(back)


_FEW = 3


def _question(log: Log, name: str) -> str:
    values = log.columns.contents[name].distinct.to_list()
    yes = next(value for value in values if value.strip().lower() in YES)
    no = next(value for value in values if value is not yes)
    refusal = meaning_of_flag(name).sense in REFUSALS
    negative = no.strip().lower() in ("-1", "-1.0", "down")
    first, second = ("no", "yes") if refusal else ("yes", "no" if negative else "shown")
    return (
        f"{log.path}: {name} ({yes}, {no}) seems to say what happened and would not be used; choose with "
        f'{map_option(name, "event")} --event-map "{yes}={first}" --event-map "{no}={second}", or if it says '
        f"nothing of the events, {_all_count(log)}"
    )


def _all_count(log: Log) -> str:
    event = log.found.roles.get(EVENT)
    if event is not None:
        return f"go on with {map_option(event, 'event')} or --accept-guess"
    return "name the one type of all events with --event TYPE, or go on with --accept-guess"


def _note_codes(log: Log) -> None:
    """Say that a status of codes is not understood."""
    for name in log.free:
        content = log.columns.contents[name]
        codes = content.form in ("integer", "flag") and 2 <= content.unique <= _CODES
        if codes and names_status(name) and not is_fixed(log.columns, log.known, name):
            few = ", ".join(sorted(content.distinct.to_list()))
            log.found.notes.append(
                f"{name} holds codes ({few}) whose meaning is not known and is not used: if one means that "
                f"an order was undone, say so with {map_option(name, 'event')} --event-map CODE=MEANING"
            )


def tells_of_orders(columns: Columns, roles: Mapping[str, str]) -> bool:
    """Return whether a column numbers orders, or is a status that says of some that they were undone."""
    others = (name for name in columns.all if name not in roles.values())
    return _numbers_orders(columns) or any(says_undone(columns.table[name]) for name in others)
