"""Folders and batches in object storage, against a local server that speaks S3."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import pytest
from tests.buckets import assert_same, tiny
from tests.served import small_snapshot

import tacit
from tacit.cli.app import run
from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.folders import Folder, LocalFolder, RemoteFolder, folder_of, local_directory, local_file
from tacit.data.shop import generate
from tacit.engine.batch import recommend_all
from tacit.reading import read as reader
from tacit.scale.partitioned_batch import recommend_to_folder
from tacit.scale.processes import ProcessExecutor

SHOP = generate(seed=7, users=60, items=64, events=900, days=30)


@pytest.fixture(scope="module")
def options() -> Iterator[str]:
    """The end of an address: where the server is; a bucket ``shop`` is there."""
    server_of: Any = pytest.importorskip("moto.server", reason="moto is not installed")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with mock.patch.dict(os.environ, keys):
        end = f"?endpoint_override=http://{host}:{port}&region=us-east-1&allow_bucket_creation=true"
        RemoteFolder(f"s3://shop/{end}").write("made", b"")
        yield end
    server.stop()


@pytest.fixture(params=["here", "there"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param == "here":
        return LocalFolder(tmp_path / "new" / "folder")
    return folder_of(f"s3://shop/{tmp_path.name}{request.getfixturevalue('options')}")


def test_files_are_written_read_listed_and_replaced(folder: Folder) -> None:
    assert folder.sizes() == {}
    folder.write("a.parquet", b"123")
    folder.write("b", b"")
    assert folder.sizes() == {"a.parquet": 3, "b": 0}
    folder.write("a.parquet", b"12345")
    assert folder.read("a.parquet") == b"12345"
    assert folder.sizes() == {"a.parquet": 5, "b": 0}


def test_an_interrupted_write_leaves_no_file(tmp_path: Path) -> None:
    with mock.patch("os.fsync", side_effect=OSError("disk full")), pytest.raises(OSError, match="disk full"):
        LocalFolder(tmp_path).write("a", b"123")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["nowhere://bucket/folder", "s3://bucket/folder?colour=red"])
def test_unknown_addresses_are_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        folder_of(address)


def upload(directory: Path, address: str) -> None:
    there = folder_of(address)
    for file in directory.iterdir():
        there.write(file.name, file.read_bytes())


def test_snapshot_users_and_lists_may_all_be_in_object_storage(
    options: str, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    upload(directory, f"s3://shop/model{options}")
    folder_of(f"s3://shop/in{options}").write("users.csv", b"user_id\nu00001\nnobody\n")
    place = f"s3://shop/out{options}"
    words = [
        "batch",
        f"s3://shop/model{options}",
        "--out",
        place,
        "--users",
        f"s3://shop/in/users.csv{options}",
    ]
    assert run([*words, "-k", "3", "--executor", "processes", "--users-per-file", "1"]) == 0
    there = folder_of(place)
    names = [name for name in sorted(there.sizes()) if name.endswith(".parquet")]
    found = pl.concat([pl.read_parquet(there.read(name)) for name in names])
    assert len(names) == 2
    wanted = pl.concat(recommend_all(small_snapshot(), ["u00001", "nobody"], k=3))
    assert found.drop("score").equals(wanted.drop("score"))


def test_a_run_goes_on_in_object_storage(options: str, directory: Path) -> None:
    place = f"s3://shop/again{options}"
    about: dict[str, Any] = {"executor": ProcessExecutor(1), "users_per_file": 40}
    assert recommend_to_folder(directory, place, **about).kept == 0
    assert recommend_to_folder(directory, place, **about).kept == 2


def test_a_copy_of_a_snapshot_is_used_again(
    options: str, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    address = f"s3://shop/copied{options}"
    with pytest.raises(ArtifactError, match="is not a snapshot"):
        local_directory(address)
    upload(directory, address)
    first = local_directory(address)
    assert {one.name for one in first.iterdir()} == {one.name for one in directory.iterdir()}
    with mock.patch("pathlib.Path.write_bytes", side_effect=AssertionError("copied again")):
        assert local_directory(address) == first
    assert [one.name for one in tmp_path.iterdir()] == [first.name]
    assert local_directory(str(directory)) == directory


def test_a_path_is_no_address(tmp_path: Path) -> None:
    assert local_file("users.csv", tmp_path) == Path("users.csv")
    assert isinstance(folder_of(str(tmp_path)), LocalFolder)


def test_a_log_in_object_storage_is_the_log_of_a_folder_here(
    options: str, tmp_path: Path, several: ProcessExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"s3://shop/{tmp_path.name}/log{options}"
    there = RemoteFolder(address)
    events = pl.concat([SHOP.events, SHOP.events[:20]])  # duplicates
    for name, frame in (("a", events[:400]), ("b", events[400:])):
        frame.write_parquet(tmp_path / f"{name}.parquet")
        there.write(f"{name}.parquet", (tmp_path / f"{name}.parquet").read_bytes())
    there.write("_SUCCESS", b"")
    here = tacit.read(tmp_path)
    names = here.quarantine["file"].map_elements(lambda path: Path(path).name, return_dtype=pl.String)
    here = replace(here, quarantine=here.quarantine.with_columns(names))
    assert len(here.quarantine) == 20
    assert_same(tacit.read(address), here)
    monkeypatch.setattr(reader, "LARGE_ROWS", 100)
    with tiny():
        assert_same(tacit.read(address, executor=several), here)
    assert run(["check", address, "--json", str(tmp_path / "report.json"), "--executor", "local"]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["rows_in"] == len(events)
