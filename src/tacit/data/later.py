"""Events after those that a model was fitted on, with what their users did before."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tacit.core.types import Bool
from tacit.data.interactions import Interactions
from tacit.data.users import NO_COLUMNS


@dataclass(frozen=True)
class Later:
    """What a model that is brought up to date learns from.

    User codes are those of the fitted log; new users have codes beyond it. Item codes are those of the
    catalogue that the model has now.

    Attributes
    ----------
    events : Interactions
        The later events, by user and time.
    before : Interactions
        All that their users did before, as far as the model has learned from it. Other users may be in it.
    """

    events: Interactions
    before: Interactions

    def within(self, n_items: int) -> "Later":
        """Return the same for a model that knows the first items only."""
        if int(self.events.item.max(initial=-1)) < n_items:
            return self
        return Later(*(log.select(log.item < n_items) for log in (self.events, self.before)))

    @cached_property
    def after(self) -> Interactions:
        """The histories of the users of the later events, with these."""
        return joined(self._known, self.events)

    @cached_property
    def pairs_before(self) -> Interactions:
        """Of what came before, the events of a user on an item that they have a later event on too."""
        return self._known.select(self._again(self._known))

    @cached_property
    def pairs_after(self) -> Interactions:
        """The same with the later events."""
        return joined(self.pairs_before, self.events)

    @cached_property
    def _known(self) -> Interactions:
        return self.before.select(np.isin(self.before.user, self.events.user))

    def _again(self, log: Interactions) -> Bool:
        width = np.int64(max(int(log.item.max(initial=0)), int(self.events.item.max(initial=0))) + 1)
        again: Bool = np.isin(log.user * width + log.item, self.events.user * width + self.events.item)
        return again


def joined(first: Interactions, second: Interactions) -> Interactions:
    """Return the events of two logs of the same codes, by user and time; of equal times the first come first.

    Traits of moments are left out.
    """
    names = ("user", "item", "weight", "at", "kind")
    both: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names
    }
    order = np.lexsort((both["at"], both["user"]))
    columns: dict[str, Any] = {name: column[order] for name, column in both.items()}
    return replace(first, **columns, moment_columns=NO_COLUMNS, moments=first.moments[:0])
