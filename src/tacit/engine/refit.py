"""One refit of a model directory: a new log, the gate, a fit of everything, a new version."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from tacit.core.clock import Clock
from tacit.core.errors import ConfigError, UnsupportedError
from tacit.core.notes import Notes
from tacit.core.types import Json
from tacit.core.unfinished import remove_all_left_over
from tacit.data import columns as col
from tacit.data.bursts import Burst, bursts
from tacit.engine import decisions, new_log
from tacit.engine.forgetting import FORGOTTEN, facts_of
from tacit.engine.gate import Known, Stretch, Trial, after, stretch_of
from tacit.engine.left_out import NOTHING, LeftOut, moment, read_left_out, write_left_out
from tacit.engine.new_log import StoreMark
from tacit.engine.snapshot import Snapshot, load, save
from tacit.engine.state import State
from tacit.engine.train import check_memory, prepared, trained
from tacit.evaluation.verdict import LEAST_USERS, Ruling, ruling, ruling_on_live
from tacit.pipeline.config import Config
from tacit.pipeline.costs import Size
from tacit.store.read_only import StoreReader, name_of
from tacit.store.versions import Versions, is_model_directory

ReadLog = Callable[[Config], pl.DataFrame]
"""Returns a log that takes the place of the snapshot's, cleaned by a configuration."""


@dataclass(frozen=True)
class Wanted:
    """What a refit is asked for.

    Attributes
    ----------
    out : Path
        The model directory.
    store : str or None
        Address of the store with what came since.
    snapshot : Path or None
        What to start from; by default the current version.
    config : Config or None
        By default that of the snapshot.
    left_out : LeftOut
        From now on, beside what the directory leaves out already.
    again : LeftOut
        What is left out no longer.
    trusted : sequence of str
        Users whose events are never held back.
    force : bool
        Publish whatever the gate says.
    keep : int
        Versions that stay: the current one and those before it.
    """

    out: Path
    store: str | None = None
    snapshot: Path | None = None
    config: Config | None = None
    left_out: LeftOut = NOTHING
    again: LeftOut = NOTHING
    trusted: Sequence[str] = ()
    force: bool = False
    keep: int = 5


