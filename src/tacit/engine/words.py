"""Reasons in words that a person reads."""

from collections.abc import Mapping, Sequence

import polars as pl

from tacit.data.event_names import plain_name
from tacit.pipeline.explain import Reason

_TEXT = "content"
_ABOUT_EVERYBODY = {"trending": "popular now", "rules": "picked by a rule"}
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


def in_words(reasons: Sequence[Reason], titles: pl.Series, kinds: Mapping[int, str]) -> list[str]:
    """Return each reason as a few words.

    Parameters
    ----------
    reasons : sequence of Reason
    titles : polars.Series of str
        By item code.
    kinds : mapping
        Item code of the history: the event type of its last event.
    """
    return [_in_words(reason, titles, kinds) for reason in reasons]


def _in_words(reason: Reason, titles: pl.Series, kinds: Mapping[int, str]) -> str:
    if reason.because < 0:
        return _ABOUT_EVERYBODY.get(reason.source, f"put forward by {reason.source}")
    title = titles[reason.because]
    if reason.source == _TEXT:
        return f"similar in text to {title}"
    return f"because you {_VERB_OF.get(plain_name(kinds.get(reason.because, '')), 'chose')} {title}"
