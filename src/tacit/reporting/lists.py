"""Recommendation lists as a page: the lists of some users with reasons, and the popular list."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tacit.reporting.page import Section, fragment, page


@dataclass(frozen=True)
class Pick:
    """One recommended item.

    Attributes
    ----------
    title : str
    price : float or None
    category : str or None
    reasons : list of str
        Why it is here, in words.
    """

    title: str
    price: float | None = None
    category: str | None = None
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class Shown:
    """A list for a user or a session.

    Attributes
    ----------
    heading : str
        Who it is for, for example "User u00012".
    picks : sequence of Pick
    history : sequence of str
        Titles of the last events, newest first.
    note : str
        One sentence on what this case shows.
    label : str
        Heading of the list itself.
    """

    heading: str
    picks: Sequence[Pick]
    history: Sequence[str] = field(default_factory=tuple)
    note: str = ""
    label: str = "For this history"


def lists_page(lists: Sequence[Shown], popular: Sequence[Pick]) -> str:
    """Return recommendation lists as one self-contained HTML page."""
    return page(
        "Recommendations", f"{len(lists)} lists beside the popular one", [lists_section(lists, popular)]
    )


def lists_section(lists: Sequence[Shown], popular: Sequence[Pick]) -> Section:
    """Return recommendation lists, each beside the popular list, as a part of a page.

    Parameters
    ----------
    lists : sequence of Shown
    popular : sequence of Pick
        The popular list.
    """
    values = {"lists": lists, "popular": popular}
    return Section("lists", "What people get, and why", fragment("lists.html", values))
