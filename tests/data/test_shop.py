"""The generated shop keeps its promises: seeded, sized, planted, dirty on paper and clean in memory."""

import polars as pl
import pytest

from tacit.core.errors import ConfigError
from tacit.data.shop import START, Shop, generate


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(seed=3, users=800, items=400, events=24_000, days=60)


def test_sizes_and_ids(shop: Shop) -> None:
    assert len(shop.events) == 24_000
    assert len(shop.items) == 400
    assert len(shop.users) == 800
    assert set(shop.events["item_id"]) <= set(shop.items["item_id"])
    assert set(shop.events["user_id"]) == set(shop.users["user_id"])


def test_same_seed_same_shop(shop: Shop) -> None:
    again = generate(seed=3, users=800, items=400, events=24_000, days=60)
    other = generate(seed=4, users=800, items=400, events=24_000, days=60)
    assert again.events.equals(shop.events)
    assert again.items.equals(shop.items)
    assert not other.events.equals(shop.events)


def test_no_two_items_share_a_title_or_lack_words(shop: Shop) -> None:
    assert shop.items["title"].n_unique() == 400
    assert shop.items["description"].str.len_chars().min() > 20
    chinese = shop.items["title"].str.contains(r"\p{Han}").mean()
    assert 0.2 < chinese < 0.4


def test_later_editions_keep_titles_apart() -> None:
    many = generate(users=10, items=12_000, events=100)
    assert many.items["title"].n_unique() == 12_000


def test_time_runs_within_the_days(shop: Shop) -> None:
    at = shop.events["timestamp"]
    assert at.is_sorted()
    assert START <= at.min() < at.max() < START + 60 * 86_400


def test_nothing_is_touched_before_it_arrives(shop: Shop) -> None:
    joined = shop.events.join(shop.items.select("item_id", "created_at"), on="item_id")
    assert (joined["timestamp"] >= joined["created_at"]).all()


def test_some_items_arrive_in_the_last_tenth(shop: Shop) -> None:
    late = (shop.items["created_at"] > START + 0.9 * 60 * 86_400).sum()
    assert 20 <= late <= 65


def test_the_funnel_narrows(shop: Shop) -> None:
    count = dict(shop.events["event"].value_counts().iter_rows())
    assert count["view"] > count["click"] > count["cart"] > count["purchase"] > 500


def test_tastes_are_planted(shop: Shop) -> None:
    # Two events of one user share a category far oftener than two events of different users.
    events = shop.events.filter(pl.col("event") == "click").join(shop.items, on="item_id")
    share = events.group_by("user_id", "category").len().with_columns(pl.col("len").cast(pl.Float64))
    of_user = share.group_by("user_id").agg(((pl.col("len") / pl.col("len").sum()) ** 2).sum().alias("same"))
    overall = ((events["category"].value_counts()["count"] / len(events)) ** 2).sum()
    assert of_user["same"].mean() > 3 * overall


def test_an_accessory_follows_a_purchase_of_its_brand(shop: Shop) -> None:
    bought = shop.events.filter(pl.col("event") == "purchase").join(shop.items, on="item_id")
    cameras = bought.filter(pl.col("category") == "Cameras").select("user_id", "brand", at="timestamp")
    extras = shop.events.join(
        shop.items.filter(pl.col("category") == "Camera accessories").select("item_id", "title"), on="item_id"
    )
    later = cameras.join(extras, on="user_id").filter(
        pl.col("timestamp").is_between("at", pl.col("at") + 7200)
    )
    fits = later.select(pl.col("title").str.contains(pl.col("brand"), literal=True))["title"]
    assert len(fits) > 10
    assert fits.mean() > 0.55  # three English brands: chance is a third


def test_purchases_carry_their_price(shop: Shop) -> None:
    bought = shop.events.join(shop.items, on="item_id").filter(pl.col("event") == "purchase")
    assert bought["value"].equals(bought["price"].alias("value"))
    assert shop.events.filter(pl.col("event") == "view")["value"].null_count() == len(
        shop.events.filter(pl.col("event") == "view")
    )


def test_files_hold_the_truth_and_the_counted_dirt(shop: Shop, tmp_path) -> None:
    dirt = shop.write(tmp_path)
    lines = (tmp_path / "events.csv").read_text("utf-8").splitlines()
    assert len(lines) == 1 + len(shop.events) + sum(dirt.values())
    assert all(count > 0 for count in dirt.values())
    assert lines.count(lines[0]) == 2  # the second header in the middle
    items = pl.read_ndjson(tmp_path / "items.jsonl")
    assert 0 < items["description"].null_count() < 40
    assert items["title"].equals(shop.items["title"])
    assert len(pl.read_csv(tmp_path / "users.csv")) == 800


def test_too_small_a_shop_is_refused() -> None:
    with pytest.raises(ConfigError, match="64 items"):
        generate(items=10)
