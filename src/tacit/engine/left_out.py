"""What the refits of a model directory leave out: events of some sources, and of some stretches of time.

It is asked for once and holds for every refit of the directory from then on, whatever that one came to, until
it is taken back. It stands in ``left_out.json`` beside the versions; each version says in its facts what was
left out of its own log.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tacit.core.errors import ConfigError
from tacit.core.types import Json
from tacit.data import columns as col

FILE = "left_out.json"


@dataclass(frozen=True)
class LeftOut:
    """Sources and stretches of time whose events are left out.

    Attributes
    ----------
    sources : tuple of str
    times : tuple of (float, float)
        Unix seconds; the end of a stretch is not in it.
    """

    sources: tuple[str, ...] = ()
    times: tuple[tuple[float, float], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sources or self.times)

    def kept(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return the events that are not left out; the store's and the log's alike."""
        at = pl.col(col.TIMESTAMP)
        gone = pl.lit(False)
        for start, end in self.times:
            gone |= (at >= start) & (at < end)
        if self.sources and col.SOURCE in events.columns:
            gone |= pl.col(col.SOURCE).is_in(list(self.sources))
        return events.filter(~gone.fill_null(False)) if self else events

    def joined_with(self, other: "LeftOut") -> "LeftOut":
        """Return what either leaves out."""
        sources, times = {*self.sources, *other.sources}, {*self.times, *other.times}
        return LeftOut(tuple(sorted(sources)), tuple(sorted(times)))

    def without(self, other: "LeftOut") -> "LeftOut":
        """Return what this leaves out and another does not; of a stretch of time the rest remains."""
        times = [*self.times]
        for start, end in other.times:
            parts = [
                part for one in times for part in ((one[0], min(one[1], start)), (max(one[0], end), one[1]))
            ]
            times = [part for part in parts if part[0] < part[1]]
        return LeftOut(tuple(one for one in self.sources if one not in other.sources), tuple(times))

    def to_json(self) -> dict[str, Json]:
        """Return it as `of_json` reads it."""
        return {"sources": [*self.sources], "times": [[start, end] for start, end in self.times]}

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "LeftOut":
        """Return what `to_json` wrote.

        Raises
        ------
        ValueError, TypeError, KeyError
        """
        times = tuple((float(start), float(end)) for start, end in document["times"])
        return cls(tuple(str(one) for one in document["sources"]), times)

    def shown(self) -> dict[str, Json]:
        """Return it with times as a reader has them."""
        return {**self.to_json(), "times": [[moment(start), moment(end)] for start, end in self.times]}

    def __str__(self) -> str:
        """Return it in words, in the form of the options."""
        times = [f"{moment(start)}..{moment(end)}" for start, end in self.times]
        return ", ".join([*(f"source {one}" for one in self.sources), *times])


NOTHING = LeftOut()


def read_left_out(directory: Path) -> LeftOut:
    """Return what the refits of a model directory leave out.

    Raises
    ------
    ConfigError
        If the file cannot be read: that nothing is left out would be a guess.
    """
    file = directory / FILE
    try:
        return LeftOut.of_json(json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return NOTHING
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{file} cannot be read ({error}), so what is to be left out is not known: mend it, or remove "
            "it and name again what to leave out"
        ) from error


def write_left_out(directory: Path, left_out: LeftOut) -> None:
    """Write what the refits of a model directory leave out from now on.

    Raises
    ------
    OSError
    """
    file = directory / FILE
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(left_out.to_json(), ensure_ascii=False, indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)


def moment(at: float) -> str:
    """Return a time as ``2026-03-01T12:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
