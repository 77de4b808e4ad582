"""Why a list holds no item, in a sentence: the caller could not tell it from a fault."""

from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.engine.state import State
from tacit.pipeline.similar import SimilarKind

_RELATIONS = {"alike": "is like it", "together": "goes together with it", "next": "comes after it"}


def why_no_recommendation(state: State, queries: Queries, ranking: Ranking) -> list[str]:
    """Return why the list of one query is empty; nothing for a list with items.

    Every item that is available and not excluded is in a list that is long enough: there are two reasons.

    Parameters
    ----------
    state : State
    queries : Queries
        One query; what it excludes is its own history.
    ranking : Ranking
    """
    if (ranking.items >= 0).any():
        return []
    available = int(state.catalogue.available.sum())
    if not available or not len(queries.exclude):
        return [f"the list is empty: none of the {len(state.catalogue):,} items is available"]
    return [
        f"the list is empty: the history holds each of the {available:,} items that are available; "
        "allow_seen (--allow-seen) lists them again"
    ]


def why_nothing_related(state: State, code: int, kind: SimilarKind, ranking: Ranking) -> list[str]:
    """Return why the list of items related to one item is empty; nothing for a list with items.

    Parameters
    ----------
    state : State
    code : int
        Of the item.
    kind : {"alike", "together", "next"}
    ranking : Ranking
    """
    if (ranking.items >= 0).any():
        return []
    others = int(state.catalogue.available.sum()) - int(state.catalogue.available[code])
    if not others:
        return ["the list is empty: no other item is available"]
    said = f"the list is empty: of the {others:,} other items that are available the model knows none that "
    lonely = state.pipeline.events_[code] <= 0
    return [said + _RELATIONS[kind] + ("; the item had no event at the fit" if lonely else "")]
