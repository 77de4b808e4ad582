"""Flags that say what happened are asked about, with a line that works."""

import re
from pathlib import Path

import pytest

import tacit
from tacit.core.errors import AmbiguousError
from tacit.reading.choices import Reading


def write(folder: Path, column: str, cells: list[str], more: str = "") -> Path:
    lines = [
        f"u{place % 7},p{place % 11},2024-03-{1 + place % 28:02d} 10:{place % 60:02d}:00,{cell}{more}"
        for place, cell in enumerate(cells * 20)
    ]
    extra = ",quantity" if more else ""
    path = folder / "log.csv"
    path.write_text("\n".join([f"user_id,item_id,timestamp,{column}{extra}", *lines]), "utf-8")
    return path


def asked(path: Path) -> tuple[Reading, dict[str, str]]:
    """Return the choices that the refusal offers."""
    with pytest.raises(AmbiguousError, match="what happened, and it is not used") as error:
        tacit.read(path)
    said = str(error.value)
    column = re.search(r"--map (\S+)=event", said)
    assert column is not None
    meanings = dict(re.findall(r"--event-map (\S+?)=(\w+)", said))
    return Reading(columns={"event": column[1]}), meanings


@pytest.mark.parametrize(
    ("column", "cells", "meanings"),
    [
        ("is_return", ["0", "0", "0", "1"], {"0": "yes", "1": "no"}),
        ("returned", ["No", "No", "Yes"], {"No": "yes", "Yes": "no"}),
        ("是否退款", ["否", "否", "是"], {"否": "yes", "是": "no"}),
        ("is_canceled", ["false", "true"], {"false": "yes", "true": "no"}),
        ("liked", ["1", "0", "1"], {"1": "yes", "0": "shown"}),
        ("bought", ["Y", "N"], {"Y": "yes", "N": "shown"}),
        ("target", ["1", "0"], {"1": "yes", "0": "shown"}),
        ("vote", ["up", "down", "up"], {"up": "yes", "down": "no"}),
        ("decision", ["1", "-1"], {"1": "yes", "-1": "no"}),
    ],
)
def test_an_answer_that_is_not_used_is_asked_about(
    column: str, cells: list[str], meanings: dict[str, str], tmp_path: Path
) -> None:
    path = write(tmp_path, column, cells)
    reading, found = asked(path)
    assert found == meanings
    log = tacit.read(path, reading=reading, event_map=found, rules=tacit.Rules(duplicates=False))
    assert set(log.events["event"]) == set(cells)
    assert set(tacit.read(path, reading=Reading(event="view")).events["event"]) == {"view"}


def test_a_return_beside_a_quantity_is_asked_about_and_a_like_is_not(tmp_path: Path) -> None:
    asked(write(tmp_path, "is_return", ["0", "0", "1"], more=",2"))
    read = tacit.read(write(tmp_path, "liked", ["1", "0", "0"], more=",2"))
    assert set(read.events["event"]) == {"purchase"}


def test_a_date_of_return_in_some_rows_is_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path, "return_date", ["", "2024-04-01", ""], more=",1")
    with pytest.raises(AmbiguousError, match="return_date says of some rows that they were no choice"):
        tacit.read(path)


@pytest.mark.parametrize("column", ["is_gift", "reordered", "first_visit", "newsletter", "is_mobile"])
def test_flags_of_other_matters_are_left_alone(column: str, tmp_path: Path) -> None:
    assert set(tacit.read(write(tmp_path, column, ["1", "0", "0"])).events["event"]) == {"view"}


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
