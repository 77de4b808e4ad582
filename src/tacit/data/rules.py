"""The rules of cleaning, as plain data; `tacit.data.clean` applies them.

Nothing heavy is imported here: the command line builds its options from these fields before any work begins.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any, Literal

from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameterised, build, declared, parameter, values_of
from tacit.data.fill import Fill, check_fills


class Rules(Parameterised):
    """Which rows to remove and which values to fill.

    Parameters
    ----------
    impossible_times : bool
        Times before 1990 or later than a day after now.
    missing_times : bool
        Events without a time in a log that has times.
    duplicates : bool
        Events that repeat another in user, item, type, time, value and order; in a log without times, in
        every column.
    burst_seconds : float
        A view, click or the like that repeats the same one within so many seconds is a double click; 0 keeps
        it. Carts, purchases, returns and ratings are never double clicks.
    bots : bool
        Users who are too fast and too broad at once. Too fast: looks at ``bot_items_per_minute`` different
        items within a minute or ``bot_items_per_hour`` within an hour, at ten moments or more (an order of
        many items at one moment is none). Too broad: the number of different items is an outlier (3 robust
        deviations of its logarithm), or half of all items and twice the median. Ratings, refusals and what
        was only shown are not counted: people rate and refuse whole pages at once.
    bot_items_per_minute : int
        Different items within a minute that make a user suspicious; a bot is also broad.
    bot_items_per_hour : int
        Different items within an hour that make a user suspicious.
    outliers : {"quantile", "mad"} or None
        How outlying values are found and removed; by default they stay.
    outlier_share : float
        Share of the values of an event type, at either end, that "quantile" removes.
    outlier_deviations : float
        Robust deviations from the median of its event type beyond which "mad" removes a value.
    min_user_events : int
        Users with fewer events are removed, after items, until none is left that has fewer.
    min_item_events : int
        Items with fewer events are removed.
    fill : mapping of column to Fill
        How missing values are filled, by column ("value", "timestamp"): mean, median, mode, forward,
        interpolate, drop or a number.
    """

    impossible_times: bool = True
    missing_times: bool = True
    duplicates: bool = True
    burst_seconds: float = parameter(default=2.0, low=0, below=inf, unit="seconds")
    bots: bool = True
    bot_items_per_minute: int = parameter(default=20, low=1)
    bot_items_per_hour: int = parameter(default=300, low=1)
    outliers: Literal["quantile", "mad"] | None = None
    outlier_share: float = parameter(default=0.001, low=0, below=0.5)
    outlier_deviations: float = parameter(default=10.0, above=0, below=inf)
    min_user_events: int = parameter(default=1, low=1)
    min_item_events: int = parameter(default=1, low=1)
    fill: dict[str, Fill] = parameter(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bot_items_per_hour < self.bot_items_per_minute:
            raise ConfigError(
                f"the cleaning rules contradict each other: bot_items_per_hour is {self.bot_items_per_hour}, "
                f"less than bot_items_per_minute, {self.bot_items_per_minute}; raise the first"
            )
        check_fills(self.fill)

    def to_dict(self) -> dict[str, Any]:
        """Return the rules as plain data: what `parse_rules` takes, without what is None."""
        values = {name: value for name, value in values_of(self).items() if value is not None}
        return {**values, "fill": {name: how.word for name, how in self.fill.items()}}

    def rows_only(self) -> "Rules":
        """Return the rules that look at rows and their neighbours only, never at statistics over the log.

        An evaluation applies them before its cut: statistics over the whole log would leak the future.
        """
        return replace(self, bots=False, outliers=None, min_user_events=1, min_item_events=1, fill={})

    def statistical(self) -> "Rules":
        """Return the other rules, which an evaluation applies to its training part only."""
        return replace(self, impossible_times=False, missing_times=False, duplicates=False, burst_seconds=0)


def parse_rules(values: Mapping[str, Any], *, where: str = "the cleaning rules") -> Rules:
    """Return the rules of plain data: the fields of `Rules`, ``fill`` as column to word or number.

    Raises
    ------
    ConfigError
        If a key is no rule or a value does not fit it.
    """
    known = declared(Rules)
    for name in values:
        if name not in known:
            raise ConfigError(f"{where} have no {name!r}; known: {', '.join(sorted(known))}")
    fill = values.get("fill") or {}
    if not isinstance(fill, Mapping):
        raise ConfigError(f"{where}: fill is {fill!r}; it must name columns, for example value = 'median'")
    return build(Rules, {**values, "fill": {name: Fill.parse(str(how)) for name, how in fill.items()}}, where)
