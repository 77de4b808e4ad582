"""What becomes of each event of a batch: over HTTP, on SQLite and on PostgreSQL, through two processes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from tests.served import Service, serving, small_snapshot

from tacit.engine.snapshot import save

AT = 1_735_000_000
VIEW = {"user_id": "u", "item_id": "i00001", "event": "view"}


class Kept(Service):
    """A service and its database."""

    database: str

    def rows(self, statement: str, **values: object) -> list[Any]:
        engine = create_engine(self.database)
        with engine.connect() as connection:
            found = list(connection.execute(text(statement), values))
        engine.dispose()
        return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    directory: Path = tmp_path_factory.mktemp("kept")
    save(small_snapshot(), directory / "shop.tacit")
    if request.param == "sqlite":
        address = database = f"sqlite:///{directory / 'store.db'}"
    else:
        address = request.getfixturevalue("postgres")
        database = address.replace("postgresql:", "postgresql+psycopg:")
        engine = create_engine(database)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
    with serving(directory / "shop.tacit", "--store", address) as found:
        found.__class__ = Kept
        found.database = database  # type: ignore[attr-defined]
        yield found  # type: ignore[misc]


@pytest.mark.promise("P16")
@pytest.mark.fault(16, 17)
def test_a_batch_is_answered_event_by_event(service: Kept) -> None:
    good, bad = {**VIEW, "event_id": "first"}, {**VIEW, "item_id": ""}
    other = {**good, "user_id": "somebody else"}
    whole = service.send(good)
    assert (whole.status_code, whole.json()["accepted"]) == (200, 1)
    mixed = service.send({**VIEW, "event_id": "second"}, bad, other, {**VIEW, "odd": 1})
    assert (mixed.status_code, mixed.json()["accepted"]) == (207, 1)
    rejected = mixed.json()["rejected"]
    assert [(one["index"], one["status"]) for one in rejected] == [(1, 422), (2, 409), (3, 422)]
    assert all(one["reason"] for one in rejected)
    assert [service.send(*batch).status_code for batch in ([other], [other, bad], [bad], [])] == [
        409,
        422,
        422,
        200,
    ]


@pytest.mark.promise("P15")
@pytest.mark.fault(15)
def test_an_event_with_a_time_counts_once_and_without_one_each_time(service: Kept) -> None:
    told = {**VIEW, "user_id": "retry", "timestamp": AT}
    for again in (told, told, {**told, "timestamp": "2024-12-24T00:26:40Z"}):
        assert service.send(again).json()["accepted"] == 1
    for other in ({"value": 1.0}, {"event": "cart"}, {"item_id": "i00002"}, {"timestamp": AT + 1}):
        assert service.send({**told, **other}).status_code == 200
    assert service.send({**VIEW, "user_id": "twice"}, {**VIEW, "user_id": "twice"}).json()["accepted"] == 2
    counts = "SELECT subject_id, count(*) FROM tacit_event WHERE subject_id IN ('retry', 'twice') GROUP BY 1"
    assert dict(map(tuple, service.rows(counts))) == {"retry": 5, "twice": 2}


@pytest.mark.promise("P14")
def test_an_event_joins_the_list_in_which_the_item_was_shown(service: Kept) -> None:
    answer = service.http.get("/v1/users/u/recommendations", params={"k": 5}).json()
    shown = {"recommendation_id": answer["recommendation_id"], "position": 2}
    click = {"user_id": "u", "item_id": answer["items"][1]["item_id"], "event": "click"}
    taken = service.send({**click, **shown}).json()
    assert (taken["accepted"], taken["warnings"]) == (1, [])  # the list may not be stored yet
    joined = (
        "SELECT shown.items, event.position, event.item_id FROM tacit_event AS event "
        "JOIN tacit_exposure AS shown ON shown.recommendation_id = event.recommendation_id"
    )
    end = time.monotonic() + 30
    while not (rows := service.rows(joined)) and time.monotonic() < end:
        time.sleep(0.05)
    assert [tuple(row)[1:] for row in rows] == [(2, click["item_id"])]
    assert rows[0][0].index(click["item_id"]) > 0

    unknown = service.send({**click, "recommendation_id": "none of yours"})
    assert (unknown.status_code, unknown.json()["accepted"]) == (200, 1)
    assert unknown.json()["warnings"] == [{"index": 0, "warning": "the list 'none of yours' is not known"}]
    doubts = {
        "at position 2 of the list": {"position": 5},
        "and not at 500": {"position": 500},
        "is not in the list": {"item_id": "i99999"},
        "was made for another user": {"user_id": "somebody else"},
    }
    said = service.send(*({**click, **shown, **change} for change in doubts.values())).json()
    assert said["accepted"] == len(doubts)
    told = {
        index: " ".join(one["warning"] for one in said["warnings"] if one["index"] == index)
        for index in range(4)
    }
    assert all(doubt in told[index] for index, doubt in enumerate(doubts)), told
    alone = service.send({**click, "position": 2})
    assert (alone.status_code, "needs the recommendation_id" in alone.text) == (422, True)
    wrong = [service.send({**click, **shown, "position": place}) for place in (0, 1_001, 1.5, True)]
    assert [one.status_code for one in wrong] == [422] * 4
