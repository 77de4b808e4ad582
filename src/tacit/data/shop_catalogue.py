"""The goods of the generated shop: what each item is, what it costs, when it arrives and how it trends."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tacit.core.types import DAY, Bool, Float32, Float64, Int64
from tacit.data import columns as col
from tacit.data.shop_text import Choice, brand_of, describe, style_of, words

_CHINESE_BRANDS = 1000  # keeps the brand keys of the two languages apart


@dataclass(frozen=True)
class Goods:
    """The items as arrays.

    Attributes
    ----------
    category, style, fits, brand_key : int64[items]
        ``brand_key`` names a brand within its category and language; ``fits`` is the key of the main brand an
        accessory belongs to, -1 for other items.
    chinese : bool[items]
    level : float32[items]
        Price level within the category.
    price : float64[items]
    created : float64[items]
        Day of arrival; negative before the log starts.
    trend : float32[items, days]
        Log popularity by day.
    choices : list of Choice
    """

    category: Int64
    style: Int64
    fits: Int64
    brand_key: Int64
    chinese: Bool
    level: Float32
    price: Float64
    created: Float64
    trend: Float32
    choices: list[Choice]

    def frame(self, start: float) -> pl.DataFrame:
        """Return the catalogue; days count from ``start`` (Unix seconds)."""
        texts = [describe(choice) for choice in self.choices]
        categories = [words().categories[c.category] for c in self.choices]
        return pl.DataFrame(
            {
                col.ITEM: [f"i{code:05d}" for code in range(1, len(texts) + 1)],
                col.TITLE: [title for title, _ in texts],
                col.DESCRIPTION: [description for _, description in texts],
                "category": [
                    c["zh_name"] if choice.chinese else c["name"]
                    for c, choice in zip(categories, self.choices, strict=True)
                ],
                "department": [c["department"] for c in categories],
                "brand": [brand_of(choice) for choice in self.choices],
                "price": self.price,
                col.CREATED_AT: np.floor(start + self.created * DAY),
            }
        )


def make_goods(n: int, days: int, rng: np.random.Generator) -> Goods:
    """Return ``n`` items with distinct titles, in random order."""
    category = rng.permutation(np.arange(n) % len(words().categories))
    chinese = rng.random(n) < 0.3
    level = rng.normal(0, 1, n).astype(np.float32)
    combination = _combinations(category, chinese, rng)
    use = rng.integers(0, 4, n)
    draw = rng.random((2, n))
    choices = [
        _choice(*row)
        for row in zip(
            category.tolist(),
            chinese.tolist(),
            level.tolist(),
            combination.tolist(),
            use.tolist(),
            draw[0].tolist(),
            draw[1].tolist(),
            strict=True,
        )
    ]
    created = _arrivals(category, days, rng)
    return Goods(
        category=category,
        style=np.array([c.style for c in choices]),
        fits=np.array([c.fits + _CHINESE_BRANDS * c.chinese if c.fits >= 0 else -1 for c in choices]),
        brand_key=np.array([c.brand + _CHINESE_BRANDS * c.chinese for c in choices]),
        chinese=chinese,
        level=level,
        price=_prices(category, level),
        created=created,
        trend=_trends(created, days, rng),
        choices=choices,
    )


def _choice(
    category: int, chinese: bool, level: float, combination: int, use: int, brand: float, fits: float
) -> Choice:
    key = "brands_zh" if chinese else "brands"
    parent = words().parent(category)
    return Choice(
        category=category,
        style=style_of(combination),
        brand=int(brand * len(words().categories[category][key])),
        fits=int(fits * len(words().categories[parent][key])) if parent >= 0 else -1,
        use=use,
        combination=combination,
        chinese=chinese,
        level=level,
    )


def _combinations(category: Int64, chinese: Bool, rng: np.random.Generator) -> Int64:
    """Return a number for each item that is unique within its category and language, so titles differ."""
    combination = np.empty(len(category), dtype=np.int64)
    for shelf in np.unique(category):
        for language in (False, True):
            rows = np.flatnonzero((category == shelf) & (chinese == language))
            pool = words().combinations
            editions = len(rows) // pool + 1
            blocks = [rng.permutation(pool) + pool * edition for edition in range(editions)]
            combination[rows] = np.concatenate(blocks)[: len(rows)]
    return combination


def _prices(category: Int64, level: Float32) -> Float64:
    span = np.array([c["price"] for c in words().categories], dtype=np.float64)[category]
    share = 1 / (1 + np.exp(-1.5 * level))
    return np.asarray(np.round(span[:, 0] * (span[:, 1] / span[:, 0]) ** share, 2))


def _arrivals(category: Int64, days: int, rng: np.random.Generator) -> Float64:
    """Return days of arrival: 70 % before the log, 20 % in its first nine tenths, 10 % in the last tenth."""
    n = len(category)
    group = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    before, within, late = (
        -rng.random(n) * 365,
        rng.random(n) * 0.9 * days,
        (0.9 + 0.09 * rng.random(n)) * days,
    )
    created = np.choose(group, [before, within, late])
    _, first = np.unique(category, return_index=True)
    created[first] = -30.0  # no category is ever empty
    return created


def _trends(created: Float64, days: int, rng: np.random.Generator) -> Float32:
    n, day = len(created), np.arange(days)
    base = rng.normal(0, 0.9, n)[:, None]
    peak, width = rng.random((n, 1)) * days, 3 + rng.random((n, 1)) * 12
    rises = (rng.random((n, 1)) < 0.25) * 2.5 * np.exp(-(((day - peak) / width) ** 2) / 2)
    fades = (rng.random((n, 1)) < 0.12) * -2.5 * day / days
    launched = np.maximum(day - created[:, None], 0)
    fresh = (created[:, None] > 0) * 1.3 * np.exp(-launched / 8)
    return (base + rises + fades + fresh).astype(np.float32)
