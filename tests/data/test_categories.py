"""A log whose texts are categories gives what the log of texts gives."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import tacit
from tacit.data import interactions, shop, weights
from tacit.data.assess import assess
from tacit.data.categories import by_text, distinct_texts, per_text, with_texts
from tacit.data.clean import Cleaned
from tacit.data.interactions import Interactions
from tacit.data.users import Users
from tacit.data.vocabulary import Vocabulary
from tacit.data.weights import EventWeights
from tacit.engine.train import fingerprint
from tacit.reading.own_catalogue import own_catalogue


def categories(values: list[str | None]) -> pl.Series:
    """Return a column of categories with a list of their own, in text order."""
    words = pl.Series("id", sorted({value for value in values if value is not None}))
    kind = pl.Categorical(pl.Categories.random())
    kept = words.cast(kind)
    found = pl.Series("id", values).cast(kind)
    assert len(kept) == len(words)
    return found


def coded(events: pl.DataFrame) -> pl.DataFrame:
    names = [name for name, kind in events.schema.items() if kind == pl.String]
    return events.with_columns(categories(events[name].to_list()).alias(name) for name in names)


IDS = ["b", None, "a", "b", "c"]


def test_codes_of_categories_are_those_of_their_texts() -> None:
    vocabulary = Vocabulary(["c", "b", "x"])
    assert vocabulary.encode(categories(IDS)).tolist() == [1, -1, -1, 1, 0]
    assert vocabulary.encode(categories([])).tolist() == []
    assert Vocabulary.of(categories(IDS), pl.Series(["d", "a"])).ids.to_list() == ["a", "b", "c", "d"]
    assert Vocabulary(categories(["b", "a"])).ids.to_list() == ["b", "a"]


def test_what_is_done_to_texts_is_done_to_each_once() -> None:
    seen: list[str] = []

    def lengths(texts: pl.Series) -> pl.Series:
        seen.extend(texts)
        return texts.str.len_chars()

    assert per_text(categories(["aa", None, "b", "aa"]), lengths).to_list() == [2, None, 1, 2]
    assert sorted(seen) == ["aa", "b"]
    assert per_text(pl.Series(["aa", None]), lengths).to_list() == [2, None]
    numbers = by_text(categories(IDS), lambda texts: np.arange(len(texts), dtype=np.int32))
    assert numbers[0] == numbers[3] != numbers[2]
    assert numbers[1] == -1


def test_texts_come_back() -> None:
    frame = pl.DataFrame([categories(IDS)])
    assert with_texts(frame)["id"].to_list() == IDS
    assert distinct_texts(frame["id"]).sort().to_list() == ["a", "b", "c"]


@pytest.fixture(scope="module")
def made() -> shop.Shop:
    return shop.generate(users=60, items=200, events=900, days=30)


@pytest.fixture(scope="module")
def cleaned(made: shop.Shop) -> Cleaned:
    titles = made.items.select("item_id", "title", "price")
    return tacit.read(made.events.drop("line", strict=False).join(titles, on="item_id", how="left"))


def test_weights_and_interactions_are_the_same_some_users_at_a_time(
    cleaned: Cleaned, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = cleaned.events

    def log_of(frame: pl.DataFrame) -> Interactions:
        weighed = EventWeights.fit(frame, half_life_days=9).weigh(frame)
        people = Users.of(None, frame["user_id"])
        return Interactions.from_frame(weighed, Vocabulary.of(frame["item_id"]), people)

    whole = log_of(events)
    monkeypatch.setattr(weights, "AT_ONCE", 50)
    monkeypatch.setattr(interactions, "_AT_ONCE", 50)
    for frame in (events, coded(events)):
        part = log_of(frame)
        assert part.users == whole.users
        assert fingerprint(part) == fingerprint(whole)


def test_events_on_unknown_ids_are_left_out_of_every_part(
    cleaned: Cleaned, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Vocabulary(cleaned.events["item_id"].unique().sort().head(20))
    people = Users.of(None, cleaned.events["user_id"].unique().sort().head(30))
    whole = Interactions.from_frame(cleaned.events, few, people)
    monkeypatch.setattr(interactions, "_AT_ONCE", 7)
    part = Interactions.from_frame(coded(cleaned.events), few, people)
    assert 0 < len(whole) < len(cleaned.events)
    assert fingerprint(part) == fingerprint(whole)


@pytest.mark.parametrize("listed", [True, False])
def test_the_report_is_the_same(made: shop.Shop, cleaned: Cleaned, listed: bool) -> None:
    users = made.users.head(40)
    items = made.items if listed else None
    whole = assess(cleaned, items, users)
    assert assess(replace(cleaned, events=coded(cleaned.events)), items, users) == whole


def test_the_log_as_its_own_catalogue_is_the_same(cleaned: Cleaned) -> None:
    whole, part = own_catalogue(cleaned.events), own_catalogue(coded(cleaned.events))
    assert whole is not None
    assert part is not None
    assert part.frame.equals(whole.frame)
    assert {"title", "price"} <= set(part.frame.columns)
