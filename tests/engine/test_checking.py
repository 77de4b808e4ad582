"""What comes from outside: every bound at its edge, and one sentence for what is beyond it."""

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import RFC_4122, UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.errors import DataError
from tacit.data.clean import FIRST_MOMENT
from tacit.engine.checking import (
    LONGEST_LIST,
    check_k,
    checked_event,
    checked_id,
    checked_ids,
    checked_number,
    checked_time,
    new_event_id,
)
from tacit.engine.requests import NewEvent
from tacit.reading.choices import Reading
from tacit.store.records import Event

NOW = 1_740_000_000.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i1", "i1"),
        ("  i1\n", "i1"),
        ("two words", "two words"),
        ("商品2", "商品2"),
        ("e\u0301", "\u00e9"),  # one letter, however it is written
        ("\U0001f600", "\U0001f600"),
        ("x" * 256, "x" * 256),
        ("é" * 128, "é" * 128),
    ],
)
def test_an_id_is_kept_in_normal_form(text: str, expected: str) -> None:
    assert checked_id(text, "item_id") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the item_id is missing"),
        (" \n\t ", "the item_id is missing"),
        ("x" * 257, "the item_id is longer than 256 bytes"),
        ("é" * 129, "the item_id is longer than 256 bytes"),
        ("a\x00b", "the item_id holds a control character"),
        ("a\nb", "the item_id holds a control character"),
        ("a\x7fb", "the item_id holds a control character"),
        ("a\x9fb", "the item_id holds a control character"),
        ("\ud800", "the item_id is not valid Unicode"),
        (5, "the item_id is the number 5; ids are text: give '5'"),
        (np.int64(5), "the item_id is the number 5; ids are text: give '5'"),
        (2.5, "the item_id is the number 2.5; ids are text: give '2.5'"),
        (None, "the item_id must be a text, not of the type NoneType"),
        (b"i1", "the item_id must be a text, not of the type bytes"),
        (["i1"], "the item_id must be a text, not of the type list"),
    ],
)
@pytest.mark.fault(38)
def test_what_is_no_id_is_refused(text: object, message: str) -> None:
    with pytest.raises(DataError) as error:
        checked_id(text, "item_id")
    assert str(error.value) == message


@given(st.text())
def test_an_id_that_is_taken_is_taken_again_as_it_is(text: str) -> None:
    try:
        id_ = checked_id(text, "item_id")
    except DataError:
        return
    assert checked_id(id_, "item_id") == id_
    assert 0 < len(id_.encode()) <= 256
    assert id_ == id_.strip()


def several() -> Iterator[str]:
    yield from ("a", " b ")


@pytest.mark.parametrize("ids", [["a", " b "], ("a", " b "), np.array(["a", "b"]), several()])
def test_several_ids_are_each_in_normal_form(ids: object) -> None:
    found = checked_ids(ids, "history", "item_id")
    assert found == ["a", "b"]
    assert checked_ids([], "history", "item_id") == []


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ("a", r"the history is one text; give a list of ids: history=['a']"),
        (b"a", "the history is of the type bytes; give a list of ids as text"),
        ({"a": 1}, "the history is of the type dict; give a list of ids as text"),
        (5, "the history is of the type int; give a list of ids as text"),
        (None, "the history is of the type NoneType; give a list of ids as text"),
        (["a", 5], "the item_id is the number 5; ids are text: give '5'"),
    ],
)
def test_what_are_no_ids_is_refused(ids: object, message: str) -> None:
    with pytest.raises(DataError) as error:
        checked_ids(ids, "history", "item_id")
    assert str(error.value) == message


@pytest.mark.parametrize("k", [1, 1_000, np.int64(7)])
def test_a_list_may_have_this_length(k: int) -> None:
    check_k(k)
    assert LONGEST_LIST == 1_000


@pytest.mark.parametrize(
    ("k", "message"),
    [
        (0, "k is 0; it must lie between 1 and 1,000"),
        (-1, "k is -1; it must lie between 1 and 1,000"),
        (1_001, "k is 1001; it must lie between 1 and 1,000"),
        (True, "k is True; it must be a whole number, for example k=10"),
        (2.0, "k is 2.0; it must be a whole number, for example k=10"),
        ("3", "k is '3'; it must be a whole number, for example k=10"),
        (None, "k is None; it must be a whole number, for example k=10"),
    ],
)
@pytest.mark.fault(30)
def test_a_length_that_no_list_has_is_refused(k: object, message: str) -> None:
    with pytest.raises(DataError) as error:
        check_k(k)
    assert str(error.value) == message


@pytest.mark.parametrize("raw", [3, 3.0, np.float32(3), Fraction(3), Decimal(3)])
def test_a_number_is_a_float(raw: float) -> None:
    number = checked_number(raw, "value")
    assert (number, type(number)) == (3.0, float)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (math.nan, "the value is not a finite number"),
        (math.inf, "the value is not a finite number"),
        (-math.inf, "the value is not a finite number"),
        pytest.param(10**400, "the value is too large", id="huge"),
    ],
)
@pytest.mark.fault(19)
def test_what_is_no_number_is_refused(raw: float, message: str) -> None:
    with pytest.raises(DataError) as error:
        checked_number(raw, "value")
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (NOW, NOW),
        (int(NOW), NOW),
        (NOW * 1e3, NOW),
        (NOW * 1e6, NOW),
        (int(NOW) * 10**9, NOW),
        ("2025-02-19T21:20:00+00:00", NOW),
        ("2025-02-19T21:20:00Z", NOW),
        ("2025-02-19T22:20:00+01:00", NOW),
        ("2025-02-19 21:20", NOW),
        ("1740000000", NOW),
        ("Wed, 19 Feb 2025 21:20:00 GMT", NOW),
        ("2025-02-19", datetime(2025, 2, 19, tzinfo=UTC).timestamp()),
        (FIRST_MOMENT, FIRST_MOMENT),
        (NOW + 300, NOW + 300),  # a client's clock may be five minutes ahead
    ],
)
def test_a_time_is_in_seconds_whatever_its_unit(raw: float | str, expected: float) -> None:
    assert checked_time(raw, NOW) == pytest.approx(expected, abs=1e-3)


