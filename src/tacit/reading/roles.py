"""Which column of a log has which role, or a refusal where two readings are nearly as good.

User and item are chosen together, by the points of `role_scores`; then the time, the event type, the value
and the order within a visit. What the caller has chosen is kept, and the other roles are still detected.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import polars as pl

from tacit.core.errors import AmbiguousError, ConfigError, DataError
from tacit.core.shell import map_option
from tacit.data.source import ColumnUse, How, with_use
from tacit.data.value_kinds import ValueKind
from tacit.reading import other_roles
from tacit.reading.choices import ITEM, ROLES, USER, VALUE, Reading
from tacit.reading.column_content import Totals, contents_of
from tacit.reading.column_names import Kind, meanings, parts_of
from tacit.reading.flag_check import tells_of_orders
from tacit.reading.known_roles import Zone
from tacit.reading.role_scores import (
    Columns,
    attribute_points,
    counts_things,
    disagreement,
    is_mostly_missing,
    is_phone_of_user,
    item_points,
    order_points,
    pair_points,
    user_points,
)
from tacit.reading.value_role import value_kind

_NEAR, _NEAR_WITH_NAMES = 1.0, 3.0
"""Points between two readings of which neither is plainly right; more where names should have helped."""

_BY_ORDER = 2.0
"""Points between a reading and the same with user and item turned that the order of columns gives."""

_LEAST = -2.5
"""Points of a user or an item below which a column is none."""

_CANDIDATES = 6
"""Columns that are looked at together for user and item, the best of each."""

_NAMES: Mapping[str, tuple[Kind, ...]] = {USER: ("person", "email"), ITEM: ("title",)}
"""Kinds of columns that name a user or an item; an id beside is the better key."""

_NO_IDS: Mapping[str, frozenset[Kind]] = {
    USER: frozenset(get_args(Kind)) - {"id", "user", "item", "device"},
    ITEM: frozenset(("price", "quantity", "plays", "dwell", "statistic", "rating", "person", "email")),
}
"""Kinds of columns that hold no ids of users and items: the postal code of a user is none."""

_KEYS_OF_USERS = ("email", "order", "session", "device")
_SHAPES = {USER: ("uuid", "hash", "coded", "reviewer", "serial"), ITEM: ("token",)}
"""Shapes of texts that are ids; beside a title every word with a digit is one."""

_FEW_USERS = 12
"""Values that a column of ids has more of: others are ages, grades, hours."""

_CODED = 0.1
"""Share of cells with digits above which a column is more than words."""

_OLDEST = 100
"""Numbers above are no ages, grades or hours, however few there are."""

_FEW_ROWS = 30
"""Rows of a log without names below which its content says little, and the usual order of columns counts."""

_SAMPLES = 3
_LONGEST_SAMPLE = 40


@dataclass(frozen=True)
class Assignment:
    """Which column has which role.

    Attributes
    ----------
    roles : dict of role to column
    columns : tuple of ColumnUse
        Every column, in its order.
    dropped : tuple of str
        Columns that are left out: empty ones, and a count of the rows without a name of its own.
    notes : tuple of str
        What was guessed or assumed, each a sentence.
    value_kind : ValueKind or None
        What the values are by the name of their column; None without values.
    ordered : bool
        Whether a column numbers orders or says of some that they were undone.
    clock : str or None
        The column of the times of day, where that of the times holds days only.
    zone : Zone or None
        Where the zone of times without one stands.
    """

    roles: dict[str, str]
    columns: tuple[ColumnUse, ...]
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    value_kind: ValueKind | None = None
    ordered: bool = False
    clock: str | None = None
    zone: Zone | None = None


def assign(
    table: pl.DataFrame,
    named: bool,
    reading: Reading,
    path: Path,
    totals: Mapping[str, Totals] | None = None,
) -> Assignment:
    """Return the roles of the columns of an event log.

    Parameters
    ----------
    table : polars.DataFrame
        Columns of text, numbers, flags or moments; the more rows, the better.
    named : bool
        Whether the names of the columns come from the source.
    reading : Reading
    path : Path
        For messages.
    totals : mapping of column to Totals, optional
        Of the whole table where this one is a part of it (`tacit.reading.survey`).

    Raises
    ------
    ConfigError
        If `Reading.columns` names a column that is not there, or one column for two roles.
    DataError
        If there is no user or no item column.
    AmbiguousError
        If two readings are nearly as good, and the best one is not asked for.
    """
    wanted = chosen_columns(table.columns, reading.columns)
    columns = Columns(table, contents_of(table, totals), meanings(table.columns) if named else {}, named)
    dropped = {
        name: why
        for name, why in _without_use(columns)
        if name not in wanted.values()
        and not any(columns.is_plainly(name, role) for role in ("user", "item"))
    }
    if not wanted and not columns.named and len(table) < _FEW_ROWS:
        return by_place(columns, dropped)
    return _Search(columns, wanted, dropped, reading, path).assignment()


def by_place(columns: Columns, dropped: Mapping[str, str]) -> Assignment:
    """Return the roles of a short log without names: the user stands first, then the item.

    Times, event types and values are found by what they hold.

    Raises
    ------
    DataError
        If fewer than two columns are left for user and item.
    """
    found, left = other_roles.by_form(columns, [name for name in columns.all if name not in dropped])
    if len(left) < 2:
        role = USER if not left else ITEM
        raise DataError(
            f"no {role} column among {', '.join(columns.all)}; name it with --map COLUMN={role} "
            f"(in Python mapping={{{role!r}: COLUMN}})"
        )
    roles = in_order({USER: left[0], ITEM: left[1], **found})
    taken = {column: role for role, column in roles.items()}
    uses = tuple(
        ColumnUse(
            name,
            taken.get(name),
            "place" if name in taken else None,
            _samples(columns, name),
            dropped.get(name),
        )
        for name in columns.all
    )
    note = (
        f"the columns have no names and {len(columns.table)} rows show little: user and item "
        "were taken by place"
    )
    kind = value_kind(columns, roles[VALUE]) if VALUE in roles else None
    return Assignment(roles, uses, tuple(dropped), (note,), kind)


def given(names: Sequence[str], chosen: Mapping[str, str]) -> Assignment:
    """Return the roles that the caller gives, and no others.

    Raises
    ------
    ConfigError
    """
    roles = chosen_columns(names, chosen)
    taken = {column: role for role, column in roles.items()}
    uses = tuple(ColumnUse(name, taken.get(name), "map" if name in taken else None) for name in names)
    return Assignment(in_order(roles), uses)


def chosen_columns(names: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return role -> column of a caller's choice; a column may be given by its place, from 1.

    Raises
    ------
    ConfigError
        If there is no such role or column, or one column has two roles.
    """
    roles = {role: _column(names, role, column) for role, column in chosen.items()}
    for role, column in roles.items():
        if twice := [other for other in roles if other != role and roles[other] == column]:
            raise ConfigError(f"the column {column!r} cannot be both {role} and {twice[0]}; name two columns")
    return roles


