"""Arrays of a snapshot: what is written is mapped, aligned, and valid safetensors."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file, save_file

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.types import Array
from tacit.store import artifacts
from tacit.store.artifacts import read_arrays, write_arrays

_TYPES = ["?", "u1", "i1", "<i2", "<i4", "<i8", "<u4", "<f2", "<f4", "<f8"]
ARRAYS = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8),
    st.sampled_from(_TYPES).flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, min_side=0))),
    max_size=5,
)


def assert_same(found: dict[str, Array], expected: dict[str, Array]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


@given(ARRAYS)
def test_what_is_written_is_read_and_other_readers_read_it(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Array]
) -> None:
    file = tmp_path_factory.mktemp("arrays") / "x.safetensors"
    write_arrays(file, arrays)
    assert_same(read_arrays(file), arrays)
    others = {name: array for name, array in load_file(file).items() if not name.startswith("__filling__")}
    assert_same(others, arrays)


@given(ARRAYS)
def test_files_of_older_versions_are_read(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Array]
) -> None:
    file = tmp_path_factory.mktemp("arrays") / "x.safetensors"
    save_file(arrays, file)
    assert_same(read_arrays(file), arrays)


def test_arrays_begin_at_cache_lines_and_cannot_be_written_to(tmp_path: Path) -> None:
    arrays = {f"a{n}": np.ones(n, dtype=kind) for n, kind in enumerate(_TYPES, start=1)}
    write_arrays(tmp_path / "x", arrays)
    for array in read_arrays(tmp_path / "x").values():
        assert array.ctypes.data % 64 == 0
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_mapped_file_may_be_replaced_and_removed(tmp_path: Path) -> None:
    write_arrays(tmp_path / "x", {"a": np.arange(100_000)})
    mapped = read_arrays(tmp_path / "x")["a"]
    (tmp_path / "x").unlink()
    assert np.array_equal(mapped, np.arange(100_000))


@pytest.mark.parametrize("damage", ["cut", "no header", "long header", "empty", "missing"])
@pytest.mark.fault(42)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "x.safetensors"
    write_arrays(file, {"a": np.arange(1_000)})
    whole = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        parts = {"cut": whole[:-4_000], "no header": whole[:8] + b"?" + whole[9:], "empty": b""}
        file.write_bytes(parts.get(damage, b"\xff" * 7 + whole[7:]))
    with pytest.raises(ArtifactError, match=r"x.safetensors cannot be read as arrays"):
        read_arrays(file)


def test_an_array_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'names' is of"):
        write_arrays(tmp_path / "x", {"names": np.array(["a"])})


def test_a_table_comes_back_and_equal_tables_are_equal_files(tmp_path: Path) -> None:
    filled = pl.Series("b", ["one", None, "a text of more than twelve bytes"]).fill_null("two")
    table = pl.DataFrame({"a": [1.5, None, 3.0], "b": filled, "c": pl.Series([[1], [], None])})
    artifacts.write_table(tmp_path / "one.arrow", table)
    again = artifacts.read_table(tmp_path / "one.arrow")
    assert again.equals(table)
    artifacts.write_table(tmp_path / "two.arrow", again)
    assert (tmp_path / "one.arrow").read_bytes() == (tmp_path / "two.arrow").read_bytes()
    artifacts.write_table(tmp_path / "none.arrow", table.clear())
    assert artifacts.read_table(tmp_path / "none.arrow").equals(table.clear())


@pytest.mark.parametrize("content", [b"", b"ARROW1 no table"])
@pytest.mark.fault(42)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "table.arrow").write_bytes(content)
    with pytest.raises(ArtifactError, match="cannot be read as a table"):
        artifacts.read_table(tmp_path / "table.arrow")
