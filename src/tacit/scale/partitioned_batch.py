"""Lists for many users as a folder of Parquet files, one for each part of the users.

A part is written whole or not at all, and what a run is about is written first (``_run.json``). So a run that
was interrupted goes on from the parts that are there, on this machine or another one, and the files do not
depend on where and in what order they were computed. At the end ``_manifest.json`` names all files.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import polars as pl

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.executor import Executor
from tacit.core.folders import folder_of, is_address, local_directory
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Json
from tacit.core.version import __version__
from tacit.engine.batch import CHUNK, recommend_all
from tacit.engine.checking import check_flag, check_k
from tacit.engine.snapshot import Snapshot, load

RUN, FILES = "_run.json", "_manifest.json"
USERS_PER_FILE = 20_000


@dataclass(frozen=True)
class Written:
    """What a run has written.

    Attributes
    ----------
    files : int
    rows : int
    users : int
    kept : int
        Files that an earlier run had written.
    """

    files: int
    rows: int
    users: int
    kept: int


@dataclass(frozen=True)
class _Job:
    """What all parts share.

    Attributes
    ----------
    directory : str
        The snapshot, on each machine or in object storage.
    version : str
        Of its model.
    held : Snapshot or None
        The snapshot itself, where parts are computed in this process.
    users : polars.Series or None
        Ids; None for all users of the snapshot.
    k : int
    allow_seen : bool
    size : int
        Users in a part.
    count : int
        Parts.
    place : str
        The folder to write to, if lists are written.
    """

    directory: str
    version: str
    held: Snapshot | None
    users: pl.Series | None
    k: int
    allow_seen: bool
    size: int
    count: int
    place: str = ""

    def lists(self, part: int) -> pl.DataFrame:
        """Return the lists of a part of the users."""
        snapshot = self.held or _opened(self.directory, self.version)
        everybody = snapshot.interactions.users.ids if self.users is None else self.users
        ids = everybody.slice(part * self.size, self.size).to_list()
        return pl.concat([*recommend_all(snapshot, ids, k=self.k, allow_seen=self.allow_seen)])

    def write(self, part: int) -> None:
        """Write the lists of a part of the users."""
        content = io.BytesIO()
        self.lists(part).write_parquet(content)
        folder_of(self.place).write(self.name(part), content.getvalue())

    def name(self, part: int) -> str:
        """Return the name of the file of a part."""
        return f"part-{part:05d}-of-{self.count:05d}.parquet"

    def length(self, part: int, total: int) -> int:
        """Return how many of all users are in a part."""
        return min(self.size, total - part * self.size)


@dataclass(frozen=True)
class _Run:
    """What decides what the files of a run hold; another one may not add files to the same folder."""

    model: str
    users: int
    users_sha256: str
    k: int
    allow_seen: bool
    users_per_file: int
    tacit: str = field(default=__version__)


def recommend_in_parts(
    directory: str | Path,
    users: Sequence[str] | None = None,
    *,
    executor: Executor,
    k: int = 10,
    allow_seen: bool = False,
    snapshot: Snapshot | None = None,
    progress: Progress = SILENT,
) -> Iterator[pl.DataFrame]:
    """Yield the lists of users as `tacit.engine.batch.recommend_all` does, computed by an executor.

    Parameters as for `recommend_to_folder`.
    """
    job, total = _job(directory, users, executor, k, allow_seen, CHUNK, snapshot)
    parts = range(job.count)
    with progress.task("recommending", total=total) as task:
        for part, lists in zip(parts, executor.map(_Job.lists, parts, shared=job), strict=True):
            yield lists
            task.advance(job.length(part, total))


def recommend_to_folder(
    directory: str | Path,
    place: str,
    users: Sequence[str] | None = None,
    *,
    executor: Executor,
    k: int = 10,
    allow_seen: bool = False,
    users_per_file: int = USERS_PER_FILE,
    snapshot: Snapshot | None = None,
    progress: Progress = SILENT,
) -> Written:
    """Write the lists of users to a folder and return what was written; finished parts are kept.

    Parameters
    ----------
    directory : str or Path
        Of a snapshot, or the address of one in object storage. Workers of other processes open it; its arrays
        are mapped, so those of one machine share their memory.
    place : str
        Path or address of the folder.
    users : sequence of str, optional
        Ids; all users of the snapshot by default. An unknown user gets the list of a new user.
    executor : Executor
    k : int
    allow_seen : bool
    users_per_file : int
    snapshot : Snapshot, optional
        That of the directory, if it is open already.
    progress : Progress

    Raises
    ------
    ConfigError
        If the folder holds files of another run, or anything else.
    ArtifactError
        If the snapshot cannot be read, or is replaced meanwhile.
    """
    job, total = _job(directory, users, executor, k, allow_seen, users_per_file, snapshot, place)
    ids = (
        (snapshot or load(local_directory(str(directory)))).interactions.users.ids
        if job.users is None
        else job.users
    )
    run = _Run(job.version, total, _sha256(ids), k, allow_seen, users_per_file)
    finished = _begun(run, job)
    left = [part for part in range(job.count) if job.name(part) not in finished]
    with progress.task("recommending", total=total) as task:
        task.advance(total - sum(job.length(part, total) for part in left))
        for part, _ in zip(left, executor.map(_Job.write, left, shared=job), strict=True):
            task.advance(job.length(part, total))
    return Written(job.count, _ended(run, job), total, job.count - len(left))


def _job(
    directory: str | Path,
    users: Sequence[str] | None,
    executor: Executor,
    k: int,
    allow_seen: bool,
    size: int,
    snapshot: Snapshot | None,
    place: str = "",
) -> tuple[_Job, int]:
    """Return the job of some users, and how many they are."""
    check_k(k)
    check_flag(allow_seen, "allow_seen")
    snapshot = snapshot or load(local_directory(str(directory)))
    ids = None if users is None else pl.Series("id", users, dtype=pl.String)
    total = len(snapshot.interactions.users) if ids is None else len(ids)
    held = snapshot if executor.in_process else None
    count = max(-(-total // size), 1)
    job = _Job(
        _absolute(str(directory)), snapshot.version, held, ids, k, allow_seen, size, count, _absolute(place)
    )
    return job, total


def _absolute(place: str) -> str:
    """Return a place that means the same to workers, whose current folder may be another."""
    return place if is_address(place) or not place else str(Path(place).resolve())


def _begun(run: _Run, job: _Job) -> set[str]:
    """Write what a run is about, if nothing is there, and return the names of the finished files.

    Raises
    ------
    ConfigError
        If another run, or anybody else, has written there.
    """
    folder, about = folder_of(job.place), _document(asdict(run))
    there = {name for name in folder.sizes() if not name.startswith(".")}
    if RUN not in there:
        if there:
            raise ConfigError(f"{job.place} holds other files ({sorted(there)[0]}); name a new folder")
        folder.write(RUN, about)
        return set()
    if folder.read(RUN) != about:
        raise ConfigError(
            f"{job.place} holds lists of another run (its {RUN} differs: another model, other users or other "
            "options); name a new folder"
        )
    names = {job.name(part) for part in range(job.count)}
    if odd := there - names - {RUN, FILES}:
        raise ConfigError(f"{job.place} holds other files ({sorted(odd)[0]}); name a new folder")
    return there & names


def _ended(run: _Run, job: _Job) -> int:
    """Write the manifest of all files, and return the number of their rows."""
    folder = folder_of(job.place)
    files: dict[str, Json] = {}
    rows = 0
    for part in range(job.count):
        content = folder.read(name := job.name(part))
        try:
            length = int(pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item())
        except pl.exceptions.PolarsError as error:
            raise ArtifactError(
                f"{job.place}: the file {name} of an earlier run is damaged; remove it and give the same "
                "command again"
            ) from error
        rows += length
        files[name] = {
            "bytes": len(content),
            "rows": length,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    folder.write(FILES, _document({**asdict(run), "rows": rows, "files": files}))
    return rows


def _document(content: dict[str, Json]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _sha256(ids: pl.Series) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(ids), 100_000):
        for id_ in ids.slice(start, 100_000).to_list():
            digest.update(id_.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


@cache
def _opened(directory: str, version: str) -> Snapshot:
    """Return the snapshot of a directory: opened once in each worker.

    Raises
    ------
    ArtifactError
        If there is another model than the one that the run began with.
    """
    snapshot = load(local_directory(directory))
    if snapshot.version != version:
        raise ArtifactError(
            f"{directory} holds the model {snapshot.version} and no longer {version}; name a new folder "
            "for its lists, and keep a snapshot in its place while lists are computed"
        )
    return snapshot
