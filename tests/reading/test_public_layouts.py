"""Public logs give what they hold, or are refused with a sentence where nobody could say what is meant."""

from pathlib import Path

import pytest
from tests.reading.known import assert_reads, read, save, say_no
from tests.reading.public_logs import MAKERS, SEEN, online_retail_ii

from tacit.core.errors import DataError


@pytest.mark.parametrize("name", MAKERS)
def test_a_public_layout(name: str, tmp_path: Path) -> None:
    log = MAKERS[name]()
    path = save(tmp_path, log.file, log.content)
    faults = []
    for rows in log.readings:
        try:
            assert_reads(path, rows, rated=log.rated, roles=log.roles, rejected=log.rejected)
        except DataError as error:
            assert log.refusable, str(error)
            return
        except AssertionError as fault:
            faults.append(fault)
        else:
            return
    raise faults[0]


def test_there_are_more_than_twenty() -> None:
    assert len(MAKERS) >= 20


def test_cancelled_invoices_are_no_purchases(tmp_path: Path) -> None:
    """A negative quantity, or an invoice with a C before it, undoes a purchase."""
    log = online_retail_ii()
    events = read(save(tmp_path, log.file, log.content)).events
    back = [v.number for v in SEEN if v.number % 30 == 7 and v.number % 4 != 3]
    lines = [2 + number for number in back]
    no = dict(zip(events["line"], say_no(events), strict=True))
    assert [no[line] for line in lines] == [True] * len(back)