def in_order(roles: Mapping[str, str]) -> dict[str, str]:
    """Return role -> column in the order of `ROLES`."""
    return {role: roles[role] for role in ROLES if role in roles}


def _column(names: Sequence[str], role: str, column: str) -> str:
    if role not in ROLES:
        raise ConfigError(f"there is no role {role!r}; known: {', '.join(ROLES)}")
    if column in names:
        return column
    if column.isdigit() and 1 <= int(column) <= len(names):
        return names[int(column) - 1]
    raise ConfigError(f"there is no column {column!r} for the {role}; columns: {', '.join(names)}")


def _without_use(columns: Columns) -> Iterable[tuple[str, str]]:
    """Yield the columns that are dropped, and why."""
    for place, name in enumerate(columns.all, 1):
        content = columns.contents[name]
        if content.form == "empty":
            yield name, "it is empty and was dropped"
        elif content.counter and columns.named and _is_index(name, place):
            yield name, "it counts the rows and has no name of its own, so it was dropped"


def _is_index(name: str, place: int) -> bool:
    plain = name.strip().lower()
    return plain in ("", "index", f"column_{place}") or plain.startswith(("unnamed", "__index_level"))


class _Search:
    """The search for the roles of one log."""

    def __init__(
        self,
        columns: Columns,
        wanted: Mapping[str, str],
        dropped: Mapping[str, str],
        reading: Reading,
        path: Path,
    ) -> None:
        self.columns = columns
        self.wanted = wanted
        self.dropped = dropped
        self.reading = reading
        self.path = path
        self.notes: list[str] = []
        self.free = [name for name in columns.all if name not in dropped and name not in wanted.values()]

    def assignment(self) -> Assignment:
        roles = {**self.wanted, **self._user_and_item()}
        taken = set(roles.values())
        left = [name for name in self.free if name not in taken]
        found = other_roles.detect(self.columns, roles, left, self.reading, self.path)
        roles = in_order({**roles, **found.roles})
        self.notes += found.notes
        uses = tuple(self._use(name, roles, found.unused) for name in self.columns.all)
        uses = with_use(uses, {found.clock: "gives the time of day"} if found.clock else {})
        if found.zone is not None and found.zone.column is not None:
            uses = with_use(uses, {found.zone.column: "gives the zone of the times"})
        kind = found.value_kind if VALUE in roles else None
        ordered = tells_of_orders(self.columns, roles)
        dropped, notes = tuple(self.dropped), tuple(self.notes)
        return Assignment(roles, uses, dropped, notes, kind, ordered, found.clock, found.zone)

    # User and item

    def _user_and_item(self) -> dict[str, str]:
        users = self._ranked(USER)
        items = self._ranked(ITEM)
        if not users or not items:
            raise self._missing(USER if not users else ITEM)
        readings = sorted(
            (
                (points + more + self._together(user, item), user, item)
                for user, points in users
                for item, more in items
                if user != item
            ),
            key=lambda one: -one[0],
        )
        if not readings:
            raise self._missing(ITEM)
        best = readings[0]
        self._check_fit(best, dict(users), dict(items))
        self._note_order_of_columns(best, readings)
        rival = next((one for one in readings[1:] if self._is_rival(best, one)), None)
        if rival is not None and best[0] - rival[0] < (_NEAR_WITH_NAMES if self.columns.named else _NEAR):
            self._refuse_or_note(best[1:], rival[1:])
        user, item = self._id_beside(best[1], USER), self._id_beside(best[2], ITEM)
        if USER not in self.wanted:
            user = self._of_plainest_name(user)
        if ITEM not in self.wanted:
            item = self._id_of_words(user, item)
        if USER not in self.wanted and (buyer := self._owner(user, item)) is not None:
            self._refuse_or_note((user, item), (buyer, item))
        if ITEM not in self.wanted and (title := self._title_apart(user, item)) is not None:
            self._refuse_or_note((user, item), (user, title))
        if not self.wanted and self._is_unsaid(best, dict(users), dict(items)):
            self._refuse_or_note((user, item), (item, user))
        if USER not in self.wanted and is_phone_of_user(self.columns, user):
            self.notes.append(f"{user} holds phone numbers: each was taken for a user")
        return {USER: user, ITEM: item}

    def _note_order_of_columns(
        self, best: tuple[float, str, str], readings: Sequence[tuple[float, str, str]]
    ) -> None:
        """Note where columns have no names and only their order says which of two ids is the user."""
        _, user, item = best
        turned = next((one for one in readings if one[1:] == (item, user)), None)
        if self.columns.named or self.wanted or turned is None or best[0] - turned[0] > _BY_ORDER:
            return
        self.notes.append(
            f"the columns have no names, and only their order says that {user} is the user and {item} the "
            f"item; if it is the other way round: {map_option(item, USER)} {map_option(user, ITEM)}"
        )

    def _is_rival(self, best: tuple[float, str, str], other: tuple[float, str, str]) -> bool:
        """Return whether another reading is of other things; an order is a user only where there is none."""
        if self.columns.kind(other[1]) == "order" and self.columns.kind(best[1]) not in (None, "order"):
            return False
        return disagreement(self.columns, best[1:], other[1:])

    def _id_beside(self, name: str, role: str) -> str:
        """Return the id that stands for the same things as a name or an address; else the column itself."""
        columns = self.columns
        if not _is_name(columns, name, role) or name in self.wanted.values():
            return name
        ids = [
            other
            for other in self.free
            if other != name
            and _is_id(columns, other, role)
            and columns.decides(name, other)
            and columns.decides(other, name)
        ]
        return ids[0] if len(ids) == 1 else name

    def _of_plainest_name(self, user: str) -> str:
        """Return the column called user_id that stands for the same users, whatever its cells are."""
        if not self.columns.named or _is_user_id(user):
            return user
        columns = self.columns
        for name in self.free:
            full = columns.contents[name].known >= columns.contents[user].known > 0
            if _is_user_id(name) and full and columns.pairs.same(user, name):
                return name
        return user

    def _id_of_words(self, user: str, item: str) -> str:
        """Return the column of ids beside an item that is words; ask where the two go their own ways.

        Things of one title are several: the id that decides it is the finer key.
        """
        columns = self.columns
        if not columns.named or columns.contents[item].share("token") > _CODED:
            return item
        ids = [
            name
            for name in self.free
            if name not in (user, item)
            and _is_code(columns, name)
            and not columns.decides(user, name)
            and not columns.decides(name, user)
        ]
        finer = [name for name in ids if columns.decides(name, item)]
        apart = [name for name in ids if name not in finer and not columns.decides(item, name)]
        if apart and not finer:
            self._refuse_or_note((user, apart[0]), (user, item))
            return apart[0]
        return finer[0] if finer else item

    def _title_apart(self, user: str, item: str) -> str | None:
        """Return a column of titles that repeat and go with no value of what was taken for the item."""
        columns = self.columns
        if columns.kind(item) == "item" or not columns.named:
            return None
        found = [
            name
            for name in self.free
            if name not in (user, item)
            and columns.kind(name) in ("title", "text")
            and columns.contents[name].share("words") > 0.7
            and columns.contents[name].unique > _FEW_USERS
            and columns.contents[name].ratio < 0.5
            and not columns.decides(item, name)
            and not columns.decides(user, name)
        ]
        return found[0] if found else None

    def _is_unsaid(
        self, best: tuple[float, str, str], users: Mapping[str, float], items: Mapping[str, float]
    ) -> bool:
        """Return whether names speak of other columns only, and hardly anything shows the two roles."""
        columns = self.columns
        unsaid = columns.kind(best[1]) is None and columns.kind(best[2]) is None
        known = any(columns.kind(name) is not None for name in columns.all)
        return columns.named and known and unsaid and users[best[1]] < 1.0 and items[best[2]] < 1.0

    def _owner(self, user: str, item: str) -> str | None:
        """Return an id that each order or visit has one of, where that was taken for the user."""
        columns = self.columns
        if columns.kind(user) not in ("order", "session", "id", "device", "tech", None) or not columns.named:
            return None
        found = [
            name
            for name in self.free
            if name not in (user, item)
            and _is_owner(columns, name)
            and columns.decides(user, name)
            and not columns.decides(name, user)
            and not columns.decides(item, name)
        ]
        return found[0] if len(found) == 1 else None

    def _ranked(self, role: str) -> list[tuple[str, float]]:
        """Return the best candidates for a role with their points."""
        if role in self.wanted:
            return [(self.wanted[role], 0.0)]
        kind: Kind = "user" if role == USER else "item"
        free = [name for name in self.free if not self._only_counts(name, kind, role)]
        plain = [name for name in free if self.columns.is_plainly(name, kind)]
        if len(plain) == 1 and not (role == USER and is_mostly_missing(self.columns, plain[0])):
            return [(plain[0], 0.0)]
        points = user_points if role == USER else item_points
        found = [(name, points(self.columns, name)) for name in free]
        found = [(name, score) for name, score in found if score > 3 * _LEAST]
        found = sorted(found, key=lambda one: -one[1])[:_CANDIDATES]
        place = 0 if role == USER else 1
        return [(name, score + attribute_points(self.columns, name)[place]) for name, score in found]

    def _only_counts(self, name: str, kind: Kind, role: str) -> bool:
        """Return whether a column named as a role rather counts things, and another may have the role."""
        if not self.columns.is_plainly(name, kind) or not counts_things(self.columns, name):
            return False
        return any(
            other != name and not counts_things(self.columns, other) and self._may_be_id(other, role)
            for other in self.free
        )

    def _may_be_id(self, name: str, role: str) -> bool:
        kind, content = self.columns.kind(name), self.columns.contents[name]
        if kind in (role, "id") or kind in (_KEYS_OF_USERS if role == USER else ("title",)):
            return True
        large = content.form == "text" or content.low > _OLDEST
        weak = kind is None or self.columns.name(name).certainty < 0.5
        return weak and large and content.ratio < 0.5 and _is_owner(self.columns, name)

    def _together(self, user: str, item: str) -> float:
        if USER in self.wanted and ITEM in self.wanted:
            return 0.0
        if any(self.columns.contents[name].form == "empty" for name in (user, item)):
            return 0.0
        return pair_points(self.columns, user, item) + order_points(self.columns, user, item)

    def _check_fit(
        self, best: tuple[float, str, str], users: Mapping[str, float], items: Mapping[str, float]
    ) -> None:
        for role, points in ((USER, users[best[1]]), (ITEM, items[best[2]])):
            if role not in self.wanted and points <= _LEAST:
                raise self._missing(role)

    def _missing(self, role: str) -> DataError:
        return DataError(
            f"{self.path}: no {role} column among {', '.join(self.columns.all)}; name it with "
            f"--map COLUMN={role} (in Python mapping={{{role!r}: COLUMN}})"
        )

    def _refuse_or_note(self, best: Sequence[str], rival: Sequence[str]) -> None:
        first, second = (f"{map_option(user, USER)} {map_option(item, ITEM)}" for user, item in (best, rival))
        if not self.reading.accept_guess:
            raise AmbiguousError(
                f"{self.path}: the columns can be read in two ways that are nearly as good: user {best[0]} "
                f"and item {best[1]}, or user {rival[0]} and item {rival[1]}; choose with {first} or with "
                f"{second}, or take the first with --accept-guess"
            )
        self.notes.append(
            f"the columns were guessed: user {best[0]}, item {best[1]}; nearly as good is user {rival[0]}, "
            f"item {rival[1]} ({second})"
        )

    # The table of columns

    def _use(self, name: str, roles: Mapping[str, str], unused: Mapping[str, str]) -> ColumnUse:
        use = ColumnUse(name, samples=_samples(self.columns, name))
        role = next((role for role, column in roles.items() if column == name), None)
        if role is not None:
            return replace(use, role=role, how=self._how(role, name))
        return replace(use, note=self.dropped.get(name) or unused.get(name))

    def _how(self, role: str, name: str) -> How:
        if role in self.wanted:
            return "map"
        meaning, kind = self.columns.name(name), self.columns.kind(name)
        if kind not in other_roles.KINDS[role]:
            return "content"
        return "name" if meaning.whole and meaning.certainty >= 1 else "part"


