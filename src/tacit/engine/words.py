"""Reasons in words."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from tacit.data.event_names import plain_name
from tacit.engine.evidence import Likeness
from tacit.pipeline.explain import Reason
from tacit.pipeline.similar import SimilarKind

_NEAR = 0.4
"""Cosine from which two texts are called similar."""
_OFTEN = 2.0
"""Smallest multiple of what popularity predicts that is called often."""
_PEOPLE = 2
"""Smallest number of users for the words "chosen together"."""
_VERBS = {
    "viewed": "view viewitem pageview productview visit browse detailview pv",
    "clicked": "click tap selectitem clickitem",
    "bought": "purchase buy order transaction paid",
    "put in the cart": "cart addtocart basket addtobasket addtobag",
    "rated": "rating rate rated review stars",
    "liked": "like favorite favourite love upvote thumbsup",
    "saved": "save bookmark wishlist addtowishlist",
    "watched": "watch watched",
    "listened to": "listen listened",
    "played": "play played stream",
    "read": "read",
}
_VERB_OF = {name: verb for verb, names in _VERBS.items() for name in names.split()}


def in_words(reasons: Sequence[Reason], titles: Mapping[int, str], kinds: Mapping[int, str]) -> list[str]:
    """Return each reason as a few words.

    Parameters
    ----------
    reasons : sequence of Reason
    titles : mapping
        Item code to title.
    kinds : mapping
        Item code of the history: the event type of its last event.
    """
    return [_in_words(reason, titles, kinds) for reason in reasons]


def similarity_in_words(likeness: Likeness, kind: SimilarKind) -> list[str]:
    """Return the evidence on a pair of items as a few words, that of the requested kind first."""
    found = {
        "alike": f"chosen together by {likeness.both:,} people" if likeness.both >= _PEOPLE else "",
        "together": "often chosen within a day of it" if likeness.together >= _OFTEN else "",
        "next": "often chosen right after" if likeness.following >= _OFTEN else "",
        "text": "similar in text" if likeness.text >= _NEAR else "",
    }
    first = found.pop(kind)
    return [words for words in (first, *found.values()) if words]


def _in_words(reason: Reason, titles: Mapping[int, str], kinds: Mapping[int, str]) -> str:
    if reason.because < 0:
        return reason.words
    title = titles[reason.because]
    if reason.words:
        return f"{reason.words} {title}"
    return f"because you {_verb(kinds.get(reason.because, ''))} {title}"


@lru_cache(maxsize=4096)
def _verb(kind: str) -> str:
    return _VERB_OF.get(plain_name(kind), "chose")
