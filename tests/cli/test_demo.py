"""``tacit demo``: its whole trip, on a shop that is small enough for a test."""

from pathlib import Path

import polars as pl
import pytest

from tacit.cli.demo import trip
from tacit.cli.terminal import Bars
from tacit.data.shop import generate
from tacit.engine.snapshot import load


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("demo")
    generate(users=60, items=130, events=1_800, days=30).write(place)  # the texts of the examples' shop
    return place


def test_the_trip_goes_from_a_dirty_log_to_lists_with_reasons(
    place: Path, text_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TACIT_CACHE", str(text_cache))
    trip(place, Bars())
    reported = capsys.readouterr()
    headings = ("tacit check", "tacit evaluate", "tacit fit", "tacit recommend")
    assert [reported.out.index(heading) for heading in headings] == sorted(
        reported.out.index(heading) for heading in headings
    )
    for word in ("trending", "userknn", "tacit", "epoch   1", "because you", "Somebody unknown", "brand-new"):
        assert word in reported.out
    assert reported.out.count("User u") == 3
    assert "evaluating models: done in" in reported.err  # shorter steps print no line
    assert "brand-new" not in load(place / "model").catalogue.items.ids
    assert len(load(place / "model").catalogue) == 130
    assert "duplicate" in pl.read_csv(place / "quarantine.csv")["reason"].to_list()
    page = (place / "report.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<svg") > 5
    assert "http-equiv" in page or "<script" not in page
    assert "Classic clay mask" in page
