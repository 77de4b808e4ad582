"""What the name of an event type means: its strength, and whether its value is a rating or a time.

Names are compared without case, spaces and punctuation: ``add_to_cart``, ``Add to Cart`` and ``addtocart``
are one name. A strength runs from -1 (a clear no) over 0 (shown, nothing said) to 1 (bought).
"""

import re

_STRENGTHS: dict[float, str] = {
    1.0: "purchase buy order transaction sale sold conversion subscribe booking book reserve "
    "checkoutcomplete purchased bought ordered transactioncomplete orderplaced paid payment donate",
    0.9: "review rating rate rated ratings reviews star stars score comment",
    0.8: "checkout begincheckout like favorite favourite love upvote thumbsup bookmark save wishlist "
    "addtowishlist addtofavorites addtofavourites follow share repost download install complete "
    "finish finished completed collect liked saved",
    0.7: "cart addtocart basket addtobasket addtobag cartadd atc addcart",
    0.6: "play watch listen read stream played watched listened dwell playback videoplay hours "
    "listening watchtime readtime",
    0.4: "click selectitem select open tap clicked detail clickitem itemclick",
    0.25: "view viewitem pageview productview visit browse browsed detailview viewed itemview pv see",
    0.0: "impression exposure show shown display displayed viewitemlist listview impress search "
    "searchresults",
    -0.3: "skip skipped removefromcart cartremove removefrombasket removedfromcart removefromwishlist unsave",
    -0.6: "return refund returned refunded cancel cancelled canceled unlike unfollow unsubscribe uninstall",
    -1.0: "dislike hide block notinterested thumbsdown downvote report ban hidden disliked blocked "
    "spam never",
}
_STRENGTH_OF = {name: strength for strength, names in _STRENGTHS.items() for name in names.split()}

_RATED = frozenset(_STRENGTHS[0.9].split())
_TIMED = frozenset(_STRENGTHS[0.6].split())
_PLAIN = frozenset({"interaction", "interactions", "interact", "event", "events", "feedback"})

UNKNOWN = 1.0
"""Strength of an unknown name."""


def plain_name(event: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", event.lower())


def strength(event: str) -> float:
    """Return the strength of an event type by its name, 1 where it is unknown."""
    return _STRENGTH_OF.get(plain_name(event), UNKNOWN)


def is_rated(event: str) -> bool:
    """Return whether a value on such an event is a rating."""
    return plain_name(event) in _RATED


def is_timed(event: str) -> bool:
    """Return whether a value on such an event is a time spent (seconds, hours, plays)."""
    return plain_name(event) in _TIMED


def is_plain(event: str) -> bool:
    """Return whether a name says only that something happened."""
    return plain_name(event) in _PLAIN
