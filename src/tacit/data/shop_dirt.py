"""The files of the generated shop, with the dirt that real exports have.

Added to the true events: exact duplicates, refresh bursts, bots, rows without an item or a time, rows that
cannot be read, and a second header in the middle (as when two exports are joined). The catalogue loses some
descriptions and prices, the user file some age groups.
"""

from pathlib import Path

import numpy as np
import polars as pl

from tacit.data import columns as col

HEADER = "user_id,item_id,event,timestamp,value"
_BROKEN = (
    "###",
    "u00012;i00034;view;1736000000",
    "u00077,i00012",
    "u00123,i00456,view,not-a-time,",
    "u00200,i00001,click,-5,",
    "u00300,i00002,view,4102444800,",  # the year 2100
    "u00400,i00003,purchase,1736000000,12.50,surplus,columns",
    ",,,,",
)
_BOTS = 3


def write(
    events: pl.DataFrame, items: pl.DataFrame, users: pl.DataFrame, directory: Path, rng: np.random.Generator
) -> dict[str, int]:
    """Write the three files and return the number of dirty rows by kind."""
    directory.mkdir(parents=True, exist_ok=True)
    dirt = {
        "duplicates": _sample(events, len(events) // 150, rng),
        "burst rows": _bursts(events, len(events) // 500, rng),
        "bot rows": _bots(events, items, rng),
        "rows without item": _without(events, col.ITEM, rng),
        "rows without time": _without(events, col.TIMESTAMP, rng),
        "broken rows": _broken(events, rng),
    }
    lines = pl.concat([_lines(frame) for frame in [events, *dirt.values()]])
    text = "\n".join([HEADER, *lines.sort("place", maintain_order=True)["text"].to_list(), ""])
    (directory / "events.csv").write_text(text, "utf-8")
    _blank(items, {"description": 0.03, "price": 0.02}, rng).write_ndjson(directory / "items.jsonl")
    _blank(users, {"age_group": 0.1}, rng).write_csv(directory / "users.csv")
    return {kind: len(frame) for kind, frame in dirt.items()}


def _sample(events: pl.DataFrame, n: int, rng: np.random.Generator) -> pl.DataFrame:
    return events[np.sort(rng.choice(len(events), min(n, len(events)), replace=False))]


def _bursts(events: pl.DataFrame, n: int, rng: np.random.Generator) -> pl.DataFrame:
    views = events.filter(pl.col(col.EVENT) == "view")
    picked = _sample(views, n, rng)
    copies = rng.integers(2, 9, len(picked))
    rows = picked[np.repeat(np.arange(len(picked)), copies)]
    place = np.arange(len(rows)) - np.repeat(np.cumsum(copies) - copies, copies)
    return rows.with_columns(pl.col(col.TIMESTAMP) + 1 + place)


def _bots(events: pl.DataFrame, items: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return crawlers: one view every second or two, of everything in turn."""
    each = max(len(events) // 100, 50)
    first, last = float(events[col.TIMESTAMP].min()), float(events[col.TIMESTAMP].max())  # type: ignore[arg-type]
    start = first + rng.random((_BOTS, 1)) * (last - first) * 0.8
    times = np.floor(start + np.cumsum(1 + 0.5 * rng.random((_BOTS, each)), axis=1)).ravel()
    order = np.concatenate([rng.permutation(np.arange(each) % len(items)) for _ in range(_BOTS)])
    return pl.DataFrame(
        {
            col.USER: [f"u9000{bot}" for bot in np.repeat(np.arange(_BOTS), each)],
            col.ITEM: items[col.ITEM].gather(order),
            col.EVENT: "view",
            col.TIMESTAMP: np.minimum(times, last),
        }
    )


def _without(events: pl.DataFrame, column: str, rng: np.random.Generator) -> pl.DataFrame:
    picked = _sample(events, max(len(events) // 1500, 1), rng)
    place = pl.col(col.TIMESTAMP).alias("place")
    return picked.with_columns(place, pl.lit(None, dtype=picked.schema[column]).alias(column))


def _broken(events: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    texts = [*_BROKEN * 5, HEADER]
    places = _sample(events, len(texts), rng)[col.TIMESTAMP]
    return pl.DataFrame({"text": texts[: len(places)], "place": places})


def _lines(frame: pl.DataFrame) -> pl.DataFrame:
    if "text" in frame.columns:
        return frame.select("place", "text")
    absent = [name for name in (col.VALUE,) if name not in frame.columns]
    full = frame.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in absent)
    cells = [
        pl.col(col.USER),
        pl.col(col.ITEM),
        pl.col(col.EVENT),
        pl.col(col.TIMESTAMP).cast(pl.Int64).cast(pl.String),
        pl.col(col.VALUE).cast(pl.String),
    ]
    place = pl.col("place" if "place" in full.columns else col.TIMESTAMP).alias("place")
    return full.select(place, pl.concat_str([c.fill_null("") for c in cells], separator=",").alias("text"))


def _blank(frame: pl.DataFrame, rates: dict[str, float], rng: np.random.Generator) -> pl.DataFrame:
    lost = {name: pl.Series(rng.random(len(frame)) < rate) for name, rate in rates.items()}
    return frame.with_columns(pl.when(~mask).then(pl.col(name)).alias(name) for name, mask in lost.items())
