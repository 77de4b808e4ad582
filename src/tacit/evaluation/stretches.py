"""Rolling origins: several moments of a log, each with all events before it and the stretch that follows.

The stretches are the last of the log, one after the other, each with the same share of its events. Whatever
lies after a stretch is in neither of its parts.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from tacit.core.errors import ConfigError, DataError, UnsupportedError
from tacit.core.types import Float64
from tacit.data import splits
from tacit.data.interactions import time_of, timing_of
from tacit.evaluation.origins import LEAST
from tacit.evaluation.split import Split, split_of_parts

MOST = 50
"""Every origin is a fit of every model."""
LEARNED = 0.5
"""Least share of the log before the first origin."""


def check_origins(origins: int) -> None:
    """Refuse a number of origins that there is no spread from, or that nobody waits for.

    Raises
    ------
    ConfigError
    """
    if not LEAST <= origins <= MOST:
        raise ConfigError(f"origins is {origins}; it must lie between {LEAST} and {MOST}")


def stretch_share(share: float, origins: int) -> float:
    """Return the share of the events in a stretch: that of a test, or less, to leave half to learn from."""
    return min(share, LEARNED / origins)


def origin_moments(at: Float64, origins: int, share: float) -> Float64:
    """Return the moments at which the stretches begin: float64[origins], rising.

    Parameters
    ----------
    at : float64[events]
    origins : int
    share : float
        Share of the events in each stretch.

    Raises
    ------
    UnsupportedError
        If so many events have one time that a stretch would be empty.
    """
    starts = np.array([splits.cut_time(at, back * share) for back in range(origins, 0, -1)])
    if (np.diff(starts) <= 0).any():
        raise UnsupportedError(
            f"{origins} origins are not possible: the log has too few events, or too many carry one time; "
            + _instead(origins)
        )
    return starts


def origin_splits(
    events: pl.DataFrame, items: pl.DataFrame | None = None, *, origins: int, share: float, **about: Any
) -> Iterator[Split]:
    """Yield the split of every origin, the earliest first.

    Parameters
    ----------
    events, items
        As in `tacit.evaluation.split.make_split`.
    origins : int
    share : float
        Of a test; see `stretch_share`.
    **about
        What `tacit.evaluation.split.split_of_parts` is given beside the two parts.

    Raises
    ------
    UnsupportedError
        If the log has no times, or too few.
    DataError
        If a stretch has nothing to predict.
    """
    if (timing := timing_of(events)) != "time":
        raise UnsupportedError(
            "rolling origins need a log with times, and this one has none: leave out --origins"
        )
    at = time_of(events, timing)
    starts = origin_moments(at, origins, stretch_share(share, origins))
    for place, start in enumerate(starts):
        later = (at >= starts[place + 1]) if place + 1 < origins else np.zeros(len(at), dtype=bool)
        train, test = (events.filter(pl.Series(mask)) for mask in (at < start, (at >= start) & ~later))
        try:
            yield split_of_parts(train, test, items, protocol="time", cut=float(start), **about)
        except DataError as error:
            raise DataError(
                f"stretch {place + 1} of {origins} cannot be predicted ({error}); {_instead(origins)}"
            ) from error


def _instead(origins: int) -> str:
    return "give fewer to --origins" if origins > LEAST else "leave out --origins"
