"""The page of promises and faults names every test that holds them up."""

from tests.promises import COMMAND, FAULTS, PAGE, PROMISES, WHY_NOT, marked, rendered


def test_the_page_is_made_from_the_marks() -> None:
    page = PAGE.read_text("utf-8")
    assert rendered(page) == page, f"run {COMMAND}"


def test_marks_name_promises_and_faults() -> None:
    assert marked().keys() <= PROMISES.keys() | {str(number) for number in FAULTS}


def test_every_promise_has_a_test_and_every_fault_a_test_or_a_reason() -> None:
    held = marked().keys()
    assert PROMISES.keys() <= held
    assert {number for number in FAULTS if str(number) not in held} <= WHY_NOT.keys()
