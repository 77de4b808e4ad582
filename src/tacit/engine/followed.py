"""The events of the store that a state has followed since its fit, as the models read them.

They are kept with numbers for users and items, so that what a user did before is at hand when they act again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from tacit.core.types import Array, Float32, Float64, Int32, Int64
from tacit.data.event_names import common_name
from tacit.data.ids import apply_id
from tacit.data.interactions import Interactions
from tacit.data.later import Later, joined
from tacit.data.queries import gather_ranges
from tacit.data.users import NO_COLUMNS
from tacit.data.vocabulary import Vocabulary
from tacit.engine.snapshot import Snapshot
from tacit.store.records import Event, Subject

_KEPT = 500_000
"""Followed events, the last ones, that count as what a user did before."""
_USERS = 200_000
"""New users, the last ones, who are known again when they come back."""
_LONGEST_PAUSE = 0.03
"""Share of the span of the log: a longer time without an event ages nothing further."""

Person = tuple[Subject, str]


@dataclass(frozen=True)
class Followed:
    """What was followed.

    Attributes
    ----------
    number : int
        The events of the store up to this number were read.
    count : int
        How many of them brought something.
    log : Interactions
        The last of them; times are those of the models, see ``paused``.
    users : mapping of (subject, id) to int
        Codes of users, and of anonymous sessions, that the fitted log does not know.
    forgotten : frozenset of int
        Codes of users of the fitted log who were deleted: who comes back under such an id is somebody new.
    next_user : int
        Code of the next one.
    moment : float
        The end of the log and these events, for the models.
    last_at : float
        The same as the events have it.
    paused : float
        Seconds without an event that count as none, since the fit: a service may start long after the end of
        its log, and one event after a silence must not be all that anybody wants.
    """

    number: int
    count: int
    log: Interactions
    users: MappingProxyType[Person, int]
    forgotten: frozenset[int]
    next_user: int
    moment: float
    last_at: float
    paused: float

    @classmethod
    def nothing(cls, snapshot: Snapshot, forgotten: frozenset[int] = frozenset()) -> "Followed":
        """Return that no event was followed yet."""
        log = snapshot.interactions
        empty = replace(
            log.select(np.zeros(len(log), dtype=bool)), moment_columns=NO_COLUMNS, moments=log.moments[:0]
        )
        return cls(0, 0, empty, MappingProxyType({}), forgotten, log.n_users, log.end, log.end, 0.0)

    def code_of(self, snapshot: Snapshot, person: Person) -> int:
        """Return the code of a user or session, -1 for an unknown one."""
        subject, id_ = person
        code = snapshot.interactions.users.code_of(id_) if subject == "user" else -1
        return self.users.get(person, -1) if code < 0 or code in self.forgotten else code

    def of_users(self, snapshot: Snapshot, users: Int32) -> Interactions:
        """Return all that some users (int32[n], ascending) did, in the fitted log and since."""
        fitted = snapshot.interactions
        events, _ = gather_ranges(fitted.offsets, users[users < fitted.n_users])
        columns = {name: getattr(fitted, name)[events] for name in ("user", "item", "weight", "at", "kind")}
        return joined(replace(self.log, **columns), self.log.select(np.isin(self.log.user, users)))

    def after(
        self, snapshot: Snapshot, items: Vocabulary, events: Sequence[Event], number: int
    ) -> tuple["Followed", Later]:
        """Return what was followed after further events, and what models learn from these.

        Parameters
        ----------
        snapshot : Snapshot
        items : Vocabulary
            Of the catalogue as it is now; events on other items are left out.
        events : sequence of Event
            In the order of their numbers.
        number : int
            Up to which the store was read.
        """
        timed = snapshot.interactions.timing == "time"
        # What the log of the fit may hold already does not count twice.
        later = [event for event in events if not timed or event.at > snapshot.interactions.end]
        known = _Known.of(snapshot, items, later)
        stated = np.array([event.at for event in known.events], dtype=np.float64)
        users, people = self._with_people(snapshot, known.events)
        at, last_at, paused = self._in_time(snapshot, stated)
        log = replace(self.log, items=items)
        new = replace(
            log,
            **_sorted(user=users, item=known.item, at=at, kind=known.kind, weight=known.weight),
        )
        before = replace(self, log=log).of_users(snapshot, np.unique(users))
        if log.timing != "time":
            new = replace(new, at=_places(before, new))
        new = replace(new, weight=_damped(new, before, snapshot.weights.repeats))
        whole = joined(log, new)
        if len(whole) > _KEPT:
            bar = np.partition(whole.at, len(whole) - _KEPT)[len(whole) - _KEPT]
            whole = whole.select(whole.at >= bar)
        newer = Followed(
            number=number,
            count=self.count + len(new),
            log=whole,
            users=MappingProxyType(people),
            forgotten=self.forgotten,
            next_user=max(self.next_user, int(users.max(initial=-1)) + 1),
            moment=max(self.moment, new.end) if len(new) else self.moment,
            last_at=last_at,
            paused=paused,
        )
        return newer, Later(new, before)

    def _with_people(self, snapshot: Snapshot, events: Sequence[Event]) -> tuple[Int32, dict[Person, int]]:
        """Return the code of the user of each event, and those of all users beyond the fitted log."""
        people, codes, fresh = dict(self.users), [], self.next_user
        for event in events:
            person: Person = (event.subject, event.subject_id)
            code = self.code_of(snapshot, person)
            if code < 0:
                code = people.setdefault(person, fresh)
                fresh += code == fresh
            codes.append(code)
        surplus = len(people) - _USERS
        for person in list(people)[: max(surplus, 0)]:
            del people[person]
        return np.array(codes, dtype=np.int32), people

    def _in_time(self, snapshot: Snapshot, stated: Float64) -> tuple[Float64, float, float]:
        """Return the times of events for the models, the last time, and all that was paused by then."""
        if self.log.timing != "time" or not len(stated):
            return stated, self.last_at, self.paused
        last = np.maximum.accumulate(np.concatenate([[self.last_at], stated]))
        pauses = np.diff(last) - _longest_pause(snapshot)
        paused = self.paused + np.cumsum(np.maximum(pauses, 0))
        return stated - paused, float(last[-1]), float(paused[-1])


@dataclass(frozen=True)
class _Known:
    """Events on known items of types that count, with what models read of each."""

    events: list[Event]
    item: Int32
    kind: Array
    weight: Float32

    @classmethod
    def of(cls, snapshot: Snapshot, items: Vocabulary, events: Sequence[Event]) -> "_Known":
        """Return what counts; weights are those of first times."""
        event_map, rules = snapshot.weights.events, snapshot.id_rules
        ids = [apply_id(event.item_id, rules) for event in events] if rules else [e.item_id for e in events]
        codes = items.encode(ids)
        read = [snapshot.weights.settled(common_name(event.event), event.value) for event in events]
        names = [name for name, _ in read]
        ignored = {name for name in set(names) if event_map.ignored(name)}
        kept = [place for place, name in enumerate(names) if codes[place] >= 0 and name not in ignored]
        known, names = [events[place] for place in kept], [names[place] for place in kept]
        place_of = {name: place for place, name in enumerate(snapshot.interactions.kinds)}
        weight = snapshot.weights.of_first_times(
            names,
            np.array([event.at for event in known], dtype=np.float64),
            np.array([read[place][1] for place in kept], dtype=np.float64),
        )
        kinds = np.array([place_of.get(name, -1) for name in names], dtype=np.int16)
        return cls(known, codes[kept].astype(np.int32), kinds, weight)


def _sorted(**columns: Array) -> dict[str, Any]:
    order = np.lexsort((columns["at"], columns["user"]))
    return {name: column[order] for name, column in columns.items()}


def _places(before: Interactions, new: Interactions) -> Float64:
    """Return the places of new events in the order of their users, for a log without times."""
    if new.timing == "none":
        return np.zeros(len(new))
    last = np.zeros(int(new.user.max(initial=-1)) + 1)
    np.maximum.at(last, before.user, before.at)
    return last[new.user] + 1 + _earlier(new.user.astype(np.int64))


def _damped(new: Interactions, before: Interactions, repeats: float) -> Float32:
    """Return the weights of new events where the n-th time of the same by a user counts ``n ** -repeats``."""
    if not repeats or not len(new):
        return new.weight
    user, item, kind = (
        np.concatenate([getattr(before, name), getattr(new, name)]).astype(np.int64)
        for name in ("user", "item", "kind")
    )
    same = (user * new.n_items + item) * (len(new.kinds) + 1) + kind + 1
    nth = 1 + _earlier(same)[len(before) :]
    return (new.weight * nth ** np.float32(-repeats)).astype(np.float32)


def _earlier(numbers: Int64) -> Int64:
    """Return how many equal numbers come before each: int64[n]."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    earlier = np.empty(len(numbers), dtype=np.int64)
    earlier[order] = np.arange(len(numbers)) - np.repeat(starts, np.diff(np.append(starts, len(numbers))))
    return earlier


def _longest_pause(snapshot: Snapshot) -> float:
    return _LONGEST_PAUSE * snapshot.pipeline.second_.maker.state_.statistics.span