def test_a_time_without_a_zone_is_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert checked_time("2025-02-19T21:20:00", NOW) == NOW
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (FIRST_MOMENT - 1, "the timestamp is before 1990"),
        (0, "the timestamp is before 1990"),
        (-NOW * 1e3, "the timestamp is before 1990"),
        (NOW + 301, "the timestamp is more than five minutes in the future"),
        (NOW * 1e3 + 301_000, "the timestamp is more than five minutes in the future"),
        (math.nan, "the timestamp is not a finite number"),
        pytest.param(10**400, "the timestamp is too large", id="huge"),
        (
            "yesterday",
            "the timestamp: 'yesterday' depends on when it was written: write day and time, such as "
            "2024-03-13 08:26:05",
        ),
        ("", "the timestamp: '' is no time"),
        ("1985-01-01", "the timestamp is before 1990"),
    ],
)
@pytest.mark.fault(19)
def test_what_is_no_time_is_refused(raw: float | str, message: str) -> None:
    with pytest.raises(DataError) as error:
        checked_time(raw, NOW)
    assert str(error.value) == message


@given(st.floats(6.5e8, NOW), st.sampled_from([1.0, 1e3, 1e6, 1e9]))
def test_the_unit_of_a_time_follows_from_its_size(at: float, unit: float) -> None:
    assert checked_time(at * unit, NOW) == pytest.approx(at, abs=1e-3)


def test_an_event_is_kept_with_what_it_says() -> None:
    raw = NewEvent(" i1 ", "view ", user_id=" u1", timestamp=NOW * 1e3, value=2, event_id=" e1 ")
    expected = Event("e1", "user", "u1", "i1", "view", NOW, 2.0, has_time=True)
    assert checked_event(raw, NOW + 9) == expected


def test_an_event_without_a_time_happens_now_and_says_nothing_of_it() -> None:
    event = checked_event(NewEvent("i1", "view", session_id="s1"), NOW)
    assert (event.subject, event.subject_id, event.at, event.value) == ("session", "s1", NOW, None)
    assert not event.has_time
    another = checked_event(NewEvent("i1", "view", session_id="s1"), NOW)
    assert event.event_id != another.event_id  # two looks are two events


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (NewEvent("i1", "view"), "give either user_id or session_id"),
        (NewEvent("i1", "view", user_id="u", session_id="s"), "give either user_id or session_id"),
        (NewEvent("i1", "view", user_id=" "), "the user_id is missing"),
        (NewEvent("i1", "view", session_id="a\x00"), "the session_id holds a control character"),
        (NewEvent("", "view", user_id="u"), "the item_id is missing"),
        (NewEvent("i1", "", user_id="u"), "the event is missing"),
        (NewEvent("i1", "view", user_id="u", event_id=""), "the event_id is missing"),
        (NewEvent("i1", "view", user_id="u", timestamp=5), "the timestamp is before 1990"),
        (NewEvent("i1", "view", user_id="u", value=math.inf), "the value is not a finite number"),
    ],
)
def test_the_one_thing_that_is_wrong_with_an_event_is_said(raw: NewEvent, message: str) -> None:
    with pytest.raises(DataError) as error:
        checked_event(raw, NOW)
    assert str(error.value) == message


def test_times_of_requests_are_read_as_those_of_the_log() -> None:
    berlin = Reading(timezone="Europe/Berlin", dates="mdy")
    at = checked_time("2/3/2025 10:00", NOW, berlin)
    assert at == datetime(2025, 2, 3, 9, tzinfo=UTC).timestamp()
    event = checked_event(NewEvent("A-1.0", "view", user_id="U", timestamp="2/3/2025 10:00"), NOW, berlin)
    assert event.at == at


@given(st.text(max_size=20) | st.text(st.sampled_from(" aé\u0301\x07\u200b東0."), max_size=12))
def test_a_usual_id_is_checked_like_any_other(text: str) -> None:
    class Unusual(str):
        """A text that does not take the quick way."""

    def outcome(id_: str) -> str:
        try:
            return checked_id(id_, "id", ("trim-float",))
        except DataError as error:
            return f"refused: {error}"

    assert outcome(text) == outcome(Unusual(text))


def test_ids_of_events_without_one_are_uuids_in_the_order_of_time() -> None:
    ids = []
    for _ in range(20):
        ids.append(new_event_id())
        time.sleep(0.0015)
    assert ids == sorted(ids)
    assert len({new_event_id() for _ in range(10_000)}) == 10_000
    for id_ in ids:
        read = UUID(id_)
        assert (str(read), read.version, read.variant) == (id_, 7, RFC_4122)
