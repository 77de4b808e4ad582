"""Signs of a broken source: faults found in public copies of real data.

- Sequences sorted by item id (or by anything else that all users share): "the next item" is then an artefact,
  and leave-one-out leaks. Two signs: steps go up the ids far oftener than half of the time; users who
  share two neighbouring items agree on their order far oftener than people do.
- Attributes computed over all time (average rating, number of sales): in a time split they know the future.
- Titles shifted against ids: items that the same users choose resemble each other more when every text is
  moved by a row or two.
- A header counted as a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse

from tacit.core.types import Float64, Int64
from tacit.data import columns as col
from tacit.data.catalogue import item_texts
from tacit.data.categories import distinct_texts, is_category, with_texts
from tacit.data.interactions import Timing
from tacit.data.measures import as_int64, in_order

_MOST = 1_000_000  # events looked at
_PAIRS = 100_000  # pairs of items compared by text
_LEAST = 100  # fewer comparisons prove nothing
_SHIFTS = (-2, -1, 0, 1, 2)
_AGGREGATE = (
    r"(?i)^(avg|average|mean|total|n|num|number|count|sum|cum)_?(of_?)?"
    r"(rating|review|star|score|sale|sold|order|click|view|visit|purchase|buyer|user|play|like|vote|download)s?"
    r"(_(count|number|total|avg|mean))?$"
    r"|^(rating|review|star|score|sale|order|click|view|visit|purchase|play|like|vote|download)s?_?"
    r"(count|number|num|total|avg|average|mean|sum)s?$"
    r"|^(popularity|sales_?rank|best_?seller_?rank|bestseller|rank|ctr|conversion_?rate|last_?(sold|seen|event|order)\w*)$"
)
_HEADER = r"(?i)^[\"']?(user|item|customer|visitor|movie|product|session)[ _]?id[\"']?\s*([,;\t|:]|$)"
_USER_NAMES = ("user_id", "userid", "user id", "user", "customer_id", "visitorid")
_ITEM_NAMES = ("item_id", "itemid", "item id", "item", "movieid", "movie_id", "product_id")


@dataclass(frozen=True)
class Suspicion:
    """One sign of a broken source.

    Attributes
    ----------
    code : str
        Short name of the sign, for programs.
    text : str
        What was seen, in words.
    number : float
        The figure that shows it.
    """

    code: str
    text: str
    number: float


def suspicions(
    events: pl.DataFrame,
    coded: pl.DataFrame,
    quarantine: pl.DataFrame,
    items: pl.DataFrame | None,
    timing: Timing,
) -> list[Suspicion]:
    """Return the signs of a broken source.

    Parameters
    ----------
    events : polars.DataFrame
        The cleaned log.
    coded : polars.DataFrame
        The same as codes, from `tacit.data.measures.coded_log`.
    quarantine : polars.DataFrame
        Removed rows with their raw text.
    items : polars.DataFrame or None
        The catalogue, rows in the order of its file.
    timing : {"time", "order", "none"}
    """
    found = header_rows(events, quarantine, items)
    steps = _steps(events, coded)
    if timing != "none":
        found += sorted_sequences(steps)
    if items is not None and len(items) and len(events):
        found += leaking_attributes(events, items) + shifted_texts(steps, items)
    return found


@dataclass(frozen=True)
class Steps:
    """Moves from one item to a different one, within users.

    Attributes
    ----------
    ids : list of str
        Item ids; ``before`` and ``after`` are places in it.
    before, after : int64[steps]
    timed : bool[steps]
        Whether the two events have different moments (equal moments say nothing about order).
    """

    ids: list[str]
    before: Int64
    after: Int64
    timed: np.ndarray


def _steps(events: pl.DataFrame, coded: pl.DataFrame) -> Steps:
    log = in_order(coded.with_columns(events[col.ITEM].alias("id")), _MOST)
    names = log.select("item", "id").unique("item").sort("id")
    place = names.with_row_index("place").select("item", "place")
    log = log.join(place, on="item", how="left", maintain_order="left")
    item, user = as_int64(log["place"]), as_int64(log["user"])
    moment = log["moment"].fill_null(float("nan")).to_numpy()
    moved = (user[1:] == user[:-1]) & (item[1:] != item[:-1])
    return Steps(names["id"].to_list(), item[:-1][moved], item[1:][moved], (moment[1:] > moment[:-1])[moved])


def sorted_sequences(steps: Steps) -> list[Suspicion]:
    """Return whether histories look sorted by item id, or by any order that all users share."""
    before, after = steps.before[steps.timed], steps.after[steps.timed]
    if len(before) < _LEAST:
        return []
    rank = _id_order(steps.ids)
    rising = float((rank[after] > rank[before]).mean())
    if max(rising, 1 - rising) > 0.9:
        way = "rising" if rising > 0.5 else "falling"
        share = max(rising, 1 - rising)
        return [
            Suspicion(
                "sorted_by_item_id",
                f"{share:.0%} of the steps within a history go to a {way} item id: the order is that of the "
                "ids, not of time",
                share,
            )
        ]
    agreement, compared = order_agreement(before, after)
    if compared >= _LEAST and agreement > 0.95:
        return [
            Suspicion(
                "shared_order",
                f"users who share two neighbouring items agree on their order {agreement:.0%} of the time: "
                "histories look sorted by something other than time",
                agreement,
            )
        ]
    return []


def _id_order(ids: list[str]) -> Int64:
    digits = pl.Series(ids, dtype=pl.String).str.extract(r"(\d+)$").cast(pl.Float64, strict=False)
    order = pl.Series(ids, dtype=pl.String) if digits.null_count() else digits
    return order.rank("ordinal").cast(pl.Int64).to_numpy()


def order_agreement(before: Int64, after: Int64) -> tuple[float, int]:
    """Return how often two users who step between the same two items do so in one direction.

    Parameters
    ----------
    before, after : int64[steps]

    Returns
    -------
    tuple of float and int
        The share over all pairs of steps between the same items (.5 if order is random), and the number of
        such pairs.
    """
    table = pl.DataFrame(
        {"low": np.minimum(before, after), "high": np.maximum(before, after), "up": after > before}
    )
    both = table.group_by("low", "high").agg(pl.col("up").sum().cast(pl.Int64), pl.len().cast(pl.Int64))
    up, n = both["up"].to_numpy(), both["len"].to_numpy()
    pairs = int((n * (n - 1)).sum())
    agree = int((up * (up - 1) + (n - up) * (n - up - 1)).sum())
    return (agree / pairs if pairs else 0.5), pairs // 2


def leaking_attributes(events: pl.DataFrame, items: pl.DataFrame) -> list[Suspicion]:
    """Return the item columns that look computed over all time."""
    counts = with_texts(events[col.ITEM].value_counts(name="n_events_"))
    joined = items.unique(col.ITEM).join(counts, on=col.ITEM)
    return [
        Suspicion(
            "leaks_the_future", f"item column {name!r} {why}: in a time split it knows the future", number
        )
        for name in items.columns
        if name not in (col.ITEM, col.CREATED_AT, col.AVAILABLE, col.LINE)
        for why, number in [_leak(joined[name], joined["n_events_"], name)]
        if why
    ]


def _leak(column: pl.Series, counts: pl.Series, name: str) -> tuple[str, float]:
    likeness = _rank_correlation(column, counts)
    if abs(likeness) > 0.8:
        return f"follows the number of events of an item (rank correlation {likeness:.2f})", likeness
    is_named = bool(pl.Series([name]).str.contains(_AGGREGATE).item())
    return ("is named like a total over all time" if is_named else ""), likeness


def _rank_correlation(column: pl.Series, counts: pl.Series) -> float:
    values = (
        column.cast(pl.Float64, strict=False) if not column.dtype.is_nested() else column.clear(len(column))
    )
    known = (
        values.is_finite().fill_null(False)
        if values.dtype == pl.Float64
        else pl.Series([False] * len(values))
    )
    x, y = values.filter(known).to_numpy(), counts.filter(known).to_numpy()
    if len(x) < 30 or len(np.unique(x)) < 3 or len(np.unique(y)) < 3:
        return 0.0
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def shifted_texts(steps: Steps, items: pl.DataFrame) -> list[Suspicion]:
    """Return whether texts are in the wrong rows: titles first, then all texts."""
    attributes = items.select(pl.exclude(col.ITEM, col.LINE, col.AVAILABLE, col.CREATED_AT))
    rows = _rows_of(steps.ids, items)
    before, after = rows[steps.before], rows[steps.after]
    inside = (np.minimum(before, after) >= 2) & (np.maximum(before, after) < len(items) - 2)
    before, after = before[inside][:_PAIRS], after[inside][:_PAIRS]
    if len(before) < _LEAST:
        return []
    titles = [item_texts(attributes.select(col.TITLE))] if col.TITLE in attributes.columns else []
    found = (_shift(texts, before, after) for texts in [*titles, item_texts(attributes)])
    return next(([suspicion] for suspicion in found if suspicion is not None), [])


def _shift(texts: pl.Series, before: Int64, after: Int64) -> Suspicion | None:
    likeness = _likeness(texts, before, after)
    right = likeness[_SHIFTS.index(0)]
    gain, mean = likeness - right, likeness.mean(axis=1)
    # Steps of one user are not independent, so the bar is high: five standard errors and a fifth more.
    sure = (gain.mean(axis=1) > 5 * gain.std(axis=1) / np.sqrt(len(before))) & (mean > 1.2 * right.mean())
    if not sure.any():
        return None
    best = int(np.argmax(np.where(sure, mean, -1)))
    ratio = float(mean[best] / max(float(right.mean()), 1e-9))
    return Suspicion(
        "shifted_titles",
        f"items chosen one after the other resemble each other {ratio:.1f} times as much when every text is "
        f"taken from {abs(_SHIFTS[best])} row(s) {'below' if _SHIFTS[best] > 0 else 'above'}: texts are "
        "shifted against ids",
        ratio,
    )


def _rows_of(ids: list[str], items: pl.DataFrame) -> Int64:
    row = items.select(pl.col(col.ITEM)).with_row_index("row").unique(col.ITEM, keep="first")
    joined = pl.DataFrame({col.ITEM: ids}).join(row, on=col.ITEM, how="left", maintain_order="left")
    return joined["row"].cast(pl.Int64).fill_null(-1).to_numpy()


def _likeness(texts: pl.Series, before: Int64, after: Int64) -> Float64:
    """Return float64[shifts, pairs]: the cosine of the two texts of each pair at each shift."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(min_df=2, max_df=0.2, max_features=50_000, dtype=np.float32)
    try:
        vectors = sparse.csr_array(words.fit_transform(texts.fill_null("").str.slice(0, 300).to_list()))
    except ValueError:  # no word is in several texts but not in most: nothing to compare
        return np.zeros((len(_SHIFTS), len(before)))
    alike = [vectors[before + shift].multiply(vectors[after + shift]).sum(axis=1) for shift in _SHIFTS]
    return np.asarray(alike, dtype=np.float64)


def _named(ids: pl.Series, names: Sequence[str]) -> pl.Series:
    """Return where ids are one of some names, in whatever case."""
    if not is_category(ids):
        return ids.str.to_lowercase().is_in(names)
    distinct = distinct_texts(ids)
    return ids.is_in(distinct.filter(distinct.str.to_lowercase().is_in(names)).to_list())


def header_rows(
    events: pl.DataFrame, quarantine: pl.DataFrame, items: pl.DataFrame | None
) -> list[Suspicion]:
    """Return the header lines among the rows."""
    users, items_named = (_named(events[col.USER], _USER_NAMES), _named(events[col.ITEM], _ITEM_NAMES))
    kept = int((users & items_named).sum())
    removed = int(quarantine.select(pl.col("raw").str.contains(_HEADER).sum()).item() or 0)
    listed = 0
    if items is not None:
        listed = int(items.select(pl.col(col.ITEM).str.to_lowercase().is_in(_ITEM_NAMES).sum()).item())
    places = [("the log", kept), ("the log (quarantined)", removed), ("the catalogue", listed)]
    return [
        Suspicion("header_as_row", f"{count} header line(s) stand among the rows of {place}", float(count))
        for place, count in places
        if count
    ]
