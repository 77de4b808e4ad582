"""``tacit recommend``: one list, as a table or as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.served import acquainted_snapshot, small_snapshot

from tacit.cli.app import run
from tacit.engine.snapshot import save


def requested(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Run a command with ``--json``; standard output holds the answer and nothing else."""
    assert run([*map(str, arguments), "--json"]) == 0
    reported = capsys.readouterr()
    assert reported.err == ""
    answer: dict[str, Any] = json.loads(reported.out)
    return answer


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def history_of(user: str) -> list[str]:
    log = small_snapshot().interactions
    code = log.users.encode([user])[0]
    return log.items.decode(log.item[log.user == code])


def test_a_known_user_gets_new_items_with_titles_and_reasons(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = requested(capsys, "recommend", directory, "--user", "u00001", "-k", 5)
    assert set(answer) == {"recommendation_id", "model", "items", "warnings"}
    assert answer["model"] == small_snapshot().version
    assert len(ids(answer)) == len(set(ids(answer))) == 5
    assert not set(ids(answer)) & set(history_of("u00001"))
    assert all(item["title"] for item in answer["items"])
    reported = ("because you ", "similar in text to ")
    assert any(reason.startswith(reported) for item in answer["items"] for reason in item["reasons"])
    scores = [item["score"] for item in answer["items"]]
    assert scores == sorted(scores, reverse=True)


def test_the_command_line_and_the_pipeline_give_the_same_list(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = small_snapshot()
    codes = snapshot.interactions.users.encode(["u00002"])
    ranking = snapshot.pipeline.recommend(snapshot.interactions.queries(codes), 7)
    answer = requested(capsys, "recommend", directory, "--user", "u00002", "-k", 7)
    assert ids(answer) == snapshot.catalogue.items.decode(ranking.items[0])


def test_seen_items_are_kept_where_asked_for(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything = requested(capsys, "recommend", directory, "--user", "u00001", "-k", 120, "--allow-seen")
    assert set(history_of("u00001")) <= set(ids(everything))


def test_an_unknown_user_and_nobody_at_all_get_what_is_popular(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = requested(capsys, "recommend", directory, "--user", "never seen")
    nobody = requested(capsys, "recommend", directory, "--history", "")
    assert ids(unknown) == ids(nobody)
    assert unknown["items"][0]["reasons"] == ["popular now"]
    assert unknown["warnings"] == ["the user 'never seen' is not known: the list is that of a new user"]
    assert nobody["warnings"] == []
    assert run(["recommend", str(directory), "--user", "never seen"]) == 0
    assert "the user 'never seen' is not known" in capsys.readouterr().err
    trending = small_snapshot().pipeline.retrievers_[0].popularity_  # type: ignore[attr-defined]
    assert ids(unknown)[0] == small_snapshot().catalogue.items.decode([trending.argmax()])[0]


def test_an_empty_list_says_why_on_standard_error(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = ",".join(small_snapshot().catalogue.items.ids)
    assert run(["recommend", str(directory), "--history", everything]) == 0
    assert "the list is empty: the history holds each of the" in " ".join(capsys.readouterr().err.split())
    assert requested(capsys, "recommend", directory, "--history", everything)["warnings"]


def test_a_history_makes_a_list_and_its_unknown_items_say_nothing(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = requested(capsys, "recommend", directory, "--history", "i00007,i00012")
    mixed = requested(capsys, "recommend", directory, "--history", " i00007 ,nonsense,, i00012")
    assert ids(known) == ids(mixed)
    assert mixed["warnings"] == ["not known among the 3 items of the history: 'nonsense'"]
    assert not {"i00007", "i00012"} & set(ids(known))
    assert ids(known) != ids(requested(capsys, "recommend", directory, "--history", "i00050"))


def test_a_user_who_has_just_seen_something_gets_another_list(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ids(requested(capsys, "recommend", directory, "--user", "u00003"))
    after = ids(requested(capsys, "recommend", directory, "--user", "u00003", "--history", before[0]))
    assert before[0] not in after
    assert before != after


def test_the_table_shows_ids_titles_and_reasons(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = requested(capsys, "recommend", directory, "--user", "u00001", "-k", 3)
    assert run(["recommend", str(directory), "--user", "u00001", "-k", "3"]) == 0
    printed = capsys.readouterr().out
    for item in answer["items"]:
        assert item["item_id"] in printed
        assert f"{item['score']:.4f}" in printed


def test_an_unknown_one_may_be_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(acquainted_snapshot(), tmp_path / "model")
    reported = [
        requested(
            capsys, "recommend", tmp_path / "model", "--about", "club=gold", "--about", f"device={device}"
        )
        for device in ("phone", "tv")
    ]
    assert ids(reported[0])
    assert [item["score"] for item in reported[0]["items"]] != [
        item["score"] for item in reported[1]["items"]
    ]
    assert run(["recommend", str(tmp_path / "model"), "--about", "gold"]) == 2
    assert "not of the form attribute=value, for example --about age=34" in capsys.readouterr().err


def test_for_whom_must_be_said(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recommend", str(directory)]) == 2
    said = "there is no user: give --user ID, --history A,B,C or --about attribute=value"
    assert capsys.readouterr().err == f"tacit: {said}\n"


def test_a_directory_that_is_no_snapshot_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recommend", str(tmp_path), "--user", "x"]) == 2
    assert capsys.readouterr().err == f"tacit: {tmp_path} is not a snapshot: it has no manifest.json\n"
