"""The zone of times that have none of their own: in the name of their column, or in a column beside it."""

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tacit.core.errors import AmbiguousError, DataError
from tacit.data.time_words import AMBIGUOUS_ZONES, OFFSETS
from tacit.data.times import AmbiguousTimes, read_times
from tacit.reading.column_content import Content
from tacit.reading.column_names import concepts_of, parts_of
from tacit.reading.known_roles import Log, Zone

_ANYWHERE = ("utc", "gmt")
_OTHER_WORDS = {"z", "ut", "west", "zulu", "amt", "art", "ast"}
"""Short names of zones that are words of other things in the names of columns."""

_NAMES = (OFFSETS.keys() | AMBIGUOUS_ZONES.keys()) - _OTHER_WORDS
_OFFSET_IN_NAME = re.compile(r"(?:utc|gmt)\s*([+−-])\s*(\d{1,2})(?::?(\d{2}))?(?!\d)")
_ZONE = rf"(?i)^([a-z_]+(/[a-z0-9_+-]+)+|(utc|gmt)?\s?[+−-]\d{{1,2}}(:?\d{{2}})?|{'|'.join(_NAMES)})$"
_OWN_ZONE = r"(?i)(\d ?z|[+-]\d{2}:\d{2}|:\d{2} ?[+-]\d{4}|[a-z]/[a-z_]+)$"
_MOST_HOURS = 14.0
_SAMPLE = 200


def zone_beside(log: Log, time: str) -> Zone | None:
    """Return where the zone of times without one stands; None if they have one or nothing says it.

    Raises
    ------
    AmbiguousError
        If a column holds zones that differ and cannot be read.
    """
    if log.reading.timezone != "UTC" or not log.columns.named:
        return None
    name = zone_in(time)
    columns = [column for column in log.free if "zone" in concepts_of(column)]
    if (name is None and not columns) or not _are_local(log, time):  # names cost less than to read times
        return None
    placeable = _take_zones(log, time)
    if name == "UTC" and not placeable:
        return None  # what has no zone is read as UTC
    if name is not None:
        if not placeable:
            raise AmbiguousError(
                f"{log.path}: {time} names the zone {name}, and its times are written in a form that takes "
                "none: give it with --timezone ZONE, such as Asia/Seoul (timezone=... in Python)"
            )
        log.found.notes.append(f"{time} names the zone of its times: they were read as {name}")
        return Zone(name=name)
    read = next((name for name in columns if _holds_zones(log.columns.contents[name], name)), None)
    if read is not None and placeable:
        log.found.notes.append(
            f"{time} holds times without a zone and {read} zones: each time was read in its zone; if the "
            f"times are UTC already, rename {time} to {time}_utc"
        )
        return Zone(column=read)
    _check_others(log, time, columns)
    return None


def zone_in(name: str) -> str | None:
    """Return the zone that the name of a column ends in, as it is written in times: ``KST``, ``+08:00``."""
    if (offset := _OFFSET_IN_NAME.search(name.lower())) is not None:
        sign, hours, minutes = offset.groups(default="00")
        return f"{'+' if sign == '+' else '-'}{int(hours):02}:{minutes}"
    parts = parts_of(name)
    if any(part in _ANYWHERE for part in parts):
        return "UTC"
    return parts[-1].upper() if len(parts) > 1 and parts[-1] in _NAMES else None


def with_zones(times: pl.Series, zone: Zone, beside: pl.Series | None) -> pl.Series:
    """Return times as texts with their zones; those with one of their own stay as they are."""
    texts = times.cast(pl.String).str.strip_chars()
    zones = (
        _zone_texts(beside) if beside is not None else pl.Series([zone.name]).new_from_index(0, len(texts))
    )
    placed = (texts + " " + zones).str.strip_chars()
    own = texts.str.contains(_OWN_ZONE) | (texts.str.len_chars() == 0)
    return texts.zip_with(own.fill_null(True), placed).alias(times.name)


def _zone_texts(cells: pl.Series) -> pl.Series:
    """Return zones as they are written in times: hours without a sign get one."""
    texts = cells.cast(pl.String).str.strip_chars().fill_null("")
    hours = texts.cast(pl.Float64, strict=False)
    minutes = (hours.abs() * 60).round().cast(pl.Int64)
    whole, rest = ((part).cast(pl.String).str.zfill(2) for part in (minutes // 60, minutes % 60))
    sign = (hours < 0).replace_strict({True: "-", False: "+"}, default=None, return_dtype=pl.String)
    return (sign + whole + ":" + rest).fill_null(texts)


def _are_local(log: Log, time: str) -> bool:
    """Return whether hardly a time has a zone of its own, and they are no days."""
    cells = log.columns.contents[time].sample.head(_SAMPLE)
    here, there = (_seconds(cells, timezone) for timezone in ("UTC", "Asia/Tokyo"))
    if here is None or there is None or not np.isfinite(here).any():
        return False
    known = np.isfinite(here)
    days = log.found.clock is None and bool((here[known] % 86_400 == 0).all())
    return not days and bool((here[known] != there[known]).all())


def _take_zones(log: Log, time: str) -> bool:
    """Return whether times are read with a zone behind them as they are without: not all forms are."""
    if log.found.clock is not None:
        return True
    cells = log.columns.contents[time].sample.head(_SAMPLE)
    plain, placed = _seconds(cells, "UTC"), _seconds(cells + " UTC", "UTC")
    return plain is not None and placed is not None and bool(np.array_equal(plain, placed, equal_nan=True))


def _seconds(cells: pl.Series, timezone: str) -> NDArray[np.float64] | None:
    try:
        found = read_times(cells, timezone=timezone)
    except AmbiguousTimes:
        found = read_times(cells, dates="dmy", timezone=timezone)
    except DataError:
        return None
    return found.seconds.fill_null(float("nan")).to_numpy()


def _holds_zones(content: Content, name: str) -> bool:
    """Return whether cells are zones, or hours that the name says are east of Greenwich."""
    if content.form in ("integer", "decimal") and not bool(content.sample.str.contains(r"^[+−-]0\d").any()):
        named = any(part in _ANYWHERE for part in parts_of(name))
        return named and content.low >= -_MOST_HOURS and content.high <= _MOST_HOURS
    return content.known > 0 and bool(content.distinct.str.contains(_ZONE).all())


def _check_others(log: Log, time: str, columns: list[str]) -> None:
    """Refuse times beside zones that differ and cannot be read.

    Raises
    ------
    AmbiguousError
    """
    for name in columns:
        content = log.columns.contents[name]
        differ = "timezone" in concepts_of(name) and content.unique > 1
        if differ and content.form != "flag" and not log.reading.accept_guess:
            few = ", ".join(content.distinct.head(2))
            raise AmbiguousError(
                f"{log.path}: {time} holds times without a zone, and {name} holds zones that differ "
                f"and cannot be read ({few}): write them as Europe/Berlin or +01:00, write the times in "
                "UTC, give one zone for all with --timezone ZONE, or read them all as UTC with --accept-guess"
            )
