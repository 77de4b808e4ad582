"""What an engine tells whoever measures it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tacit.engine.snapshot import Snapshot

StoreState = Literal["none", "ok", "full", "failing"]


@dataclass(frozen=True)
class Figures:
    """What an engine is at this moment.

    Attributes
    ----------
    model : str
        Version of the model.
    items, users : int
    newest : float or None
        Time of the last event that the model was fitted on; None if the log has no times.
    store : {"none", "ok", "full", "failing"}
    behind : int
        Stored events that the models do not follow yet.
    """

    model: str
    items: int
    users: int
    newest: float | None
    store: StoreState
    behind: int = 0


class Meter:
    """Is told what an engine does, by any of its threads; this one forgets it at once."""

    def listed(
        self, snapshot: Snapshot, ids: Sequence[str], *, has_history: bool, degraded: bool = False
    ) -> None:
        """Note a list for somebody, with or without a history that the model knows, or one made in haste."""

    def observed(self, accepted: int, rejected: int) -> None:
        """Note events of a batch."""

    def dropped(self, exposures: int) -> None:
        """Note lists that were shown and are not recorded."""

    def wrote(self, seconds: float, *, failed: bool) -> None:
        """Note a transaction of the store."""
