"""The generated shop: a catalogue, users with tastes, and 90 days of a funnel. All of it is generated.

What is planted, for models to find and for reports to show:

- tastes: each user prefers some categories, styles, a price level and a language (30 % read Chinese);
- sequences: a user who clicks, carts or buys a main item looks next for an accessory of the same brand;
- trends: some items have a peak of a few days, some fade, new ones get a push after their launch;
- cold start: 30 % of the items arrive within the 90 days, a third of those in the last tenth of the time;
- popularity skew, a weekly rhythm, users who join late.

`Shop.events` is the clean log. `Shop.write` writes it as a real shop exports it: with duplicates, refresh
bursts, bots, missing values and broken rows (`tacit.data.shop_dirt`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tacit.core.errors import ConfigError
from tacit.core.seeds import generator
from tacit.core.types import DAY, Bool, Float32, Float64, Int64
from tacit.data import columns as col
from tacit.data import shop_dirt
from tacit.data.shop_catalogue import Goods, make_goods
from tacit.data.shop_text import words

START = 1_735_689_600.0
"""First moment of the generated log: 2025-01-01T00:00:00Z."""

_ROWS = 20_000  # choices drawn at once: about 20 MB per category
_VIEWS_PER_SESSION = 4.5
_EVENTS_PER_VIEW = 1.6
"""Views, clicks, carts, purchases and accessories that one first view leads to; deliberately a bit low."""


@dataclass(frozen=True)
class Shop:
    """A generated shop.

    Attributes
    ----------
    events : polars.DataFrame
        Clean log in time order, columns of `tacit.data.columns`; ``value`` is the price of a purchase.
    items : polars.DataFrame
        ``item_id, title, description, category, department, brand, price, created_at``.
    users : polars.DataFrame
        ``user_id, country, age_group, language, joined_at``.
    seed : int
    """

    events: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame
    seed: int

    def write(self, directory: str | Path) -> dict[str, int]:
        """Write ``events.csv``, ``items.jsonl`` and ``users.csv`` with dirt; return the dirty rows."""
        return shop_dirt.write(
            self.events, self.items, self.users, Path(directory), generator(self.seed, "dirt")
        )


@dataclass(frozen=True)
class _Crowd:
    """The users: float32[users, categories] cumulative, float32[users, styles], and one value a user."""

    categories: Float32
    styles: Float32
    price: Float32
    chinese: Bool
    joined: Float64


@dataclass(frozen=True)
class _Slots:
    """Moments at which users look at items: parallel arrays."""

    session: Int64
    user: Int64
    at: Float64
    category: Int64


def generate(
    seed: int = 7, users: int = 5000, items: int = 2000, events: int = 150_000, days: int = 90
) -> Shop:
    """Generate a shop; the same arguments give the same shop.

    Parameters
    ----------
    seed : int
    users, items, events, days : int
        Sizes; the log has exactly ``events`` events.

    Raises
    ------
    ConfigError
        If a size is too small for the shop's categories.
    """
    least = 4 * len(words().categories)
    if items < least or users < 1 or events < users or days < 2:
        raise ConfigError(
            f"a generated shop needs at least {least} items, 1 user, one event a user and 2 days; "
            f"got {items} items, {users} users, {events} events, {days} days"
        )
    goods = make_goods(items, days, generator(seed, "items"))
    crowd = _make_crowd(users, days, generator(seed, "users"))
    log = _make_log(goods, crowd, events, days, generator(seed, "events"))
    return Shop(log, goods.frame(START), _users_frame(crowd, generator(seed, "profiles")), seed)


def _make_crowd(n: int, days: int, rng: np.random.Generator) -> _Crowd:
    tastes = rng.dirichlet(np.full(len(words().categories), 0.25), n)
    return _Crowd(
        categories=np.cumsum(tastes, axis=1).astype(np.float32),
        styles=rng.normal(0, 2.0, (n, len(words().styles))).astype(np.float32),
        price=rng.normal(0, 1, n).astype(np.float32),
        chinese=rng.random(n) < 0.3,
        joined=np.where(rng.random(n) < 0.6, 0.0, rng.random(n) * days * 0.97),
    )


def _make_log(goods: Goods, crowd: _Crowd, events: int, days: int, rng: np.random.Generator) -> pl.DataFrame:
    first = _first_views(crowd, int(events / _EVENTS_PER_VIEW * 1.25) + 200, days, rng)
    item = _choose(first, goods, crowd, None, rng)
    funnel = _funnel(first, item, goods, crowd, rng)
    follow, wanted = _accessory_views(first, item, funnel[1], days, goods, rng)
    extra = _choose(follow, goods, crowd, wanted, rng)
    frame = pl.concat([funnel[0], _funnel(follow, extra, goods, crowd, rng)[0]])
    return _cut_to_size(frame, events, days, goods)


def _first_views(crowd: _Crowd, views: int, days: int, rng: np.random.Generator) -> _Slots:
    users = len(crowd.price)
    sessions = max(int(views / _VIEWS_PER_SESSION), users)
    activity = np.cumsum(rng.lognormal(0, 1, users) * (1 - crowd.joined / days))
    busy = np.searchsorted(activity, rng.random(sessions - users) * activity[-1])
    user = np.concatenate(
        [rng.permutation(users), busy]
    )  # every user comes once: those sessions are kept first
    length = 1 + rng.geometric(1 / (_VIEWS_PER_SESSION - 0.5), sessions).astype(np.int64)
    start = _session_starts(crowd.joined[user], days, rng)
    session = np.repeat(np.arange(sessions), length)
    pause = 20 + rng.exponential(70, len(session))
    elapsed = np.cumsum(pause)
    begin = np.repeat(np.cumsum(length) - length, length)
    at = start[session] + elapsed - elapsed[begin]
    theme = _draw_category(crowd, user, rng)[session]
    other = _draw_category(crowd, user[session], rng)
    category = np.where(rng.random(len(session)) < 0.85, theme, other)
    return _Slots(session, user[session], at, category)


def _session_starts(joined: Float64, days: int, rng: np.random.Generator) -> Float64:
    day = np.arange(days)
    weekend = ((day + 2) % 7) >= 5  # 2025-01-01 was a Wednesday
    mass = np.concatenate([[0.0], np.cumsum((1 + 0.35 * weekend) * (1 + 0.4 * day / days))])
    low = np.interp(joined, np.arange(days + 1), mass)
    moment = np.interp(low + rng.random(len(joined)) * (mass[-1] - low), mass, np.arange(days + 1))
    hour = np.clip(rng.normal(17, 4.5, len(joined)), 0, 23.9) / 24  # evenings are busy
    same_day = np.floor(moment) + hour
    return np.asarray(np.maximum(same_day, joined) * DAY)


def _draw_category(crowd: _Crowd, user: Int64, rng: np.random.Generator) -> Int64:
    drawn = rng.random((len(user), 1)) > crowd.categories[user]
    return np.asarray(np.minimum(drawn.sum(axis=1), crowd.categories.shape[1] - 1))


def _affinity(user: Int64, item: Int64, goods: Goods, crowd: _Crowd) -> Float32:
    """Return how much users like items (broadcast over both): float32."""
    style = crowd.styles[user, goods.style[item]]
    price = -0.8 * (crowd.price[user] - goods.level[item]) ** 2
    language = 2.0 * (crowd.chinese[user] == goods.chinese[item])
    return np.asarray(style + price + language - 0.5, dtype=np.float32)


def _choose(
    slots: _Slots, goods: Goods, crowd: _Crowd, wanted: Int64 | None, rng: np.random.Generator
) -> Int64:
    """Return the item seen at each slot: a draw from the softmax of affinity, popularity and trend."""
    chosen = np.empty(len(slots.user), dtype=np.int64)
    for category in range(len(words().categories)):
        shelf = np.flatnonzero(goods.category == category)
        rows = np.flatnonzero(slots.category == category)
        for part in np.array_split(rows, len(rows) // _ROWS + 1):
            user = slots.user[part, None]
            day = np.minimum((slots.at[part] / DAY).astype(np.int64), goods.trend.shape[1] - 1)
            score = _affinity(user, shelf[None, :], goods, crowd) + goods.trend[shelf][:, day].T
            if wanted is not None:
                score += 4.0 * (goods.fits[shelf][None, :] == wanted[part, None])
            score[goods.created[shelf][None, :] > slots.at[part, None] / DAY] = -np.inf
            noise = -np.log(
                rng.standard_exponential(score.shape, dtype=np.float32)
            )  # Gumbel: argmax = softmax draw
            chosen[part] = shelf[np.argmax(score + noise, axis=1)]
    return chosen


def _funnel(
    slots: _Slots, item: Int64, goods: Goods, crowd: _Crowd, rng: np.random.Generator
) -> tuple[pl.DataFrame, Int64]:
    """Return the events of the slots, and how far each went: 0 viewed, 1 clicked, 2 in the cart, 3 bought."""
    like = _affinity(slots.user, item, goods, crowd) - 2.2
    chance = 1 / (1 + np.exp(-np.stack([like * 0.6 - 0.3, like * 0.6 - 1.6, like * 0.4 - 0.2])))
    went = (rng.random(chance.shape) < chance).cumprod(axis=0).sum(axis=0)
    delay = np.cumsum(
        np.stack([np.zeros(len(item)), *rng.exponential([[12], [60], [300]], (3, len(item))) + 3]), axis=0
    )
    parts = [
        pl.DataFrame(
            {
                "session": slots.session[reached],
                "user": slots.user[reached],
                "item": item[reached],
                "at": slots.at[reached] + delay[step][reached],
                "step": np.full(int(reached.sum()), step, dtype=np.int8),
            }
        )
        for step in range(4)
        if (reached := went >= step) is not None
    ]
    return pl.concat(parts), went


def _accessory_views(
    slots: _Slots, item: Int64, went: Int64, days: int, goods: Goods, rng: np.random.Generator
) -> tuple[_Slots, Int64]:
    """Return the looks at accessories that follow main items, and the brand and language each must fit."""
    accessory = np.full(len(words().categories), -1)
    for category in range(len(words().categories)):
        if (parent := words().parent(category)) >= 0:
            accessory[parent] = category
    chance = np.array([0.06, 0.25, 0.6, 0.85])[went]
    follows = (accessory[slots.category] >= 0) & (rng.random(len(item)) < chance)
    soon = rng.exponential(240, len(item)) + 400
    later = rng.exponential(2 * DAY, len(item))
    at = slots.at + np.where((went == 3) & (rng.random(len(item)) < 0.5), later, soon)
    follows &= at < days * DAY
    wanted = goods.brand_key[item[follows]]
    return _Slots(
        slots.session[follows], slots.user[follows], at[follows], accessory[slots.category[follows]]
    ), wanted


def _cut_to_size(frame: pl.DataFrame, events: int, days: int, goods: Goods) -> pl.DataFrame:
    # Whole sessions are independent draws, so leaving out the last ones changes no planted fact.
    kept = frame.filter(pl.col("at") < days * DAY).sort("session", "at", maintain_order=True).head(events)
    if len(kept) < events:
        raise ConfigError(
            f"the generated shop has {len(kept)} events of {events}; use more days or fewer events"
        )
    kept = kept.sort("at", maintain_order=True)
    names = pl.Series(["view", "click", "cart", "purchase"], dtype=pl.String)
    price = goods.price[kept["item"].to_numpy()]
    return kept.select(
        ("u" + (pl.col("user") + 1).cast(pl.String).str.zfill(5)).alias(col.USER),
        ("i" + (pl.col("item") + 1).cast(pl.String).str.zfill(5)).alias(col.ITEM),
        names.gather(kept["step"]).alias(col.EVENT),
        (START + pl.col("at").floor()).alias(col.TIMESTAMP),
        pl.when(pl.col("step") == 3).then(pl.Series(price)).alias(col.VALUE),
        pl.lit(None, dtype=pl.Int64).alias(col.SEQ),
        pl.int_range(2, events + 2, dtype=pl.Int64).alias(col.LINE),
    )


def _users_frame(crowd: _Crowd, rng: np.random.Generator) -> pl.DataFrame:
    n = len(crowd.price)
    west = np.array(["DE", "FR", "GB", "US", "ES", "SE"])[rng.integers(0, 6, n)]
    east = np.array(["CN", "TW", "SG"])[rng.integers(0, 3, n)]
    ages = np.array(["18-24", "25-34", "35-44", "45-54", "55+"])
    return pl.DataFrame(
        {
            col.USER: [f"u{code:05d}" for code in range(1, n + 1)],
            "country": np.where(crowd.chinese, east, west),
            "age_group": ages[rng.choice(5, n, p=[0.2, 0.3, 0.22, 0.16, 0.12])],
            "language": np.where(crowd.chinese, "zh", "en"),
            "joined_at": np.floor(START + crowd.joined * DAY),
        }
    )
