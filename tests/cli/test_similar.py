"""``tacit similar``: what is like an item, goes with it or comes next, and why."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.served import small_snapshot

from tacit.cli.app import run
from tacit.engine.snapshot import save


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("snapshots") / "shop.tacit"
    save(small_snapshot(), place)
    return place


def busiest() -> str:
    log = small_snapshot().interactions
    return str(log.items.ids[int(np.bincount(log.item).argmax())])


def ids(capsys: pytest.CaptureFixture[str], directory: Path, *options: str) -> list[str]:
    assert run(["similar", str(directory), "--item", busiest(), "-k", "4", *options, "--json"]) == 0
    return [item["item_id"] for item in json.loads(capsys.readouterr().out)["items"]]


def test_similar_items_are_others_best_first(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = ids(capsys, directory)
    assert len(set(found) - {busiest()}) == 4
    assert run(["similar", str(directory), "--item", busiest(), "-k", "4"]) == 0
    shown = capsys.readouterr().out
    assert all(id_ in shown for id_ in found[:1])
    assert "chosen" in shown or "text" in shown  # the column of the reasons


def test_each_kind_is_another_question(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = [ids(capsys, directory, "--kind", kind) for kind in ("alike", "together", "next")]
    assert lists[0] == ids(capsys, directory)
    assert all(lists) and len(set(map(tuple, lists))) == 3


def test_an_unknown_kind_is_refused_before_the_snapshot_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["similar", str(tmp_path), "--item", "x", "--kind", "like"]) == 2
    assert capsys.readouterr().err == "tacit: kind is 'like'; give one of alike, together, next\n"


def test_a_directory_that_is_no_snapshot_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["similar", str(tmp_path), "--item", "x"]) == 2
    assert capsys.readouterr().err == f"tacit: {tmp_path} is not a snapshot: it has no manifest.json\n"


def test_an_item_that_is_not_there_is_said_so(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["similar", str(directory), "--item", "nonsense"]) == 2
    assert capsys.readouterr().err == "tacit: there is no item 'nonsense'\n"