def _is_user_id(name: str) -> bool:
    return "".join(parts_of(name)) == "userid"


def _is_id(columns: Columns, name: str, role: str) -> bool:
    """Return whether a column holds ids and its name is none against it."""
    content = columns.contents[name]
    if columns.kind(name) in _NO_IDS[role] or content.counter:
        return False
    coded = any(content.share(shape) > 0.9 for shape in _SHAPES[role])
    many = content.unique > _FEW_USERS or columns.kind(name) == role or content.low > _OLDEST
    return (coded or (content.form == "integer" and many)) and not content.times.certain


def _is_code(columns: Columns, name: str) -> bool:
    """Return whether a column is called an id and each of its cells is a code or a number that repeats."""
    content = columns.contents[name]
    coded = content.form in ("text", "integer") and content.share("token") > 0.95
    repeats = content.unique > _FEW_USERS and content.ratio < 0.9
    return columns.kind(name) == "id" and coded and repeats and not content.times.certain


def _is_name(columns: Columns, name: str, role: str) -> bool:
    """Return whether a column holds names, titles or addresses."""
    content = columns.contents[name]
    shapes = ("cased name", "email", "ip") if role == USER else ("words",)
    return columns.kind(name) in _NAMES[role] or any(content.share(shape) > 0.9 for shape in shapes)


def _is_owner(columns: Columns, name: str) -> bool:
    """Return whether a column may name who placed an order or made a visit."""
    content = columns.contents[name]
    shaped = any(content.share(shape) > 0.9 for shape in ("email", "reviewer", "name and number"))
    unsaid = columns.kind(name) in (None, "id", "user", "tech")
    return (shaped and unsaid and content.unique > 1) or _is_id(columns, name, USER)


def _samples(columns: Columns, name: str) -> tuple[str, ...]:
    distinct = columns.contents[name].sample.unique(maintain_order=True).head(_SAMPLES).to_list()
    return tuple(
        text if len(text) <= _LONGEST_SAMPLE else f"{text[: _LONGEST_SAMPLE - 1]}…" for text in distinct
    )
