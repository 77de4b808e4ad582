"""The way of a version into the workers of a service, step by step."""

import pytest

from tacit.server import renewal as module
from tacit.server.renewal import Renewal


class Nothing:
    """A version of which nothing is asked here."""


@pytest.fixture
def renewal() -> Renewal[str]:
    return Renewal(Nothing())  # type: ignore[arg-type]


def test_one_worker_loads_it_before_the_others(renewal: Renewal[str]) -> None:
    ready = ["one", "two", "three"]
    assert renewal.next_to_load(ready) == ["one"]
    assert renewal.next_to_load(ready) == []
    assert not renewal.is_complete(ready)
    renewal.note_loaded("one")
    assert not renewal.is_complete(ready)
    assert renewal.next_to_load(ready) == ["two", "three"]
    assert renewal.next_to_load(ready) == []
    renewal.note_loaded("three")
    assert not renewal.is_complete(ready)
    renewal.note_loaded("two")
    assert renewal.is_complete(ready)


def test_a_worker_that_becomes_ready_meanwhile_loads_it_too(renewal: Renewal[str]) -> None:
    assert renewal.next_to_load([]) == []
    assert not renewal.is_complete([])
    assert renewal.next_to_load(["one"]) == ["one"]
    renewal.note_loaded("one")
    assert not renewal.is_complete(["one", "two"])
    assert renewal.next_to_load(["one", "two"]) == ["two"]
    renewal.note_loaded("two")
    assert renewal.is_complete(["one", "two"])
    assert not renewal.has_loaded("three")


def test_a_worker_that_ends_is_not_waited_for(renewal: Renewal[str]) -> None:
    renewal.next_to_load(["one", "two"])
    renewal.note_loaded("one")
    renewal.next_to_load(["one", "two"])
    renewal.note_ended("two")
    assert renewal.is_complete(["one"])
    assert renewal.problem() == ""
    renewal.note_ended("one")  # all are gone: the next that is ready begins again
    assert not renewal.is_complete([])
    assert renewal.next_to_load(["two"]) == ["two"]


@pytest.mark.fault(13)
def test_a_version_that_ends_its_readers_costs_two_of_them(renewal: Renewal[str]) -> None:
    ready = ["one", "two", "three"]
    renewal.next_to_load(ready)
    renewal.note_ended("one")
    assert renewal.problem() == ""
    assert renewal.next_to_load(["two", "three"]) == ["two"]
    renewal.note_ended("two")
    assert renewal.problem() == "2 workers ended while they loaded it"


def test_a_version_is_not_waited_for_for_ever(renewal: Renewal[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 4_000)
    assert renewal.problem() == "it was not loaded within 3,600 s"
