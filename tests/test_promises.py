"""The page of promises and faults names every test that holds them up."""

from tests.promises import COMMAND, FAULTS, PAGE, PROMISES, marked, rendered


def test_the_page_is_made_from_the_marks() -> None:
    page = PAGE.read_text("utf-8")
    assert rendered(page) == page, f"run {COMMAND}"


def test_marks_name_promises_and_faults() -> None:
    assert marked().keys() <= PROMISES.keys() | {str(number) for number in FAULTS}
