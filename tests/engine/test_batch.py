"""Lists for many users at once."""

from dataclasses import replace
from functools import cache

import polars as pl
import pytest
from tests.served import small_snapshot

from tacit.data.shop import generate
from tacit.engine import batch
from tacit.engine.batch import recommend_all
from tacit.engine.snapshot import Snapshot
from tacit.engine.train import train
from tacit.pipeline.config import Config


@cache
def with_bare_items() -> Snapshot:
    """A catalogue with items of which nothing is known but the id, and one that is sold out."""
    shop = generate(seed=7, users=40, items=64, events=800, days=40)
    bare = pl.DataFrame({"item_id": ["bare-1", "bare-2", "gone"], "available": [True, None, False]})
    items = pl.concat([shop.items, bare], how="diagonal_relaxed")
    config = Config(
        retrievers={"trending": {}, "itemknn": {}, "content": {}}, encoder="tfidf", ranker=None, windows=1
    )
    return train(shop.events, items, config)


def lists(snapshot: Snapshot, users: list[str] | None = None, **options: object) -> pl.DataFrame:
    return pl.concat(recommend_all(snapshot, users, **options))  # type: ignore[arg-type]


def history(snapshot: Snapshot, user: str) -> set[str]:
    log = snapshot.interactions
    code = log.users.encode([user])[0]
    return set(log.items.decode(log.item[log.user == code]))


def test_the_columns_are_those_that_others_rely_on() -> None:
    frame = lists(small_snapshot(), k=4)
    assert frame.schema == {
        "user_id": pl.String,
        "item_id": pl.String,
        "score": pl.Float32,
        "rank": pl.Int32,
    }
    assert frame.null_count().row(0) == (0, 0, 0, 0)


def test_every_user_has_a_list_in_order_best_first() -> None:
    snapshot = small_snapshot()
    frame = lists(snapshot, k=4)
    users = snapshot.interactions.users.ids.to_list()
    assert frame["user_id"].to_list() == [user for user in users for _ in range(4)]
    assert frame["rank"].to_list() == [1, 2, 3, 4] * len(users)
    for _, part in frame.group_by("user_id"):
        assert part["score"].is_sorted(descending=True)
        assert part["item_id"].n_unique() == 4


def test_users_come_in_their_order_and_unknown_ones_get_the_list_of_a_new_user() -> None:
    snapshot = small_snapshot()
    known = snapshot.interactions.users.ids[5]
    frame = lists(snapshot, ["nobody", known, "also nobody"], k=5)
    assert frame["user_id"].unique(maintain_order=True).to_list() == ["nobody", known, "also nobody"]
    parts = frame.partition_by("user_id", maintain_order=True)
    assert [len(part) for part in parts] == [5, 5, 5]
    assert parts[0].drop("user_id").equals(parts[2].drop("user_id"))
    assert parts[0]["item_id"].to_list() != parts[1]["item_id"].to_list()


def test_seen_items_are_left_out_unless_allowed() -> None:
    snapshot = small_snapshot()
    size = len(snapshot.catalogue)
    for user in snapshot.interactions.users.ids.to_list()[::9]:
        seen = history(snapshot, user)
        new = set(lists(snapshot, [user], k=size)["item_id"])
        assert not seen & new
        assert seen | new == set(snapshot.catalogue.items.ids)
        assert set(lists(snapshot, [user], k=size, allow_seen=True)["item_id"]) == seen | new


@pytest.mark.parametrize("user", ["nobody", None])
def test_every_available_item_is_a_candidate_with_or_without_events_or_text(user: str | None) -> None:
    snapshot = with_bare_items()
    user = user or snapshot.interactions.users.ids[0]
    found = lists(snapshot, [user], k=len(snapshot.catalogue), allow_seen=True)["item_id"].to_list()
    assert sorted(found) == sorted(set(snapshot.catalogue.items.ids) - {"gone"})


def test_chunks_do_not_change_the_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = small_snapshot()
    whole = lists(snapshot, k=5)
    monkeypatch.setattr(batch, "CHUNK", 7)
    frames = list(recommend_all(snapshot, k=5))
    assert len(frames) == -(-len(snapshot.interactions.users) // 7)
    cut = pl.concat(frames)
    assert cut.drop("score").equals(whole.drop("score"))
    assert (cut["score"] - whole["score"]).abs().max() < 1e-5


def test_no_users_are_an_empty_frame() -> None:
    (frame,) = recommend_all(small_snapshot(), [])
    assert frame.shape == (0, 4)
    assert frame.schema == lists(small_snapshot(), ["nobody"]).schema


def test_without_an_available_item_lists_are_empty_and_keep_their_columns() -> None:
    snapshot = small_snapshot()
    nothing = snapshot.pipeline.extended(
        replace(snapshot.catalogue, available=snapshot.catalogue.available & False)
    )
    frame = lists(replace(snapshot, pipeline=nothing), ["nobody"])
    assert frame.shape == (0, 4)
    assert frame.schema == lists(snapshot, ["nobody"]).schema
