"""What a request or an event names that the model does not know, in sentences: the answer comes anyway."""

from collections.abc import Callable, Sequence
from typing import get_args

from tacit.data.event_names import common_name
from tacit.data.ids import IdRule, apply_id
from tacit.data.vocabulary import Vocabulary
from tacit.engine.requests import Request
from tacit.engine.state import State
from tacit.store.records import Event

POPULAR = "the list is that of a new user"

_NAMED = 3
"""So many unknown ids are named; of others the number is told."""


def unknown_in_request(state: State, request: Request, *, stored: bool) -> list[str]:
    """Return what is unknown in a request.

    Parameters
    ----------
    state : State
    request : Request
        With ids in normal form.
    stored : bool
        Whether the store has events or attributes of the user.
    """
    items = state.catalogue.items
    unknown = request.user_id is not None and not stored and state.user_code(request.user_id) < 0
    if not request.items and not unknown:
        return []
    strange = [id_ for id_ in dict.fromkeys(request.items) if id_ not in items]
    known = len(set(request.items)) - len(strange)
    rest = "the list rests on what else the request says" if known or request.attributes else POPULAR
    said = []
    if request.user_id is not None and unknown:
        hint = _hint(request.user_id, lambda id_: state.user_code(id_) >= 0)
        said.append(f"the user {request.user_id!r} is not known{hint}: {rest}")
    if strange:
        named = ", ".join(f"{id_!r}{_hint(id_, items.__contains__)}" for id_ in strange[:_NAMED])
        more = f" and {len(strange) - _NAMED:,} more" if len(strange) > _NAMED else ""
        said.append(f"not known among the {known + len(strange):,} items of the history: {named}{more}")
        if not known and request.user_id is None and not request.attributes:
            said[-1] += f"; {POPULAR}"
    return said


def unknown_in_events(state: State, events: Sequence[Event]) -> list[tuple[int, str]]:
    """Return what is unknown in events that were stored, with the place of each."""
    items = state.catalogue.items
    kinds = {kind for kind in {event.event for event in events} if _is_unknown(kind, state)}
    said = []
    for place, event in enumerate(events):
        if event.item_id not in items:
            hint = _hint(event.item_id, items.__contains__)
            text = f"the item {event.item_id!r} is not known{hint}: it counts once a model knows the item"
            said.append((place, text))
        if event.event in kinds:
            text = f"the event type {event.event!r} is not known: it counts as a choice of the item"
            said.append((place, text))
    return said


def _is_unknown(kind: str, state: State) -> bool:
    """Return whether an event type is neither in the log nor has a meaning."""
    known = state.snapshot.interactions.kinds
    return common_name(kind) not in known and bool(state.snapshot.weights.events.unknown([kind]))


def _hint(id_: str, is_known: Callable[[str], bool]) -> str:
    """Return that an id is known in another form, if one rule for ids makes it so."""
    forms = {rule: apply_id(id_, (rule,)) for rule in get_args(IdRule)}
    found = [(rule, form) for rule, form in forms.items() if form != id_ and is_known(form)]
    return f" ({found[0][1]!r} is: fit with --ids {found[0][0]})" if found else ""


def unknown_users(users: Vocabulary, ids: Sequence[str]) -> list[str]:
    """Return the ids, each once, of users who are not known."""
    return [id_ for id_ in dict.fromkeys(ids) if id_ not in users]
