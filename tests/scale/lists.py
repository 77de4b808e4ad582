"""Lists of all users of the small shop, in files."""

from pathlib import Path

import polars as pl
from tests.served import small_snapshot

from tacit.core.executor import LOCAL, Executor
from tacit.engine.batch import recommend_all
from tacit.scale.partitioned_batch import Written, recommend_to_folder

USERS = 80


def lists_of(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file) for file in sorted(folder.glob("*.parquet"))])


def expected() -> pl.DataFrame:
    return pl.concat(recommend_all(small_snapshot(), k=5))


def written(
    directory: Path, folder: Path, executor: Executor = LOCAL, size: int = 12, **more: object
) -> Written:
    return recommend_to_folder(directory, str(folder), executor=executor, k=5, users_per_file=size, **more)  # type: ignore[arg-type]


def assert_same_lists(found: pl.DataFrame, lists: pl.DataFrame) -> None:
    """Lists are the same; scores of batches of other heights may differ in the last bit."""
    assert found.drop("score").equals(lists.drop("score"))
    assert (found["score"] - lists["score"]).abs().max() <= 1e-6
