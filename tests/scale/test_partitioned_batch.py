"""Lists of many users in parts: the same for any parts and executor, whole files, runs that go on."""

import hashlib
import io
import json
from pathlib import Path

import polars as pl
import pytest
from tests.scale.claims import check_files_of_lists, check_lists_for_a_file
from tests.scale.clusters import At
from tests.scale.lists import USERS, assert_same_lists, expected, lists_of, written
from tests.served import small_snapshot

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.executor import LOCAL
from tacit.engine.snapshot import save
from tacit.scale.partitioned_batch import FILES, RUN, Written, recommend_to_folder
from tacit.scale.processes import ProcessExecutor

PARTS = (1, 2, 3, 7)


@pytest.mark.parametrize("parts", PARTS)
def test_lists_are_the_same_for_any_number_of_parts(parts: int, directory: Path, tmp_path: Path) -> None:
    done = written(directory, tmp_path / "lists", size=-(-USERS // parts))
    assert done == Written(files=parts, rows=5 * USERS, users=USERS, kept=0)
    assert_same_lists(lists_of(tmp_path / "lists"), expected())


def test_files_are_the_same_for_any_executor(
    several: ProcessExecutor, directory: Path, tmp_path: Path
) -> None:
    check_files_of_lists(several, directory, tmp_path)


def test_the_manifest_names_every_file(directory: Path, tmp_path: Path) -> None:
    written(directory, tmp_path / "lists")
    manifest = json.loads((tmp_path / "lists" / FILES).read_text())
    assert manifest["model"] == small_snapshot().version
    assert manifest["rows"] == 5 * USERS
    for name, about in manifest["files"].items():
        content = (tmp_path / "lists" / name).read_bytes()
        assert about["bytes"] == len(content)
        assert about["sha256"] == hashlib.sha256(content).hexdigest()
        assert about["rows"] == len(pl.read_parquet(io.BytesIO(content)))


def test_lists_for_a_file_are_those_of_the_engine(
    several: ProcessExecutor, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_lists_for_a_file(several, directory, monkeypatch)


class StoppedError(Exception):
    """The driver ends."""


def stop() -> None:
    raise StoppedError


def test_a_restarted_run_goes_on_from_the_finished_parts(directory: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    with pytest.raises(StoppedError):
        written(directory, folder, progress=At(1 + 3, stop))  # the first advance is for what is kept
    there = {file.name: file.stat().st_mtime_ns for file in folder.glob("*.parquet")}
    assert len(there) == 3 and not (folder / FILES).exists()
    (folder / ".part-00005-of-00007.parquet.99").write_bytes(b"half of a fi")  # of a killed worker
    done = written(directory, folder)
    assert done.kept == 3
    assert {name: (folder / name).stat().st_mtime_ns for name in there} == there
    assert_same_lists(lists_of(folder), expected())
    again = written(directory, folder)
    assert again == Written(files=7, rows=5 * USERS, users=USERS, kept=7)


@pytest.mark.parametrize(
    "changed", [{"k": 6}, {"allow_seen": True}, {"users": ["u00001"]}, {"users_per_file": 13}]
)
def test_a_folder_holds_the_lists_of_one_run(
    changed: dict[str, object], directory: Path, tmp_path: Path
) -> None:
    written(directory, tmp_path / "lists")
    about = {"k": 5, "users_per_file": 12, **changed}
    with pytest.raises(ConfigError, match="holds lists of another run"):
        recommend_to_folder(directory, str(tmp_path / "lists"), executor=LOCAL, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize("begun", [False, True])
def test_files_of_others_are_not_mixed_with_lists(begun: bool, directory: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    if begun:
        written(directory, folder)
    folder.mkdir(exist_ok=True)
    (folder / "other.parquet").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds other files \(other.parquet\)"):
        written(directory, folder)
    assert (folder / RUN).exists() == begun


def test_a_snapshot_that_is_replaced_meanwhile_is_noticed(directory: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    place = tmp_path / "shop.tacit"
    save(replace(small_snapshot(), version="0123456789ab"), place)
    with pytest.raises(ArtifactError, match="holds the model 0123456789ab and no longer"):
        recommend_to_folder(
            place, str(tmp_path / "lists"), executor=ProcessExecutor(1), snapshot=small_snapshot()
        )


def test_no_users_are_one_empty_file(directory: Path, tmp_path: Path) -> None:
    done = recommend_to_folder(directory, str(tmp_path / "lists"), [], executor=LOCAL)
    assert done == Written(files=1, rows=0, users=0, kept=0)
    assert lists_of(tmp_path / "lists").columns == ["user_id", "item_id", "score", "rank"]


def test_a_damaged_file_of_an_earlier_run_is_named(directory: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    written(directory, folder)
    damaged = sorted(folder.glob("part-*.parquet"))[2]
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(ArtifactError, match=f"{damaged.name} of an earlier run is damaged; remove it"):
        written(directory, folder)
    damaged.unlink()
    written(directory, folder)
    assert_same_lists(lists_of(folder), expected())