def refit(
    wanted: Wanted,
    clock: Clock,
    *,
    read_log: ReadLog | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Make a refit and return its decision, which is also written; see `docs/howto/refit.md`.

    Parameters
    ----------
    wanted : Wanted
    clock : Clock
    read_log : callable, optional
        Reads a log in place of the snapshot's.
    say : callable
        Called with a line at the beginning of each part.

    Raises
    ------
    ConfigError, DataError, ArtifactError, UnsupportedError
        If something cannot be used, memory does not suffice, or nothing can be written.
    StorageError
        If the store cannot be read.
    """
    run = _Run(wanted, clock, say)
    with ExitStack() as stack:
        reader = None if wanted.store is None else stack.enter_context(StoreReader(wanted.store))
        run.start()
        with run.part("reading"):
            log = run.log(reader, read_log)
        run.remember()
        decision = run.decide(log)
    run.write(decision)
    return decision


@dataclass(frozen=True)
class _Log:
    """The log of a refit; see `tacit.engine.new_log`."""

    events: pl.DataFrame
    held: pl.DataFrame | None
    known: Known
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    mark: StoreMark
    changed: bool
    state: State
    gone: dict[str, Json]


class _Run:
    def __init__(self, wanted: Wanted, clock: Clock, say: Callable[[str], None]) -> None:
        self._wanted, self._clock, self._say = wanted, clock, say
        self._versions = Versions(wanted.out, clock)
        self._seconds: dict[str, Json] = {}
        self._model: str | None = None
        self._users = 0
        self._pruned: Sequence[str] = ()
        self._bursts: Sequence[Burst] = ()
        self._held: Sequence[str] = ()
        self._notes: list[str] = []
        self._live: Snapshot | None = None
        self._base: Snapshot | None = None

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Say what begins, and measure it."""
        self._say(name)
        begun = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] = round(time.monotonic() - begun, 1)

    def start(self) -> None:
        """Find what to start from and what is live; of a new directory a snapshot is the first version."""
        wanted, versions = self._wanted, self._versions
        remove_all_left_over(wanted.out / "versions")
        _written(lambda: decisions.bring_up_to_date(wanted.out, None))
        self._remembered = read_left_out(wanted.out)
        self._left_out = self._remembered.joined_with(wanted.left_out).without(wanted.again)
        self._name = versions.new_name()
        self._before = versions.current() if is_model_directory(wanted.out) and versions.names() else None
        if self._before is not None:
            self._live = self._base = load(wanted.out)
        if wanted.snapshot is not None:
            self._base = load(wanted.snapshot)
        if self._base is None:
            raise ConfigError(f"{wanted.out} has no version to start from; name a snapshot with --snapshot")
        if self._live is None:
            self._live, self._before = self._base, self._name
            self._publish_as(self._base, self._before)
            self._name = versions.new_name()
            self._note(f"{wanted.snapshot} is the first version, {self._before}")

    def _publish_as(self, snapshot: Snapshot, name: str) -> None:
        _written(lambda: save(snapshot, self._versions.path(name)))
        _written(lambda: self._versions.switch(name))

    def log(self, reader: StoreReader | None, read_log: ReadLog | None) -> _Log:
        """Return the new log."""
        wanted, base = self._wanted, self._base
        assert base is not None
        config = wanted.config or base.pipeline.config
        before = new_log.log_of_snapshot(base) if read_log is None else read_log(config)
        known = self._mark_of(base) if read_log is None else StoreMark()
        fresh, mark = new_log.no_events(), known
        gone: dict[str, Json] = {}
        if reader is not None:
            # Who is deleted from now on is found when the model is loaded.
            gone = facts_of(reader.last_tombstone(), reader)
            before = new_log.without_forgotten(before, reader, {} if read_log is not None else base.facts)
        if reader is not None and wanted.store is not None:
            store, last = name_of(wanted.store), reader.last_number()
            fresh = new_log.stored_events(reader, known.after(reader, store), last, config)
            mark = StoreMark(store, last, reader.mark(last), reader.item_number())
        self._say_unknown(before, fresh)
        joined = new_log.joined_log(
            before,
            fresh,
            config,
            now=self._clock.now(),
            left_out=self._left_out,
            trusted=wanted.trusted,
        )
        counts = joined.counts
        if not len(joined.events) and counts["left_out"]:
            raise ConfigError(
                f"nothing is left to learn from: {counts['left_out']:,} events are left out, of "
                f"{self._left_out}"
            )
        items, state = new_log.items_of(base, reader)
        people = new_log.people_of(base, reader)
        changed = (
            counts["added"] > 0
            or counts["taken_out"] > 0
            or read_log is not None
            or mark.items > known.items
            or config != base.pipeline.config
        )
        known_now = Known(items, people, config)
        return _Log(joined.events, joined.held, known_now, counts, joined.reasons, mark, changed, state, gone)

    def _mark_of(self, base: Snapshot) -> StoreMark:
        """Return how far the log of a snapshot holds the store: not at all of what is left out no longer."""
        facts = base.facts.get("refit")
        left_out = facts.get("left_out") if isinstance(facts, Mapping) else None
        if left_out is not None and LeftOut.of_json(left_out).without(self._left_out):  # type: ignore[arg-type]
            return StoreMark()
        return StoreMark.of(base.facts)

    def _say_unknown(self, before: pl.DataFrame, fresh: pl.DataFrame) -> None:
        """Say what is to be left out from now on, or no longer, and is not there."""
        logs = [before, fresh]
        known = {
            one for log in logs if col.SOURCE in log.columns for one in log[col.SOURCE].unique().drop_nulls()
        }
        there = f"there are {', '.join(sorted(known))}" if known else "no event has a source"
        given = self._wanted.left_out.without(self._remembered)
        for source in given.sources:
            if source not in known:
                self._note(f"no event of the log or the store has the source {source}: {there}")
        for one in given.times:
            only = LeftOut(times=(one,))
            if not any(len(only.kept(log)) < len(log) for log in logs):
                self._note(f"no event of the log or the store is of the time {only}")
        for source in self._wanted.again.sources:
            if source not in self._remembered.sources:
                self._note(f"the source {source} was not left out; what is: {self._remembered or 'nothing'}")
        for one in self._wanted.again.times:
            lifted = LeftOut(times=(one,))
            if self._remembered.without(lifted) == self._remembered:
                self._note(f"nothing of {lifted} was left out; what is: {self._remembered or 'nothing'}")

    def remember(self) -> None:
        """Leave out from now on what is left out of this refit, whatever it comes to."""
        if self._left_out != self._remembered:
            _written(lambda: write_left_out(self._wanted.out, self._left_out))

    def decide(self, log: _Log) -> dict[str, Any]:
        """Return the decision; a new version is published, or the one before made current, on the way."""
        self._say_odd(log)
        if not log.changed and not self._wanted.force:
            return self._decision(Ruling("hold", "nothing is new since the last fit", {}), log, Stretch(0.0))
        with self.part("looking back"):
            back, previous = self._looked_back(log)
        if back is not None and self._wanted.force:
            self._note(f"looking back: {back.why}; --force publishes a new version all the same")
        elif back is not None and previous is not None:
            self._versions.switch(previous)
            return {**self._decision(back, log, Stretch(0.0)), "version": previous}
        check_memory(log.known.config, Size(len(log.events), *_sizes(log)))
        with self.part("gate"):
            found, stretch = self._ruling(log)
        if self._wanted.force and found.verdict != "ship":
            found = Ruling("ship", f"it was forced, though {found.why}", found.figures)
        if found.verdict == "ship":
            self._publish(log, found)
        elif log.counts["taken_out"]:
            self._note(
                f"{log.counts['taken_out']:,} events that are left out now are in the log of the current "
                "version, which stays; --force publishes one without them"
            )
        return self._decision(found, log, stretch)

    def _say_odd(self, log: _Log) -> None:
        whole = log.events if log.held is None else pl.concat([log.events, log.held])
        unknown = {*self._wanted.trusted} - {*whole[col.USER].cast(pl.String).unique()}
        if unknown:  # no name of an account stays in a decision: it may be deleted later
            accounts = "1 account" if len(unknown) == 1 else f"{len(unknown):,} accounts"
            self._note(f"--learn-from names {accounts} without an event in the log and the store")
        if self._left_out:
            self._note(f"left out of every refit: {self._left_out}")
        self._bursts = bursts(whole, self._live_end)
        if log.held is not None:
            self._held = log.held[col.USER].cast(pl.String).unique().sort().to_list()

    def _looked_back(self, log: _Log) -> tuple[Ruling | None, str | None]:
        """Return a roll-back to the version before the live one if that does better since, and its name."""
        previous = self._previous()
        if previous is None:
            return None, None
        trial = Trial.of(log.events, after(self._live_end), log.known)
        if trial is None or trial.users < LEAST_USERS:
            return None, None
        older = load(self._versions.path(previous))
        if new_log.has_learned(older, self._left_out):
            self._note(
                f"{previous}, which was live before, was fitted with events that are left out now: it is not "
                "gone back to"
            )
            return None, None
        values = trial.by_live(self._live_state(log)), trial.by_live(self._stored_state(older))
        return ruling_on_live(*values, log.known.config.seed), previous

    @property
    def _live_end(self) -> float:
        return self._live.interactions.end if self._live is not None else float("-inf")

    def _live_state(self, log: _Log) -> State:
        assert self._live is not None
        return log.state if self._base is self._live else self._stored_state(self._live)

    def _stored_state(self, snapshot: Snapshot) -> State:
        if self._wanted.store is None:
            return State.of(snapshot)
        with StoreReader(self._wanted.store) as reader:
            return new_log.items_of(snapshot, reader)[1]

    def _previous(self) -> str | None:
        """Return the version that was live before the current one, if it is there."""
        if self._before is None:
            return None
        found = (decisions.decision_of(self._wanted.out, self._before) or {}).get("live")
        return found if found in self._versions.names() else None

    def _ruling(self, log: _Log) -> tuple[Ruling, Stretch]:
        try:
            stretch = stretch_of(log.events, self._live_end)
            trial = Trial.of(log.events, stretch.start, log.known)
            if (trial is None or trial.users < LEAST_USERS) and stretch.said:
                stretch = stretch_of(log.events, self._live_end, share=1.0)
                trial = Trial.of(log.events, stretch.start, log.known)
        except UnsupportedError as error:
            return Ruling("hold", f"{error}; --force publishes it unseen", {}), Stretch(0.0)
        users = 0 if trial is None else trial.users
        self._users = users
        if trial is None or users < LEAST_USERS:
            why = (
                f"{users:,} users chose something new in the last stretch, and a comparison takes "
                f"{LEAST_USERS}; wait for more, or publish it unseen with --force"
            )
            return Ruling("hold", why, {"users": users}), stretch
        name, simple = trial.by_simple()
        values = {
            "candidate": trial.by_candidate(),
            "live": trial.by_live(self._live_state(log)),
            name: simple,
        }
        found = ruling(values, name, log.known.config.seed)
        return replace(found, figures={"users": users, **found.figures}), stretch

    def _publish(self, log: _Log, found: Ruling) -> None:
        known, notes = log.known, Notes(lambda note: self._note(str(note)))
        with self.part("fit"):
            given = prepared(
                log.events, known.items, known.config, users=known.people, held=log.held, on_note=notes
            )
            about: Json = {"gate": found.why, "left_out": self._left_out.to_json()}
            more: dict[str, Json] = {"store": log.mark.to_json(), "refit": about}
            if log.gone.get("number"):
                more[FORGOTTEN] = log.gone
            snapshot = trained(given, more=more)
        with self.part("publishing"):
            self._model = snapshot.version
            self._publish_as(snapshot, self._name)
            self._pruned = self._versions.prune(self._wanted.keep)

    def _decision(self, found: Ruling, log: _Log, stretch: Stretch) -> dict[str, Any]:
        figures = dict(found.figures)
        return {
            "decision": found.verdict,
            "why": found.why,
            "at": moment(self._clock.now()),
            "version": self._name if found.verdict == "ship" else self._before,
            "model": self._model,
            "live": self._before,
            "stretch": {
                "from": moment(stretch.start) if stretch.start else None,
                "users": self._users,
                "note": stretch.said or None,
            },
            "figures": figures,
            "log": {**log.counts, "reasons": dict(log.reasons), "learned": len(log.events)},
            "bursts": [one.to_json() for one in self._bursts],
            decisions.HELD_ACCOUNTS: [*self._held],
            "left_out": self._left_out.shown(),
            "removed_versions": list(self._pruned),
            "seconds": self._seconds,
            "notes": self._notes,
            FORGOTTEN: log.gone,
        }

    def _note(self, text: str) -> None:
        self._notes.append(text)

    def write(self, decision: dict[str, Any]) -> None:
        """Write the decision, without those who were deleted while it was made.

        A service that forgot them meanwhile may have passed by before the decision was there.
        """
        out, store = self._wanted.out, self._wanted.store
        with ExitStack() as stack:
            reader = None if store is None else stack.enter_context(StoreReader(store))
            _written(lambda: decisions.write(out, self._name, decision))
            _written(lambda: decisions.bring_up_to_date(out, reader))


def _sizes(log: _Log) -> tuple[int, int]:
    events, items = log.events, log.known.items
    return events[col.USER].n_unique(), events[col.ITEM].n_unique() if items is None else len(items)


def _written(write: Callable[[], object]) -> None:
    """Write something; what the disk refuses is a sentence.

    Raises
    ------
    ConfigError
    """
    try:
        write()
    except OSError as error:
        raise ConfigError(
            f"{error.filename or 'the model directory'} cannot be written: {error.strerror or error}; the "
            "version that was current stays so"
        ) from error
