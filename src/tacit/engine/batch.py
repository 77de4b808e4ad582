"""Lists for many users at once, as a frame to write to a file."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from tacit.core.progress import SILENT, Progress
from tacit.data import columns as col
from tacit.engine.checking import check_flag, check_k
from tacit.engine.snapshot import Snapshot

CHUNK = 2_000
"""Users whose lists are computed together."""


def recommend_all(
    snapshot: Snapshot,
    users: Sequence[str] | None = None,
    *,
    k: int = 10,
    allow_seen: bool = False,
    progress: Progress = SILENT,
) -> Iterator[pl.DataFrame]:
    """Yield frames with the columns user_id, item_id, score and rank (from 1), in the order of the users.

    A model that explores adds the column propensity, null where an item was not drawn.

    Parameters
    ----------
    snapshot : Snapshot
    users : sequence of str, optional
        Ids; all users of the snapshot by default. An unknown user gets the list of a new user.
    k : int
    allow_seen : bool
        Keep items of the user's history.

    Raises
    ------
    DataError
        If ``k`` is out of bounds.
    """
    check_k(k)
    check_flag(allow_seen, "allow_seen")
    ids = snapshot.interactions.users.ids.to_list() if users is None else list(users)
    with progress.task("recommending", total=len(ids)) as task:
        for start in range(0, max(len(ids), 1), CHUNK):
            chunk = ids[start : start + CHUNK]
            yield _lists(snapshot, chunk, k, allow_seen)
            task.advance(len(chunk))


def _lists(snapshot: Snapshot, ids: list[str], k: int, allow_seen: bool) -> pl.DataFrame:
    log = snapshot.interactions
    queries = log.queries(log.users.encode(ids), exclude_seen=not allow_seen)
    requests = [f"user {id_}" for id_ in ids]
    ranking = snapshot.pipeline.recommend(queries, k, requests=requests)
    row, place = np.nonzero(ranking.items >= 0)
    lists = pl.DataFrame(
        {
            col.USER: pl.Series(ids, dtype=pl.String).gather(row),
            col.ITEM: snapshot.catalogue.items.ids.gather(ranking.items[row, place]),
            "score": ranking.scores[row, place],
            "rank": (place + 1).astype(np.int32),
        }
    )
    if ranking.propensities is None:
        return lists
    chances = pl.Series("propensity", ranking.propensities[row, place])
    return lists.with_columns(chances.set(chances == 0, None))
