"""Local times to UTC: zones as they are written beside a time, and the one zone of times without any."""

import re
from functools import cached_property

import polars as pl

from tacit.core.errors import ConfigError, DataError
from tacit.data.time_words import AMBIGUOUS_ZONES, OFFSETS

_OFFSET = re.compile(r"(?:utc|gmt|ut|z)?\s?([+−-])\s?(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?")
_PLACED_ONCE = (
    "times without a zone are read as {zone}; --timezone {other} for another (timezone=... in Python)"
)


class Zones:
    """The zone of times without one, and what was met while placing times.

    Raises
    ------
    ConfigError
        If there is no such zone.
    """

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone
        self.repeated = 0
        self.skipped = 0
        self.unplaced = False
        self.ambiguous: dict[str, str] = {}
        self.fixed: set[str] = set()
        self.unknown: list[str] = []
        if timezone != "UTC":
            _check(timezone)

    @property
    def plain(self) -> bool:
        """Whether nothing was met but times in UTC and times without a zone."""
        met = self.repeated or self.skipped or self.fixed or self.ambiguous or self.unknown
        return not met

    @property
    def notes(self) -> list[str]:
        """Sentences on what was decided."""
        notes = []
        if self.unplaced:
            other = "Europe/Berlin" if self.timezone != "Europe/Berlin" else "UTC"
            notes.append(_PLACED_ONCE.format(zone=self.timezone, other=other))
        if self.repeated:
            notes.append(
                f"{self.repeated:,} times lie in an hour that comes twice when clocks go back: the first is "
                "taken"
            )
        if self.skipped:
            notes.append(
                f"{self.skipped:,} times lie in an hour that clocks skip: the time an hour later is taken"
            )
        if self.fixed:
            shown = ", ".join(
                f"{name.upper()} as UTC{OFFSETS[name] / 3600:+g}" for name in sorted(self.fixed)
            )
            notes.append(f"names of zones are read as fixed offsets: {shown}")
        return notes

    def utc(self, local: pl.Series) -> pl.Series:
        """Return Unix seconds of local seconds of the zone of times without one."""
        self.unplaced = self.unplaced or local.null_count() < len(local)
        return self._in_zone(local, self.timezone)

    def placed(self, local: pl.Series, zone: pl.Series) -> pl.Series:
        """Return Unix seconds of local seconds, each with its own zone as written; null zones have none."""
        names = zone.unique().drop_nulls().to_list()
        if not names:
            return self.utc(local)
        offsets = {name: self._offset(name) for name in names}
        known = {name: value for name, value in offsets.items() if isinstance(value, int)}
        east = zone.replace_strict(known, default=None, return_dtype=pl.Float64)
        seconds = local - east
        here = zone.is_null() | zone.is_in(
            [name for name, value in offsets.items() if value == self.timezone]
        )
        if here.any():
            seconds = seconds.scatter(here.arg_true(), self.utc(local.filter(here)))
        for name in {value for value in offsets.values() if isinstance(value, str)} - {self.timezone}:
            there = zone.is_in([key for key, value in offsets.items() if value == name]).fill_null(False)
            seconds = seconds.scatter(there.arg_true(), self._in_zone(local.filter(there), name))
        return seconds

    def check(self, share: float) -> None:
        """Refuse a column with names of zones that mean several places.

        Raises
        ------
        DataError
        """
        if self.ambiguous and share > 1e-3:
            name, places = next(iter(self.ambiguous.items()))
            raise DataError(
                f"the zone {name.upper()} may mean {places}: give it with --timezone (timezone=... in Python)"
            )

    def _offset(self, name: str) -> int | str | None:
        """Return seconds east of Greenwich or the name of a zone; None if the text is none."""
        if match := _OFFSET.fullmatch(name):
            sign, *parts = match.groups(default="0")
            hours, minutes, seconds = map(int, parts)
            size = hours * 3600 + minutes * 60 + seconds
            within = hours <= 15 and minutes < 60 and seconds < 60
            return (size if sign == "+" else -size) if within else None
        if name in self._own_names:
            return self.timezone
        if name in OFFSETS:
            if OFFSETS[name]:
                self.fixed.add(name)
            return OFFSETS[name]
        if name in AMBIGUOUS_ZONES:
            self.ambiguous[name] = AMBIGUOUS_ZONES[name]
            return None
        found = _zone_named(name)
        if found is None:
            self.unknown.append(name)
        return found

    @cached_property
    def _own_names(self) -> set[str]:
        """Short names of the zone of times without one: CST is plain where it is Asia/Shanghai."""
        if self.timezone == "UTC":
            return set()
        moments = pl.Series([1_704_067_200_000_000, 1_719_792_000_000_000]).cast(pl.Datetime("us", "UTC"))
        return set(moments.dt.convert_time_zone(self.timezone).dt.strftime("%Z").str.to_lowercase())

    def _in_zone(self, local: pl.Series, timezone: str) -> pl.Series:
        if timezone == "UTC":
            return local
        clock = (local * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us"))
        first = clock.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
        last = clock.dt.replace_time_zone(timezone, ambiguous="latest", non_existent="null")
        self.repeated += int((first != last).sum())
        skipped = first.is_null() & clock.is_not_null()
        seconds = first.dt.epoch("us") / 1e6
        if skipped.any():
            self.skipped += int(skipped.sum())
            # The offset of some hours before: what the clock would show had it not been moved.
            before = clock.filter(skipped).dt.offset_by("-6h")
            moved = before.dt.replace_time_zone(timezone, ambiguous="latest", non_existent="null").dt.epoch(
                "us"
            )
            seconds = seconds.scatter(skipped.arg_true(), moved / 1e6 + 6 * 3600)
        return seconds


def _check(timezone: str) -> None:
    try:
        pl.Series([0]).cast(pl.Datetime("us")).dt.replace_time_zone(timezone)
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise ConfigError(
            f"there is no time zone {timezone!r}; give a name of the IANA database, such as Europe/Berlin"
        ) from error


def _zone_named(name: str) -> str | None:
    """Return the IANA name of a zone in small letters; None if there is none."""
    if "/" not in name:
        return None
    small = {"of", "and", "au", "es"}
    parts = [
        "_".join(
            "-".join(w if w in small else w.capitalize() for w in word.split("-")) for word in part.split("_")
        )
        for part in name.split("/")
    ]
    try:
        _check("/".join(parts))
    except ConfigError:
        return None
    return "/".join(parts)
