"""Writes snapshots again without the users who were deleted from the store since.

Everything that is counted or solved from the log is made anew from the log of the others, as a fit of it
would, with the same configuration, seed and end of the log: retrievers, the statistics of features, the
counts of items. What was learned in steps from all users together stays until the next fit
(`tacit.engine.forgetting.kept_until_refit`).
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tacit.core.errors import ArtifactError, DataError, InputError
from tacit.core.executor import Executor
from tacit.core.manifest import MANIFEST, manifest_of
from tacit.core.progress import SILENT, Progress
from tacit.core.seeds import generator
from tacit.core.types import Json
from tacit.data import columns as col
from tacit.engine.cleaned_log import without_users
from tacit.engine.decisions import FORMERLY, bring_up_to_date
from tacit.engine.forgetting import FORGOTTEN, facts_of, forgotten_codes, forgotten_since
from tacit.engine.snapshot import Snapshot, load, save, version_of
from tacit.engine.train import fingerprint
from tacit.store.events import EventStore
from tacit.store.versions import Versions, is_model_directory


@dataclass(frozen=True)
class Rewritten:
    """A snapshot that was written again.

    Attributes
    ----------
    place : Path
        Where it is now.
    users : int
        How many were taken out of it.
    model : str
        Its new version.
    """

    place: Path
    users: int
    model: str


def forgetting(
    snapshot: Snapshot, gone: Collection[int], facts: dict[str, Json], *, executor: Executor | None = None
) -> Snapshot:
    """Return a snapshot as if some users had never been in its log.

    Parameters
    ----------
    snapshot : Snapshot
    gone : collection of int
        Codes of users.
    facts : dict
        See `tacit.engine.forgetting.facts_of`.
    executor : Executor, optional
        Where retrievers are fitted.

    Raises
    ------
    DataError
        If nobody with an event is left.
    """
    mask = np.zeros(snapshot.interactions.n_users, dtype=bool)
    mask[[*gone]] = True
    log = snapshot.interactions.without_users(mask)
    if not (log.weight > 0).any():
        raise DataError("no event is left without the users who were deleted; fit on another log")
    rng = generator(snapshot.pipeline.config.seed, "fit")
    # Behind the users of the fit may be some whose events are kept and not learned from.
    learned = log.of_first_users(int(np.count_nonzero(~mask[: _users_of_fit(snapshot)])))
    pipeline = snapshot.pipeline.fitted_again(learned, snapshot.catalogue, rng=rng, executor=executor)
    people, data = snapshot.people, fingerprint(learned)
    return replace(
        snapshot,
        version=version_of(pipeline, data),
        interactions=log,
        pipeline=pipeline,
        facts={
            **snapshot.facts,
            "data_sha256": data,
            "events": len(log),
            "users": learned.n_users,
            FORGOTTEN: facts,
        },
        log=None if snapshot.log is None else without_users(snapshot.log, mask),
        people=None if people is None else people.filter(people[col.USER].is_in(log.users.ids.implode())),
    )


def _users_of_fit(snapshot: Snapshot) -> int:
    known = snapshot.facts.get("users")
    return known if isinstance(known, int) else snapshot.interactions.n_users


def forget_in(directory: Path, store: EventStore, *, progress: Progress = SILENT) -> Iterator[Rewritten]:
    """Write the snapshots of a directory again that hold users who were deleted from a store.

    A snapshot directory is replaced as a whole. Of a model directory the current version is written under a
    new name, which becomes current, and is then removed; the others are replaced under their names, so that
    one can still go back to them.

    Parameters
    ----------
    directory : Path
        A snapshot, or a model directory (`tacit.store.versions`).
    store : EventStore
    progress : Progress

    Raises
    ------
    StillHeldError, OSError
        At the end, if something in a model directory cannot be written again; all else is then.
    ArtifactError
        If a snapshot cannot be read.
    DataError
        If nobody is left in one.
    """
    if not is_model_directory(directory):
        yield from _rewritten(directory, directory, store, progress)
        return
    versions = Versions(directory)
    versions.remove_left_over()  # it holds whom the versions held
    problems, failed = [], None
    with suppress(InputError, OSError):  # it is said below, in the turn of this version
        yield from _current_rewritten(versions, store, progress)
    for name in versions.names():
        place = versions.path(name)
        try:
            yield from _rewritten(place, place, store, progress)
        except InputError as error:
            if place.is_dir() and _may_hold(place, store):  # another process may have removed it
                problems.append(_problem(versions, name, str(error)))
        except OSError as error:
            failed = error
    unread = bring_up_to_date(directory, store)
    if failed is not None:
        raise failed
    if unread and store.tombstones():
        problems += [f"{file} cannot be read and may name deleted users; rm {file}" for file in unread]
    if problems:
        raise StillHeldError("; ".join(problems))


class StillHeldError(ArtifactError):
    """Something in a model directory may hold deleted users, and cannot be written again without them."""


def _may_hold(place: Path, store: EventStore) -> bool:
    """Return whether somebody was deleted since a version was written, as far as that can be read."""
    facts: Any = {}
    with suppress(ArtifactError):
        facts = manifest_of(place).get("facts") or {}
    return bool(store.tombstones(forgotten_since(facts, store)))


def _problem(versions: Versions, name: str, reason: str) -> str:
    """Return what keeps a version from being written again, and what to do."""
    place, first = versions.path(name), ""
    with suppress(ArtifactError):
        if versions.current() == name:
            first = f"make another version current (tacit rollback {versions.directory} NAME), then "
    reason = reason.removesuffix("; fit again")
    what = f"{place} may hold deleted users and cannot be written again ({reason})"
    return f"{what}; {first}remove it: rm -r {place}"


def _current_rewritten(versions: Versions, store: EventStore, progress: Progress) -> Iterator[Rewritten]:
    """Write the current version again, and once more where another one became current meanwhile."""
    while True:
        name = versions.current()
        new = versions.new_name()
        found = [*_rewritten(versions.path(name), versions.path(new), store, progress)]
        if not found:
            return
        if versions.current() == name:
            versions.switch(new)
            versions.discard(name)
            yield from found
            return
        versions.discard(new)


def _rewritten(source: Path, target: Path, store: EventStore, progress: Progress) -> Iterator[Rewritten]:
    """Write a snapshot to a place without those who were deleted; nothing where it holds none of them."""
    while True:
        seal = _seal(source)
        snapshot = load(source)
        last = forgotten_since(snapshot.facts, store)
        stones = store.tombstones(last)
        gone = forgotten_codes(stones, snapshot, store)
        if not gone:
            return
        with progress.task(f"forgetting {len(gone):,} users in {source}"):
            less = forgetting(snapshot, gone, facts_of(stones[-1].number, store))
        if target != source:
            before = less.facts.get(FORMERLY)
            names: list[Json] = [source.name, *(before if isinstance(before, list) else [])]
            less = replace(less, facts={**less.facts, FORMERLY: names})
        if _seal(source) == seal:  # else a fit replaced it meanwhile
            save(less, target)
            yield Rewritten(target, len(gone), less.version)
            return


def _seal(directory: Path) -> bytes:
    try:
        return (directory / MANIFEST).read_bytes()
    except OSError:  # between two renames
        return b""
