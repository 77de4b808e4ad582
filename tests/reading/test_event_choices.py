"""What the name of a file says of the events, and choices that meet none of them."""

from pathlib import Path

import pytest

import tacit
from tacit.core.errors import AmbiguousError
from tacit.reading.choices import Reading

LOG = "user_id,item_id,timestamp\n" + "".join(
    f"u{n % 5},p{n % 7},{1_700_000_000 + n * 9_000}\n" for n in range(60)
)


def test_a_file_name_that_takes_back_what_it_says_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "cancelled_orders.csv"
    path.write_text(LOG, "utf-8")
    with pytest.raises(AmbiguousError, match="name the one type of all events with --event TYPE"):
        tacit.read(path)
    assert set(tacit.read(path, reading=Reading(event="cancel")).events["event"]) == {"cancel"}
    plain = tmp_path / "orders.csv"
    plain.write_text(LOG, "utf-8")
    assert any(
        "every event is a 'order', by the name of the file" in note for note in tacit.read(plain).notes
    )


def test_choices_that_meet_no_event_are_said(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(LOG.replace("timestamp\n", "timestamp,event\n").replace("000\n", "000,view\n"), "utf-8")
    notes = tacit.read(path, reading=Reading(event="rating"), event_map={"veiw": "no"}).notes
    assert "--event rating is not used: event holds the event types" in notes
    assert "--event-map names veiw, which the log does not have; its event types are view" in notes


def test_advice_counts_what_the_user_says_of_event_types(tmp_path: Path) -> None:
    rows = (f"u{n % 5},p{n % 7},{1_700_000_000 + n * 9_000},{n % 2}\n" for n in range(60))
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp,liked\n" + "".join(rows), "utf-8")
    report = tacit.check(path, mapping={"event": "liked"}, event_map={"1": "yes", "0": "shown"})
    assert not any("event types that say yes" in line for line in report.advice)
