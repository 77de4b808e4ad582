"""Tacit's rules of reading and cleaning in plain Polars, without a quarantine: see `reading_speed`."""

from pathlib import Path

import polars as pl

NAMES = ("user_id", "item_id", "event", "timestamp", "value")
KEYS = ["user_id", "item_id", "event"]
LOOKS, WEAK = ("view", "click", "cart", "purchase"), ("view", "click")
FIRST_MOMENT, DAY = 631_152_000, 86_400


def kept(path: Path, now: float) -> pl.DataFrame:
    """Return the rows of a log that pass every rule, sorted by user and time."""
    # The sixth column catches rows with a field too many; all is text, so that nothing is guessed.
    schema = dict.fromkeys((*NAMES, "beyond"), pl.String)
    ragged = {"missing_columns": "insert", "truncate_ragged_lines": True}
    log = pl.scan_csv(path, has_header=False, skip_rows=1, schema=schema, **ragged)
    whole = pl.all_horizontal(pl.col(KEYS).is_not_null()) & pl.col("beyond").is_null()
    event = pl.col("event").str.to_lowercase()
    numbers = pl.col("timestamp", "value").cast(pl.Float64, strict=False)
    log = log.filter(whole).select("user_id", "item_id", event, numbers)
    log = log.filter(pl.col("timestamp").is_between(FIRST_MOMENT, now + DAY))
    # Numbers in place of texts make what follows a third faster.
    events = log.with_columns(pl.col(KEYS).cast(pl.Categorical)).collect(engine="streaming")
    events = events.unique(NAMES).sort(pl.col(KEYS).to_physical(), "timestamp").filter(~double_click())
    events = events.filter(~pl.col("user_id").is_in(bots(events).implode()))
    return events.sort(pl.col("user_id").to_physical(), "timestamp").with_columns(
        pl.col(KEYS).cast(pl.String)
    )


def double_click() -> pl.Expr:
    """Return whether a view or click repeats the row before it within two seconds."""
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift() for key in KEYS)
    close = pl.col("timestamp") - pl.col("timestamp").shift() <= 2
    return (same & close & pl.col("event").is_in(WEAK)).fill_null(False)


def bots(events: pl.DataFrame) -> pl.Series:
    """Return the users who are too fast and too broad."""
    looked = events.lazy().filter(pl.col("event").is_in(LOOKS))
    hour = (pl.col("timestamp") // 3600).alias("hour")
    hours = looked.group_by("user_id", hour).len().filter(pl.col("len") >= 20)
    busy = looked.with_columns(hour).join(hours, on=("user_id", "hour"), how="semi").collect()
    fast = []
    for seconds, limit in ((60, 20), (3600, 300)):
        spans = busy.group_by("user_id", (pl.col("timestamp") // seconds).alias("span"))
        counts = spans.agg(pl.col("item_id", "timestamp").n_unique())  # times are whole seconds
        fast.append(counts.filter(pl.col("item_id") >= limit, pl.col("timestamp") >= 10)["user_id"])
    pairs = looked.select("user_id", "item_id").unique().collect(engine="streaming")
    breadth = pairs.group_by("user_id").len("items").with_columns(log=pl.col("items").log1p())
    middle = pl.col("log").median()
    spread = 1.4826 * (pl.col("log") - middle).abs().median()
    outlying = pl.col("log") > middle + 3 * pl.max_horizontal(spread, 0.4)
    half = pl.col("items") > pl.max_horizontal(pairs["item_id"].n_unique() / 2, 2 * pl.col("items").median())
    return breadth.filter((outlying | half) & pl.col("user_id").is_in(pl.concat(fast).implode()))["user_id"]
