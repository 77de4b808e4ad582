"""What people with the user's traits choose: lifts of traits, and crosses of traits with labels.

For a trait (`tacit.data.users`) that enough users have, the lift is how much more often than all users they
chose an item, or any item with its label. Neither a user id nor a history is needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from tacit.core.parts import part_of
from tacit.core.types import Array, Float32, Int32, Int64, Json
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries, gather_ranges
from tacit.data.users import UNKNOWN
from tacit.features.labels import Attributes
from tacit.models import csr
from tacit.models.accumulate import Rows

_ENOUGH = 5
"""Users that a trait must have: figures of fewer would be noise and could expose persons."""
_MOST = 500
"""Largest number of traits with lifts: those of most users."""
PRIOR = 10.0
"""Choices added on both sides of a lift, so that few choices give a lift near 1."""
_SLOTS = 3
"""Labels of one column of an item that are crossed."""
_PLACES = 2**24
"""Crosses are numbers below this: a float32 holds them exactly."""


@dataclass(frozen=True)
class People:
    """What was chosen by users with a trait (or at moments with it), and by all users.

    Attributes
    ----------
    columns : tuple of t str
        The attributes of users and of the moment, in the order of a query's traits.
    slots : mapping of label column to int
        How many labels of a column are crossed with each trait.
    traits : int32[v]
        Ascending.
    chosen : csr_array float32[v, items]
        Users with a trait who chose an item.
    labels : int32[l]
        The labels of items by their numbers, ascending.
    by_label : float32[v, l]
        Log-lift of a label among the choices of users with a trait.
    label_weights : csr_array float32[items, l]
        Labels of each item; rows sum to 1, or to 0 if it has no known label.
    item_labels : int32[items, s]
        Labels of each item in the slots of every column, 0 in an empty one.
    everybody : float32[items]
        Users who chose each item, with or without traits.
    """

    columns: tuple[str, ...]
    slots: Mapping[str, int]
    traits: Int32
    chosen: sparse.csr_array
    labels: Int32
    by_label: Float32
    label_weights: sparse.csr_array
    item_labels: Int32
    everybody: Float32

    @classmethod
    def of(cls, interactions: Interactions, attributes: Attributes) -> "People | None":
        """Count the log; None if it has no traits."""
        if not interactions.trait_names:
            return None
        wanted = csr.wanted(interactions, None)
        wanted.data[:] = 1
        traits, chosen = _chosen(interactions, wanted)
        everybody = np.asarray(wanted.sum(axis=0), dtype=np.float32).ravel()
        labels = np.unique(np.concatenate([np.empty(0, np.int32), *attributes.names.values()]))
        weights = _label_weights(attributes, labels, len(everybody))
        of_all = weights.T @ everybody / max(everybody.sum(), 1)
        by_label = _log_lift((chosen @ weights).toarray(), np.outer(_total(chosen), of_all))
        slots = {name: _width(matrix) for name, matrix in attributes.labels.items()}
        return cls(
            columns=interactions.trait_names,
            slots=slots,
            traits=traits,
            chosen=chosen,
            labels=labels,
            by_label=by_label,
            label_weights=weights,
            item_labels=_item_labels(attributes, slots, len(everybody)),
            everybody=everybody,
        )

    def extended(self, attributes: Attributes, n_items: int) -> "People":
        """Return the counts with new items appended, which nobody has chosen yet."""
        return replace(
            self,
            chosen=csr.resized(self.chosen, len(self.traits), n_items),
            label_weights=_label_weights(attributes, self.labels, n_items),
            item_labels=_item_labels(attributes, self.slots, n_items),
            everybody=np.pad(self.everybody, (0, n_items - len(self.everybody))),
        )

    @cached_property
    def total(self) -> Float32:
        """Choices by users with each trait: float32[v]."""
        return _total(self.chosen)

    @cached_property
    def all_choices(self) -> float:
        """Choices by all users."""
        return max(float(self.everybody.sum()), 1)

    @cached_property
    def chosen_rows(self) -> Rows:
        """The counts as plain arrays, items ascending."""
        self.chosen.sort_indices()
        return Rows.of(self.chosen)

    @cached_property
    def label_rows(self) -> Rows:
        """The labels of the items as plain arrays."""
        return Rows.of(self.label_weights)

    @cached_property
    def _cells(self) -> tuple[Int64, Float32]:
        """Trait and item of each count as one ascending number, and the counts; the last is a sentinel."""
        self.chosen.sort_indices()
        row = np.repeat(np.arange(len(self.traits), dtype=np.int64), np.diff(self.chosen.indptr))
        cells = row * len(self.everybody) + self.chosen.indices
        return np.append(cells, np.iinfo(np.int64).max), np.append(self.chosen.data, np.float32(0))

    def rows(self, queries: Queries) -> Int64:
        """Return the place of each trait of each query among the known ones, else -1: int64[n, t]."""
        pairs = self.pairs(queries)
        place = np.searchsorted(self.traits, pairs)
        return np.where(np.append(self.traits, -1)[place] == pairs, place, -1)

    def pairs(self, queries: Queries) -> Int32:
        """Return the traits of queries, all unknown for a query without traits: int32[n, t]."""
        if queries.traits.shape[1]:
            return queries.traits
        return np.full((len(queries), len(self.columns)), UNKNOWN, dtype=np.int32)

    def item_lift(self, row: Int64, item: Int32) -> Float32:
        """Return the log-lift of the item for each trait: float32[pairs, t], NaN if unknown.

        Parameters
        ----------
        row : int64[pairs, t]
            Result of `rows` for the query of each pair.
        item : int32[pairs]
        """
        cells, counts = self._cells
        cell = row * len(self.everybody) + item[:, None]
        place = np.searchsorted(cells, cell)
        count = np.where(cells[place] == cell, counts[place], 0)
        of_all = self.everybody[item] / self.all_choices
        total = np.append(self.total, np.float32(0))[row]  # of -1 the last
        return np.where(row >= 0, _log_lift(count, total * of_all[:, None]), np.float32(np.nan))

    def label_lift(self, row: Int64, item: Int32) -> Float32:
        """Return the mean log-lift of the labels of the item: float32[pairs, t], NaN if unknown."""
        index, offsets = gather_ranges(self.label_weights.indptr, item)
        label, share = self.label_weights.indices[index], self.label_weights.data[index]
        counts, traits = np.diff(offsets), row.shape[1]
        whose = np.repeat(row, counts, axis=0)  # labels of all pairs, t
        values = share[:, None] * self.by_label[whose, label[:, None]]
        cell = np.repeat(np.arange(len(item)) * traits, counts)[:, None] + np.arange(traits)
        total = np.bincount(cell.ravel(), values.ravel(), row.size).reshape(row.shape)
        known = (row >= 0) & (counts > 0)[:, None]
        return np.where(known, total, np.nan).astype(np.float32)

    def spec(self) -> dict[str, Json]:
        """Return everything but the arrays as JSON."""
        return {"columns": list(self.columns), "slots": dict(self.slots)}

    def arrays(self) -> dict[str, Array]:
        """Return the counts as arrays."""
        return {
            "traits": self.traits,
            "labels": self.labels,
            "by_label": self.by_label,
            "everybody": self.everybody,
            **{f"chosen.{name}": array for name, array in csr.parts(self.chosen).items()},
        }

    @classmethod
    def restore(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], attributes: Attributes
    ) -> "People":
        """Rebuild from what `spec` and `arrays` returned and the labels of the catalogue."""
        everybody, labels = arrays["everybody"], arrays["labels"]
        return cls(
            columns=tuple(spec["columns"]),
            slots=spec["slots"],
            traits=arrays["traits"],
            chosen=csr.assembled(part_of(arrays, "chosen", "."), len(everybody)),
            labels=labels,
            by_label=arrays["by_label"],
            label_weights=_label_weights(attributes, labels, len(everybody)),
            item_labels=_item_labels(attributes, spec["slots"], len(everybody)),
            everybody=everybody,
        )


def crossed(trait: Int32, label: Int32) -> Int32:
    """Return one number below 2**24 for a trait and a label, 0 where either is unknown (they broadcast)."""
    left, right = trait.astype(np.uint64), label.astype(np.uint64)
    mixed = (left * np.uint64(0x9E3779B97F4A7C15)) ^ (right * np.uint64(0xC2B2AE3D27D4EB4F))
    mixed ^= mixed >> np.uint64(29)
    place = 1 + (mixed * np.uint64(0x165667B19E3779F9) >> np.uint64(40)) % np.uint64(_PLACES - 1)
    return np.where((trait == UNKNOWN) | (label == UNKNOWN), 0, place).astype(np.int32)


def _chosen(log: Interactions, wanted: sparse.csr_array) -> tuple[Int32, sparse.csr_array]:
    """Return the traits that enough users have, ascending, and how many users with each chose each item."""
    of_users, shared = _shared(log.traits)
    of_moments, at_moments = _at_moments(log)
    traits = np.concatenate([of_users, of_moments])
    order = np.argsort(traits)
    chosen = sparse.csr_array(sparse.vstack([sparse.csr_array(shared.T @ wanted), at_moments], format="csr"))
    return traits[order], chosen[order].astype(np.float32)


def _at_moments(log: Interactions) -> tuple[Int32, sparse.csr_array]:
    """Return the same of the traits of moments."""
    n_items = np.int64(log.n_items)
    liked = np.flatnonzero(log.weight > 0) if len(log.moment_columns) else np.empty(0, dtype=np.int64)
    known = log.moments[liked] if len(liked) else np.zeros((0, 0), dtype=np.int32)
    event, column = np.nonzero(known != UNKNOWN)
    traits, place = np.unique(known[event, column], return_inverse=True)
    user, item = log.user[liked[event]].astype(np.int64), log.item[liked[event]]
    once = np.unique((place * np.int64(log.n_users) + user) * n_items + item)
    users = np.bincount(np.unique(once // n_items) // log.n_users, minlength=len(traits))
    row, column = once // (n_items * log.n_users), once % n_items
    ones = np.ones(len(once), dtype=np.float32)
    chosen = sparse.coo_array((ones, (row, column)), shape=(len(traits), log.n_items)).tocsr()
    kept = np.sort(np.argsort(-users, kind="stable")[:_MOST])
    kept = kept[users[kept] >= _ENOUGH]
    return traits[kept].astype(np.int32), chosen[kept]


def _shared(traits: Int32) -> tuple[Int32, sparse.csr_array]:
    """Return the traits that enough users have, ascending, and who has which: csr_array [users, v]."""
    values, count = np.unique(traits[traits != UNKNOWN], return_counts=True)
    order = np.argsort(-count, kind="stable")[:_MOST]
    kept = np.sort(values[order][count[order] >= _ENOUGH]).astype(np.int32)
    user, column = np.nonzero(np.isin(traits, kept) & (traits != UNKNOWN))
    place = np.searchsorted(kept, traits[user, column])
    ones = np.ones(len(user), dtype=np.float32)
    return kept, sparse.coo_array((ones, (user, place)), shape=(len(traits), len(kept))).tocsr()


def _total(chosen: sparse.csr_array) -> Float32:
    return np.asarray(chosen.sum(axis=1), dtype=np.float32).ravel()


def _log_lift(count: Array, expected: Array) -> Float32:
    return np.asarray(np.log((count + PRIOR) / (expected + PRIOR)), dtype=np.float32)


def _label_weights(attributes: Attributes, labels: Int32, n_items: int) -> sparse.csr_array:
    """Return the weights of the known labels of each item, over all columns: csr_array [items, l]."""
    parts = [(attributes.names[name], matrix.tocoo()) for name, matrix in attributes.labels.items()]
    row = np.concatenate([np.empty(0, np.int64), *(matrix.row for _, matrix in parts)]).astype(np.int64)
    number = np.concatenate([np.empty(0, np.int32), *(names[matrix.col] for names, matrix in parts)])
    share = np.concatenate([np.empty(0, np.float32), *(matrix.data for _, matrix in parts)])
    known = np.isin(number, labels)
    cells = (share[known], (row[known], np.searchsorted(labels, number[known])))
    matrix = sparse.coo_array(cells, shape=(n_items, len(labels))).tocsr()
    total = np.asarray(matrix.sum(axis=1)).ravel()
    matrix.data /= np.repeat(total, np.diff(matrix.indptr)).astype(np.float32)
    return matrix.astype(np.float32)


def _item_labels(attributes: Attributes, slots: Mapping[str, int], n_items: int) -> Int32:
    """Return the first labels of each item in every column: int32[items, s]."""
    parts: list[Int32] = [np.empty((n_items, 0), dtype=np.int32)]
    for name, width in slots.items():
        part = np.zeros((n_items, width), dtype=np.int32)
        if name in attributes.labels:
            matrix = attributes.labels[name]
            row = np.repeat(np.arange(n_items), np.diff(matrix.indptr))
            slot = np.arange(matrix.nnz) - matrix.indptr[row]
            kept = slot < width
            part[row[kept], slot[kept]] = attributes.names[name][matrix.indices[kept]]
        parts.append(part)
    return np.concatenate(parts, axis=1)


def _width(matrix: sparse.csr_array) -> int:
    return min(int(np.diff(matrix.indptr).max(initial=0)), _SLOTS)


def slot_names(slots: Mapping[str, int]) -> Sequence[str]:
    """Return the name of every slot of `People.item_labels`."""
    return [f"{name}_{slot}" for name, width in slots.items() for slot in range(width)]
