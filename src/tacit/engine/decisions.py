"""Decisions of refits on disk: ``decisions/NAME.json`` in a model directory, and the last one beside.

A decision names the accounts that stood out, for whoever is to act on them. Forgetting takes those of deleted
users out again, and gives the decisions the names that versions have since (`tacit.engine.forget_snapshot`
writes the current one under a new name). Both steps can be repeated, and each file is replaced in one step.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from tacit.core.errors import ArtifactError
from tacit.core.manifest import manifest_of
from tacit.data.bursts import Burst
from tacit.engine.forgetting import Deletions, forgotten_places, forgotten_since
from tacit.store.records import Tombstone
from tacit.store.versions import Versions

_FOLDER, LATEST = "decisions", "decision.json"
FORMERLY = "formerly"
"""Fact of a snapshot that was written again under another name: the names of that version before."""
HELD_ACCOUNTS = "held_accounts"
_SHOWN = 3


def write(directory: Path, name: str, decision: Mapping[str, Any]) -> None:
    """Write a decision under the name of its version, and as the last one.

    Raises
    ------
    OSError
    """
    with _alone(directory) as folder:
        for file in (folder / f"{name}.json", directory / LATEST):
            _replace(file, decision)


def decision_of(directory: Path, name: str) -> dict[str, Any] | None:
    """Return the decision of a version; None where there is none that can be read."""
    return _read(directory / _FOLDER / f"{name}.json")


def bring_up_to_date(directory: Path, deletions: Deletions | None) -> list[Path]:
    """Let decisions follow the versions that were written under other names, and forget who was deleted.

    Parameters
    ----------
    directory : Path
        A model directory.
    deletions : Deletions or None
        Without them nobody is forgotten.

    Returns
    -------
    list of Path
        Files that cannot be read, and so may name anybody.

    Raises
    ------
    OSError
    """
    latest, folder = directory / LATEST, directory / _FOLDER
    if not latest.exists() and not folder.exists():
        return []
    present = _present_names(Versions(directory))
    stones = [] if deletions is None else deletions.tombstones()
    places = {latest: latest}
    unread = []
    with _alone(directory):
        for left in [
            *directory.glob(f".{LATEST}.*"),
            *folder.glob(".*.json.*"),
        ]:  # of a process that was killed
            left.unlink()
        for file in sorted(folder.glob("*.json")):
            places[file] = folder / f"{present.get(file.stem, file.stem)}.json"
        for file, place in places.items():
            known = _read(file)
            if known is None:
                unread += [file] if file.exists() else []
                continue
            newer = _renamed(known, present)
            if deletions is not None:
                newer = _without_forgotten(newer, stones, deletions)
            if newer != known or place != file:
                _replace(place, newer)
            if place != file:
                file.unlink()
    return unread


def lines_of(decision: Mapping[str, Any]) -> list[str]:
    """Return what stood out in a refit, as lines for people."""
    lines = [
        f"{Burst(**one)}; --without-time or --without-source leaves them out" for one in decision["bursts"]
    ]
    if accounts := decision[HELD_ACCOUNTS]:
        shown = ", ".join(accounts[:_SHOWN])
        lines.append(
            f"{decision['log']['held']:,} events of {len(accounts):,} accounts are far more than accounts "
            f"do: they are kept and not learned from ({shown}); --learn-from ACCOUNT lets them in"
        )
    return [*lines, *decision["notes"]]


def _present_names(versions: Versions) -> dict[str, str]:
    """Return the name that versions have now by each that they had before."""
    found: dict[str, str] = {}
    for name in versions.names():
        with suppress(ArtifactError):
            facts: Any = manifest_of(versions.path(name)).get("facts") or {}
            found |= dict.fromkeys(facts.get(FORMERLY, ()), name)
    return found


def _renamed(decision: Mapping[str, Any], present: Mapping[str, str]) -> dict[str, Any]:
    names = {key: present[decision[key]] for key in ("version", "live") if decision.get(key) in present}
    return {**decision, **names}


def _without_forgotten(
    decision: Mapping[str, Any], stones: Sequence[Tombstone], deletions: Deletions
) -> dict[str, Any]:
    """Return a decision in which nobody is named who was deleted since its log was read."""
    held, bursts = decision.get(HELD_ACCOUNTS, []), decision.get("bursts", [])
    known = [*held, *(one["name"] for one in bursts if one["kind"] == "account")]
    names = pl.Series(known, dtype=pl.String).drop_nulls()
    if not len(names):
        return {**decision}
    since = forgotten_since(decision, deletions)
    later = [stone for stone in stones if stone.number > since]
    gone = {names[place] for place in forgotten_places(names, later, deletions)}
    return {
        **decision,
        HELD_ACCOUNTS: [name for name in held if name not in gone],
        "bursts": [
            {**one, "name": None} if one["kind"] == "account" and one["name"] in gone else one
            for one in bursts
        ],
    }


def _read(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _replace(file: Path, decision: Mapping[str, Any]) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(decision, indent=1, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)


@contextmanager
def _alone(directory: Path) -> Iterator[Path]:
    """Give the folder of decisions, which no other process writes meanwhile: refits and services do."""
    folder = directory / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without such locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)
