"""Rules as a retriever: fixed lists, and items picked and sorted by their attributes.

A rule is plain data (JSON, TOML)::

    [[retrievers.rules.rules]]
    when = {history = "empty"}
    items = ["welcome-1", "welcome-2"]

    [[retrievers.rules.rules]]
    when = {last = [{attribute = "category", op = "==", value = "Shoes"}]}
    where = [{attribute = "category", op = "==", value = "Socks"},
             {attribute = "price", op = "<", value = 50}]
    sort = "price"
    limit = 20

Every rule whose ``when`` fits the query lists its items; those of an earlier rule come before a later one's.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.parameters import learned, parameter
from tacit.core.types import Array, Bool, Float32, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models.conditions import Condition, all_hold, attribute
from tacit.models.retriever import Retriever

_KEYS = ("when", "items", "where", "sort", "descending", "limit")
_HISTORY = ("empty", "known")


@dataclass(frozen=True)
class When:
    """The queries that a rule is for.

    Attributes
    ----------
    history : {"empty", "known"} or None
        Whether anything is known of the user.
    last : tuple of Condition
        All must hold for the last liked item of the history.
    some : tuple of Condition
        All must hold for one and the same liked item of the history.
    """

    history: str | None = None
    last: tuple[Condition, ...] = ()
    some: tuple[Condition, ...] = ()

    @classmethod
    def parse(cls, raw: object, where: str) -> "When":
        """Return the part ``when`` of a rule.

        Raises
        ------
        ConfigError
        """
        known = ("history", "last", "some")
        if not isinstance(raw, Mapping) or not set(raw) <= set(known):
            raise ConfigError(f"{where}: 'when' takes the keys {', '.join(known)}; got {raw!r}")
        if raw.get("history", "known") not in _HISTORY:
            raise ConfigError(f"{where}: history is 'empty' or 'known', not {raw['history']!r}")
        return cls(raw.get("history"), _conditions(raw, "last", where), _conditions(raw, "some", where))


@dataclass(frozen=True)
class Rule:
    """Which items to list for which queries.

    Attributes
    ----------
    when : When
        Every query by default.
    items : tuple of str
        A fixed list of item ids, best first; or else:
    where : tuple of Condition
        The items that fulfil all of these,
    sort : str or None
        sorted by this attribute (items without it come last); by the number of users by default,
    descending : bool
        largest first (always so for the number of users),
    limit : int or None
        and this many of them at most.
    """

    when: When
    items: tuple[str, ...]
    where: tuple[Condition, ...]
    sort: str | None
    descending: bool
    limit: int | None

    @classmethod
    def parse(cls, raw: object, where: str) -> "Rule":
        """Return the rule of plain data; ``where`` names it in messages.

        Raises
        ------
        ConfigError
            If a key is unknown or of the wrong kind, or the rule names neither items nor conditions.
        """
        if not isinstance(raw, Mapping) or not set(raw) <= set(_KEYS):
            raise ConfigError(f"{where} takes the keys {', '.join(_KEYS)}; got {raw!r}")
        if ("items" in raw) == ("where" in raw):
            raise ConfigError(f"{where} needs either 'items' (a fixed list) or 'where' (conditions)")
        rule = cls(
            when=When.parse(raw.get("when", {}), where),
            items=_item_ids(raw, where),
            where=_conditions(raw, "where", where),
            sort=raw.get("sort"),
            descending=raw.get("descending", False),
            limit=raw.get("limit"),
        )
        if rule.limit is not None and (type(rule.limit) is not int or rule.limit < 1):
            raise ConfigError(f"{where}: limit is {rule.limit!r}; it must be a whole number of at least 1")
        return rule

    def listed(self, catalogue: Catalogue, users: Int64, where: str) -> Int32:
        """Return the items of the rule, best first: int32[listed].

        Parameters
        ----------
        users : int64[items]
            How many users wanted each item.
        """
        if self.items:
            return self._fixed(catalogue, where)
        found = np.flatnonzero(all_hold(self.where, catalogue, where))
        if self.sort is None:
            order = np.lexsort((found, -users[found]))
        else:
            column = attribute(catalogue, self.sort, where)[found]
            order = column.arg_sort(descending=self.descending, nulls_last=True).to_numpy()
        return found[order][: self.limit].astype(np.int32)

    def _fixed(self, catalogue: Catalogue, where: str) -> Int32:
        codes = catalogue.items.encode(self.items)
        if (codes < 0).any():
            missing = self.items[int(np.argmin(codes))]
            raise ConfigError(f"{where}: the catalogue has no item {missing!r}")
        return codes[: self.limit]


class RuleBased(Retriever):
    """Lists written by hand, and items picked by their attributes.

    Parameters
    ----------
    rules : sequence of mappings
        See the head of this module; earlier rules come first.

    Attributes
    ----------
    users_ : int64[items]
        How many users wanted each item.
    lists_ : list of float32[items]
        Of each rule: minus the place of its items, ``-inf`` for all others.
    last_, some_ : list of bool[items]
        Of each rule: the items that fulfil the conditions of ``when``.

    Raises
    ------
    ConfigError
        If a rule is malformed. Unknown attributes and items are found by `fit`.
    """

    name: str = "rules"
    rules: Sequence[Any] = parameter(default=())
    users_: Int64 = learned()
    lists_: list[Float32] = learned()
    last_: list[Bool] = learned()
    some_: list[Bool] = learned()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._parsed = [Rule.parse(raw, f"rule {place}") for place, raw in enumerate(self.rules, 1)]

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Resolve the rules against the catalogue and return self.

        Raises
        ------
        ConfigError
            If a rule names an attribute or an item that the catalogue does not have.
        """
        liked = interactions.matrix()
        users = np.bincount(liked.indices, minlength=len(catalogue))
        return self._resolve(users, catalogue)

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]: minus an item's place in the lists of the fitting rules, joined."""
        scores = np.full((len(queries), len(self.users_)), -np.inf, dtype=np.float32)
        for place, rule in enumerate(self._parsed):
            fits = self._fits(rule.when, place, queries)
            scores[fits] = np.maximum(scores[fits], self.lists_[place])
        return scores if items is None else scores[:, items]

    @property
    def reason_for_all(self) -> str:
        """The reason for the items of a rule."""
        return "picked by a rule"

    def puts_forward(self, queries: Queries, items: Int32) -> Bool:
        """Return whether a fitting rule lists ``items[q]``: bool[n]."""
        listed = np.zeros(len(queries), dtype=bool)
        for place, rule in enumerate(self._parsed):
            listed |= self._fits(rule.when, place, queries) & np.isfinite(self.lists_[place][items])
        return listed

    def extended(self, catalogue: Catalogue) -> Self:
        """Return the same rules over a larger catalogue: new items that fulfil them are listed."""
        larger = copy.copy(self)
        return larger._resolve(np.pad(self.users_, (0, len(catalogue) - len(self.users_))), catalogue)

    def arrays(self) -> dict[str, Array]:
        """Return how many users wanted each item: what the lists are sorted by."""
        return {"users": self.users_}

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self._resolve(arrays["users"], catalogue)

    def _resolve(self, users: Int64, catalogue: Catalogue) -> Self:
        self.users_ = users
        self.lists_, self.last_, self.some_ = [], [], []
        start = 0
        for place, rule in enumerate(self._parsed, 1):
            where = f"rule {place}"
            listed = rule.listed(catalogue, users, where)
            row = np.full(len(catalogue), -np.inf, dtype=np.float32)
            # Written last to first, so that an item named twice keeps its better place.
            row[listed[::-1]] = -(start + np.arange(len(listed), dtype=np.float32))[::-1]
            start += len(listed)
            self.lists_.append(row)
            self.last_.append(all_hold(rule.when.last, catalogue, where))
            self.some_.append(all_hold(rule.when.some, catalogue, where))
        return self

    def _fits(self, when: When, place: int, queries: Queries) -> Bool:
        """Return which queries a rule is for: bool[n]."""
        liked = queries.keep((queries.weight > 0) & (queries.item < len(self.users_)))
        filled = liked.lengths > 0
        fits = np.ones(len(queries), dtype=bool)
        if when.history is not None:
            fits &= filled == (when.history == "known")
        if when.last:
            last = liked.keep(liked.position == 0)
            fits &= _any(last, self.last_[place])
        if when.some:
            fits &= _any(liked, self.some_[place])
        return fits


def _any(queries: Queries, marked: Bool) -> Bool:
    """Return which histories hold a marked item: bool[n]."""
    return np.bincount(queries.row, marked[queries.item], minlength=len(queries)) > 0


def _item_ids(raw: Mapping[str, Any], where: str) -> tuple[str, ...]:
    listed = raw.get("items", ())
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise ConfigError(f"{where}: 'items' is a list of item ids")
    if not all(isinstance(id_, str) for id_ in listed):
        raise ConfigError(f"{where}: 'items' holds item ids, which are always text")
    return tuple(listed)


def _conditions(raw: Mapping[str, Any], key: str, where: str) -> tuple[Condition, ...]:
    listed = raw.get(key, [])
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise ConfigError(f"{where}: {key!r} is a list of conditions")
    return tuple(Condition.parse(one, where) for one in listed)
